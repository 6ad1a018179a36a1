package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/store"
)

// examineLadder says who runs the ladder. That nobody does is wrong while an
// incident is open.
func examineLadder(ctx context.Context, db *store.DB) finding {
	lease, err := db.Lease(ctx)
	if err != nil || lease.Live(time.Now()) {
		return check("ladder", lease.Owner, err)
	}
	open, err := db.Incidents(ctx, true, 0)
	if err == nil && len(open) > 0 {
		err = fmt.Errorf("%s open and nobody runs the ladder: nobody will be called; start sitrep daemon, or leave a screen open", count(len(open), "incident"))
	}
	return check("ladder", "nobody: start sitrep daemon, or leave a screen open", err)
}

// examineDelivery says of every sink that the policy calls or that was asked
// before what the store knows of it. Nothing is sent: whether a sink that was
// never asked works is what --send-test finds out.
func (a *app) examineDelivery(ctx context.Context, db *store.DB) []finding {
	policy, err := a.policy()
	if err != nil {
		return nil // examineFiles says so
	}
	health, err := db.Health(ctx)
	if err != nil {
		return []finding{check("delivery", "", err)}
	}
	heads, err := db.Heads(ctx)
	if err != nil {
		return []finding{check("delivery", "", err)}
	}
	c, err := a.config()
	if err != nil {
		return nil // it has been read before
	}
	var sinks []string
	if !c.onlyChaos() { // else nobody is meant to be called
		sinks = policy.Sinks()
	}
	for _, h := range health {
		sinks = append(sinks, h.Sink)
	}
	for _, m := range heads {
		sinks = append(sinks, m.Sink)
	}
	slices.Sort(sinks)
	var found []finding
	for _, sink := range slices.Compact(sinks) {
		i := slices.IndexFunc(health, func(h escalation.SinkHealth) bool { return h.Sink == sink })
		known := i >= 0
		var h escalation.SinkHealth
		if known {
			h = health[i]
		}
		fine := "never asked: sitrep doctor --send-test tries it"
		if known {
			fine = "answered when it was asked last, " + stamp(h.Refilled)
		}
		trouble := sinkTrouble(h, heads, sink)
		if key := c.lacks(sink); key != "" {
			trouble = cmp.Or(trouble, fmt.Errorf("nothing goes out by it: the configuration has no %s", key))
		}
		found = append(found, check(sink, fine, trouble))
	}
	return found
}

// sinkTrouble is what is wrong with a sink, as far as the store knows.
func sinkTrouble(h escalation.SinkHealth, heads []escalation.Message, sink string) error {
	waiting := 0
	why := h.Why
	for _, m := range heads {
		if m.Sink == sink && m.Error != "" {
			waiting++
			why = m.Error
		}
	}
	switch {
	case h.Failures > 0:
		return fmt.Errorf("%s in a row, %s waiting: %s (sitrep pages --open)", count(h.Failures, "failure"), count(waiting, "message"), why)
	case waiting > 0:
		return errors.New(count(waiting, "message") + " waiting: " + why + " (sitrep pages --open)")
	}
	return nil
}
