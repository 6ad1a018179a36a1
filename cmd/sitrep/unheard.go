package main

import (
	"context"
	"maps"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// reach is who answers for the levels of those incidents that nobody was reached
// about, as the store and the configuration know it: PagerDuty is not asked, it may
// be what is down.
func (f *follower) reach(ctx context.Context, list []incident.Incident) map[incident.ID][]escalation.Contact {
	found := map[incident.ID][]escalation.Contact{}
	for _, inc := range list {
		if !inc.Unreached() {
			continue
		}
		policy, err := escalation.Thaw(inc.Policy)
		if err != nil {
			policy = escalation.Default() // its people are in the event too
		}
		found[inc.ID] = f.onCall.known(ctx, policy.For(inc).Ladder(inc.Severity)).contacts
	}
	return found
}

// reached is old with what is known by now of those that changed.
func reached(old map[incident.ID][]escalation.Contact, changed []incident.Incident, fresh map[incident.ID][]escalation.Contact) map[incident.ID][]escalation.Contact {
	if len(old) == 0 && len(fresh) == 0 {
		return old
	}
	all := map[incident.ID][]escalation.Contact{}
	maps.Copy(all, old)
	for _, inc := range changed {
		delete(all, inc.ID)
	}
	maps.Copy(all, fresh)
	return all
}

// divertedIn adds the messages of pages that were told elsewhere in their place.
func divertedIn(events []incident.Event, to map[string]bool) {
	for _, e := range events {
		var p escalation.PageData
		if e.Kind == incident.PageDiverted && e.Payload(&p) == nil {
			to[p.Message] = true
		}
	}
}

// divertedSince is old with those of new events; a map that was published is left
// alone.
func divertedSince(old map[string]bool, whole map[incident.ID][]incident.Event, events []incident.Event) map[string]bool {
	fresh := map[string]bool{}
	divertedIn(events, fresh)
	for _, list := range whole {
		divertedIn(list, fresh)
	}
	if len(fresh) == 0 {
		return old
	}
	maps.Copy(fresh, old)
	return fresh
}
