package pane

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// chaosRow is a row of the experiments: a line of a run that goes on, or a
// prepared experiment.
type chaosRow struct {
	id   string
	of   string // the experiment
	draw func(*frame.Frame)
	open func(*Screen) Effect
}

// chaosRows are the lines of what runs, and then of what may be started.
func chaosRows(s *Screen, f *filter) (list []chaosRow, running int) {
	w := &s.World.Chaos
	if w.Halt != nil {
		list = haltRows(w.Halt, s)
	}
	for i := range w.Runs {
		if w.Runs[i].Outcome == nil {
			running++
			list = append(list, runRows(&w.Runs[i], s)...)
		}
	}
	prepared := slices.Clone(w.Experiments)
	slices.SortStableFunc(prepared, func(a, b chaos.Experiment) int { return byPin(a.Pin, b.Pin) })
	for i := range prepared {
		x := &prepared[i]
		if f.text(x.Name + " " + Faults(*x) + " " + Victims(*x)) {
			list = append(list, chaosRow{
				"experiment " + x.Name, x.Name,
				func(f *frame.Frame) { drawExperiment(f, x, lastRun(w, x.Name)) },
				func(*Screen) Effect { return Effect{Handled: true, Plan: x.Name} },
			})
		}
	}
	for i := range w.Broken {
		b := &w.Broken[i]
		if f.text(b.Name + " " + b.Error) {
			list = append(list, chaosRow{"broken " + b.Name, b.Name, func(f *frame.Frame) { drawBroken(f, b) }, func(*Screen) Effect { return readBroken(b) }})
		}
	}
	return list, running
}

func drawBroken(f *frame.Frame, b *BrokenExperiment) {
	p := pen{f: f, x: 3}
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(b.Name, 60))
	p.flow(theme.Warn, safe.Sprintf("broken: %s", safe.New(b.Error, safe.Line)))
}

func readBroken(b *BrokenExperiment) Effect {
	var p page
	p.labelled("broken", b.Error)
	p.text("Mend the file, then start sitrep again. The other experiments are as they were.")
	return p.reading(b.Name)
}

// chaosSection is what runs, what may be started, and how the last run of each
// ended.
func chaosSection(s *Screen, f *filter) section {
	list, running := chaosRows(s, f)
	note := piece{safe.Sprintf("%s picks one", s.Keys.Label(keys.ChaosPicker)), theme.Dim}
	switch {
	case running > 0:
		note = piece{safe.Sprintf("%s ends and undoes it", s.Keys.Label(keys.Abort)), theme.Accent}
	case s.World.Chaos.Halt != nil:
		note = piece{haltNote(s.World.Chaos.Halt, s), theme.Crit}
	}
	return section{
		name: "chaos", title: safe.Sprintf("chaos  %s", plural(len(s.World.Chaos.Experiments), "experiment")), note: note, dear: 10, least: 1, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].id },
			draw: func(f *frame.Frame, i int) { list[i].draw(f) },
			open: func(i int, s *Screen) Effect { return list[i].open(s) },
			none: f.without(safe.Const("no experiment is configured (experiments: in sitrep.yaml)")),
		},
	}
}

// beforeSection is how the runs of all experiments went, where there is room for it: the
// newest first, and enter leads to what their probes saw.
func beforeSection(s *Screen, f *filter) []section {
	var list []ChaosPast
	for _, p := range slices.Backward(s.World.Chaos.Past) {
		if p.Outcome != nil && f.text(p.Run+" "+p.Experiment+" "+p.Verdict()+" "+p.By) {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return []section{{
		name: "before", title: safe.Sprintf("runs before  %d", len(list)), note: piece{safe.New(Record(list), 60), theme.Dim}, dear: 3, least: 2, want: len(list), grow: true,
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].Run + " " + list[i].ID },
			draw:   func(f *frame.Frame, i int) { drawBefore(f, &list[i], s) },
			open:   func(i int, _ *Screen) Effect { return Effect{Handled: true, Past: &list[i].Experiment} },
			newest: true,
		},
	}}
}

func drawBefore(f *frame.Frame, past *ChaosPast, s *Screen) {
	p := pen{f: f}
	p.left(stampWidth, theme.Dim, safe.New(stamp(past.Began, s.Now, s.Zone), stampWidth))
	p.left(6, theme.Plain, safe.New(past.Run, 6))
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(past.Experiment, 60))
	end := verdictPiece(past.Outcome)
	p.left(14, end.style, end.text)
	p.flow(theme.Dim, safe.New(past.Reason(s.Zone), safe.Line))
}

// byPin orders what is on a key before what is not, in the order of the keys.
func byPin(a, b string) int {
	if (a == "") != (b == "") {
		return strings.Compare(b, a)
	}
	return strings.Compare(a, b)
}

// lastRun is how the newest run of an experiment that has ended did; nil without one.
func lastRun(w *Chaos, name string) *chaos.Outcome {
	for i := len(w.Runs) - 1; i >= 0; i-- {
		if w.Runs[i].Experiment == name && w.Runs[i].Outcome != nil {
			return w.Runs[i].Outcome
		}
	}
	for i := len(w.Past) - 1; i >= 0; i-- {
		if w.Past[i].Experiment == name && w.Past[i].Outcome != nil {
			return w.Past[i].Outcome
		}
	}
	return nil
}

func drawExperiment(f *frame.Frame, x *chaos.Experiment, last *chaos.Outcome) {
	p := pen{f: f}
	p.left(2, theme.Key, safe.New(x.Pin, 2))
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(x.Name, 60))
	p.right(5, theme.Dim, safe.New(strictyaml.FormatDuration(x.Length()), 8))
	p.x++
	if last != nil && f.Width() >= 56 {
		end := verdictPiece(last)
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

// number writes a value whose unit nobody knows.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

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

func maybe(v *float64) string {
	if v == nil {
		return "no data"
	}
	return number(*v)
}
