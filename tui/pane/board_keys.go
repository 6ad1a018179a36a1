package pane

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// Press implements View.
func (b *board) Press(a keys.Action, s *Screen) Effect {
	if s.Frozen != nil {
		return b.pressFrozen(a, s)
	}
	switch a {
	case keys.ZoomIn:
		return b.window.zoom(-1, b.crosshair, s)
	case keys.ZoomOut:
		return b.window.zoom(1, b.crosshair, s)
	case keys.Live:
		b.crosshair = time.Time{}
		return b.window.toLive(s)
	case keys.PanLeft:
		return b.window.pan(-1, s)
	case keys.PanRight:
		return b.window.pan(1, s)
	case keys.Range:
		return b.askRange(s)
	case keys.Variables:
		return askVariable(s)
	case keys.Grid:
		b.columns = (b.columns + 1) % (mostColumns + 1)
		e := b.Resize(b.w, b.h, s)
		e.Toast = b.gridText()
		return e
	case keys.Cancel:
		return b.cancel(s)
	}
	return b.pressPanel(a, s)
}

// pressFrozen is what a key does to a board that is not asked for any more.
func (b *board) pressFrozen(a keys.Action, live *Screen) Effect {
	s := b.past.of(live)
	switch a {
	case keys.ZoomIn, keys.ZoomOut, keys.PanLeft, keys.PanRight, keys.Range, keys.Variables:
		return Effect{Handled: true, Toast: "this is all that was kept; " + s.Keys.Label(keys.Live) + " goes back to live"}
	case keys.Live:
		b.crosshair = time.Time{}
		now := *live
		now.Frozen = nil
		e := b.Resize(b.w, b.h, &now)
		e.Thaw = true
		return e
	case keys.Grid:
		b.columns = (b.columns + 1) % (mostColumns + 1)
		return Effect{Handled: true, Toast: b.gridText()}
	case keys.Cancel:
		if b.crosshair.IsZero() && !b.alone {
			return Effect{Thaw: true} // and leave the view
		}
		return b.cancel(s)
	}
	return b.pressPanel(a, s)
}

func (b *board) gridText() string {
	if b.columns == 0 {
		return "as many panels side by side as fit well"
	}
	return plural(b.columns, "panel") + " side by side"
}

// cancel leaves the nearest thing: the crosshair, then the full screen.
func (b *board) cancel(s *Screen) Effect {
	switch {
	case !b.crosshair.IsZero():
		b.crosshair = time.Time{}
	case b.alone:
		b.alone = false
		return b.Resize(b.w, b.h, s)
	default:
		return Effect{}
	}
	return Effect{Handled: true}
}

// pressPanel is what a key does to the focused panel.
func (b *board) pressPanel(a keys.Action, s *Screen) Effect {
	i, ok := b.focused(s)
	if !ok {
		return Effect{}
	}
	switch a {
	case keys.Up, keys.Down:
		return b.move(a, i)
	case keys.NextPane:
		return b.next(1)
	case keys.PreviousPane:
		return b.next(-1)
	case keys.Fullscreen:
		b.alone = !b.alone
		return b.Resize(b.w, b.h, s)
	case keys.LogAxis:
		l := b.look(i)
		l.log = !l.log
	case keys.CrosshairLeft:
		b.point(-1, s)
	case keys.CrosshairRight:
		b.point(1, s)
	case keys.CrosshairFarLeft:
		b.point(-10, s)
	case keys.CrosshairFarRight:
		b.point(10, s)
	case keys.ToggleSeries:
		return b.toggle(i)
	case keys.IsolateSeries:
		return b.isolate(i)
	case keys.MarkInstant:
		return b.mark(i, s)
	case keys.Yank:
		return b.yank(i)
	default:
		return Effect{}
	}
	return Effect{Handled: true}
}

// move goes to another panel; in full screen, to another series.
func (b *board) move(a keys.Action, i int) Effect {
	by := 1
	if a == keys.Up {
		by = -1
	}
	if !b.alone {
		return b.next(by)
	}
	c, l := &b.panels.charts[i], b.look(i)
	series := c.data.Frame.Series
	if n := len(series); n > 0 {
		l.focus = series[min(max(b.seriesIndex(c, l)+by, 0), n-1)].Legend
	}
	return Effect{Handled: true}
}

// next gives the focus to the panel that lies by further on.
func (b *board) next(by int) Effect {
	n := len(b.at)
	b.focus = b.panels.charts[b.at[(b.focusIndex()+by+n)%n]].panel.Title
	return Effect{Handled: true}
}

// point moves the crosshair by so many values. It begins at the newest.
func (b *board) point(by int, s *Screen) {
	g := gridOf(s)
	if g.Step <= 0 || g.N < 1 {
		return
	}
	i := g.Index(b.crosshair)
	if b.crosshair.IsZero() || i < 0 || i >= g.N {
		i = g.N - 1
	} else {
		i += by
	}
	b.crosshair = g.Time(min(max(i, 0), g.N-1))
}

// toggle shows or hides the leading series; the next one leads then.
func (b *board) toggle(i int) Effect {
	c, l := &b.panels.charts[i], b.look(i)
	if len(c.data.Frame.Series) == 0 {
		return Effect{Handled: true, Toast: "this panel has no series"}
	}
	legend := c.data.Frame.Series[b.seriesIndex(c, l)].Legend
	l.focus = legend
	l.hidden[legend] = !l.hidden[legend]
	return Effect{Handled: true}
}

// isolate shows the leading series alone, and after that all of them again.
func (b *board) isolate(i int) Effect {
	c, l := &b.panels.charts[i], b.look(i)
	series := c.data.Frame.Series
	if len(series) == 0 {
		return Effect{Handled: true, Toast: "this panel has no series"}
	}
	lead, others := b.seriesIndex(c, l), 0
	for j := range series {
		if j != lead && l.hidden[series[j].Legend] {
			others++
		}
	}
	alone := others == len(series)-1 && others > 0 && !l.hidden[series[lead].Legend]
	l.focus = series[lead].Legend
	for j := range series {
		l.hidden[series[j].Legend] = !alone && j != lead
	}
	return Effect{Handled: true}
}

// mark notes the crosshair's instant on the timeline, with the value there.
func (b *board) mark(i int, s *Screen) Effect {
	id := s.Incident
	if id == "" {
		return Effect{Handled: true, Toast: fmt.Sprintf("no incident to note it on; %s declares one", s.Keys.Label(keys.Declare))}
	}
	c, l := &b.panels.charts[i], b.look(i)
	at, text := b.crosshair, c.panel.Title
	if at.IsZero() && s.Frozen != nil {
		at = s.Frozen.At
	} else if at.IsZero() {
		at = s.Now
	}
	if series := c.data.Frame.Series; len(series) > 0 {
		lead := series[b.seriesIndex(c, l)]
		text += " " + panelFigure(c.panel, b.valueAt(c, lead.Values))
		if len(series) > 1 {
			text += " (" + lead.Legend + ")"
		}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Note at " + at.In(s.Zone).Format("15:04:05"), Help: "one line on the timeline of " + string(id), Initial: text,
		Then: func(answer string) Effect { return noteAt(id, at, answer, s.Now) },
	}}
}

// noteAt orders a note about a moment, dated as incident.ParseNote reads it.
func noteAt(id incident.ID, at time.Time, text string, now time.Time) Effect {
	text = strings.TrimSpace(text)
	if text == "" {
		return Effect{Handled: true, Toast: "no note: it has no text"}
	}
	prefix := at.UTC().Format("15:04:05")
	if back := now.Sub(at); back > 23*time.Hour { // the time of day alone would be another day's
		prefix = "-" + back.Round(time.Second).String()
	}
	return Effect{Handled: true, Orders: []Order{Note{ID: id, Text: prefix + " " + text}}}
}

// askRange asks for the time range. An answer that is typed may be any length.
func (b *board) askRange(s *Screen) Effect {
	var choices []Choice
	for _, d := range spans() {
		text := strictyaml.FormatDuration(d)
		choices = append(choices, Choice{Value: text, Text: "the last " + text})
	}
	if inc, ok := selected(s); ok {
		choices = append(choices, Choice{Value: aroundIncident, Text: "from 15 minutes before " + string(inc.ID), Letter: 'i'})
	}
	choices = append(choices, Choice{Value: fromTo, Text: "from one time to another ..."})
	return Effect{Handled: true, Ask: &Ask{
		Title: "Range", Choices: choices, Initial: strictyaml.FormatDuration(b.window.length(s)),
		Then: func(answer string) Effect { return b.setRange(answer, s) },
	}}
}

// aroundIncident is the range of the selected incident.
const aroundIncident = "incident"

func (b *board) setRange(answer string, s *Screen) Effect {
	if inc, ok := selected(s); ok && answer == aroundIncident {
		end := inc.Clocks.Resolved
		from := start(inc).Add(-15 * time.Minute)
		if end.IsZero() {
			return b.window.show(s.Now.Sub(from), time.Time{}, s)
		}
		end = end.Add(5 * time.Minute)
		return b.window.show(end.Sub(from), end, s)
	}
	if answer == fromTo || strings.Contains(answer, " to ") {
		return b.setFromTo(answer, s)
	}
	d, err := strictyaml.ParseDuration(answer)
	if err != nil || d < 10*time.Second || d > 366*24*time.Hour {
		return Effect{Handled: true, Toast: fmt.Sprintf("range %q: write a length from 10s to 366d, such as 15m, 6h or 2d", answer)}
	}
	return b.window.show(d, time.Time{}, s)
}

// yank copies what the focused panel is made of.
func (b *board) yank(i int) Effect {
	c, l := &b.panels.charts[i], b.look(i)
	var choices []Choice
	for _, expr := range c.queries() {
		choices = append(choices, Choice{Value: expr, Text: "PromQL  " + expr})
	}
	if series := c.data.Frame.Series; len(series) > 0 {
		lead := series[b.seriesIndex(c, l)]
		v := panelFigure(c.panel, b.valueAt(c, lead.Values))
		choices = append(choices,
			Choice{Value: c.panel.Title + " " + v, Text: "value   " + c.panel.Title + " " + v},
			Choice{Value: lead.Labels.String(), Text: "labels  " + lead.Labels.String()},
			Choice{Value: seriesTable(c, series), Text: fmt.Sprintf("table   all %d series", len(series))})
	}
	if len(choices) == 0 {
		return Effect{Handled: true, Toast: "nothing to copy here"}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Copy", Choices: choices,
		Then: func(answer string) Effect { return Effect{Handled: true, Copy: answer} },
	}}
}

// seriesTable is the newest value of every series, a line each.
func seriesTable(c *panelChart, series []query.Series) string {
	var out strings.Builder
	for _, one := range series {
		v, _ := one.Last(0)
		fmt.Fprintf(&out, "%s\t%s\n", one.Legend, panelFigure(c.panel, v))
	}
	return out.String()
}
