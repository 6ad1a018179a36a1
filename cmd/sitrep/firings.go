package main

import (
	"context"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// firings is what the timeline tells of the firings of alerts, and what people say of
// them: a fold of the events of firingKinds, to be learned in the order of recording.
type firings struct {
	list   []*firing
	by     map[string]*firing // by Cause
	last   map[string]*firing // by name, and by fingerprint: what a mark of an older schema means
	storms map[incident.ID]pane.Said
}

// firing is one of them.
type firing struct {
	stats.Firing
	cause, fingerprint string
	said               pane.Said
}

// firingMemory is how far the screen, marks and lint look back.
const firingMemory = 90 * 24 * time.Hour

func firingKinds() []incident.Kind {
	return []incident.Kind{incident.AlertFired, incident.AlertResolved, incident.AlertNoise, incident.AlertUseful, incident.AlertUnmarked}
}

func newFirings() *firings {
	return &firings{by: map[string]*firing{}, last: map[string]*firing{}, storms: map[incident.ID]pane.Said{}}
}

// readFirings reads those that began since then, with all that was said of them.
func readFirings(ctx context.Context, db *store.DB, since time.Time) (*firings, error) {
	events, err := db.OfKinds(ctx, since, time.Now().Add(time.Hour), firingKinds()...)
	if err != nil {
		return nil, err
	}
	f := newFirings()
	for i := range events {
		f.learn(&events[i])
	}
	return f, nil
}

// learn takes an event in; false if it says nothing of firings.
func (f *firings) learn(e *incident.Event) bool {
	switch e.Kind {
	case incident.AlertFired:
		var a alert.Alert
		if e.Payload(&a) == nil && f.by[a.Cause()] == nil {
			one := &firing{cause: a.Cause(), fingerprint: a.Fingerprint}
			one.Firing = stats.Firing{Name: a.Name, Incident: incident.ID(a.Incident), Flapping: a.Flapping, Began: e.At}
			f.list = append(f.list, one)
			f.by[one.cause], f.last[one.Name], f.last[one.fingerprint] = one, one, one
		}
	case incident.AlertResolved:
		var a alert.Alert
		if e.Payload(&a) == nil {
			if one := f.by[a.Cause()]; one != nil {
				one.Ended = e.At
			}
		}
	case incident.AlertNoise:
		f.mark(e, stats.Noise)
	case incident.AlertUseful:
		f.mark(e, stats.Useful)
	case incident.AlertUnmarked:
		f.mark(e, "")
	default:
		return false
	}
	return true
}

// mark takes in what a person says: the last word holds.
func (f *firings) mark(e *incident.Event, v stats.Verdict) {
	var m incident.Mark
	if e.Payload(&m) != nil {
		return
	}
	said := pane.Said{Verdict: v, By: e.Actor, At: e.At, Reason: m.Reason}
	if m.Storm != "" {
		f.storms[m.Storm] = said
		return
	}
	for _, cause := range m.Firings {
		if one := f.by[cause]; one != nil {
			one.said, one.Mark = said, v
		}
	}
	if len(m.Firings) > 0 {
		return
	}
	which := m.Fingerprint
	if which == "" {
		which = m.Name
	}
	if one := f.last[which]; one != nil {
		one.said, one.Mark = said, v
	}
}

// forget drops those that began before then.
func (f *firings) forget(before time.Time) {
	f.list = slices.DeleteFunc(f.list, func(one *firing) bool {
		old := one.Began.Before(before)
		if old {
			delete(f.by, one.cause)
			for _, k := range []string{one.Name, one.fingerprint} {
				if f.last[k] == one {
					delete(f.last, k)
				}
			}
		}
		return old
	})
}

// precise counts them by name. An alert that was only listed and that a person
// declared from is known by the declaration.
func (f *firings) precise(incidents []incident.Incident, zone *time.Location) []stats.Precision {
	declared := map[string]incident.ID{}
	for i := range incidents {
		if inc := &incidents[i]; inc.Clocks.DetectedBy != "" {
			declared[alert.Alert{Fingerprint: alert.Fingerprint(inc.Labels), ActiveAt: inc.Clocks.Detected}.Cause()] = inc.ID
		}
	}
	list := make([]stats.Firing, len(f.list))
	for i, one := range f.list {
		list[i] = one.Firing
		if list[i].Incident == "" {
			list[i].Incident = declared[one.cause]
		}
	}
	storms := map[incident.ID]stats.Verdict{}
	for id, said := range f.storms {
		storms[id] = said.Verdict
	}
	return stats.Precise(list, storms, incidents, zone)
}

// record is all of it as a screen shows it. What is returned is never written to again.
func (f *firings) record(incidents []incident.Incident, zone *time.Location, now time.Time) *pane.AlertRecord {
	r := &pane.AlertRecord{Rules: map[string]stats.Precision{}, Week: map[string]int{}, Said: map[string]pane.Said{}, Storms: map[incident.ID]pane.Said{}}
	for _, p := range f.precise(incidents, zone) {
		r.Rules[p.Name] = p
	}
	week := now.Add(-7 * 24 * time.Hour)
	for _, one := range f.list {
		if one.Began.After(week) {
			r.Week[one.fingerprint]++
		}
		if one.Mark != "" {
			r.Said[one.cause] = one.said
		}
	}
	for id, said := range f.storms {
		if said.Verdict != "" {
			r.Storms[id] = said
		}
	}
	return r
}
