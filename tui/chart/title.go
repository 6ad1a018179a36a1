package chart

import (
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// ageShown is from when on an answer's age is worth saying.
const ageShown = 10 * time.Second

// tookShown is from when on a query is slow enough to be named.
const tookShown = 2 * time.Second

// title writes the first row: name, what is wrong with the data, and at the
// right the figure with its threshold and direction.
func (p *Painter) title(f *frame.Frame, s *Spec) {
	figure, beyond, arrow, style := s.figure()
	name{s.Title, s.Versus}.headline(f, s.State, figure, beyond, arrow, style)
}

// name is a panel's title, and what it is compared with.
type name struct{ title, versus safe.Text }

// width is that of both.
func (n name) width() int {
	if n.versus.Width() == 0 {
		return n.title.Width()
	}
	return n.title.Width() + 1 + n.versus.Width()
}

// put writes them into w cells. The title is cut in the middle: titles of a board
// begin alike, and end with what tells them apart.
func (n name) put(f *frame.Frame, w int) (x int) {
	const leastTitle = 6
	beside := n.versus.Width() + 1
	if n.versus.Width() == 0 || w < leastTitle+beside {
		return f.PutFit(0, 0, w, theme.Title, n.title.Middle(w))
	}
	x = f.Put(0, 0, theme.Title, n.title.Middle(w-beside)) + 1
	return f.Put(x, 0, theme.Accent, n.versus)
}

// headline is the first row of any panel. Where room is short the figure stays, then
// the name; what is wrong with the data becomes shorter, and then a mark.
func (n name) headline(f *frame.Frame, st State, figure, beyond, arrow safe.Text, style theme.Style) {
	w := f.Width()
	if st.Error.Width() > 0 || st.Stale > 0 {
		style = theme.Dim // it is old
	}
	room := w - min(n.width(), max(2*w/3, 6)) - 1
	if all := st.badges(); len(all) > 0 {
		room -= min(all[0].text.Width(), 24) + 1 // a figure's trend is worth less than why it is old
	}
	if figure.Width()+arrow.Width() <= room {
		figure = safe.Concat(figure, arrow)
		if with := insert(figure, arrow, beyond); with.Width() <= room {
			figure = with
		}
	}
	figure = figure.Fit(w)
	right := f.PutRight(w, 0, style, figure) - 1
	if figure.Width() == 0 {
		right = w
	}
	badge, badgeStyle := st.badge(right - n.width() - 1)
	if badge.Width() == 0 {
		if trend := st.Trend.Words; n.width()+1+trend.Width() < right && st == (State{Took: st.Took, Trend: st.Trend}) {
			badge, badgeStyle = trend, theme.Dim
			if st.Trend.Worse {
				badgeStyle = theme.Warn
			}
		}
	}
	if badge.Width() == 0 {
		n.put(f, right)
		return
	}
	x := n.put(f, min(n.width(), right-badge.Width()-1))
	if x > 0 {
		x++
	}
	f.PutFit(x, 0, right-x, badgeStyle, badge)
}

// insert puts what between a figure and the arrow it ends with.
func insert(figure, arrow, what safe.Text) safe.Text {
	head, _ := figure.Split(figure.Width() - arrow.Width())
	return safe.Concat(head, what, arrow)
}

// figure is the leading value, the threshold it is beyond, its direction, and its style.
func (s *Spec) figure() (figure, beyond, arrow safe.Text, style theme.Style) {
	v, values, now := s.current()
	if math.IsNaN(v) {
		if len(values) == 0 {
			return safe.Text{}, safe.Text{}, safe.Text{}, theme.Dim
		}
		return safe.Const("-"), safe.Text{}, safe.Text{}, theme.Dim
	}
	figure, style = safe.New(s.formatOf(s.focus(), v), 16), theme.Bright
	if t, crossed := s.breach(v); crossed {
		style = t.Level.style()
		sign := safe.Const(" > ")
		if t.Below {
			sign = safe.Const(" < ")
		}
		beyond = safe.Concat(sign, safe.New(s.format(t.Value), 16))
	}
	if now {
		figure = safe.Concat(figure, provisional())
	}
	if !s.Crosshair.IsZero() {
		return figure, beyond, safe.New(" "+s.Crosshair.In(s.zone()).Format("15:04:05"), 9), style
	}
	switch plot.Trend(values) {
	case plot.Rising:
		arrow = safe.Const(" ▲")
	case plot.Falling:
		arrow = safe.Const(" ▼")
	case plot.Steady:
	}
	return figure, beyond, arrow, style
}

// badge is what is wrong with the data in at most room cells: as much of it as fits
// whole, of the worst the beginning, and where there is no room for that a mark, which
// takes the end of the name if it has to.
func (st State) badge(room int) (safe.Text, theme.Style) {
	const leastWords = 8
	all := st.badges()
	if len(all) == 0 {
		return safe.Text{}, theme.Dim
	}
	style := all[0].style
	text := safe.Text{}
	for i, b := range all {
		with := b.text
		if i > 0 {
			with = safe.Concat(text, safe.Const(" · "), b.text)
		}
		if with.Width() > room {
			break
		}
		text = with
	}
	switch {
	case text.Width() > 0:
		return text, style
	case all[0].text.Width() > room && room >= leastWords:
		return all[0].text.Fit(room), style
	case style == theme.Warn:
		return safe.Const("!"), style
	}
	return safe.Text{}, style
}

// badge is one thing that is to be known about the data.
type badge struct {
	text  safe.Text
	style theme.Style
}

// badges are all of them, the worst first.
func (st State) badges() (all []badge) {
	say := func(style theme.Style, t safe.Text) { all = append(all, badge{t, style}) }
	if st.Error.Width() > 0 {
		say(theme.Warn, safe.Concat(safe.Const("error: "), st.Error))
	}
	if st.Stale > 0 {
		say(theme.Warn, safe.New("no data "+plot.Ago(st.Stale), safe.Line))
	}
	if st.StandIn.Width() > 0 {
		say(theme.Warn, st.StandIn)
	}
	if st.Partial {
		say(theme.Warn, safe.Const("partial"))
	}
	if st.Remarks {
		say(theme.Dim, safe.Const("info"))
	}
	if st.Age >= ageShown {
		say(theme.Dim, safe.New(plot.Ago(st.Age)+" old", safe.Line))
	}
	if st.Took >= tookShown {
		say(theme.Dim, safe.New("took "+plot.Ago(st.Took), safe.Line))
	}
	if st.Loading {
		say(theme.Dim, safe.Const("loading"))
	}
	return all
}
