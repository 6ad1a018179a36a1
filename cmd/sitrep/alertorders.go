package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sitrep-dev/sitrep/tui/pane"
)

var errNoManager = errors.New("no Alertmanager is configured: set alertmanager.url in sitrep.yaml")

// silence creates the silence that a person asked for on the screen.
func (o *operator) silence(ctx context.Context, order pane.Silence) (pane.Receipt, error) {
	m := o.watch.manager
	if m == nil {
		return pane.Receipt{}, errNoManager
	}
	s := silencing{matchers: order.Matchers, length: order.Length, incident: order.ID, untilResolved: order.UntilResolved}
	if s.incident == "" {
		s.comment = "silenced from sitrep's screen"
	}
	_, ends, err := silence(ctx, o.db, m, o.by(), s)
	if err != nil {
		return pane.Receipt{}, err
	}
	o.watch.poke()
	return pane.Receipt{Text: fmt.Sprintf("%s silenced until %s", order.Matchers, stamp(ends)), Incident: order.ID, Outward: true}, nil
}

// endSilence ends one, whoever made it.
func (o *operator) endSilence(ctx context.Context, order pane.EndSilence) (pane.Receipt, error) {
	m := o.watch.manager
	if m == nil {
		return pane.Receipt{}, errNoManager
	}
	by := o.by()
	s, err := ourSilence(ctx, o.db, order.ID, by.At)
	if err != nil {
		return pane.Receipt{}, err
	}
	s.Matchers, s.EndsAt = order.Matchers, by.At.UTC()
	if err := expireSilence(ctx, o.db, m, by, s, "by "+string(by.Actor)); err != nil {
		return pane.Receipt{}, err
	}
	o.watch.poke()
	return pane.Receipt{Text: "ended: silence of " + order.Matchers, Outward: true}, nil
}
