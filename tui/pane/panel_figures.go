package pane

import (
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// drawStat draws a panel of figures: one is large, several stand side by side.
func (c *panelChart) drawStat(f *frame.Frame, head chart.Head) {
	singles := c.at(c.spec.Crosshair)
	if len(singles) > 1 {
		stats := chart.Stats{Head: head, Names: c.panel.Show == query.ShowName}
		for i := range singles {
			one := &singles[i]
			fig := chart.Figure{Value: safe.New(c.figure(one), 24), Style: figureStyle(one)}
			if c.panel.Show != query.ShowValue {
				fig.Name = safe.New(one.Name, 60)
			}
			if c.panel.Spark || c.panel.Show == "" {
				fig.Values = one.Values
			}
			stats.Figures = append(stats.Figures, fig)
		}
		stats.Draw(f)
		return
	}
	one := query.Single{Value: query.Absent(), State: query.NoData}
	if len(singles) == 1 {
		one = singles[0]
	}
	c.drawOne(f, head.State, &one)
}

// drawOne draws a panel of one figure.
func (c *panelChart) drawOne(f *frame.Frame, st chart.State, one *query.Single) {
	stat := chart.Stat{Title: c.spec.Title}
	switch {
	case st.Loading:
		stat.Value, stat.Style = safe.Const("loading"), theme.Dim
	case one.State == query.NoData && math.IsNaN(one.Value):
		stat.Value, stat.Style = safe.New(c.figure(one), 24), theme.Warn
	default:
		stat.Value, stat.Style = safe.New(c.figure(one), 24), figureStyle(one)
	}
	if c.panel.Show == query.ShowName && one.Name != "" {
		stat.Value = safe.New(one.Name, 40)
	}
	if g := chart.Glyph(stat.Style); g != ' ' && one.State != query.OK && one.State != query.NoData {
		stat.Value = safe.Concat(safe.New(string(g), 1), safe.Const(" "), stat.Value)
	}
	switch {
	case st.Error.Width() > 0:
		stat.Note, stat.Style = safe.Concat(safe.Const("error: "), st.Error), theme.Dim
	case st.Stale > 0:
		stat.Note, stat.Style = safe.Sprintf("no data for %s", Ago(st.Stale)), theme.Dim
	case st.Age > 0:
		stat.Note = safe.Sprintf("%s old", Ago(st.Age))
	case st.StandIn.Width() > 0:
		stat.Note = st.StandIn
	case st.Partial:
		stat.Note = safe.Const("partial")
	case st.Remarks:
		stat.Note = safe.Const("info")
	case one.Line != nil && one.Text == "":
		stat.Note = safe.Sprintf("%s %s", c.sign(), fieldFigure(one.Field, one.Line.Value))
	}
	stat.Draw(f)
	if f.Height() >= 4 && points(one.Values) > 1 {
		f.Put(0, 3, theme.Series(0), chart.Sparkline(one.Values, f.Width(), f.Theme().Glyphs()))
	}
}

// points is how many values there are.
func points(values []float64) int { return int(query.ReduceCount.Of(values)) }

// at are the singles at an instant, where they are values of one; without an
// instant as the board reduces them.
func (c *panelChart) at(at time.Time) []query.Single {
	if at.IsZero() || c.panel.Reduce != "" && c.panel.Reduce != query.ReduceLast {
		return c.singles
	}
	out := slices.Clone(c.singles)
	for i := range out {
		if out[i].Values == nil {
			continue
		}
		out[i].Value = c.valueAt(out[i].Values, at)
		out[i].Text, out[i].State = c.panel.Say(out[i].Field, out[i].Value)
		_, out[i].Line = c.panel.JudgeBy(out[i].Field, out[i].Value)
	}
	return out
}

func (c *panelChart) figure(one *query.Single) string {
	switch {
	case one.Text != "":
		return one.Text
	case one.Field == nil:
		return fieldFigure(&c.panel.Field, one.Value)
	}
	return fieldFigure(one.Field, one.Value)
}

// figureStyle is bright where all is well: what is green is seen last. A mapping
// that says ok says so on purpose.
func figureStyle(one *query.Single) theme.Style {
	if one.State == query.OK && one.Text == "" {
		return theme.Bright
	}
	return StateStyle(one.State)
}

// sign is how a threshold is read: the side that is bad.
func (c *panelChart) sign() string {
	if c.panel.Better == query.Higher {
		return "bad below"
	}
	return "bad from"
}

// drawMeters draws values as bars.
func (c *panelChart) drawMeters(f *frame.Frame, head chart.Head, crosshair time.Time, l *look) {
	singles := c.at(crosshair)
	lo, hi := c.ends(singles)
	m := chart.Meters{Head: head, Top: l.top}
	for i := range singles {
		one := &singles[i]
		meter := chart.Meter{Name: safe.New(one.Name, 60), Value: safe.New(c.figure(one), 24), Style: figureStyle(one), Ratio: (one.Value - lo) / (hi - lo)}
		for _, t := range one.Field.Thresholds {
			if t.State == query.OK {
				continue
			}
			level := chart.Warn
			if t.State == query.Crit {
				level = chart.Crit
			}
			meter.Lines = append(meter.Lines, chart.Tick{At: (t.Value - lo) / (hi - lo), Level: level})
		}
		if len(singles) == 1 && c.panel.Type == query.Gauge {
			meter.Name = safe.Text{} // it is what the title says
		}
		m.Meters = append(m.Meters, meter)
	}
	if c.panel.Type == query.Gauge {
		m.From, m.To = safe.New(panelFigure(c.panel, lo), 16), safe.New(panelFigure(c.panel, hi), 16)
	}
	if c.others > 0 {
		m.Rest = safe.Sprintf("%s, at most %s each", plural(c.others, "other"), fieldFigure(&c.panel.Field, c.largest))
	}
	m.Draw(f)
}

// ends are the ends of a bar: those of the field, of its unit, or of the values.
func (c *panelChart) ends(singles []query.Single) (lo, hi float64) {
	lo, hi = 0, math.Inf(-1)
	for i := range singles {
		if v := singles[i].Value; !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if c.panel.Type == query.Gauge || c.panel.Max != nil {
		for _, t := range c.thresholds() {
			hi = max(hi, t.Value)
		}
		switch c.panel.Unit {
		case "percentunit":
			hi = 1
		case "percent":
			hi = 100
		}
	}
	if c.panel.Min != nil {
		lo = *c.panel.Min
	}
	if c.panel.Max != nil {
		hi = *c.panel.Max
	}
	if !(hi > lo) || math.IsInf(hi-lo, 0) {
		hi = lo + 1
	}
	return lo, hi
}
