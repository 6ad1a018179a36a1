package pane

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// justNow is for how long after its end a run may still be why an alert fires.
const justNow = 5 * time.Minute

// hurting is a run of chaos or load that goes on, or ended just now.
type hurting struct {
	run, name string    // CH-4, CH-4 payments-latency
	whom      string    // that it hurts or loads
	service   string    // of whom; empty: nobody knows
	from      time.Time // zero: nobody knows
	until     time.Time // zero: it goes on
	verdict   string    // of one that is over
	load      bool
	live      *ChaosRun // nil: it is load, or over
}

// hurtings are those runs, the ones that go on first.
func hurtings(w *World, now time.Time) (out []hurting) {
	c := &w.Chaos
	aimed := func(run, name, targets string) hurting {
		h := hurting{run: run, name: strings.TrimSpace(run + " " + name), whom: targets}
		for i := range c.Experiments {
			if x := &c.Experiments[i]; x.Name == name {
				h.service = x.Targets.Select["service"]
			}
		}
		if h.service != "" {
			h.whom = h.service
		}
		return h
	}
	known := map[string]bool{} // that go on
	for i := range c.Runs {
		if r := &c.Runs[i]; r.Outcome == nil {
			h := aimed(r.Run, r.Experiment, r.Targets)
			h.from, h.live = firstOf(r), r
			known[r.Run+r.ID] = true
			out = append(out, h)
		}
	}
	l := &w.Load
	loaded := func(run, plan, target string) hurting {
		h := hurting{run: run, name: strings.TrimSpace(run + " " + plan), whom: target, load: true}
		for i := range l.Plans {
			if p := &l.Plans[i]; p.Name == plan {
				h.whom, h.service = host(p), p.Service
			}
		}
		return h
	}
	if l.Live != nil {
		h := loaded(l.Run, l.Plan, "")
		h.from = now.Add(-l.Live.Elapsed)
		out = append(out, h)
	}
	for i := range c.Past {
		p := &c.Past[i]
		hurt := p.Outcome != nil && len(p.Outcome.Faults) > 0
		if hurt && !known[p.Run+p.ID] && now.Sub(p.Ended) < justNow {
			h := aimed(p.Run, p.Experiment, "")
			h.from, h.until, h.verdict = p.Began, p.Ended, string(p.Outcome.Verdict)
			out = append(out, h)
		}
	}
	if r := l.Result; r != nil && l.Live == nil && now.Sub(endOf(r)) < justNow && r.Verdict != loadtest.Running {
		h := loaded(r.Run, r.Plan, r.Target)
		h.from, h.until, h.verdict = r.StartedAt, endOf(r), string(r.Verdict)
		out = append(out, h)
	}
	return out
}

// firstOf is since when a run can be why something fires; zero where nobody knows.
func firstOf(r *ChaosRun) time.Time {
	at := r.Began
	for _, f := range r.Faults {
		if f.InjectedAt != nil && (at.IsZero() || f.InjectedAt.Before(at)) {
			at = *f.InjectedAt
		}
	}
	return at
}

// may says that an alert may be about the run. What began while it went on may be,
// whichever service it names: what one is hurt by, those before it feel. What began just
// after it may be unless it names another.
func (h *hurting) may(a *alert.Alert) bool {
	switch at := a.ActiveAt; {
	case h.from.IsZero() || at.Before(h.from): // or nobody knows
		return false
	case h.until.IsZero() || !at.After(h.until):
		return true
	case at.After(h.until.Add(justNow)):
		return false
	}
	service := a.Labels["service"]
	return service == "" || h.service == "" || service == h.service
}

// when is "during", or "after" for an alert that began once it was over.
func (h *hurting) when(a *alert.Alert) string {
	if !h.until.IsZero() && a.ActiveAt.After(h.until) {
		return "after"
	}
	return "during"
}

// during is the run that alerts of a list may be about, how many of them, and whether
// they began while it went on or after it; 0 without one.
func during(list []alert.Alert, runs []hurting) (h hurting, when string, n int) {
	for i := range runs {
		for j := range list {
			if runs[i].may(&list[j]) {
				h, when = runs[i], runs[i].when(&list[j])
				n++
			}
		}
		if n > 0 {
			break
		}
	}
	return h, when, n
}

// duringWords are the wordings of that, the longest first.
func duringWords(list []alert.Alert, runs []hurting) []safe.Text {
	h, when, n := during(list, runs)
	switch {
	case n == 0:
		return nil
	case n < len(list):
		when = fmt.Sprintf("%d %s", n, when)
	}
	return []safe.Text{safe.Sprintf("%s %s", when, safe.New(h.name, 60)), safe.Sprintf("%s %s", when, safe.New(h.run, 12)), safe.New(h.run, 12)}
}

// drawDuring writes as much of it as there is room for.
func drawDuring(p *pen, words []safe.Text) {
	for _, t := range words {
		if t.Width() <= p.room() {
			p.flow(theme.Warn, t)
			return
		}
	}
}

// says is a sentence about the run and what ends it.
func (h *hurting) says(s *Screen) string {
	end := s.Keys.Label(keys.Abort)
	switch r := h.live; {
	case !h.until.IsZero():
		verb := "hurt"
		if h.load {
			verb = "loaded"
		}
		return fmt.Sprintf("%s %s until %s ago (%s).", h.name, strings.TrimSpace(verb+" "+h.whom), Ago(s.Now.Sub(h.until)), h.verdict)
	case h.load && h.whom == "":
		return fmt.Sprintf("%s sends load: %s ends it.", h.name, end)
	case h.load:
		return fmt.Sprintf("%s loads %s: %s ends it.", h.name, h.whom, end)
	case r.Left != "":
		return fmt.Sprintf("%s is NOT UNDONE on %s: %s. sitrep chaos recover says what to do.", h.name, h.whom, r.Left)
	case r.Last.Phase == chaos.Recovering || r.Last.Phase == chaos.Gone || r.Last.Phase == chaos.Undoing:
		return fmt.Sprintf("%s has hurt %s and is undone: whether that recovers is looked at.", h.name, h.whom)
	case !injected(r):
		return fmt.Sprintf("%s is about to hurt %s: %s stops it.", h.name, h.whom, end)
	}
	return fmt.Sprintf("%s hurts %s: %s ends it.", h.name, h.whom, end)
}

// injected says that a run has hurt something, as far as is known: one that nothing is
// known of counts as one that has.
func injected(r *ChaosRun) bool {
	for _, f := range r.Faults {
		if f.InjectedAt != nil {
			return true
		}
	}
	switch r.Last.Phase {
	case chaos.Planned, chaos.Preflight, chaos.Arming, chaos.Baseline, chaos.Injecting:
		return false
	}
	return true
}
