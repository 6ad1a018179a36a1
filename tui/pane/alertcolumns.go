package pane

import (
	"fmt"
	"strconv"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// alertColumns are the widths of the columns of the alerts' view; 0 is left out.
type alertColumns struct {
	name, count, became, place, week, worth int
}

// The columns that are always as wide.
const (
	sevColumn, sinceColumn  = 4, 5
	weekColumn, worthColumn = 5, 12
)

// columnsFor shares a width among the columns. What tells alerts apart comes before
// what is known of their past.
func columnsFor(width int, groups []alertGroup, known bool) alertColumns {
	most, name := 0, len("ALERT")
	for i := range groups {
		most = max(most, len(groups[i].list))
		name = max(name, safe.New(groups[i].name, 60).Width())
	}
	c := alertColumns{count: max(3, len(strconv.Itoa(most))+1)}
	room := width - sevColumn - sinceColumn - c.count - 3
	if known && room >= 40+worthColumn {
		c.worth = worthColumn
		room -= worthColumn + 1
	}
	if known && room >= 40+weekColumn {
		c.week = weekColumn
		room -= weekColumn + 1
	}
	c.name = min(name, max(room-24, 16), max(room-1, 0))
	room -= c.name + 1
	const became, place = 18, 12
	switch {
	case room >= became+1+place:
		c.became = min(max(became, room/2), 36)
		c.place = room - c.became - 1
	case room > 0:
		c.became = room
	}
	return c
}

// drawHead names the columns.
func (c alertColumns) drawHead(f *frame.Frame) {
	p := pen{f: f}
	p.left(sevColumn, theme.Dim, safe.Const("SEV"))
	p.right(sinceColumn, theme.Dim, safe.Const("SINCE"))
	p.left(c.name, theme.Dim, safe.Const("ALERT"))
	p.right(c.count, theme.Dim, safe.Const("N"))
	if c.became > 0 {
		p.left(c.became, theme.Dim, safe.Const("INCIDENT"))
	}
	if c.place > 0 {
		p.left(c.place, theme.Dim, safe.Const("WHERE"))
	}
	c.right(f, theme.Dim, safe.Const("IN 7D"), theme.Dim, safe.Const("PRECISION"))
}

// right writes the columns at the right end.
func (c alertColumns) right(f *frame.Frame, weekStyle theme.Style, week safe.Text, worthStyle theme.Style, worth safe.Text) {
	x := f.Width()
	if c.worth > 0 {
		f.PutRight(x, 0, worthStyle, worth)
		x -= c.worth + 1
	}
	if c.week > 0 {
		f.PutRight(x, 0, weekStyle, week)
	}
}

// drawGroup is the alerts of a rule in a row.
func (c alertColumns) drawGroup(f *frame.Frame, g alertGroup, s *Screen) {
	p := pen{f: f}
	style := theme.Plain
	if inc, ok := selected(s); ok && inc.Service != "" && serviceOf(g.list[0]) == inc.Service {
		style = theme.Bright
	}
	if g.state != alert.Firing {
		style = theme.Dim
	}
	p.left(sevColumn, severityStyle(g), severityWord(g))
	p.right(sinceColumn, theme.Dim, safe.New(Ago(s.Now.Sub(g.newest)), 5))
	p.left(c.name, style, safe.New(g.name, 80))
	p.right(c.count, theme.Plain, safe.New(strconv.Itoa(len(g.list)), 8))
	became := c.fate(g.list, s)
	if c.became > 0 {
		p.left(c.became, became.style, became.text)
	}
	if c.place > 0 {
		p.left(c.place, theme.Dim, tellerOf(g, s))
	}
	c.past(f, g.name, g.list, s)
}

// fate is what became of alerts, and what was said of them.
func (c alertColumns) fate(list []alert.Alert, s *Screen) piece {
	b := becameOf(list)
	noise, useful := 0, 0
	for i := range list {
		if x, is := s.World.Record.said(&list[i]); is && x.Verdict == "noise" {
			noise++
		} else if is {
			useful++
		}
	}
	if words := duringWords(list, hurtings(s.World, s.Now)); words != nil {
		word := words[1]
		if b.text.Width() == 0 {
			b.style = theme.Warn
		} else {
			word = safe.Concat(safe.Const(" "), word)
		}
		b.text = safe.Concat(b.text, word)
	}
	for _, m := range []struct {
		n    int
		word string
	}{{noise, "noise"}, {useful, "useful"}} {
		if m.n > 0 {
			word := m.word
			if m.n < len(list) {
				word = fmt.Sprintf("%d %s", m.n, m.word)
			}
			if b.text.Width() > 0 {
				word = " " + word
			}
			b.text = safe.Concat(b.text, safe.New(word, 24))
		}
	}
	return b
}

// past is how often it fired and what that was worth.
func (c alertColumns) past(f *frame.Frame, name string, list []alert.Alert, s *Screen) {
	r := s.World.Record
	if r == nil || c.week+c.worth == 0 {
		return
	}
	week := safe.New(strconv.Itoa(r.week(list)), weekColumn)
	rule, style := r.rule(name), theme.Dim
	if rule.MostlyNoise() {
		style = theme.Warn
	}
	c.right(f, theme.Dim, week, style, safe.New(PrecisionText(rule), worthColumn))
}

// drawOne is an alert below its group: what tells it from the others of it.
func (c alertColumns) drawOne(f *frame.Frame, a alert.Alert, shared query.Labels, s *Screen) {
	p := pen{f: f}
	one := []alert.Alert{a}
	p.left(sevColumn, theme.Dim, safe.Const("  └"))
	p.right(sinceColumn, theme.Dim, safe.New(Ago(s.Now.Sub(a.ActiveAt)), 5))
	style := theme.Plain
	if a.Hidden() {
		style = theme.Dim
	}
	tail := 0
	if c.week > 0 {
		tail = c.week + c.worth + 2
	}
	became := c.fate(one, s)
	room := max(p.room()-tail-became.text.Width()-1, 0)
	p.left(min(room, max(c.name+c.count+1, room)), style, safe.New(a.Own(shared), safe.Line))
	p.flow(became.style, became.text)
	if r := s.World.Record; r != nil && c.week > 0 {
		c.right(f, theme.Dim, safe.New(strconv.Itoa(r.week(one)), weekColumn), theme.Dim, safe.Text{})
	}
}
