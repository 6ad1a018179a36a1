package pane

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// makeLines makes the chart of a panel's series.
func (c *panelChart) makeLines() {
	panel, grid := c.panel, c.data.Frame.Grid
	left := c.leftField()
	c.spec = chart.Spec{
		Title: safe.New(panel.Title, safe.Line), Versus: c.versus(), Start: grid.Start, Step: grid.Step, Points: grid.N,
		Format: func(v float64) string { return fieldFigure(left, v) }, Axis: axisFigure(left.Unit),
		Y: axisOf(left, panel.Log), Calc: len(panel.Legend.Calc) > 0, NoLegend: panel.Legend.Hide,
	}
	for _, t := range c.thresholds() {
		if t.State == query.OK {
			continue // a line that is fine to be beyond is none
		}
		level := chart.Warn
		if t.State == query.Crit {
			level = chart.Crit
		}
		c.spec.Thresholds = append(c.spec.Thresholds, chart.Threshold{Value: t.Value, Level: level, Below: panel.Better == query.Higher})
	}
	for i := range c.shape.Lines {
		c.spec.Series = append(c.spec.Series, c.series(&c.shape.Lines[i], left))
		if f := &c.shape.Lines[i].Field; f.Right && c.spec.RightAxis == nil {
			c.spec.Right, c.spec.RightAxis = axisOf(f, panel.Log), axisFigure(f.Unit)
		}
	}
}

// leftField is that of the axis at the left: of its first series, in which an
// override may have changed the unit, or the panel's.
func (c *panelChart) leftField() *query.Field {
	for i := range c.shape.Lines {
		if f := &c.shape.Lines[i].Field; !f.Right {
			return f
		}
	}
	return &c.panel.Field
}

// thresholds are those of the panel, in its unit.
func (c *panelChart) thresholds() []query.Threshold {
	if c.panel.Percent && len(c.shape.Lines) > 0 {
		return c.shape.Lines[0].Field.Thresholds
	}
	return c.panel.Absolute(0, 100).Thresholds
}

func axisOf(f *query.Field, base int) chart.YAxis {
	y := chart.YAxis{Base: base, Unit: func(v float64) float64 { return query.TickUnit(f.Unit, v) }}
	bound := func(v *float64, to *float64, has *bool) {
		if v != nil {
			*to, *has = *v, true
		}
	}
	bound(f.Min, &y.Min, &y.HasMin)
	bound(f.Max, &y.Max, &y.HasMax)
	bound(f.SoftMin, &y.SoftMin, &y.HasSoftMin)
	bound(f.SoftMax, &y.SoftMax, &y.HasSoftMax)
	return y
}

// series is one line as its field says.
func (c *panelChart) series(line *query.Drawn, left *query.Field) chart.Series {
	f := &line.Field
	s := chart.Series{
		Name: safe.New(line.Legend, 60), Values: line.Values, Negative: f.Negative, Right: f.Right, Behind: line.Ago != 0, Now: chart.Moment(line.Now),
	}
	switch f.Draw {
	case query.Area:
		s.Form = chart.Area
	case query.Bars:
		s.Form = chart.Pillars
	case query.Points:
		s.Form = chart.Points
	case query.StepLine:
		s.Form = chart.Steps
	}
	if f.Stack == query.StackNormal {
		s.Stack = chart.Stacked
	} else if f.Stack == query.StackPercent {
		s.Stack = chart.Percent
	}
	if s.Stack != chart.Alone && s.Form == chart.Line && !s.Behind {
		s.Form = chart.Area // lines on lines read as values
	}
	switch f.Nulls {
	case query.Connect:
		s.Nulls = chart.Connect
	case query.Zero:
		s.Nulls = chart.Zero
	}
	if f.Unit != left.Unit || len(f.Mappings) > 0 || f.Decimals != left.Decimals {
		s.Format = func(v float64) string { return fieldFigure(f, v) }
	}
	if calc := c.panel.Legend.Calc; len(calc) > 0 {
		s.Figures = legendFigures(line, calc)
	}
	return s
}

// legendFigures are what a series comes to: "last 8.4%", "max 9.1%".
func legendFigures(line *query.Drawn, calc []query.Reducer) (all []safe.Text) {
	for _, r := range calc {
		v, mark := r.Of(line.Values), ""
		if last := cmp.Or(r, query.ReduceLast) == query.ReduceLast; last && !line.Now.At.IsZero() {
			v, mark = line.Now.Value, " ◦"
		}
		figure := fieldFigure(&line.Field, v) + mark
		if r == query.ReduceCount {
			figure = Figure("none", v)
		}
		all = append(all, safe.New(string(cmp.Or(r, query.ReduceLast))+" "+figure, 40))
	}
	return all
}

// aim fills in what changes from picture to picture: the moment, what is hidden,
// which series leads.
func (c *panelChart) aim(p *panels, s *Screen, crosshair time.Time, l *look) {
	spec := &c.spec
	spec.State, spec.Zone, spec.Crosshair = c.state(p.of, s.Now), s.Zone, crosshair
	spec.Marks, spec.Y.Log = p.marks.of(s), l.log != (c.panel.Log > 0)
	spec.Right.Log = spec.Y.Log
	for j := range spec.Series {
		spec.Series[j].Hidden = l.hides(&c.shape.Lines[j])
	}
	spec.Focus = slices.IndexFunc(c.shape.Lines, func(line query.Drawn) bool { return line.Legend == l.focus })
	if spec.Focus < 0 { // the title says the worst: a calm figure over a line that burns is a lie
		_, spec.Focus = c.worst(crosshair)
	}
	spec.Order = c.order(l, spec.Order)
	c.tell()
}

// sorters are the figures that a legend can be in the order of.
func (c *panelChart) sorters() []string {
	calc := c.panel.Legend.Calc
	if len(calc) == 0 {
		calc = []query.Reducer{query.ReduceLast, query.ReduceMin, query.ReduceMean, query.ReduceMax}
	}
	var out []string
	for _, r := range calc {
		out = append(out, string(cmp.Or(r, query.ReduceLast)))
	}
	return out
}

// order is the series in the order of the legend; nil is their own.
func (c *panelChart) order(l *look, out []int) []int {
	by, up := c.panel.Legend.Sort, c.panel.Legend.Asc
	if l.sort != "" {
		by, up = query.Reducer(l.sort), l.up
	}
	if by == "" {
		return nil
	}
	out = out[:0]
	key := make([]float64, len(c.shape.Lines))
	for i := range c.shape.Lines {
		out, key[i] = append(out, i), by.Of(c.shape.Lines[i].Values)
	}
	slices.SortStableFunc(out, func(i, j int) int {
		a, b := key[i], key[j]
		switch {
		case math.IsNaN(a) && math.IsNaN(b):
			return 0
		case math.IsNaN(a): // no value is the last, whichever way
			return 1
		case math.IsNaN(b):
			return -1
		case up:
			return cmp.Compare(a, b)
		}
		return cmp.Compare(b, a)
	})
	return out
}

// worst is the worst value of all series that are shown, at an instant or the
// newest without one, and which series has it; of equals the first, 0 without
// any.
func (c *panelChart) worst(at time.Time) (v float64, which int) {
	v = query.Absent()
	for i := range c.shape.Lines {
		line := &c.shape.Lines[i]
		if i < len(c.spec.Series) && c.spec.Series[i].Hidden || line.Ago != 0 {
			continue
		}
		x, _ := line.Last(3)
		if !at.IsZero() {
			x = c.valueAt(line.Values, at)
		}
		worse := x > v
		if c.panel.Better == query.Higher {
			worse = x < v
		}
		if !math.IsNaN(x) && (math.IsNaN(v) || worse) {
			v, which = x, i
		}
	}
	return v, which
}

// valueAt is a series' value at an instant; Absent outside.
func (c *panelChart) valueAt(values []float64, at time.Time) float64 {
	if i := c.data.Frame.Grid.Index(at); i >= 0 && i < len(values) {
		return values[i]
	}
	return query.Absent()
}
