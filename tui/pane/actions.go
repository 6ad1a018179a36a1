package pane

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// sentences is the width that what runs wants: it has sentences, and lines of values.
const sentences = 80

// actions is the view of what is being done: experiments and load, pages,
// action items, and in the lab what would have been sent.
type actions struct {
	panes  panes
	filter filter
	load   loadView
	w, h   int
}

// Scope implements View.
func (v *actions) Scope() keys.Scope { return keys.Actions }

// Draw implements View.
func (v *actions) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	if v.load.open {
		v.load.draw(f, s)
		return
	}
	v.panes.draw(f, v.columns(s))
}

// Press implements View.
func (v *actions) Press(a keys.Action, s *Screen) Effect {
	if v.load.open {
		if e := v.load.press(a, s); e.Handled || e.Read != nil {
			return e
		}
	}
	columns := v.columns(s)
	if a == keys.Detail && v.onRun(s, columns) {
		v.load.open = true
		return Effect{Handled: true}
	}
	if a == keys.ChaosHistory {
		return v.past(s)
	}
	if a == keys.CloseItem {
		list := openItems(s, &v.filter)
		return askDone(list, max(min(v.panes.list("items").at, len(list)-1), 0))
	}
	return v.panes.press(a, s, columns)
}

// onRun says that the chosen row is of a load run that has charts.
func (v *actions) onRun(s *Screen, columns []column) bool {
	focus, ok := v.panes.focused(listsOf(columns))
	if !ok || focus.name != "load" || s.World.Load.Course == nil || focus.rows.n == 0 {
		return false
	}
	l := v.panes.list("load")
	l.settle(*focus.rows)
	id := focus.rows.id(l.at)
	return strings.HasPrefix(id, "live") || strings.HasPrefix(id, "result")
}

// past asks how the runs of the chosen experiment went; where none is chosen, of the one
// that ran last.
func (v *actions) past(s *Screen) Effect {
	name := lastExperiment(&s.World.Chaos)
	if focus, ok := v.panes.focused(listsOf(v.columns(s))); ok && focus.name == "chaos" {
		if list, _ := chaosRows(s, &v.filter); len(list) > 0 {
			name = list[max(min(v.panes.list("chaos").at, len(list)-1), 0)].of
		}
	}
	return Effect{Handled: true, Past: &name}
}

// Resize implements View.
func (v *actions) Resize(width, height int, _ *Screen) Effect {
	v.w, v.h = width, height
	return Effect{Handled: true}
}

func (v *actions) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	chaos, load := chaosSection(s, &v.filter), loadSection(s, &v.filter)
	pages, items := pageSection(s, &v.filter), itemSection(s, &v.filter)
	if v.filter.wrong.Width() > 0 {
		chaos.note = piece{v.filter.wrong, theme.Warn}
	}
	pages.dear, pages.least, pages.want, pages.grow = 8, 3, max(pages.rows.n, 1), true
	before := beforeSection(s, &v.filter)
	days, dayGoesOn := gamedaySection(s, &v.filter)
	load.grow = len(before)+len(days) == 0 || v.w < twoColumns
	for i := range days {
		days[i].grow = len(before) == 0
	}
	does := []section{chaos, load}
	if dayGoesOn {
		does = append(days, does...)
	} else {
		does = append(does, days...)
	}
	left := append(slices.Clip(does), before...)
	right := []section{pages, items}
	if len(s.World.Ledger) > 0 {
		right = append(right, ledgerSection(s, &v.filter))
	}
	all := frame.Rect{W: v.w, H: v.h}
	_, running := chaosRows(s, &v.filter)
	if v.w < twoColumns {
		if inc, ok := selected(s); ok && !inc.Status.Over() && running == 0 && !dayGoesOn { // whether people were told comes first
			return []column{{all, v.folded(append(right, does...))}}
		}
		return []column{{all, v.folded(append(does, right...))}}
	}
	half := all.Columns(1, 1, 1)
	if (running > 0 || dayGoesOn) && half[0].W < sentences {
		half = all.Columns(1, 3, 2)
	}
	return []column{{half[0], left}, {half[1], right}}
}

// folded gives the room of a narrow view to the focused section first; the
// others keep their headings, and what rows are left.
func (v *actions) folded(sections []section) []section {
	focus, _ := v.panes.focused(sections)
	for i := range sections {
		open := sections[i].name == focus.name
		sections[i].grow = open
		if !open {
			sections[i].least = 0
			continue
		}
		sections[i].dear = 100
	}
	return sections
}
