package plot

import (
	"slices"
	"time"
)

func sortGroups(groups []Group) {
	slices.SortFunc(groups, func(a, b Group) int { return a.Column - b.Column })
}

// TimeAxis is the ticks of a time axis and how they are written.
type TimeAxis struct {
	Ticks  []time.Time
	layout string
	byHour bool
	zone   *time.Location
}

// timeStep is a step of the clock or of the calendar; one of the fields is set.
type timeStep struct {
	clock  time.Duration // below a day
	days   int
	months int
}

func (s timeStep) rough() time.Duration {
	const day = 24 * time.Hour
	return s.clock + time.Duration(s.days)*day + time.Duration(s.months)*30*day
}

// timeSteps are the steps that people read from a clock and a calendar.
func timeSteps() [39]timeStep {
	const ms, s, m, h = time.Millisecond, time.Second, time.Minute, time.Hour
	return [...]timeStep{
		{clock: ms},
		{clock: 2 * ms},
		{clock: 5 * ms},
		{clock: 10 * ms},
		{clock: 20 * ms},
		{clock: 50 * ms},
		{clock: 100 * ms},
		{clock: 200 * ms},
		{clock: 500 * ms},
		{clock: s},
		{clock: 2 * s},
		{clock: 5 * s},
		{clock: 10 * s},
		{clock: 15 * s},
		{clock: 30 * s},
		{clock: m},
		{clock: 2 * m},
		{clock: 5 * m},
		{clock: 10 * m},
		{clock: 15 * m},
		{clock: 30 * m},
		{clock: h},
		{clock: 2 * h},
		{clock: 3 * h},
		{clock: 6 * h},
		{clock: 12 * h},
		{days: 1},
		{days: 2},
		{days: 7},
		{days: 14},
		{months: 1},
		{months: 3},
		{months: 6},
		{months: 12},
		{months: 24},
		{months: 60},
		{months: 120},
		{months: 240},
		{months: 600},
	}
}

// Times gives the at most n ticks inside from..to that stand on round times of
// the wall clock in zone (nil is UTC): 03:15, not 03:13:47. Where the window
// begins does not matter, so ticks stay on their times while it moves.
func Times(from, to time.Time, n int, zone *time.Location) TimeAxis {
	if zone == nil {
		zone = time.UTC
	}
	axis := TimeAxis{zone: zone, layout: "15:04"}
	if n < 1 || to.Before(from) {
		return axis
	}
	span := to.Sub(from)
	for _, s := range timeSteps() {
		if span/s.rough() >= time.Duration(n) { // it depends on the span alone, or labels would come and go while the window moves
			continue
		}
		if ticks := s.ticks(from.In(zone), to, n+1); len(ticks) <= n {
			axis.Ticks, axis.layout, axis.byHour = ticks, s.layout(), s.clock >= time.Hour
			return axis
		}
	}
	return axis
}

// Label writes one tick. Midnight on an axis of hours is written as its date.
func (a TimeAxis) Label(t time.Time) string {
	t = t.In(a.zone)
	if a.byHour && t.Hour() == 0 && t.Minute() == 0 {
		return t.Format("Jan 2")
	}
	return t.Format(a.layout)
}

func (s timeStep) layout() string {
	switch {
	case s.months >= 12:
		return "2006"
	case s.months > 0:
		return "Jan 2006"
	case s.days > 0:
		return "Jan 2"
	case s.clock < time.Second:
		return "05.000"
	case s.clock < time.Minute:
		return "15:04:05"
	}
	return "15:04"
}

// ticks walks the clock or the calendar, at most limit ticks far.
func (s timeStep) ticks(from, to time.Time, limit int) []time.Time {
	var out []time.Time
	for t := s.floor(from); !t.After(to) && len(out) < limit; {
		if !t.Before(from) {
			out = append(out, t)
		}
		next := s.next(t)
		if !next.After(t) { // the end of time
			break
		}
		t = next
	}
	return out
}

// floor is the last tick at or before t.
func (s timeStep) floor(t time.Time) time.Time {
	y, m, d := t.Date()
	switch {
	case s.months > 0:
		total := y*12 + int(m) - 1
		return time.Date(0, time.Month(total-mod(total, s.months)+1), 1, 0, 0, 0, 0, t.Location())
	case s.days > 0:
		number := int(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), 86400)) + 3 // days since a Monday
		return time.Date(y, m, d-mod(number, s.days), 0, 0, 0, 0, t.Location())
	case s.clock >= time.Hour:
		return s.hour(t)
	}
	_, offset := t.Zone()
	local := t.Add(time.Duration(offset) * time.Second)
	return local.Truncate(s.clock).Add(-time.Duration(offset) * time.Second)
}

// hour is the last tick of whole hours at or before t. Where clocks were turned
// back the same hour comes twice; the earlier one is the tick.
func (s timeStep) hour(t time.Time) time.Time {
	y, m, d := t.Date()
	hours := int(s.clock / time.Hour)
	tick := time.Date(y, m, d, t.Hour()-t.Hour()%hours, 0, 0, 0, t.Location())
	if tick.After(t) {
		return tick.Add(-s.clock)
	}
	return tick
}

func (s timeStep) next(t time.Time) time.Time {
	y, m, d := t.Date()
	switch {
	case s.months > 0:
		return time.Date(y, m+time.Month(s.months), 1, 0, 0, 0, 0, t.Location())
	case s.days > 0:
		return time.Date(y, m, d+s.days, 0, 0, 0, 0, t.Location())
	case s.clock >= time.Hour:
		next := time.Date(y, m, d, t.Hour()+int(s.clock/time.Hour), 0, 0, 0, t.Location())
		if !next.After(t) {
			return t.Add(s.clock)
		}
		return next
	}
	return t.Add(s.clock)
}
