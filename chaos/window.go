package chaos

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Window is when something may be done: on these days between these hours, as the
// clocks on the wall of a time zone show them. Where they are put forward or back the
// window is as much shorter or longer. The zero value is always.
type Window struct {
	Days  []string `yaml:"days" json:"days"`   // mon to sun, in whatever case; none is every day
	Hours string   `yaml:"hours" json:"hours"` // "09:30-16:00"; "22:00-04:00" ends on the day after; empty is the whole day
	TZ    string   `yaml:"tz" json:"tz"`       // "Europe/Berlin"; empty is UTC
}

// Always says that the window is never closed.
func (w Window) Always() bool { return len(w.Days) == 0 && w.Hours == "" }

func (w Window) String() string {
	days, hours, zone := "every day", "00:00-24:00", "UTC"
	if len(w.Days) > 0 {
		days = strings.Join(w.Days, ", ")
	}
	if w.Hours != "" {
		hours = w.Hours
	}
	if w.TZ != "" {
		zone = w.TZ
	}
	return days + " " + hours + " " + zone
}

// Valid says what is wrong with the window, and under which key.
func (w Window) Valid() (key string, err error) {
	for _, d := range w.Days {
		if _, ok := weekday(d); !ok {
			return "days", fmt.Errorf("%q is no day; the days are mon, tue, wed, thu, fri, sat, sun", d)
		}
	}
	if _, _, err := w.hours(); err != nil {
		return "hours", err
	}
	if _, err := w.zone(); err != nil {
		return "tz", err
	}
	return "", nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as time.Weekday counts

func weekday(name string) (time.Weekday, bool) {
	i := slices.Index(weekdays, strings.ToLower(name))
	return time.Weekday(i), i >= 0
}

func (w Window) zone() (*time.Location, error) {
	if w.TZ == "Local" {
		return nil, errors.New("the zone Local is another one on every host; name one, such as Europe/Berlin")
	}
	loc, err := time.LoadLocation(w.TZ)
	if err != nil {
		return nil, fmt.Errorf("%q is no time zone; write one such as Europe/Berlin or UTC", w.TZ)
	}
	return loc, nil
}

// hours is the window in minutes since midnight; to is smaller than from where it ends
// on the day after.
func (w Window) hours() (from, to int, err error) {
	if w.Hours == "" {
		return 0, 24 * 60, nil
	}
	a, b, found := strings.Cut(w.Hours, "-")
	from, err = minutes(a)
	if err == nil {
		to, err = minutes(b)
	}
	if !found || err != nil || from == to || from == 24*60 {
		return 0, 0, fmt.Errorf("%q are no hours; write them as 09:30-16:00", w.Hours)
	}
	return from, to, nil
}

func minutes(text string) (int, error) {
	h, m, found := strings.Cut(strings.TrimSpace(text), ":")
	hour, err := strconv.ParseUint(h, 10, 8)
	minute, errM := strconv.ParseUint(m, 10, 8)
	at := int(hour)*60 + int(minute)
	if !found || len(m) != 2 || err != nil || errM != nil || minute > 59 || at > 24*60 {
		return 0, fmt.Errorf("%q is no time", text)
	}
	return at, nil
}

// Open says whether the window is open at t. One that Valid refuses never is.
func (w Window) Open(t time.Time) bool {
	c, ok := w.clock()
	return ok && c.open(t)
}

// clock is a window that has been read: asking it again costs little.
type clock struct {
	days     [7]bool
	from, to int // minutes since midnight
	zone     *time.Location
}

func (w Window) clock() (c clock, ok bool) {
	if _, err := w.Valid(); err != nil {
		return c, false
	}
	c.zone, _ = w.zone()
	c.from, c.to, _ = w.hours()
	for _, name := range w.Days {
		d, _ := weekday(name)
		c.days[d] = true
	}
	if len(w.Days) == 0 {
		c.days = [7]bool{true, true, true, true, true, true, true}
	}
	return c, true
}

func (c clock) open(t time.Time) bool {
	local := t.In(c.zone)
	now := local.Hour()*60 + local.Minute()
	today, yesterday := local.Weekday(), (local.Weekday()+6)%7
	if c.from < c.to {
		return c.days[today] && c.from <= now && now < c.to
	}
	return c.days[today] && now >= c.from || c.days[yesterday] && now < c.to
}

// covers looks at the whole minutes one by one, at which windows open and close: the
// clocks may be put forward or back between.
func (c clock) covers(from time.Time, length time.Duration) bool {
	end := from.Add(length)
	for t := from; t.Before(end); t = t.Truncate(time.Minute).Add(time.Minute) {
		if !c.open(t) {
			return false
		}
	}
	return c.open(from)
}

// Covers says whether the window is open from a time on, and for so long.
func (w Window) Covers(from time.Time, length time.Duration) bool {
	c, ok := w.clock()
	return ok && c.covers(from, length)
}

// Next is when the window next covers that length, or the zero time if it does not
// within eight days.
func (w Window) Next(after time.Time, length time.Duration) time.Time {
	c, ok := w.clock()
	limit := after.Add(8 * 24 * time.Hour)
	for t := after.Truncate(time.Minute).Add(time.Minute); ok && t.Before(limit); t = t.Add(time.Minute) {
		if c.covers(t, length) {
			return t
		}
	}
	return time.Time{}
}
