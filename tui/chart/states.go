package chart

import (
	"time"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// States is what each of several things was, over time: a row a thing.
type States struct {
	Head
	Rows      []StateRow
	Top       int // the first row that is shown
	Start     time.Time
	Step      time.Duration
	Points    int
	Marks     []Mark
	Crosshair time.Time
	Zone      *time.Location
}

// StateRow is one thing and its runs, one after the other.
type StateRow struct {
	Name safe.Text
	Runs []StateRun
}

// StateRun is a stretch of one state, between two points, both inclusive. Without
// a text there is no value.
type StateRun struct {
	From, To int
	Text     safe.Text
	Style    theme.Style
}

// States draws s over all of f, at any size. Every stretch has its text, or the
// first letter of it, so that it is read without colours.
func (p *Painter) States(f *frame.Frame, s *States) {
	if len(s.Rows) == 0 {
		s.Empty(f)
		return
	}
	s.draw(f)
	l := layoutOf(f.Width(), f.Height(), 0, false)
	if l.plotH < 1 {
		return
	}
	widest := 0
	names := make([]safe.Text, len(s.Rows))
	for i := range s.Rows {
		names[i] = s.Rows[i].Name
		widest = max(widest, names[i].Width())
	}
	l.plotX = min(widest, f.Width()/3) + 1
	names = Names(names, l.plotX-1)
	if l.plotW = f.Width() - l.plotX; l.plotW < 1 {
		return
	}
	spec := &Spec{Start: s.Start, Step: s.Step, Points: max(s.Points, 1), Marks: s.Marks, Crosshair: s.Crosshair, Zone: s.Zone}
	p.dots.reset(theme.Block, l.plotW, l.plotH)
	p.shaded = resize(p.shaded, l.plotW)
	w := spec.window(p.dots.columns(), p.dots.dx)
	top := min(max(s.Top, 0), max(len(s.Rows)-l.plotH, 0))
	rows := s.Rows[top:min(top+l.plotH, len(s.Rows))]
	if below := len(s.Rows) - top - len(rows); below > 0 {
		rows = rows[:len(rows)-1]
		f.PutFit(0, l.plotH, f.Width(), theme.Dim, safe.Sprintf("+%d more", below+1))
	}
	pitch := 1
	if 2*len(rows)-1 <= l.plotH {
		pitch = 2
	}
	for i := range rows {
		y := 1 + i*pitch
		f.PutFit(0, y, l.plotX-1, theme.Plain, names[top+i])
		for k := range rows[i].Runs {
			run := &rows[i].Runs[k]
			from := max(floorCell(w.Column(run.From), p.dots.dx), 0)
			to := min(floorCell(w.Column(run.To+1)-1, p.dots.dx), l.plotW-1)
			run.draw(f.Sub(frame.Rect{X: l.plotX + from, Y: y, W: to - from + 1, H: 1}))
		}
	}
	l.plotH = min(l.plotH, len(rows)*pitch)
	if l.axisRow >= 0 {
		l.axisRow = 1 + l.plotH
	}
	p.axisMarks(f, spec, l, w)
	p.timeAxis(f, spec, l, w)
}

// draw fills the stretch: the pattern says the state where no colour does.
func (r *StateRun) draw(f *frame.Frame) {
	w := f.Width()
	if w < 1 {
		return
	}
	if r.Text.Width() == 0 {
		f.Fill(f.Bounds(), theme.Faint, '·')
		return
	}
	f.Fill(f.Bounds(), r.Style, pattern(r.Style))
	switch {
	case w >= r.Text.Width()+3:
		f.Fill(frame.Rect{X: 1, W: r.Text.Width() + 2, H: 1}, theme.Plain, ' ')
		f.Put(2, 0, r.Style, r.Text)
	case w >= 2:
		f.Put(0, 0, r.Style, r.Text.Fit(w))
	}
}

func pattern(style theme.Style) rune {
	switch style {
	case theme.Crit:
		return '█'
	case theme.Warn:
		return '▓'
	case theme.OK:
		return '░'
	}
	return '▒'
}
