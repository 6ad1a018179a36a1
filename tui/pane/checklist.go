package pane

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// spot is where a person is in the runbooks, by names.
type spot struct {
	incident incident.ID
	runbook  string // that was chosen; "" = the one that fits best
	step     string // that was opened elsewhere, and is gone to at the next look
}

// turnTo forgets what was chosen for another incident.
func (p *spot) turnTo(id incident.ID) {
	if p.incident != id {
		*p = spot{incident: id}
	}
}

// book is the runbook that is followed for an incident: the chosen one, else the
// one that fits best.
func (p *spot) book(inc incident.Incident, s *Screen) (m runbook.Match, fitting []runbook.Match, ok bool) {
	p.turnTo(inc.ID)
	fitting = runbook.For(inc, s.World.Runbooks)
	for _, f := range fitting {
		if f.Name == p.runbook {
			return f, fitting, true
		}
	}
	if r, known := runbook.Named(s.World.Runbooks, p.runbook); known {
		return runbook.Match{Runbook: r}, fitting, true
	}
	if len(fitting) == 0 {
		return m, nil, false
	}
	return fitting[0], fitting, true
}

// checklist is the view of the incident's runbook: its steps, and all of the one
// under the cursor.
type checklist struct {
	spot   *spot
	list   list
	filter filter
	of     [2]string // incident and runbook that the cursor is for

	top    int  // first line of the step's text on the screen
	page   int  // its lines on the screen
	all    int  // its lines
	reveal bool // its queries were asked: the answers are to be seen
}

// Scope implements View.
func (v *checklist) Scope() keys.Scope { return keys.Checklist }

// Resize implements View.
func (v *checklist) Resize(int, int, *Screen) Effect { return Effect{Handled: true} }

// checkRow is a step, or the tick of one that the file no longer has.
type checkRow struct {
	step runbook.Step
	gone *incident.Tick
}

func (r checkRow) id() string {
	if r.gone != nil {
		return "gone " + r.gone.Step.Step
	}
	return r.step.ID
}

func (r checkRow) group() string {
	if r.gone != nil {
		return "Ticked, and no longer in the runbook"
	}
	return r.step.Group
}

// From this width on the step stands beside the list, else below it.
const besideWidth = 96

// Draw implements View.
func (v *checklist) Draw(f *frame.Frame, s *Screen) {
	inc, ok := selected(s)
	if !ok {
		heading(f, theme.Title, safe.Const("runbook"), piece{})
		f.PutFit(1, 1, f.Width()-1, theme.Dim, safe.Const("no incident is selected: a runbook is followed for one"))
		return
	}
	m, fitting, ok := v.spot.book(inc, s)
	if !ok {
		v.drawNone(f, inc, s)
		return
	}
	list := v.rows(m.Runbook, inc, s)
	title := safe.Sprintf("runbook %s  %s", safe.New(m.Name, 40), m.Progress(inc))
	if f.Width() >= besideWidth && m.Title != m.Name {
		title = safe.Sprintf("runbook %s  %s  %s", safe.New(m.Name, 40), safe.New(m.Title, 60), m.Progress(inc))
	}
	heading(f, theme.Title, title, v.note(m, fitting, s))
	_, body := f.Bounds().Top(1)
	lines := len(list) + groups(list)
	var left, right frame.Rect
	if f.Width() >= besideWidth {
		left, right = body.Left(min(f.Width()*2/5, 64))
		f.VLine(right.X, right.Y, right.H, theme.Border)
		right.X, right.W = right.X+1, min(right.W-1, proseWidth+4)
	} else {
		left, right = body.Top(min(lines, max(body.H*2/5, min(body.H, 3))))
	}
	v.drawList(f.Sub(left), list, m.Runbook, inc, s)
	if len(list) == 0 {
		return
	}
	at := list[v.list.at]
	if right.W == f.Width() && right.H > 2 {
		f.HLine(0, right.Y, f.Width(), theme.Border)
		_, right = right.Top(1)
	}
	text, asked := v.text(at, m.Runbook, inc, s, max(right.W-3, 1))
	v.drawText(f.Sub(right), text, asked)
}

// groups counts the headings of a list.
func groups(list []checkRow) (n int) {
	last := ""
	for _, r := range list {
		if g := r.group(); g != last {
			last = g
			n++
		}
	}
	return n
}

// note says why it is this runbook, and that there are others.
func (v *checklist) note(m runbook.Match, fitting []runbook.Match, s *Screen) piece {
	if v.filter.wrong.Width() > 0 {
		return piece{v.filter.wrong, theme.Warn}
	}
	why := m.Why
	if why == "" {
		why = "does not fit by itself"
	}
	more := len(fitting) - 1
	if m.Why == "" {
		more++
	}
	if more > 0 {
		return piece{safe.Sprintf("%s · %s: %d more", safe.New(why, 60), s.Keys.Label(keys.Runbook), more), theme.Dim}
	}
	return piece{safe.New(why, 60), theme.Dim}
}

// rows are the steps that the filter lets through, with the cursor where it was,
// or at the first that is to be done.
func (v *checklist) rows(r runbook.Runbook, inc incident.Incident, s *Screen) []checkRow {
	v.filter.read(s.Filter)
	var steps []checkRow
	for _, step := range r.Steps {
		if v.filter.text(step.Group + " " + step.Text + " " + step.ID) {
			steps = append(steps, checkRow{step: step})
		}
	}
	for _, t := range r.Gone(inc) {
		if v.filter.text(t.Text) {
			steps = append(steps, checkRow{gone: &t})
		}
	}
	if of := [2]string{string(inc.ID), r.Name}; of != v.of {
		v.of, v.list, v.top = of, list{}, 0
		if next, ok := r.Next(inc); ok {
			v.list.chosen = next.ID
		}
	}
	if v.spot.step != "" {
		v.list.chosen, v.spot.step, v.top = v.spot.step, "", 0
	}
	v.list.settle(asRows(steps))
	return steps
}

// asRows is a list for its cursor.
func asRows(list []checkRow) rows {
	return rows{n: len(list), id: func(i int) string { return list[i].id() }}
}

// drawList draws the steps below their headings, with that of the cursor in view.
func (v *checklist) drawList(f *frame.Frame, list []checkRow, r runbook.Runbook, inc incident.Incident, s *Screen) {
	if len(list) == 0 {
		f.PutFit(1, 0, f.Width()-1, theme.Dim, v.filter.without(safe.Const("no steps")))
		return
	}
	type line struct {
		heading string
		row     int
	}
	var lines []line
	last, cursor := "", 0
	for i, row := range list {
		if g := row.group(); g != last {
			last = g
			lines = append(lines, line{g, -1})
		}
		if i == v.list.at {
			cursor = len(lines)
		}
		lines = append(lines, line{"", i})
	}
	h := f.Height()
	above := cursor
	if cursor > 0 && lines[cursor-1].row < 0 {
		above-- // its heading too
	}
	v.list.top = min(max(v.list.top, cursor-h+1), above)
	v.list.top = max(min(v.list.top, len(lines)-h), 0)
	rest, room := len(lines)-v.list.top-h, f.Width()-2
	for y := range min(h, len(lines)-v.list.top) {
		if rest > 0 && y == h-1 && h > 1 { // beside the last row
			more := safe.Sprintf(" +%d", rest)
			f.PutRight(f.Width(), y, theme.Dim, more)
			room = max(room-more.Width(), 0)
		}
		l := lines[v.list.top+y]
		if l.row < 0 {
			f.PutFit(1, y, room, theme.Dim, plainWords(l.heading))
			continue
		}
		drawStep(f.Sub(frame.Rect{X: 1, Y: y, W: room, H: 1}), list[l.row], r, inc, s)
		if l.row == v.list.at {
			f.Rune(0, y, theme.Accent, '›')
			f.Restyle(frame.Rect{X: 1, Y: y, W: room, H: 1}, theme.Selected)
		}
	}
}

// drawStep writes a step in a row: its box, its number, its words, who did it.
func drawStep(f *frame.Frame, row checkRow, r runbook.Runbook, inc incident.Incident, s *Screen) {
	p := pen{f: f}
	if row.gone != nil {
		p.left(3, theme.Dim, safe.Const("[x]"))
		p.left(2, theme.Dim, safe.Const("-"))
		end := tickEnd(f, *row.gone, s)
		f.PutFit(p.x, 0, end-p.x-1, theme.Dim, plainWords(row.gone.Text))
		return
	}
	tick, done := inc.Ticked(r.Name, row.step.ID)
	next, open := r.Next(inc)
	box, boxStyle, style := safe.Const("[ ]"), theme.Dim, theme.Plain
	switch {
	case done:
		box, boxStyle, style = safe.Const("[x]"), theme.OK, theme.Dim
	case open && next.ID == row.step.ID:
		box, boxStyle, style = safe.Const("[>]"), theme.Accent, theme.Bright
	}
	p.left(3, boxStyle, box)
	p.right(2, theme.Dim, safe.Int(row.step.Number))
	end := f.Width()
	if done {
		end = tickEnd(f, tick, s) - 1
	} else if len(row.step.Queries()) > 0 {
		end = f.PutRight(end, 0, theme.Faint, safe.Const("query")) - 1
	}
	f.PutFit(p.x, 0, end-p.x, style, plainWords(row.step.Text))
}

// tickEnd writes who did a step and when at the right end, if there is room.
func tickEnd(f *frame.Frame, t incident.Tick, s *Screen) int {
	who := safe.New(string(t.By), 10)
	when := safe.New(t.At.In(s.Zone).Format("15:04"), 5)
	if f.Width() < 36 {
		return f.PutRight(f.Width(), 0, theme.Dim, when)
	}
	return f.PutRight(f.Width(), 0, theme.Dim, safe.Sprintf("%s %s", who, when))
}

// plainWords is a line of Markdown without its inline marks.
func plainWords(markdown string) safe.Text {
	var parts []safe.Text
	for i, word := range words(markdown, theme.Plain) {
		if i > 0 {
			parts = append(parts, safe.Const(" "))
		}
		for _, one := range word {
			parts = append(parts, one.text)
		}
	}
	return safe.Concat(parts...)
}

// drawText draws the text of a step from the line that a person has come to; asked
// is where its queries begin and their answers end.
func (v *checklist) drawText(f *frame.Frame, text prose, asked [2]int) {
	v.page, v.all = f.Height(), len(text.lines)
	if v.reveal && asked[1] > v.top+v.page {
		v.top = min(asked[1]-v.page, asked[0])
	}
	v.top = max(min(v.top, v.all-v.page), 0)
	text.draw(f, v.top, nil)
	if rest := v.all - v.top - v.page; rest > 0 && v.page > 1 {
		f.PutRight(f.Width(), f.Height()-1, theme.Dim, safe.Sprintf(" +%d lines", rest))
	}
}

// Press implements View.
func (v *checklist) Press(a keys.Action, s *Screen) Effect {
	inc, ok := selected(s)
	if !ok {
		return Effect{}
	}
	m, fitting, ok := v.spot.book(inc, s)
	if a == keys.Runbook {
		return v.choose(inc, fitting, s)
	}
	if !ok {
		return v.pressNone(a, inc, s)
	}
	list := v.rows(m.Runbook, inc, s)
	switch a {
	case keys.PageUp:
		v.reveal = false
		v.top = max(v.top-max(v.page-1, 1), 0)
		return Effect{Handled: true}
	case keys.PageDown:
		v.reveal = false
		v.top = max(min(v.top+max(v.page-1, 1), v.all-v.page), 0)
		return Effect{Handled: true}
	case keys.Up, keys.Down, keys.Top, keys.Bottom:
		v.top, v.reveal = 0, false
		return Effect{Handled: v.list.press(a, asRows(list))}
	}
	if len(list) == 0 {
		return Effect{}
	}
	row := list[v.list.at]
	switch a {
	case keys.Tick:
		return v.tick(row, m.Runbook, inc, s)
	case keys.Ask, keys.Refresh:
		if q := row.step.Queries(); len(q) > 0 {
			v.reveal = true
			return Effect{Handled: true, Orders: []Order{AskStep{q}}}
		}
		return Effect{Handled: true, Toast: "this step asks nothing: it is done by hand, and " + s.Keys.Label(keys.Tick) + " ticks it"}
	case keys.Yank:
		return copyStep(row)
	}
	return Effect{}
}

// copyStep copies the step's code; of several blocks it asks which.
func copyStep(row checkRow) Effect {
	var choices []Choice
	for _, b := range row.step.Body {
		if b.Code {
			first, _, _ := strings.Cut(b.Text, "\n")
			choices = append(choices, Choice{Value: b.Text, Text: strings.TrimSpace(b.Lang + "  " + first)})
		}
	}
	switch len(choices) {
	case 0:
		return Effect{Handled: true, Copy: row.step.Text}
	case 1:
		return Effect{Handled: true, Copy: choices[0].Value}
	}
	return Effect{Handled: true, Ask: &Ask{Title: "Copy", Choices: choices, Then: func(text string) Effect { return Effect{Handled: true, Copy: text} }}}
}

// choose offers the runbooks that fit, and then all others. One that does not fit
// by itself is attached, which everybody sees.
func (v *checklist) choose(inc incident.Incident, fitting []runbook.Match, s *Screen) Effect {
	if len(s.World.Runbooks) == 0 {
		return Effect{Handled: true, Toast: "there is no other: the configuration's runbooks names the files"}
	}
	var choices []Choice
	fits := map[string]bool{}
	for _, m := range fitting {
		fits[m.Name] = true
		choices = append(choices, Choice{Value: m.Name, Text: m.Name + "  " + m.Title + "  " + m.Progress(inc) + " (" + m.Why + ")"})
	}
	for _, r := range s.World.Runbooks {
		if !fits[r.Name] {
			choices = append(choices, Choice{Value: r.Name, Text: r.Name + "  " + r.Title})
		}
	}
	current, _, _ := v.spot.book(inc, s)
	return Effect{Handled: true, Ask: &Ask{
		Title: "Runbook for " + string(inc.ID), Help: "one that does not fit by itself is attached, which goes on the timeline", Initial: current.Name, Choices: choices,
		Then: func(name string) Effect {
			v.spot.turnTo(inc.ID)
			v.spot.runbook = name
			return v.attach(inc, name, fits[name])
		},
	}}
}

func (v *checklist) attach(inc incident.Incident, name string, fits bool) Effect {
	if fits {
		return Effect{Handled: true}
	}
	return Effect{Handled: true, Orders: []Order{Attach{ID: inc.ID, Runbook: name}}}
}

// drawNone says what there is instead of a runbook that fits, and how to make one.
func (v *checklist) drawNone(f *frame.Frame, inc incident.Incident, s *Screen) {
	heading(f, theme.Title, safe.Sprintf("runbook of %s", inc.ID), piece{})
	w := proseWriter{width: max(min(f.Width()-4, proseWidth), 1)}
	w.wrap("No runbook fits "+string(inc.ID)+".", theme.Bright, 0, 0)
	if link := runbook.URL(inc); link != "" {
		w.wrap("Its alert names "+link+" ("+s.Keys.Label(keys.Open)+" opens it).", theme.Plain, 0, 0)
	}
	w.wrap("", theme.Plain, 0, 0)
	w.wrap("To have one the next time, name Markdown files in the configuration, `runbooks: [runbooks/*.md]`, and say in each between two lines of --- what it fits: `"+suggestion(inc)+"`. Its steps are items such as `- [ ] look at the pool`.", theme.Plain, 0, 0)
	w.wrap("", theme.Plain, 0, 0)
	if len(s.World.Runbooks) > 0 {
		w.wrap("Those that there are; "+s.Keys.Label(keys.Ask)+" attaches one:", theme.Plain, 0, 0)
	} else {
		w.wrap("The configuration names none yet.", theme.Dim, 0, 0)
	}
	_, rest := f.Bounds().Top(1)
	top, rest := rest.Top(min(len(w.lines), max(f.Height()-1-min(len(s.World.Runbooks), 5), 0)))
	prose{w.lines}.draw(f.Sub(top), 0, nil)
	if len(s.World.Runbooks) > 0 {
		rest.X, rest.W = rest.X+1, rest.W-1
		v.list.draw(f.Sub(rest), v.every(s), true)
	}
}

// suggestion is a line of front matter that would fit.
func suggestion(inc incident.Incident) string {
	switch {
	case inc.Labels["alertname"] != "":
		return "match: {alertname: " + inc.Labels["alertname"] + "}"
	case inc.Service != "":
		return "match: {service: " + inc.Service + "}"
	}
	return "match: {service: checkout}"
}

// every lists all runbooks.
func (v *checklist) every(s *Screen) rows {
	v.filter.read(s.Filter)
	if of := [2]string{string(s.Incident)}; of != v.of {
		v.of, v.list = of, list{}
	}
	books := slices.DeleteFunc(slices.Clone(s.World.Runbooks), func(r runbook.Runbook) bool { return !v.filter.text(r.Name + " " + r.Title) })
	return rows{
		n: len(books), id: func(i int) string { return books[i].Name },
		draw: func(f *frame.Frame, i int) {
			p := pen{f: f}
			p.left(24, theme.Plain, safe.New(books[i].Name, 24))
			p.right(8, theme.Dim, safe.New(plural(len(books[i].Steps), "step"), 9))
			p.flow(theme.Dim, safe.New(books[i].Title, safe.Line))
		},
		open: func(i int, s *Screen) Effect {
			inc, _ := selected(s)
			v.spot.runbook = books[i].Name
			return v.attach(inc, books[i].Name, false)
		},
		none: v.filter.without(safe.Const("none")),
	}
}

// pressNone is the keys while no runbook fits.
func (v *checklist) pressNone(a keys.Action, inc incident.Incident, s *Screen) Effect {
	r := v.every(s)
	switch {
	case v.list.press(a, r):
		return Effect{Handled: true}
	case a == keys.Ask && r.n > 0:
		return r.open(v.list.at, s)
	case a == keys.Tick || a == keys.Ask:
		return Effect{Handled: true, Toast: "no runbook fits " + string(inc.ID) + ": there is no step to be done"}
	}
	return Effect{}
}
