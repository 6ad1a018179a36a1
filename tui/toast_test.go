package tui

import (
	"testing"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// What has reached people goes by itself, what failed is dismissed.
func TestSuccessGoesByItself(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.desk.answer = func(pane.Order) (pane.Receipt, error) {
			return pane.Receipt{Text: "INC-204 acknowledged by alice", Outward: true}, nil
		}
		p.press("a")
		p.wait(8 * time.Second)
		p.sees("✓ INC-204 acknowledged by alice")
		p.wait(3 * time.Second)
		p.seesNot("INC-204 acknowledged by alice")
		p.desk.answer = func(pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errDown }
		p.press("a")
		p.wait(5 * time.Minute)
		p.sees("database is locked")
		p.press("esc")
		p.seesNot("database is locked")
	})
}

// What says that a key leads somewhere is gone there, by whatever way.
func TestATripThatIsMadeIsNotOffered(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		s := &story{t: t, policy: shopPolicy(t), events: map[incident.ID][]incident.Event{}}
		fresh := s.declare("INC-205", time.Now(), incident.Sev2, "search slow", "search")
		p.world(func(w *pane.World) { w.Incidents = append([]incident.Incident{fresh}, w.Incidents...) })
		p.sees("SEV-2 INC-205: search slow  ! goes there")
		p.wait(time.Minute)
		p.sees("! goes there")
		p.press(":")
		p.typed("go INC-205")
		p.press("enter")
		p.sees("[SEV2] INC-205")
		p.seesNot("INC-205: search slow  ! goes there")
	})
}
