package plot

import "math"

// Scale maps values to the unit interval: Lo to 0, Hi to 1.
type Scale struct {
	Lo, Hi float64
	Log    bool // logarithmic; Lo must be above zero
}

// At is where v lies, 0 at Lo and 1 at Hi, outside of that beyond the ends. It
// is NaN where v cannot be shown: NaN, infinities, and zero and below on a
// logarithmic scale.
func (s Scale) At(v float64) float64 {
	if !finite(v) || s.Log && v <= 0 {
		return math.NaN()
	}
	lo, hi := s.Lo, s.Hi
	if s.Log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	if hi == lo {
		return 0
	}
	return v/(hi-lo) - lo/(hi-lo)
}

// Range is the lowest and the highest finite value; ok is false if there is none.
func Range(values []float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v < lo && v >= -math.MaxFloat64 {
			lo = v
		}
		if v > hi && v <= math.MaxFloat64 {
			hi = v
		}
	}
	return lo, hi, lo <= hi
}

// LowestPositive is the lowest finite value above zero, for logarithmic scales.
func LowestPositive(values []float64) (float64, bool) {
	lowest := math.Inf(1)
	for _, v := range values {
		if v > 0 && v < lowest {
			lowest = v
		}
	}
	return lowest, !math.IsInf(lowest, 1)
}

// Last is the newest finite value and its index; -1 if there is none.
func Last(values []float64) (float64, int) {
	for i := len(values) - 1; i >= 0; i-- {
		if finite(values[i]) {
			return values[i], i
		}
	}
	return math.NaN(), -1
}

// Direction is where a series is heading.
type Direction int8

// The directions.
const (
	Falling Direction = -1
	Steady  Direction = 0
	Rising  Direction = 1
)

// Trend compares the mean of the newest eighth of values with that of the
// eighth before it. A difference below a twentieth of the range of all values
// is Steady: noise has no direction.
func Trend(values []float64) Direction {
	lo, hi, ok := Range(values)
	n := max(len(values)/8, 1)
	if !ok || len(values) < 2*n {
		return Steady
	}
	now, nowOK := Mean(values[len(values)-n:])
	then, thenOK := Mean(values[len(values)-2*n : len(values)-n])
	difference, noise := now/20-then/20, (hi/20-lo/20)/20 // divided first: the range may exceed a float
	switch {
	case !nowOK || !thenOK || lo == hi:
		return Steady
	case difference > noise:
		return Rising
	case difference < -noise:
		return Falling
	}
	return Steady
}

// Mean is the mean of the finite values; ok is false if there is none.
func Mean(values []float64) (mean float64, ok bool) {
	n := 0
	for _, v := range values {
		if finite(v) {
			n++
			mean += (v - mean) / float64(n) // running, so that the sum cannot overflow
		}
	}
	return mean, n > 0 && finite(mean)
}
