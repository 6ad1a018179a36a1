package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// pickCheck lists the load plans by which an incident may be verified before it is resolved.
func (m *model) pickCheck(o pane.Resolve) {
	var rows []dialog.Choice
	for _, p := range m.world.Load.Plans {
		rows = append(rows, dialog.Choice{Value: p.Name, Text: rowOf(p.Name, fmt.Sprintf("%g/s", p.PeakRate()), span(p.Duration()), ""), Note: safe.New(loadOf(p), safe.Line)})
	}
	help := safe.Sprintf("%s is resolved if it passes, and is no worse than its baseline where one is recorded; you are asked again", o.ID)
	m.ask(dialog.NewPicker(safe.Sprintf("Verify %s by which load?", o.ID), help, m.keys, rows, ""), "", func(plan string) tea.Cmd {
		return m.request(pane.Verify{ID: o.ID, Resolution: o.Resolution, Plan: plan})
	})
}

// verifying is a load check on its way, and the resolution that follows from it.
func (m *model) verifying(inc incident.Incident, by incident.By, o pane.Verify) (errand, error) {
	if _, err := inc.Resolve(by, o.Resolution); err != nil {
		return errand{}, err
	}
	i := slices.IndexFunc(m.world.Load.Plans, func(p loadtest.Plan) bool { return p.Name == o.Plan })
	if i < 0 {
		return errand{}, fmt.Errorf("verify %s: there is no load plan %q", inc.ID, o.Plan)
	}
	if m.world.Load.Live != nil {
		return errand{}, fmt.Errorf("verify %s: %s runs already; %s ends it", inc.ID, m.world.Load.Run, m.keyFor(keys.Abort))
	}
	p := m.world.Load.Plans[i]
	e := errand{
		order: o, fault: true, title: fmt.Sprintf("verify %s by %s", inc.ID, p.Name), yes: "check, then resolve",
		says: []string{
			fmt.Sprintf("First sends %s.", loadOf(p)),
			fmt.Sprintf("If it passes, and is no worse than its baseline where one is recorded, it ends %s for everybody: the ladder stops, PagerDuty and Slack are told. Else it stays open.", inc.ID),
			"Cause: " + o.Resolution,
		},
	}
	e.brief = fmt.Sprintf("%s: %s", e.title, loadOf(p))
	if p.HTTP.TLS.Insecure {
		e.says = append(e.says, "INSECURE: no certificate is verified.")
	}
	if m.o.Prod {
		e.name = p.Host()
	}
	return e, nil
}

// followCheck shows a load check as it goes and how it ends. Whoever leaves it leaves it to
// itself; y resolves the incident without it.
func (m *model) followCheck(o pane.Verify) {
	opened := m.now
	d := dialog.NewPlan(safe.Sprintf("Verify %s by %s", o.ID, o.Plan), m.now).Alone()
	d.Say(m.checkRows(o, opened))
	m.ask(d, "", func(string) tea.Cmd {
		m.askAnyway(o, m.checkSince(o, opened))
		return nil
	})
	m.asked.shows = o
	m.asked.fresh = func() tea.Cmd {
		d.Say(m.checkRows(o, opened))
		return nil
	}
}

// checkSince is the check that was begun then, or after; nil before it is.
func (m *model) checkSince(o pane.Verify, since time.Time) *pane.Check {
	c := m.world.Check
	if c == nil || c.Incident != o.ID || c.Plan != o.Plan || c.Began.Before(since) {
		return nil
	}
	return c
}

// checkRows are where a check stands, and what y does.
func (m *model) checkRows(o pane.Verify, opened time.Time) (yes safe.Text, rows []dialog.Row) {
	row := func(label safe.Text, style theme.Style, format string, args ...any) {
		rows = append(rows, dialog.Row{Label: label, Text: safe.New(fmt.Sprintf(format, args...), safe.Line), Style: style})
	}
	yes = safe.Sprintf("resolve %s without it", o.ID)
	c := m.checkSince(o, opened)
	switch live := m.world.Load.Live; {
	case c == nil && m.counts.of(o):
		row(safe.Const("check"), theme.Accent, "begins in a moment; %s takes it back", m.keyFor(undoKey))
		return safe.Text{}, rows
	case c == nil:
		row(safe.Const("check"), theme.Dim, "has not begun; nothing was sent, and %s is as it was", o.ID)
	case !c.Over && live == nil:
		row(safe.Const("check"), theme.Accent, "begins")
	case !c.Over:
		row(safe.Const("check"), theme.Accent, "%s goes on, %s left", m.world.Load.Run, pane.Until(live.Remaining))
		row(safe.Const("sent"), theme.Plain, "%.0f/s of %.0f/s, %d of %d failed", live.AchievedRate, live.RequestedRate, live.Errors, live.Requests)
		row(safe.Const("took"), theme.Plain, "p50 %s  p95 %s  p99 %s", seconds(live.Latency.P50), seconds(live.Latency.P95), seconds(live.Latency.P99))
		row(safe.Const("then"), theme.Dim, "%s is resolved if it passes; %s ends it, and %s stays open", o.ID, m.keyFor(keys.Abort), o.ID)
	case c.Failed != "":
		row(safe.Const("check"), theme.Crit, "did not hold: %s is not resolved", o.ID)
		for _, line := range strings.Split(c.Failed, "\n") {
			row(safe.Const("why"), theme.Plain, "%s", line)
		}
	default:
		row(safe.Const("check"), theme.OK, "held: %s is resolved", o.ID)
		return safe.Text{}, rows
	}
	if inc, ok := find(m.world, o.ID); ok && inc.Status.Over() {
		row(safe.Const("meanwhile"), theme.Plain, "%s is %s", o.ID, inc.Status)
		yes = safe.Text{}
	}
	return yes, rows
}

func seconds(d time.Duration) string { return pane.Figure("s", d.Seconds()) }

// askAnyway asks why an incident is resolved although its check has not held, or is not
// waited for.
func (m *model) askAnyway(o pane.Verify, c *pane.Check) {
	how := fmt.Sprintf("without waiting for the load check %s", o.Plan)
	switch {
	case c == nil:
		how = fmt.Sprintf("without the load check %s", o.Plan)
	case c.Failed != "":
		first, _, _ := strings.Cut(c.Failed, "\n")
		how = fmt.Sprintf("although the load check %s has not held (%s)", o.Plan, first)
	}
	help := safe.Const("one line for the timeline; you are asked again")
	m.ask(dialog.NewPrompt(safe.Sprintf("Resolve %s without the check: why?", o.ID), help, "", m.answers["anyway"]), "anyway", func(why string) tea.Cmd {
		if why = strings.TrimSpace(why); why == "" {
			m.inform("not resolved: the reason is needed")
			return nil
		}
		return m.request(pane.Resolve{ID: o.ID, Resolution: o.Resolution, Anyway: how + ": " + why})
	})
}
