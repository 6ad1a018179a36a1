package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

const (
	undoTime = 5 * time.Second // what reaches people can be taken back so long
	armTime  = 3 * time.Second // chaos and load by one key, outside of prod
	tooLate  = 30 * time.Second
)

// countdown is an errand that will be sent when it is due, unless a person
// takes it back.
type countdown struct {
	number int
	errand errand
	due    time.Time
}

// countdowns are those that run. They survive whatever the person looks at
// meanwhile.
type countdowns struct {
	running []countdown
	last    int
}

// dueMsg says that a countdown, by number, has ended.
type dueMsg int

// of says whether this very order counts down already: a key that repeats
// sends it once.
func (c *countdowns) of(o pane.Order) bool {
	for _, x := range c.running {
		if x.errand.order == o {
			return true
		}
	}
	return false
}

func (c *countdowns) take(number int) (countdown, bool) {
	for i, x := range c.running {
		if x.number == number {
			c.running = append(c.running[:i:i], c.running[i+1:]...)
			return x, true
		}
	}
	return countdown{}, false
}

// countDown starts the time in which e can be taken back.
func (m *model) countDown(e errand) tea.Cmd {
	if m.counts.of(e.order) {
		m.inform("%s counts down already; %s takes it back", e.title, m.keyFor(undoKey))
		return nil
	}
	if !m.mayWrite(e.order) { // it may have run out while that was asked
		return nil
	}
	m.counts.last++
	number := m.counts.last
	m.counts.running = append(m.counts.running, countdown{number, e, m.now.Add(e.wait)})
	return tea.Batch(m.rehearsed(e), m.after(e.wait, dueMsg(number)))
}

// due sends what was not taken back. A machine that slept through the countdown
// sends nothing: nobody could have taken it back, and the world has moved on.
func (m *model) due(number dueMsg) tea.Cmd {
	c, ok := m.counts.take(int(number))
	if !ok {
		return nil
	}
	if late := m.now.Sub(c.due); late > tooLate {
		m.complain("%s: not sent, this machine slept for %s; ask again if it is still wanted", c.errand.title, pane.Ago(late))
		return nil
	}
	return m.do(c.errand.order)
}

// takeBack stops everything that counts down and says whether anything did.
func (m *model) takeBack() bool {
	n := len(m.counts.running)
	if n == 0 {
		return false
	}
	for _, c := range m.counts.running {
		m.inform("taken back: %s", c.errand.title)
	}
	m.counts.running = nil
	return true
}

// takeBackFaults stops those that would start chaos or load.
func (m *model) takeBackFaults() {
	var keep []countdown
	for _, c := range m.counts.running {
		if !c.errand.fault {
			keep = append(keep, c)
		}
	}
	m.counts.running = keep
}

// left is how many whole seconds remain, counted up so that 0 is never shown.
func (c countdown) left(now time.Time) int {
	return max(int((c.due.Sub(now)+time.Second-1)/time.Second), 0)
}
