package pane

import (
	"fmt"
	"strings"
	"time"
)

// fromTo is the answer that asks for two times.
const fromTo = "from-to"

// setFromTo shows the stretch between two times, which are asked for first where the
// answer does not say them.
func (b *board) setFromTo(answer string, s *Screen) Effect {
	if answer == fromTo {
		g := gridOf(s)
		layout := "2006-01-02 15:04"
		return Effect{Handled: true, Ask: &Ask{
			Title: "From and to", Help: "such as 2026-11-25 03:00 to 04:30, in " + s.Zone.String(),
			Initial: g.Start.In(s.Zone).Format(layout) + " to " + g.End().In(s.Zone).Format(layout),
			Then:    func(text string) Effect { return b.setFromTo(text, s) },
		}}
	}
	from, to, err := parseFromTo(answer, s.Now.In(s.Zone))
	if err != nil {
		return Effect{Handled: true, Toast: err.Error()}
	}
	if !to.Before(s.Now) {
		to = time.Time{}
		return b.window.show(s.Now.Sub(from), to, s)
	}
	return b.window.show(to.Sub(from), to, s)
}

// parseFromTo reads two moments, in the zone of now: with a date, with the time of
// day alone (the first is then the last such one, the second the next after it), or
// "now".
func parseFromTo(text string, now time.Time) (from, to time.Time, err error) {
	wrong := fmt.Errorf("range %q: write two times such as 2026-11-25 03:00 to 04:30", text)
	first, second, ok := strings.Cut(text, " to ")
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
	if strings.TrimSpace(second) == "now" {
		to, ok = now, true
	}
	if to.Before(day) && len(strings.TrimSpace(second)) < len("2006-01-02") {
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
