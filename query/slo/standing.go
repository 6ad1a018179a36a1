package slo

import (
	"math"
	"slices"
	"time"
)

// Standing is how an objective stands at a time.
type Standing struct {
	At         time.Time
	Start, End time.Time // of its window
	Count      Count     // within it, up to At
	SLI        float64   // the share of good events; 1 without any
	Known      float64   // the share of the window up to At that anything is known of

	Left        float64       // of the budget: 1 nothing is spent, 0 all, below 0 more than all
	LeftEvents  float64       // bad events that may still happen
	LeftTime    time.Duration // of everything failing
	Rate        float64       // the burn rate of the last hour
	Gone        time.Duration // until the budget is spent at that rate; see Exhaustion
	Exhaustion  Exhaustion
	Burns       []Burn
	Rates       []WindowRate // of the windows that people look at
	WorstHour   time.Time    // the hour that spent most of the budget; zero if none did
	WorstSpent  float64      // which share of it
	EventsShort float64      // of the last hour, to say how little traffic there is
}

// WindowRate is the burn rate over a window.
type WindowRate struct {
	Window time.Duration
	Rate   float64
	Known  bool
}

// Exhaustion says what Gone means.
type Exhaustion string

// Never: at this rate the budget lasts. Spent: there is none left.
const (
	Ahead Exhaustion = "ahead"
	Never Exhaustion = "never"
	Spent Exhaustion = "spent"
	Dark  Exhaustion = "unknown" // nothing is known of the last hour
)

// looked are the windows whose rates are shown, the short ones of the usual rules first.
var looked = []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 6 * time.Hour, day, 3 * day}

// Stand works out how an objective stands.
func (o Objective) Stand(t *Tally, burns []Burn, now time.Time) Standing {
	s := Standing{At: now, Burns: burns}
	s.Start, s.End = o.Window.At(now)
	s.Count = t.Sum(s.Start, now)
	s.SLI = 1 - s.Count.Ratio()
	if passed := now.Sub(s.Start); passed > 0 {
		s.Known = float64(s.Count.Known) / float64(passed)
	}
	allowed := o.Budget() * expected(t, s.Start, s.End, now)
	s.Left = 1
	if allowed > 0 {
		s.Left = 1 - s.Count.Bad/allowed
	}
	s.LeftEvents = allowed - s.Count.Bad
	s.LeftTime = time.Duration(s.Left * o.Budget() * float64(s.End.Sub(s.Start)))
	for _, w := range looked {
		c := t.Sum(now.Add(-w), now)
		s.Rates = append(s.Rates, WindowRate{Window: w, Rate: o.Rate(c), Known: c.Known > 0})
	}
	hour := t.Sum(now.Add(-time.Hour), now)
	s.Rate, s.EventsShort = o.Rate(hour), hour.Total
	s.Exhaustion, s.Gone = o.exhaustion(s, hour)
	s.WorstHour, s.WorstSpent = worstHour(t, s.Start, now, allowed)
	return s
}

// expected is how many events the budget of a window is a share of: those that there
// were, and for the time before anything was kept, and of a calendar's window for its
// rest, as many more as this pace would have brought. A gap in between counts for
// nothing.
func expected(t *Tally, start, end, now time.Time) float64 {
	begun := start
	if first := t.First(); first.After(start) {
		begun = first
	}
	seen := now.Sub(begun)
	if seen <= 0 {
		return 0
	}
	return t.Sum(start, now).Total * float64(end.Sub(start)) / float64(seen)
}

// exhaustion is when the budget is gone if the last hour goes on: what is left of it,
// times the window, over the burn rate. Of a calendar's window it is never if the
// window ends before.
func (o Objective) exhaustion(s Standing, hour Count) (Exhaustion, time.Duration) {
	switch {
	case s.Left <= 0:
		return Spent, 0
	case hour.Known == 0:
		return Dark, 0
	case s.Rate <= 0:
		return Never, 0
	}
	gone := s.Left * float64(s.End.Sub(s.Start)) / s.Rate
	if gone > math.MaxInt64/2 || o.Window.Calendar != Rolling && gone > float64(s.End.Sub(s.At)) || o.Window.Calendar == Rolling && s.Rate <= 1 {
		return Never, 0
	}
	return Ahead, time.Duration(gone)
}

func worstHour(t *Tally, from, to time.Time, allowed float64) (at time.Time, spent float64) {
	if allowed <= 0 {
		return at, 0
	}
	for hour := from.Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
		if share := t.Sum(hour, hour.Add(time.Hour)).Bad / allowed; share > spent {
			at, spent = hour, share
		}
	}
	return at, spent
}

// Cost is what a stretch of time, an incident's, took of the budget: the bad events in
// it beyond those that the same length just before it had, as a share of the budget of
// the window that ends with it.
func (o Objective) Cost(t *Tally, from, to time.Time) (share, events float64) {
	if !from.Before(to) {
		return 0, 0
	}
	length := to.Sub(from)
	in, before := t.Sum(from, to), t.Sum(from.Add(-length), from)
	events = in.Bad
	if before.Total > 0 {
		events = max(0, in.Bad-before.Ratio()*in.Total)
	}
	start, end := o.Window.At(to)
	if allowed := o.Budget() * expected(t, start, end, to); allowed > 0 {
		share = events / allowed
	}
	return share, events
}

// CostSoFar is Cost of what was noticed at a time and goes on, from when it began up to the
// youngest slot, but no further than now; false where nothing is known since.
func (o Objective) CostSoFar(t *Tally, noticed, now time.Time) (share, events float64, known bool) {
	end := t.Last()
	if now.Before(end) {
		end = now
	}
	if end.Before(noticed) { // what is kept is a while behind: the failure is in it, or will be
		noticed = end
	}
	begun := o.Onset(t, noticed)
	if !begun.Before(end) {
		return 0, 0, false
	}
	share, events = o.Cost(t, begun, end)
	return share, events, true
}

// longestOnset is how long before it was noticed a failure is followed back.
const longestOnset = 6 * time.Hour

// Onset is when a failure that was noticed at a time began: the first of the slots up
// to then in which more was bad than the budget allows, without one in between that
// was not. A burn is noticed only when much is spent already.
func (o Objective) Onset(t *Tally, noticed time.Time) time.Time {
	slots := t.Slots(noticed.Add(-longestOnset), noticed)
	begun := o.backOver(minutes(slots), noticed)
	// A minute that was good for the most part may have been bad at its end.
	return o.backOver(t.Slots(noticed.Add(-longestOnset), begun), begun)
}

// backOver goes back from a time as long as each slot before it was worse than the
// budget allows.
func (o Objective) backOver(slots []Slot, begun time.Time) time.Time {
	for i := len(slots) - 1; i >= 0; i-- {
		s := slots[i]
		if s.Bad <= o.Budget()*s.Total || begun.Unix()-s.End() > s.Width {
			break
		}
		begun = time.Unix(s.Start, 0).UTC()
	}
	return begun
}

// minutes are slots of which none is narrower than a minute: those that are, put
// together. One without a bad event in it ends no failure.
func minutes(slots []Slot) []Slot {
	if !slices.ContainsFunc(slots, func(s Slot) bool { return s.Width < 60 }) {
		return slots
	}
	var list []Slot
	for _, s := range slots {
		if n := len(list); n > 0 && s.Width < 60 && list[n-1].Width < 60 && list[n-1].Start/60 == s.Start/60 && list[n-1].End() == s.Start {
			last := &list[n-1]
			last.Width, last.Bad, last.Total = last.Width+s.Width, last.Bad+s.Bad, last.Total+s.Total
			continue
		}
		list = append(list, s)
	}
	return list
}

// BurnDown is the share of the budget that was left at n times over the window up to
// now, evenly apart, the last of them now; Nothing before anything is known. The budget
// is the one of the window as it stands now.
func (s Standing) BurnDown(t *Tally, n int) []float64 {
	out := make([]float64, max(n, 0))
	allowed := s.Count.Bad + s.LeftEvents
	step := s.BurnDownStep(n)
	for i := range out {
		at := s.At.Add(-time.Duration(n-1-i) * step)
		out[i] = Nothing()
		if !at.Before(t.First()) && allowed > 0 && !t.First().IsZero() {
			out[i] = 1 - t.Sum(s.Start, at).Bad/allowed
		}
	}
	return out
}

// BurnDownStep is how far apart they are.
func (s Standing) BurnDownStep(n int) time.Duration {
	return s.At.Sub(s.Start) / time.Duration(max(n-1, 1))
}
