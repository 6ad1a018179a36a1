package pane

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// onCall is the view of who answers for each level now, and of PagerDuty's inbox.
// The inbox has the keys, and what they do is about the incident that was chosen
// there: one that is gone keeps its row until the cursor leaves it, so that no key
// acts on what has taken its place.
type onCall struct {
	panes  panes
	filter filter
	kept   InboxItem // the chosen one as it was last seen
	place  int       // its row then
	w, h   int
}

// Scope implements View.
func (v *onCall) Scope() keys.Scope { return keys.OnCall }

// Draw implements View.
func (v *onCall) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	v.panes.draw(f, v.columns(s))
	v.keep(s)
}

// Resize implements View.
func (v *onCall) Resize(width, height int, _ *Screen) Effect {
	v.w, v.h = width, height
	return Effect{Handled: true}
}

// Press implements View.
func (v *onCall) Press(a keys.Action, s *Screen) Effect {
	if a == keys.MergeThere {
		return Effect{Handled: true, Toast: "without pagerduty.api_token there is no inbox"}
	}
	if a == keys.Yank {
		return v.yank(s)
	}
	e := v.panes.press(a, s, v.columns(s))
	v.keep(s)
	return e
}

// yank copies the inbox's chosen incident, or all telephone numbers.
func (v *onCall) yank(s *Screen) Effect {
	if it, ok := v.Chosen(s); ok && v.panes.focus != "people" {
		return Effect{Handled: true, Copy: strings.TrimSpace(it.ID + " " + it.Title + " " + it.URL)}
	}
	var lines []string
	for _, c := range contactsOf(s) {
		lines = append(lines, strings.TrimSpace(string(c.Level)+" "+c.Label()+" "+strings.Join(c.Phones, ", ")))
	}
	if len(lines) == 0 {
		return Effect{}
	}
	return Effect{Handled: true, Copy: strings.Join(lines, "\n")}
}

// Chooser is a view of PagerDuty's inbox: it says which incident there was chosen.
type Chooser interface {
	// Chosen is the incident under the cursor, as it is now; false if it is not open
	// any more, or none is.
	Chosen(s *Screen) (InboxItem, bool)
}

// Chosen implements Chooser.
func (v *onCall) Chosen(s *Screen) (InboxItem, bool) {
	if s.World.OnCall == nil || v.kept.ID == "" {
		return InboxItem{}, false
	}
	return s.World.OnCall.Item(v.kept.ID)
}

// Item is an incident of the inbox, by its ID.
func (o *OnCall) Item(id string) (InboxItem, bool) {
	if o == nil {
		return InboxItem{}, false
	}
	i := slices.IndexFunc(o.Inbox.Items, func(it InboxItem) bool { return it.ID == id })
	if i < 0 {
		return InboxItem{}, false
	}
	return o.Inbox.Items[i], true
}

// keep remembers what the cursor stands on.
func (v *onCall) keep(s *Screen) {
	list := v.items(s)
	l := v.panes.list("inbox")
	i := slices.IndexFunc(list, func(it InboxItem) bool { return it.ID == l.chosen })
	if i < 0 {
		return
	}
	v.kept, v.place = list[i], i
}

// items are the rows of the inbox: what is open and passes the filter, and the chosen
// one though it be gone.
func (v *onCall) items(s *Screen) []InboxItem {
	if s.World.OnCall == nil {
		return nil
	}
	var list []InboxItem
	for _, it := range s.World.OnCall.Inbox.Items {
		if v.filter.text(inboxText(it)) {
			list = append(list, it)
		}
	}
	if v.kept.ID == "" || v.panes.list("inbox").chosen != v.kept.ID {
		return list
	}
	if _, still := s.World.OnCall.Item(v.kept.ID); !still {
		list = slices.Insert(list, min(v.place, len(list)), v.kept)
	}
	return list
}

// inboxText is what a filter looks for.
func inboxText(it InboxItem) string {
	return strings.Join([]string{it.ID, it.Title, it.Service, string(it.Ours), strings.Join(it.Assigned, " "), strings.Join(it.AckedBy, " ")}, " ")
}

func (v *onCall) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	if v.panes.focus == "" {
		v.panes.focus = "inbox"
	}
	people, inbox := v.people(s), v.inbox(s)
	all := frame.Rect{W: v.w, H: v.h}
	if v.w < threeColumns {
		return []column{{all, []section{people, inbox}}}
	}
	halves := all.Columns(1, 2, 3)
	people.grow = true
	return []column{{halves[0], []section{people}}, {halves[1], []section{inbox}}}
}

// inbox is the list of what is open in PagerDuty.
func (v *onCall) inbox(s *Screen) section {
	list := v.items(s)
	title, note := inboxHeading(s, list)
	if v.filter.wrong.Width() > 0 {
		note = piece{v.filter.wrong, theme.Warn}
	}
	cols := inboxColumns(list, s)
	return section{
		name: "inbox", title: title, note: note, dear: 8, least: 3, want: max(len(list), 3), grow: true,
		rows: &rows{
			n: len(list), id: func(i int) string { return list[i].ID },
			draw: func(f *frame.Frame, i int) { drawInboxItem(f, list[i], cols, s) },
			open: func(i int, s *Screen) Effect {
				if _, still := s.World.OnCall.Item(list[i].ID); !still {
					return Effect{Handled: true, Toast: list[i].ID + " is not open any more"}
				}
				return Effect{Handled: true, Orders: []Order{LookInto{ID: list[i].ID}}}
			},
			none: v.filter.without(emptyInbox(s)),
		},
	}
}

func inboxHeading(s *Screen, list []InboxItem) (safe.Text, piece) {
	if s.World.OnCall == nil || s.World.OnCall.Inbox.Off {
		return safe.Const("PagerDuty's inbox"), piece{}
	}
	in := s.World.OnCall.Inbox
	waiting := 0
	for _, it := range in.Items {
		if !it.Acked {
			waiting++
		}
	}
	title := safe.Sprintf("PagerDuty's inbox  %d open", len(list))
	if waiting > 0 {
		title = safe.Sprintf("%s, %d that nobody has", title, waiting)
	}
	if in.More {
		title = safe.Sprintf("%s; there are more", title)
	}
	switch {
	case in.Err != "" && !in.At.IsZero():
		return title, piece{safe.Sprintf("PagerDuty does not answer: as of %s ago", Ago(s.Now.Sub(in.At))), theme.Warn}
	case in.Err != "":
		return safe.Const("PagerDuty's inbox"), piece{safe.Const("PagerDuty does not answer"), theme.Warn}
	case in.At.IsZero():
		return safe.Const("PagerDuty's inbox"), piece{safe.Const("asking"), theme.Dim}
	}
	return title, piece{safe.Sprintf("asked %s ago", Ago(s.Now.Sub(in.At))), theme.Dim}
}

// emptyInbox says why there are no rows.
func emptyInbox(s *Screen) safe.Text {
	on := s.World.OnCall
	switch {
	case on == nil:
		return safe.Const("nobody has looked yet")
	case on.Inbox.Off:
		return safe.Const("set pagerduty.api_token in sitrep.yaml to see it (docs/pagerduty.md)")
	case on.Inbox.Err != "":
		return safe.New(on.Inbox.Err, safe.Line)
	case on.Inbox.At.IsZero():
		return safe.Const("asking PagerDuty")
	}
	return safe.Const("nothing is open in the account")
}
