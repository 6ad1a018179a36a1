package pane

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// openItem is a thing that was promised after an incident and is not done.
type openItem struct {
	inc  incident.Incident
	item incident.OpenItem
}

// itemSection lists the open action items of the incident and of those that were
// merged into it, or of all, the oldest first: what was promised longest ago
// needs a word most.
func itemSection(s *Screen, f *filter) section {
	list := openItems(s, f)
	late := 0
	for _, o := range list {
		if overdue(o, s.Now) {
			late++
		}
	}
	note := piece{}
	if late > 0 {
		note = piece{safe.Sprintf("%d overdue", late), theme.Warn}
	}
	return section{
		name: "items", title: safe.Sprintf("action items  %d open", len(list)), note: note, dear: 5, least: 1, want: max(len(list), 1),
		rows: &rows{
			n: len(list), id: func(i int) string { return string(list[i].inc.ID) + list[i].item.Item.Item },
			draw: func(f *frame.Frame, i int) { drawItem(f, list[i], s) },
			open: func(i int, s *Screen) Effect { return readItem(list[i], s) },
			none: f.without(safe.Sprintf("none; %s in view %s writes one down", s.Keys.Label(keys.AddItem), s.Keys.Label(keys.ViewActions))),
		},
	}
}

// openItems are the items that the section lists, in its order.
func openItems(s *Screen, f *filter) []openItem {
	var list []openItem
	one, _ := selected(s)
	for _, inc := range s.World.promising() {
		for _, it := range inc.Items {
			if it.Closed.IsZero() && (s.Incident == "" || inc.ID == s.Incident || slices.Contains(one.Merged, inc.ID)) && f.text(string(inc.ID)+" "+it.Text+" "+string(it.Owner)) {
				list = append(list, openItem{inc, it})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b openItem) int {
		return cmp.Or(practice(a.inc)-practice(b.inc), a.item.Added.Compare(b.item.Added))
	})
	return list
}

// overdue says whether an item is late: one that is due on a day has until its
// end, as the statistics count it.
func overdue(o openItem, now time.Time) bool { return !o.item.Due.IsZero() && !now.Before(dueEnd(o)) }

func dueEnd(o openItem) time.Time { return o.item.Due.AddDate(0, 0, 1) }

// promising are the incidents on the screen, and those of long ago that left
// something to be done.
func (w *World) promising() []incident.Incident {
	list := slices.Clone(w.Incidents)
	for _, inc := range w.Promised {
		if !slices.ContainsFunc(w.Incidents, func(shown incident.Incident) bool { return shown.ID == inc.ID }) {
			list = append(list, inc)
		}
	}
	return list
}

// askDone asks which item is done, beginning with the one that was chosen. There
// is no way back, so a key alone is not enough.
func askDone(list []openItem, chosen int) Effect {
	if len(list) == 0 {
		return Effect{Handled: true, Toast: "no action item is open"}
	}
	name := func(o openItem) string { return string(o.inc.ID) + " " + o.item.Item.Item }
	ask := &Ask{Title: "Which action item is done?", Help: "it leaves the list; the timeline says who closed it", Initial: name(list[chosen])}
	for _, o := range list {
		text := name(o) + "  " + o.item.Text
		if o.inc.Drill {
			text = name(o) + "  DRILL " + o.item.Text
		}
		ask.Choices = append(ask.Choices, Choice{Value: name(o), Text: text})
	}
	ask.Then = func(answer string) Effect {
		id, item, _ := strings.Cut(answer, " ")
		return Effect{Handled: true, Orders: []Order{CloseItem{ID: incident.ID(id), Item: item}}}
	}
	return Effect{Handled: true, Ask: ask}
}

func drawItem(f *frame.Frame, o openItem, s *Screen) {
	p := pen{f: f}
	p.right(5, theme.Dim, safe.New(Ago(s.Now.Sub(o.item.Added)), 5))
	if s.Incident != o.inc.ID {
		p.left(8, theme.Dim, safe.New(string(o.inc.ID), 8))
	}
	if o.inc.Drill {
		p.left(5, theme.Accent, safe.Const("DRILL"))
	}
	p.left(5, theme.Plain, safe.New(o.item.Item.Item, 5))
	due := piece{}
	switch {
	case overdue(o, s.Now):
		due = piece{safe.Sprintf("late %s", Ago(s.Now.Sub(dueEnd(o)))), theme.Warn}
	case !o.item.Due.IsZero():
		due = piece{safe.Sprintf("in %s", Ago(dueEnd(o).Sub(s.Now))), theme.Dim}
	}
	owner := piece{safe.New(string(o.item.Owner), 8), theme.Dim}
	if o.item.Owner == "" {
		owner = piece{safe.Const("nobody"), theme.Warn}
	}
	wide := p.room() > 35
	if !wide && o.item.Owner == "" && o.item.Due.IsZero() { // its place is free
		due = owner
	}
	p.right(9, due.style, due.text)
	p.x++
	if wide {
		p.left(8, owner.style, owner.text)
	}
	p.flow(theme.Plain, safe.New(o.item.Text, safe.Line))
}

func readItem(o openItem, s *Screen) Effect {
	var p page
	p.text(o.item.Text)
	p.text(" ")
	p.labelled("incident", string(o.inc.ID)+" "+o.inc.Title)
	p.labelled("owner", string(o.item.Owner))
	p.labelled("added", o.item.Added.In(s.Zone).Format("2006-01-02 15:04 MST")+", "+Ago(s.Now.Sub(o.item.Added))+" ago")
	if !o.item.Due.IsZero() {
		p.labelled("due", o.item.Due.In(s.Zone).Format("2006-01-02 15:04 MST"))
	}
	p.labelled("done by", s.Keys.Label(keys.CloseItem)+" in view "+s.Keys.Label(keys.ViewActions)+", or sitrep item close "+string(o.inc.ID)+" "+o.item.Item.Item)
	return p.reading(string(o.inc.ID) + " " + o.item.Item.Item)
}
