package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
)

// silenceKeeper ends the silences that were asked for until an incident is resolved.
// The process that runs the ladder does it.
type silenceKeeper struct {
	db      *store.DB
	manager *alert.Manager
	mine    func() bool
	problem func(string)
}

// longestSilence is how far back silences are looked for.
const longestSilence = 90 * 24 * time.Hour

// Run looks whenever something happened that may end one, and every now and then:
// Alertmanager may have been away.
func (k silenceKeeper) Run(ctx context.Context) error {
	said := complaint{problem: k.problem}
	for {
		if k.mine() {
			said.say(errorText(k.look(ctx, time.Now())))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(silencePace):
		}
	}
}

const silencePace = 5 * time.Second

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// look ends those whose incident is over.
func (k silenceKeeper) look(ctx context.Context, now time.Time) error {
	open, err := openSilences(ctx, k.db, now)
	if err != nil {
		return err
	}
	var errs error
	for _, s := range open {
		if !s.UntilResolved || s.incident == "" || !now.Before(s.EndsAt) {
			continue
		}
		inc, err := k.db.Incident(ctx, s.incident)
		if err != nil {
			return err
		}
		if !inc.Status.Over() {
			continue
		}
		by := incident.By{Actor: incident.Sitrep, Source: "alert", At: now}
		errs = errors.Join(errs, expireSilence(ctx, k.db, k.manager, by, s, fmt.Sprintf("%s is %s", inc.ID, inc.Status)))
	}
	return errs
}

// recordedSilence is one that was created from here.
type recordedSilence struct {
	incident.Silenced
	incident incident.ID
}

// openSilences are those from here that nobody is known to have ended.
func openSilences(ctx context.Context, db *store.DB, now time.Time) ([]recordedSilence, error) {
	events, err := db.OfKinds(ctx, now.Add(-longestSilence), now.Add(time.Hour), incident.AlertSilenced, incident.SilenceExpired)
	if err != nil {
		return nil, err
	}
	ended := map[string]bool{}
	var list []recordedSilence
	for _, e := range events {
		s := recordedSilence{incident: e.Incident}
		if e.Payload(&s.Silenced) != nil {
			continue
		}
		if e.Kind == incident.SilenceExpired {
			ended[s.Silence] = true
			continue
		}
		list = append(list, s)
	}
	open := list[:0]
	for _, s := range list {
		if !ended[s.Silence] {
			open = append(open, s)
		}
	}
	return open, nil
}

// expireSilence ends a silence and says so on the timeline, once. One that
// Alertmanager does not know any more has ended.
func expireSilence(ctx context.Context, db *store.DB, m *alert.Manager, by incident.By, s recordedSilence, why string) error {
	if err := m.ExpireSilence(ctx, s.Silence); err != nil && !errors.Is(err, alert.ErrNoSilence) {
		return fmt.Errorf("end the silence %s: %w", s.Matchers, err)
	}
	return appendBy(ctx, db, by, s.incident, incident.SilenceExpired, fmt.Sprintf("silence of %s ended: %s", s.Matchers, why), "silence/"+s.Silence+"/expired", s.Silenced)
}

// appendBy records what a person or an engine did beside an incident's own life.
func appendBy(ctx context.Context, db *store.DB, by incident.By, id incident.ID, kind incident.Kind, text, once string, data any) error {
	_, err := db.Append(ctx, incident.Event{
		Incident: id, At: by.At, Kind: kind, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source, Text: text, Data: incident.Payload(data), Evidence: by.Evidence, Once: once,
	})
	return err
}
