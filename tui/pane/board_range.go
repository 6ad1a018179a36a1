package pane

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// fromTo is the answer that asks for two times.
const fromTo = "from-to"

// setFromTo shows the stretch between two times, which are asked for first where the
// answer does not say them.
func (b *board) setFromTo(answer string, s *Screen) Effect {
	if answer == fromTo {
		g := gridOf(s)
		layout := "2006-01-02 15:04"
		return b.askFromTo(g.Start.In(s.Zone).Format(layout)+" to "+g.End().In(s.Zone).Format(layout), s)
	}
	from, to, err := parseFromTo(answer, s.Now.In(s.Zone))
	if err != nil { // what was typed is there to be mended
		again := b.askFromTo(answer, s)
		again.Toast = err.Error()
		return again
	}
	if !to.Before(s.Now) {
		to = time.Time{}
		return b.window.show(s.Now.Sub(from), to, s)
	}
	return b.window.show(to.Sub(from), to, s)
}

func (b *board) askFromTo(initial string, s *Screen) Effect {
	return Effect{Handled: true, Ask: &Ask{
		Title: "From and to", Help: "such as 2026-11-25 03:00 to 04:30, in " + s.Zone.String() + "; -2h to -1h; or 45m until now",
		Initial: initial,
		Then:    func(text string) Effect { return b.setFromTo(text, s) },
	}}
}

// parseFromTo reads two moments, in the zone of now: with a date, with the time of
// day alone (the first is then the last such one, the second the next after it), or
// before now: "now", "now-40m" or "-40m". One of those alone, or a length, is until
// now.
func parseFromTo(text string, now time.Time) (from, to time.Time, err error) {
	wrong := fmt.Errorf("range %q: write two times such as 2026-11-25 03:00 to 04:30 or -2h to -1h, or how long until now, such as 45m", text)
	first, second, ok := strings.Cut(text, " to ")
	if ago, known := agoOf(first); !ok && known {
		first, second, ok = "-"+ago, "now", true
	}
	if !ok {
		return from, to, wrong
	}
	day, ok := momentIn(first, now)
	if !ok {
		return from, to, wrong
	}
	if day.After(now) && len(strings.TrimSpace(first)) < len("2006-01-02") {
		day = day.AddDate(0, 0, -1) // of yesterday
	}
	to, ok = momentIn(second, day)
	at, before := beforeNow(second, now)
	if before {
		to, ok = at, true
	}
	if to.Before(day) && !before && len(strings.TrimSpace(second)) < len("2006-01-02") {
		to = to.AddDate(0, 0, 1) // over midnight
	}
	switch length := to.Sub(day); {
	case !ok:
		return from, to, wrong
	case day.After(now):
		return from, to, fmt.Errorf("range %q: it begins in the future", text)
	case length < 10*time.Second || length > 366*24*time.Hour:
		return from, to, fmt.Errorf("range %q: it is 10s to 366d long", text)
	}
	return day, to, nil
}

// momentIn reads a time; one without a date is of the day of on.
func momentIn(text string, on time.Time) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if t, ok := beforeNow(text, on); ok {
		return t, true
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, on.Location()); err == nil {
			return t, true
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			y, m, d := on.Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, on.Location()), true
		}
	}
	return time.Time{}, false
}

// beforeNow reads "now", "now-40m" and "-40m".
func beforeNow(text string, now time.Time) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if text == "now" {
		return now, true
	}
	text, ok := strings.CutPrefix(strings.TrimPrefix(text, "now"), "-")
	if !ok {
		return time.Time{}, false
	}
	ago, err := strictyaml.ParseDuration(text)
	return now.Add(-ago), err == nil && ago >= 0
}

// agoOf is the length in "45m", "-45m" and "now-45m", as it is written.
func agoOf(text string) (string, bool) {
	text = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "now"), "-")
	ago, err := strictyaml.ParseDuration(text)
	return text, err == nil && ago > 0
}
