package pane

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// scorecard is the view of readiness: a card for each service with the reason for every
// mark, and the routine and the checklist with what is due, which is signed here.
type scorecard struct {
	panes  panes
	filter filter
	due    *dueSpot
	w, h   int
}

// The sections that have the keys.
const (
	servicesName  = "services"
	routineName   = "routine"
	checklistName = "checklist"
)

// Scope implements View.
func (v *scorecard) Scope() keys.Scope { return keys.Scorecard }

// Draw implements View.
func (v *scorecard) Draw(f *frame.Frame, s *Screen) {
	v.w, v.h = f.Width(), f.Height()
	v.panes.draw(f, v.columns(s))
}

// Resize implements View: it goes to the duty that was opened on the first screen.
func (v *scorecard) Resize(width, height int, s *Screen) Effect {
	v.w, v.h = width, height
	if r := s.World.Readiness; r != nil && v.due.id != "" {
		if i := slices.IndexFunc(r.Due, func(d readiness.Due) bool { return d.ID == v.due.id }); i >= 0 {
			v.panes.focus = sectionOf(r.Due[i].Duty)
			v.panes.list(v.panes.focus).chosen = v.due.id
		}
		v.due.id = ""
	}
	return Effect{Handled: true}
}

// sectionOf is the list that a duty stands in.
func sectionOf(d readiness.Duty) string {
	if d.Part.Recurs() {
		return routineName
	}
	return checklistName
}

// Press implements View.
func (v *scorecard) Press(a keys.Action, s *Screen) Effect {
	switch a {
	case keys.WhatIsDue:
		v.panes.focus = routineName
		*v.panes.list(routineName) = list{}
		return Effect{Handled: true}
	case keys.Sign:
		if d, ok := v.duty(s); ok {
			if d.Part == readiness.Planned {
				return Effect{Handled: true, Toast: dutyName(d) + " is done when it is held: " + d.Do}
			}
			return askSignature(d, nil, s)
		}
		return Effect{Handled: true, Toast: "no duty is chosen: " + s.Keys.Label(keys.WhatIsDue) + " goes to what is due"}
	case keys.Yank:
		if c, ok := v.card(s); ok && v.focus(s) == servicesName {
			return Effect{Handled: true, Copy: cardText(c)}
		}
	}
	return v.panes.press(a, s, v.columns(s))
}

// focus is the name of the list that has the keys.
func (v *scorecard) focus(s *Screen) string {
	focus, _ := v.panes.focused(listsOf(v.columns(s)))
	return focus.name
}

// duty is the one under the cursor; false while a service has it.
func (v *scorecard) duty(s *Screen) (readiness.Due, bool) {
	name := v.focus(s)
	if name != routineName && name != checklistName {
		return readiness.Due{}, false
	}
	shown := v.duties(s, name == routineName)
	if len(shown) == 0 {
		return readiness.Due{}, false
	}
	l := v.panes.list(name)
	l.settle(*dutyRows(shown, s, safe.Text{}))
	return shown[l.at], true
}

// cards are those that the filter leaves, the worst grade first.
func (v *scorecard) cards(s *Screen) (shown []readiness.Card) {
	if s.World.Readiness == nil {
		return nil
	}
	for _, c := range s.World.Readiness.Cards {
		if v.filter.text(c.Service + " " + c.Why) {
			shown = append(shown, c)
		}
	}
	slices.SortStableFunc(shown, func(a, b readiness.Card) int { return strings.Compare(string(b.Grade), string(a.Grade)) })
	return shown
}

// card is the one that was chosen last, whatever has the keys now.
func (v *scorecard) card(s *Screen) (readiness.Card, bool) {
	shown := v.cards(s)
	if len(shown) == 0 {
		return readiness.Card{}, false
	}
	l := v.panes.list(servicesName)
	l.settle(*v.services(shown, s).rows)
	return shown[l.at], true
}

// duties are those of the routine, or of the checklist, that the filter leaves: what is
// due first, the longest overdue at its head, then what is done.
func (v *scorecard) duties(s *Screen, routine bool) (shown []readiness.Due) {
	if s.World.Readiness == nil {
		return nil
	}
	all := s.World.Readiness.Due
	for _, d := range readiness.Overdue(all) {
		if d.Part.Recurs() == routine && v.filter.text(dutyWords(d)) {
			shown = append(shown, d)
		}
	}
	for _, d := range all {
		if d.Done && d.Part.Recurs() == routine && v.filter.text(dutyWords(d)) {
			shown = append(shown, d)
		}
	}
	return shown
}

func dutyWords(d readiness.Due) string {
	return strings.Join([]string{d.ID, d.Title, string(d.Part), d.By}, " ")
}

func (v *scorecard) columns(s *Screen) []column {
	v.filter.read(s.Filter)
	services := v.services(v.cards(s), s)
	routine, check := v.dutySection(s, routineName), v.dutySection(s, checklistName)
	all := frame.Rect{W: v.w, H: v.h}
	if v.w < twoColumns {
		return []column{{all, v.stacked(services, routine, check, s)}}
	}
	left, right := all.Left(v.w / 2)
	right.X, right.W = right.X+1, right.W-1
	services.want = min(services.want, max(v.h/3, 3))
	first := []section{services}
	if c, some := v.card(s); some {
		first = append(first, markSection(c, s))
	}
	check.grow = true
	return []column{{left, first}, {right, []section{routine, check}}}
}

// stacked is the sections of a single column. What has the keys gets the room.
func (v *scorecard) stacked(services, routine, check section, s *Screen) []section {
	services.want = min(services.want, 4)
	switch v.panes.focus {
	case routineName:
		routine.dear = 9
	case checklistName:
		check.dear = 9
	}
	list := []section{services, routine, check}
	if c, some := v.card(s); some && v.h >= roomy {
		marks := markSection(c, s)
		marks.dear, marks.grow = 5, false
		list = slices.Insert(list, 1, marks)
	}
	return list
}

func (v *scorecard) services(shown []readiness.Card, s *Screen) section {
	name := 7
	for _, c := range shown {
		name = max(name, safe.New(c.Service, 24).Width())
	}
	none := safe.Const("no service is known: objectives (slos), runbooks, load plans and incidents name them")
	title := safe.Sprintf("scorecard  %s", plural(len(shown), "service"))
	if s.World.Readiness == nil {
		none, title = safe.Const("being gathered"), safe.Const("scorecard")
	}
	return section{
		name: servicesName, title: title, note: s.World.Readiness.age(s.Now),
		dear: 8, least: 1, want: max(len(shown), 1),
		rows: &rows{
			n: len(shown), id: func(i int) string { return shown[i].Service },
			draw: func(f *frame.Frame, i int) { drawCard(f, shown[i], name) },
			open: func(i int, s *Screen) Effect { return readCard(shown[i], s) },
			none: v.filter.without(none),
		},
	}
}

// drawCard is one row: the grade first, as a letter and a word, then why it is no better.
func drawCard(f *frame.Frame, c readiness.Card, name int) {
	p := pen{f: f}
	style := gradeStyle(c.Grade)
	p.left(1, style, safe.New(string(c.Grade), 1))
	p.left(7, style, safe.New(c.Grade.Word(), 7))
	p.left(name, theme.Bright, safe.New(c.Service, 24))
	ok := 0
	for _, m := range c.Readiness {
		if m.State == readiness.OK {
			ok++
		}
	}
	p.right(9, theme.Dim, safe.Sprintf("%d/%d ready", ok, len(c.Readiness)))
	p.flow(theme.Plain, safe.New(c.Why, safe.Line))
}

// dutySection is the routine or the checklist.
func (v *scorecard) dutySection(s *Screen, name string) section {
	shown := v.duties(s, name == routineName)
	due := 0
	for _, d := range shown {
		if !d.Done {
			due++
		}
	}
	sec := section{name: name, dear: 7, least: 3, want: max(len(shown), 1), title: safe.New(name, 12)}
	if s.World.Readiness != nil {
		sec.title = safe.Sprintf("%s  %d due of %d", sec.title, due, len(shown))
	}
	if name == checklistName {
		sec.dear = 6
	}
	none := safe.Const("being gathered")
	sec.rows = dutyRows(shown, s, v.filter.without(none))
	return sec
}

func dutyRows(shown []readiness.Due, s *Screen, none safe.Text) *rows {
	return &rows{
		n: len(shown), id: func(i int) string { return shown[i].ID },
		draw: func(f *frame.Frame, i int) { drawDuty(f, shown[i], s) },
		open: func(i int, s *Screen) Effect { return readDuty(shown[i], s) },
		none: none,
	}
}

// From this width on a duty's title has a column; IDs and titles are ours, and no wider.
const (
	dutyTitles  = 92
	widestDuty  = 18
	widestTitle = 37
)

// drawDuty is one row: whether it is done, what, and since or until when.
func drawDuty(f *frame.Frame, d readiness.Due, s *Screen) {
	p := pen{f: f}
	word, style, said := "due", theme.Warn, theme.Plain
	if d.Done {
		word, style, said = "done", theme.OK, theme.Dim
	}
	p.left(4, style, safe.New(word, 4))
	p.left(widestDuty, theme.Plain, safe.New(dutyName(d), widestDuty))
	if f.Width() >= dutyTitles {
		p.left(widestTitle, theme.Dim, safe.New(d.Title, widestTitle))
	}
	p.flow(said, safe.New(dueText(d, s.Now), safe.Line))
	if todo := safe.New(d.Do, safe.Line); !d.Done && todo.Width() > 0 && todo.Width()+2 <= p.room() {
		p.flow(theme.Dim, safe.Sprintf("· %s", todo))
	}
}

// readDuty is all that is known of a duty.
func readDuty(d readiness.Due, s *Screen) Effect {
	var p page
	p.text(d.Title)
	p.text(" ")
	p.labelled("when", string(d.Part))
	p.labelled("stands", dueText(d, s.Now))
	if d.Why != dueText(d, s.Now) {
		p.labelled("because", d.Why)
	}
	if !d.At.IsZero() {
		p.labelled("done", d.At.In(s.Zone).Format("2006-01-02 15:04 MST"))
	}
	if !d.Until.IsZero() {
		p.labelled("due", d.Until.In(s.Zone).Format("2006-01-02 15:04 MST"))
	}
	p.labelled("signed by", d.By)
	if d.Part == readiness.Planned {
		p.labelled("to do", d.Do)
		return p.reading(d.ID)
	}
	if d.Proof != readiness.Signature {
		p.labelled("ticked by", string(d.Proof)+", or a signature")
	}
	p.labelled("to do", d.Do)
	p.labelled("sign", s.Keys.Label(keys.Sign)+" here, or sitrep routine sign "+d.ID)
	return p.reading(d.ID)
}
