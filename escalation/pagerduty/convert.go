package pagerduty

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// The levels of a ladder that is imported page through these, as far as they go.
var routes = [...]string{"primary", "lead", "manager", "executive"}

// route is the name of the routing key that a level pages through, 1 the first.
func route(level int) string {
	if level <= len(routes) {
		return routes[level-1]
	}
	return fmt.Sprintf("level%d", level)
}

// The delays that a ladder of ours can have, and PagerDuty's where none is said.
const (
	shortestDelay = time.Second
	longestDelay  = 13 * 7 * 24 * time.Hour // times the scale of SEV-3 it is a year
	usualDelay    = 30 * time.Minute
)

// YAML is the policy as a policy file of ours; what has no place there stands in it
// as comments. Person names a user of PagerDuty's as this program does, by ID; "" is
// somebody it does not know. A policy without rules is an error.
func (p EscalationPolicy) YAML(person func(id string) string) (string, error) {
	if len(p.Rules) == 0 {
		return "", fmt.Errorf("%s: the escalation policy %q has no rules", apiSink, line(p.Name, maxName))
	}
	var b, lost strings.Builder
	say := func(format string, a ...any) {
		fmt.Fprintf(&lost, "#   - %s\n", line(fmt.Sprintf(format, a...), maxSummary))
	}
	rungs := p.rungs(person, say)
	p.leftovers(say)
	fmt.Fprintf(&b, "# %s\n", line(fmt.Sprintf("Imported from PagerDuty's escalation policy %q (%s).", p.Name, p.ID), maxSummary))
	b.WriteString(`# Here the ladder is sitrep's: every level pages a PagerDuty service of its own, through the key of
# that name in pagerduty.routing_keys, and each of those services calls only whom "who" names.
`)
	if lost.Len() > 0 {
		b.WriteString("# Could not be carried over:\n" + lost.String())
	}
	last := fmt.Sprintf("L%d", len(p.Rules))
	fmt.Fprintf(&b, "severities: # what is not said here has sitrep's default\n  SEV-1: {reaches: %s}\n  SEV-2: {reaches: %s}\nladders:\n  default:\n%s", last, last, rungs)
	return b.String(), nil
}

// rungs are the lines of the ladder.
func (p EscalationPolicy) rungs(person func(id string) string, say func(string, ...any)) string {
	var b strings.Builder
	for i, r := range p.Rules {
		last := i == len(p.Rules)-1
		delay := min(max(r.Delay, shortestDelay), longestDelay)
		switch {
		case last && p.Loops <= 0: // nothing waits for it
		case r.Delay < shortestDelay:
			delay = usualDelay
			say("L%d has no delay in PagerDuty; it has %s here", i+1, strictyaml.FormatDuration(delay))
		case delay != r.Delay:
			say("L%d waits longer in PagerDuty than a ladder can; it has %s here", i+1, strictyaml.FormatDuration(delay))
		}
		clock := ", escalate_after: " + strictyaml.FormatDuration(delay)
		if last {
			if clock = ""; p.Loops > 0 {
				clock = ", repeat_every: " + strictyaml.FormatDuration(delay)
				say("after L%d PagerDuty begins again with L1, %d times, and then gives up; the ladder calls L%d again every %s until somebody answers", i+1, p.Loops, i+1, strictyaml.FormatDuration(delay))
			}
		}
		fmt.Fprintf(&b, "    - {level: L%d%s, until: acknowledged, notify: [%s], who: [%s]}\n", i+1, clock, quote("pagerduty:"+route(i+1)), strings.Join(r.who(i+1, person, say), ", "))
	}
	return b.String()
}

// who is whom a rule calls, as YAML.
func (r Rule) who(level int, person func(id string) string, say func(string, ...any)) (list []string) {
	for _, t := range r.Targets {
		name := line(t.Name, maxName)
		switch known := person(t.ID); {
		case t.Kind == "user" && known != "":
			name = known
		case t.Kind == "schedule":
			name = "schedule " + name
			say("the rotation of L%d, %q (%s), stays in PagerDuty: its service there has to call it", level, name, t.ID)
		case name == "":
			name = line(t.ID, maxName)
		}
		list = append(list, quote(name))
	}
	if r.Strategy != "" && r.Strategy != "assign_to_everyone" {
		say("L%d calls its targets by the strategy %s in PagerDuty", level, r.Strategy)
	}
	return list
}

// leftovers are what is said of the whole policy.
func (p EscalationPolicy) leftovers(say func(string, ...any)) {
	say("an acknowledgement stops every level, as in PagerDuty; sitrep's own default lets L2 and above wait for the resolution")
	if p.Loops <= 0 {
		say("PagerDuty does not repeat the policy, and neither does the last level here: repeat_every would")
	}
	if p.Description != "" {
		say("its description: %s", p.Description)
	}
	if len(p.Services) > 0 {
		say("the services that use it: %s", strings.Join(p.Services, ", "))
	}
	if len(p.Teams) > 0 {
		say("the teams that it belongs to: %s", strings.Join(p.Teams, ", "))
	}
	if p.Handoff != "" {
		say("who is told of a hand-over of on-call duty (%s)", p.Handoff)
	}
}

// quote is text as YAML, in double quotes: JSON's are YAML's too.
func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(raw)
}
