package pane

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
)

// runEvent writes what an event of chaos or load says, in sentences and rows. What it
// cannot read it leaves to the data below.
func (p *page) runEvent(e *incident.Event, s *Screen) {
	switch e.Kind {
	case incident.ChaosStarted, incident.ChaosInjected, incident.ChaosUndone, incident.ChaosGuardTripped, incident.ChaosFinished:
		var r chaos.Report
		if e.Payload(&r) == nil && r.Run != "" {
			p.chaosEvent(e, &r, s)
		}
	case incident.LoadStarted:
		var r struct{ Run, Plan string }
		if e.Payload(&r) == nil && r.Run != "" {
			p.heading("the run")
			p.labelled("run", strings.TrimSpace(r.Run+" "+r.Plan))
			p.loadEnd(r.Run, s)
		}
	case incident.LoadFinished, incident.LoadAborted:
		var r loadtest.Result
		if e.Payload(&r) == nil && r.Verdict != "" {
			p.heading("the run")
			p.labelled("run", strings.TrimSpace(r.Run+" "+r.Plan))
			p.loadResult(&r, s)
		}
	}
}

func (p *page) chaosEvent(e *incident.Event, r *chaos.Report, s *Screen) {
	p.heading("the run")
	p.labelled("run", strings.TrimSpace(r.Run+" "+r.Experiment))
	if r.Steps > 1 && r.Step > 0 {
		p.labelled("step", fmt.Sprintf("%d of %d", r.Step, r.Steps))
	}
	switch e.Kind {
	case incident.ChaosStarted:
		for _, f := range r.Faults {
			p.labelled("will hurt", f.Kind+" on "+f.Target+"\n"+tierText(f.Tier))
		}
	case incident.ChaosInjected:
		if f := r.Fault; f != nil {
			text := f.Kind + " on " + f.Target + "\ninjected " + moment(r.At, s)
			if r.Remaining > 0 {
				text += ", by plan until " + clockOf(r.At.Add(time.Duration(r.Remaining)), s)
			}
			p.labelled("hurts", text+"\n"+tierText(f.Tier))
		}
	case incident.ChaosUndone:
		if f := r.Fault; f != nil {
			text := f.Kind + " on " + f.Target + "\ngone " + moment(r.At, s)
			if at := injectedAt(r.ID, f.ID, s); !at.IsZero() {
				text += ": it was in place for " + took(r.At.Sub(at))
			}
			p.labelled("gone", text+"\n"+tierText(f.Tier))
		}
	case incident.ChaosGuardTripped:
		if g := r.Sample; g != nil {
			text := g.Name + " was " + maybe(g.Value)
			if g.Limit != "" {
				text += ", aborts when " + g.Limit
			}
			if g.For > 1 {
				text += fmt.Sprintf("\n%d of %d in a row", g.Row, g.For)
			}
			p.labelled("guard", text+"\nit ended the run")
		}
	case incident.ChaosFinished:
		if r.Outcome != nil {
			p.outcome(r.Outcome, s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		p.labelled("then", name+" "+number(r.Values[name]))
	}
	if e.Kind != incident.ChaosFinished {
		p.chaosEnd(r.ID, s)
	}
}

// chaosEnd says how the run of an event ended, or that it goes on.
func (p *page) chaosEnd(id string, s *Screen) {
	runs := s.World.Chaos.History("")
	i := slices.IndexFunc(runs, func(h ChaosPast) bool { return h.ID == id && id != "" })
	switch {
	case i < 0:
	case runs[i].Live != nil:
		p.labelled("now", standing(runs[i].Live, s))
	case runs[i].Outcome != nil:
		p.labelled("ended", strings.TrimSpace(strings.ReplaceAll(runs[i].Verdict(), "_", " ")+" "+runs[i].ScoreText())+": "+runs[i].Reason(s.Zone))
	}
}

// loadEnd says the same of a load run.
func (p *page) loadEnd(run string, s *Screen) {
	l := &s.World.Load
	if l.Live != nil && l.Run == run {
		p.labelled("now", fmt.Sprintf("it goes on, %s left; %s of %s, %d errors", Until(l.Live.Remaining), perSecond(l.Live.AchievedRate), perSecond(l.Live.RequestedRate), l.Live.Errors))
		return
	}
	for _, events := range s.World.Events {
		for i := range events {
			if e := &events[i]; (e.Kind == incident.LoadFinished || e.Kind == incident.LoadAborted) && runOf(e) == run {
				p.labelled("ended", cmp.Or(e.Text, string(e.Kind)))
				return
			}
		}
	}
}

// injectedAt is when a fault of a run was injected, as far as its event is here.
func injectedAt(run, fault string, s *Screen) time.Time {
	for _, events := range s.World.Events {
		for i := range events {
			var r chaos.Report
			if e := &events[i]; e.Kind == incident.ChaosInjected && e.Payload(&r) == nil && r.ID == run && r.Fault != nil && r.Fault.ID == fault {
				return e.At
			}
		}
	}
	return time.Time{}
}
