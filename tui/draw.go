package tui

import (
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// layout is where things are. Header and footer keep their height whatever they
// have to say, so that the body never moves.
type layout struct {
	survival             bool // too small for views: four lines that matter
	all                  frame.Rect
	header, body, footer frame.Rect
}

// The least that a view is drawn in.
const (
	leastWidth  = 60
	leastHeight = 16
	roomyHeight = 20
)

func (m *model) layout() layout {
	w, h := m.picture.width, m.picture.height
	all := m.picture.frame.Bounds()
	l := layout{all: all, survival: w < leastWidth || h < leastHeight}
	if m.o.Prod && !l.survival {
		all = frame.Rect{X: all.X + 1, Y: all.Y, W: all.W - 2, H: all.H}
	}
	top, foot := 3, 3
	if h < roomyHeight {
		top, foot = 2, 2
	}
	l.header, l.body = all.Top(top)
	l.footer, l.body = l.body.Bottom(foot)
	return l
}

// draw paints everything and says where the cursor belongs.
func (m *model) draw() dialog.Cursor {
	f, l := m.picture.frame, m.layout()
	f.Clear()
	if inc, ok := m.alarmed(); ok {
		return m.drawUnheard(f, inc)
	}
	if l.survival {
		return m.drawSurvival(f)
	}
	m.drawHeader(f.Sub(l.header))
	m.shown().Draw(f.Sub(l.body), m.screen())
	m.drawFooter(f.Sub(l.footer))
	inside := frame.Rect{X: l.body.X, Y: l.body.Y, W: l.body.W, H: l.body.H + 1}
	m.drawSaid(f.Sub(inside))
	if m.o.Prod {
		f.VLine(0, 0, l.all.H, theme.Danger)
		f.VLine(l.all.W-1, 0, l.all.H, theme.Danger)
	}
	c := m.drawDialog(f, l.body)
	if m.exploreShown() { // it covers all of the body, and what its keys did is said there
		m.drawSaid(f.Sub(inside))
	}
	return c
}

// drawSaid writes what has to be read above the footer.
func (m *model) drawSaid(f *frame.Frame) {
	m.drawNotices(f, m.drawAsked(f, m.drawUnreached(f, m.drawNobody(f))), f.Height()/2)
}

// drawDialog draws what is asked over the body.
func (m *model) drawDialog(f *frame.Frame, over frame.Rect) dialog.Cursor {
	if m.asked == nil {
		return dialog.Cursor{}
	}
	c := m.asked.Draw(f.Sub(over), m.keys)
	c.X, c.Y = c.X+over.X, c.Y+over.Y
	return c
}
