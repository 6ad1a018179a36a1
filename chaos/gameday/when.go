package gameday

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// When is for what time a day is planned: once, or again every so many weeks, at the same
// time by the clock on the wall. The zero value is no plan.
type When struct {
	At    string              `yaml:"at"`    // "2026-11-25 14:00"
	TZ    string              `yaml:"tz"`    // "Europe/Berlin"; empty is that of the day's window, else UTC
	Every strictyaml.Duration `yaml:"every"` // whole weeks: 1w, 4w, 13w; 0 is once
}

const (
	whenLayout  = "2006-01-02 15:04"
	week        = 7 * 24 * time.Hour
	longestWeek = 53 * week
)

// Planned says that there is a time for the day at all.
func (w When) Planned() bool { return w.At != "" }

func (w When) String() string {
	first, err := w.first()
	if err != nil {
		return ""
	}
	text := first.Format(whenLayout + " MST")
	if w.Every > 0 {
		text += ", and every " + w.Every.String() + " from then on"
	}
	return text
}

// valid says what is wrong with the plan, and under which key.
func (w When) valid() (key string, err error) {
	if w == (When{}) {
		return "", nil
	}
	if key, err := (chaos.Window{TZ: w.TZ}).Valid(); err != nil {
		return key, err
	}
	if _, err := w.first(); err != nil {
		return "at", fmt.Errorf("%q is no time; write it as 2026-11-25 14:00, and its zone as tz", w.At)
	}
	if every := w.Every.D(); every%week != 0 || every > longestWeek {
		return "every", fmt.Errorf("%s is no number of whole weeks up to 53; write 1w, 4w, or 13w for a quarter", w.Every)
	}
	return "", nil
}

func (w When) first() (time.Time, error) {
	zone, err := time.LoadLocation(w.TZ)
	if err != nil {
		return time.Time{}, err
	}
	return time.ParseInLocation(whenLayout, w.At, zone)
}

// Around is for when the day was planned last, at now or before, and for when it is planned
// next, after now. Zero is never. Both are in the plan's zone.
func (w When) Around(now time.Time) (last, next time.Time) {
	first, err := w.first()
	switch {
	case err != nil:
		return last, next
	case first.After(now):
		return last, first
	case w.Every <= 0:
		return first, next
	}
	nth := func(n int) time.Time { return first.AddDate(0, 0, n*int(w.Every.D()/(24*time.Hour))) } // days by the calendar: the clocks may be put forward or back
	n := int(now.Sub(first) / w.Every.D())
	for !nth(n + 1).After(now) {
		n++
	}
	for nth(n).After(now) {
		n--
	}
	return nth(n), nth(n + 1)
}
