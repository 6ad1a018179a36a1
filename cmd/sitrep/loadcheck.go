package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// checkLoad reads a plan, looks its hosts up, and prints what it would do. Nothing is
// sent, and no secret read.
func (a *app) checkLoad(ctx context.Context, file string) error {
	plan, err := a.planFile(file)
	if err != nil {
		return err
	}
	if err := plan.Check(ctx); err != nil {
		return refused(err, loadtest.ErrRefused)
	}
	if a.flags.json {
		return a.print(planDetails(plan))
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", file, describePlan(plan)); err != nil {
		return err
	}
	return a.printPlan(plan)
}

// rehearseLoad says what a run would do now: the baseline is measured, the guards look.
func (a *app) rehearseLoad(ctx context.Context, plan loadtest.Plan) error {
	if err := plan.Check(ctx); err != nil {
		return refused(err, loadtest.ErrRefused)
	}
	m, closeAll := a.loadMeans()
	defer closeAll()
	fixed, err := m.Rehearse(ctx, plan)
	if err != nil {
		return refused(err, loadtest.ErrRefused)
	}
	if a.flags.json {
		return a.print(planDetails(fixed))
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: %s; nothing was sent\n", fixed.Name, describePlan(fixed)); err != nil {
		return err
	}
	return a.printPlan(fixed)
}

type (
	planDetail struct {
		Name       string           `json:"name"`
		Kind       string           `json:"kind,omitempty"`
		Model      string           `json:"model"`
		Requests   []requestDetail  `json:"requests"`
		Stages     []stageDetail    `json:"stages"`
		Baseline   string           `json:"baseline,omitempty"`
		Seconds    float64          `json:"duration_seconds"`
		Warmup     float64          `json:"warmup_seconds"`
		Thresholds []string         `json:"thresholds"`
		Guards     []loadtest.Guard `json:"guards"`
		Insecure   bool             `json:"insecure,omitempty"`
	}
	requestDetail struct {
		Scenario string `json:"scenario,omitempty"`
		Method   string `json:"method"`
		URL      string `json:"url"`
		Weight   int    `json:"weight,omitempty"`
	}
	stageDetail struct {
		From    float64 `json:"from"`
		To      float64 `json:"to"`
		Seconds float64 `json:"duration_seconds"`
	}
)

func planDetails(p loadtest.Plan) planDetail {
	d := planDetail{
		Name: p.Name, Kind: p.Kind, Model: "open", Baseline: p.Baseline, Seconds: p.Duration().Seconds(), Warmup: p.Warmup.Seconds(),
		Thresholds: []string{}, Guards: append([]loadtest.Guard{}, p.Guards...), Insecure: p.HTTP.TLS.Insecure,
	}
	if p.Closed {
		d.Model = "closed"
	}
	for _, t := range p.Targets {
		d.Requests = append(d.Requests, requestDetail{"", t.Method, t.URL, t.Weight})
	}
	for _, s := range p.Scenarios {
		for i, st := range s.Steps {
			r := requestDetail{s.Name, st.Method, st.URL, 0}
			if i == 0 {
				r.Weight = s.Weight
			}
			d.Requests = append(d.Requests, r)
		}
	}
	for _, s := range p.Stages {
		d.Stages = append(d.Stages, stageDetail{s.From, s.To, s.For.Seconds()})
	}
	for _, t := range p.Thresholds {
		d.Thresholds = append(d.Thresholds, t.Expr)
	}
	return d
}

// printPlan prints the parts of a plan, a line each.
func (a *app) printPlan(p loadtest.Plan) error {
	var rows [][]string
	row := func(what, text string) { rows = append(rows, []string{"  " + what, text}) }
	for _, r := range planDetails(p).Requests {
		text := r.Method + " " + r.URL
		if r.Weight > 1 {
			text += fmt.Sprintf("  weight %d", r.Weight)
		}
		if r.Scenario != "" {
			text = r.Scenario + ": " + text
		}
		row("request", text)
	}
	if p.Baseline != "" {
		row("baseline", p.Baseline+", measured when the run begins")
	}
	for i, s := range p.Stages {
		row(fmt.Sprintf("stage %d", i+1), fmt.Sprintf("%-6s %s", strictyaml.FormatDuration(s.For), p.Describe(s)))
	}
	if p.Warmup > 0 {
		row("warm-up", strictyaml.FormatDuration(p.Warmup)+", not judged")
	}
	for _, t := range p.Thresholds {
		text := t.Expr
		if t.Abort {
			text += ", or the run ends"
		}
		row("holds", text)
	}
	for _, g := range p.Guards {
		of := g.PromQL
		if g.SLO != "" {
			of = fmt.Sprintf("burn of %s over %s", g.SLO, g.Window)
		}
		row("guard", fmt.Sprintf("%s: ends it when %s is %s, %d in a row, every %s; no data: %s", g.Name, of, g.AbortWhen, g.For, g.Interval, g.NoData))
	}
	if p.Closed {
		row("closed", "latencies are those users saw; slow answers make fewer requests")
	}
	if p.HTTP.TLS.Insecure {
		row("INSECURE", "no certificate is verified")
	}
	for _, r := range rows {
		r[1] = sanitise(strings.ReplaceAll(r[1], "\n", " "))
	}
	return table(a.stdout, rows)
}

// notStarted says of a run that was recorded as begun why nothing was sent.
func notStarted(run, plan string, err error) loadtest.Result {
	return loadtest.Result{Run: run, Plan: plan, Verdict: loadtest.Aborted, Reasons: []string{"nothing was sent: " + err.Error()}}
}
