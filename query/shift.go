package query

import (
	"math"
	"slices"
	"time"
)

// Shift is a moment at which the level of a series changed for good.
type Shift struct {
	At            time.Time // the first value of the new level
	Before, After float64   // the medians
}

// Bounds of shifts: each level lasts for so many values, and differs from the one
// before by so many times the noise and by so large a share.
const (
	leastLevel  = 8
	mostShifts  = 3
	shiftNoise  = 3
	shiftSure   = 0.001
	shiftWorth  = 0.1
	shiftFalse  = 0.01 // of series that only wander, at all of their places together
	shiftPoints = 400
)

// Shifts are the moments at which the level of the values changed, oldest first. A
// slope is none. Pettitt's test finds where they might be, again and again on both
// sides of what it finds; those whose levels do not differ, or that a series which only
// wanders may have, are dropped, and all of them if a line says as much. Source: Pettitt 1979, A non-parametric approach to the
// change-point problem.
func (s Series) Shifts(g Grid) []Shift {
	x, y := s.points(g)
	if len(x) > shiftPoints {
		x, y = Thin(x, y, shiftPoints)
	}
	cuts := worth(y, cutsOf(y, 0, 0))
	if len(cuts) == 0 || len(cuts) > mostShifts || !stepped(y, cuts) {
		return nil
	}
	var list []Shift
	for i, c := range cuts {
		before, after := around(y, cuts, i)
		list = append(list, Shift{At: g.Start.Add(time.Duration(x[c] * float64(time.Second))).UTC(), Before: Median(before), After: Median(after)})
	}
	return list
}

// cutsOf are the indices at which y may fall into levels, in order.
func cutsOf(y []float64, offset, depth int) []int {
	at, sure := pettitt(y)
	if !sure || depth > mostShifts {
		return nil
	}
	cuts := append(cutsOf(y[:at], offset, depth+1), offset+at)
	return append(cuts, cutsOf(y[at:], offset+at, depth+1)...)
}

// pettitt is where y falls most surely into two distributions.
func pettitt(y []float64) (at int, sure bool) {
	n := len(y)
	if n < 2*leastLevel {
		return 0, false
	}
	r := ranks(y)
	u, most := 0.0, 0.0
	for t := range n - 1 {
		u += 2*r[t] - float64(n+1)
		if t+1 >= leastLevel && n-t-1 >= leastLevel && math.Abs(u) > most {
			most, at = math.Abs(u), t+1
		}
	}
	nf := float64(n)
	return at, at > 0 && 2*math.Exp(-6*most*most/(nf*nf*nf+nf*nf)) <= shiftSure
}

// around are the levels before and after a cut.
func around(y []float64, cuts []int, i int) (before, after []float64) {
	from, to := 0, len(y)
	if i > 0 {
		from = cuts[i-1]
	}
	if i+1 < len(cuts) {
		to = cuts[i+1]
	}
	return y[from:cuts[i]], y[cuts[i]:to]
}

// worth are the cuts between levels that differ, by the noise and by their size: the
// weakest of those that do not goes first, for it changes its neighbours' levels.
func worth(y []float64, cuts []int) []int {
	for len(cuts) > 0 {
		weakest, least := -1, 1.0
		noise := wanderAround(y, cuts)
		for i := range cuts {
			before, after := around(y, cuts, i)
			b, a := Median(before), Median(after)
			needed := max(shiftNoise*(spreadAround(before, b)+spreadAround(after, a))/2, shiftWorth*max(math.Abs(b), math.Abs(a)))
			moved := math.Abs(a - b)
			if !abrupt(y, cuts[i], b, a) || !noise.steps(y, cuts[i], len(before), len(after)) {
				moved = 0
			}
			if needed == 0 && moved == 0 || moved < least*needed {
				weakest, least = i, moved/max(needed, math.SmallestNonzeroFloat64)
			}
		}
		if weakest < 0 {
			return cuts
		}
		cuts = slices.Delete(cuts, weakest, weakest+1)
	}
	return nil
}

// abrupt says whether at least half of the way from one level to the other is gone
// within a few values: a wave has levels, too, and moves between them all the time.
func abrupt(y []float64, cut int, before, after float64) bool {
	const few = leastLevel / 2
	step := Median(y[cut:min(cut+few, len(y))]) - Median(y[max(cut-few, 0):cut])
	return step*(after-before) > 0 && math.Abs(step) >= math.Abs(after-before)/2
}

// wanderAround is how the values go about the levels between cuts.
func wanderAround(y []float64, cuts []int) wander {
	rest, from := make([]float64, 0, len(y)), 0
	for _, to := range append(slices.Clone(cuts), len(y)) {
		level := Median(y[from:to])
		for _, v := range y[from:to] {
			rest = append(rest, v-level)
		}
		from = to
	}
	return wanderOf(rest, len(cuts)+1)
}

// steps says whether values that go about like this surely do not come that far within
// a few of them, or do not stay there, at any of the places where they might. Pettitt's
// test takes each value for itself: of series of 60 points that go nowhere and keep 0.95
// of the value before, 24 in 100 had a mark, and 13 of 240 points. Now, of 100 series
// (steps are of that share of a level with noise of a tenth of it):
//
//	                  60 points, which keep     240 points, which keep
//	                  0     0.5   0.8   0.95    0     0.5   0.8   0.95
//	going nowhere     0     0     0     0.4     0     0     0     0
//	two thirds up     100   97    93    100     100   100   100   96
//	a third up        67    39    24    79      85    76    59    66
//
// go test ./query -run TestShiftsCryNoWolf -v shows the rates.
func (w wander) steps(y []float64, cut, before, after int) bool {
	sure := medianWider * quantileOfNormal(1-shiftFalse/float64(4*len(y)))
	for _, n := range []int{leastLevel / 2, len(y)} {
		from, to := cut-min(n, before), cut+min(n, after)
		weights := make([]float64, to-from)
		for i := range weights {
			if weights[i] = 1 / float64(to-cut); from+i < cut {
				weights[i] = -1 / float64(cut-from)
			}
		}
		if math.Abs(Median(y[cut:to])-Median(y[from:cut])) > sure*w.ofSum(weights) {
			return true
		}
	}
	return false
}

// medianWider is how much wider medians of noise scatter than means.
const medianWider = 1.2533

// spreadAround is the median distance from a level.
func spreadAround(y []float64, level float64) float64 {
	far := make([]float64, len(y))
	for i, v := range y {
		far[i] = math.Abs(v - level)
	}
	return Median(far)
}

// stepped says whether levels describe y clearly better than a line does.
func stepped(y []float64, cuts []int) bool {
	steps, from := 0.0, 0
	for _, to := range append(slices.Clone(cuts), len(y)) {
		level := Median(y[from:to])
		for _, v := range y[from:to] {
			steps += math.Abs(v - level)
		}
		from = to
	}
	x := make([]float64, len(y))
	for i := range x {
		x[i] = float64(i)
	}
	tx, ty := Thin(x, y, mostThinned)
	fit, line := TheilSen(tx, ty, trendSure), 0.0
	for i, v := range y {
		line += math.Abs(v - fit.Value(x[i]))
	}
	return steps < 0.8*line
}
