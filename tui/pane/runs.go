package pane

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// chaosRow is a row of the experiments: a line of a run that goes on, or a
// prepared experiment.
type chaosRow struct {
	id   string
	draw func(*frame.Frame)
	open func(*Screen) Effect
}

// chaosSection is what runs, what may be started, and how the last run of each
// ended.
func chaosSection(s *Screen, f *filter) section {
	w := s.World.Chaos
	var list []chaosRow
	running := 0
	for i := range w.Runs {
		if w.Runs[i].Outcome == nil {
			running++
			list = append(list, runRows(&w.Runs[i], w.Experiments, s)...)
		}
	}
	prepared := slices.Clone(w.Experiments)
	slices.SortStableFunc(prepared, func(a, b chaos.Experiment) int { return byPin(a.Pin, b.Pin) })
	for i := range prepared {
		x := &prepared[i]
		if f.text(x.Name + " " + Faults(*x) + " " + Victims(*x)) {
			list = append(list, chaosRow{
				"experiment " + x.Name,
				func(f *frame.Frame) { drawExperiment(f, x, lastRun(w.Runs, x.Name)) },
				func(s *Screen) Effect { return readExperiment(x, lastRun(w.Runs, x.Name)) },
			})
		}
	}
	note := piece{safe.Sprintf("%s picks one", s.Keys.Label(keys.ChaosPicker)), theme.Dim}
	if running > 0 {
		note = piece{safe.Sprintf("%s ends and undoes it", s.Keys.Label(keys.Abort)), theme.Accent}
	}
	return section{
		name: "chaos", title: safe.Sprintf("chaos  %s", plural(len(w.Experiments), "experiment")), note: note, dear: 10, least: 1, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].id },
			draw: func(f *frame.Frame, i int) { list[i].draw(f) },
			open: func(i int, s *Screen) Effect { return list[i].open(s) },
			none: f.without(safe.Const("no experiment is configured (experiments: in sitrep.yaml)")),
		},
	}
}

// byPin orders what is on a key before what is not, in the order of the keys.
func byPin(a, b string) int {
	if (a == "") != (b == "") {
		return strings.Compare(b, a)
	}
	return strings.Compare(a, b)
}

// lastRun is the newest run of an experiment that has ended; nil without one.
func lastRun(runs []ChaosRun, name string) *ChaosRun {
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Experiment == name && runs[i].Outcome != nil {
			return &runs[i]
		}
	}
	return nil
}

func drawExperiment(f *frame.Frame, x *chaos.Experiment, last *ChaosRun) {
	p := pen{f: f}
	p.left(2, theme.Key, safe.New(x.Pin, 2))
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(x.Name, 60))
	p.right(5, theme.Dim, safe.New(strictyaml.FormatDuration(x.Length()), 8))
	p.x++
	if last != nil && f.Width() >= 56 {
		end := verdictPiece(last.Outcome)
		f.PutRight(f.Width(), 0, end.style, end.text)
		p.f = f.Sub(frame.Rect{W: f.Width() - end.text.Width() - 1, H: 1})
	}
	p.flow(theme.Dim, safe.Sprintf("%s on %s", Faults(*x), Victims(*x)))
}

// verdictPiece is how a run ended, in a word.
func verdictPiece(o *chaos.Outcome) piece {
	text := safe.New(string(o.Verdict), 14)
	if o.Score != nil {
		text = safe.Sprintf("%s %.0f%%", o.Verdict, 100**o.Score)
	}
	switch o.Verdict {
	case chaos.Held:
		return piece{text, theme.OK}
	case chaos.UndoFailed:
		return piece{text, theme.Crit}
	case chaos.Deviated, chaos.Aborted:
		return piece{text, theme.Warn}
	case "":
		return piece{safe.Const("ended"), theme.Dim}
	}
	return piece{text, theme.Dim}
}

// runRows are the lines of a run that goes on: where it stands, whom it hurts,
// what its probes and guards see.
func runRows(r *ChaosRun, experiments []chaos.Experiment, s *Screen) []chaosRow {
	var x *chaos.Experiment
	if i := slices.IndexFunc(experiments, func(x chaos.Experiment) bool { return x.Name == r.Experiment }); i >= 0 {
		x = &experiments[i]
	}
	open := func(s *Screen) Effect { return readRun(r, x, s) }
	out := []chaosRow{
		{"run " + r.Run, func(f *frame.Frame) { drawRun(f, r, s) }, open},
		{"progress " + r.Run, func(f *frame.Frame) { drawProgress(f, r, x, s) }, open},
	}
	if x == nil {
		return out
	}
	for _, probe := range x.SteadyState {
		out = append(out, chaosRow{"probe " + r.Run + probe.Name, func(f *frame.Frame) {
			value, known := sampleOf(r, probe.Name)
			drawWatch(f, "probe", probe.Name, "expect "+probe.Expect.String(), value, known, probe.Expect.Holds)
		}, open})
	}
	for _, guard := range x.Guards {
		out = append(out, chaosRow{"guard " + r.Run + guard.Name, func(f *frame.Frame) {
			value, known := sampleOf(r, guard.Name)
			drawWatch(f, "guard", guard.Name, "abort "+guard.Trips(), value, known, func(v float64) bool { return !guard.AbortWhen.Holds(v) })
		}, open})
	}
	return out
}

func drawRun(f *frame.Frame, r *ChaosRun, s *Screen) {
	p := pen{f: f}
	left := safe.Sprintf("%s left", Until(r.Ends.Sub(s.Now)))
	if r.Ends.IsZero() {
		left = safe.Const("")
	}
	right := f.PutRight(f.Width(), 0, theme.Accent, left) - 2
	p.flow(theme.Bright, safe.Sprintf("%s %s", r.Run, r.Experiment))
	p.flow(theme.Accent, safe.New(string(r.Last.Phase), 12))
	f.PutFit(p.x, 0, right-p.x, theme.Dim, safe.New(r.Targets, safe.Line))
}

// drawProgress is how much of a run is over, and what it said last.
func drawProgress(f *frame.Frame, r *ChaosRun, x *chaos.Experiment, s *Screen) {
	width := min(20, f.Width()/3)
	at := 1
	if x != nil && x.Length() > 0 && !r.Ends.IsZero() {
		over := 1 - float64(r.Ends.Sub(s.Now))/float64(x.Length())
		chart.Gauge(f, 1, 0, width, min(max(over, 0), 1), theme.Accent)
		at += width + 1
	}
	f.PutFit(at, 0, f.Width()-at, theme.Dim, safe.New(r.Last.Text, safe.Line))
}

// sampleOf is the newest value of a probe or a guard, nil without data; known is
// false while nothing has been seen of it.
func sampleOf(r *ChaosRun, name string) (value *float64, known bool) {
	if one, ok := r.Samples[name]; ok {
		return one.Value, true
	}
	if one := r.Last.Sample; one != nil && one.Name == name {
		return one.Value, true
	}
	if v, ok := r.Last.Values[name]; ok {
		return &v, true
	}
	return nil, false
}

// drawWatch writes a probe or a guard with its newest value.
func drawWatch(f *frame.Frame, what, name, condition string, value *float64, known bool, good func(float64) bool) {
	p := pen{f: f, x: 1}
	p.left(5, theme.Dim, safe.New(what, 5))
	p.left(min(24, max(f.Width()/3, 10)), theme.Plain, safe.New(name, safe.Line))
	end := piece{safe.Const("-"), theme.Dim}
	switch {
	case value != nil && good(*value):
		end = piece{safe.Sprintf("%s ✓", number(*value)), theme.OK}
	case value != nil:
		end = piece{safe.Sprintf("%s ✗", number(*value)), theme.Crit}
	case known:
		end = piece{safe.Const("no data ✗"), theme.Warn}
	}
	p.right(11, end.style, end.text)
	p.x++
	p.flow(theme.Dim, safe.New(condition, 40))
}

// number writes a value whose unit nobody knows.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// readExperiment is the whole of an experiment, and how it went last.
func readExperiment(x *chaos.Experiment, last *ChaosRun) Effect {
	var p page
	p.experiment(x)
	if last != nil {
		p.heading("last run " + last.Run)
		p.outcome(last.Outcome)
	}
	return p.reading(strings.TrimSpace(x.Name + " " + x.Pin))
}

func (p *page) experiment(x *chaos.Experiment) {
	p.labelled("expected", x.Hypothesis)
	p.heading("what is done")
	p.labelled("to", Victims(*x))
	for _, m := range x.Method {
		if m.Wait > 0 {
			p.labelled(strictyaml.FormatDuration(m.Wait.D()), "wait")
			continue
		}
		with := make([]string, 0, len(m.With))
		for _, k := range slices.Sorted(maps.Keys(m.With)) {
			with = append(with, k+" "+m.With[k].String())
		}
		p.labelled(strictyaml.FormatDuration(m.Duration.D()), strings.TrimSpace(m.Fault+"  "+strings.Join(with, ", ")))
	}
	p.labelled("recovery", "within "+strictyaml.FormatDuration(x.Recovery.D()))
	p.heading("steady state: before, during and after")
	for _, probe := range x.SteadyState {
		p.text(probe.Name + " " + probe.Expect.String())
		p.text("  " + probe.What())
	}
	p.heading("guards: what ends it early")
	for _, g := range x.Guards {
		if g.Incident != "" || g.Operator != nil {
			p.text(g.Name + ": " + g.Trips())
			continue
		}
		p.text(fmt.Sprintf("%s %s, looked at every %s, %d in a row, no data: %s", g.Name, g.AbortWhen, strictyaml.FormatDuration(g.Interval.D()), max(g.For, 1), g.NoData))
		p.text("  " + g.PromQL)
	}
}

func (p *page) outcome(o *chaos.Outcome) {
	p.labelled("verdict", verdictPiece(o).text.String())
	p.labelled("because", o.Reason)
	if o.RecoverySeconds != nil {
		p.labelled("recovered", fmt.Sprintf("after %.1f s", *o.RecoverySeconds))
	}
	for _, probe := range o.Probes {
		p.labelled("probe", fmt.Sprintf("%s %s: before %s, during %s, after %s; %d of %d within", probe.Name, probe.Expect, maybe(probe.Before), maybe(probe.During), maybe(probe.After), probe.Within, probe.Evaluations))
	}
	for _, g := range o.Guards {
		tripped := ""
		if g.Tripped {
			tripped = ", tripped"
		}
		p.labelled("guard", fmt.Sprintf("%s %s: last %s, %d of %d breached%s", g.Name, g.AbortWhen, maybe(g.Last), g.Breaches, g.Evaluations, tripped))
	}
	for _, fault := range o.Faults {
		p.labelled("fault", fmt.Sprintf("%s on %s: %s", fault.Kind, fault.Target, fault.Effect))
	}
}

func maybe(v *float64) string {
	if v == nil {
		return "no data"
	}
	return number(*v)
}

// readRun is a run that goes on.
func readRun(r *ChaosRun, x *chaos.Experiment, s *Screen) Effect {
	var p page
	p.labelled("phase", string(r.Last.Phase))
	p.labelled("targets", r.Targets)
	if !r.Ends.IsZero() {
		p.labelled("ends", "in "+Until(r.Ends.Sub(s.Now))+"; "+s.Keys.Label(keys.Abort)+" ends it now")
	}
	p.labelled("last", r.Last.Text)
	if f := r.Last.Fault; f != nil {
		p.labelled("fault", fmt.Sprintf("%s on %s; %s", f.Kind, f.Target, f.Tier.Means()))
	}
	if x != nil {
		p.experiment(x)
	}
	return p.reading(r.Run + " " + r.Experiment)
}
