package query

import (
	"math"
	"slices"
)

// Heading is where a series is going.
type Heading string

// The headings. Steady is what is not surely going anywhere.
const (
	Unknown Heading = ""
	Steady  Heading = "steady"
	Rising  Heading = "rising"
	Falling Heading = "falling"
)

// Trend says where a series is going over a window.
type Trend struct {
	Heading Heading
	Change  float64 // over the window, as a share of its level: 0.2 is a fifth more
	Slope   Slope   // a second
	N       int     // values that it was found from, before they were put together
}

// What a trend needs: points, and a change that somebody would call one. The interval
// is wide on purpose: a board has many panels, and each that cries wolf is one too many.
// Fewer points do not tell what goes somewhere from what only wanders.
const (
	leastPoints  = 24
	mostThinned  = 60
	trendSure    = 0.99
	worthTelling = 0.1
)

// Trend says where the values of s on a grid are going.
func (s Series) Trend(g Grid) Trend {
	x, y := s.points(g)
	t := Trend{N: len(x)}
	if len(x) < leastPoints {
		return t
	}
	x, y = Thin(x, y, mostThinned)
	t.Slope, t.Heading = lineOf(x, y), Steady
	t.Change = t.Slope.PerX * (x[len(x)-1] - x[0]) / level(y)
	if t.Slope.Sure() && math.Abs(t.Change) >= worthTelling {
		if t.Heading = Rising; t.Slope.PerX < 0 {
			t.Heading = Falling
		}
	}
	return t
}

// lineOf is the slope of points, with an interval that holds also for what only wanders.
// Kendall's alone, by the lags that are seen to hang together, did not in a few dozen
// points: of series that go nowhere, whose values keep 0.95 of the one before, it called
// 14 in 100 of 60 points a trend, and 8 of 240. Now, of 100 series (those that grow do
// so by that share of a level with noise of a tenth of it):
//
//	                  60 points, which keep     240 points, which keep
//	                  0     0.5   0.8   0.95    0     0.5   0.8   0.95
//	going nowhere     0.2   0.2   0.6   1.1     0.8   0.9   0.6   0.3
//	two thirds more   100   97    52    64      100   100   96    34
//	a third more      100   56    18    18      100   100   57    9
//
// That is the price: what wanders as widely as it grows is not told to grow.
// go test ./query -run TestTrendCriesNoWolf -v shows the rates.
func lineOf(x, y []float64) Slope {
	s := TheilSen(x, y, trendSure)
	if !s.Sure() {
		return s // wider it would say no more, and most panels of a board go nowhere
	}
	rest := make([]float64, len(y))
	for i, v := range y {
		rest[i] = v - s.PerX*x[i]
	}
	off := quantileOfNormal(0.5+trendSure/2) * wanderOf(rest, 2).ofSlope(x)
	s.Low, s.High = min(s.Low, s.PerX-off), max(s.High, s.PerX+off)
	return s
}

// points are the seconds since the grid's start at which there is a value, and it.
func (s Series) points(g Grid) (x, y []float64) {
	x, y = make([]float64, 0, len(s.Values)), make([]float64, 0, len(s.Values))
	for i, v := range s.Values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			x, y = append(x, float64(i)*g.Step.Seconds()), append(y, v)
		}
	}
	return x, y
}

// level is what a change is a share of: how large the values are, or how far apart
// where they lie around zero.
func level(y []float64) float64 {
	size := make([]float64, len(y))
	for i, v := range y {
		size[i] = math.Abs(v)
	}
	l := Median(size)
	if l == 0 {
		l = slices.Max(size)
	}
	if l == 0 {
		return 1
	}
	return l
}

// Word is the heading as people call it, given what is better.
func (t Trend) Word(better Better) string {
	switch {
	case t.Heading == Unknown:
		return ""
	case t.Heading == Steady:
		return "stable"
	case (t.Heading == Rising) == (better == Higher):
		return "improving"
	}
	return "degrading"
}
