package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// alertNews is all that is known of alerts at one moment, for a screen.
type alertNews struct {
	list     []alert.Alert
	silences []alert.Silence
	rules    []alert.Rule
	manager  string             // Alertmanager's address; empty: none is configured
	tellers  []pane.AlertTeller // all that are asked, in the order of the configuration
	err      error              // of the last try of any of them
	at       time.Time          // of the last good answer of a server
}

// alertWatch hears every Prometheus, Alertmanager, and sitrep's own checks, each by
// itself: one that does not answer hides nobody else, and what it said last stands.
//
// With an Alertmanager that one is believed: it knows what is silenced, what inhibits
// what, and what other sources tell it. Prometheus shows what is pending and how rules
// do, and is believed while Alertmanager does not answer. A server of sources may tell
// another Alertmanager, or none: it is believed of what this one does not list.
type alertWatch struct {
	desk    *alertDesk
	servers []*alertServer
	checks  *checkAlerts   // nil: nobody makes alerts of checks
	manager *alert.Manager // nil: none is configured
	manages time.Duration  // between looks at Alertmanager
	tell    func(alertNews)
	again   chan struct{} // one place: look at Alertmanager at once

	mu         sync.Mutex
	checked    []alert.Alert
	checksErr  error
	managed    []alert.Alert
	silences   []alert.Silence
	answered   time.Time // Alertmanager did, or began to be asked
	managedAt  time.Time // of its last good answer
	managerErr error
}

// managerPatience is for how long an Alertmanager that does not answer is waited
// for before Prometheus is believed in its stead, and for how long it may take to list
// what another server tells.
const managerPatience = time.Minute

// poke has Alertmanager asked at once: a notification left something out.
func (w *alertWatch) poke() {
	select {
	case w.again <- struct{}{}:
	default:
	}
}

// Run watches until ctx ends.
func (w *alertWatch) Run(ctx context.Context) error {
	w.note(func() { w.answered = time.Now() }) // it gets its time to answer
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range w.servers {
		g.Go(func() error { return w.hear(ctx, s) })
	}
	if w.checks != nil {
		g.Go(func() error { return w.checks.Run(ctx, w.hearChecks) })
	}
	if w.manager != nil {
		g.Go(func() error { return w.hearManager(ctx) })
	}
	return g.Wait()
}

func (w *alertWatch) hearManager(ctx context.Context) error {
	known, err := w.desk.firing(ctx, alert.FromManager)
	if err != nil {
		return err
	}
	watcher := &alert.Watcher{
		Source: managerSource{w}, Interval: w.manages, Known: known, Again: w.again, Report: w.fromManager,
		Latest: func(_ []alert.Alert, err error) { w.heard(func(time.Time) { w.managerErr = err }) },
	}
	return watcher.Run(ctx)
}

// hearChecks notes what the checks alert of.
func (w *alertWatch) hearChecks(list []alert.Alert, err error) {
	w.heard(func(time.Time) { w.checked, w.checksErr = list, err })
}

// note notes something of which the screen hears with the next news.
func (w *alertWatch) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
}

// known are the silences as they were known last.
func (w *alertWatch) known() []alert.Silence {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silences
}

// heard notes what a source says and tells the screen.
func (w *alertWatch) heard(what func(now time.Time)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	what(now)
	n := alertNews{silences: w.silences}
	var lists [][]alert.Alert
	for _, s := range w.servers {
		lists, n.rules = append(lists, s.list), append(n.rules, s.rules...)
		n.hears(s.from(), s.at, s.err)
		n.at = newer(n.at, s.at)
	}
	if w.checks != nil && w.checks.runner != nil {
		n.rules = append(n.rules, w.checks.rules(now)...)
		n.hears(alert.FromChecks, now, w.checksErr)
	}
	lists = append(lists, w.checked)
	if w.manager != nil {
		n.manager = w.manager.URL()
		n.hears(alert.FromManager, w.managedAt, w.managerErr)
		n.at = newer(n.at, w.managedAt)
	}
	n.list = append(slices.Clone(alert.Merge(alert.Union(lists...), w.managed)), w.desk.burns()...) // those that a server tells too are not the desk's
	w.desk.annotate(n.list)
	w.tell(n)
}

func newer(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// hears notes how one of those who are asked does.
func (n *alertNews) hears(from string, at time.Time, err error) {
	t := pane.AlertTeller{Name: alert.Alert{From: from}.Teller(), At: at, Err: err}
	n.tellers = append(n.tellers, t)
	if err != nil {
		n.err = errors.Join(n.err, fmt.Errorf("%s: %w", t.Name, err))
	}
}

// managerSource is Alertmanager as a Watcher sees it. What is hidden there counts as
// pending: it does not fire for anybody, and has not ended either.
type managerSource struct{ w *alertWatch }

// Alerts implements alert.Source.
func (s managerSource) Alerts(ctx context.Context) ([]query.RawAlert, error) {
	list, err := s.w.manager.Alerts(ctx)
	if err != nil {
		return nil, err
	}
	silences, err := s.w.manager.Silences(ctx)
	if err != nil {
		return nil, err
	}
	s.w.note(func() {
		now := time.Now()
		s.w.managed, s.w.silences, s.w.answered, s.w.managedAt = list, silences, now, now
	})
	raw := make([]query.RawAlert, len(list))
	for i, a := range list {
		raw[i] = query.RawAlert{State: alert.Firing, Labels: a.Labels, Annotations: a.Annotations, ActiveAt: a.ActiveAt, Value: a.Value}
		if a.Hidden() {
			raw[i].State = alert.Pending
		}
	}
	return raw, nil
}

// errNoRules is that of Alertmanager, which has none.
var errNoRules = errors.New("no rules: it is an Alertmanager")

// Rules implements alert.Source: Alertmanager has none, and what it does not list has
// ended.
func (managerSource) Rules(context.Context) ([]query.RawRule, error) { return nil, errNoRules }

// fromManager tells the desk what Alertmanager says; that something ended only once no
// Prometheus lists it either, for an Alertmanager that was started anew knows nothing.
func (w *alertWatch) fromManager(ctx context.Context, changes []alert.Change) error {
	now := time.Now()
	w.mu.Lock()
	fires := w.firesElsewhere(alert.FromManager, changes, now)
	w.mu.Unlock()
	var tell []alert.Change
	var later alert.Later
	for _, c := range changes {
		if c.Alert.From = alert.FromManager; !c.Fired && fires.Covered(c.Alert) || c.Fired && w.desk.covered(c.Alert) {
			later = append(later, c)
			continue
		}
		tell = append(tell, c)
	}
	return w.report(ctx, tell, later, now)
}
