package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Past is a stretch of time to look at a board in; the zero End is now.
type Past struct {
	Span    time.Duration
	Columns int // at most so many values a series, see Align; 0 = 240
	End     time.Time
	Scrape  time.Duration // see Poller
	Sources Sources       // see Poller
	Values  Values        // of the board's variables
}

// Look asks every query of a board once about the past and returns what is known
// when all have answered or ctx has ended: as Poll, but of another time.
func Look(ctx context.Context, source Source, board *Board, past Past, now time.Time) *Snapshot {
	p := &Poller{Source: source, Sources: past.Sources, Board: board, Now: func() time.Time { return now }, Scrape: past.Scrape}
	p.SetValues(past.Values)
	p.SetWindow(past.Span, past.Columns, past.End)
	return p.once(ctx)
}

// once is a poller's first round.
func (p *Poller) once(ctx context.Context) (last *Snapshot) {
	p.Report = func(s *Snapshot) { last = s }
	r := p.newRun()
	r.turn(ctx)
	r.workers.Wait()
	return last
}

// Reading says how much of a board was answered.
type Reading struct {
	Down   error    // why, if no query was answered at all
	Later  bool     // some were not, and may be if they are asked again
	Unread []string // panels that were not answered, and why
	Series int      // in all panels
}

// Reading judges the answers of one round.
func (s *Snapshot) Reading() Reading {
	var r Reading
	answered := false
	for i := range s.Board.Panels {
		d := &s.Panels[i]
		r.Series += len(d.Frame.Series)
		err := d.Err
		switch {
		case err == nil && d.At.IsZero():
			err = errors.New("no answer in time")
			r.Later = true
		case err == nil:
			answered = true
			continue
		case silent(err):
			r.Later = true
		default:
			answered = true // the server minds this query, and will again
		}
		r.Down = cmp.Or(r.Down, err)
		r.Unread = append(r.Unread, fmt.Sprintf("%s: %v", s.Board.Panels[i].Title, err))
	}
	if answered {
		r.Down = nil
	}
	return r
}

// mostKept is how many series of a panel are kept: more than a person tells apart.
const mostKept = 200

// Pack is the snapshot as at most limit bytes, and in words what it took for that:
// of a panel with very many series the worst stay, and from the end of the board
// panels lose their series that are no signals. Nothing is nil: not even the board
// without any series fits.
func (s *Snapshot) Pack(limit int) (body []byte, leftOut []string, err error) {
	kept := *s
	kept.Panels = slices.Clone(s.Panels)
	for i := range kept.Panels {
		p, d := &s.Board.Panels[i], &kept.Panels[i]
		if n := len(d.Frame.Series); n > mostKept {
			d.Frame.Series = p.worstOf(d.Frame.Series, mostKept)
			leftOut = append(leftOut, fmt.Sprintf("%s: the worst %d of %d series", p.Title, mostKept, n))
		}
	}
	order := make([]int, 0, len(s.Board.Panels)) // the last is the first to go
	for _, signal := range []bool{true, false} {
		for i := range s.Board.Panels {
			if s.Board.Panels[i].Signal == signal {
				order = append(order, i)
			}
		}
	}
	// The number of panels that fit is found by halves: one encoding takes
	// milliseconds, a hundred of them would not.
	fits := func(n int) bool {
		less := kept
		less.Panels = slices.Clone(kept.Panels)
		for _, i := range order[n:] {
			less.Panels[i].Frame.Series = nil
		}
		var one []byte
		if one, err = less.Encode(); err != nil || len(one) > limit {
			return false
		}
		body = one
		return true
	}
	if fits(len(order)) {
		return body, leftOut, nil
	}
	lo, hi := -1, len(order)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; fits(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	for _, i := range order[max(lo, 0):] {
		if n := len(kept.Panels[i].Frame.Series); n > 0 {
			leftOut = append(leftOut, fmt.Sprintf("%s: all of %d series, for want of room", s.Board.Panels[i].Title, n))
		}
	}
	if lo < 0 {
		return nil, leftOut, err // Encode's reason, if that and not the limit was it
	}
	fits(lo)
	return body, leftOut, nil
}

// worstOf is the n series with the worst values, in the order in which they are.
func (p *Panel) worstOf(all []Series, n int) []Series {
	worst := make([]float64, len(all))
	by := make([]int, len(all))
	for i, series := range all {
		worst[i], _ = p.peak(series.Values)
		by[i] = i
	}
	slices.SortStableFunc(by, func(a, b int) int {
		switch {
		case math.IsNaN(worst[a]) || math.IsNaN(worst[b]):
			return boolOrder(math.IsNaN(worst[a]), math.IsNaN(worst[b]))
		case p.worse(worst[a], worst[b]):
			return -1
		case p.worse(worst[b], worst[a]):
			return 1
		}
		return 0
	})
	by = by[:n]
	slices.Sort(by)
	out := make([]Series, n)
	for i, j := range by {
		out[i] = all[j]
	}
	return out
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// peak is the worst finite value and the first place that has it; Absent and -1 if
// there is none.
func (p *Panel) peak(values []float64) (float64, int) {
	v, at := Absent(), -1
	for i, x := range values {
		if !math.IsNaN(x) && !math.IsInf(x, 0) && (at < 0 || p.worse(x, v)) {
			v, at = x, i
		}
	}
	return v, at
}

// Course is what a panel did in the window: its worst value, and from when until
// when it was beyond the threshold that it reached, or the next if none. Moments are
// those of grid points; they are zero where there is none.
type Course struct {
	Name, Unit string
	Query      string // PromQL as it was sent
	Series     string // the legend of the one with the worst value
	Step       time.Duration
	Higher     bool     // higher is better
	Peak       float64  // Absent without any finite value
	Threshold  *float64 // nil = the panel has none
	State      State    // of the peak
	PeakAt     time.Time
	FirstOut   time.Time // the first value of any series that is beyond
	LastOut    time.Time
}

// Courses are those of the panels that are marked as signals, in the board's order.
func Courses(s *Snapshot) []Course {
	var all []Course
	for i := range s.Board.Panels {
		if p := &s.Board.Panels[i]; p.Signal {
			all = append(all, p.course(&s.Panels[i].Frame))
		}
	}
	return all
}

func (p *Panel) course(f *Frame) Course {
	c := Course{
		Name: p.Title, Unit: p.Unit, Query: p.Queries[0].Expr, Step: f.Grid.Step, Higher: p.Better == Higher,
		Peak: Absent(), State: NoData,
	}
	for _, series := range f.Series {
		v, at := p.peak(series.Values)
		if at < 0 || c.State != NoData && !p.worse(v, c.Peak) {
			continue
		}
		c.Peak, c.PeakAt, c.Series, c.Query = v, f.Grid.Time(at), series.Legend, cmp.Or(series.Expr, c.Query)
		c.State, _ = p.Judge(v)
	}
	state, line := p.Judge(c.Peak)
	if line == nil {
		return c
	}
	c.Threshold = &line.Value
	if state == OK {
		return c
	}
	first, last := f.Grid.N, -1
	for _, series := range f.Series {
		for i, v := range series.Values {
			if !math.IsNaN(v) && p.reached(v, line.Value) {
				first, last = min(first, i), max(last, i)
			}
		}
	}
	c.FirstOut, c.LastOut = f.Grid.Time(first), f.Grid.Time(last)
	return c
}
