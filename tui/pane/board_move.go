package pane

import (
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// pressRow is what a key does on the title of a row: enter opens and closes it.
func (b *board) pressRow(a keys.Action, s *Screen) Effect {
	n := b.focusIndex()
	if n < 0 || len(b.layout.all) == 0 {
		return Effect{}
	}
	row := b.layout.all[n].row
	switch a {
	case keys.Up:
		return b.next(-1)
	case keys.Down:
		return b.next(1)
	case keys.NextPane:
		return b.next(1)
	case keys.PreviousPane:
		return b.next(-1)
	case keys.PageUp, keys.PageDown, keys.Top, keys.Bottom:
		return b.jump(a)
	case keys.Fullscreen:
		if b.folded == nil {
			b.folded = map[int]bool{}
		}
		b.folded[row] = !b.isFolded(row)
		return b.asking(s)
	case keys.CrosshairLeft:
		b.point(-1, s)
	case keys.CrosshairRight:
		b.point(1, s)
	case keys.CrosshairFarLeft:
		b.point(-10, s)
	case keys.CrosshairFarRight:
		b.point(10, s)
	default:
		return Effect{}
	}
	return Effect{Handled: true}
}

// asking has only those panels asked for that are open.
func (b *board) asking(s *Screen) Effect {
	e := b.Resize(b.w, b.h, s)
	e.Handled = true
	if s.Frozen == nil {
		e.Orders = append(e.Orders, AskPanels{Panels: b.wanted()})
	}
	return e
}

// wanted are the panels that are open, and signals wherever they are.
func (b *board) wanted() []int {
	var out []int
	for _, p := range b.layout.all {
		if p.panel >= 0 {
			out = append(out, p.panel)
		}
	}
	for i := range b.panels.charts {
		if b.panels.charts[i].panel.Signal && !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out
}

// page moves by a screen of panels; in full screen, of a panel's rows.
func (b *board) page(a keys.Action, i int) Effect {
	if !b.alone {
		return b.jump(a)
	}
	c, l := b.panels.at(i), b.look(i)
	by := max(b.h-4, 1)
	switch a {
	case keys.PageUp:
		b.scrollPanel(c, l, l.top-by)
	case keys.PageDown:
		b.scrollPanel(c, l, l.top+by)
	case keys.Top:
		l.top = 0
	case keys.Bottom:
		b.scrollPanel(c, l, c.rowsOf()-by)
	}
	return Effect{Handled: true}
}

// jump moves the focus by a screen, or to an end of the board.
func (b *board) jump(a keys.Action) Effect {
	n := max(b.focusIndex(), 0)
	from := b.layout.all[n].at
	to := n
	switch a {
	case keys.Top:
		to = 0
	case keys.Bottom:
		to = len(b.layout.all) - 1
	case keys.PageDown:
		for to < len(b.layout.all)-1 && b.layout.all[to].at.Y < from.Y+max(b.h-1, 1) {
			to++
		}
	case keys.PageUp:
		for to > 0 && b.layout.all[to].at.Y > from.Y-max(b.h-1, 1) {
			to--
		}
	}
	b.focus = b.name(b.layout.all[to])
	return Effect{Handled: true}
}

// sort orders the panel's rows, or its legend, by the next column; after the last
// one they are as the board has them.
func (b *board) sort(i int) Effect {
	c, l := b.panels.at(i), b.look(i)
	by := c.sortable()
	if len(by) == 0 {
		return Effect{Handled: true, Toast: "this panel has nothing to sort"}
	}
	at := slices.Index(by, l.sort) + 1
	if at >= len(by) {
		l.sort = ""
		return Effect{Handled: true, Toast: c.panel.Title + " is in its own order"}
	}
	l.sort = by[at]
	return Effect{Handled: true, Toast: c.panel.Title + " is sorted by " + l.sort}
}

// turn sorts the other way round.
func (b *board) turn(i int) Effect {
	c, l := b.panels.at(i), b.look(i)
	if l.sort == "" {
		return b.sort(i)
	}
	l.up = !l.up
	way := "the largest first"
	if l.up {
		way = "the smallest first"
	}
	return Effect{Handled: true, Toast: c.panel.Title + ": " + way}
}

// What askPreset's answers begin with.
const (
	presetAnswer = "preset "
	boardAnswer  = "board "
)

// askPreset asks for a preset of the board, or another board.
func (b *board) askPreset(s *Screen) Effect {
	var choices []Choice
	if snap := s.World.Board; snap != nil && snap.Board != nil {
		for _, p := range snap.Board.Presets {
			choices = append(choices, Choice{Value: presetAnswer + p.Name, Text: "preset  " + p.Name})
		}
		if len(choices) > 0 {
			choices = append(choices, Choice{Value: presetAnswer, Text: "all panels"})
		}
	}
	for _, name := range s.World.Boards {
		choices = append(choices, Choice{Value: boardAnswer + name, Text: "board   " + name})
	}
	if len(choices) == 0 {
		return Effect{Handled: true, Toast: "there is no other board, and this one has no presets (presets: in its file)"}
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Board", Choices: choices,
		Then: func(answer string) Effect { return b.choose(answer, s) },
	}}
}

// choose shows a preset or a board, by the words of askPreset.
func (b *board) choose(answer string, s *Screen) Effect {
	if name, ok := strings.CutPrefix(answer, boardAnswer); ok {
		if !slices.Contains(s.World.Boards, name) {
			return Effect{Handled: true, Toast: "there is no board " + name + " (boards: in sitrep.yaml)"}
		}
		b.window.span, b.window.end, b.crosshair = 0, time.Time{}, time.Time{}
		*b.window.asked = Window{Columns: b.window.asked.Columns} // the range is the other board's own
		return Effect{Handled: true, Orders: []Order{ShowBoard{Name: name}}}
	}
	name, _ := strings.CutPrefix(answer, presetAnswer)
	preset := query.Preset{}
	if snap := s.World.Board; name != "" {
		at := -1
		if snap != nil && snap.Board != nil {
			at = slices.IndexFunc(snap.Board.Presets, func(p query.Preset) bool { return p.Name == name })
		}
		if at < 0 {
			return Effect{Handled: true, Toast: "this board has no preset " + name}
		}
		preset = snap.Board.Presets[at]
	}
	b.preset, b.alone, b.top = preset.Name, false, 0
	e := b.asking(s)
	if len(preset.Values) > 0 {
		e.Orders = append(e.Orders, SetValues{Values: preset.Values})
	}
	if d := preset.Range.D(); d > 0 {
		e.Orders = append(e.Orders, b.window.show(d, time.Time{}, s).Orders...)
		e.Toast = "preset " + name + ", the last " + strictyaml.FormatDuration(d)
	}
	return e
}

// inPreset reports whether a panel belongs to the chosen preset.
func (b *board) inPreset(title string, s *Screen) bool {
	if b.preset == "" {
		return true
	}
	for _, p := range s.World.Board.Board.Presets {
		if p.Name == b.preset {
			return len(p.Panels) == 0 || slices.Contains(p.Panels, title)
		}
	}
	return true
}
