package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// runRows are the lines of a run that goes on: where it stands, whom it hurts and who
// takes it back, what its probes and guards see. Of one that another process has, only
// the faults are known, and who ends it.
func runRows(r *ChaosRun, s *Screen) []chaosRow {
	x := experimentOf(r, s)
	open := func(s *Screen) Effect { return readRun(r, s) }
	var out []chaosRow
	row := func(id string, draw func(*frame.Frame)) {
		out = append(out, chaosRow{id + " " + r.Run, r.Experiment, draw, open})
	}
	labelled := func(id string, l LiveLine) {
		row(id, func(f *frame.Frame) { drawLabelled(f, l.Label, l.Style, l.Text) })
	}
	row("run", func(f *frame.Frame) { drawRun(f, r, s) })
	row("phases", func(f *frame.Frame) { drawPhases(f, r) })
	row("progress", func(f *frame.Frame) { drawProgress(f, r, x, s) })
	for i, l := range hurtLines(r, s) {
		labelled(fmt.Sprintf("fault %d", i), l)
	}
	for i, l := range whoseLines(r, x, s) {
		labelled(fmt.Sprintf("whose %d", i), l)
	}
	seen, names := watches(r, x), 10
	for _, w := range seen {
		names = max(names, safe.New(w.name, 24).Width())
	}
	for _, w := range seen {
		row(w.what+" "+w.name, func(f *frame.Frame) { drawWatch(f, w, names) })
	}
	return out
}

// experimentOf is the experiment of a run, as the configuration has it; nil without one.
func experimentOf(r *ChaosRun, s *Screen) *chaos.Experiment {
	list := s.World.Chaos.Experiments
	if i := slices.IndexFunc(list, func(x chaos.Experiment) bool { return x.Name == r.Experiment }); i >= 0 {
		return &list[i]
	}
	return nil
}

// LiveLine is a line about a run that goes on; one without a label belongs to the one
// before it.
type LiveLine struct {
	Label, Text string
	Style       theme.Style
}

// LiveLines are all that is known of a run that goes on.
func LiveLines(r *ChaosRun, s *Screen) []LiveLine {
	x := experimentOf(r, s)
	state := LiveLine{"running", standing(r, s), theme.Accent}
	if r.Left != "" {
		state = LiveLine{"NOT UNDONE", r.Left, theme.Crit}
	}
	out := []LiveLine{state, {"last", cmp.Or(r.Said, r.Last.Text), theme.Dim}}
	out = append(out, hurtLines(r, s)...)
	for _, f := range r.Faults {
		if f.InjectedAt != nil {
			text := "injected " + clockOf(*f.InjectedAt, s)
			if f.GoneAt != nil {
				text += ", gone " + clockOf(*f.GoneAt, s)
			}
			if f.Effect != "" {
				text += ": " + f.Effect
			}
			out = append(out, LiveLine{"since", f.Target + " " + text, theme.Dim})
		}
	}
	out = append(out, whoseLines(r, x, s)...)
	for _, w := range watches(r, x) {
		end := w.end()
		out = append(out, LiveLine{w.what, fmt.Sprintf("%s %s  %s", w.name, end.text, w.limit), end.style})
	}
	return out
}

// standing is where a run stands, what is left of it, and what ends it.
func standing(r *ChaosRun, s *Screen) string {
	text := r.Run
	i := slices.IndexFunc(phases(), func(p phase) bool { return slices.Contains(p.of, r.Last.Phase) })
	switch {
	case r.Last.Phase == chaos.Waiting:
		text += " waiting"
	case i >= 0:
		text += " " + phases()[i].name
	}
	if r.Last.Steps > 1 && r.Last.Step > 0 {
		text += fmt.Sprintf(", step %d of %d", r.Last.Step, r.Last.Steps)
	}
	if left := leftOf(r, s); left != "" {
		text += ", " + left
	}
	return text + "; " + s.Keys.Label(keys.Abort) + " ends and undoes it"
}

// leftOf is how long step and run take by plan; empty where nobody knows.
func leftOf(r *ChaosRun, s *Screen) string {
	switch {
	case !r.Ends.IsZero() && !r.Over.IsZero() && r.Last.Steps > 1:
		return fmt.Sprintf("%s left of step, %s in all", Until(r.Ends.Sub(s.Now)), Until(r.Over.Sub(s.Now)))
	case !r.Ends.IsZero() && r.Ends.After(s.Now):
		return Until(r.Ends.Sub(s.Now)) + " left"
	}
	return ""
}

// hurtLines are whom a run hurts, and what takes that back.
func hurtLines(r *ChaosRun, s *Screen) (out []LiveLine) {
	for _, group := range faultGroups(r) {
		out = append(out, LiveLine{"hurts", group.text(s), theme.Plain})
		for k, part := range strings.Split(group.tier.Means(), ", ") { // a line each: in one they are wider than half a screen
			label := ""
			if k == 0 {
				label = "undo " + string(group.tier)
			}
			out = append(out, LiveLine{label, part, theme.Dim})
		}
	}
	return out
}

// whoseLines say who has a run, and who undoes it when something is lost.
func whoseLines(r *ChaosRun, x *chaos.Experiment, s *Screen) []LiveLine {
	switch {
	case r.Left != "":
		return nil
	case r.Here():
		return []LiveLine{{"lost", whenThisDies(x), theme.Dim}}
	}
	who := cmp.Or(r.Holder, "another process")
	if i := slices.IndexFunc(s.World.Chaos.Past, func(p ChaosPast) bool { return p.ID == r.ID && p.Run == r.Run }); i >= 0 && s.World.Chaos.Past[i].By != "" {
		who += ", started by " + s.World.Chaos.Past[i].By
	}
	return []LiveLine{
		{"whose", who, theme.Plain},
		{"ends", s.Keys.Label(keys.Abort) + " here, or sitrep chaos halt from anywhere", theme.Plain},
		{"seen", "probes and guards: by that process only", theme.Dim},
	}
}

// drawRun is its name, its step, and how long step and run take by plan.
func drawRun(f *frame.Frame, r *ChaosRun, s *Screen) {
	left := safe.New(cmp.Or(r.Left, leftOf(r, s)), 40)
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
	whole := time.Duration(0)
	switch {
	case !r.Here(): // its journal knows of the step, and not of those to come
		whole = end.Sub(r.Began)
	case x != nil:
		whole = x.Length()
	}
	if whole > 0 && !end.IsZero() {
		over := 1 - float64(end.Sub(s.Now))/float64(whole)
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

// whenThisDies says who undoes a run of this process when something is lost.
func whenThisDies(x *chaos.Experiment) string {
	if x != nil && x.OnDisconnect == chaos.DisconnectContinue {
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

// watched is a probe or a guard with its newest value: nil without data; known is
// false while nothing has been seen.
type watched struct {
	what, name, limit string
	value             *float64
	known, good       bool
	trail             []float64
}

// watches are the probes and the guards of a run of this process: nobody else sees them.
func watches(r *ChaosRun, x *chaos.Experiment) (out []watched) {
	if x == nil || !r.Here() {
		return nil
	}
	add := func(kind, name string, limit func(chaos.Sample) string) {
		key := SampleKey(kind, name)
		one, known := r.Samples[key]
		out = append(out, watched{kind, name, limit(one), one.Value, known, one.OK, r.Trail[key]})
	}
	for _, probe := range x.SteadyState {
		add(chaos.KindProbe, probe.Name, func(one chaos.Sample) string { return "expect " + cmp.Or(one.Limit, probe.Expect.String()) })
	}
	for _, guard := range guardsOf(r, x) {
		add(chaos.KindGuard, guard.Name, func(one chaos.Sample) string {
			if one.For > 1 { // once is no count, and costs the words that say when
				return fmt.Sprintf("%d of %d  abort %s", one.Row, one.For, guard.Trips())
			}
			return "abort " + guard.Trips()
		})
	}
	return out
}

// end is the newest value, and whether it is as it should be.
func (w watched) end() piece {
	switch {
	case w.value != nil && w.good:
		return piece{safe.Sprintf("%s ✓", number(*w.value)), theme.OK}
	case w.value != nil:
		return piece{safe.Sprintf("%s ✗", number(*w.value)), theme.Crit}
	case w.known && w.good:
		return piece{safe.Const("no data"), theme.Dim} // which counts as fine here
	case w.known:
		return piece{safe.Const("no data ✗"), theme.Warn}
	}
	return piece{safe.Const("-"), theme.Dim}
}

// drawWatch writes one with its limit, its name in so many cells, and its last values
// where there is room.
func drawWatch(f *frame.Frame, w watched, names int) {
	p := pen{f: f, x: 1}
	p.left(6, theme.Dim, safe.New(w.what, 6))
	p.left(min(names, max(f.Width()*3/10, 10)), theme.Plain, safe.New(w.name, safe.Line))
	end := w.end()
	p.right(11, end.style, end.text)
	p.x++
	limit := safe.New(w.limit, 60)
	const least = 6 // cells in which a line of values can be read
	if room := min(30, f.Width()/6, p.room()-limit.Width()-2); len(w.trail) > 1 && f.Width() >= 64 && room >= least {
		f.PutRight(f.Width(), 0, theme.Series(0), chart.Sparkline(w.trail, room, f.Theme().Glyphs()))
	}
	p.flow(theme.Dim, limit)
}

// readRun is a run that goes on, as it goes on, and then how it ended.
func readRun(r *ChaosRun, s *Screen) Effect {
	run, id := r.Run, r.ID
	e := runPage(r, s).reading(r.Run + " " + r.Experiment)
	e.Read.Again = func(s *Screen) *Reading {
		i := slices.IndexFunc(s.World.Chaos.Runs, func(r ChaosRun) bool { return r.Run == run && r.ID == id })
		if i < 0 {
			return nil
		}
		return runPage(&s.World.Chaos.Runs[i], s).reading("").Read
	}
	return e
}

func runPage(r *ChaosRun, s *Screen) *page {
	var p page
	if r.Outcome != nil {
		p.outcome(r.Outcome, s)
	} else {
		for _, l := range LiveLines(r, s) {
			p.labelled(l.Label, l.Text)
		}
	}
	if x := experimentOf(r, s); x != nil {
		p.experiment(x)
	}
	return &p
}
