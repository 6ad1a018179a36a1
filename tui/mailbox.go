package tui

import (
	"maps"
	"sync"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

// Mailbox is where engines leave what they know for the screen. The latest
// wins: a storm of updates costs the screen one picture, and a screen that
// does not look never holds an engine up. It is safe for concurrent use.
type Mailbox struct {
	mu    sync.Mutex
	world *pane.World
	wake  chan struct{} // one place: a burst coalesces
}

// NewMailbox is a mailbox with a world of which nothing is known.
func NewMailbox() *Mailbox {
	return &Mailbox{world: &pane.World{Unread: true, Delivery: pane.Delivery{Unasked: true}}, wake: make(chan struct{}, 1)}
}

// Update publishes a changed copy of the world and wakes the screen. The copy's
// maps are its own; slices that were published may be replaced or appended to,
// never written into. Change must not block nor keep what it was given.
func (m *Mailbox) Update(change func(*pane.World)) {
	m.mu.Lock()
	next := *m.world
	next.Events, next.Drafts = maps.Clone(next.Events), maps.Clone(next.Drafts)
	change(&next)
	m.world = &next
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // one wake is on its way already
	}
}

// World is the latest that was published. It must not be changed.
func (m *Mailbox) World() *pane.World {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.world
}
