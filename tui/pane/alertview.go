package pane

import (
	"fmt"
	"slices"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// alertView is all alerts by their rule, what silences which of them, and the rules
// that are broken.
type alertView struct {
	panes    panes
	filter   filter
	policies policies
	groups   grouping
	open     map[string]bool // groups whose alerts are listed, by their ID
	flat     flatAlerts
	w, h     int
}

// alertRow is a group, or one alert below it.
type alertRow struct{ group, alert int } // alert -1: the group itself

// flatAlerts is the rows of the groups as they were last.
type flatAlerts struct {
	of    *[]alertGroup
	opens int // how often groups were opened and closed
	rows  []alertRow

	shared map[int]query.Labels // of the groups that are open: what all of their alerts say
}

// Scope implements View.
func (v *alertView) Scope() keys.Scope { return keys.Alerts }

// Draw implements View.
func (v *alertView) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	v.panes.draw(f, v.columns(s))
}

// Resize implements View.
func (v *alertView) Resize(width, height int, _ *Screen) Effect {
	v.w, v.h = width, height
	return Effect{Handled: true}
}

// Press implements View.
func (v *alertView) Press(a keys.Action, s *Screen) Effect {
	columns := v.columns(s)
	switch a {
	case keys.Snooze:
		return v.silence(s)
	case keys.EndSilence:
		return v.endSilence(s)
	case keys.MarkAlert:
		return v.mark(s)
	case keys.Declare:
		if g, ok := v.group(s); ok {
			return declareFrom(g, s)
		}
		return Effect{}
	}
	return v.panes.press(a, s, columns)
}

// tall is from how many rows on there is room for details below the alerts.
const tall = 26

func (v *alertView) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	alerts := v.alerts(s)
	var rest []section
	if silences := silenceSection(s); silences.rows.n > 0 || s.World.Alerts.Manager != "" {
		rest = append(rest, silences)
	}
	if broken := brokenSection(s); broken.rows.n > 0 {
		rest = append(rest, broken)
	}
	detail, chosen := v.detail(s)
	all := frame.Rect{W: v.w, H: v.h}
	switch {
	case v.w >= threeColumns && (chosen || len(rest) > 0):
		if chosen {
			rest = append([]section{detail}, rest...)
		} else {
			rest[0].grow = true
		}
		left, right := all.Left(v.w * 3 / 5)
		right.X, right.W = right.X+1, right.W-1
		return []column{{left, []section{alerts}}, {right, rest}}
	case v.h >= tall && chosen:
		alerts.grow = false
		return []column{{all, append([]section{alerts, detail}, rest...)}}
	}
	return []column{{all, append([]section{alerts}, rest...)}}
}

// detail is all about what is chosen among the alerts.
func (v *alertView) detail(s *Screen) (section, bool) {
	g, ok := v.under(s)
	if !ok {
		return section{}, false
	}
	list := factsOf(g, s)
	return section{
		name: "detail", title: safe.New(g.name, 80), dear: 7, least: 8, want: 2 * len(list), grow: true,
		draw: list.draw,
	}, true
}

// rows are the groups, and below those that are open their alerts.
func (v *alertView) rows(groups *[]alertGroup) []alertRow {
	if v.flat.of == groups && v.flat.opens == len(v.open) && v.flat.rows != nil {
		return v.flat.rows
	}
	out := make([]alertRow, 0, len(*groups))
	shared := map[int]query.Labels{}
	for i, g := range *groups {
		out = append(out, alertRow{i, -1})
		if v.open[g.id()] {
			shared[i] = alert.Shared(g.list)
			for j := range g.list {
				out = append(out, alertRow{i, j})
			}
		}
	}
	v.flat = flatAlerts{groups, len(v.open), out, shared}
	return out
}

func (v *alertView) alerts(s *Screen) section {
	found := v.groups.of(s, v.policies.today(s.World), &v.filter)
	groups := *found
	list := v.rows(found)
	note := alertNote(s, false)
	if v.filter.wrong.Width() > 0 {
		note = piece{v.filter.wrong, theme.Warn}
	}
	none := safe.Const("no alert fires")
	if s.World.Alerts.At.IsZero() {
		none = safe.Const("alerts are not known yet")
	}
	columns := func(f *frame.Frame) alertColumns { return columnsFor(f.Width(), groups, s.World.Record != nil) }
	head := func(f *frame.Frame) { columns(f).drawHead(f) }
	if len(list) == 0 {
		head = nil
	}
	return section{
		name: "alerts", title: v.groups.title(false), note: note, dear: 9, least: 4, want: max(len(list), 3) + 1, grow: true, head: head,
		rows: &rows{
			n: len(list),
			id: func(i int) string {
				g := &groups[list[i].group]
				if j := list[i].alert; j >= 0 {
					return g.id() + g.list[j].Fingerprint
				}
				return g.id()
			},
			draw: func(f *frame.Frame, i int) {
				at := list[i].group
				if j := list[i].alert; j >= 0 {
					columns(f).drawOne(f, groups[at].list[j], v.flat.shared[at], s)
					return
				}
				columns(f).drawGroup(f, groups[at], s)
			},
			open: func(i int, s *Screen) Effect {
				g := groups[list[i].group]
				switch j := list[i].alert; {
				case j >= 0:
					g = g.only(j)
				case len(g.list) > 1:
					v.toggle(g.id())
					return Effect{Handled: true}
				}
				return readAlerts(g, s)
			},
			none: v.filter.without(none), newest: true,
			hidden: func(first, end int) safe.Text {
				if first >= len(list) || end < 1 {
					return safe.Text{}
				}
				return outOfSight(groups[:list[first].group], groups[list[end-1].group+1:])
			},
		},
	}
}

// toggle opens or closes a group.
func (v *alertView) toggle(id string) {
	if v.open == nil {
		v.open = map[string]bool{}
	}
	if v.open[id] {
		delete(v.open, id)
	} else {
		v.open[id] = true
	}
	v.flat = flatAlerts{}
}

// only is one alert of a group.
func (g alertGroup) only(i int) alertGroup {
	g.list = g.list[i : i+1]
	g.newest = g.list[0].ActiveAt
	return g
}

// under is the group that the cursor of the alerts stands on, or the alert as one,
// whoever has the keys.
func (v *alertView) under(s *Screen) (alertGroup, bool) {
	sec := v.alerts(s)
	l := v.panes.list("alerts")
	l.settle(*sec.rows)
	groups := v.groups.of(s, v.policies.today(s.World), &v.filter)
	rows := v.rows(groups)
	if l.at >= len(rows) {
		return alertGroup{}, false
	}
	g, r := (*groups)[rows[l.at].group], rows[l.at]
	if r.alert >= 0 {
		g = g.only(r.alert)
	}
	return g, true
}

// group is the same, if the alerts have the keys.
func (v *alertView) group(s *Screen) (alertGroup, bool) {
	if v.panes.focus != "" && v.panes.focus != "alerts" {
		return alertGroup{}, false
	}
	return v.under(s)
}

// chosen are the alerts under the cursor.
func (v *alertView) chosen(s *Screen) []alert.Alert {
	g, _ := v.group(s)
	return g.list
}

// brokenSection is the rules that cannot fire.
func brokenSection(s *Screen) section {
	var list []alert.Rule
	for _, r := range s.World.Alerts.Rules {
		if r.Health == "err" {
			list = append(list, r)
		}
	}
	return section{
		name: "broken", title: safe.Sprintf("broken rules  %d that cannot fire", len(list)), dear: 5, least: 1, want: len(list),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].Group + " " + list[i].Name },
			draw: func(f *frame.Frame, i int) {
				p := pen{f: f}
				p.flow(theme.Warn, safe.New(list[i].Name, 60))
				p.flow(theme.Dim, safe.New(list[i].LastError, safe.Line))
			},
			open: func(i int, _ *Screen) Effect {
				var p page
				p.labelled("group", list[i].Group)
				p.labelled("file", list[i].File)
				p.labelled("error", list[i].LastError)
				p.labelled("query", list[i].Query)
				return p.reading(list[i].Name)
			},
			none: safe.Const("no rule is broken"),
		},
	}
}

// silences are those that hide something, or will.
func silences(s *Screen) []alert.Silence {
	return slices.DeleteFunc(slices.Clone(s.World.Alerts.Silences), func(x alert.Silence) bool { return x.State == alert.SilenceExpired })
}

// silenceSection is what is silenced, by whom, until when.
func silenceSection(s *Screen) section {
	list := silences(s)
	return section{
		name: "silences", title: safe.Sprintf("silences  %d", len(list)), dear: 6, least: 2, want: max(len(list)+1, 1), head: silenceHead(len(list)),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].ID },
			draw: func(f *frame.Frame, i int) { drawSilence(f, list[i], s) },
			open: func(i int, s *Screen) Effect { return readSilence(list[i], s) },
			none: safe.Const("nothing is silenced"),
		},
	}
}

// silenceHead names the columns of n silences.
func silenceHead(n int) func(*frame.Frame) {
	if n == 0 {
		return nil
	}
	return func(f *frame.Frame) {
		p := pen{f: f}
		p.right(6, theme.Dim, safe.Const("LEFT"))
		p.left(silenceBy(p.room()), theme.Dim, safe.Const("BY"))
		p.flow(theme.Dim, safe.Const("MATCHERS, COMMENT"))
	}
}

// silenceBy is the width of the column of who made it.
func silenceBy(room int) int { return min(12, max(room/5, 4)) }

func drawSilence(f *frame.Frame, x alert.Silence, s *Screen) {
	p := pen{f: f}
	left := Until(x.EndsAt.Sub(s.Now))
	if x.State == alert.SilencePending {
		left = "later"
	}
	p.right(6, theme.Dim, safe.New(left, 6))
	p.left(silenceBy(p.room()), theme.Plain, safe.New(x.CreatedBy, 40))
	p.flow(theme.Bright, safe.New(x.Matchers.Shown(), safe.Line).Fit(max(p.room()*2/3, 1)))
	p.flow(theme.Dim, safe.New(x.Comment, safe.Line))
}

// readSilence is all about a silence, and what it hides.
func readSilence(x alert.Silence, s *Screen) Effect {
	var p page
	p.labelled("state", x.State)
	p.labelled("matchers", x.Matchers.Shown())
	p.labelled("by", x.CreatedBy)
	p.labelled("comment", x.Comment)
	p.labelled("since", x.StartsAt.In(s.Zone).Format("2006-01-02 15:04:05 MST"))
	p.labelled("until", x.EndsAt.In(s.Zone).Format("2006-01-02 15:04:05 MST")+", in "+Until(x.EndsAt.Sub(s.Now)))
	p.labelled("id", x.ID)
	p.hides(x.Matchers.Preview(s.World.Alerts.List))
	return p.reading("Silence")
}

// hides lists alerts that are, or would be, hidden.
func (p *page) hides(hit []alert.Alert) {
	p.heading(fmt.Sprintf("%d of the alerts of now", len(hit)))
	for i, a := range hit {
		if i == mostRead {
			p.text(fmt.Sprintf("and %d more", len(hit)-i))
			break
		}
		p.text(a.Name + " " + a.Own(nil))
	}
}

// mostRead is how many alerts one page tells of.
const mostRead = 200
