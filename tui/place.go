package tui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// place is where a person is: in which view, how they came there, and which
// incident they are working on. A selection is an ID: whatever the list does,
// the act is about what was chosen.
type place struct {
	at, last int
	trail    []int    // views to go back through; the root is none of them
	filters  []string // by view
	selected incident.ID
	watched  incident.ID // was open while it was selected
	awaited  incident.ID // was just declared here, and is selected as soon as it is seen
}

// show goes to a view. Going to one that lies on the way back is going back.
func (p *place) show(view int) {
	if view == p.at {
		return
	}
	p.last = p.at
	switch i := slices.Index(p.trail, view); {
	case view == 0:
		p.trail = nil
	case i >= 0:
		p.trail = p.trail[:i]
	default:
		p.trail = append(p.trail, p.at)
	}
	p.at = view
}

// back goes to the view before; it says false at the root.
func (p *place) back() bool {
	if len(p.trail) == 0 {
		return false
	}
	p.last = p.at
	p.at, p.trail = p.trail[len(p.trail)-1], p.trail[:len(p.trail)-1]
	return true
}

// settleOn selects what was just declared, or the worst open incident if
// nothing is selected. What a person works on stays selected, whatever comes in.
func (p *place) settleOn(w *pane.World) {
	if _, seen := find(w, p.awaited); seen {
		p.selected, p.awaited = p.awaited, ""
	}
	if inc, there := find(w, p.selected); there {
		if !inc.Status.Over() {
			p.watched = inc.ID
		}
		return
	}
	p.selected = ""
	if list := open(w); len(list) > 0 {
		p.selected = list[0].ID
	}
}

// overTime is how long an incident whose end was seen here stays on the screen, and how
// long after the last key where one reads about it.
const overTime = 10 * time.Minute

// lapsed lets go of an incident whose end was seen here: what is over is no headline. One
// that a person has looked up stays.
func (m *model) lapsed() {
	inc, ok := m.incident()
	if !ok || m.asked != nil || m.frozen != nil || inc.ID != m.place.watched || !inc.Status.Over() || m.now.Sub(inc.Clocks.Resolved) < overTime {
		return
	}
	if m.place.at == nowView || m.place.at == boardView || m.now.Sub(m.touched) >= overTime {
		m.place.release(m.world)
	}
}

// release leaves an incident that is over for what is open, else for none.
func (p *place) release(w *pane.World) {
	p.selected, p.watched = "", ""
	p.settleOn(w)
}

// incident is the selected one.
func (m *model) incident() (incident.Incident, bool) {
	return find(m.world, m.place.selected)
}

func find(w *pane.World, id incident.ID) (incident.Incident, bool) {
	for _, inc := range w.Incidents {
		if inc.ID == id && id != "" {
			return inc, true
		}
	}
	return incident.Incident{}, false
}

// open are the incidents that are not over, in the order of the world.
func open(w *pane.World) []incident.Incident {
	var out []incident.Incident
	for _, inc := range w.Incidents {
		if !inc.Status.Over() {
			out = append(out, inc)
		}
	}
	return out
}

// show goes to a view and tells it its size.
func (m *model) show(view int) tea.Cmd {
	m.place.show(view)
	return m.fit()
}

// step selects the open incident that lies by further on.
func (m *model) step(by int) {
	list := open(m.world)
	if len(list) == 0 {
		m.inform("no incident is open")
		return
	}
	at := slices.IndexFunc(list, func(inc incident.Incident) bool { return inc.ID == m.place.selected })
	if at < 0 {
		at = -max(by, 0)
	}
	m.place.selected = list[(at+by+len(list))%len(list)].ID
}

// goTo selects an incident and shows it.
func (m *model) goTo(id incident.ID) tea.Cmd {
	if _, ok := find(m.world, id); !ok {
		m.complain("%s: no such incident here; it may be older than a day (sitrep incident show %s)", id, id)
		return nil
	}
	m.place.selected = id
	return m.show(0)
}

// unanswered is the worst incident besides the selected one that waits for an
// answer: nobody has acknowledged it, or this person was asked whether they are
// still on it.
func (m *model) unanswered() (incident.Incident, bool) {
	for _, inc := range open(m.world) {
		if inc.ID != m.place.selected && (!inc.Acknowledged() || inc.InDoubt() && inc.Clocks.AckBy == m.o.Actor) {
			return inc, true
		}
	}
	return incident.Incident{}, false
}

// follows goes on to an incident that waits for an answer when the one on the
// screen is over and nobody sits there: whoever looks up sees what is open. While
// keys are pressed or something is asked nothing moves.
func (m *model) follows() tea.Cmd {
	const alone = 30 * time.Second
	inc, ok := m.incident()
	other, waits := m.unanswered()
	_, alarm := m.alarmed()
	switch {
	case !ok || !inc.Status.Over() || !waits || other.Drill && !inc.Drill:
		return nil
	case m.asked != nil || alarm || m.now.Sub(m.touched) < alone:
		return nil
	}
	m.frozen = nil
	cmd := m.goTo(other.ID)
	m.toasts.add(m.now, toast{bad: true, text: safe.Sprintf("%s%s %s is on the screen now: %s is %s", drillWord(other), other.Severity, other.ID, inc.ID, inc.Status)})
	return cmd
}

// jump goes to what nobody has answered, else to the newest page, else to the
// newest alert.
func (m *model) jump() tea.Cmd {
	if m.recall() {
		return nil
	}
	if inc, ok := m.unanswered(); ok {
		return m.goTo(inc.ID)
	}
	var newest incident.Incident
	for _, inc := range open(m.world) {
		if newest.ID == "" || latestCall(inc).After(latestCall(newest)) {
			newest = inc
		}
	}
	if newest.ID != "" {
		return m.goTo(newest.ID)
	}
	if len(m.firing()) == 0 {
		m.inform("nothing is open and nothing fires")
	}
	return m.show(0)
}
