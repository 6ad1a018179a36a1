package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// alertServer is a Prometheus as the watch hears it. What it said last is guarded by
// the watch.
type alertServer struct {
	name   string // of the section sources; "" is the first
	source alert.Source
	every  time.Duration // between two looks

	list  []alert.Alert
	rules []alert.Rule
	err   error                // of the last try
	at    time.Time            // of the last good answer
	since map[string]time.Time // by fingerprint: when it was first heard that it fires
}

// from is what its alerts say that they were heard from.
func (s *alertServer) from() string {
	if s.name == "" {
		return alert.FromPrometheus
	}
	return alert.FromServer(s.name)
}

// hear watches one Prometheus until ctx ends.
func (w *alertWatch) hear(ctx context.Context, s *alertServer) error {
	known, err := w.desk.firing(ctx, s.from())
	if err != nil {
		return err
	}
	source := s.source
	if s.name != "" && len(known) == 0 {
		source = &maybeAlerts{Source: source}
	}
	watcher := &alert.Watcher{
		Source: source, Interval: s.every, Known: known,
		Report: func(ctx context.Context, changes []alert.Change) error { return w.fromServer(ctx, s, changes) },
		Latest: func(list []alert.Alert, err error) { w.heard(func(now time.Time) { s.says(list, err, now) }) },
		Rules:  func(rules []alert.Rule) { w.note(func() { s.rules = rules }) },
	}
	return watcher.Run(ctx)
}

// maybeAlerts is a server beside the first, which may be no Prometheus but one that
// keeps samples, and knows nothing of alerts. Whoever answered once does.
type maybeAlerts struct {
	alert.Source
	knows bool
}

// Alerts implements alert.Source.
func (s *maybeAlerts) Alerts(ctx context.Context) ([]query.RawAlert, error) {
	list, err := s.Source.Alerts(ctx)
	var e *query.Error
	switch {
	case err == nil:
		s.knows = true
	case !s.knows && errors.As(err, &e) && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, e.Status):
		return nil, nil
	}
	return list, err
}

// says notes what the server said at now; what it said last stands if it failed.
func (s *alertServer) says(list []alert.Alert, err error, now time.Time) {
	s.err = err
	if err == nil {
		s.at = now
	}
	before := s.since
	s.list, s.since = slices.Clone(list), make(map[string]time.Time, len(list))
	for i := range s.list {
		a := &s.list[i]
		a.From = s.from()
		if a.State != alert.Firing {
			continue
		}
		at, known := before[a.Fingerprint]
		if !known {
			at = now
		}
		s.since[a.Fingerprint] = at
	}
}

// fromServer tells the desk what it has to know by the word of a Prometheus; the rest
// is offered again.
func (w *alertWatch) fromServer(ctx context.Context, s *alertServer, changes []alert.Change) error {
	now := time.Now()
	w.mu.Lock()
	fires := w.firesElsewhere(s.from(), changes, now)
	waits := w.waitsForManager(s, now)
	w.mu.Unlock()
	var tell []alert.Change
	var later alert.Later
	for _, c := range changes {
		c.Alert.From = s.from()
		switch {
		case c.Fired && w.desk.known(c.Alert): // by its word
		case c.Fired && (waits(c.Alert) || w.desk.covered(c.Alert)), !c.Fired && fires.Covered(c.Alert):
			later = append(later, c)
		default:
			tell = append(tell, c)
		}
	}
	return w.report(ctx, tell, later, now)
}

// report tells the desk of changes, and the watcher which come later.
func (w *alertWatch) report(ctx context.Context, tell []alert.Change, later alert.Later, now time.Time) error {
	reports := make([]alert.Report, len(tell))
	for i, c := range tell {
		reports[i] = alert.Report{Alert: c.Alert, Ended: !c.Fired}
	}
	if err := w.desk.take(ctx, reports, now); err != nil {
		return err
	}
	if len(later) > 0 {
		return later
	}
	return nil
}

// waitsForManager says of which alerts of a server Alertmanager is to speak.
func (w *alertWatch) waitsForManager(s *alertServer, now time.Time) func(alert.Alert) bool {
	if w.manager == nil || now.Sub(w.answered) >= managerPatience {
		return func(alert.Alert) bool { return false }
	}
	if s.name == "" {
		return func(alert.Alert) bool { return true }
	}
	listed := alert.NewBook()
	for _, a := range w.managed {
		a.From = alert.FromManager
		listed.Fired(a, now, nil)
	}
	since := s.since
	return func(a alert.Alert) bool {
		at, heard := since[a.Fingerprint]
		return listed.Covered(a) || !heard || now.Sub(at) < managerPatience
	}
}

// firesElsewhere is what others that answer call firing: while one of them does, an
// alert has not ended. It is empty where nothing ended.
func (w *alertWatch) firesElsewhere(from string, changes []alert.Change, now time.Time) *alert.Book {
	book := alert.NewBook()
	if !slices.ContainsFunc(changes, func(c alert.Change) bool { return !c.Fired }) {
		return book
	}
	add := func(list []alert.Alert, from string) {
		for _, a := range list {
			if a.From = from; a.State == alert.Firing && !a.Hidden() {
				book.Fired(a, now, nil)
			}
		}
	}
	for _, s := range w.servers {
		if s.from() != from && s.err == nil {
			add(s.list, s.from())
		}
	}
	if w.manager != nil && from != alert.FromManager && w.managerErr == nil {
		add(w.managed, alert.FromManager)
	}
	return book
}
