package tui

import (
	"fmt"
	"time"
)

// tPlus is the age of an incident, to the second for the first hours.
func tPlus(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("T+%ds", s)
	case s < 3600:
		return fmt.Sprintf("T+%dm%02ds", s/60, s%60)
	case s < 10*3600:
		return fmt.Sprintf("T+%dh%02dm%02ds", s/3600, s/60%60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("T+%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("T+%dd%02dh", s/86400, s/3600%24)
}

// wall is a time of day in the zone that the screen is in.
func (m *model) wall(t time.Time) string {
	if m.zone == time.UTC {
		return t.UTC().Format("15:04:05Z")
	}
	return t.In(m.zone).Format("15:04:05 MST")
}
