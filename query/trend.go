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
const (
	leastPoints  = 12
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
	t.Slope, t.Heading = TheilSen(x, y, trendSure), Steady
	t.Change = t.Slope.PerX * (x[len(x)-1] - x[0]) / level(y)
	if t.Slope.Sure() && math.Abs(t.Change) >= worthTelling {
		if t.Heading = Rising; t.Slope.PerX < 0 {
			t.Heading = Falling
		}
	}
	return t
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
