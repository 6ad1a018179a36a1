package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// longestWrite is how long one --write lasts at most, as one :write does.
const longestWrite = 8 * time.Hour

// writeLength is what --write says: for how long a screen may write, and that a command
// may. 0 is that nothing was said.
func (a *app) writeLength() (time.Duration, error) {
	if a.flags.write == "" {
		return 0, nil
	}
	d, err := strictyaml.ParseDuration(a.flags.write)
	if err != nil || d <= 0 || d > longestWrite {
		return 0, usage("--write=%s: give a length up to %s, such as --write=15m", a.flags.write, strictyaml.FormatDuration(longestWrite))
	}
	return d, nil
}

// elevated is until when the screen may write from its start on, which stands on the
// timeline; zero if --write was not said, or nothing is read-only.
func (a *app) elevated(ctx context.Context, db *store.DB, prod bool) (until time.Time, err error) {
	length, err := a.writeLength()
	if err != nil || length == 0 || !prod {
		return until, err
	}
	by, err := a.by(nil)
	if err != nil {
		return until, err
	}
	return by.At.Add(length), recordElevation(ctx, db, by, a.flags.context, length)
}

// recordElevation says who may write where, until when; a length of 0 is that it is over.
func recordElevation(ctx context.Context, db *store.DB, by incident.By, name string, length time.Duration) error {
	kind, text, e := incident.WriteEnded, name+" is read-only again", incident.Elevation{Context: name}
	if length > 0 {
		kind, e.Until = incident.WriteEnabled, by.At.Add(length).UTC().Truncate(time.Second)
		text = fmt.Sprintf("%s may write in %s until %s: chaos, load, silences", by.Actor, name, stamp(e.Until))
	}
	return appendBy(ctx, db, by, "", kind, text, "", e)
}

// elevate is :write of the screen.
func (o *operator) elevate(ctx context.Context, order pane.Elevate) (pane.Receipt, error) {
	name := o.app.flags.context
	if err := recordElevation(ctx, o.db, o.by(), name, order.Length); err != nil {
		return pane.Receipt{}, fmt.Errorf("%s stays as it is: %w", name, err)
	}
	if order.Length == 0 {
		return pane.Receipt{Text: name + " is read-only again"}, nil
	}
	return pane.Receipt{Text: fmt.Sprintf("chaos, load and silences are allowed in %s for %s", name, strictyaml.FormatDuration(order.Length))}, nil
}
