package pane

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// timeline is the view of everything that happened, in the order in which it
// happened.
type timeline struct {
	story  story
	filter filter
	list   list
	only   string // the family of kinds that is shown; "" = all, with the steps of pages folded
	stay   bool   // the person reads; else the view follows the newest event

	shown  []*incident.Event // those that pass, of
	source []*incident.Event // these, by
	by     [2]string         // filter and family
}

// Scope implements View.
func (t *timeline) Scope() keys.Scope { return keys.Timeline }

// Draw implements View.
func (t *timeline) Draw(f *frame.Frame, s *Screen) {
	events := t.events(s)
	r := t.rows(events, s)
	if !t.stay {
		t.list.press(keys.Bottom, r)
	}
	heading(f, theme.Title, t.title(s, len(events)), t.note())
	r.draw = func(f *frame.Frame, i int) { t.drawRow(f, events[i], s) }
	t.list.draw(f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1}), r, true)
}

// drawRow writes an event after how far it was from the start of the incident,
// or after the incident that it belongs to.
func (t *timeline) drawRow(f *frame.Frame, e *incident.Event, s *Screen) {
	label, width := string(e.Incident), 8
	if inc, one := selected(s); one {
		label, width = offset(e.At, start(inc)), 7
	}
	people := 0
	if f.Width() >= 90 {
		people = 10
	}
	if f.Width() < 60 {
		width = 0
	}
	if drill(s, e.Incident) && s.Incident == "" {
		label += " DRILL"
		width += 6
	}
	drawEvent(f, e, s, safe.New(label, width), width, people)
}

func (t *timeline) rows(events []*incident.Event, s *Screen) rows {
	return rows{
		n: len(events), id: func(i int) string { return eventID(events[i]) },
		none: safe.Sprintf("nothing here; %s clears the filter, %s chooses the kinds", s.Keys.Label(keys.Cancel), s.Keys.Label(keys.Kinds)),
	}
}

// events are those that pass, worked out again when there are others.
func (t *timeline) events(s *Screen) []*incident.Event {
	t.filter.read(s.Filter)
	all := t.story.of(s)
	by := [2]string{s.Filter, t.only}
	if by == t.by && len(all) == len(t.source) && (len(all) == 0 || &all[0] == &t.source[0]) {
		return t.shown
	}
	t.source, t.by = all, by
	t.shown = t.filter.events(nil, all, s)
	switch {
	case t.only == "" && t.filter.empty():
		t.shown = folded(all)
	case t.only != "" && t.only != everything:
		t.shown = slices.DeleteFunc(slices.Clone(t.shown), func(e *incident.Event) bool { return !t.chosen(e) })
	}
	return t.shown
}

// Two families beside those of the kinds: what people did and said themselves,
// and every event there is.
const (
	byPeople   = "people"
	everything = "everything"
)

// chosen says whether an event is of the chosen family.
func (t *timeline) chosen(e *incident.Event) bool {
	if t.only == byPeople {
		return e.Actor != "" && e.Actor != incident.Sitrep
	}
	return family(e.Kind) == t.only
}

func (t *timeline) title(s *Screen, shown int) safe.Text {
	what := "timeline"
	if inc, ok := selected(s); ok {
		what += " of " + string(inc.ID)
	}
	count := plural(len(t.source), "event")
	if shown != len(t.source) {
		count = fmt.Sprintf("%d of %s", shown, count)
	}
	switch {
	case t.only != "":
		count += "  #" + t.only
	case t.filter.empty() && shown != len(t.source):
		count += fmt.Sprintf(", steps folded (%s)", s.Keys.Label(keys.Kinds))
	}
	return safe.Sprintf("%s  %s", what, count)
}

func (t *timeline) note() piece {
	switch {
	case t.filter.wrong.Width() > 0:
		return piece{t.filter.wrong, theme.Warn}
	case t.stay:
		return piece{safe.Const("stays here"), theme.Dim}
	}
	return piece{safe.Const("follows"), theme.Dim}
}

// Press implements View.
func (t *timeline) Press(a keys.Action, s *Screen) Effect {
	events := t.events(s)
	r := t.rows(events, s)
	switch a {
	case keys.Follow:
		t.stay = !t.stay
		if t.stay {
			return Effect{Handled: true, Toast: "stays where it is; " + s.Keys.Label(keys.Follow) + " follows again"}
		}
		return Effect{Handled: true}
	case keys.Kinds:
		return t.askKinds(s)
	}
	if t.list.press(a, r) {
		t.stay = t.list.at < r.n-1
		return Effect{Handled: true}
	}
	t.list.settle(r)
	if a == keys.Cancel && t.only != "" {
		t.only = ""
		return Effect{Handled: true}
	}
	if r.n == 0 {
		return Effect{}
	}
	e := events[t.list.at]
	switch a {
	case keys.Detail:
		return openEvent(e, s)
	case keys.KeyMoment:
		return keyMoment(e, s)
	case keys.Correct:
		return askCorrection(e, s)
	case keys.Yank:
		return Effect{Handled: true, Copy: fmt.Sprintf("%s %s %s: %s", e.At.UTC().Format("2006-01-02 15:04:05Z"), e.Kind, e.Who(), e.Text)}
	}
	return Effect{}
}

// askKinds asks which family of kinds to show.
func (t *timeline) askKinds(s *Screen) Effect {
	counts, human := map[string]int{}, 0
	for _, e := range t.story.of(s) {
		counts[family(e.Kind)]++
		if e.Actor != "" && e.Actor != incident.Sitrep {
			human++
		}
	}
	var families []string
	for k := range counts {
		families = append(families, k)
	}
	slices.SortFunc(families, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	choices := []Choice{
		{Value: "", Text: fmt.Sprintf("%5d  what happened", len(folded(t.story.of(s))))},
		{Value: everything, Text: fmt.Sprintf("%5d  everything, every step of every page", len(t.story.of(s)))},
		{Value: byPeople, Text: fmt.Sprintf("%5d  what people did and said", human)},
	}
	for _, k := range families {
		choices = append(choices, Choice{Value: k, Text: fmt.Sprintf("%5d  %s", counts[k], k)})
	}
	return Effect{Handled: true, Ask: &Ask{
		Title: "Kinds", Choices: choices, Initial: t.only,
		Then: func(answer string) Effect {
			t.only = answer
			return Effect{Handled: true}
		},
	}}
}

// keyMoment notes beside an event why it mattered: the post-mortem tells it
// with the words of a person.
func keyMoment(e *incident.Event, s *Screen) Effect {
	id := e.Incident
	if id == "" {
		id = s.Incident
	}
	if id == "" {
		return Effect{Handled: true, Toast: "no incident to note it on: select one first"}
	}
	at, now := e.At, s.Now
	return Effect{Handled: true, Ask: &Ask{
		Title: "Key moment at " + at.In(s.Zone).Format("15:04:05"), Initial: e.Text,
		Help: "why it mattered, in a line; it stands in the post-mortem's timeline",
		Then: func(answer string) Effect {
			if answer == "" {
				return Effect{Handled: true}
			}
			return noteAt(id, at, "key moment: "+answer, now)
		},
	}}
}

// askCorrection asks for the right words, beginning with those that stand there.
func askCorrection(e *incident.Event, s *Screen) Effect {
	switch e.Kind {
	case incident.NoteAdded, incident.ActionTaken, incident.StatusChanged:
	default:
		return Effect{Handled: true, Toast: fmt.Sprintf("%s cannot be corrected: only notes, actions and the details of a status can; %s notes what is to be said about it", word(e), s.Keys.Label(keys.AddNote))}
	}
	if e.Incident == "" || e.ID == "" {
		return Effect{Handled: true, Toast: "what belongs to no incident cannot be corrected"}
	}
	words := e.Text
	if e.Kind == incident.StatusChanged {
		if _, details, ok := strings.Cut(words, ": "); ok {
			words = details
		} else {
			words = ""
		}
	}
	id, event := e.Incident, e.ID
	return Effect{Handled: true, Ask: &Ask{
		Title: "Correct " + word(e).String() + " of " + e.At.In(s.Zone).Format("15:04:05"), Initial: words,
		Help: "the right words; the first ones are kept, and enter on the line shows them",
		Then: func(answer string) Effect {
			if answer = strings.TrimSpace(answer); answer == "" || answer == words {
				return Effect{Handled: true}
			}
			return Effect{Handled: true, Orders: []Order{Correct{ID: id, Event: event, Text: answer}}}
		},
	}}
}

// Resize implements View.
func (t *timeline) Resize(int, int, *Screen) Effect { return Effect{Handled: true} }
