package query

import "math"

// wander is how values go about what describes them, as an autoregression of the first
// order: each keeps a share of how far off the one before was, and adds a step of its
// own. Measurements do: a queue that is long now is still long in a moment, and what
// only wanders looks like a trend, and like a new level, for a while.
type wander struct {
	keeps float64 // 0: each for itself; 1: they never come back
	step  float64 // standard deviation of what each adds
}

// wanderOf finds it in what is left of values, in their order, after so many levels or
// ends of a line were fitted to them: for each of these there are eight or more. What is
// fitted hides that values hang together: that is put back (Kendall 1954, Note on bias in
// the estimation of autocorrelation), and as much as it may be off is added, for too
// little of it cries wolf. Ranks and medians keep out what is wrong.
func wanderOf(rest []float64, fitted int) wander {
	n, f := float64(len(rest)), float64(fitted)
	r, mean := ranks(rest), (n+1)/2
	both, square := 0.0, 0.0
	for i, v := range r[1:] {
		both += (v - mean) * (r[i] - mean)
		square += (r[i] - mean) * (r[i] - mean)
	}
	var w wander
	if square > 0 {
		w.keeps = 2 * math.Sin(math.Pi/6*both/square) // of ranks to of values, of normal ones
	}
	w.keeps = min(1, (n*w.keeps+f)/(n-3*f))
	w.keeps += (1 + 24/n) * math.Sqrt(max(0, 1-w.keeps*w.keeps)/n)
	w.keeps = max(0, min(1, w.keeps))
	steps := make([]float64, len(rest)-1)
	for i := range steps {
		steps[i] = rest[i+1] - w.keeps*rest[i]
	}
	const deviation = 1.4826 // of normal values, as a multiple of their median distance
	w.step = deviation * spreadAround(steps, Median(steps)) * math.Sqrt(n/(n-f-1))
	return w
}

// ofSum is the standard deviation of the sum of values by these weights, which add up
// to nothing: so only the covariances less the variance of one value count, which are
// finite however much the values keep. It takes time of n² / 2.
func (w wander) ofSum(weights []float64) float64 {
	sum, apart, kept := 0.0, 0.0, 1.0
	for k := 1; k < len(weights); k++ {
		apart, kept = apart+kept, kept*w.keeps
		both := 0.0
		for i, v := range weights[k:] {
			both += v * weights[i]
		}
		sum -= both * apart
	}
	return w.step * math.Sqrt(max(0, 2*sum/(1+w.keeps)))
}

// ofSlope is that of the slope of a line through values at x.
func (w wander) ofSlope(x []float64) float64 {
	mean, square := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	weights := make([]float64, len(x))
	for i, v := range x {
		weights[i] = v - mean
		square += weights[i] * weights[i]
	}
	return w.ofSum(weights) / square
}
