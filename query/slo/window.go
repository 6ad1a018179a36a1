package slo

import (
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Window is the time over which an objective holds: the last so many days, or a
// week, month or quarter of the calendar.
type Window struct {
	Length   time.Duration `json:"length"`             // of a rolling one; of the calendar's, about that long
	Calendar Calendar      `json:"calendar,omitempty"` // "" = rolling
	Zone     string        `json:"zone,omitempty"`     // where the calendar's day begins; "" = UTC
	location *time.Location
}

// Calendar is a part of the calendar.
type Calendar string

// The parts. A week begins on Monday.
const (
	Rolling Calendar = ""
	Week    Calendar = "week"
	Month   Calendar = "month"
	Quarter Calendar = "quarter"
)

const day = 24 * time.Hour

// calendars are the parts with the length that burn factors are worked out with.
var calendars = map[Calendar]time.Duration{Week: 7 * day, Month: 30 * day, Quarter: 91 * day}

// At is the window around a moment: a rolling one ends there, the calendar's goes on
// until end.
func (w Window) At(now time.Time) (start, end time.Time) {
	if w.Calendar == Rolling {
		return now.Add(-w.Length), now
	}
	loc := w.location
	if loc == nil {
		loc = time.UTC
	}
	t := now.In(loc)
	year, month, date := t.Date()
	switch w.Calendar {
	case Week:
		monday := date - (int(t.Weekday())+6)%7
		return time.Date(year, month, monday, 0, 0, 0, 0, loc), time.Date(year, month, monday+7, 0, 0, 0, 0, loc)
	case Quarter:
		first := month - (month-1)%3
		return time.Date(year, first, 1, 0, 0, 0, 0, loc), time.Date(year, first+3, 1, 0, 0, 0, 0, loc)
	default:
		return time.Date(year, month, 1, 0, 0, 0, 0, loc), time.Date(year, month+1, 1, 0, 0, 0, 0, loc)
	}
}

// String is "30d" or "month".
func (w Window) String() string {
	if w.Calendar != Rolling {
		return string(w.Calendar)
	}
	return short(w.Length)
}

// short writes 30d where strictyaml would say 4w2d: objectives are spoken of in days.
func short(d time.Duration) string {
	if d >= day && d%day == 0 {
		return trimmed(float64(d/day)) + "d"
	}
	return strictyaml.FormatDuration(d)
}
