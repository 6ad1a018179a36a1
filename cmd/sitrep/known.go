package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/store"
)

// knowledge is all that cards and the routine are made of, read once.
type knowledge struct {
	app         *app
	db          *store.DB
	now         time.Time
	objectives  []slo.Status
	rules       []query.RawRule // as the server told them last
	rulesErr    error           // why it does not tell them now
	rulesAt     time.Time       // when it told them; zero: never
	runbooks    []runbook.Runbook
	experiments []chaos.Experiment
	plans       []loadtest.Plan
	gamedays    []gameday.Day
	policy      escalation.Policy
	checks      []health.Check
	looked      time.Time // when all checks were looked at; zero if that is not known
	runs        []loadtest.Result
	incidents   []incident.Incident
	*history
}

func (a *app) withKnowledge(ctx context.Context, do func(*knowledge) error) error {
	e := &knowledge{app: a, now: time.Now()}
	list, err := a.objectives()
	if err != nil {
		return err
	}
	if e.runbooks, err = a.runbooks(); err != nil {
		return err
	}
	if e.checks, err = a.checks(); err != nil {
		return err
	}
	if e.policy, err = a.policy(); err != nil {
		return err
	}
	ready, err := a.prepared()
	if err != nil {
		return err
	}
	e.plans = ready.plans
	for _, x := range ready.experiments {
		e.experiments = append(e.experiments, x.Experiment)
	}
	e.gamedays = a.knownGamedays(func(text string) { fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(text)) })
	if len(list) > 0 {
		if e.objectives, err = a.standings(ctx, list); err != nil {
			return err
		}
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return err
	}
	defer client.CloseIdle()
	if e.rules, e.rulesErr = client.Rules(ctx); e.rulesErr == nil {
		e.rulesAt = e.now
	}
	return a.withStore(ctx, func(db *store.DB) error {
		e.db = db
		if err := e.read(ctx); err != nil {
			return err
		}
		return do(e)
	})
}

// look looks at all checks, now: that somebody configured them is no evidence.
func (e *knowledge) look(ctx context.Context) {
	for _, r := range health.NewRunner(e.checks).Once(ctx) {
		if r.Status == health.Unknown {
			return
		}
	}
	if len(e.checks) > 0 {
		e.looked = e.now
	}
}

// read takes from the store what has happened.
func (e *knowledge) read(ctx context.Context) (err error) {
	if err := e.readStates(ctx); err != nil {
		return err
	}
	e.history, err = readHistory(ctx, e.db, e.now)
	return err
}

// readStates takes from the store what is no event: runs, and incidents as they stand.
func (e *knowledge) readStates(ctx context.Context) (err error) {
	if e.runs, err = e.db.Runs(ctx, 1000); err != nil {
		return err
	}
	e.incidents, err = e.db.Incidents(ctx, false, 0)
	return err
}

// services are those that something names, in order.
func (e *knowledge) services() []string {
	names := map[string]bool{}
	for _, o := range e.objectives {
		names[o.Objective.Service] = true
	}
	for _, r := range e.runbooks {
		for _, s := range r.Match["service"] {
			names[s] = true
		}
	}
	for _, p := range e.plans {
		names[p.Service] = true
	}
	for _, inc := range e.incidents {
		if !inc.Drill {
			names[inc.Service] = true
		}
	}
	delete(names, "")
	return slices.Sorted(maps.Keys(names))
}

// of is the evidence about one service.
func (e *knowledge) of(service string) readiness.Evidence {
	out := readiness.Evidence{Service: service, AlertsUnknown: e.rulesAt.IsZero()}
	for _, s := range e.objectives {
		if s.Objective.Service == service {
			out.Standings = append(out.Standings, standingOf(s))
			out.Alerts += min(len(s.Objective.Rules), 1) // sitrep itself tells when it burns
		}
	}
	for _, r := range e.rules {
		if r.Labels["severity"] != "" && (r.Labels["service"] == service || r.Labels["job"] == service || strings.Contains(r.Query, `"`+service+`"`)) {
			out.Alerts++
		}
	}
	out.AlertsUnknown = out.AlertsUnknown && out.Alerts == 0
	for _, r := range e.runbooks {
		if slices.Contains(r.Match["service"], service) || slices.Contains(r.Match["job"], service) {
			out.Runbooks++
		}
	}
	of := map[string]bool{}
	for _, p := range e.plans {
		of[p.Name] = p.Service == service
	}
	for _, run := range e.runs {
		if at := run.StartedAt; run.Verdict == loadtest.Pass && of[run.Plan] && at.After(out.LoadPassed) {
			out.LoadPassed = at
		}
	}
	for _, h := range e.held {
		if h.at.After(out.ChaosHeld) && e.hurts(h, service) {
			out.ChaosHeld = h.at
		}
	}
	for _, d := range e.days {
		if d.ended.After(out.DayHeld) && e.concerns(d, service) {
			out.DayHeld = d.ended
		}
	}
	if s := e.signed["restore"]; e.now.Before(s.Until) {
		out.Restored = s.At
	}
	for _, inc := range e.incidents {
		if inc.Service != service {
			continue
		}
		for _, it := range inc.Items {
			if it.Closed.IsZero() {
				out.ItemsOpen++
				if !it.Due.IsZero() && it.Due.Before(e.now) {
					out.ItemsOverdue++
				}
			}
		}
	}
	return out
}

// concerns reports whether a game day was about a service: its drill was, or an experiment
// of it was aimed there.
func (e *knowledge) concerns(d heldDay, service string) bool {
	if slices.ContainsFunc(e.incidents, func(inc incident.Incident) bool { return inc.ID == d.drill && inc.Service == service }) {
		return true
	}
	return slices.ContainsFunc(d.experiments, func(name string) bool { return e.hurts(heldRun{experiment: name}, service) })
}

// planned are the game days whose files say for when.
func (e *knowledge) planned() (list []readiness.Plan) {
	for _, day := range e.gamedays {
		if !day.When.Planned() {
			continue
		}
		p := readiness.Plan{Name: day.Name}
		p.Last, p.Next = day.When.Around(e.now)
		for _, d := range e.days {
			if d.day == day.Name && d.began.After(p.Held) {
				p.Held = d.began
			}
		}
		list = append(list, p)
	}
	return list
}

// hurts reports whether a run was aimed at a service, or at one of its instances.
func (e *knowledge) hurts(h heldRun, service string) bool {
	for _, x := range e.experiments {
		if x.Name == h.experiment && (x.Targets.Select["service"] == service || x.Targets.Select["job"] == service) {
			return true
		}
	}
	return slices.ContainsFunc(h.targets, func(t string) bool { return t == service || strings.HasPrefix(t, service+"-") })
}

// standingOf is an objective as a card sees it: what counts minutes or events that
// fail is availability, unless it is written as an error ratio.
func standingOf(s slo.Status) readiness.Standing {
	out := readiness.Standing{
		Name: s.Objective.Name, Measure: readiness.Availability, Target: s.Objective.Target, SLI: s.Standing.SLI, Budget: s.Standing.Left,
	}
	switch sli := s.Objective.SLI; {
	case sli.Latency != nil:
		out.Measure = readiness.Latency
	case sli.ErrorRatio != nil:
		out.Measure = readiness.ErrorRate
	case sli.Throughput != nil:
		out.Measure = readiness.Throughput
	}
	if !(s.Standing.Known > 0) {
		out.SLI, out.Budget = math.NaN(), math.NaN()
	}
	for _, b := range s.Standing.Burns {
		out.Burning = out.Burning || b.Firing && b.Rule.Do == slo.Page
	}
	return out
}

// facts are those of the routine and the checklist, over all services.
func (e *knowledge) facts() readiness.Facts {
	f := readiness.Facts{Moments: map[readiness.Proof]time.Time{readiness.AlertSeen: e.alerted}, States: map[readiness.Proof]readiness.Mark{}, Signed: e.signed, Plans: e.planned()}
	for _, run := range e.runs {
		if run.Verdict == loadtest.Pass && run.StartedAt.After(f.Moments[readiness.Loaded]) {
			f.Moments[readiness.Loaded] = run.StartedAt
		}
	}
	for _, h := range e.held {
		if h.at.After(f.Moments[readiness.Chaos]) {
			f.Moments[readiness.Chaos] = h.at
		}
	}
	for _, inc := range e.incidents {
		if at := inc.Clocks.Declared; inc.Drill && at.After(f.Moments[readiness.Drilled]) {
			f.Moments[readiness.Drilled] = at
		}
	}
	f.Moments[readiness.Checked] = e.looked
	state := func(p readiness.Proof, ok bool, why string) {
		mark := readiness.Mark{Name: string(p), State: readiness.Bad, Why: why}
		if ok {
			mark.State = readiness.OK
		}
		f.States[p] = mark
	}
	dark := 0
	for _, o := range e.objectives {
		if !(o.Standing.Known > 0) {
			dark++
		}
	}
	state(readiness.HasObjectives, len(e.objectives) > 0, fmt.Sprintf("%d are defined", len(e.objectives)))
	state(readiness.HasData, len(e.objectives) > 0 && dark == 0, fmt.Sprintf("%d of %d objectives have data", len(e.objectives)-dark, len(e.objectives)))
	state(readiness.HasRunbooks, len(e.runbooks) > 0, fmt.Sprintf("there are %d", len(e.runbooks)))
	state(readiness.HasChaos, len(e.experiments) > 0, fmt.Sprintf("%d are prepared", len(e.experiments)))
	if e.rulesErr != nil {
		state(readiness.HasMetrics, false, "Prometheus does not tell its rules: "+e.rulesErr.Error())
	} else {
		state(readiness.HasMetrics, true, "Prometheus answers")
	}
	if !e.rulesAt.IsZero() {
		severe := 0
		for _, r := range e.rules {
			if r.Labels["severity"] != "" {
				severe++
			}
		}
		state(readiness.HasAlerts, severe > 0, fmt.Sprintf("%d of %d rules have a severity", severe, len(e.rules)))
	}
	e.people(state)
	return f
}

// people are the states that are about people: who is on call, and what was reviewed.
func (e *knowledge) people(state func(readiness.Proof, bool, string)) {
	var missing []string
	for _, rung := range e.policy.For(incident.Incident{}).Ladder(incident.Sev1) {
		if len(rung.Notify) == 0 {
			missing = append(missing, string(rung.Level))
		}
	}
	said := "every level of the ladder tells somebody"
	if len(missing) > 0 {
		said = "nobody is told at " + strings.Join(missing, ", ")
	}
	state(readiness.HasOnCall, len(missing) == 0, said)
	open, severe := 0, 0
	for _, inc := range e.incidents {
		if inc.Drill || !inc.Status.Over() || inc.Severity != incident.Sev1 && inc.Severity != incident.Sev2 || e.now.Sub(inc.Clocks.Declared) > 90*24*time.Hour {
			continue
		}
		if severe++; !e.reviewed[inc.ID] {
			open++
		}
	}
	state(readiness.HasReviews, open == 0, fmt.Sprintf("%d of %d severe incidents of the last 90 days have a post-mortem", severe-open, severe))
}
