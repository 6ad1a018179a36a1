package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// follower keeps the screen's world in step with the store: what any process
// writes is on the screen a moment later.
type follower struct {
	db      *store.DB
	mailbox *tui.Mailbox
	cursor  int64
	loaded  map[incident.ID]bool // whose whole timelines are in the world
	onCall  *onCallList
}

const (
	lookBack   = 24 * time.Hour // how long ended incidents and outside events stay in view
	mostEvents = 5000
)

// Run loads what is recent and then follows until ctx ends.
func (f *follower) Run(ctx context.Context) error {
	if err := f.load(ctx, time.Now()); err != nil {
		return err
	}
	for {
		if err := f.db.Wait(ctx, f.cursor); err != nil {
			return err
		}
		events, err := f.db.After(ctx, f.cursor, mostEvents)
		if err != nil {
			return err
		}
		if err := f.take(ctx, events); err != nil {
			return err
		}
	}
}

// load reads the recent past. The cursor is taken first: an event that comes
// meanwhile is offered twice rather than missed.
func (f *follower) load(ctx context.Context, now time.Time) (err error) {
	if f.cursor, err = f.db.Last(ctx); err != nil {
		return err
	}
	recent, err := f.db.Between(ctx, now.Add(-lookBack), now.Add(time.Hour), mostEvents)
	if err != nil {
		return err
	}
	all, err := f.db.Incidents(ctx, false, 200)
	if err != nil {
		return err
	}
	byIncident := map[incident.ID][]incident.Event{}
	for _, e := range recent {
		if e.Incident == "" {
			byIncident[""] = append(byIncident[""], e)
		}
	}
	var shown []incident.Incident
	f.loaded = map[incident.ID]bool{}
	for _, inc := range all {
		if inc.Status.Over() && now.Sub(inc.Clocks.Resolved) > lookBack {
			continue
		}
		shown = append(shown, inc)
		timelines, err := f.timelines(ctx, inc)
		if err != nil {
			return err
		}
		maps.Copy(byIncident, timelines)
	}
	messages, drafts, err := f.rest(ctx, shown)
	if err != nil {
		return err
	}
	diverted := map[string]bool{}
	for _, events := range byIncident {
		divertedIn(events, diverted)
	}
	reach := f.reach(ctx, shown)
	f.mailbox.Update(func(w *pane.World) {
		w.Unread = false
		w.Diverted, w.Reach = diverted, reach
		w.Incidents, w.Events, w.Delivery.Messages, w.Drafts = ordered(shown), byIncident, messages, drafts
	})
	return f.relate(ctx) // after what is there is on the screen
}

// relate finds what may help with the open incidents.
func (f *follower) relate(ctx context.Context) error {
	all, err := f.db.Incidents(ctx, false, 0)
	if err != nil {
		return err
	}
	related := map[incident.ID][]incident.Relation{}
	for _, inc := range all {
		if inc.Status.Over() {
			continue
		}
		list, err := relatedTo(ctx, f.db, inc, all)
		if err != nil {
			return err
		}
		related[inc.ID] = list[:min(len(list), mostRelated)]
	}
	f.mailbox.Update(func(w *pane.World) { w.Related = related })
	return nil
}

// relatesAnew says whether an event changes what incidents have in common, or how
// one of them ended.
func relatesAnew(e incident.Event) bool {
	switch e.Kind {
	case incident.Declared, incident.Resolved, incident.Reopened, incident.Merged, incident.Split:
		return true
	}
	return false
}

// timelines is those that inc is shown with and that are not in the world yet,
// whatever their age.
func (f *follower) timelines(ctx context.Context, inc incident.Incident) (map[incident.ID][]incident.Event, error) {
	ids, err := recordedUnder(ctx, f.db, inc)
	whole := map[incident.ID][]incident.Event{}
	for _, id := range ids {
		if f.loaded[id] {
			continue
		}
		if whole[id], err = f.db.Timeline(ctx, id); err != nil {
			return nil, err
		}
		f.loaded[id] = true
	}
	return whole, err
}

// take folds new events into the world.
func (f *follower) take(ctx context.Context, events []incident.Event) error {
	if len(events) == 0 {
		return nil
	}
	f.cursor = events[len(events)-1].Seq
	fresh := map[incident.ID]incident.Incident{}
	for _, e := range events {
		if _, done := fresh[e.Incident]; done || e.Incident == "" {
			continue
		}
		inc, err := f.db.Incident(ctx, e.Incident)
		if err != nil {
			return err
		}
		fresh[e.Incident] = inc
	}
	var changed []incident.Incident
	whole := map[incident.ID][]incident.Event{}
	for _, inc := range fresh {
		changed = append(changed, inc)
		timelines, err := f.timelines(ctx, inc) // an old one that something happens to again, or that is merged into another
		if err != nil {
			return err
		}
		maps.Copy(whole, timelines)
	}
	messages, drafts, err := f.rest(ctx, changed)
	if err != nil {
		return err
	}
	reach := f.reach(ctx, changed)
	f.mailbox.Update(func(w *pane.World) {
		w.Diverted, w.Reach = divertedSince(w.Diverted, whole, events), reached(w.Reach, changed, reach)
		list := slices.DeleteFunc(slices.Clone(w.Incidents), func(inc incident.Incident) bool { _, is := fresh[inc.ID]; return is })
		w.Incidents = ordered(append(list, changed...))
		w.Events = merge(w.Events, whole, events)
		w.Delivery.Messages = messages
		all := maps.Clone(w.Drafts)
		if all == nil {
			all = map[incident.ID]pane.Draft{}
		}
		maps.Copy(all, drafts)
		w.Drafts = all
	})
	if slices.ContainsFunc(events, relatesAnew) {
		return f.relate(ctx)
	}
	return nil
}

// rest reads what hangs on incidents besides their events.
func (f *follower) rest(ctx context.Context, list []incident.Incident) ([]escalation.Message, map[incident.ID]pane.Draft, error) {
	messages, err := f.db.Messages(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	drafts := map[incident.ID]pane.Draft{}
	for _, inc := range list {
		stored, err := f.db.Postmortems().Load(ctx, inc.ID)
		if errors.Is(err, postmortem.ErrNone) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		drafts[inc.ID] = draftOf(stored, inc)
	}
	return messages, drafts, nil
}

// ordered puts open incidents first, what is real before drills, the worst at the
// head and of equals the newest, then the others, the newest first.
func ordered(list []incident.Incident) []incident.Incident {
	slices.SortFunc(list, func(a, b incident.Incident) int {
		if x, y := a.Status.Over(), b.Status.Over(); x != y {
			if x {
				return 1
			}
			return -1
		}
		if !a.Status.Over() && a.Drill != b.Drill {
			return practice(a) - practice(b)
		}
		if !a.Status.Over() && a.Severity.Rank() != b.Severity.Rank() {
			return a.Severity.Rank() - b.Severity.Rank()
		}
		return b.Clocks.Declared.Compare(a.Clocks.Declared)
	})
	return list
}

// merge adds whole timelines, and events that are not there yet; published slices
// are left alone.
func merge(old, whole map[incident.ID][]incident.Event, events []incident.Event) map[incident.ID][]incident.Event {
	all := maps.Clone(old)
	if all == nil {
		all = map[incident.ID][]incident.Event{}
	}
	maps.Copy(all, whole)
	for _, e := range events {
		have := all[e.Incident]
		if n := len(have); n > 0 && have[n-1].Seq >= e.Seq {
			continue
		}
		all[e.Incident] = append(have[:len(have):len(have)], e)
	}
	return all
}
