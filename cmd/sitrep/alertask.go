package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// allAlerts is what every Prometheus, Alertmanager and the checks say together, with how
// the rules do. Who does not answer is said in err; what the others say is there.
func (a *app) allAlerts(ctx context.Context) (list []alert.Alert, rules []alert.Rule, err error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	names := append([]string{""}, slices.Sorted(maps.Keys(c.Sources))...)
	lists, errs := make([][]alert.Alert, len(names)+1), make([]error, len(names)+2)
	ruled := make([][]alert.Rule, len(names))
	var managed []alert.Alert
	manager, err := a.alertmanager(ctx)
	if err != nil {
		return nil, nil, err
	}
	clients := make([]*query.Client, len(names))
	for i, name := range names {
		if clients[i], err = a.server(ctx, name); err != nil {
			return nil, nil, err
		}
		defer clients[i].CloseIdle()
	}
	var g errgroup.Group
	for i, name := range names {
		g.Go(func() error {
			lists[i], ruled[i], errs[i] = a.alertsOf(ctx, name, clients[i])
			return nil
		})
	}
	if manager != nil {
		defer manager.CloseIdle()
		g.Go(func() error {
			managed, errs[len(names)] = manager.Alerts(ctx)
			return nil
		})
	}
	lists[len(names)], errs[len(names)+1] = a.alertsOfChecks(ctx, c)
	_ = g.Wait()
	return alert.Merge(alert.Union(lists...), managed), slices.Concat(ruled...), withCode(exitInconclusive, errors.Join(errs...))
}

// alertsOf is what one Prometheus says; in place of the first one, if it does not answer,
// what stands in for it.
func (a *app) alertsOf(ctx context.Context, name string, client *query.Client) ([]alert.Alert, []alert.Rule, error) {
	server := alertServer{name: name, source: client}
	var source alert.Source = client
	if name != "" {
		source = &maybeAlerts{Source: client}
	}
	raw, err := source.Alerts(ctx)
	if name == "" && gone(err) {
		instead, failed := a.insteadOf(ctx, client, err)
		if failed != nil {
			return nil, nil, failed
		}
		source = instead
		fmt.Fprintf(a.stderr, "sitrep: alerts are those that it told of %s ago, and those of rules that do not look back\n", strictyaml.FormatDuration(time.Since(a.deputy.Learned).Round(time.Second)))
		raw, err = source.Alerts(ctx)
	}
	if err != nil {
		if name != "" {
			err = fmt.Errorf("sources.%s: %w", name, err)
		}
		return nil, nil, err
	}
	rules, _ := source.Rules(ctx) // not every backend has them
	server.says(alert.From(raw), nil, time.Now())
	return server.list, rules, nil
}

// alertsOfChecks are those that fire by the timeline: whether a check fails for long
// enough, one look cannot tell.
func (a *app) alertsOfChecks(ctx context.Context, c *config) (list []alert.Alert, err error) {
	path, err := a.storePath()
	if err != nil || len(c.Checks) == 0 {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	err = a.withStore(ctx, func(db *store.DB) error {
		if lease, err := db.Lease(ctx); err == nil && !lease.Live(time.Now()) {
			fmt.Fprintln(a.stderr, "sitrep: nobody makes alerts of the checks now: start sitrep daemon (sitrep health looks once)")
		}
		list, err = (&alertDesk{db: db}).firing(ctx, alert.FromChecks)
		return err
	})
	return list, err
}

// tellersOf is who lists an alert, as people call them.
func tellersOf(a alert.Alert) string {
	names := []string{a.Teller()}
	for _, also := range a.Also {
		names = append(names, alert.Alert{From: also}.Teller())
	}
	return strings.Join(names, ", ")
}
