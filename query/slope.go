package query

import (
	"math"
	"slices"
)

// Slope is a robust line through points.
type Slope struct {
	PerX      float64 // the median of the slopes of all pairs (Theil–Sen): a third of the points may be wrong
	Low, High float64 // its interval of confidence; infinite where there are too few points for one
	At0       float64 // the line's value at x = 0: the median of what is left
	N         int
}

// Sure says whether the line goes up or down and does not only seem to.
func (s Slope) Sure() bool { return s.N >= 3 && (s.Low > 0 || s.High < 0) }

// Value is the line's at x.
func (s Slope) Value(x float64) float64 { return s.At0 + s.PerX*x }

// TheilSen is the robust slope of y over x, which must rise, with an interval of
// confidence (0.95 leaves out one truth in 20). Neighbouring points that hang
// together, as measurements do, count for fewer than they are: without that the
// interval is far too narrow. It takes time and memory of n² / 2: give it a few
// hundred points (Thin). Sources: Sen 1968, Estimates of the regression coefficient
// based on Kendall's tau; Hamed and Rao 1998, A modified Mann-Kendall trend test for
// autocorrelated data.
func TheilSen(x, y []float64, confidence float64) Slope {
	n := len(x)
	s := Slope{N: n, Low: math.Inf(-1), High: math.Inf(1)}
	if n < 2 {
		if n == 1 {
			s.At0 = y[0]
		}
		return s
	}
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range n {
		for j := i + 1; j < n; j++ {
			if x[j] > x[i] {
				slopes = append(slopes, (y[j]-y[i])/(x[j]-x[i]))
			}
		}
	}
	if len(slopes) == 0 {
		return s
	}
	n2 := len(slopes) / 2
	pick(slopes, n2)
	if s.PerX = slopes[n2]; len(slopes)%2 == 0 {
		s.PerX = s.PerX/2 + slices.Max(slopes[:n2])/2
	}
	rest := make([]float64, n)
	for i := range n {
		rest[i] = y[i] - s.PerX*x[i]
	}
	sorted := ordered(rest)
	s.At0 = middle(sorted)
	spread := quantileOfNormal(0.5+confidence/2) * math.Sqrt(kendallVariance(y)*Together(rest))
	lo := int(math.Floor((float64(len(slopes)) - spread) / 2))
	hi := int(math.Ceil((float64(len(slopes)) + spread) / 2))
	if lo >= 0 && hi < len(slopes) {
		pick(slopes[:n2], lo)
		pick(slopes[n2:], hi-n2)
		s.Low, s.High = slopes[lo], slopes[hi]
	}
	return s
}

// pick puts the value that would be the k-th if list were sorted there, none that is
// greater before it and none that is less after it: three of a thousand slopes are
// wanted, and each panel of a board works them out at every answer. Source: Hoare 1961,
// Algorithm 65, Find.
func pick(list []float64, k int) {
	for len(list) > 1 {
		pivot := list[len(list)/2]
		i, j := 0, len(list)-1
		for i <= j {
			for list[i] < pivot {
				i++
			}
			for list[j] > pivot {
				j--
			}
			if i <= j {
				list[i], list[j] = list[j], list[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			list = list[:j+1]
		case k >= i:
			list, k = list[i:], k-i
		default:
			return
		}
	}
}

// middle is the median of what is sorted.
func middle(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1]/2 + sorted[n/2]/2
}

// Median is that of values, whatever their order; NaN of none.
func Median(values []float64) float64 {
	return middle(ordered(values))
}

// ordered is values, sorted; they stay as they are.
func ordered(values []float64) []float64 {
	list := slices.Clone(values)
	slices.Sort(list)
	return list
}

// kendallVariance is that of Kendall's S of values without a trend, with ties.
func kendallVariance(y []float64) float64 {
	n := float64(len(y))
	v := n * (n - 1) * (2*n + 5)
	sorted := ordered(y)
	for i := 0; i < len(sorted); {
		j := i
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		t := float64(j - i)
		v -= t * (t - 1) * (2*t + 5)
		i = j
	}
	return max(v, 0) / 18
}

// Together is by how much the variance of Kendall's S grows, from 1 on, because
// neighbours hang together: from the autocorrelation of the ranks of what is left when
// the trend is taken away, of which only what is significant counts, up to a quarter of
// the length.
func Together(rest []float64) float64 {
	n := len(rest)
	r := ranks(rest)
	mean, square := float64(n+1)/2, 0.0
	for _, v := range r {
		square += (v - mean) * (v - mean)
	}
	if n < 8 || square == 0 {
		return 1
	}
	nf, factor := float64(n), 1.0
	for k := 1; k <= n/4; k++ {
		sum := 0.0
		for i := range n - k {
			sum += (r[i] - mean) * (r[i+k] - mean)
		}
		rho := sum / square
		if rho < 1.645/math.Sqrt(nf) {
			break // what comes after the first that is none is chance
		}
		kf := float64(k)
		factor += 2 / (nf * (nf - 1) * (nf - 2)) * (nf - kf) * (nf - kf - 1) * (nf - kf - 2) * min(1, rho*(1+4/nf))
	}
	return factor
}

// ranks from 1; equal values share theirs.
func ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return out
}

// quantileOfNormal is that of the standard normal distribution.
func quantileOfNormal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// Thin brings points, whose x grow, down to at most n, each the medians of as many neighbours. What
// has no sample is left out.
func Thin(x, y []float64, n int) (tx, ty []float64) {
	kx, ky := make([]float64, 0, len(x)), make([]float64, 0, len(y))
	for i, v := range y {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			kx, ky = append(kx, x[i]), append(ky, v)
		}
	}
	if len(kx) <= n {
		return kx, ky
	}
	for i := range n {
		a, b := i*len(kx)/n, (i+1)*len(kx)/n
		tx, ty = append(tx, middle(kx[a:b])), append(ty, Median(ky[a:b]))
	}
	return tx, ty
}
