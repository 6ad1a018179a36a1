package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// showPast shows how the runs of an experiment went, or with "" those of all. Those that
// go on are followed while the list is open.
func (m *model) showPast(name string) {
	title := safe.Const("Runs of all experiments")
	if name != "" {
		title = safe.Sprintf("Runs of %s", name)
	}
	var runs []pane.ChaosPast // the newest first
	d := dialog.NewPast(title)
	fresh := func() tea.Cmd {
		runs = m.world.Chaos.History(name)
		slices.Reverse(runs)
		rows, ids := make([]dialog.Row, len(runs)), make([]string, len(runs))
		for i, p := range runs {
			rows[i], ids[i] = m.pastRow(p, name == ""), p.Run+" "+p.ID
		}
		now := runs
		d.Say(m.pastHead(runs), rows, ids, func(i, width int) []dialog.Row { return m.pastDetail(now[i], width) })
		return nil
	}
	fresh()
	m.ask(d, "", func(string) tea.Cmd {
		which := name
		if which == "" && len(runs) > 0 {
			which = runs[min(d.Chosen(), len(runs)-1)].Experiment
		}
		if which == "" {
			return nil
		}
		return m.showPlan(which)
	})
	m.asked.fresh = fresh
}

// pastHead is the trend of runs, the newest of which is the first.
func (m *model) pastHead(runs []pane.ChaosPast) []dialog.Row {
	if len(runs) == 0 {
		return []dialog.Row{{Text: safe.Const("never run: there is nothing to compare with yet"), Style: theme.Dim}}
	}
	forward := slices.Clone(runs)
	slices.Reverse(forward)
	scores, recoveries := pane.Trends(forward)
	line := safe.New(pane.Record(runs), 70)
	line = safe.Concat(line, m.trendOf("score", scores, "%.0f%%", 100), m.trendOf("recovery", recoveries, "%.1f s", 1))
	return []dialog.Row{{Text: line, Style: theme.Bright}, {}}
}

// trendOf is figures from the oldest to the newest, with the last of them; empty without
// any.
func (m *model) trendOf(label string, values []float64, form string, times float64) safe.Text {
	for _, v := range slices.Backward(values) {
		if v == v {
			return safe.Sprintf("   %s %s %s", label, pane.Spark(values, 16, m.theme.Glyphs()), safe.New(fmt.Sprintf(form, v*times), 12))
		}
	}
	return safe.Text{}
}

// pastRow is a run in columns.
func (m *model) pastRow(p pane.ChaosPast, named bool) dialog.Row {
	name := safe.Text{}
	if named {
		name = safe.Sprintf("%-18s ", safe.New(p.Experiment, 18))
	}
	style := theme.Dim
	switch {
	case p.Live != nil:
		style = theme.Accent
	case p.Outcome != nil:
		style = pane.VerdictStyle(p.Outcome.Verdict)
	}
	when := p.Began.In(m.zone).Format("01-02 15:04")
	if p.Began.Year() != m.now.Year() {
		when = p.Began.In(m.zone).Format("2006-01-02")
	}
	return dialog.Row{Style: style, Text: safe.Sprintf("%-6s %-11s %s%-12s %4s %8s  %s", safe.New(p.Run, 6), when, name,
		safe.New(strings.ReplaceAll(p.Verdict(), "_", " "), 12), cmp.Or(p.ScoreText(), "-"), cmp.Or(p.RecoveryText(), "-"), safe.New(p.By, 24))}
}

// pastDetail is all that is known of a run.
func (m *model) pastDetail(p pane.ChaosPast, width int) []dialog.Row {
	var rows []dialog.Row
	add := func(label string, style theme.Style, text string) {
		if text != "" {
			rows = append(rows, dialog.Row{Label: safe.New(label, 11), Text: safe.New(text, safe.Line), Style: style})
		}
	}
	o := p.Outcome
	switch {
	case p.Live != nil:
		return m.liveRows(p.Live)
	case o == nil:
		add("verdict", theme.Dim, p.Verdict()+": "+p.Reason(m.zone))
		return rows
	}
	add("verdict", pane.VerdictStyle(o.Verdict), p.Verdict()+": "+o.Why())
	add("expected", theme.Plain, o.Hypothesis)
	for _, g := range o.Guards {
		if g.Tripped {
			add("tripped", theme.Warn, fmt.Sprintf("guard %s: abort when %s", g.Name, g.AbortWhen))
		}
	}
	for _, probe := range o.Probes {
		add("probe", theme.Plain, probe.Name+" "+pane.ProbeText(probe))
		if line, marks, ok := pane.CourseLines(o, probe, min(width-12, 60), m.theme.Glyphs()); ok {
			rows = append(rows, dialog.Row{Label: safe.Const(" "), Text: line}, dialog.Row{Label: safe.Const(" "), Text: marks, Style: theme.Accent})
		}
	}
	if o.Score == nil && len(o.Probes) == 0 && o.StartedAt == nil && o.Verdict != chaos.Refused {
		add("seen", theme.Dim, "how it ended is known from its journal alone: no score, and nothing of what probes and guards saw")
	}
	for _, f := range o.Faults {
		add("fault", theme.Plain, pane.FaultText(f, m.zone))
	}
	return rows
}

// liveRows is all that is known of a run that goes on.
func (m *model) liveRows(r *pane.ChaosRun) []dialog.Row {
	var rows []dialog.Row
	for _, l := range pane.LiveLines(r, m.screen()) {
		rows = append(rows, dialog.Row{Label: safe.New(cmp.Or(l.Label, " "), 11), Text: safe.New(l.Text, safe.Line), Style: l.Style})
	}
	return rows
}
