package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// drillWord stands before whatever is practice, wherever it could be taken for
// real; it ends with a space.
func drillWord(inc incident.Incident) safe.Text {
	if inc.Drill {
		return safe.Const("DRILL ")
	}
	return safe.Text{}
}

// askDid asks what was done about it.
func (m *model) askDid(id incident.ID) tea.Cmd {
	help := safe.Const("in a line; whether it eased it is asked next, and the thread is told")
	m.ask(dialog.NewPrompt(safe.Sprintf("What was done about %s?", id), help, "", m.answers["did"]), "did", func(text string) tea.Cmd {
		if text = strings.TrimSpace(text); text == "" {
			return nil
		}
		m.askTerm(id, text)
		return nil
	})
	return nil
}

// askTerm asks for how long an action helps, by the post-mortem's terms.
func (m *model) askTerm(id incident.ID, text string) {
	rows := []dialog.Choice{
		{Value: "eased", Text: safe.Const("immediate, and users no longer suffer: the clock of the mitigation stops")},
		{Value: string(incident.Immediate), Text: safe.Const("immediate")},
		{Value: string(incident.ShortTerm), Text: safe.Const("short-term: for the next days")},
		{Value: string(incident.LongTerm), Text: safe.Const("long-term: for good")},
	}
	m.ask(dialog.NewPicker(safe.Sprintf("%s: how long does it help?", safe.New(text, 40)), safe.Text{}, m.keys, rows, string(incident.Immediate)), "", func(term string) tea.Cmd {
		a := incident.Action{Term: incident.Term(term), Text: text}
		if term == "eased" {
			a.Term, a.Mitigates = incident.Immediate, true
		}
		return m.request(pane.Did{ID: id, Action: a})
	})
}

// didOf reads what the palette was given: the flags of the command, in front of
// the text or behind it.
func didOf(words string) (incident.Action, error) {
	a := incident.Action{Term: incident.Immediate}
	list := strings.Fields(words)
	var text []string
	for i := 0; i < len(list); i++ {
		name, value, given := strings.Cut(list[i], "=")
		switch name {
		case "--mitigates":
			a.Mitigates = true
		case "--term":
			if !given && i+1 < len(list) {
				i++
				value = list[i]
			}
			var err error
			if a.Term, err = incident.ParseTerm(value); err != nil {
				return a, err
			}
		default:
			text = append(text, list[i])
		}
	}
	a.Text = strings.Join(text, " ")
	return a, nil
}

func (m *model) runMerge(words string) tea.Cmd {
	into, err := incident.ParseID(words)
	if err != nil {
		m.complain("merge: %v", err)
		return nil
	}
	return m.withIncident("merge", func(id incident.ID) tea.Cmd { return m.request(pane.Merge{ID: id, Into: into}) })
}

func (m *model) runClose(string) tea.Cmd {
	return m.withIncident("close", func(id incident.ID) tea.Cmd { return m.request(pane.Close{ID: id}) })
}

// runDrill declares practice: service and severity are asked, as for a real one,
// and what is really open is named.
func (m *model) runDrill(title string) tea.Cmd {
	o := pane.Declare{Title: strings.TrimSpace(title), Severity: incident.Sev2, Drill: true}
	if o.Title != "" {
		m.askService(o)
		return nil
	}
	m.ask(dialog.NewPrompt(safe.Const("Declare a DRILL"), m.drillHelp("what is practised; you are asked for the service next, then how bad it is"), "", m.answers["title"]), "title", func(title string) tea.Cmd {
		if o.Title = strings.TrimSpace(title); o.Title == "" {
			m.inform("not declared: a title is needed")
			return nil
		}
		m.askService(o)
		return nil
	})
	return nil
}

// drillHelp is help, with what is really open: practice is no time for it then.
func (m *model) drillHelp(help string) safe.Text {
	if inc, ok := m.reallyOpen(); ok {
		return safe.Sprintf("%s. %s %s is REALLY open: %s", help, inc.Severity, inc.ID, inc.Title)
	}
	return safe.New(help, safe.Line)
}

// drillKey is how one goes to the next incident, by key.
func (m *model) drillKey() string { return m.keyFor(keys.NextInc) + " goes there" }

// reallyOpen is the worst open incident that is no practice.
func (m *model) reallyOpen() (incident.Incident, bool) {
	for _, inc := range open(m.world) {
		if !inc.Drill {
			return inc, true
		}
	}
	return incident.Incident{}, false
}

func (m *model) runItem(text string) tea.Cmd {
	return m.withIncident("add an action item to", func(id incident.ID) tea.Cmd { return m.askItem(id, text) })
}

// askItem asks what is to be done, by whom and until when. It stays here: Enter
// after the last field writes it down.
func (m *model) askItem(id incident.ID, text string) tea.Cmd {
	typed := m.items[id]
	if len(typed) < 3 {
		typed = make([]string, 3)
	}
	if text != "" {
		typed = []string{text, typed[1], typed[2]}
	}
	form := dialog.NewForm(safe.Sprintf("Action item of %s", id), nil,
		dialog.Field{Label: safe.Const("What"), Hint: safe.Const("is to be done afterwards; one can tell when it is"), Initial: typed[0], Needed: true},
		dialog.Field{Label: safe.Const("Owner"), Hint: safe.Const("who does it"), Initial: typed[1]},
		dialog.Field{Label: safe.Const("Due"), Hint: safe.Const("2026-12-24, or 2w from today; empty is none"), Initial: typed[2]},
	)
	m.ask(form, "", func(string) tea.Cmd {
		v := form.Values()
		due, err := incident.ParseDue(v[2], m.now)
		if err != nil {
			m.complain("%v", err)
			return m.askItem(id, "")
		}
		return m.do(pane.AddItem{ID: id, Text: strings.TrimSpace(v[0]), Owner: incident.Person(strings.TrimSpace(v[1])), Due: due})
	})
	keep := func(string) { m.items[id] = form.Values() }
	m.asked.live, m.asked.gaveUp = keep, func() { keep("") }
	return nil
}
