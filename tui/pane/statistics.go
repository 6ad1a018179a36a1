package pane

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// statistics is the view that looks back: how long incidents took, how many there
// were, who found them, what is left to be done. It only draws what was worked
// out beside the screen.
type statistics struct {
	panes  panes
	filter filter
	span   string // that was chosen; "" is the usual one
	chosen bool   // one service only,
	of     string // this one
	w, h   int
}

// usualSpan is the one that is shown first, and that the command has.
const usualSpan = "90d"

// Scope implements View.
func (v *statistics) Scope() keys.Scope { return keys.Stats }

// Draw implements View.
func (v *statistics) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	if s.World.Figures == nil {
		heading(f, theme.Title, safe.Const("statistics"), piece{})
		f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1}).PutFit(1, 0, f.Width()-1, theme.Dim, safe.Const("not worked out yet"))
		return
	}
	v.panes.draw(f, v.columns(s))
}

// Resize implements View.
func (v *statistics) Resize(width, height int, _ *Screen) Effect {
	v.w, v.h = width, height
	return Effect{Handled: true}
}

// Press implements View.
func (v *statistics) Press(a keys.Action, s *Screen) Effect {
	if s.World.Figures == nil {
		return Effect{}
	}
	switch a {
	case keys.ZoomIn:
		return v.turn(-1, s)
	case keys.ZoomOut:
		return v.turn(+1, s)
	case keys.Range:
		return v.askSpan(s)
	case keys.Cancel:
		if !v.chosen {
			return Effect{}
		}
		v.chosen, v.of = false, ""
		return Effect{Handled: true}
	case keys.Yank:
		return Effect{Handled: true, Copy: v.text(s)}
	}
	return v.panes.press(a, s, v.columns(s))
}

// turn goes to a shorter or a longer range.
func (v *statistics) turn(by int, s *Screen) Effect {
	list := s.World.Figures.Ranges
	at := v.at(s)
	to := at + by
	if to < 0 || to >= len(list) {
		return Effect{Handled: true, Toast: "there is no other range: " + spanNames(s)}
	}
	v.span = list[to].Name
	return Effect{Handled: true}
}

func spanNames(s *Screen) string {
	var names []string
	for _, r := range s.World.Figures.Ranges {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

func (v *statistics) askSpan(s *Screen) Effect {
	ask := &Ask{Title: "How far to look back", Initial: v.spanOf(s).Name}
	for _, r := range s.World.Figures.Ranges {
		ask.Choices = append(ask.Choices, Choice{Value: r.Name, Text: fmt.Sprintf("%-4s %s", r.Name, plural(r.All.Report.All.Incidents, "incident"))})
	}
	if len(ask.Choices) == 0 {
		return Effect{Handled: true}
	}
	ask.Then = func(answer string) Effect {
		v.span = answer
		return Effect{Handled: true}
	}
	return Effect{Handled: true, Ask: ask}
}

// at is the place of the chosen range.
func (v *statistics) at(s *Screen) int {
	list := s.World.Figures.Ranges
	for _, name := range []string{v.span, usualSpan} {
		if i := slices.IndexFunc(list, func(r Span) bool { return r.Name == name }); i >= 0 {
			return i
		}
	}
	return 0
}

func (v *statistics) spanOf(s *Screen) Span {
	if list := s.World.Figures.Ranges; len(list) > 0 {
		return list[v.at(s)]
	}
	return Span{}
}

// part is what is shown: all of it, or one service. A service without incidents
// in the range is shown as that.
func (v *statistics) part(sp Span) Part {
	if !v.chosen {
		return sp.All
	}
	if i := slices.IndexFunc(sp.Services, func(p Part) bool { return p.Service == v.of }); i >= 0 {
		return sp.Services[i]
	}
	r := sp.All.Report
	return Part{Service: v.of, Report: stats.Report{From: r.From, To: r.To, All: stats.Group{Name: "all"}}}
}

func (v *statistics) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	sp := v.spanOf(s)
	p := v.part(sp)
	times, services := v.times(sp, p, s), v.services(sp)
	all := frame.Rect{W: v.w, H: v.h}
	if v.w < twoColumns {
		found := v.found(p)
		if v.h < roomy {
			found.want = found.least
		}
		return []column{{all, []section{times, found, v.beside(p), services}}}
	}
	head, rest := all.Top(1 + times.want)
	top := []section{times}
	if v.w < threeColumns {
		half := rest.Columns(1, 1, 1)
		return []column{{head, top}, {half[0], []section{v.weeks(p), v.trend(p, resolve)}}, {half[1], []section{v.found(p), v.trend(p, acknowledge), services}}}
	}
	third := rest.Columns(1, 3, 3, 2)
	return []column{
		{head, top},
		{third[0], []section{v.weeks(p), v.trend(p, detect)}},
		{third[1], []section{v.trend(p, acknowledge), v.trend(p, resolve)}},
		{third[2], []section{v.found(p), services}},
	}
}

// what is the words for what the figures are about.
func (v *statistics) what(sp Span, p Part) safe.Text {
	of := safe.Text{}
	if v.chosen {
		of = safe.Sprintf(" of %s", serviceName(p.Service))
	}
	text := safe.Sprintf("statistics%s  %s  %s", of, sp.Name, plural(p.Report.All.Incidents, "incident"))
	if p.Report.HasPerWeek && p.Report.All.Incidents > 0 {
		text = safe.Sprintf("%s, %.1f a week", text, p.Report.PerWeek)
	}
	if n := p.Report.DrillsLeft; n > 0 {
		text = safe.Sprintf("%s, %s left out", text, plural(n, "drill"))
	}
	return text
}

func serviceName(service string) safe.Text {
	if service == "" {
		return safe.Const("no service")
	}
	return safe.New(service, 40)
}

// measure is one of the four times, as it is called here and elsewhere.
type measure struct {
	name, short, usual string
	of                 func(stats.Group) stats.Spread
}

func measures() []measure {
	return []measure{
		{"detect", "detect", "MTTD", func(g stats.Group) stats.Spread { return g.Detect }},
		{"acknowledge", "ack", "MTTA", func(g stats.Group) stats.Spread { return g.Acknowledge }},
		{"mitigate", "mitigate", "MTTM", func(g stats.Group) stats.Spread { return g.Mitigate }},
		{"resolve", "resolve", "MTTR", func(g stats.Group) stats.Spread { return g.Resolve }},
	}
}

// The measures, in the order of measures.
const (
	detect = iota
	acknowledge
	mitigate
	resolve
)

// times is the table: a row a severity, a group of columns a measure.
func (v *statistics) times(sp Span, p Part, s *Screen) section {
	groups := p.Report.Groups
	if len(groups) > 1 {
		groups = append([]stats.Group{p.Report.All}, groups...)
	}
	note := piece{safe.Const("medians"), theme.Dim} // the foot has the keys
	if v.w >= twoColumns {
		note = piece{safe.Sprintf("median, p90, N   %s %s: %s", s.Keys.Label(keys.ZoomIn), s.Keys.Label(keys.ZoomOut), spanNames(s)), theme.Dim}
	}
	if v.chosen {
		note = piece{safe.Sprintf("%s all services", s.Keys.Label(keys.Cancel)), theme.Dim}
	}
	if v.filter.wrong.Width() > 0 {
		note = piece{v.filter.wrong, theme.Warn}
	}
	return section{
		name: "times", grow: true, title: v.what(sp, p), note: note, dear: 10, least: 1, want: max(len(groups)+1, 2),
		draw: func(f *frame.Frame) { drawTimes(f, groups) },
	}
}

// Widths of the table's columns.
const (
	nameWidth   = 5 // severity
	countWidth  = 4 // incidents
	openWidth   = 5 // those that are not over, where there is room
	timeWidth   = 5 // a median, a p90
	knownWidth  = 3 // N
	spreadWidth = 2*timeWidth + 1 + knownWidth + 1
)

// table is where the columns of the table stand, for a width.
type table struct {
	open     bool
	from     int // the cell before the first measure
	pitch    int // cells of a measure
	measures int // that there is room for
}

func tableOf(width int) table {
	t := table{open: width >= twoColumns, from: 1 + nameWidth + 1 + countWidth}
	if t.open {
		t.from += openWidth + 1
	}
	const least, most = spreadWidth + 2, spreadWidth + 10
	t.measures = min(max((width-t.from)/least, 0), len(measures()))
	t.pitch = min(max((width-t.from)/len(measures()), least), most)
	return t
}

// end is the cell after measure i.
func (t table) end(i int) int { return t.from + (i+1)*t.pitch }

// drawTimes draws the table. Each measure takes median, p90 and N.
func drawTimes(f *frame.Frame, groups []stats.Group) {
	if len(groups) == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, safe.Const("no incident was declared in this time"))
		return
	}
	t := tableOf(f.Width())
	f.Put(1, 0, theme.Dim, safe.Const("sev"))
	f.PutRight(1+nameWidth+1+countWidth, 0, theme.Dim, safe.Const("all"))
	if t.open {
		f.PutRight(t.from, 0, theme.Dim, safe.Const("open"))
	}
	for i, m := range measures()[:t.measures] {
		end := t.end(i)
		label := safe.Sprintf("%s %s", m.usual, m.short)
		if label.Width() > t.pitch-(spreadWidth-timeWidth)-1 {
			label = safe.New(m.usual, timeWidth)
		}
		f.PutRight(end, 0, theme.Dim, safe.Const("N"))
		f.PutRight(end-knownWidth-1, 0, theme.Dim, safe.Const("p90"))
		f.PutRight(end-knownWidth-1-timeWidth-1, 0, theme.Title, label)
	}
	for y, g := range groups {
		row := f.Sub(frame.Rect{Y: y + 1, W: f.Width(), H: 1})
		drawGroup(row, g, t)
		for i, m := range measures()[:t.measures] {
			drawSpread(row, t.end(i), m.of(g))
		}
	}
}

func drawGroup(f *frame.Frame, g stats.Group, t table) {
	style := theme.Bright
	if sev := incident.Severity(g.Name); sev.Rank() <= len(incident.Severities()) {
		style = theme.Sev(sev.Rank())
	}
	f.PutFit(1, 0, nameWidth, style, safe.New(strings.ReplaceAll(g.Name, "-", ""), nameWidth))
	f.PutRight(1+nameWidth+1+countWidth, 0, theme.Plain, safe.Int(g.Incidents))
	if t.open && g.Open > 0 {
		f.PutRight(t.from, 0, theme.Warn, safe.Int(g.Open))
	}
}

// drawSpread writes median, p90 and N. What is not known is a -, so is the p90 of
// one: a single time has no spread.
func drawSpread(f *frame.Frame, end int, sp stats.Spread) {
	median, p90, style := safe.Const("-"), safe.Const("-"), theme.Faint
	if sp.N > 0 {
		median, style = safe.New(brief(sp.Median), timeWidth), theme.Bright
	}
	f.PutRight(end-knownWidth-1-timeWidth-1, 0, style, median)
	style = theme.Faint
	if sp.N > 1 {
		p90, style = safe.New(brief(sp.P90), timeWidth), theme.Plain
	}
	f.PutRight(end-knownWidth-1, 0, style, p90)
	f.PutRight(end, 0, theme.Dim, safe.New(fmt.Sprint(sp.N), knownWidth))
}

// brief is a length of time in five cells: 42s, 4m05s, 12m, 3h05m, 14h, 3d.
func brief(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 10*time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 10*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// Rows of the charts: with least they still say something, with most they are as
// tall as they are drawn.
const (
	leastBars = 3
	mostBars  = 13
)

// weeks is how many incidents there were in every week.
func (v *statistics) weeks(p Part) section {
	b := weekBars(p)
	return section{
		name: "weeks", title: safe.Const("incidents a week"), note: piece{safe.Const("from Mondays, UTC"), theme.Dim}, dear: 7, least: leastBars, want: mostBars,
		draw: func(f *frame.Frame) { drawBars(f, b) },
	}
}

func weekBars(p Part) chart.Bars {
	b := chart.Bars{Style: theme.Series(0)}
	for _, w := range p.Weeks {
		b.Bars = append(b.Bars, chart.Bar{Label: safe.New(w.Start.Format("Jan 2"), 6), Value: float64(w.Incidents)})
	}
	return b
}

// trend is how long it took, by month: the medians, and of how many.
func (v *statistics) trend(p Part, which int) section {
	b, m := monthBars(p, which), measures()[which]
	return section{
		name: "trend " + m.name, title: safe.Sprintf("%s  time to %s by month", m.usual, m.name), note: piece{safe.Const("median"), theme.Dim}, dear: 6, least: leastBars, want: mostBars,
		draw: func(f *frame.Frame) { drawBars(f, b) },
	}
}

// beside is weeks and the trend to resolve next to each other, where there is one
// column only.
func (v *statistics) beside(p Part) section {
	weeks, trend := weekBars(p), monthBars(p, resolve)
	return section{
		name: "weeks", title: safe.Const("incidents a week"), note: piece{safe.Const("median time to resolve by month"), theme.Dim}, dear: 7, least: leastBars, want: mostBars,
		draw: func(f *frame.Frame) {
			part := f.Bounds().Columns(2, 3, 2)
			drawBars(f.Sub(part[0]), weeks)
			drawBars(f.Sub(part[1]), trend)
		},
	}
}

// drawBars draws bars below a heading.
func drawBars(f *frame.Frame, b chart.Bars) {
	if len(b.Bars) == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, safe.Const("none"))
		return
	}
	b.Draw(f.Sub(frame.Rect{X: 1, W: f.Width() - 2, H: f.Height()}))
}

func monthBars(p Part, which int) chart.Bars {
	m := measures()[which]
	unit := time.Second // the axis has round numbers of it
	for _, g := range p.Months {
		for _, u := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
			if m.of(g).Median >= 2*u {
				unit = max(unit, u)
			}
		}
	}
	b := chart.Bars{Style: theme.Series(0), Format: func(v float64) string { return brief(time.Duration(v * float64(unit))) }}
	for _, g := range p.Months {
		sp := m.of(g)
		bar := chart.Bar{Label: monthName(g.Name), Value: math.NaN(), Note: safe.Sprintf("N %d", sp.N)}
		if sp.N > 0 {
			bar.Value = float64(sp.Median) / float64(unit)
		}
		b.Bars = append(b.Bars, bar)
	}
	return b
}

// monthName is "Nov" of 2026-11, and the year with January.
func monthName(name string) safe.Text {
	t, err := time.Parse("2006-01", name)
	switch {
	case err != nil:
		return safe.New(name, 8)
	case t.Month() == time.January:
		return safe.New(t.Format("Jan 06"), 8)
	}
	return safe.New(t.Format("Jan"), 8)
}

// found is who found them, and what is left to be done.
func (v *statistics) found(p Part) section {
	return section{
		name: "found", title: safe.Const("found by a person, left to do"), dear: 9, least: 2, want: 2 + ages(p.Report.Items),
		draw: func(f *frame.Frame) { drawFound(f, p.Report) },
	}
}

func ages(items stats.Items) int {
	n := 0
	for _, a := range items.Ages {
		if a.N > 0 {
			n++
		}
	}
	return n
}

func drawFound(f *frame.Frame, r stats.Report) {
	n := r.All.Incidents
	bar := min(20, max((f.Width()-32)/2, 4))
	if n == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, safe.Const("no incident, so nobody found one"))
	} else {
		share := float64(r.ByHuman) / float64(n)
		chart.Gauge(f, 1, 0, bar, share, theme.Accent)
		f.PutFit(2+bar, 0, f.Width()-2-bar, theme.Plain, safe.Sprintf("%d of %d (%.0f %%) before an alert", r.ByHuman, n, 100*share))
	}
	items := r.Items
	if items.Open == 0 {
		f.PutFit(1, 1, f.Width()-1, theme.Dim, safe.Const("no action item is open"))
		return
	}
	text, style := plural(items.Open, "action item")+" open", theme.Plain
	if items.Overdue > 0 {
		text, style = fmt.Sprintf("%s, %d overdue", text, items.Overdue), theme.Warn
	}
	f.PutFit(1, 1, f.Width()-1, style, safe.Sprintf("%s, oldest %s", text, Ago(items.Oldest)))
	y := 2
	for i, a := range items.Ages {
		if a.N == 0 || y >= f.Height() {
			continue
		}
		label := "older"
		if a.Below > 0 {
			label = fmt.Sprintf("under %dw", int(a.Below.Hours()/24/7))
		}
		style := theme.Series(0)
		if i == len(items.Ages)-1 {
			style = theme.Warn
		}
		f.PutRight(10, y, theme.Dim, safe.New(label, 10))
		chart.Gauge(f, 11, y, bar, float64(a.N)/float64(items.Open), style)
		f.PutRight(11+bar+4, y, theme.Plain, safe.Int(a.N))
		y++
	}
}

// services is the list of services; enter shows one alone.
func (v *statistics) services(sp Span) section {
	var list []Part
	for _, p := range sp.Services {
		if v.filter.text(serviceName(p.Service).String()) {
			list = append(list, p)
		}
	}
	return section{
		name: "services", title: safe.Sprintf("services  %d", len(list)), note: piece{safe.Const("all  MTTA  MTTR"), theme.Dim}, dear: 5, least: 2, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].Service },
			draw: func(f *frame.Frame, i int) { v.drawService(f, list[i], sp) },
			open: func(i int, _ *Screen) Effect {
				again := v.chosen && v.of == list[i].Service
				v.chosen, v.of = !again, list[i].Service
				return Effect{Handled: true}
			},
			none: v.filter.without(safe.Const("no incident in this time")),
		},
	}
}

func (v *statistics) drawService(f *frame.Frame, p Part, sp Span) {
	name, style := serviceName(p.Service), theme.Plain
	if v.chosen && v.of == p.Service {
		style = theme.Bright
	}
	row := pen{f: f}
	const figures = 4 + 2*(timeWidth+1)
	most := max(sp.Services[0].Report.All.Incidents, 1)
	bar := min(max(f.Width()-24-figures, 0), 16)
	row.left(max(f.Width()-figures-bar-1, 6), style, name)
	if bar > 0 {
		chart.Gauge(f, row.x-1, 0, bar, float64(p.Report.All.Incidents)/float64(most), theme.Series(0))
		row.x += bar
	}
	row.right(3, theme.Plain, safe.Int(p.Report.All.Incidents))
	for _, t := range []stats.Spread{p.Report.All.Acknowledge, p.Report.All.Resolve} {
		text := safe.Const("-")
		if t.N > 0 {
			text = safe.New(brief(t.Median), timeWidth)
		}
		row.right(timeWidth, theme.Dim, text)
	}
}

// text is the table for a chat.
func (v *statistics) text(s *Screen) string {
	sp := v.spanOf(s)
	p := v.part(sp)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", v.what(sp, p))
	for _, g := range append([]stats.Group{p.Report.All}, p.Report.Groups...) {
		fmt.Fprintf(&b, "%s: %s", g.Name, plural(g.Incidents, "incident"))
		for _, m := range measures() {
			if t := m.of(g); t.N > 0 {
				fmt.Fprintf(&b, ", %s %s", m.name, brief(t.Median))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
