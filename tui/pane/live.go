package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// runRows are the lines of a run that goes on: where it stands, whom it hurts and who
// takes it back, what its probes and guards see.
func runRows(r *ChaosRun, experiments []chaos.Experiment, s *Screen) []chaosRow {
	var x *chaos.Experiment
	if i := slices.IndexFunc(experiments, func(x chaos.Experiment) bool { return x.Name == r.Experiment }); i >= 0 {
		x = &experiments[i]
	}
	open := func(s *Screen) Effect { return readRun(r, x, s) }
	var out []chaosRow
	row := func(id string, draw func(*frame.Frame)) {
		out = append(out, chaosRow{id + " " + r.Run, r.Experiment, draw, open})
	}
	row("run", func(f *frame.Frame) { drawRun(f, r, s) })
	row("phases", func(f *frame.Frame) { drawPhases(f, r) })
	row("progress", func(f *frame.Frame) { drawProgress(f, r, x, s) })
	for i, group := range faultGroups(r) {
		row(fmt.Sprintf("faults %d", i), func(f *frame.Frame) { drawLabelled(f, "hurts", theme.Plain, group.text(s)) })
		for k, part := range strings.Split(group.tier.Means(), ", ") { // a row each: in one they are wider than half a screen
			label := ""
			if k == 0 {
				label = "undo " + string(group.tier)
			}
			row(fmt.Sprintf("undo %d %d", i, k), func(f *frame.Frame) { drawLabelled(f, label, theme.Dim, part) })
		}
	}
	if r.Left == "" {
		row("death", func(f *frame.Frame) { drawLabelled(f, "lost", theme.Dim, whenThisDies(r, x)) })
	}
	if x == nil {
		return out
	}
	for _, probe := range x.SteadyState {
		row("probe "+probe.Name, func(f *frame.Frame) { drawProbe(f, r, &probe) })
	}
	for _, guard := range guardsOf(r, x) {
		row("guard "+guard.Name, func(f *frame.Frame) { drawGuard(f, r, &guard) })
	}
	return out
}

// drawRun is its name, its step, and how long step and run take by plan.
func drawRun(f *frame.Frame, r *ChaosRun, s *Screen) {
	left := safe.Text{}
	switch {
	case r.Left != "":
		left = safe.New(r.Left, 40)
	case !r.Ends.IsZero() && !r.Over.IsZero() && r.Last.Steps > 1:
		left = safe.Sprintf("%s left of step, %s in all", Until(r.Ends.Sub(s.Now)), Until(r.Over.Sub(s.Now)))
	case !r.Ends.IsZero() && r.Ends.After(s.Now):
		left = safe.Sprintf("%s left", Until(r.Ends.Sub(s.Now)))
	}
	style := theme.Accent
	if r.Left != "" {
		style = theme.Crit
	}
	right := f.PutRight(f.Width(), 0, style, left) - 2
	p := pen{f: f.Sub(frame.Rect{W: right, H: 1})}
	p.flow(theme.Bright, safe.Sprintf("%s %s", r.Run, r.Experiment))
	if r.Last.Steps > 1 && r.Last.Step > 0 {
		p.flow(theme.Dim, safe.Sprintf("step %d of %d", r.Last.Step, r.Last.Steps))
	}
	if len(r.Faults) == 0 {
		p.flow(theme.Dim, safe.New(r.Targets, safe.Line))
	}
}

// phase is one of those that a run goes through on the screen.
type phase struct {
	name, brief string
	of          []chaos.Phase
}

func phases() []phase {
	return []phase{
		{"arming", "arm", []chaos.Phase{chaos.Planned, chaos.Preflight, chaos.Arming}},
		{"steady state", "steady", []chaos.Phase{chaos.Baseline}},
		{"injecting", "inject", []chaos.Phase{chaos.Injecting, chaos.Verified}},
		{"holding", "hold", []chaos.Phase{chaos.Holding, chaos.Waiting}},
		{"undoing", "undo", []chaos.Phase{chaos.Undoing, chaos.Gone}},
		{"recovery", "recover", []chaos.Phase{chaos.Recovering}},
		{"verdict", "verdict", []chaos.Phase{chaos.Finished}},
	}
}

// drawPhases is the way of a run with the place where it stands.
func drawPhases(f *frame.Frame, r *ChaosRun) {
	all := phases()
	at := slices.IndexFunc(all, func(p phase) bool { return slices.Contains(p.of, r.Last.Phase) })
	const long = 74
	p := pen{f: f, x: 1}
	for i, one := range all {
		name := one.name
		if f.Width() < long {
			name = one.brief
		}
		if i == at && r.Last.Phase == chaos.Waiting {
			name = "waiting"
		}
		switch {
		case i < at:
			p.flow(theme.Dim, safe.Sprintf("✓%s", name))
		case i == at:
			p.flow(theme.Selected, safe.Sprintf("▸%s", name))
		default:
			p.flow(theme.Faint, safe.New(name, 20))
		}
	}
}

// drawProgress is how much of a run is over, and what it said last.
func drawProgress(f *frame.Frame, r *ChaosRun, x *chaos.Experiment, s *Screen) {
	width := min(20, f.Width()/4)
	at, end := 1, r.Over
	if end.IsZero() {
		end = r.Ends
	}
	if x != nil && x.Length() > 0 && !end.IsZero() {
		over := 1 - float64(end.Sub(s.Now))/float64(x.Length())
		chart.Gauge(f, 1, 0, width, min(max(over, 0), 1), theme.Accent)
		at += width + 1
	}
	said := r.Said
	if said == "" {
		said = r.Last.Text
	}
	f.PutFit(at, 0, f.Width()-at, theme.Dim, safe.New(said, safe.Line))
}

func drawLabelled(f *frame.Frame, label string, style theme.Style, text string) {
	p := pen{f: f, x: 1}
	p.left(6, theme.Dim, safe.New(label, 6))
	p.flow(style, safe.New(text, safe.Line))
}

// faultGroup are the faults of a run of one kind and tier.
type faultGroup struct {
	kind   string
	tier   chaos.Tier
	faults []chaos.FaultOutcome
}

func faultGroups(r *ChaosRun) []faultGroup {
	var out []faultGroup
	for _, f := range r.Faults {
		i := slices.IndexFunc(out, func(g faultGroup) bool { return g.kind == f.Kind && g.tier == f.Tier })
		if i < 0 {
			i = len(out)
			out = append(out, faultGroup{kind: f.Kind, tier: f.Tier})
		}
		out[i].faults = append(out[i].faults, f)
	}
	return out
}

// text says what is done to whom, and since when.
func (g faultGroup) text(s *Screen) string {
	whom := make([]string, len(g.faults))
	for i, f := range g.faults {
		whom[i] = f.Target
		switch {
		case f.GoneAt != nil:
			whom[i] += " gone " + Ago(s.Now.Sub(*f.GoneAt)) + " ago"
		case f.InjectedAt != nil:
			whom[i] += " for " + Ago(s.Now.Sub(*f.InjectedAt))
		default:
			whom[i] += " not yet"
		}
	}
	return g.kind + " on " + strings.Join(whom, ", ")
}

// whenThisDies says who undoes a run when this terminal is lost.
func whenThisDies(r *ChaosRun, x *chaos.Experiment) string {
	switch {
	case r.Last.ID == "":
		return "this terminal: nothing, another process has started it"
	case x != nil && x.OnDisconnect == chaos.DisconnectContinue:
		return "this terminal: it goes on, guarded (on_disconnect: continue)"
	}
	return "this terminal: the runner undoes it; runner: the undertaker"
}

// guardsOf are the guards of a run: those of its file, and those that it told of
// beside them.
func guardsOf(r *ChaosRun, x *chaos.Experiment) []chaos.Guard {
	list := slices.Clone(x.Guards)
	if one, told := r.Samples[SampleKey(chaos.KindGuard, "incident")]; told && one.For > 0 && !slices.ContainsFunc(list, func(g chaos.Guard) bool { return g.Name == "incident" }) {
		list = append(list, chaos.Guard{Name: "incident", Incident: strings.TrimSuffix(one.Limit, " or worse is open")})
	}
	return list
}

func drawProbe(f *frame.Frame, r *ChaosRun, probe *chaos.Probe) {
	one, known := r.Samples[SampleKey(chaos.KindProbe, probe.Name)]
	drawWatch(f, r, watched{chaos.KindProbe, probe.Name, "expect " + cmp.Or(one.Limit, probe.Expect.String()), one.Value, known, one.OK})
}

func drawGuard(f *frame.Frame, r *ChaosRun, guard *chaos.Guard) {
	one, known := r.Samples[SampleKey(chaos.KindGuard, guard.Name)]
	limit := "abort " + guard.Trips()
	if one.For > 0 {
		limit = fmt.Sprintf("%d of %d  %s", one.Row, one.For, limit)
	}
	drawWatch(f, r, watched{chaos.KindGuard, guard.Name, limit, one.Value, known, one.OK})
}

// watched is a probe or a guard with its newest value: nil without data; known is
// false while nothing has been seen.
type watched struct {
	what, name, limit string
	value             *float64
	known, good       bool
}

// drawWatch writes one with its limit, and its last values where there is room.
func drawWatch(f *frame.Frame, r *ChaosRun, w watched) {
	p := pen{f: f, x: 1}
	p.left(6, theme.Dim, safe.New(w.what, 6))
	p.left(min(24, max(f.Width()/4, 10)), theme.Plain, safe.New(w.name, safe.Line))
	end := piece{safe.Const("-"), theme.Dim}
	switch {
	case w.value != nil && w.good:
		end = piece{safe.Sprintf("%s ✓", number(*w.value)), theme.OK}
	case w.value != nil:
		end = piece{safe.Sprintf("%s ✗", number(*w.value)), theme.Crit}
	case w.known && w.good:
		end = piece{safe.Const("no data"), theme.Dim} // which counts as fine here
	case w.known:
		end = piece{safe.Const("no data ✗"), theme.Warn}
	}
	p.right(11, end.style, end.text)
	p.x++
	if trail := r.Trail[SampleKey(w.what, w.name)]; len(trail) > 1 && f.Width() >= 64 {
		spark := chart.Sparkline(trail, min(30, f.Width()/6), f.Theme().Glyphs())
		f.PutRight(f.Width(), 0, theme.Series(0), spark)
		p.f = f.Sub(frame.Rect{W: f.Width() - spark.Width() - 1, H: 1})
	}
	p.flow(theme.Dim, safe.New(w.limit, 60))
}

// readRun is a run that goes on.
func readRun(r *ChaosRun, x *chaos.Experiment, s *Screen) Effect {
	var p page
	p.labelled("phase", string(r.Last.Phase))
	p.labelled("targets", r.Targets)
	if !r.Ends.IsZero() {
		p.labelled("ends", "in "+Until(r.Ends.Sub(s.Now))+"; "+s.Keys.Label(keys.Abort)+" ends it now")
	}
	p.labelled("last", r.Said)
	for _, f := range r.Faults {
		p.labelled("fault", FaultText(f, s.Zone))
		p.labelled("undo", f.Tier.Means())
	}
	if r.Left == "" {
		p.labelled("lost", whenThisDies(r, x))
	}
	if x != nil {
		p.experiment(x)
	}
	return p.reading(r.Run + " " + r.Experiment)
}
