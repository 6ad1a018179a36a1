package pane

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// widestMark is the longest name of a mark.
const widestMark = 16

// markSection is the card of a service: each mark, why it stands so, and what to do.
func markSection(c readiness.Card, s *Screen) section {
	marks := marksOf(c)
	return section{
		name: "marks", title: safe.Sprintf("%s  %s %s", safe.New(c.Service, 40), c.Grade, c.Grade.Word()),
		note: piece{safe.Sprintf("%s shows all of it", s.Keys.Label(keys.Detail)), theme.Dim}, dear: 5, least: 4, want: 2 * len(marks), grow: true,
		draw: func(f *frame.Frame) { drawMarks(f, marks) },
	}
}

// marksOf are all marks of a card, in its order.
func marksOf(c readiness.Card) []readiness.Mark { return slices.Concat(c.Measured, c.Readiness) }

// drawMarks draws as much as there is room for: what to do goes first, then the ends of
// long reasons, then the last marks.
func drawMarks(f *frame.Frame, marks []readiness.Mark) {
	for _, level := range []struct{ why, todo bool }{{true, true}, {false, true}, {false, false}} {
		rows := 0
		for _, m := range marks {
			rows += len(markLines(m, f.Width(), level.why, level.todo))
		}
		if rows <= f.Height() || !level.todo {
			drawMarkLines(f, marks, level.why, level.todo)
			return
		}
	}
}

func drawMarkLines(f *frame.Frame, marks []readiness.Mark, why, todo bool) {
	y := 0
	for _, m := range marks {
		for i, l := range markLines(m, f.Width(), why, todo) {
			if y >= f.Height() {
				return
			}
			p := pen{f: f.Sub(frame.Rect{X: 1, Y: y, W: f.Width() - 1, H: 1})}
			if i == 0 {
				p.left(7, markStyle(m.State), safe.New(string(m.State), 7))
				p.left(widestMark, theme.Plain, safe.New(m.Name, widestMark))
			} else {
				p.x = markIndent
			}
			p.f.PutFit(p.x, 0, p.room(), l.style, l.text)
			y++
		}
	}
}

// markIndent is the column in which reasons stand.
const markIndent = 7 + 1 + widestMark + 1

// markLines is the reason of a mark, whole or its first line, and below it what to do.
func markLines(m readiness.Mark, width int, whole, todo bool) (out []piece) {
	room := max(width-1-markIndent, 10)
	why := safe.Wrap(m.Why, room)
	if len(why) == 0 {
		why = []safe.Text{{}}
	}
	if !whole {
		why = []safe.Text{safe.New(m.Why, safe.Line)}
	}
	for _, l := range why {
		out = append(out, piece{l, theme.Plain})
	}
	if todo && m.Do != "" {
		for _, l := range safe.Wrap(m.Do, room) {
			out = append(out, piece{l, theme.Dim})
		}
	}
	return out
}

// readCard is the whole card of a service.
func readCard(c readiness.Card, s *Screen) Effect {
	var p page
	p.text(string(c.Grade) + " " + c.Grade.Word() + ": " + c.Why)
	for _, part := range []struct {
		title string
		marks []readiness.Mark
	}{{"measured", c.Measured}, {"readiness", c.Readiness}} {
		p.heading(part.title)
		for _, m := range part.marks {
			p.labelled(string(m.State), m.Name+": "+m.Why)
			p.labelled("", todoText(m))
		}
	}
	if r := s.World.Readiness; r != nil {
		p.heading("known")
		p.labelled("gathered", r.At.In(s.Zone).Format("2006-01-02 15:04:05 MST")+", "+Ago(s.Now.Sub(r.At))+" ago")
		if r.Err != nil {
			p.labelled("trouble", r.Err.Error())
		}
	}
	return p.reading(c.Service)
}

func todoText(m readiness.Mark) string {
	if m.Do == "" {
		return ""
	}
	return "to do: " + m.Do
}

// cardText is a card in a few lines, for a chat.
func cardText(c readiness.Card) string {
	lines := []string{c.Service + ": " + string(c.Grade) + " (" + c.Grade.Word() + "): " + c.Why}
	for _, m := range marksOf(c) {
		line := string(m.State) + " " + m.Name + ": " + m.Why
		if m.Do != "" {
			line += "; " + m.Do
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
