package incident

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// ago is what was meant as a time before now, whether it is one or not.
var ago = regexp.MustCompile(`^\d+[a-z]+$`)

// ParseNote reads the time that a note may begin with: "-7m rollback started"
// is seven minutes before now, "14:05 rollback started" (or 14:05:30, UTC) the
// last such time of day that is not after now. Anything else is a note about
// now.
func ParseNote(text string, now time.Time) (at time.Time, rest string, err error) {
	text = strings.TrimSpace(text)
	first, rest, found := strings.Cut(text, " ")
	if !found {
		return now, text, nil
	}
	if back, ok := strings.CutPrefix(first, "-"); ok {
		if d, err := time.ParseDuration(back); err == nil {
			if d > 7*24*time.Hour {
				return now, text, fmt.Errorf("%s is more than a week ago; write the date into the text instead", first)
			}
			return now.Add(-d), strings.TrimSpace(rest), nil
		}
		if ago.MatchString(back) {
			return now, text, fmt.Errorf("%s is no time that was: write -7m, -90s or -1h30m (or put a word before it)", first)
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		t, err := time.Parse(layout, strings.TrimSuffix(first, "Z"))
		if err != nil {
			continue
		}
		u := now.UTC()
		at = time.Date(u.Year(), u.Month(), u.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
		if at.After(now) {
			at = at.AddDate(0, 0, -1)
		}
		return at, strings.TrimSpace(rest), nil
	}
	return now, text, nil
}

// ParseDue reads the day of an action item: a date such as 2026-12-24, or how many
// days or weeks from now, 3d or 2w. Nothing is no day, and no error.
func ParseDue(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	var n int
	var unit string
	if _, err := fmt.Sscanf(text, "%d%s", &n, &unit); err == nil && n > 0 && n < 4000 {
		today := now.UTC().Truncate(24 * time.Hour)
		switch unit {
		case "d":
			return today.AddDate(0, 0, n), nil
		case "w":
			return today.AddDate(0, 0, 7*n), nil
		}
	}
	return time.Time{}, fmt.Errorf("due %q is not a day: write 2026-12-24, 3d or 2w", text)
}
