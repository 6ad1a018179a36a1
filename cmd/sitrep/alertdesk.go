package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
)

// alertDesk records what sources say of alerts, once for all processes, and decides
// what each means: it joins an open incident, opens one, or is only listed. Its
// book is what the timeline says, so whoever decides decides alike. It is safe for
// concurrent use.
type alertDesk struct {
	db     *store.DB
	policy escalation.Policy
	rules  alert.Rules
	source string                 // of the events: tui, daemon
	freeze func() json.RawMessage // the signals now; must not block

	mu     sync.Mutex
	book   *alert.Book            // nil: it has to be read
	seen   int64                  // Seq up to which the book knows the timeline
	drills map[string]incident.ID // by an alert's fingerprint: the drill that a burn belongs to, which is being decided
}

// alertMemory is how far back the book knows what fired.
const alertMemory = 7 * 24 * time.Hour

// mostAtOnce is how many alerts one transaction takes: others write too.
const mostAtOnce = 500

// alertKinds are what the book is made of.
func alertKinds() []incident.Kind {
	return []incident.Kind{
		incident.AlertFired, incident.AlertResolved, incident.Declared, incident.Merged, incident.Resolved, incident.Closed,
	}
}

// take records reports and does what they ask for. After an error the rest of them
// may be offered again: what stands stands once.
func (d *alertDesk) take(ctx context.Context, reports []alert.Report, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for rest := reports; len(rest) > 0; {
		done := 0
		err := d.abreast(ctx, now, func(s *sitting) (err error) {
			done, err = s.hear(rest)
			return err
		})
		if err != nil {
			return err
		}
		rest = rest[done:]
	}
	return nil
}

// look gives alerts their due that flapped and have lasted since. It is for calling
// every now and then.
func (d *alertDesk) look(ctx context.Context, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(ctx, now); err != nil {
		return err
	}
	d.book.Prune(now.Add(-max(d.rules.Within, 24*time.Hour)))
	for _, a := range d.book.Lasting(d.rules, now) {
		if err := d.abreast(ctx, now, func(s *sitting) error { return s.lasts(a) }); err != nil {
			return err
		}
	}
	return nil
}

// firing is what the timeline knows as firing by the word of a source.
func (d *alertDesk) firing(ctx context.Context, from string) ([]alert.Alert, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read(ctx, time.Now()); err != nil {
		return nil, err
	}
	return d.book.Firing(from), nil
}

// known says which firings of these changes the timeline has.
func (d *alertDesk) known(a alert.Alert) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.book == nil {
		return false
	}
	_, is := d.book.Find(a)
	return is
}

// annotate says of each alert of list what became of it. List is the caller's.
func (d *alertDesk) annotate(list []alert.Alert) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.book == nil {
		return
	}
	for i := range list {
		d.book.Annotate(&list[i])
	}
}

// read fills the book from the timeline, if it is not there.
func (d *alertDesk) read(ctx context.Context, now time.Time) error {
	if d.book != nil {
		return nil
	}
	last, err := d.db.Last(ctx)
	if err != nil {
		return err
	}
	events, err := d.db.OfKinds(ctx, now.Add(-alertMemory), now.Add(time.Hour), alertKinds()...)
	if err != nil {
		return fmt.Errorf("read the alerts of the last days: %w", err)
	}
	d.book, d.seen = alert.NewBook(), last
	d.learn(slices.DeleteFunc(events, func(e incident.Event) bool { return e.Seq > last }))
	return nil
}

// learn puts events into the book.
func (d *alertDesk) learn(events []incident.Event) {
	for _, e := range events {
		var a alert.Alert
		switch e.Kind {
		case incident.AlertFired:
			if e.Payload(&a) == nil {
				d.book.Fired(a, e.At, d.rules.By)
			}
		case incident.AlertResolved:
			if e.Payload(&a) == nil {
				d.book.Ended(a)
			}
		case incident.Declared:
			var dec incident.Declaration
			if e.Payload(&dec) == nil && !dec.Drill { // nothing real hides in practice
				d.book.Belongs(alertOf(dec), string(e.Incident), e.At, d.rules.By)
			}
		case incident.Merged:
			var m incident.Merge
			if e.Payload(&m) == nil {
				d.book.Moved(string(m.From), string(m.Into))
			}
		case incident.Resolved, incident.Closed:
			d.book.Forget(string(e.Incident))
		}
	}
}

// alertOf is the alert that a declaration is about, or what a person's has of one.
func alertOf(dec incident.Declaration) alert.Alert {
	a := alert.Alert{Name: dec.DetectedBy, Labels: dec.Labels, ActiveAt: dec.DetectedAt}
	if len(a.Labels) == 0 {
		a.Labels = map[string]string{"service": dec.Service}
	}
	a.Fingerprint = alert.Fingerprint(a.Labels)
	return a
}

// abreast runs decide with a book that lacks nothing, and records what it decides in
// the same transaction. What was decided and not recorded is forgotten with the book.
func (d *alertDesk) abreast(ctx context.Context, now time.Time, decide func(*sitting) error) error {
	if err := d.read(ctx, now); err != nil {
		return err
	}
	seen, _, err := d.db.Abreast(ctx, d.seen, alertKinds(), func(l store.LookBack) ([]incident.Event, error) {
		d.learn(l.Fresh)
		s := &sitting{desk: d, look: l, now: now, open: map[incident.ID]incident.Incident{}, joined: map[incident.ID]*incident.Attached{}}
		if err := decide(s); err != nil {
			return nil, err
		}
		return s.close(), nil
	})
	if err != nil {
		d.book = nil
		return err
	}
	d.seen = seen
	return nil
}

// Run gives lasting alerts their due until ctx ends.
func (d *alertDesk) Run(ctx context.Context) error {
	tick := time.NewTicker(max(min(d.rules.Hold/4, 15*time.Second), time.Second))
	defer tick.Stop()
	for {
		if err := d.look(ctx, time.Now()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// sitting is one transaction of the desk.
type sitting struct {
	desk   *alertDesk
	look   store.LookBack
	now    time.Time
	events []incident.Event
	open   map[incident.ID]incident.Incident // those that were looked at, after the events
	joined map[incident.ID]*incident.Attached
	once   string // of the event that says what joined; empty: it is decided once anyway
}

// hear takes reports until there are many events, or an incident was opened: what
// follows has to see it. It answers with how many it took.
func (s *sitting) hear(reports []alert.Report) (int, error) {
	book := s.desk.book
	for i, r := range reports {
		if len(s.events) >= mostAtOnce {
			return i, nil
		}
		a := r.Alert
		known, is := book.Find(a)
		switch {
		case r.Ended && is:
			s.add(incident.AlertResolved, "", known, known.Cause()+"/resolved", endText(known, r.Why))
			book.Ended(known)
			continue
		case r.Ended:
			continue // nobody was told that it fired
		case is:
			if a.Group != "" && known.Incident != "" && book.OfGroup(a.Group) == "" {
				book.Belongs(a, known.Incident, time.Time{}, s.desk.rules.By)
			}
			continue
		case book.Covered(a):
			continue
		}
		if a.ActiveAt.IsZero() {
			a.ActiveAt = s.now.UTC()
		}
		if _, there, err := s.look.Recorded(a.Cause() + "/fired"); err != nil || there {
			if err == nil {
				err = s.remember(a)
			}
			if err != nil {
				return 0, err
			}
			continue
		}
		opened, err := s.fires(a)
		if err != nil || opened {
			return i + 1, err
		}
	}
	return len(reports), nil
}

// remember takes an alert into the book that fires for longer than the book goes
// back. What a source says late of one that has ended is nothing.
func (s *sitting) remember(a alert.Alert) error {
	_, ended, err := s.look.Recorded(a.Cause() + "/resolved")
	if err == nil && !ended {
		s.desk.book.Fired(a, a.ActiveAt, s.desk.rules.By)
	}
	return err
}

// fires records a firing and decides what it means.
func (s *sitting) fires(a alert.Alert) (opened bool, err error) {
	d := s.desk
	a.Flapping = d.book.Flaps(a.Fingerprint, d.rules, s.now)
	word := "fired"
	if a.Flapping {
		word = "flaps"
	} else if a, opened, err = s.place(a); err != nil {
		return false, err
	}
	// Before the incident that it opens: it was first.
	fired := s.event(incident.AlertFired, "", a, a.Cause()+"/fired", alertText(a, word))
	if opened {
		last := len(s.events) - 1
		s.events = append(s.events[:last:last], fired, s.events[last])
	} else {
		s.events = append(s.events, fired)
	}
	d.book.Fired(a, s.now, d.rules.By)
	return opened, nil
}

// lasts is for an alert that flapped, and does not any more.
func (s *sitting) lasts(a alert.Alert) error {
	if known, is := s.desk.book.Find(a); !is || !known.Flapping || known.Incident != "" {
		return nil
	}
	s.desk.book.Steady(a)
	s.once = a.Cause() + "/attached"
	if _, done, err := s.look.Recorded(s.once); err != nil || done {
		return err
	}
	a, _, err := s.place(a)
	if err == nil && a.Incident != "" {
		s.desk.book.Belongs(a, a.Incident, s.now, s.desk.rules.By)
	}
	return err
}

// place finds the incident that an alert belongs to, or opens one, if the policy says
// so. Alert.Incident names it.
func (s *sitting) place(a alert.Alert) (_ alert.Alert, opened bool, err error) {
	d := s.desk
	severity, auto := d.declares(a)
	if inc, ours := s.drill(a); ours {
		a.Incident = string(inc.ID)
		return a, false, s.join(a, inc, severity, false)
	}
	declared, already, err := s.look.Recorded(a.Cause() + "/declared")
	if err != nil {
		return a, false, err
	}
	var homes []string
	switch {
	case already: // a person was faster
		if inc, open := s.find(declared); open {
			a.Incident = string(inc.ID)
		}
		return a, false, nil
	case a.Group != "":
		homes = append(homes, d.book.OfGroup(a.Group))
	}
	if auto {
		homes = append(homes, d.book.Storm(a, d.rules, s.now)...)
	}
	for _, id := range homes {
		inc, open := s.find(incident.ID(id))
		if !open {
			continue
		}
		a.Incident = string(inc.ID)
		return a, false, s.join(a, inc, severity, auto)
	}
	if !auto {
		return a, false, nil
	}
	id, err := s.look.Next()
	if err != nil {
		return a, false, err
	}
	e, err := incident.Declare(incident.By{Actor: incident.Sitrep, Source: "alert", At: s.now, Evidence: d.freeze()}, id, declarationOf(a, severity, d.policy))
	if err != nil {
		return a, false, err
	}
	e.Once, a.Incident = a.Cause()+"/declared", string(id)
	s.events = append(s.events, e)
	return a, true, nil
}

// find is an incident that alerts may join: open and real, and where it was merged
// the one that goes on.
func (s *sitting) find(id incident.ID) (incident.Incident, bool) {
	for range 10 { // merged, and merged again
		if id == "" {
			break
		}
		inc, known := s.open[id]
		if !known {
			var err error
			if inc, err = s.look.Incident(id); err != nil {
				break
			}
			s.open[id] = inc
		}
		if inc.MergedInto == "" {
			return inc, !inc.Status.Over() && !inc.Drill
		}
		id = inc.MergedInto
	}
	return incident.Incident{}, false
}

// join adds an alert to an incident. A worse one makes it worse: its people are
// called by the severity that it would have opened an incident with.
func (s *sitting) join(a alert.Alert, inc incident.Incident, severity incident.Severity, auto bool) error {
	j := s.joined[inc.ID]
	if j == nil {
		j = &incident.Attached{Names: map[string]int{}}
		s.joined[inc.ID] = j
	}
	j.Alerts++
	if _, counted := j.Names[a.Name]; counted || len(j.Names) < mostNames {
		j.Names[a.Name]++
	}
	if !auto || !severity.WorseThan(inc.Severity) {
		return nil
	}
	by := incident.By{Actor: incident.Sitrep, Source: "alert", At: s.now}
	events, err := inc.ChangeSeverity(by, severity, a.Name+" joined it")
	if err != nil {
		return err
	}
	s.events = append(s.events, events...)
	for _, e := range events {
		inc = inc.Apply(e)
	}
	s.open[inc.ID] = inc
	return nil
}

// mostNames is how many names of alerts one event counts apart.
const mostNames = 100

// close is what the sitting decided, with a line on every incident that grew.
func (s *sitting) close() []incident.Event {
	for id, j := range s.joined {
		text := fmt.Sprintf("%s joined: %s", count(j.Alerts, "alert"), *j)
		if before := s.open[id].Alerts; before > 0 {
			text += fmt.Sprintf(" (%d in all)", before+j.Alerts)
		}
		e := incident.Event{Incident: id, At: s.now, Kind: incident.AlertAttached, Actor: incident.Sitrep, Source: "alert", Text: text, Data: incident.Payload(j), Once: s.once}
		s.events = append(s.events, e)
	}
	if len(s.events) > 0 && len(s.events[0].Evidence) == 0 {
		s.events[0].Evidence = s.desk.freeze() // one moment, kept once
	}
	return s.events
}

func (s *sitting) add(kind incident.Kind, id incident.ID, a alert.Alert, once, text string) {
	s.events = append(s.events, s.event(kind, id, a, once, text))
}

func (s *sitting) event(kind incident.Kind, id incident.ID, a alert.Alert, once, text string) incident.Event {
	return incident.Event{
		Incident: id, At: s.now, Kind: kind, Actor: incident.Sitrep, Source: s.desk.source, Text: text, Data: incident.Payload(a), Once: once,
	}
}

// endText says that an alert ended, and why if not because its condition did.
func endText(a alert.Alert, why string) string {
	text := alertText(a, "resolved")
	if why != "" {
		text += ": " + why
	}
	return text
}

// alertText is what happened to an alert, in a line. The words of its summary are
// those of the firing.
func alertText(a alert.Alert, word string) string {
	text := a.Name + " " + word
	if summary := a.Annotations["summary"]; summary != "" && word != "resolved" {
		text += ": " + summary
	} else if s := serviceOf(a); s != "" {
		text += " on " + s
	}
	const longest = 1000
	if all := []rune(text); len(all) > longest {
		text = string(all[:longest]) + "…"
	}
	return text
}
