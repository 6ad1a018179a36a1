package capacity

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// What a forecast goes on from, found on months of recorded loads: the last two weeks
// tell better where a usage is than all of its history, and a slope is worth going on
// with only if it would have been before.
const (
	recent     = 14
	worthSlope = 0.9 // of the error without it
	leastCut   = 8   // days: one pair that is a week apart
)

// ahead makes a forecast of the line through the days: from where the usage has been
// lately, with the slope if that counts, and with how far off such forecasts were.
func ahead(m Model, days []Day) Model {
	m.Counted = m.worth(days)
	m.lay(days, m.counted(), recent)
	m.off = m.offs(days)
	return m
}

func (m *Model) counted() float64 {
	if m.Counted {
		return m.Slope
	}
	return 0
}

// of is the forecast of its kind made of these days alone.
func (m *Model) of(days []Day, counted bool) Model {
	f := Model{Log: m.Log, First: days[0].Start, Days: len(days)}
	if counted {
		if slopes := f.slopes(days); len(slopes) > 0 {
			f.Slope, f.Counted = middle(slopes), true
		}
	}
	f.lay(days, f.Slope, recent)
	return f
}

// middle is the median of what is in order.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

// worth says whether going on with the slope would have been clearly better than
// staying, from several days of the history to its end, and better from the last of
// them: a step up long ago is no growth.
func (m *Model) worth(days []Day) bool {
	with, without, lately := 0.0, 0.0, false
	for _, eighths := range []int{4, 5, 6} {
		cut := len(days) * eighths / 8
		if cut < leastCut {
			continue
		}
		goes, stays := m.of(days[:cut], true), m.of(days[:cut], false)
		a, b := 0.0, 0.0
		for _, d := range days[cut:] {
			a += math.Abs(goes.At(d.Start) - d.Value)
			b += math.Abs(stays.At(d.Start) - d.Value)
		}
		with, without, lately = with+a, without+b, a < b
	}
	return lately && with < worthSlope*without
}

// offBy is how far off forecasts were that looked so many days ahead, as the model
// sees values.
type offBy struct{ days, by float64 }

// How far off forecasts were is found from the later half of the history: as many of
// them as are worth their time, each looking ahead for at most a third of it. Nineteen
// in twenty were nearer; the margin is for how few of them there are, and that they are
// of one time. With these the interval held 19 of 20 days of recorded loads
// (docs/capacity.md).
const (
	leastPast   = 10
	mostPast    = 24
	leastErrors = 5
	nearer      = 0.95
	margin      = 1.1
)

// offs are how far off forecasts made of the days so far would have been, by how far
// they looked; looking further is never surer.
func (m *Model) offs(days []Day) (list []offBy) {
	errs := m.pastErrors(days)
	furthest := float64(len(days)) / 3
	for from, to := 1.0, 3.0; from <= furthest; from, to = to+1, 2*to+1 {
		var by []float64
		for _, e := range errs {
			if e.days >= from && e.days <= to {
				by = append(by, e.by)
			}
		}
		if len(by) < leastErrors {
			continue
		}
		slices.Sort(by)
		at := min(len(by)-1, int(math.Ceil(nearer*float64(len(by)+1)))-1)
		o := offBy{days: (from + min(to, furthest)) / 2, by: margin * by[at]}
		if n := len(list); n > 0 {
			o.by = max(o.by, list[n-1].by)
		}
		list = append(list, o)
	}
	return list
}

// pastErrors are those of forecasts that would have been made before.
func (m *Model) pastErrors(days []Day) (errs []offBy) {
	first := max(leastPast, len(days)/2)
	for now := len(days) - 1; now >= first; now -= max(1, (len(days)-first)/mostPast) {
		f, last := m.of(days[:now], m.Counted), days[now-1].Start
		for _, d := range days[now:] {
			n := apart(last, d.Start)
			if 3*n > len(days) {
				break
			}
			errs = append(errs, offBy{float64(n), math.Abs(m.in(d.Value) - m.in(f.At(d.Start)))})
		}
	}
	return errs
}

// reach is how far off a forecast may be that looks so many days ahead. Beyond what
// was tried it grows as an error of the slope does, or, where none is counted, as one
// does that wanders.
func (m *Model) reach(days float64) float64 {
	least := 3 * m.Noise
	n := len(m.off)
	if n == 0 {
		return least * math.Sqrt(1+days/7)
	}
	i, found := slices.BinarySearchFunc(m.off, days, func(o offBy, days float64) int { return cmp.Compare(o.days, days) })
	switch {
	case found || i == 0:
		return max(least, m.off[i].by)
	case i == n:
		further := days / m.off[n-1].days
		if !m.Counted {
			further = math.Sqrt(further)
		}
		return max(least, m.off[n-1].by*further)
	}
	a, b := m.off[i-1], m.off[i]
	return max(least, a.by+(b.by-a.by)*(days-a.days)/(b.days-a.days))
}

// Between is where the value of a day after the last one lies, in 95 of 100: as far
// from what is expected as forecasts of the history's own days were off, and as far as
// the interval of the slope goes. Where the days cannot tell one kind of growth from
// the other it is what either says.
func (m *Model) Between(t, last time.Time) (low, high float64) {
	low, high = m.between(t, last)
	if m.Or != nil {
		l, h := m.Or.between(t, last)
		low, high = min(low, l), max(high, h)
	}
	return low, high
}

func (m *Model) between(t, last time.Time) (low, high float64) {
	days := max(0, float64(apart(last, t)))
	at, off := m.line(t), m.reach(days)
	low, high = at-off, at+off
	if !math.IsInf(m.Low, 0) {
		low, high = min(low, m.line(last)+m.Low*days), max(high, m.line(last)+m.High*days)
	}
	week := m.Week[t.UTC().Weekday()]
	return m.out(low + week), m.out(high + week)
}

// Exhaustion is when a usage meets its limit.
type Exhaustion struct {
	Expected time.Time // zero: not within Horizon
	Earliest time.Time // by the upper end of the interval
	Latest   time.Time // by the lower one; zero: perhaps never
	Already  bool      // it is beyond the limit now
}

// Horizon is how far a forecast looks: beyond it nobody knows.
const Horizon = 3 * 365 * 24 * time.Hour

// Meets is when the value is at the limit for the first time after the last day of the
// history.
func (m *Model) Meets(limit float64, last time.Time) (e Exhaustion) {
	e.Already = m.At(last) >= limit
	for t := last; t.Before(last.Add(Horizon)); t = t.Add(24 * time.Hour) {
		low, high := m.Between(t, last)
		if e.Earliest.IsZero() && high >= limit {
			e.Earliest = t
		}
		if e.Expected.IsZero() && m.At(t) >= limit {
			e.Expected = t
		}
		if low >= limit {
			e.Latest = t
			break
		}
	}
	return e
}
