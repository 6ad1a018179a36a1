package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/loadtest/external"
	"github.com/sitrep-dev/sitrep/loadtest/imports"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// runOutside runs a script of k6, or a plan of JMeter, by its own program, and archives the
// result.
func (a *app) runOutside(ctx context.Context, file string, properties map[string]string, dry, compared bool) error {
	engine, err := external.Find(ctx, file)
	if err != nil {
		return withCode(exitInconclusive, err)
	}
	engine.Properties = properties
	what, err := a.reachOutside(ctx, engine, file)
	if err != nil {
		return refused(err, loadtest.ErrRefused)
	}
	if dry {
		_, err := fmt.Fprintln(a.stdout, oneLine(fmt.Sprintf("%s: %s; nothing was sent", file, what)))
		return err
	}
	if err := a.confirm(external.PlanName(file)); err != nil {
		return err
	}
	head, err := engine.Head(file)
	if err != nil {
		return err
	}
	return a.loaded(ctx, func(db *store.DB, rec *recorder, means loadtest.Means) error {
		var base loadtest.Result
		if compared {
			if base, err = baselineOf(ctx, db, head.Plan); err != nil {
				return err
			}
		}
		release, err := a.handle(ctx, &means, false)
		if err != nil {
			return err
		}
		var begunAs string
		begun := func(run string, at time.Time) loadtest.Result {
			begunAs = run
			h := head
			h.Run, h.StartedAt = run, at.UTC()
			return h
		}
		res, err := archived(ctx, db, rec, loadRun{begun, "", what, func(ctx context.Context, m loadtest.Means) (loadtest.Result, error) {
			if a.begun != nil {
				a.begun(begunAs) // not every engine tells how it goes
			}
			return engine.Run(ctx, file, m)
		}}, means, a.outsideProgress())
		release()
		if err != nil {
			return err
		}
		return a.endLoad(ctx, db, res, compared, base)
	})
}

// outsideProgress tells a person how it goes, as far as an engine tells it.
func (a *app) outsideProgress() func(string, loadtest.Progress) {
	return func(run string, p loadtest.Progress) {
		if !a.flags.json {
			fmt.Fprintf(a.stderr, "%s %4s  %6.0f/s  p50 %-7s p95 %-7s p99 %-7s errors %d\n", run, span(p.Elapsed), p.AchievedRate, ms(p.LastSecond.P50), ms(p.LastSecond.P95), ms(p.LastSecond.P99), p.Errors)
		}
	}
}

// reachOutside says what an engine would do, and refuses what would load another machine, or
// more than a plan may. k6 is kept from other addresses when it runs; of JMeter everything
// must be seen to stay here.
func (a *app) reachOutside(ctx context.Context, engine external.Engine, file string) (string, error) {
	if engine.Name == "k6" {
		needs, err := engine.Inspect(ctx, file)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("by %s, up to %s for %s, kept on this machine", engine, count(needs.Users, "user"), strictyaml.FormatDuration(needs.Duration)), nil
	}
	src, err := a.someFile(file, imports.MaxSize)
	if err != nil {
		return "", err
	}
	r, err := imports.ReachOf(file, src, imports.Options{Properties: engine.Properties})
	switch {
	case err != nil:
		return "", withCode(exitUsage, err)
	case len(r.Unseen) > 0:
		n := r.Unseen[0]
		return "", fmt.Errorf("%w: %s:%d:%d: %s: %s; load goes to this machine only, and of a plan of JMeter that has to be seen", loadtest.ErrRefused, file, n.Line, n.Column, n.Key, n.Text)
	case len(r.URLs) == 0:
		return "", usage("%s: there is no request of HTTP in it", file)
	case r.Threads > loadtest.MaxConnections:
		return "", fmt.Errorf("%w: %s has %d threads; the most is %d", loadtest.ErrRefused, file, r.Threads, loadtest.MaxConnections)
	}
	all := loadtest.Plan{Name: external.PlanName(file)}
	var hosts []string
	for _, raw := range r.URLs {
		all.Targets = append(all.Targets, loadtest.Target{URL: raw})
		if u, err := url.Parse(raw); err == nil && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	if err := all.Check(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("by %s, %s to %s", engine, count(r.Threads, "thread"), strings.Join(hosts, ", ")), nil
}
