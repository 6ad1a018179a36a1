package query

import "math"

// FormatAxis writes the label of an axis tick at v, where ticks are step apart:
// just as many decimals as the step needs, so that neighbours never read the
// same, and the scale of v itself (0, 500 ms, 1.0 s, 1.5 s).
func FormatAxis(name string, v, step float64) string {
	u := unitOf(name)
	if math.IsNaN(v) || math.IsInf(v, 0) || u.kind >= hours { // in words
		return format(u, v, -1)
	}
	if u.kind == clock {
		u.kind = plain
	}
	if u.factor != 0 {
		v, step = v*u.factor, step*u.factor
		u.factor = 0
	}
	step = math.Abs(step)
	if !(step > 0) || math.IsInf(step, 0) {
		return format(u, v, -1)
	}
	if math.Abs(v) < step*1e-6 {
		v = 0
	}
	if v == 0 {
		return format(u, 0, 0)
	}
	f := rounded(math.Abs(v), -1, u)
	if f.science || math.Abs(v) > step*1e9 {
		return format(u, v, -1)
	}
	return format(u, v, stepDecimals(step/f.scale.size))
}

// TickUnit is what round numbers near v are multiples of, in the unit's own values:
// 1024 for KiB, 3600 for hours, 1 where ten is a round number.
func TickUnit(name string, v float64) float64 {
	u := unitOf(name)
	factor := u.factor
	if factor == 0 {
		factor = 1
	}
	if size := u.scaling.at(math.Abs(v) * factor).size; u.scaling == binary || u.scaling == timed && size > 1 {
		return size / factor
	}
	return 1
}

// stepDecimals is how many decimals tell multiples of step apart: those of a
// round step (0.25 has two), and of any other one digit more than its first.
func stepDecimals(step float64) int {
	first := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	for d := first; d <= first+1; d++ {
		p := math.Pow10(d)
		if math.Abs(math.Round(step*p)-step*p) < 1e-6*step*p {
			return min(d, 9)
		}
	}
	return min(first+1, 9)
}
