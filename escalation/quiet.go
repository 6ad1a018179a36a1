package escalation

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// QuietHours are the hours of a day in which the ladder calls nobody for some
// severities; what becomes due in them is due at their end. What a person asks
// for by hand goes through.
type QuietHours struct {
	Severities []incident.Severity `yaml:"severities" json:"severities"`
	From       string              `yaml:"from" json:"from"`           // "22:00" on a wall in Timezone
	To         string              `yaml:"to" json:"to"`               // of the next day, unless it is after From; "24:00" is the end of the day
	Timezone   string              `yaml:"timezone" json:"timezone"`   // as the IANA database names it: "Europe/Berlin"
	Days       []string            `yaml:"days" json:"days,omitempty"` // on which they begin: "mon"; none is every day
	zone       *time.Location      // of Timezone; nil before it was looked up
}

// longestQuiet is how far ahead the end of quiet hours is looked for: whoever is
// quiet for a week is quiet for ever, and is asked again then.
const longestQuiet = 8 * 24 * time.Hour

// quietUntil is when the quiet hours of sev that now lies in are over, with those
// that begin before they end; now itself if it lies in none.
func quietUntil(hours []QuietHours, sev incident.Severity, now time.Time) time.Time {
	end := now
	for again := true; again && end.Sub(now) < longestQuiet; {
		again = false
		for _, q := range hours {
			if !slices.Contains(q.Severities, sev) {
				continue
			}
			if over := q.endOf(end); over.After(end) {
				end, again = over, true
			}
		}
	}
	return end
}

// endOf is when q is over if at lies in it, else at.
func (q QuietHours) endOf(at time.Time) time.Time {
	zone := q.location()
	from, errFrom := timeOfDay(q.From)
	to, errTo := timeOfDay(q.To)
	if zone == nil || errFrom != nil || errTo != nil {
		return at // whoever cannot tell the time is called
	}
	if to <= from {
		to += 24 * 60
	}
	today := at.In(zone)
	for back := 1; back >= 0; back-- { // begun yesterday, or today
		y, m, d := today.Date()
		d -= back
		if !q.on(time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Weekday()) {
			continue
		}
		begin, over := onTheWall(zone, y, m, d, from), onTheWall(zone, y, m, d, to)
		if !at.Before(begin) && at.Before(over) {
			return over
		}
	}
	return at
}

func (q QuietHours) location() *time.Location {
	if q.zone != nil {
		return q.zone
	}
	zone, err := time.LoadLocation(q.Timezone)
	if err != nil {
		return nil
	}
	return zone
}

func (q QuietHours) on(day time.Weekday) bool {
	return len(q.Days) == 0 || slices.Contains(q.Days, weekdays()[day])
}

// weekdays are the names of the days, as time.Weekday counts them.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// onTheWall is the first moment at which a clock on a wall in zone shows minutes
// after midnight of that day, or more: an hour that the spring skips is over when
// it would begin, and of one that the autumn has twice it is the first.
func onTheWall(zone *time.Location, y int, m time.Month, d, minutes int) time.Time {
	wall := time.Date(y, m, d, 0, minutes, 0, 0, time.UTC)
	var first, after time.Time
	for _, near := range []time.Duration{-36 * time.Hour, 36 * time.Hour} { // the offsets before and after a change
		_, offset := wall.Add(near).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, shown := at.In(zone).Zone(); shown == offset && (first.IsZero() || at.Before(first)) {
			first = at
		}
		after = latest(after, at)
	}
	if first.IsZero() {
		first, _ = after.In(zone).ZoneBounds()
	}
	return first
}

// timeOfDay is the minutes after midnight of "22:00", at most those of "24:00".
func timeOfDay(s string) (int, error) {
	bad := fmt.Errorf("%q is not a time of day; write for example \"22:00\", in quotes", s)
	if len(s) != 5 || s[2] != ':' {
		return 0, bad
	}
	hours, errHours := strconv.ParseUint(s[:2], 10, 8)
	minutes, errMinutes := strconv.ParseUint(s[3:], 10, 8)
	if errHours != nil || errMinutes != nil || minutes > 59 || hours*60+minutes > 24*60 {
		return 0, bad
	}
	return int(hours*60 + minutes), nil
}

func (q QuietHours) check(path string, errorf complain) error {
	if len(q.Severities) == 0 {
		return errorf(path, "severities is missing: for which are these hours quiet?")
	}
	for i, sev := range q.Severities {
		at := fmt.Sprintf("%s.severities[%d]", path, i)
		switch {
		case !slices.Contains(incident.Severities(), sev):
			return errorf(at, "%q is not a severity: SEV-2, SEV-3 or SEV-4", sev)
		case sev == incident.Sev1:
			return errorf(at, "SEV-1 has no quiet hours: it is for what cannot wait until the morning; what can wait is a SEV-3")
		}
	}
	from, err := timeOfDay(q.From)
	if err != nil || from == 24*60 {
		return errorf(path+".from", "from: %v", either(err, fmt.Errorf("a day begins at \"00:00\"")))
	}
	to, err := timeOfDay(q.To)
	if err != nil {
		return errorf(path+".to", "to: %v", err)
	}
	if from == to {
		return errorf(path+".to", "from and to are both %s; a whole day is from \"00:00\" to \"24:00\"", q.To)
	}
	if err := checkZone(q.Timezone); err != nil {
		return errorf(path+".timezone", "timezone: %v", err)
	}
	for i, day := range q.Days {
		if !slices.Contains(weekdays(), day) {
			return errorf(fmt.Sprintf("%s.days[%d]", path, i), "%q is not a day; write mon, tue, wed, thu, fri, sat or sun", day)
		}
	}
	return nil
}

// checkZone refuses a zone that depends on the host, because several run one
// ladder.
func checkZone(name string) error {
	if name == "" || name == "Local" {
		return fmt.Errorf("whose clock? Write a name such as Europe/Berlin, or UTC")
	}
	if _, err := time.LoadLocation(name); err != nil {
		return fmt.Errorf("there is no time zone %q; write a name such as Europe/Berlin, or UTC", name)
	}
	return nil
}
