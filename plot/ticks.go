// Package plot is the arithmetic of charts, without a screen: where ticks stand,
// which values meet in one column, how a number is written in six characters.
// Terminal, HTML and PNG charts are laid out by the same functions, so the same
// data looks the same everywhere. Everything here is pure.
package plot

import "math"

// niceSteps are the mantissas that people count in.
var niceSteps = [...]float64{1, 2, 2.5, 5}

// Axis rounds lo..hi outwards to round numbers and gives the at most n round
// ticks from niceLo to niceHi, evenly spaced; there are at least two, unless n
// is below 2. Bounds that are not finite or in the wrong order are mended: an
// axis always has an extent.
func Axis(lo, hi float64, n int) (niceLo, niceHi float64, ticks []float64) {
	lo, hi = extent(lo, hi)
	n = max(n, 2)
	step, first, last := axisStep(lo, hi, n)
	if step == 0 {
		return lo, hi, []float64{lo, hi}
	}
	for i := first; i <= last; i++ {
		ticks = append(ticks, multiple(i, step))
	}
	return ticks[0], ticks[len(ticks)-1], ticks
}

// Ticks are the at most n round numbers inside lo..hi, in order. It may be
// none, when no round number lies inside.
func Ticks(lo, hi float64, n int) []float64 {
	if n < 1 || !finite(lo) || !finite(hi) || hi < lo {
		return nil
	}
	var inside []float64
	for outer := n + 2; outer >= 2; outer-- { // bounds that are round numbers are ticks too
		_, _, all := Axis(lo, hi, outer)
		inside = inside[:0]
		for _, t := range all {
			if t >= lo && t <= hi {
				inside = append(inside, t)
			}
		}
		if len(inside) <= n {
			return inside
		}
	}
	return inside[:n]
}

// axisStep is the smallest round step of which at most n multiples cover
// lo..hi, and the first and last of them; 0 where numbers are too close
// together to be counted.
func axisStep(lo, hi float64, n int) (step float64, first, last int64) {
	span := hi - lo
	exponent := math.Floor(math.Log10(span/float64(n))) - 1
	for range 4 {
		for _, m := range niceSteps {
			step = m * math.Pow(10, exponent)
			a, b := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
			if !finite(step) || step == 0 || math.Abs(a) > 1e14 || math.Abs(b) > 1e14 {
				continue
			}
			if a == b {
				b++
			}
			if b-a < float64(n) {
				return step, int64(a), int64(b)
			}
		}
		exponent++
	}
	return 0, 0, 0
}

// multiple is i*step without the dust of binary fractions (0.30000000000000004).
func multiple(i int64, step float64) float64 {
	if inverse := math.Round(1 / step); step < 1 && math.Abs(inverse*step-1) < 1e-12 {
		return float64(i) / inverse
	}
	return float64(i) * step
}

// extent mends bounds: an axis of one value gets room on both sides, one of
// nothing is 0 to 1.
func extent(lo, hi float64) (float64, float64) {
	const limit = math.MaxFloat64 / 1e4 // so that hi-lo and rounding outwards stay finite
	if !finite(lo) || !finite(hi) || hi < lo {
		return 0, 1
	}
	lo, hi = min(max(lo, -limit), limit), min(max(hi, -limit), limit)
	if hi-lo > 1e-300 {
		return lo, hi
	}
	if room := math.Abs(lo) / 10; room > 1e-300 {
		return lo - room, hi + room
	}
	return 0, 1
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// LogTicks are powers of ten inside lo..hi, at most n of them, with 2 and 5 in
// between where there is room. Bounds must be above zero, else there are none.
func LogTicks(lo, hi float64, n int) []float64 {
	if n < 1 || lo <= 0 || hi < lo || !finite(hi) {
		return nil
	}
	first, last := int(math.Floor(math.Log10(lo))), int(math.Ceil(math.Log10(hi)))
	if ticks := decades(lo, hi, first, last, 1, []float64{1, 2, 5}); len(ticks) <= n {
		return ticks
	}
	for every := 1; ; every++ {
		if ticks := decades(lo, hi, first, last, every, []float64{1}); len(ticks) <= n {
			return ticks
		}
	}
}

func decades(lo, hi float64, first, last, every int, mantissas []float64) []float64 {
	var out []float64
	for e := first - mod(first, every); e <= last; e += every {
		for _, m := range mantissas {
			if v := m * math.Pow(10, float64(e)); v >= lo && v <= hi {
				out = append(out, v)
			}
		}
	}
	return out
}

// BinaryTicks are powers of two inside lo..hi, at most n of them. Bounds must be
// above zero, else there are none.
func BinaryTicks(lo, hi float64, n int) []float64 {
	if n < 1 || !(lo > 0) || hi < lo || !finite(hi) {
		return nil
	}
	first, last := int(math.Ceil(math.Log2(lo))), int(math.Floor(math.Log2(hi)))
	var out []float64
	for e, every := first, (last-first)/n+1; e <= last; e += every {
		out = append(out, math.Ldexp(1, e))
	}
	return out
}

func mod(a, b int) int { return (a%b + b) % b }
