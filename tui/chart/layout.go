package chart

import (
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// gutter is the width of the value axis: six cells and a tick.
const gutter = 7

// layout is where the parts of one chart go, in cells of its frame.
type layout struct {
	w, h        int
	plotX       int // the first column of the plot
	plotW       int
	plotH       int // from row 1; 0 where there is only room for the title
	axisRow     int // -1: none
	legendRow   int // -1: none
	legendLines int
	right       bool // there is an axis at the right
}

func layoutOf(w, h, series int, right bool) layout {
	l := layout{w: w, h: h, axisRow: -1, legendRow: -1}
	rest := h - 1 // the title
	if series > 1 && h >= 7 {
		l.legendLines = 1
		if h >= 16 && series > 3 {
			l.legendLines = 2
		}
		if h >= 26 && series > 8 {
			l.legendLines = 4
		}
		rest -= l.legendLines
		l.legendRow = h - l.legendLines
	}
	if rest >= 3 {
		rest--
		l.axisRow = 1 + rest
	}
	l.plotH = max(rest, 0)
	if w >= 20 && l.plotH >= 2 {
		l.plotX = gutter
	}
	l.plotW = max(w-l.plotX, 0)
	if right && l.plotX > 0 && w >= 2*gutter+20 {
		l.right = true
		l.plotW -= gutter
	}
	return l
}

// points is the number of values in the window.
func (s *Spec) points() int {
	n := s.Points
	if n <= 0 {
		for _, series := range s.Series {
			n = max(n, len(series.Values))
		}
	}
	return max(n, 1)
}

func (s *Spec) format(v float64) string {
	if s.Format == nil {
		return plot.Short(v)
	}
	return s.Format(v)
}

// formatOf writes a value of one series.
func (s *Spec) formatOf(i int, v float64) string {
	if f := s.Series[i].Format; f != nil {
		return f(v)
	}
	return s.format(v)
}

func (s *Spec) axisFormat(v float64) string {
	if s.Axis == nil {
		return s.format(v)
	}
	return s.Axis(v)
}

func (s *Spec) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}

// focus is the series that leads: the chosen one, or the first that is shown; -1 if none is.
func (s *Spec) focus() int {
	if s.Focus >= 0 && s.Focus < len(s.Series) && !s.Series[s.Focus].Hidden {
		return s.Focus
	}
	for i, series := range s.Series {
		if !series.Hidden {
			return i
		}
	}
	return -1
}

// extent is the range of all that is drawn on one of the axes; ok is false without
// any.
func (p *Painter) extent(s *Spec, right bool) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	y := s.y(right)
	for i := range s.Series {
		series := &s.Series[i]
		if series.Hidden || series.Right != right {
			continue
		}
		a, b, some := plot.Range(p.drawn[i].top)
		if some && y.Log {
			a, some = plot.LowestPositive(p.drawn[i].top)
		}
		if some {
			lo, hi, ok = min(lo, a), max(hi, b), true
		}
		if v := series.moment(); !math.IsNaN(v) && (!y.Log || v > 0) {
			lo, hi, ok = min(lo, v), max(hi, v), true
		}
	}
	return lo, hi, ok
}

func (s *Spec) y(right bool) *YAxis {
	if right {
		return &s.Right
	}
	return &s.Y
}

// axis is the value scale of lo..hi and its ticks, at most n.
func (s *Spec) axis(y *YAxis, lo, hi float64, ok bool, n int) (plot.Scale, []float64) {
	if y.Log {
		return y.logAxis(lo, hi, ok, n)
	}
	if !ok {
		lo, hi = 0, 1
	}
	if y == &s.Y {
		for _, t := range s.Thresholds { // a threshold in sight is worth the room, one far away is not
			if v := t.Value; v-v == 0 && v > hi && v <= 4*hi {
				hi = v
			}
		}
	}
	if !y.Tight {
		lo, hi = min(lo, 0), max(hi, 0)
	}
	if y.HasSoftMin && y.SoftMin-y.SoftMin == 0 {
		lo = min(lo, y.SoftMin)
	}
	if y.HasSoftMax && y.SoftMax-y.SoftMax == 0 {
		hi = max(hi, y.SoftMax)
	}
	if lo < 0 && hi > 0 {
		n = max(n, 3) // of two round numbers one would not be zero
	}
	unit := y.unit(max(-lo, hi))
	niceLo, niceHi, ticks := plot.Axis(lo/unit, hi/unit, n)
	niceLo, niceHi, ticks = niceLo*unit, niceHi*unit, times(ticks, unit)
	if !y.HasMin && !y.HasMax {
		return plot.Scale{Lo: niceLo, Hi: niceHi}, ticks
	}
	fixedLo, fixedHi := niceLo, niceHi
	if y.HasMin {
		fixedLo = y.Min
	}
	if y.HasMax {
		fixedHi = y.Max
	}
	if !(fixedLo < fixedHi) || fixedHi-fixedLo > math.MaxFloat64 {
		return plot.Scale{Lo: niceLo, Hi: niceHi}, ticks
	}
	return plot.Scale{Lo: fixedLo, Hi: fixedHi}, times(plot.Ticks(fixedLo/unit, fixedHi/unit, n), unit)
}

// unit is what ticks near v are round multiples of.
func (y *YAxis) unit(v float64) float64 {
	if y.HasMax {
		v = y.Max
	}
	if y.Unit != nil && v-v == 0 {
		if u := y.Unit(v); u > 0 && !math.IsInf(u, 0) {
			return u
		}
	}
	return 1
}

func times(ticks []float64, unit float64) []float64 {
	for i := range ticks {
		ticks[i] *= unit
	}
	return ticks
}

// logAxis spans whole powers of ten, or of two.
func (y *YAxis) logAxis(lo, hi float64, ok bool, n int) (plot.Scale, []float64) {
	if !ok || lo <= 0 {
		lo, hi = 1, 10
	}
	if y.Base == 2 {
		lo, hi = math.Pow(2, math.Floor(math.Log2(lo))), math.Pow(2, math.Ceil(math.Log2(hi)))
	} else {
		lo, hi = math.Pow(10, math.Floor(math.Log10(lo))), math.Pow(10, math.Ceil(math.Log10(hi)))
	}
	if y.HasMin && y.Min > 0 {
		lo = y.Min
	}
	if y.HasMax && y.Max > 0 {
		hi = y.Max
	}
	if !(hi > lo) || math.IsInf(hi, 0) || lo == 0 {
		lo, hi = max(lo, 1e-300), max(lo, 1e-300)*10
		if math.IsInf(hi, 0) {
			lo, hi = 1, 10
		}
	}
	if y.Base == 2 {
		return plot.Scale{Lo: lo, Hi: hi, Log: true}, plot.BinaryTicks(lo, hi, n)
	}
	return plot.Scale{Lo: lo, Hi: hi, Log: true}, plot.LogTicks(lo, hi, n)
}

// ruler is a value axis: its scale, and its ticks with their labels.
type ruler struct {
	scale  plot.Scale
	ticks  []float64
	labels []safe.Text
	some   bool // there are values
}

// ruler thins the ticks out until no two labels read the same.
func (p *Painter) ruler(s *Spec, right bool, rows int) ruler {
	lo, hi, some := p.extent(s, right)
	format := s.axisFormat
	if right && s.RightAxis != nil {
		format = s.RightAxis
	}
	if p.percent {
		format = plot.Percent
	}
	for n := min(max(rows/2, 2), 6); ; n-- {
		scale, ticks := s.axis(s.y(right), lo, hi, some, n)
		labels := make([]safe.Text, len(ticks))
		distinct := true
		for i, t := range ticks {
			labels[i] = safe.New(format(t), gutter-1)
			distinct = distinct && (i == 0 || labels[i] != labels[i-1])
		}
		if distinct || n <= 2 {
			return ruler{scale, ticks, labels, some}
		}
	}
}

// breach is the worst threshold that v is beyond.
func (s *Spec) breach(v float64) (worst Threshold, crossed bool) {
	for _, t := range s.Thresholds {
		beyond := v > t.Value && !t.Below || v < t.Value && t.Below
		if beyond && (!crossed || t.Level > worst.Level) {
			worst, crossed = t, true
		}
	}
	return worst, crossed
}

func (l Level) style() theme.Style {
	if l == Crit {
		return theme.Crit
	}
	return theme.Warn
}
