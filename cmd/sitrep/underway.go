package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

// onPurpose is a run of chaos or load that goes on, or has ended a moment ago: the first
// thing to know for whoever is called about what it is aimed at.
type onPurpose struct {
	run, name string
	load      bool
	services  []string  // that it is aimed at; none: only what is said tells
	said      string    // of its beginning
	from, to  time.Time // to is zero while it goes on
}

const (
	lookBackRuns  = 24 * time.Hour   // no run is longer
	justEnded     = 10 * time.Minute // so long one that has ended is still named
	mostNamedRuns = 3
)

// text is a line about it; beyond says that it is aimed at something else than what is asked
// about.
func (o onPurpose) text(now time.Time, beyond bool) string {
	const clock = "15:04:05Z"
	name, since, where := strings.TrimSpace(o.run+" "+o.name), o.from.UTC().Format(clock), ""
	if beyond {
		where = " elsewhere"
		if len(o.services) > 0 {
			where += ", on " + strings.Join(o.services, ", ") + ","
		}
	}
	switch {
	case !o.to.IsZero():
		return fmt.Sprintf("%s ended%s at %s, %s ago; it began at %s", name, where, o.to.UTC().Format(clock), span(now.Sub(o.to)), since)
	case o.load:
		return fmt.Sprintf("%s goes on%s since %s (ctrl+x or sitrep load stop ends it)", name, where, since)
	}
	return fmt.Sprintf("%s goes on%s since %s (ctrl+x or sitrep chaos halt ends it)", name, where, since)
}

// touches says whether it is aimed at a service; where nobody knows the service, it may be.
func (o onPurpose) touches(service string) bool {
	return service == "" || slices.Contains(o.services, service) || len(o.services) == 0 && strings.Contains(o.said, service)
}

// reaches says whether it may be why a service hurts that it is not aimed at: what one is
// hurt by, those before it feel, and nothing here knows which services are before which.
// What was over before it began to hurt is not why; began is zero where that is not known.
func (o onPurpose) reaches(service string, began time.Time) bool {
	return !o.touches(service) && (o.to.IsZero() || !began.IsZero() && began.Before(o.to))
}

// named are those that are told of about a service that began to hurt then: first what is
// aimed at it, then what goes on elsewhere; of each what goes on first, then the newest.
func named(list []onPurpose, service string, began time.Time) (names []namedRun) {
	for _, o := range slices.Backward(list) {
		if o.touches(service) {
			names = append(names, namedRun{o, false})
		}
	}
	for _, o := range slices.Backward(list) {
		if o.reaches(service, began) {
			names = append(names, namedRun{o, true})
		}
	}
	return names
}

// namedRun is a run with whether it is aimed at something else than what hurts.
type namedRun struct {
	onPurpose
	beyond bool
}

// textsFor are the lines about the first of those.
func textsFor(list []onPurpose, service string, began, now time.Time) (texts []string) {
	for _, n := range named(list, service, began) {
		if len(texts) < mostNamedRuns {
			texts = append(texts, n.text(now, n.beyond))
		}
	}
	return texts
}

// beganToHurt is when an incident began, as far as is known.
func beganToHurt(inc incident.Incident) time.Time {
	if !inc.Clocks.Detected.IsZero() {
		return inc.Clocks.Detected
	}
	return inc.Clocks.Declared
}

// runsOnPurpose are those that the timeline knows, in the order in which they began; those
// that go on are the last.
func runsOnPurpose(ctx context.Context, db *store.DB, now time.Time) ([]onPurpose, error) {
	events, err := db.OfKinds(ctx, now.Add(-lookBackRuns), now.Add(time.Hour),
		incident.ChaosStarted, incident.ChaosFinished, incident.LoadStarted, incident.LoadFinished, incident.LoadAborted)
	if err != nil {
		return nil, fmt.Errorf("read the runs of chaos and load: %w", err)
	}
	dir, err := chaosDir()
	if err != nil {
		return nil, err
	}
	var list []onPurpose
	at := map[string]int{}
	for i := range events {
		key, one, known := beginning(&events[i])
		if known {
			at[key] = len(list)
			list = append(list, one)
		} else if began, ok := at[key]; ok {
			list[began].to = one.to
		}
	}
	for key, i := range at {
		if list[i].to.IsZero() {
			list[i].to = endedUnsaid(ctx, db, dir, key, list[i], now)
		}
	}
	list = slices.DeleteFunc(list, func(o onPurpose) bool { return !o.to.IsZero() && now.Sub(o.to) > justEnded })
	slices.SortStableFunc(list, func(a, b onPurpose) int {
		if over := !a.to.IsZero(); over != !b.to.IsZero() {
			if over {
				return -1
			}
			return 1
		}
		return a.from.Compare(b.from)
	})
	return list, nil
}

// beginning reads an event as that of a run; began is false of its end. Runs of chaos are
// known by their ULID: each store counts its own.
func beginning(e *incident.Event) (key string, o onPurpose, began bool) {
	switch e.Kind {
	case incident.ChaosStarted, incident.ChaosFinished:
		var r chaos.Report
		if e.Payload(&r) != nil || r.ID == "" {
			return "", o, false
		}
		o = onPurpose{run: r.Run, name: r.Experiment, services: r.Services}
		key, began = r.ID, e.Kind == incident.ChaosStarted
	default:
		var r struct{ Run, Plan, Service string }
		if e.Payload(&r) != nil || r.Run == "" {
			return "", o, false
		}
		o = onPurpose{run: r.Run, name: r.Plan, load: true}
		if r.Service != "" {
			o.services = []string{r.Service}
		}
		key, began = r.Run, e.Kind == incident.LoadStarted
	}
	if o.said = e.Text; began {
		o.from = e.At
	} else {
		o.to = e.At
	}
	return key, o, began
}

// endedUnsaid is when a run ended of which the timeline does not say it, as far as its
// journal or the store knows; zero while it goes on.
func endedUnsaid(ctx context.Context, db *store.DB, dir, key string, o onPurpose, now time.Time) time.Time {
	longAgo := now.Add(-lookBackRuns)
	if o.load {
		runs, err := db.Runs(ctx, 20)
		for _, r := range runs {
			if r.Run == o.run && r.Verdict == loadtest.Running {
				return time.Time{}
			}
		}
		if err == nil {
			return longAgo // its process died; when, nobody saw
		}
	} else if l, err := chaos.ReadLog(journalOf(dir, key)); err == nil {
		if l.Closed {
			return l.ClosedAt
		}
		return time.Time{}
	}
	if now.Sub(o.from) < longestRun {
		return time.Time{}
	}
	return longAgo
}

// tellOnPurpose says on standard error what goes on on purpose with services; those that
// are empty are left out. who says whom it is about.
func (a *app) tellOnPurpose(ctx context.Context, db *store.DB, services []string, who func(service string) string) {
	now := time.Now()
	list, err := runsOnPurpose(ctx, db, now)
	if err != nil {
		fmt.Fprintln(a.stderr, sanitise("sitrep: whether chaos or load goes on is not known: "+err.Error()))
		return
	}
	slices.Sort(services)
	said := map[string]bool{} // by run
	for _, service := range slices.Compact(services) {
		here := 0
		for _, n := range named(list, service, time.Time{}) {
			if !n.beyond && here < mostNamedRuns {
				here, said[n.run] = here+1, true
				fmt.Fprintln(a.stderr, sanitise(who(service)+n.text(now, false)))
			}
		}
	}
	for _, o := range slices.Backward(list) {
		if o.to.IsZero() && !said[o.run] && len(services) > 0 { // whichever of them it is that feels it
			fmt.Fprintln(a.stderr, sanitise(o.text(now, true)))
		}
	}
}

// onPurposeView is one entry of `runs` in `incident show --json`.
type onPurposeView struct {
	Run   string     `json:"run"`
	Name  string     `json:"name"`
	Type  string     `json:"type"` // chaos, load
	Began *time.Time `json:"began_at"`
	Ended *time.Time `json:"ended_at"`
	// Elsewhere says that it is not aimed at the service of the incident, but at Services.
	Elsewhere bool     `json:"elsewhere"`
	Services  []string `json:"services"`
	text      string
}

// onPurposeViews are those that are told of about an incident that is not over.
func onPurposeViews(ctx context.Context, db *store.DB, inc incident.Incident, now time.Time) ([]onPurposeView, error) {
	views := []onPurposeView{}
	if inc.Status.Over() {
		return views, nil
	}
	list, err := runsOnPurpose(ctx, db, now)
	for _, n := range named(list, inc.Service, beganToHurt(inc)) {
		v := onPurposeView{
			Run: n.run, Name: n.name, Type: "chaos", Began: moment(n.from), Ended: moment(n.to),
			Elsewhere: n.beyond, Services: append([]string{}, n.services...), text: n.text(now, n.beyond),
		}
		if n.load {
			v.Type = "load"
		}
		views = append(views, v)
	}
	return views, err
}

// warnOnPurpose says which of the open incidents are about what goes on on purpose.
func (a *app) warnOnPurpose(ctx context.Context, db *store.DB, list []incident.Incident) {
	ids, services := map[string][]string{}, []string{}
	for _, inc := range list {
		if !inc.Status.Over() {
			ids[inc.Service] = append(ids[inc.Service], string(inc.ID))
			services = append(services, inc.Service)
		}
	}
	if len(services) > 0 {
		a.tellOnPurpose(ctx, db, services, func(service string) string { return strings.Join(ids[service], ", ") + ": " })
	}
}

// runsBeside is what a page says of what goes on on purpose where an incident hurts; it
// does without what cannot be found out.
func runsBeside(db *store.DB) func(ctx context.Context, inc incident.Incident) []string {
	return func(ctx context.Context, inc incident.Incident) []string {
		if db == nil {
			return nil
		}
		now := time.Now()
		list, err := runsOnPurpose(ctx, db, now)
		if err != nil {
			return nil
		}
		return textsFor(list, inc.Service, beganToHurt(inc), now)
	}
}
