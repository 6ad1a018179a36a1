package pane

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// objectives is the view of error budgets: what is left of each, how fast it is being
// spent, and of the chosen one how it came to that.
type objectives struct {
	panes   panes
	filter  filter
	painter chart.Painter
	w, h    int
}

// Scope implements View.
func (v *objectives) Scope() keys.Scope { return keys.SLO }

// Draw implements View.
func (v *objectives) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	v.panes.draw(f, v.columns(s))
}

// Resize implements View.
func (v *objectives) Resize(width, height int, _ *Screen) Effect {
	v.w, v.h = width, height
	return Effect{Handled: true}
}

// Press implements View.
func (v *objectives) Press(a keys.Action, s *Screen) Effect {
	if a == keys.Yank {
		if o, ok := v.chosen(s); ok {
			return Effect{Handled: true, Copy: objectiveText(o)}
		}
	}
	return v.panes.press(a, s, v.columns(s))
}

// shown are the objectives that the filter leaves.
func (v *objectives) shown(s *Screen) (list []*slo.Status) {
	for i := range s.World.SLOs {
		o := &s.World.SLOs[i]
		if v.filter.text(strings.Join([]string{o.Objective.Name, o.Objective.Title, o.Objective.Service}, " ")) {
			list = append(list, o)
		}
	}
	return list
}

// chosen is the objective under the cursor.
func (v *objectives) chosen(s *Screen) (slo.Status, bool) {
	list := v.shown(s)
	if len(list) == 0 {
		return slo.Status{}, false
	}
	l := v.panes.list("objectives")
	l.settle(*v.list(list).rows)
	return *list[l.at], true
}

func (v *objectives) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	shown := v.shown(s)
	list := v.list(shown)
	all := frame.Rect{W: v.w, H: v.h}
	o, some := v.chosen(s)
	if !some {
		return []column{{all, []section{list}}}
	}
	down, windows := v.burnDown(o, s), v.windows(o)
	if v.w < twoColumns {
		return []column{{all, []section{list, down, windows}}}
	}
	list.want, list.grow = min(list.want, max(v.h/3, 3)), false
	head, rest := all.Top(1 + min(list.want, v.h/2))
	left, right := rest.Left(v.w * 3 / 5)
	right.X, right.W = right.X+1, right.W-1
	windows.grow = true
	return []column{{head, []section{list}}, {left, []section{down}}, {right, []section{windows}}}
}

func (v *objectives) list(shown []*slo.Status) section {
	name := 4
	for _, o := range shown {
		name = max(name, safe.New(o.Objective.Name, 32).Width())
	}
	none := safe.Const("no objective is configured, or none was looked at yet: name their files under slos in sitrep.yaml")
	return section{
		name: "objectives", title: safe.Sprintf("objectives  %d", len(shown)), note: piece{safe.Const("budget left · burn 1h · gone"), theme.Dim},
		dear: 9, least: 2, want: max(len(shown), 1),
		rows: &rows{
			n: len(shown), id: func(i int) string { return shown[i].Objective.Name },
			draw: func(f *frame.Frame, i int) { drawObjective(f, *shown[i], name) },
			open: func(i int, s *Screen) Effect { return readObjective(*shown[i], s) },
			none: v.filter.without(none),
		},
	}
}

// drawObjective is one row: the state first, then what is left, then how fast it goes.
func drawObjective(f *frame.Frame, o slo.Status, name int) {
	p := pen{f: f}
	word, style := stateOf(o)
	p.left(name, theme.Bright, safe.New(o.Objective.Name, 32))
	if f.Width() >= 70 {
		p.right(7, theme.Dim, safe.New(o.Objective.Percent(), 10))
	}
	bar := min(max(f.Width()-name-50, 8), 40)
	left := math.NaN()
	if o.Standing.Count.Known > 0 {
		left = o.Standing.Left
	}
	chart.Gauge(f, p.x, 0, bar, left, style)
	p.x += bar + 1
	p.right(6, style, safe.New(leftText(o), 8))
	p.right(6, theme.Plain, safe.New(rateText(o.Standing), 8))
	p.left(10, theme.Plain, safe.New(goneText(o.Standing), 12))
	p.flow(style, safe.New(word, 40))
}

// stateOf is an objective in a word.
func stateOf(o slo.Status) (string, theme.Style) {
	for _, b := range o.Standing.Burns {
		if b.Firing && b.Rule.Do == slo.Page {
			return b.Rule.Name + " burn", theme.Crit
		}
	}
	for _, b := range o.Standing.Burns {
		if b.Firing {
			return b.Rule.Name + " burn", theme.Warn
		}
	}
	switch {
	case o.Standing.Count.Known == 0 && o.Err != nil:
		return "no answer", theme.Warn
	case o.Standing.Count.Known == 0:
		return "no data", theme.Dim
	case o.Standing.Left <= 0:
		return "spent", theme.Crit
	case o.Standing.Exhaustion == slo.Dark:
		return "dark for an hour", theme.Warn
	case o.Standing.Left < 0.25:
		return "low", theme.Warn
	}
	return "ok", theme.OK
}

func leftText(o slo.Status) string {
	if o.Standing.Count.Known == 0 {
		return "-"
	}
	return percentText(o.Standing.Left)
}

// percentText is a share of a budget, with one digit after the point near nothing.
func percentText(v float64) string {
	if math.Abs(v) < 0.0995 && v != 0 {
		return plain(math.Round(v*1000)/10) + "%"
	}
	return plain(math.Round(max(v, -9.99)*100)) + "%"
}

func rateText(st slo.Standing) string {
	if st.Exhaustion == slo.Dark {
		return "-"
	}
	return slo.RateText(st.Rate) + "x"
}

// goneText is when the budget is gone, if the last hour goes on.
func goneText(st slo.Standing) string {
	switch st.Exhaustion {
	case slo.Ahead:
		return "in " + Ago(st.Gone)
	case slo.Spent:
		return "spent"
	case slo.Never:
		return "lasts"
	}
	return "-"
}

// burnDown is what was left of the budget over the window, and what follows from it.
func (v *objectives) burnDown(o slo.Status, s *Screen) section {
	over := o.Objective.Window.String()
	if o.Objective.Slot > 0 { // of a laboratory: what is fast here is not fast elsewhere
		over += ", counted " + paceText(o.Objective)
	}
	return section{
		name: "burn-down", title: safe.Sprintf("%s  budget over %s", safe.New(o.Objective.Title, 60), safe.New(over, 40)), dear: 7, least: 5, want: 14, grow: true,
		draw: func(f *frame.Frame) {
			texts := whatIf(o)
			n := min(len(texts), max(f.Height()-5, 1))
			body := f.Sub(frame.Rect{W: f.Width(), H: f.Height() - n})
			v.drawDown(body, o, s)
			for i, t := range texts[:n] {
				f.PutFit(1, f.Height()-n+i, f.Width()-1, t.style, t.text)
			}
		},
	}
}

func (v *objectives) drawDown(f *frame.Frame, o slo.Status, s *Screen) {
	n := max(2*(f.Width()-8), 2)
	st := o.Standing
	if o.Tally == nil || st.Count.Known == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, safe.Const("nothing is known of it yet"))
		return
	}
	values := st.BurnDown(o.Tally, n)
	least := 0.0
	for _, val := range values {
		if val < least {
			least = val
		}
	}
	v.painter.Draw(f, &chart.Spec{
		Title: safe.Const("budget left"), Start: st.At.Add(-time.Duration(n-1) * st.BurnDownStep(n)), Step: st.BurnDownStep(n), Points: n, Zone: s.Zone, NoLegend: true,
		Series: []chart.Series{{Name: safe.Const("left"), Values: values}},
		Format: percentText, Axis: plot.Percent, Y: chart.YAxis{HasMin: true, Min: least, HasMax: true, Max: 1},
	})
}

// whatIf is what becomes of the budget.
func whatIf(o slo.Status) (out []piece) {
	st := o.Standing
	if st.Count.Known == 0 {
		if o.Err != nil {
			return []piece{{safe.New(o.Err.Error(), safe.Line), theme.Warn}}
		}
		return nil
	}
	rate := slo.RateText(st.Rate)
	switch st.Exhaustion {
	case slo.Ahead:
		out = append(out, piece{safe.Sprintf("at this rate (%sx in the last hour) gone in %s", rate, Ago(st.Gone)), theme.Accent},
			piece{safe.Sprintf("at half of it gone in %s", Ago(2*st.Gone)), theme.Dim})
	case slo.Spent:
		out = append(out, piece{safe.Sprintf("spent: %s more than the budget went wrong", percentText(-st.Left)), theme.Crit})
	case slo.Dark:
		out = append(out, piece{safe.Const("nothing is known of the last hour"), theme.Warn})
	default:
		out = append(out, piece{safe.Sprintf("at this rate (%sx in the last hour) the budget lasts", rate), theme.OK})
	}
	if st.Left > 0 {
		out = append(out, piece{safe.Sprintf("left: %s %s, %s of everything failing", plot.Short(math.Floor(st.LeftEvents)), eventsWord(o), Ago(st.LeftTime)), theme.Plain})
	}
	if !st.WorstHour.IsZero() {
		out = append(out, piece{safe.Sprintf("worst hour: %s, %s of the budget", st.WorstHour.Format("01-02 15:04"), percentText(st.WorstSpent)), theme.Dim})
	}
	return out
}

func eventsWord(o slo.Status) string {
	if o.Objective.SLI.Timesliced() {
		return "bad minutes"
	}
	return "bad events"
}

// windows are the burn rates over all windows, and how the rules stand.
func (v *objectives) windows(o slo.Status) section {
	st := o.Standing
	st.Rates = slices.DeleteFunc(slices.Clone(st.Rates), func(r slo.WindowRate) bool { return r.Window > o.Objective.Window.Length })
	return section{
		name: "windows", title: safe.Const("burn rates"), dear: 5, least: 3, want: len(st.Rates) + 1 + len(st.Burns),
		draw: func(f *frame.Frame) {
			y := 0
			row := func() *pen {
				p := &pen{f: f.Sub(frame.Rect{X: 1, Y: y, W: f.Width() - 1, H: 1})}
				y++
				return p
			}
			for _, b := range st.Burns {
				drawRule(row(), b)
			}
			together := &pen{}
			if f.Height() < len(st.Burns)+len(st.Rates) {
				together = row()
			}
			for _, r := range st.Rates {
				p := together
				if p.f == nil {
					p = row()
				}
				text := "no data"
				if r.Known {
					text = slo.RateText(r.Rate) + "x"
				}
				if p == together {
					p.flow(theme.Dim, safe.New(burnWindow(r.Window), 6))
					p.flow(theme.Plain, safe.Sprintf("%s ", safe.New(text, 8)))
					continue
				}
				p.right(4, theme.Dim, safe.New(burnWindow(r.Window), 6))
				p.right(8, theme.Plain, safe.New(text, 8))
			}
		},
	}
}

// drawRule is a rule: its rates over both windows against its threshold.
func drawRule(p *pen, b slo.Burn) {
	word, style := "calm", theme.Dim
	switch {
	case b.Firing && b.Rule.Do == slo.Page:
		word, style = "burns", theme.Crit
	case b.Firing:
		word, style = "burns", theme.Warn
	case !b.Known:
		word = "unknown"
	}
	p.left(8, theme.Plain, safe.New(b.Rule.Name, 12))
	p.left(7, style, safe.New(word, 8))
	if !b.Known {
		p.flow(theme.Dim, safe.Sprintf("over %s and %s, above %sx", burnWindow(b.Rule.Long), burnWindow(b.Rule.Short), slo.RateText(b.Threshold)))
		return
	}
	p.flow(theme.Dim, safe.Sprintf("%sx %s · %sx %s of %sx", slo.RateText(b.Long), burnWindow(b.Rule.Long), slo.RateText(b.Short), burnWindow(b.Rule.Short), slo.RateText(b.Threshold)))
}

func burnWindow(d time.Duration) string {
	switch {
	case d < time.Minute:
		return plain(d.Seconds()) + "s"
	case d < time.Hour:
		return plain(d.Minutes()) + "m"
	case d < 24*time.Hour:
		return plain(d.Hours()) + "h"
	}
	return plain(d.Hours()/24) + "d"
}

// readObjective is all that is known of an objective.
func readObjective(o slo.Status, _ *Screen) Effect {
	p := page{}
	p.text(objectiveText(o))
	p.heading("asked " + paceText(o.Objective))
	for _, q := range o.Objective.SLI.Questions(o.Objective.Width(0)).All() {
		p.text(q)
	}
	if o.Recorded != "" {
		p.labelled("recorded", "what is older than sitrep's own counts is read from the server's "+o.Recorded)
	}
	for _, r := range o.Objective.Remarks() {
		p.labelled("remark", r)
	}
	if o.Err != nil {
		p.labelled("trouble", o.Err.Error())
	}
	return p.reading(o.Objective.Title)
}

// paceText is how often an objective is counted.
func paceText(o slo.Objective) string {
	if o.Slot > 0 {
		return "every " + plain(o.Slot.Seconds()) + " s"
	}
	return "once a minute"
}

// objectiveText is an objective in a few lines, for a chat.
func objectiveText(o slo.Status) string {
	st := o.Standing
	lines := []string{o.Objective.Title + ": " + o.Objective.Percent() + " of " + o.Objective.SLI.Kind() + " over " + o.Objective.Window.String()}
	if o.Objective.Description != "" {
		lines = append(lines, o.Objective.Description)
	}
	if o.Objective.Service != "" {
		lines = append(lines, "service: "+o.Objective.Service)
	}
	lines = append(lines, "budget left: "+leftText(o)+", burn rate of the last hour "+rateText(st)+", gone: "+goneText(st))
	for _, w := range whatIf(o) {
		lines = append(lines, w.text.String())
	}
	return strings.Join(lines, "\n")
}

// sooner says that a budget is gone before another, or of two that last that less is
// left of it.
func sooner(a, b slo.Standing) bool {
	rank := func(s slo.Standing) int {
		switch s.Exhaustion {
		case slo.Spent:
			return 0
		case slo.Ahead:
			return 1
		}
		return 2
	}
	switch ra, rb := rank(a), rank(b); {
	case ra != rb:
		return ra < rb
	case ra == 1:
		return a.Gone < b.Gone
	}
	return a.Left < b.Left
}

// BudgetOf is the objective of a service whose budget is gone first, in words for a header; false
// without one of which anything is known.
func BudgetOf(w *World, service string) (full, brief string, style theme.Style, ok bool) {
	var worst *slo.Status
	for i := range w.SLOs {
		o := &w.SLOs[i]
		if service == "" || o.Objective.Service != service || o.Standing.Count.Known == 0 {
			continue
		}
		if worst == nil || sooner(o.Standing, worst.Standing) {
			worst = o
		}
	}
	if worst == nil {
		return "", "", theme.Plain, false
	}
	_, style = stateOf(*worst)
	if style == theme.OK {
		style = theme.Plain
	}
	brief = "budget " + leftText(*worst)
	switch worst.Standing.Exhaustion {
	case slo.Ahead:
		full = brief + " · gone in " + Ago(worst.Standing.Gone)
	case slo.Spent:
		full, brief = "budget spent", "budget spent"
	default:
		full = brief
	}
	return full, brief, style, true
}

// SpentBy is what an open incident has taken of the budget that it took most of, in words for a
// header; false of one that has taken nothing.
func SpentBy(w *World, inc incident.Incident, now time.Time) (full, brief string, ok bool) {
	if inc.Status.Over() || inc.Service == "" {
		return "", "", false
	}
	var most float64
	for i := range w.SLOs {
		o := &w.SLOs[i]
		if o.Objective.Service != inc.Service || o.Tally == nil {
			continue
		}
		share, _, known := o.Objective.CostSoFar(o.Tally, inc.Noticed(), now)
		if known && share > most {
			most = share
			brief = percentText(share) + " of it so far"
			full = o.Objective.Name + ": " + percentText(share) + " of the " + o.Objective.Window.String() + " budget so far"
		}
	}
	return full, brief, most > 0
}

// plain is a number with the digits that it has.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
