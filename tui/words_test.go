package tui

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// drawn is the picture of a model as it is now.
func drawn(m *model) string {
	m.picture.stale = true
	m.View()
	return m.picture.frame.Plain()
}

// A call that comes again reads so, before the answer and after it, and what holds
// it is named.
func TestACallThatComesAgainReadsSo(t *testing.T) {
	again := func(w *pane.World, now time.Time) { // L4 was called, and is called again
		s := &story{t: t, policy: shopPolicy(t), events: map[incident.ID][]incident.Event{}}
		inc := s.declare("INC-204", now.Add(-2*time.Hour), incident.Sev1, "checkout 5xx", "checkout")
		w.Incidents = append([]incident.Incident{}, s.climb(inc, now))
	}
	acked := func(w *pane.World, now time.Time) {
		again(w, now)
		w.Incidents[0] = w.Incidents[0].Apply(incident.Event{Incident: "INC-204", At: now.Add(-time.Second), Kind: incident.Acknowledged, Actor: "ana"})
	}
	for _, width := range []int{80, 120, 200} {
		require.Contains(t, header(t, width, again), "again L4")
		line := header(t, width, acked)
		require.Contains(t, line, "again L4")
		require.Contains(t, line, "S holds it")
	}
}

// header is its second line for a world, at a width.
func header(t *testing.T, width int, change func(*pane.World, time.Time)) string {
	t.Helper()
	m := still(t, width, 40, nil, with(change))
	return strings.Split(drawn(m), "\n")[1]
}

// An update that is overdue keeps its key at 80 columns, whatever else is wrong.
func TestAnOverdueUpdateKeepsItsPlace(t *testing.T) {
	late := func(w *pane.World, now time.Time) {
		underFire(w, now)
		w.Delivery.Sinks[1] = pane.Sink{Name: "slack", State: "down", Until: now.Add(40 * time.Second)}
		w.Incidents[0].Clocks.Declared = now.Add(-2 * time.Hour)
	}
	require.Contains(t, header(t, 80, late), "UPDATE: U")
}

// What fails says what, why and until when; and that nobody is reached goes before
// that a sink is down.
func TestSinksThatFailSayWhy(t *testing.T) {
	one := func(s pane.Sink) func(*pane.World, time.Time) {
		return func(w *pane.World, now time.Time) {
			if s.State == "down" {
				s.Until = now.Add(40 * time.Second)
			}
			w.Delivery.Sinks = []pane.Sink{s}
		}
	}
	require.Contains(t, header(t, 120, one(pane.Sink{Name: "pagerduty", State: "down"})), "PagerDuty down, next try in 40 s")
	require.Contains(t, header(t, 80, one(pane.Sink{Name: "pagerduty", State: "down"})), "PD down, try in 40 s")
	waits := pane.Sink{Name: "slack", State: "waiting", Why: "slack:#game-day: channel_not_found: there is no such channel, or the bot is not in it"}
	require.Contains(t, header(t, 120, one(waits)), "Slack waits: #game-day channel_not_found")
	require.Contains(t, header(t, 80, one(waits)), "Slack wait")
	require.Contains(t, header(t, 120, one(pane.Sink{Name: "slack", State: "waiting", Why: "asked to wait"})), "Slack waiting")

	elsewhere := func(w *pane.World, now time.Time) {
		nobodyReached(w, now)
		w.Incidents[0], w.Incidents[1] = w.Incidents[1], w.Incidents[0]
	}
	m := still(t, 120, 40, []string{"esc"}, with(elsewhere))
	m.unheard.shown = ""
	require.Contains(t, strings.Split(drawn(m), "\n")[1], "NOBODY IS REACHED")
}

// The footer's places fit whole at every width, and all views but at most one are there at 80.
func TestTheFooterFits(t *testing.T) {
	m := still(t, 80, 24, nil, with(quiet))
	m.world.Incidents = append(m.world.Incidents, shopWorld(t, m.now).Incidents[0])
	for _, selected := range []incident.ID{"INC-202", "INC-204"} {
		m.place.selected = selected
		for width := leastWidth; width <= 140; width++ {
			m.Update(tea.WindowSizeMsg{Width: width, Height: 24})
			rows := strings.Split(strings.TrimRight(drawn(m), "\n"), "\n")
			last := rows[len(rows)-1]
			require.Equal(t, strings.Count(last, "["), strings.Count(last, "]"), last)
			if width >= 80 {
				require.Regexp(t, `1 now .*2 board .*3 time.*4 act.*5 .*6 .*call.*(7 stats|8 alerts)`, last)
			}
		}
	}
}

// A severity is chosen by its number, and what a low one does not do stays on the
// screen.
func TestASeverityByItsNumber(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.press("D", "enter")
		p.sees("without waking anybody")
		p.press("1")
		p.sees("Opens a SEV-1: payments pool exhausted")
	})
}
