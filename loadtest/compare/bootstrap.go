package compare

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	manyDraws = 2000 // the tails of an interval do not move any more
	// block is how many cells are drawn together. Neighbours further apart than that
	// hardly know of each other; in longer runs it grows with the third root of their
	// number (Bühlmann and Künsch 1999).
	block = 5
)

func blockOf(n int) int {
	return min(max(block, int(math.Cbrt(float64(n)))), n)
}

// draw puts together a run as it might have been as well: blocks of each stage, at
// random, as many cells as it has.
func (r run) draw(rng *rand.Rand, t *tally) {
	t.reset()
	for _, cells := range r.stages {
		size := blockOf(len(cells))
		for left := len(cells); left > 0; left -= size {
			from := rng.IntN(len(cells) - size + 1)
			for i := range min(size, left) {
				t.add(&cells[from+i])
			}
		}
	}
}

// interval is between what a figure of the second run may be against the first: ratios,
// of errors differences.
type interval struct{ low, high float64 }

// intervals draws both runs many times and returns for each metric what lies between the
// outer tails of all that came out.
func intervals(base, now run, scale []float64, draws int, rng *rand.Rand) [metricCount]interval {
	var all [metricCount][]float64
	a, b := newTally(len(scale)), newTally(len(scale))
	for range draws {
		base.draw(rng, a)
		now.draw(rng, b)
		fa, fb := base.figures(a, scale), now.figures(b, scale)
		for m := range metricCount {
			all[m] = append(all[m], m.change(fa[m], fb[m]))
		}
	}
	tail := (1 - confidence) / 2
	var out [metricCount]interval
	few := student(min(base.blocks(), now.blocks())-1) / normal
	for m := range metricCount {
		slices.Sort(all[m])
		out[m] = interval{quantile(all[m], tail), quantile(all[m], 1-tail)}.stretch(m, few, 0)
	}
	return out
}

// blocks is how many there are that know nothing of each other.
func (r run) blocks() (n int) {
	for _, cells := range r.stages {
		n += max(len(cells)/blockOf(len(cells)), 1)
	}
	return n
}

// stretch makes an interval longer, by times and then by what is added on both sides, of
// logarithms but for errors. Few blocks know little of how much they differ.
func (i interval) stretch(m metric, times, add float64) interval {
	low, high := m.linear(i.low), m.linear(i.high)
	middle, half := (low+high)/2, math.Hypot((high-low)/2*times, add)
	return interval{m.back(middle - half), m.back(middle + half)}
}

// quantile is of sorted values, between the two nearest (Hyndman and Fan 1996, type 7).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// wider is an interval that also covers what runs of the same plan differ by from one
// another, on a busy day and a quiet one: twice the variance of one run, with Student's
// factor for how few runs there are.
func (i interval) wider(m metric, ofRuns []float64) interval {
	if len(ofRuns) < leastRuns {
		return i
	}
	figures := make([]float64, len(ofRuns))
	for k, v := range ofRuns {
		figures[k] = m.linear(v)
	}
	return i.stretch(m, 1, student(len(figures)-1)*math.Sqrt2*deviation(figures))
}

// leastRuns is from how many earlier runs on their differences say something.
const leastRuns = 3

// student is the 0.975 quantile of Student's distribution, and normal what it comes to.
func student(freedom int) float64 {
	table := []float64{12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09}
	switch {
	case freedom < 1:
		return table[0]
	case freedom <= len(table):
		return table[freedom-1]
	}
	return normal + 2.5/float64(freedom) // within 0.01
}

const normal = 1.96
