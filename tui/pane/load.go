package pane

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// loadRow is a line of the load section.
type loadRow struct {
	id   string
	draw func(*frame.Frame)
	open func() Effect
}

// loadSection is the load that runs with its figures, what may be started, and
// how the last run ended.
func loadSection(s *Screen, f *filter) section {
	l := &s.World.Load
	var list []loadRow
	if l.Live != nil {
		list = append(list, liveRows(l)...)
	}
	prepared := slices.Clone(l.Plans)
	slices.SortStableFunc(prepared, func(a, b loadtest.Plan) int { return byPin(a.Pin, b.Pin) })
	for i := range prepared {
		plan := &prepared[i]
		if f.text(plan.Name + " " + host(plan)) {
			list = append(list, loadRow{"plan " + plan.Name, func(f *frame.Frame) { drawPlan(f, plan) }, func() Effect { return readPlan(plan) }})
		}
	}
	if l.Result != nil && l.Live == nil {
		list = append(list, resultRows(l.Result, s)...)
	}
	note := piece{safe.Sprintf("%s picks one", s.Keys.Label(keys.LoadPicker)), theme.Dim}
	if l.Live != nil {
		note = piece{safe.Sprintf("%s runs: %s ends it", l.Run, s.Keys.Label(keys.Abort)), theme.Accent}
	}
	return section{
		name: "load", title: safe.Sprintf("load  %s", plural(len(l.Plans), "plan")), note: note, dear: 9, least: 1, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].id },
			draw: func(f *frame.Frame, i int) { list[i].draw(f) },
			open: func(i int, _ *Screen) Effect { return list[i].open() },
			none: f.without(safe.Const("no load plan is configured (plans: in sitrep.yaml)")),
		},
	}
}

// host is whom a plan loads: the first target's host.
func host(p *loadtest.Plan) string {
	if len(p.Targets) == 0 && len(p.Scenarios) == 0 {
		return "nothing"
	}
	return p.Host()
}

func drawPlan(f *frame.Frame, plan *loadtest.Plan) {
	p := pen{f: f}
	p.left(2, theme.Key, safe.New(plan.Pin, 2))
	p.left(min(20, max(f.Width()/3, 10)), theme.Plain, safe.New(plan.Name, 60))
	p.right(5, theme.Dim, safe.New(strictyaml.FormatDuration(plan.Duration()), 8))
	p.right(8, theme.Plain, safe.New(peak(plan), 8))
	p.x++
	p.flow(theme.Dim, safe.New(limits(plan)+" on "+host(plan), safe.Line))
}

// peak is the most that a plan sends.
func peak(p *loadtest.Plan) string {
	switch {
	case p.Closed:
		return plot.SI(p.PeakRate()) + " usr"
	case p.Baseline != "":
		return plot.SI(p.PeakRate()) + "x"
	}
	return perSecond(p.PeakRate())
}

// limits are the thresholds of a plan, or that it has none.
func limits(plan *loadtest.Plan) string {
	var out []string
	for _, t := range plan.Thresholds {
		out = append(out, t.Expr)
	}
	return cmp.Or(strings.Join(out, ", "), "no threshold")
}

func perSecond(v float64) string { return plot.SI(v) + "/s" }

// The columns of percentiles.
const (
	percentileName  = 9
	percentileWidth = 8
)

// percentiles are the columns, the dearest first: what does not fit is left out.
func percentiles(l loadtest.Latency) []time.Duration {
	return []time.Duration{l.P50, l.P90, l.P95, l.P99, l.Max}
}

// percentileHead is the row above percentiles.
func percentileHead(id string) loadRow {
	return loadRow{id, func(f *frame.Frame) {
		p := pen{f: f, x: 1 + percentileName + 1}
		for _, name := range []safe.Text{safe.Const("p50"), safe.Const("p90"), safe.Const("p95"), safe.Const("p99"), safe.Const("max")} {
			if p.room() >= percentileWidth {
				p.right(percentileWidth, theme.Dim, name)
			}
		}
	}, nil}
}

// percentileRow is one line of them.
func percentileRow(id string, name safe.Text, l loadtest.Latency, style theme.Style) loadRow {
	return loadRow{id, func(f *frame.Frame) {
		p := pen{f: f, x: 1}
		p.left(percentileName, theme.Dim, name)
		for _, d := range percentiles(l) {
			if p.room() >= percentileWidth {
				p.right(percentileWidth, style, latency(d))
			}
		}
	}, nil}
}

// latency is a response time in three figures: 4.2 ms, 1.25 s.
func latency(d time.Duration) safe.Text {
	if d == 0 {
		return safe.Const("-")
	}
	return safe.New(Figure("s", d.Seconds()), percentileWidth)
}

// liveRows are the figures of the run that goes on: how far it is, whether the
// generator keeps up, what comes back.
func liveRows(l *Load) []loadRow {
	g := l.Live
	open := func() Effect { return readLive(l) }
	rows := []loadRow{
		{"live", func(f *frame.Frame) { drawLive(f, l) }, nil},
		{"live rate", func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			p.left(percentileName, theme.Dim, safe.Const("rate"))
			p.flow(rateStyle(g.AchievedRate, g.RequestedRate), safe.New(perSecond(g.AchievedRate), 12))
			if g.Closed {
				p.flow(theme.Dim, safe.Sprintf("by %.0f users", g.Users))
			} else {
				p.flow(theme.Dim, safe.Sprintf("of %s", perSecond(g.RequestedRate)))
			}
			if g.RequestedRate > 0 {
				p.flow(theme.Dim, safe.Sprintf("· %s", plot.Percent(g.AchievedRate/g.RequestedRate)))
			}
			p.flow(theme.Dim, safe.Sprintf("· %d of %d in flight", g.InFlight, g.Connections))
		}, nil},
		{"live errors", func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			p.left(percentileName, theme.Dim, safe.Const("errors"))
			drawErrors(&p, g.Errors, g.Requests, g.ErrorsByClass)
		}, nil},
		percentileHead("live head"),
		percentileRow("live last", safe.Const("last s"), g.LastSecond, theme.Bright),
		percentileRow("live all", safe.Const("whole run"), g.Latency, theme.Plain),
		percentileRow("live lag", safe.Const("lag"), g.Lag, theme.Dim),
	}
	for i := range rows {
		rows[i].open = open
	}
	return rows
}

func drawLive(f *frame.Frame, l *Load) {
	g := l.Live
	p := pen{f: f}
	right := f.PutRight(f.Width(), 0, theme.Accent, safe.Sprintf("%s left", Until(g.Remaining))) - 2
	p.flow(theme.Bright, safe.New(l.Run, 12))
	stage := safe.Sprintf("stage %d of %d", g.Stage+1, max(g.Stages, g.Stage+1))
	if g.Warmup {
		stage = safe.Const("warm-up: nothing counts yet")
	}
	p.flow(theme.Dim, stage)
	if whole := g.Elapsed + g.Remaining; whole > 0 && right-p.x > 8 {
		chart.Gauge(f, p.x+1, 0, min(20, right-p.x-1), float64(g.Elapsed)/float64(whole), theme.Accent)
	}
}

// rateStyle warns where the load is not what was asked for.
func rateStyle(achieved, requested float64) theme.Style {
	if requested > 0 && achieved < 0.97*requested {
		return theme.Warn
	}
	return theme.Bright
}

func drawErrors(p *pen, errors, requests int64, classes map[loadtest.Class]loadtest.ErrorCount) {
	style := theme.Bright
	if errors > 0 {
		style = theme.Crit
	}
	ratio := 0.0
	if requests > 0 {
		ratio = float64(errors) / float64(requests)
	}
	p.flow(style, safe.New(plot.Percent(ratio), 10))
	p.flow(theme.Dim, safe.Sprintf("%d of %d requests", errors, requests))
	for _, c := range slices.Sorted(maps.Keys(classes)) {
		p.flow(theme.Dim, safe.Sprintf("· %s %d", c, classes[c].Count))
	}
}

// endOf is when a run ended, to its last measured second.
func endOf(r *loadtest.Result) time.Time {
	return r.StartedAt.Add(time.Duration(r.DurationSeconds * float64(time.Second)))
}

// resultRows are how the last run ended.
func resultRows(r *loadtest.Result, s *Screen) []loadRow {
	open := func() Effect { return readResult(r, s) }
	rows := []loadRow{
		{"result", func(f *frame.Frame) {
			p := pen{f: f}
			right := f.PutRight(f.Width(), 0, theme.Dim, safe.Sprintf("%s ago", Ago(s.Now.Sub(endOf(r))))) - 1
			p.flow(theme.Plain, safe.Sprintf("last: %s %s", r.Run, r.Plan))
			p.flow(loadStyle(r.Verdict), safe.New(string(r.Verdict), 10))
			if len(r.Reasons) > 0 {
				f.PutFit(p.x, 0, right-p.x, theme.Dim, safe.New(r.Reasons[0], safe.Line))
			}
		}, nil},
		{"result rate", func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			p.left(percentileName, theme.Dim, safe.Const("rate"))
			p.flow(rateStyle(r.AchievedRate, r.RequestedRate), safe.New(perSecond(r.AchievedRate), 12))
			if r.Model == "closed" {
				p.flow(theme.Dim, safe.Const("by users (closed)"))
			} else {
				p.flow(theme.Dim, safe.Sprintf("of %s", perSecond(r.RequestedRate)))
			}
			if r.Generator != loadtest.GeneratorOK {
				p.flow(theme.Warn, safe.Sprintf("· generator %s", r.Generator))
			}
		}, nil},
		{"result errors", func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			p.left(percentileName, theme.Dim, safe.Const("errors"))
			drawErrors(&p, r.Errors, r.Requests, r.ErrorsByClass)
		}, nil},
		percentileHead("result head"),
		percentileRow("result latency", safe.Const("latency"), r.Latency, theme.Plain),
	}
	for i, t := range r.Thresholds {
		rows = append(rows, loadRow{fmt.Sprint("result threshold ", i), func(f *frame.Frame) {
			p := pen{f: f, x: 1}
			mark, style := safe.Const("✓"), theme.OK
			if !t.OK {
				mark, style = safe.Const("✗"), theme.Crit
			}
			p.left(percentileName, theme.Dim, safe.Const("must hold"))
			p.flow(style, mark)
			p.flow(theme.Plain, safe.New(t.Expr, 60))
		}, nil})
	}
	for i := range rows {
		rows[i].open = open
	}
	return rows
}

func loadStyle(v loadtest.Verdict) theme.Style {
	switch v {
	case loadtest.Pass:
		return theme.OK
	case loadtest.Fail:
		return theme.Crit
	}
	return theme.Warn
}

// readResult is the whole of a result.
func readResult(r *loadtest.Result, s *Screen) Effect {
	var p page
	p.loadResult(r, s)
	return p.reading(strings.TrimSpace(r.Run + " " + r.Plan))
}

// readLive is what there is to say of a run that goes on, and then how it ended.
func readLive(l *Load) Effect {
	run := l.Run
	e := livePage(l).reading(run)
	e.Read.Again = func(s *Screen) *Reading {
		l := &s.World.Load
		switch {
		case l.Run != run:
		case l.Live != nil:
			return livePage(l).reading("").Read
		case l.Result != nil && l.Result.Run == run:
			var p page
			p.loadResult(l.Result, s)
			return p.reading("").Read
		}
		return nil
	}
	return e
}

func livePage(l *Load) *page {
	var p page
	g := l.Live
	p.labelled("elapsed", took(g.Elapsed)+", "+took(g.Remaining)+" left")
	p.labelled("rate", perSecond(g.AchievedRate)+" of "+perSecond(g.RequestedRate)+" asked for")
	p.labelled("in flight", fmt.Sprintf("%d of %d connections", g.InFlight, g.Connections))
	p.labelled("requests", fmt.Sprintf("%d, %d errors", g.Requests, g.Errors))
	for _, c := range slices.Sorted(maps.Keys(g.ErrorsByClass)) {
		p.labelled(string(c), fmt.Sprintf("%d  %s", g.ErrorsByClass[c].Count, g.ErrorsByClass[c].Sample))
	}
	return &p
}

// readPlan is the whole of a plan.
func readPlan(plan *loadtest.Plan) Effect {
	var p page
	p.heading("targets")
	for _, t := range plan.Targets {
		p.labelled(cmp.Or(t.Method, "GET"), fmt.Sprintf("%s  weight %d", t.URL, max(t.Weight, 1)))
	}
	for _, sc := range plan.Scenarios {
		for _, st := range sc.Steps {
			p.labelled(cmp.Or(st.Method, "GET"), fmt.Sprintf("%s  of %s", st.URL, sc.Name))
		}
	}
	p.heading("stages")
	for _, st := range plan.Stages {
		p.labelled(strictyaml.FormatDuration(st.For), plan.Describe(st))
	}
	p.heading("limits")
	p.labelled("passes if", limits(plan))
	if plan.Warmup > 0 {
		p.labelled("warm-up", strictyaml.FormatDuration(plan.Warmup)+" is not judged")
	}
	for _, g := range plan.Guards {
		p.labelled("ends if", fmt.Sprintf("%s is %s", g.Name, g.AbortWhen))
	}
	if plan.HTTP.TLS.Insecure {
		p.labelled("INSECURE", "no certificate is verified")
	}
	p.labelled("connections", fmt.Sprint(cmp.Or(plan.Connections, loadtest.DefaultConnections)))
	p.labelled("timeout", strictyaml.FormatDuration(cmp.Or(plan.Timeout, loadtest.DefaultTimeout)))
	return p.reading(strings.TrimSpace(plan.Name + " " + plan.Pin))
}
