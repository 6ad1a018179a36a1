package query

import "time"

// Prometheus refuses a range query for more points than this per series.
const maxPoints = 11_000

// Grid is the time axis of a range query: N points, Step apart, on multiples
// of Step since the Unix epoch. The value of a PromQL expression at a grid
// point does not depend on the window it is asked in, so a chart whose window
// slides by whole steps does not shimmer, and answers can be joined.
type Grid struct {
	Start time.Time
	Step  time.Duration
	N     int
}

// Time is the time of point i, in UTC.
func (g Grid) Time(i int) time.Time { return g.Start.Add(time.Duration(i) * g.Step) }

// End is the time of the last point; the zero Grid has none and answers Start.
func (g Grid) End() time.Time { return g.Time(max(0, g.N-1)) }

// Span is the time between the first point and the last.
func (g Grid) Span() time.Duration { return g.End().Sub(g.Start) }

// Index is the point at or before t; before the first it is negative and after
// the last it is at least N.
func (g Grid) Index(t time.Time) int {
	if g.Step <= 0 {
		return -1
	}
	d := t.Sub(g.Start)
	if d < 0 {
		return int((d - g.Step + 1) / g.Step)
	}
	return int(d / g.Step)
}

// ladder holds the steps in seconds. Each divides the next, so that a coarser
// answer can be thinned from a finer one.
func ladder() [14]int64 {
	return [...]int64{1, 5, 15, 30, 60, 120, 240, 720, 3600, 7200, 14400, 43200, 86400, 604800}
}

// Align is the grid for a chart of the given width: the finest step of the
// ladder (1 5 15 30 60 120 240 720 3600 s, then 2 h to 1 week) with at most
// columns steps in span, and a last point at or before end. A chart that draws
// two dots in a column asks for twice its columns. Columns of 0 mean 240; a
// span below one step is one step.
func Align(end time.Time, span time.Duration, columns int) Grid {
	if columns <= 0 {
		columns = 240
	}
	columns = min(columns, maxPoints-1)
	seconds := max(1, int64((span+time.Second-1)/time.Second))
	steps := ladder()
	step := steps[len(steps)-1]
	for _, s := range steps {
		if (seconds+s-1)/s <= int64(columns) {
			step = s
			break
		}
	}
	n := min((seconds+step-1)/step, maxPoints-1)
	last := floor(end.Unix(), step)
	return Grid{
		Start: time.Unix(last-n*step, 0).UTC(),
		Step:  time.Duration(step) * time.Second,
		N:     int(n) + 1,
	}
}

// alignLeast is Align with a step that is not finer than least.
func alignLeast(end time.Time, span time.Duration, columns int, least time.Duration) Grid {
	g := Align(end, span, columns)
	if least <= g.Step {
		return g
	}
	return Steps(end.Add(-span), end, least)
}

// Steps is the grid from start to end with a step of the caller's choice, for
// `sitrep query --step`; start and end are floored to the step. Steps below
// 1 ms are 1 ms, and no more points are asked than a server answers.
func Steps(start, end time.Time, step time.Duration) Grid {
	ms := max(1, step.Milliseconds())
	first, last := floor(start.UnixMilli(), ms), floor(end.UnixMilli(), ms)
	n := min(max(0, (last-first)/ms), maxPoints-1)
	return Grid{Start: time.UnixMilli(last - n*ms).UTC(), Step: time.Duration(ms) * time.Millisecond, N: int(n) + 1}
}

func floor(v, step int64) int64 {
	r := v % step
	if r < 0 {
		r += step
	}
	return v - r
}
