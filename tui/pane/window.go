package pane

import (
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// span lengths that zooming passes through.
func spans() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
		12 * time.Hour, day, 2 * day, 7 * day, 14 * day, 30 * day,
	}
}

// window is what a view wants the board to show: with no span and no end the
// board's own range, live.
type window struct {
	span    time.Duration // 0: the board's own
	end     time.Time     // zero: live
	columns int           // values that there is room for
	asked   *Window       // what was asked for last, by whichever view
}

// fit asks for a window with that many values, unless the answer would be the
// one that is there: windows come in steps, and most sizes share one.
func (w *window) fit(columns int, s *Screen, force bool) Effect {
	w.columns = max(columns, 1)
	want := Window{Span: w.span, Columns: w.columns, End: w.end}
	known := w.asked.Columns > 0 && want.Span == w.asked.Span && want.End.Equal(w.asked.End)
	if !force && known && w.step(want, s) == w.step(*w.asked, s) {
		return Effect{Handled: true}
	}
	*w.asked = want
	return Effect{Handled: true, Orders: []Order{want}}
}

// step is the step that a window will have; 0 while the board is not known.
func (w *window) step(o Window, s *Screen) time.Duration {
	span := o.Span
	if span <= 0 {
		span = boardRange(s)
	}
	if span <= 0 || o.Columns <= 0 {
		return 0
	}
	return query.Align(s.Now, span, o.Columns).Step
}

// boardRange is the board's own range; 0 while it is not known.
func boardRange(s *Screen) time.Duration {
	if s.World.Board == nil || s.World.Board.Board == nil {
		return 0
	}
	return s.World.Board.Board.Range
}

// length is how long the window is.
func (w *window) length(s *Screen) time.Duration {
	if w.span > 0 {
		return w.span
	}
	if r := boardRange(s); r > 0 {
		return r
	}
	return time.Hour
}

// zoom shows a shorter (-1) or longer (+1) stretch around at, or the newest if
// at is zero.
func (w *window) zoom(by int, at time.Time, s *Screen) Effect {
	w.span = nextSpan(w.length(s), by)
	if !at.IsZero() {
		w.end = at.Add(w.span / 2)
	}
	return w.settle(s)
}

// nextSpan is the next shorter (-1) or longer (+1) length that zooming passes through.
func nextSpan(now time.Duration, by int) time.Duration {
	all := spans()
	to := all[0]
	if by > 0 {
		to = all[len(all)-1]
	}
	for _, d := range all {
		if by < 0 && d < now {
			to = d // the longest of the shorter ones
		} else if by > 0 && d > now {
			to = d
			break
		}
	}
	return to
}

// pan moves by half a window; what reaches the present is live.
func (w *window) pan(by int, s *Screen) Effect {
	end := w.end
	if end.IsZero() {
		end = s.Now
	}
	w.end = end.Add(time.Duration(by) * w.length(s) / 2)
	return w.settle(s)
}

// settle asks for what is wanted now.
func (w *window) settle(s *Screen) Effect {
	if !w.end.Before(s.Now) {
		w.end = time.Time{}
	}
	return w.fit(w.columns, s, true)
}

// toLive follows the present again; from there back to the board's own range.
func (w *window) toLive(s *Screen) Effect {
	if w.end.IsZero() {
		w.span = 0
	}
	w.end = time.Time{}
	return w.settle(s)
}

// show goes to a stretch.
func (w *window) show(span time.Duration, end time.Time, s *Screen) Effect {
	w.span, w.end = span, end
	return w.settle(s)
}
