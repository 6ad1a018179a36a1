package embedded

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// span is a stretch of time; one without an end goes on.
type span struct{ from, to time.Time }

// overlap is how much of [from, to] lies in the span.
func (s span) overlap(from, to time.Time) time.Duration {
	if s.from.After(from) {
		from = s.from
	}
	if !s.to.IsZero() && s.to.Before(to) {
		to = s.to
	}
	return max(to.Sub(from), 0)
}

// outage is a time in which the server had nothing, and what was scraped here
// meanwhile, or by an earlier process.
type outage struct {
	gap      span   // of the server's samples; without a from there turned out to be none
	direct   []span // recorded, in order; the last may go on
	recalled bool   // of another process, and not compared with the server's samples yet
}

// open has a stretch begin at a time, if none goes on.
func (o *outage) open(from time.Time) {
	if n := len(o.direct); n == 0 || !o.direct[n-1].to.IsZero() {
		o.direct = append(o.direct, span{from: from})
	}
}

// shut ends the stretch that goes on.
func (o *outage) shut(at time.Time) {
	if n := len(o.direct); n > 0 && o.direct[n-1].to.IsZero() {
		o.direct[n-1].to = at
	}
}

// reaches says that something was recorded after a time.
func (o outage) reaches(t time.Time) bool {
	n := len(o.direct)
	return n > 0 && (o.direct[n-1].to.IsZero() || o.direct[n-1].to.After(t))
}

// known is how much of [from, to] was recorded.
func (o outage) known(from, to time.Time) (all time.Duration) {
	for _, s := range o.direct {
		all += s.overlap(from, to)
	}
	return all
}

// prefersDirect decides which side a point comes from that looks back over window:
// the one that knows more of it. Both are wrong while their window fills, so neither
// is believed for being back, or for being there.
func (o outage) prefersDirect(t time.Time, window time.Duration) bool {
	if o.gap.from.IsZero() || !t.After(o.gap.from) {
		return false
	}
	from := t.Add(-window)
	return o.known(from, t) > window-o.gap.overlap(from, t)
}

// blend takes from the directly scraped frame the points at which it knows more. It
// returns how many of them there are. Series that were not reached directly stay what
// the server says, or said last.
func blend(server, direct query.Frame, outages []outage, window time.Duration) (query.Frame, int) {
	g := server.Grid
	var from []int // points that are taken from direct
	for i := range g.N {
		if slices.ContainsFunc(outages, func(o outage) bool { return o.prefersDirect(g.Time(i), window) }) {
			from = append(from, i)
		}
	}
	if len(from) == 0 {
		return server, 0
	}
	known := map[string]int{}
	for i, s := range server.Series {
		known[s.Labels.String()] = i
	}
	out := server
	out.Series = slices.Clone(server.Series)
	taken := 0
	for _, d := range direct.Series {
		i, ok := known[d.Labels.String()]
		if !ok {
			blank := slices.Repeat([]float64{query.Absent()}, g.N)
			i = len(out.Series)
			out.Series = append(out.Series, query.Series{Labels: d.Labels, Expr: d.Expr, Values: blank})
		}
		one := &out.Series[i]
		one.Values, one.Histograms = slices.Clone(one.Values), slices.Clone(one.Histograms) // those of a frame are shared
		for _, at := range from {
			one.Take(at, &d, at)
			if d.Knows(at) {
				taken++
			}
		}
		if from[len(from)-1] == g.N-1 {
			out.Series[i].Now = query.Point{} // of the server, which does not know
		}
	}
	out.Series = slices.DeleteFunc(out.Series, func(s query.Series) bool {
		return s.Empty()
	})
	slices.SortFunc(out.Series, func(a, b query.Series) int { return query.CompareLabels(a.Labels, b.Labels) })
	return out, taken
}

// moved is a frame on another grid of the same step: points that it does not have are
// absent.
func moved(f query.Frame, g query.Grid) query.Frame {
	out := query.Frame{Grid: g, At: f.At}
	if f.Grid.Step != g.Step {
		return out
	}
	shift := f.Grid.Index(g.Start)
	for _, s := range f.Series {
		was := s
		s.Values, s.Histograms, s.Now = slices.Repeat([]float64{query.Absent()}, g.N), nil, query.Point{}
		for i := range g.N {
			if j := i + shift; j >= 0 && j < len(was.Values) {
				s.Take(i, &was, j)
			}
		}
		out.Series = append(out.Series, s)
	}
	return out
}

// gapIn finds the last stretch in which a series of presence has nothing, given how
// far each of its points looks back. A stretch that goes on has no end. ok is false
// if nothing is missing.
func gapIn(f query.Frame, window time.Duration) (gap span, ok bool) {
	if len(f.Series) == 0 {
		return span{}, false
	}
	v := f.Series[0].Values
	for i := len(v) - 1; i >= 0; i-- {
		missing := query.IsAbsent(v[i]) || math.IsNaN(v[i])
		switch {
		case missing && !ok:
			ok = true
			if i+1 < len(v) {
				gap.to = f.Grid.Time(i + 1)
			}
		case !missing && ok:
			gap.from = f.Grid.Time(i + 1).Add(-window)
			return gap, true
		}
	}
	gap.from = f.Grid.Start
	return gap, ok
}

// fill is how full the window of an expression is, for a person.
func fillText(share float64) string {
	return fmt.Sprintf("window %d %% full", int(100*share))
}
