package pane

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/plot"
)

// outcome writes how a run of an experiment ended: in which way and why, what was hurt
// and for how long, and what its probes and guards saw.
func (p *page) outcome(o *chaos.Outcome, s *Screen) {
	p.labelled("verdict", strings.ReplaceAll(cmp.Or(string(o.Verdict), "ended"), "_", " ")+": "+o.Why())
	if o.Score != nil {
		p.labelled("score", fmt.Sprintf("%.0f%%: what stayed within tolerance while it held; an aborted step counts as nothing", 100**o.Score))
	}
	if o.RecoverySeconds != nil {
		p.labelled("recovery", fmt.Sprintf("the steady state was back %.1f s after the last undo", *o.RecoverySeconds))
	}
	p.labelled("expected", o.Hypothesis)
	if o.StartedAt != nil {
		p.labelled("began", moment(*o.StartedAt, s))
	}
	for _, f := range o.Faults {
		p.fault(f, s)
	}
	for _, probe := range o.Probes {
		p.probe(probe)
	}
	for _, g := range o.Guards {
		end := "not tripped"
		if g.Tripped {
			end = "TRIPPED: it ended the run"
		}
		p.labelled("guard", fmt.Sprintf("%s, aborts when %s\n%s; looked %s, breached %d, last %s", g.Name, g.AbortWhen, end, plural(g.Evaluations, "time"), g.Breaches, maybe(g.Last)))
	}
}

// fault writes what became of one.
func (p *page) fault(f chaos.FaultOutcome, s *Screen) {
	text := f.Kind + " on " + f.Target + "\n"
	switch {
	case f.InjectedAt == nil:
		text += "not injected"
	case f.GoneAt == nil:
		text += "injected " + moment(*f.InjectedAt, s) + ", NOT PROVEN GONE"
	default:
		text += "injected " + clockOf(*f.InjectedAt, s) + ", gone " + clockOf(*f.GoneAt, s) + ": in place for " + took(f.GoneAt.Sub(*f.InjectedAt))
	}
	if f.Effect != "" {
		text += "\neffect: " + f.Effect
	}
	p.labelled("hurt", text+"\n"+tierText(f.Tier))
}

// tierText is what undoes a fault.
func tierText(t chaos.Tier) string { return "tier " + string(t) + ": " + t.Means() }

// probe writes what one saw.
func (p *page) probe(o chaos.ProbeOutcome) {
	during := "during " + maybe(o.During)
	if o.Worst != nil {
		during += " (worst " + number(*o.Worst) + ")"
	}
	text := fmt.Sprintf("%s, expected %s\nbefore %s   %s   after %s", o.Name, o.Expect, maybe(o.Before), during, maybe(o.After))
	if o.Evaluations > 0 {
		text += fmt.Sprintf("\n%d of %s while it held within tolerance", o.Within, plural(o.Evaluations, "look"))
	}
	if answered := o.Answered(); answered != "" {
		text += "\n" + answered
	}
	p.labelled("probe", text)
}

// moment is a time of day with how long ago that was.
func moment(at time.Time, s *Screen) string {
	return clockOf(at, s) + ", " + Ago(s.Now.Sub(at)) + " ago"
}

// clockOf is a time of day.
func clockOf(at time.Time, s *Screen) string { return at.In(s.Zone).Format("15:04:05") }

// loadResult writes how a load run ended: the verdict, what was sent, what came back and
// how fast, and what had to hold.
func (p *page) loadResult(r *loadtest.Result, s *Screen) {
	p.labelled("verdict", strings.TrimSuffix(string(r.Verdict)+": "+strings.Join(r.Reasons, "; "), ": "))
	if r.AbortedBy != "" {
		p.labelled("ended by", r.AbortedBy)
	}
	asked := " of " + perSecond(r.RequestedRate) + " asked for"
	if r.Model == "closed" {
		asked = ", by users who wait for their answers"
	} else if r.RequestedRate > 0 {
		asked += ", " + plot.Percent(r.AchievedRate/r.RequestedRate)
	}
	p.labelled("rate", perSecond(r.AchievedRate)+asked)
	p.labelled("target", r.Target)
	p.labelled("requests", fmt.Sprintf("%d in %s", r.Requests, took(time.Duration(r.DurationSeconds*float64(time.Second)))))
	errors := fmt.Sprintf("%d, %s of all", r.Errors, plot.Percent(r.ErrorRatio))
	for _, c := range slices.Sorted(maps.Keys(r.ErrorsByClass)) {
		one := r.ErrorsByClass[c]
		errors += strings.TrimSuffix(fmt.Sprintf("\n%s %d: %s", c, one.Count, one.Sample), ": ")
	}
	p.labelled("errors", errors)
	p.labelled("answered", latencyText(r.Latency)+"\n"+latencyRest(r.Latency))
	if r.Service.Max > 0 {
		p.labelled("service", latencyText(r.Service)+", from sending on")
	}
	if r.Lag.Max > 0 {
		p.labelled("lag", latencyText(r.Lag)+": how late the generator was")
	}
	for _, t := range r.Thresholds {
		mark := "✓"
		if !t.OK {
			mark = "✗"
		}
		p.labelled("must hold", mark+" "+t.Expr)
	}
	if r.Generator != "" {
		p.labelled("generator", string(r.Generator))
	}
	if len(r.Stages) > 1 {
		for i, st := range r.Stages {
			p.labelled(fmt.Sprintf("stage %d", i+1), fmt.Sprintf("%s of %s, errors %s, %s", perSecond(st.AchievedRate), perSecond(st.RequestedRate), plot.Percent(st.ErrorRatio), latencyText(st.Latency)))
		}
	}
	for _, n := range r.Notes {
		p.labelled("beware", n)
	}
	if !r.StartedAt.IsZero() {
		p.labelled("began", moment(r.StartedAt, s))
	}
}

func latencyText(l loadtest.Latency) string {
	return fmt.Sprintf("p50 %s  p95 %s  p99 %s", latency(l.P50), latency(l.P95), latency(l.P99))
}

func latencyRest(l loadtest.Latency) string {
	return fmt.Sprintf("p90 %s  p99.9 %s  max %s  mean %s", latency(l.P90), latency(l.P999), latency(l.Max), latency(l.Mean))
}
