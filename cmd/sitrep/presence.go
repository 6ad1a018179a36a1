package main

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// presence tells other screens what this one looks at, and this one who they are.
type presence struct {
	db      *store.DB
	actor   incident.Person
	mailbox *tui.Mailbox

	shown atomic.Value // incident.ID
	moved chan struct{}
}

func newPresence(db *store.DB, actor incident.Person, m *tui.Mailbox) *presence {
	p := &presence{db: db, actor: actor, mailbox: m, moved: make(chan struct{}, 1)}
	p.shown.Store(incident.ID(""))
	return p
}

// look says which incident is on the screen. It never blocks.
func (p *presence) look(id incident.ID) {
	p.shown.Store(id)
	select {
	case p.moved <- struct{}{}:
	default: // the newest is taken anyway
	}
}

// seeEvery is how often a screen looks who else is there.
const seeEvery = 2 * time.Second

// Run holds a seat until ctx ends.
func (p *presence) Run(ctx context.Context) (err error) {
	seat, err := p.db.Attend(store.Present{Actor: p.actor, Since: time.Now().UTC()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, seat.Leave()) }()
	tick := time.NewTicker(seeEvery)
	defer tick.Stop()
	var before []pane.Present
	var told incident.ID
	for {
		if id := p.shown.Load().(incident.ID); id != told {
			if err := seat.LookAt(id); err != nil {
				return err
			}
			told = id
		}
		others, err := seat.Others()
		if err != nil {
			return err
		}
		here := make([]pane.Present, 0, len(others))
		for _, o := range others {
			here = append(here, pane.Present{Name: o.Actor, Incident: o.Incident})
		}
		if !slices.Equal(here, before) {
			before = here
			p.mailbox.Update(func(w *pane.World) { w.Present = here })
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.moved:
		case <-tick.C:
		}
	}
}
