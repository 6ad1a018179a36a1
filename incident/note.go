package incident

import (
	"fmt"
	"strings"
	"time"
)

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
