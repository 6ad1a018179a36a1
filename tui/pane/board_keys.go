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
	case keys.Preset:
		return b.askPreset(s)
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
	case keys.ZoomIn, keys.ZoomOut, keys.PanLeft, keys.PanRight, keys.Range, keys.Preset, keys.Variables:
		return b.moveFrozen(a, live)
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
		return b.pressRow(a, s)
	}
	switch a {
	case keys.Up, keys.Down:
		return b.move(a, i)
	case keys.PageUp, keys.PageDown, keys.Top, keys.Bottom:
		return b.page(a, i)
	case keys.NextPane:
		return b.next(1)
	case keys.PreviousPane:
		return b.next(-1)
	case keys.SortNext:
		return b.sort(i)
	case keys.SortOther:
		return b.turn(i)
	case keys.Fullscreen:
		b.alone = !b.alone
		return b.Resize(b.w, b.h, s)
	case keys.LogAxis:
		return b.logAxis(i)
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
		return b.yank(i, s)
	case keys.Open:
		return b.open(i, s)
	case keys.KeepBoard:
		return b.keep(s)
	case keys.Compare:
		if s.Frozen != nil {
			return Effect{Handled: true, Toast: frozenCompare}
		}
		return b.compareNext(i, s)
	default:
		return Effect{}
	}
	return Effect{Handled: true}
}

// logAxis turns the panel's value axis from linear to logarithmic, or back.
func (b *board) logAxis(i int) Effect {
	c, l := b.panels.at(i), b.look(i)
	if !c.isLines() || c.panel.Type == query.Stat {
		return Effect{Handled: true, Toast: "only a chart of lines has an axis of values"}
	}
	l.log = !l.log
	axis := "linear"
	if l.log != (c.panel.Log > 0) {
		axis = "logarithmic"
	}
	return Effect{Handled: true, Toast: c.panel.Title + ": the axis is " + axis}
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
	c, l := b.panels.at(i), b.look(i)
	if !c.isLines() {
		b.scrollPanel(c, l, l.top+by)
		return Effect{Handled: true}
	}
	if n := len(c.shape.Lines); n > 0 {
		order := c.order(l, nil)
		at := min(max(c.placeOf(b.seriesIndex(c, l), order)+by, 0), n-1)
		if order != nil {
			at = order[at]
		}
		l.focus = c.shape.Lines[at].Legend
	}
	return Effect{Handled: true}
}

// scrollPanel shows the rows of a panel from top on.
func (b *board) scrollPanel(c *panelChart, l *look, top int) {
	l.top = max(min(top, c.rowsOf()-1), 0)
}

// next gives the focus to what lies by further on, from the end to the beginning.
func (b *board) next(by int) Effect {
	n := len(b.layout.all)
	b.focus = b.name(b.layout.all[(max(b.focusIndex(), 0)+by+n)%n])
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
	c, l := b.panels.at(i), b.look(i)
	if len(c.shape.Lines) == 0 {
		return Effect{Handled: true, Toast: "this panel has no series"}
	}
	line := &c.shape.Lines[b.seriesIndex(c, l)]
	l.focus = line.Legend
	l.hidden[line.Legend] = !l.hides(line)
	return Effect{Handled: true}
}

// isolate shows the leading series alone, and after that all of them again.
func (b *board) isolate(i int) Effect {
	c, l := b.panels.at(i), b.look(i)
	series := c.shape.Lines
	if len(series) == 0 {
		return Effect{Handled: true, Toast: "this panel has no series"}
	}
	lead, others := b.seriesIndex(c, l), 0
	for j := range series {
		if j != lead && l.hides(&series[j]) {
			others++
		}
	}
	alone := others == len(series)-1 && others > 0 && !l.hides(&series[lead])
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
	c, l := b.panels.at(i), b.look(i)
	at, text := b.crosshair, c.panel.Title
	if at.IsZero() && s.Frozen != nil {
		at = s.Frozen.At
	} else if at.IsZero() {
		at = s.Now
	}
	if series := c.shape.Lines; len(series) > 0 {
		lead := &series[b.seriesIndex(c, l)]
		text += " " + fieldFigure(&lead.Field, b.valueAt(c, lead.Values))
		if len(series) > 1 {
			text += " (" + lead.Legend + ")"
		}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Note at " + at.In(s.Zone).Format("15:04:05"), Help: "one line on the timeline of " + string(id), Initial: text + ": ",
		Then: func(answer string) Effect {
			return noteAt(id, at, strings.TrimSuffix(strings.TrimSpace(answer), ":"), s.Now)
		},
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
	if answer == fromTo || strings.Contains(answer, " to ") || strings.HasPrefix(answer, "now") || strings.HasPrefix(answer, "-") {
		return b.setFromTo(answer, s)
	}
	d, err := strictyaml.ParseDuration(answer)
	if err != nil || d < 10*time.Second || d > 366*24*time.Hour {
		return Effect{Handled: true, Toast: fmt.Sprintf("range %q: write a length from 10s to 366d, such as 15m, 6h or 2d", answer)}
	}
	return b.window.show(d, time.Time{}, s)
}

// seriesTable is the newest value of every series, a line each.
func seriesTable(series []query.Drawn) string {
	var out strings.Builder
	for i := range series {
		v, _ := series[i].Last(0)
		fmt.Fprintf(&out, "%s\t%s\n", series[i].Legend, fieldFigure(&series[i].Field, v))
	}
	return out.String()
}
