package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// pickRole shows who has which role, and since when.
func (m *model) pickRole(inc incident.Incident) tea.Cmd {
	var rows []dialog.Choice
	first := ""
	for _, role := range incident.Roles() {
		holder := inc.Roles[role]
		row := dialog.Choice{Value: string(role), Note: safe.New(duty(role), safe.Line)}
		switch since := m.heldSince(inc, role); {
		case holder == "":
			row.Text = safe.Sprintf("%-15s nobody", role)
			if role != incident.Responder { // the acknowledgement gives that one
				first = cmp.Or(first, string(role))
			}
		case since.IsZero():
			row.Text = safe.Sprintf("%-15s %s", role, holder)
		default:
			row.Text = safe.Sprintf("%-15s %s, for %s", role, holder, pane.Ago(m.now.Sub(since)))
		}
		rows = append(rows, row)
	}
	id := inc.ID
	m.ask(dialog.NewPicker(safe.Sprintf("Roles in %s%s", drillWord(inc), id), safe.Const("whom to give it to is asked next"), m.keys, rows, first), "", func(role string) tea.Cmd {
		inc, ok := find(m.world, id)
		if !ok {
			return nil
		}
		m.pickPerson(inc, incident.Role(role))
		return nil
	})
	return nil
}

// duty is what a role is for, as the Incident Command System has it.
func duty(r incident.Role) string {
	switch r {
	case incident.Commander:
		return "leads: decides, hands out the work, does none of it"
	case incident.Responder:
		return "has it: whoever acknowledged first, until it is handed over"
	case incident.Scribe:
		return "writes down what happens and what is decided"
	case incident.Communications:
		return "tells people outside: the updates are theirs"
	case incident.Operations:
		return "changes the system, and is the only one who does"
	}
	return ""
}

// heldSince is when a role was given to who has it; zero if that is not known.
func (m *model) heldSince(inc incident.Incident, role incident.Role) time.Time {
	for _, e := range slices.Backward(m.world.Events[inc.ID]) {
		var a incident.Assignment
		if e.Kind == incident.Assigned && e.Payload(&a) == nil && a.Role == role {
			return e.At
		}
	}
	if role == incident.Responder {
		return inc.Clocks.FirstAck
	}
	return time.Time{}
}

// somebodyElse is the row that asks for a name.
const somebodyElse = "\x00somebody else"

// pickPerson offers who may be meant: oneself, who is here, who acted on the
// incident, who is called for it, and whom the configuration names.
func (m *model) pickPerson(inc incident.Incident, role incident.Role) {
	holder := inc.Roles[role]
	rows := make([]dialog.Choice, 0, 12)
	for _, c := range m.candidates(inc) {
		if c.who != holder {
			rows = append(rows, dialog.Choice{Value: string(c.who), Text: safe.Sprintf("%-20s %s", c.who, c.why)})
		}
	}
	rows = append(rows, dialog.Choice{Value: somebodyElse, Text: safe.Const("somebody else: asks for the name")})
	help := safe.Sprintf("nobody is %s yet", role)
	if holder != "" {
		help = safe.Sprintf("%s is %s now and hands it over", holder, role)
	}
	id := inc.ID
	m.ask(dialog.NewPicker(safe.Sprintf("Who is %s of %s?", role, id), help, m.keys, rows, ""), "", func(who string) tea.Cmd {
		if who != somebodyElse {
			return m.request(pane.Assign{ID: id, Role: role, Person: incident.Person(who)})
		}
		m.ask(dialog.NewPrompt(safe.Sprintf("Who is %s of %s?", role, id), safe.Const("the name; you are asked again before anybody is told"), "", m.answers["person"]), "person", func(name string) tea.Cmd {
			if name = strings.TrimSpace(name); name == "" {
				return nil
			}
			return m.request(pane.Assign{ID: id, Role: role, Person: incident.Person(name)})
		})
		return nil
	})
}

// candidate is somebody who may be meant, and why.
type candidate struct {
	who incident.Person
	why string
}

// mostCandidates are as many as have a letter and are read at a glance.
const mostCandidates = 16

func (m *model) candidates(inc incident.Incident) []candidate {
	var out []candidate
	add := func(who incident.Person, why string) {
		if who == "" || who == incident.Sitrep || len(out) >= mostCandidates || slices.ContainsFunc(out, func(c candidate) bool { return c.who == who }) {
			return
		}
		out = append(out, candidate{who, why})
	}
	add(m.o.Actor, "you")
	for _, p := range m.world.Present {
		why := "is here"
		if p.Incident == inc.ID {
			why = "is here, on this incident"
		}
		add(p.Name, why)
	}
	for _, e := range slices.Backward(m.world.Events[inc.ID]) {
		if e.Source == "cli" || e.Source == "tui" || e.Kind == incident.Acknowledged {
			add(e.Actor, fmt.Sprintf("acted %s ago", pane.Ago(m.now.Sub(e.At))))
		}
	}
	for _, role := range incident.Roles() {
		add(inc.Roles[role], "is "+string(role))
	}
	for _, who := range m.world.People {
		add(who, "")
	}
	return out
}

// roles says who leads and who does what: the header has room for all of it, or
// for who leads. That nobody leads a bad incident is said before anything.
func (m *model) roles(inc incident.Incident) []piece {
	if inc.Status.Over() {
		return nil
	}
	ic := inc.Roles[incident.Commander]
	if ic == "" && inc.Severity.Rank() <= 2 {
		key := m.keyFor(keys.Assign)
		full := safe.Sprintf("no commander: %s names one", key)
		if rest, held := duties(inc); held {
			full = safe.Concat(full, rest)
		}
		return []piece{say(7, theme.Warn, full, safe.Sprintf("no commander: %s", key), safe.Sprintf("no IC: %s", key))}
	}
	rest, held := duties(inc)
	if ic == "" && !held {
		return nil
	}
	name := safe.Const("–")
	if ic != "" {
		name = safe.New(string(ic), 24)
	}
	return []piece{say(6, theme.Plain, safe.Sprintf("IC %s%s", name, rest), safe.Sprintf("IC %s", name), safe.Sprintf("IC %s", name.Fit(8)))}
}

// duties are the roles besides the commander's, and whether anybody has one of
// them. The responder stands in the line above.
func duties(inc incident.Incident) (out safe.Text, held bool) {
	for _, r := range []struct {
		role incident.Role
		word safe.Text
	}{{incident.Scribe, safe.Const("scribe")}, {incident.Communications, safe.Const("comms")}, {incident.Operations, safe.Const("ops")}} {
		name := safe.Const("–")
		if who := inc.Roles[r.role]; who != "" {
			name, held = safe.New(string(who), 16), true
		}
		out = safe.Concat(out, safe.Const(" · "), r.word, safe.Const(" "), name)
	}
	return out, held
}
