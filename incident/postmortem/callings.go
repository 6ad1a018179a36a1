package postmortem

import (
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

type person = incident.Person

// Callings are what the people of an incident are called where names do not belong:
// by their role, else by a number in the order in which they came. Others are
// people who may be named though they did nothing here; what is not a person's
// name (an engine, root) is left alone.
func Callings(inc incident.Incident, events []incident.Event, others ...string) []Calling {
	c := caller{known: map[string]bool{}}
	for _, role := range incident.Roles() {
		c.role(inc.Roles[role], role)
	}
	c.as("responder", string(inc.Clocks.AckBy))
	for _, e := range events {
		if e.Kind == incident.ChangeRecorded && e.Via == "" {
			continue // of a pipeline
		}
		c.as("responder", string(e.Actor))
		if _, user, chat := strings.Cut(e.Via, ":"); chat { // slack:U123
			c.as("responder", user)
		} else {
			c.as("responder", strings.TrimPrefix(e.Via, imports))
		}
		var asked incident.Escalation
		if e.Kind == incident.EscalationEntered && e.Payload(&asked) == nil {
			for _, who := range asked.Who {
				c.as("responder", string(who))
			}
		}
		var given incident.Assignment
		if e.Kind == incident.Assigned && e.Payload(&given) == nil {
			c.as("responder", string(given.Person))
		}
	}
	for _, it := range inc.Items {
		c.as("person", string(it.Owner))
	}
	c.as("person", string(inc.Review.Owner))
	for _, r := range inc.Review.Comments {
		c.as("person", string(r.By))
	}
	for _, name := range others {
		c.as("person", name)
	}
	return c.all
}

type caller struct {
	all   []Calling
	known map[string]bool
	count map[string]int
}

// noName says whether a word that acts is no person's name. "root" would take
// the root out of root causes.
func noName(name string) bool {
	switch name {
	case "", string(incident.Sitrep), "pagerduty", "slack", "alertmanager", "prometheus", "pipeline", "ci", "root", "admin", "nobody", "daemon":
		return true
	}
	return false
}

func (c *caller) add(name, as string) bool {
	key := strings.ToLower(strings.TrimSpace(name))
	if noName(key) || c.known[key] {
		return false
	}
	c.known[key] = true
	c.all = append(c.all, Calling{name, as})
	return true
}

func (c *caller) role(who incident.Person, role incident.Role) {
	as := map[incident.Role]string{
		incident.Commander: "the incident commander", incident.Responder: "the responder", incident.Scribe: "the scribe",
		incident.Communications: "whoever had communications", incident.Operations: "whoever had operations",
	}[role]
	c.add(string(who), as)
}

// as calls somebody who has no role by a number. The first responder without one is
// the second, if somebody has that role.
func (c *caller) as(kind, name string) {
	if c.count == nil {
		c.count = map[string]int{"responder": 1}
	}
	if c.add(name, fmt.Sprintf("%s %d", kind, c.count[kind]+1)) {
		c.count[kind]++
	}
}
