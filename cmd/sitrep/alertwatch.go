package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// alertNews is all that is known of alerts at one moment, for a screen.
type alertNews struct {
	list     []alert.Alert
	silences []alert.Silence
	rules    []alert.Rule
	manager  string // Alertmanager's address; empty: none is configured
	err      error  // of the last try of either source
	at       time.Time
}

// alertWatch hears Prometheus and Alertmanager. With an Alertmanager that one is
// believed: it knows what is silenced, what inhibits what, and what other sources
// tell it. Prometheus shows what is pending and how rules do, and is believed
// while Alertmanager does not answer.
type alertWatch struct {
	desk    *alertDesk
	client  alert.Source   // of Prometheus
	manager *alert.Manager // nil: none is configured
	every   time.Duration  // between looks at Prometheus
	manages time.Duration  // between looks at Alertmanager
	tell    func(alertNews)
	again   chan struct{} // one place: look at Alertmanager at once

	mu         sync.Mutex
	prometheus []alert.Alert
	managed    []alert.Alert
	silences   []alert.Silence
	rules      []alert.Rule
	at         time.Time // of the last good answer of either
	answered   time.Time // of Alertmanager
	promErr    error
	managerErr error
}

// managerPatience is for how long an Alertmanager that does not answer is waited
// for before Prometheus is believed in its stead.
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
	known, err := w.desk.firing(ctx, alert.FromPrometheus)
	if err != nil {
		return err
	}
	w.answered = time.Now() // it gets its time to answer
	g, ctx := errgroup.WithContext(ctx)
	prometheus := &alert.Watcher{
		Source: w.client, Interval: w.every, Known: known, Report: w.fromPrometheus,
		Latest: func(list []alert.Alert, err error) { w.heard(func() { w.prometheus, w.promErr = list, err }, err) },
		Rules:  func(rules []alert.Rule) { w.heard(func() { w.rules = rules }, errNothing) },
	}
	g.Go(func() error { return prometheus.Run(ctx) })
	if w.manager != nil {
		known, err := w.desk.firing(ctx, alert.FromManager)
		if err != nil {
			return err
		}
		manager := &alert.Watcher{
			Source: managerSource{w}, Interval: w.manages, Known: known, Again: w.again, Report: w.fromManager,
			Latest: func(_ []alert.Alert, err error) { w.heard(func() { w.managerErr = err }, err) },
		}
		g.Go(func() error { return manager.Run(ctx) })
	}
	return g.Wait()
}

// errNothing says that there is nothing to tell yet.
var errNothing = errors.New("nothing to tell")

// heard takes what a source says and tells the screen.
func (w *alertWatch) heard(take func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	take()
	if errors.Is(err, errNothing) {
		return
	}
	now := time.Now()
	if err == nil {
		w.at = now
	}
	list := append(slices.Clone(alert.Merge(w.prometheus, w.managed)), w.desk.burns()...) // those that a server tells too are not the desk's
	w.desk.annotate(list)
	n := alertNews{list: list, silences: w.silences, rules: w.rules, err: errors.Join(w.promErr, w.managerErr), at: w.at}
	if w.manager != nil {
		n.manager = w.manager.URL()
	}
	w.tell(n)
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
	s.w.mu.Lock()
	s.w.managed, s.w.silences, s.w.answered = list, silences, time.Now()
	s.w.mu.Unlock()
	raw := make([]query.RawAlert, len(list))
	for i, a := range list {
		raw[i] = query.RawAlert{State: alert.Firing, Labels: a.Labels, Annotations: a.Annotations, ActiveAt: a.ActiveAt, Value: a.Value}
		if a.Hidden() {
			raw[i].State = alert.Pending
		}
	}
	return raw, nil
}

// Rules implements alert.Source: Alertmanager has none, and what it does not list has
// ended.
func (managerSource) Rules(context.Context) ([]query.RawRule, error) { return nil, errNothing }

func (w *alertWatch) fromManager(ctx context.Context, changes []alert.Change) error {
	return w.desk.take(ctx, reportsOf(changes, alert.FromManager), time.Now())
}

// fromPrometheus believes Prometheus of what it has told before, and of the rest if
// no Alertmanager does.
func (w *alertWatch) fromPrometheus(ctx context.Context, changes []alert.Change) error {
	now := time.Now()
	w.mu.Lock()
	managed := w.manager != nil && now.Sub(w.answered) < managerPatience
	w.mu.Unlock()
	reports := reportsOf(changes, alert.FromPrometheus)
	all := len(reports)
	if managed {
		reports = slices.DeleteFunc(reports, func(r alert.Report) bool { return !w.desk.known(r.Alert) })
	}
	if err := w.desk.take(ctx, reports, now); err != nil {
		return err
	}
	if managed && len(reports) < all {
		return alert.ErrLater
	}
	return nil
}

func reportsOf(changes []alert.Change, from string) []alert.Report {
	out := make([]alert.Report, len(changes))
	for i, c := range changes {
		c.Alert.From = from
		out[i] = alert.Report{Alert: c.Alert, Ended: !c.Fired}
	}
	return out
}
