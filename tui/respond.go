package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// actIncident is what a person does about the selected incident. The ID is
// taken when the key is pressed: whatever comes in while a dialog is open, the
// act is about what was on the screen.
func (m *model) actIncident(a keys.Action, by how) (tea.Cmd, bool) {
	switch a {
	case keys.Ack:
		return m.withOpen("acknowledge", func(inc incident.Incident) tea.Cmd { return m.acknowledge(inc, by) }), true
	case keys.UndoCountdown:
		if !m.takeBack() {
			m.inform("nothing counts down")
		}
	case keys.AddNote:
		return m.withIncident("note on", m.note), true
	case keys.EditNote:
		return m.withIncident("note on", func(id incident.ID) tea.Cmd {
			return m.edit(string(id)+"-note.md", "", func(text string) pane.Order { return pane.Note{ID: id, Text: text} })
		}), true
	case keys.Severity:
		return m.withOpen("change the severity of", m.pickSeverity), true
	case keys.Escalate:
		return m.withOpen("escalate", m.escalate), true
	case keys.Snooze:
		return m.withOpen("snooze", m.pickSnooze), true
	case keys.Resolve:
		return m.withOpen("resolve", m.resolve), true
	case keys.Declare:
		m.declare()
	case keys.Runbook:
		return m.withIncident("follow a runbook for", func(incident.ID) tea.Cmd {
			if m.place.at == runbookView { // the key that led here
				return m.actView(keys.Runbook)
			}
			return m.show(runbookView)
		}), true
	case keys.ChaosPicker:
		return m.pickChaos(), true
	case keys.LoadPicker:
		m.pickLoad()
	case keys.SendUpdate:
		return m.withIncident("send an update on", m.sendUpdate), true
	case keys.Assign:
		return m.withOpen("assign a role in", m.pickRole), true
	case keys.Did:
		return m.withIncident("record what was done about", m.askDid), true
	case keys.Draft:
		return m.withIncident("draft the post-mortem of", func(id incident.ID) tea.Cmd { return m.do(pane.MakeDraft{ID: id}) }), true
	default:
		return nil, false
	}
	return nil, true
}

// withIncident needs a selected incident.
func (m *model) withIncident(what string, then func(incident.ID) tea.Cmd) tea.Cmd {
	inc, ok := m.incident()
	if !ok {
		m.inform("no incident to %s; %s declares one", what, m.keyFor(keys.Declare))
		return nil
	}
	return then(inc.ID)
}

// withOpen needs one that is not over.
func (m *model) withOpen(what string, then func(incident.Incident) tea.Cmd) tea.Cmd {
	return m.withIncident(what, func(id incident.ID) tea.Cmd {
		inc, _ := find(m.world, id)
		if inc.Status.Over() {
			m.inform("%s is %s already: nothing to %s", id, inc.Status, strings.TrimSuffix(what, " of"))
			return nil
		}
		return then(inc)
	})
}

// acknowledge is done at once by the one who was paged: it is the safe act, and
// their key press is the proof that they woke. So does whoever is asked whether
// they are still on it. Everybody else is asked. Who comes when another one has it
// joins, which answers the call to them.
func (m *model) acknowledge(inc incident.Incident, by how) tea.Cmd {
	if inc.Acknowledged() && !inc.InDoubt() {
		switch joined := joinedAt(inc, m.o.Actor); {
		case inc.Clocks.AckBy == m.o.Actor:
			m.inform("you have %s already, since %s", inc.ID, m.wall(inc.Clocks.Acknowledged))
			return nil
		case joined.After(latestCall(inc)):
			m.inform("you joined %s at %s; %s has it, %s hands it over", inc.ID, m.wall(joined), inc.Clocks.AckBy, m.keyFor(keys.Assign))
			return nil
		}
	}
	o := pane.Acknowledge{ID: inc.ID}
	if by == byKey && (inc.Clocks.AckBy == m.o.Actor && inc.InDoubt() || m.paged(inc, m.o.Actor)) {
		return m.do(o)
	}
	return m.request(o)
}

// joinedAt is when who last joined others at an incident; zero for never.
func joinedAt(inc incident.Incident, who incident.Person) (at time.Time) {
	for _, j := range inc.Joins {
		if j.Who == who {
			at = j.At
		}
	}
	return at
}

func (m *model) note(id incident.ID) tea.Cmd {
	help := safe.Const("one line; -7m or 14:05 in front dates it back")
	m.ask(dialog.NewPrompt(safe.Sprintf("Note on %s", id), help, "", m.answers["note"]), "note", func(text string) tea.Cmd {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		return m.do(pane.Note{ID: id, Text: text})
	})
	return nil
}

// pickSeverity shows with every severity whom the change wakes.
func (m *model) pickSeverity(inc incident.Incident) tea.Cmd {
	by := incident.By{Actor: m.o.Actor, Source: "tui", At: m.now}
	var rows []dialog.Choice
	for _, sev := range incident.Severities() {
		row := dialog.Choice{Value: string(sev), Digit: digitOf(sev)}
		events, err := inc.ChangeSeverity(by, sev, "")
		if err != nil {
			row.Text = safe.Sprintf("%s  as it is", sev)
		} else {
			row.Text = safe.Sprintf("%s  %s", sev, calls(consequences(inc, m.ladders.of(inc, m.world), events, m.now)))
		}
		row.Note = safe.New(aims(m.ladders.of(inc, m.world), sev), safe.Line)
		rows = append(rows, row)
	}
	m.ask(dialog.NewPicker(safe.Sprintf("Severity of %s", inc.ID), safe.Text{}, m.keys, rows, string(inc.Severity)), "", func(to string) tea.Cmd {
		if incident.Severity(to) == inc.Severity {
			return nil
		}
		return m.request(pane.SetSeverity{ID: inc.ID, To: incident.Severity(to)})
	})
	return nil
}

// digitOf is the key that people mean by a severity: 1 for the worst.
func digitOf(sev incident.Severity) rune { return '0' + rune(sev.Rank()) }

// aims is what a severity asks of people.
func aims(rules escalation.Rules, sev incident.Severity) string {
	r := rules.Response(sev)
	return fmt.Sprintf("answer within %s, resolve within %s, climbs to %s, updates every %s", r.RespondWithin, r.ResolveWithin, r.Reaches, r.UpdateEvery)
}

// escalate asks why, because whoever is woken will; what the signals say is
// offered as an answer.
func (m *model) escalate(inc incident.Incident) tea.Cmd {
	id := inc.ID
	help := safe.Const("whoever is woken will ask why; you are asked again before it goes out")
	m.ask(dialog.NewPrompt(safe.Sprintf("Escalate %s: why?", id), help, m.inShort(), m.answers["why"]), "why", func(reason string) tea.Cmd {
		if strings.TrimSpace(reason) == "" {
			return nil
		}
		return m.request(pane.Escalate{ID: id, Reason: reason})
	})
	return nil
}

// inShort is the worst signal in words, if it is worth waking somebody for.
func (m *model) inShort() string {
	s, ok := worst(m.world.Signals)
	if !ok || s.State == query.OK {
		return ""
	}
	text := s.Name + " " + pane.Figure(s.Unit, s.Value)
	if s.Threshold != nil {
		text += " (threshold " + pane.Figure(s.Unit, *s.Threshold) + ")"
	}
	if s.Trend > 0 {
		text += ", getting worse"
	}
	return text
}

func (m *model) pickSnooze(inc incident.Incident) tea.Cmd {
	var rows []dialog.Choice
	for _, d := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour} {
		rows = append(rows, dialog.Choice{Value: d.String(), Text: safe.Sprintf("%-6s until %s", span(d), m.wall(m.now.Add(d)))})
	}
	id, help := inc.ID, safe.Sprintf("holds the ladder of %s only; alerts and other incidents go on", inc.ID)
	m.ask(dialog.NewPicker(safe.Sprintf("Snooze %s", id), help, m.keys, rows, ""), "", func(length string) tea.Cmd {
		d, err := time.ParseDuration(length)
		if err != nil {
			return nil
		}
		return m.request(pane.Snooze{ID: id, Length: d})
	})
	return nil
}

func (m *model) resolve(inc incident.Incident) tea.Cmd {
	id := inc.ID
	help := safe.Const("one line: what it was and what ended it; the post-mortem begins with it")
	m.ask(dialog.NewPrompt(safe.Sprintf("Resolve %s: what was it?", id), help, "", m.answers["cause"]), "cause", func(cause string) tea.Cmd {
		if strings.TrimSpace(cause) == "" {
			m.inform("not resolved: the cause is needed")
			return nil
		}
		return m.request(pane.Resolve{ID: id, Resolution: cause})
	})
	return nil
}

// declare asks for a title and a severity. The newest alert that fires and that
// no open incident is about fills both in.
func (m *model) declare() {
	o := pane.Declare{Severity: incident.Sev2}
	help := safe.Const("what is broken, for whom; you are asked for the service next, then how bad it is")
	if a, ok := m.undeclared(); ok {
		o.Title, o.Service, o.Alert = titleOf(a), serviceOf(a), a.Fingerprint
		if sev, _, ok := today(m.world).DeclareFor(a.Labels); ok {
			o.Severity = sev
		}
		help = safe.Sprintf("about the alert %s, which fires since %s; you are asked how bad it is next", a.Name, m.wall(a.ActiveAt))
	}
	m.ask(dialog.NewPrompt(safe.Const("Declare an incident"), help, o.Title, m.answers["title"]), "title", func(title string) tea.Cmd {
		if o.Title = strings.TrimSpace(title); o.Title == "" {
			m.inform("not declared: a title is needed")
			return nil
		}
		if o.Alert == "" {
			m.askService(o)
			return nil
		}
		m.declareAs(o)
		return nil
	})
}

// askService asks which service it is about: without an alert nobody knows, and a
// policy may call other people for it.
func (m *model) askService(o pane.Declare) {
	help := safe.Const("its name, as the policy and the alerts call it; enter alone: none")
	if o.Drill {
		help = m.drillHelp(help.String())
	}
	m.ask(dialog.NewPrompt(safe.Const("Which service?"), help, "", m.answers["service"]), "service", func(service string) tea.Cmd {
		o.Service = strings.TrimSpace(service)
		m.declareAs(o)
		return nil
	})
}

func (m *model) declareAs(o pane.Declare) {
	var rows []dialog.Choice
	for _, sev := range incident.Severities() {
		e, err := m.declaring(pane.Declare{Title: o.Title, Severity: sev, Service: o.Service, Drill: o.Drill})
		if err != nil {
			m.complain("%v", err)
			return
		}
		_, whom, _ := strings.Cut(e.brief, ": ")
		rows = append(rows, dialog.Choice{Value: string(sev), Text: safe.Sprintf("%s  %s", sev, whom), Note: safe.New(aims(today(m.world).For(incident.Incident{Service: o.Service, Drill: o.Drill}), sev), safe.Line), Digit: digitOf(sev)})
	}
	m.ask(dialog.NewPicker(safe.Sprintf("How bad is it? %s%s", drillWord(incident.Incident{Drill: o.Drill}), o.Title), safe.Text{}, m.keys, rows, string(o.Severity)), "", func(sev string) tea.Cmd {
		o.Severity = incident.Severity(sev)
		return m.request(o)
	})
}

func titleOf(a alert.Alert) string {
	if s := a.Annotations["summary"]; s != "" {
		return s
	}
	return a.Name
}

func serviceOf(a alert.Alert) string {
	if s := a.Labels["service"]; s != "" {
		return s
	}
	return a.Labels["job"]
}
