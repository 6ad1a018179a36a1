package pane

import (
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// mostListed is how many rows a panel of alerts or events lists.
const mostListed = 200

// drawText draws a panel of Markdown.
func (c *panelChart) drawText(f *frame.Frame, l *look) {
	if c.spec.Title.Width() > 0 {
		f = panelHead(f, c.spec.Title, safe.Text{})
	}
	if c.proseFor != f.Width() {
		c.proseFor, c.prose = f.Width(), newProse(c.panel.Markdown, f.Width()-2)
	}
	c.prose.draw(f, min(l.top, max(len(c.prose.lines)-f.Height(), 0)), nil)
}

// panelHead draws the head of a panel that asks nothing, and gives what is below.
func panelHead(f *frame.Frame, title, note safe.Text) *frame.Frame {
	room := f.Width()
	if note.Width() > 0 && note.Width() < room/2 {
		room = f.PutRight(f.Width(), 0, theme.Dim, note) - 1
	}
	f.PutFit(0, 0, room, theme.Title, title)
	return f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1})
}

// drawAlerts lists what fires, as the first screen does.
func (p *panels) drawAlerts(f *frame.Frame, c *panelChart, s *Screen, l *look) {
	groups := *c.alerts.of(s, p.rules.today(s.World), &filter{})
	groups = groups[:min(len(groups), mostListed)]
	note := alertNote(s, false).text
	name, runs := 0, hurtings(s.World, s.Now)
	for _, g := range groups {
		name = max(name, safe.New(g.name, 80).Width())
	}
	drawList(panelHead(f, c.spec.Title, note), len(groups), l, safe.Const("no alert fires"), func(row *frame.Frame, i int) { drawAlert(row, groups[i], name, runs, s) })
}

// drawEvents lists what happened, newest first.
func (p *panels) drawEvents(f *frame.Frame, c *panelChart, s *Screen, l *look) {
	events := folded(p.story.of(s))
	events = events[max(len(events)-mostListed, 0):]
	at := func(i int) *incident.Event { return events[len(events)-1-i] }
	drawList(panelHead(f, c.spec.Title, safe.Const("newest first")), len(events), l, safe.Const("nothing has happened yet"), func(row *frame.Frame, i int) {
		drawEvent(row, at(i), s, safe.Text{}, 0, 0)
	})
}

// drawList draws n rows from where the panel stands.
func drawList(f *frame.Frame, n int, l *look, none safe.Text, row func(f *frame.Frame, i int)) {
	if n == 0 {
		f.PutFit(0, 0, f.Width(), theme.Dim, none)
		return
	}
	top := min(l.top, max(n-f.Height(), 0))
	for y := range min(f.Height(), n-top) {
		if y == f.Height()-1 && y > 0 && top+y < n-1 {
			f.PutFit(0, y, f.Width(), theme.Dim, safe.Sprintf("+%d more", n-top-y))
			return
		}
		row(f.Sub(frame.Rect{Y: y, W: f.Width(), H: 1}), top+y)
	}
}

// drawUnfit says what of the answer the panel does not draw, and gives what is left of
// f for the rest; nil if there is no rest.
func (c *panelChart) drawUnfit(f *frame.Frame, head chart.Head) *frame.Frame {
	if !c.unfitAll {
		if f.Height() < leastBesideUnfit {
			return f // the head says that it is partial
		}
		f.PutFit(0, f.Height()-1, f.Width(), theme.Warn, safe.New(c.unfit, safe.Line))
		return f.Sub(frame.Rect{W: f.Width(), H: f.Height() - 1})
	}
	body := head.Draw(f)
	lines := safe.Wrap(c.unfit, max(body.Width(), 1))
	for y, line := range lines[:min(len(lines), max(body.Height(), 0))] {
		body.PutFit(0, y, body.Width(), theme.Warn, line)
	}
	return nil
}

// leastBesideUnfit is how high a panel is that has a row for what it does not draw.
const leastBesideUnfit = 5

// drawNotDrawn says what the panel would be, and why it is not: whoever imported
// the board looks for it where it was.
func (c *panelChart) drawNotDrawn(f *frame.Frame) {
	body := panelHead(f, c.spec.Title, safe.Text{})
	var lines []safe.Text
	why := c.panel.Description
	if why == "" {
		why = "This kind of panel has no form in a terminal."
	}
	lines = append(lines, safe.Wrap(why, max(body.Width(), 1))...)
	for _, q := range c.panel.Queries {
		lines = append(lines, safe.Wrap(strings.TrimSpace(q.Expr), max(body.Width(), 1))...)
	}
	for y, line := range lines[:min(len(lines), max(body.Height(), 0))] {
		body.PutFit(0, y, body.Width(), theme.Dim, line)
	}
}
