package tui

import (
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// ended selects the incident that is over, and ends those that are open.
func (p *player) ended() {
	p.world(func(w *pane.World) { w.Incidents = slices.Clone(w.Incidents[2:]) })
	p.m.place.selected = "INC-202"
}

// breaksOut opens another incident.
func (p *player) breaksOut(drill bool) {
	s := &story{t: p.t, policy: shopPolicy(p.t), events: map[incident.ID][]incident.Event{}}
	fresh := s.declare("INC-205", time.Now(), incident.Sev1, "payments down", "payments")
	fresh.Drill = drill
	p.world(func(w *pane.World) { w.Incidents = append([]incident.Incident{fresh}, w.Incidents...) })
}

// A screen that nobody touches goes on from what is over to what has begun; one
// that somebody works at stays.
func TestTheScreenFollowsWhatBegins(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.ended()
		p.press("3")
		p.breaksOut(false)
		p.wait(20 * time.Second)
		p.sees("[SEV2] INC-202", "INC-205 NOT ACKED")
		p.press("j") // somebody is there
		p.wait(29 * time.Second)
		p.sees("[SEV2] INC-202")
		p.wait(2 * time.Second)
		p.sees("[SEV1] INC-205", "SEV-1 INC-205 is on the screen now: INC-202 is resolved", "what changed")
	})
	play(t, 120, 40, func(p *player) {
		p.ended()
		p.press("n")
		p.breaksOut(false)
		p.wait(5 * time.Minute)
		p.sees("[SEV2] INC-202", "Note on INC-202")
		p.press("esc")
		p.sees("[SEV2] INC-202")
	})
	play(t, 120, 40, func(p *player) { // practice takes no screen from what was real
		p.ended()
		p.breaksOut(true)
		p.wait(5 * time.Minute)
		p.sees("[SEV2] INC-202")
	})
	play(t, 120, 40, func(p *player) { // what is open is worked on, touched or not
		p.breaksOut(false)
		p.wait(5 * time.Minute)
		p.sees("[SEV1] INC-204")
	})
}

// A drill that is declared leaves a real page on the screen, and says so.
func TestADrillLeavesARealPageOnTheScreen(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.m.done(doneMsg{order: pane.Declare{Drill: true}, receipt: pane.Receipt{Incident: "INC-205"}})
		p.sees("INC-204 is real and not acked: it stays on the screen. The drill is INC-205: ] goes there")
		p.breaksOut(true)
		p.sees("[SEV1] INC-204")
		p.send(tea.WindowSizeMsg{Width: 80, Height: 24})
		p.sees("[SEV1] INC-204")
	})
}
