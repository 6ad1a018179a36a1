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
// right the figure with its threshold and direction. Where room is short the
// figure stays, then what is wrong, then the name.
func (p *Painter) title(f *frame.Frame, s *Spec) {
	figure, beyond, arrow, style := s.figure()
	headline(f, s.Title, s.State, figure, beyond, arrow, style)
}

// headline is the first row of any panel.
func headline(f *frame.Frame, title safe.Text, st State, figure, beyond, arrow safe.Text, style theme.Style) {
	w := f.Width()
	badge, badgeStyle := st.badge()
	if badge.Width() > 0 && (st.Error.Width() > 0 || st.Stale > 0) {
		style = theme.Dim // it is old
	}
	name := title.Width()
	room := w - min(name, max(w/3, 6)) - 1
	if badge.Width() > 0 {
		room -= min(badge.Width(), 24) + 1 // a figure's trend is worth less than why it is old
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
	if badge.Width() > 0 {
		nameRoom := min(name, max(right-badge.Width()-1, min(4, right-1)))
		x := f.PutFit(0, 0, nameRoom, theme.Title, title)
		if x > 0 {
			x++
		}
		f.PutFit(x, 0, right-x, badgeStyle, badge)
		return
	}
	f.PutFit(0, 0, right, theme.Title, title)
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

// badge says what is wrong with the data, worst first.
func (st State) badge() (safe.Text, theme.Style) {
	var text safe.Text
	style := theme.Dim
	say := func(t safe.Text) {
		if text.Width() > 0 {
			text = safe.Concat(text, safe.Const(" · "))
		}
		text = safe.Concat(text, t)
	}
	if st.Error.Width() > 0 {
		say(safe.Concat(safe.Const("error: "), st.Error))
		style = theme.Warn
	}
	if st.Stale > 0 {
		say(safe.New("no data "+plot.Ago(st.Stale), safe.Line))
		style = theme.Warn
	}
	if st.StandIn.Width() > 0 {
		say(st.StandIn)
		style = theme.Warn
	}
	if st.Partial {
		say(safe.Const("partial"))
		style = theme.Warn
	}
	if st.Remarks {
		say(safe.Const("info"))
	}
	if st.Age >= ageShown {
		say(safe.New(plot.Ago(st.Age)+" old", safe.Line))
	}
	if st.Took >= tookShown {
		say(safe.New("took "+plot.Ago(st.Took), safe.Line))
	}
	if st.Loading {
		say(safe.Const("loading"))
	}
	return text, style
}
