package pane

import (
	"strings"
	"testing"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// Whatever is typed for a range is refused in words that name it, or is a stretch of the
// past of 10 seconds to a year.
func FuzzFromTo(f *testing.F) {
	for _, s := range []string{"2026-11-25 03:00 to 04:30", "-2h to -1h", "45m", "now-40m", "now to now", " to ", "-", "now-", "9999-12-31 to 0000-01-01", "-292y to now", "23:59:59 to 00:00", "2026-02-30 to 2026-03-01", "0s to now", "-1y to -1y", "\x1b[31m to \u202e", "-9223372036854775807ns to now", "1e9h"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.FixedZone("x", 5*3600+1800))
	f.Fuzz(func(t *testing.T, text string) {
		from, to, err := parseFromTo(text, now)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "range ") {
				t.Fatalf("%q: %v does not say what it is about", text, err)
			}
			if len(err.Error()) > 2*len(text)*6+300 {
				t.Fatal("more words than were typed")
			}
			return
		}
		if d := to.Sub(from); d < 10*time.Second || d > 366*24*time.Hour || from.After(now) {
			t.Fatalf("%q is %v to %v", text, from, to)
		}
	})
}

// Whatever is typed for a comparison is refused in words that name it, or is one to three
// lengths of a minute to five years.
func FuzzCompare(f *testing.F) {
	for _, s := range []string{"1d", "1d 1w", "-1w", "off", "off off", "", "--1d", "1d 1d 1d 1d", "1d 2d 3d 4d", "0", "1e9y", "5y", "-5y", "9223372036854775807ns", "\x00", "\u202e1d", "board 1d", "1d\u00a01w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseAgo(strings.Fields(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "compare") {
				t.Fatalf("%q: %v does not say what it is about", text, err)
			}
			return
		}
		if len(all) > query.MostCompared || len(all) == 0 && strings.TrimSpace(text) != "off" {
			t.Fatalf("%q is %v", text, all)
		}
		for _, d := range all {
			if d < time.Minute || d > query.FarthestCompared {
				t.Fatalf("%q is %v", text, all)
			}
		}
	})
}
