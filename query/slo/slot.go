package slo

import (
	"math"
	"time"
)

// Slot is what happened between Start and Start+Width: events in all and the bad ones
// among them. Of a timesliced SLI an event is a minute.
type Slot struct {
	Start      int64 // Unix seconds, a multiple of Width
	Width      int64 // seconds
	Bad, Total float64
}

// End is when it is over, in Unix seconds.
func (s Slot) End() int64 { return s.Start + s.Width }

// Answer is what the server said to the questions of one slot. A question that was
// not asked, or to which there is no series, is Nothing.
type Answer struct{ Bad, Good, Total, Ratio, Rate float64 }

// Nothing is the value of an answer that has none.
func Nothing() float64 { return math.NaN() }

// Slot makes the slot of an answer. It is false where nothing is known of that time:
// no data is neither good nor bad, and a NaN or an infinity of one minute stays in
// that minute.
func (q Questions) Slot(a Answer, start time.Time, width time.Duration) (Slot, bool) {
	s := Slot{Start: start.Unix(), Width: int64(width / time.Second)}
	minutes := width.Minutes()
	switch {
	case q.Rate != "":
		s.Total = minutes
		if a.Rate < q.Least {
			s.Bad = minutes
		}
		return s, finite(a.Rate)
	case q.Ratio != "" && q.Total == "":
		s.Total, s.Bad = minutes, minutes*within(a.Ratio, 0, 1)
		return s, finite(a.Ratio)
	case !finite(a.Total) || a.Total < 0 || a.Total > mostEvents:
		return s, false
	}
	s.Total = a.Total
	switch {
	case q.Ratio != "":
		if s.Total == 0 {
			return s, true // 0/0 is no news
		}
		s.Bad = s.Total * within(a.Ratio, 0, 1)
		return s, finite(a.Ratio)
	case q.Good != "":
		good := a.Good
		if math.IsNaN(good) {
			good = 0 // nothing was good: the counter of what is appears with the first one
		}
		s.Bad = s.Total - within(good, 0, s.Total) // the two are extrapolated each by itself
		return s, !math.IsInf(a.Good, 0)
	}
	bad := a.Bad
	if math.IsNaN(bad) {
		bad = 0 // the counter of what is bad appears with the first one
	}
	s.Bad = within(bad, 0, s.Total)
	return s, !math.IsInf(a.Bad, 0)
}

// mostEvents is how many events a slot has at the most. Larger numbers are no counts, and
// sums of them are neither exact nor finite: one such slot, kept, would spoil its window.
const mostEvents = 1 << 53

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func within(v, least, most float64) float64 { return max(least, min(v, most)) }
