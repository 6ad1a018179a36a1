package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// ladders are the rules of the policies that incidents were declared with, thawed
// once: the countdown to the next page is drawn every second.
type ladders map[ladderKey]escalation.Rules

// ladderKey is incident.Key, and how often its rules were replaced.
type ladderKey struct {
	key      string
	refrozen int
}

// of is the rules for an incident. One that carries none gets today's, as the
// engine does.
func (l *ladders) of(inc incident.Incident, w *pane.World) escalation.Rules {
	key := ladderKey{inc.Key, inc.Refrozen}
	if r, ok := (*l)[key]; ok && inc.Key != "" {
		return r
	}
	p, err := escalation.Thaw(inc.Policy)
	if err != nil {
		return today(w).For(inc)
	}
	if *l == nil || len(*l) > 1000 {
		*l = ladders{}
	}
	r := p.For(inc)
	(*l)[key] = r
	return r
}

// today is the policy of an incident that is declared now.
func today(w *pane.World) escalation.Policy {
	if len(w.Delivery.Policy.Ladders) == 0 {
		return escalation.Default()
	}
	return w.Delivery.Policy
}

// call is who is told next, and when.
type call struct {
	level incident.Level
	who   []incident.Person
	again bool // the present rung, once more
	due   time.Time
}

// nextCall is the first thing that the ladder does if nobody does anything; a
// climb goes before another round of the same rung.
func (m *model) nextCall(inc incident.Incident) (call, bool) {
	var next call
	for _, r := range escalation.Upcoming(inc, m.ladders.of(inc, m.world), m.now) {
		upcoming := r.State == escalation.RungNow || r.State == escalation.RungNext || r.State == escalation.RungContinues
		if upcoming && !r.Due.IsZero() && (next.level == "" || !r.Due.After(next.due)) {
			next = call{r.Level, r.Who, r.State == escalation.RungNow, r.Due}
		}
	}
	return next, next.level != ""
}

// paged says whether the ladder has called who for this incident, and waits for
// an answer.
func (m *model) paged(inc incident.Incident, who incident.Person) bool {
	if inc.Rung.Level == "" || who == "" {
		return false
	}
	for _, r := range escalation.Upcoming(inc, m.ladders.of(inc, m.world), m.now) {
		called := r.State == escalation.RungNow || r.State == escalation.RungDone
		if called && slices.Contains(r.Who, who) {
			return true
		}
	}
	return false
}

// latestCall is when people were last called for an incident.
func latestCall(inc incident.Incident) time.Time {
	if inc.Rung.Notified.After(inc.Clocks.Declared) {
		return inc.Rung.Notified
	}
	return inc.Clocks.Declared
}

// consequences are the calls that the ladder makes at once if these events
// happen: the very rules that the engine runs, on an incident that is not yet.
func consequences(inc incident.Incident, r escalation.Rules, events []incident.Event, now time.Time) []escalation.Step {
	for _, e := range events {
		inc = inc.Apply(e)
	}
	due, _ := escalation.Next(inc, r, now)
	return due
}

// calls says in a sentence whom steps wake, and through what. PagerDuty turns
// what is less than an error into low urgency, which wakes nobody.
func calls(steps []escalation.Step) string {
	var parts []string
	for _, s := range steps {
		whom := fmt.Sprintf("%s (%s) through %s", people(s.Who), s.Level, sinks(s.Notify))
		switch s.Page {
		case escalation.PageNone:
		case escalation.PageCritical, escalation.PageError:
			parts = append(parts, "pages "+whom)
		default:
			parts = append(parts, "tells "+whom+", without waking anybody")
		}
	}
	if len(parts) == 0 {
		return "pages nobody"
	}
	return strings.Join(parts, ", then ")
}

// people names who is called.
func people(who []incident.Person) string {
	if len(who) == 0 {
		return "whoever is on call"
	}
	names := make([]string, len(who))
	for i, p := range who {
		names[i] = string(p)
	}
	return listed(names)
}

// sinks names the ways out: "PagerDuty lead and Slack #incidents".
func sinks(notify []string) string {
	if len(notify) == 0 {
		return "nothing: the rung names no way out"
	}
	names := make([]string, len(notify))
	for i, s := range notify {
		kind, target, _ := strings.Cut(s, ":")
		names[i] = strings.TrimSpace(brand(kind) + " " + target)
	}
	return listed(names)
}

// brand is how the makers of a sink write its name.
func brand(kind string) string {
	switch kind {
	case "pagerduty":
		return "PagerDuty"
	case "slack":
		return "Slack"
	case "statuspage":
		return "status page"
	}
	return kind
}

func listed(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// doubts are the reasons why people might not hear of it.
func (m *model) doubts() []string {
	var out []string
	if m.world.Delivery.Nobody() {
		out = append(out, "Nobody runs the ladder now: pages go out when somebody does (sitrep daemon).")
	}
	for _, s := range m.world.Delivery.Sinks {
		switch s.State {
		case escalation.SinkOK:
		case escalation.SinkNoKey:
			out = append(out, fmt.Sprintf("%s has no key: the configuration has not %s.", brand(s.Name), s.Why))
		default:
			out = append(out, strings.TrimSuffix(fmt.Sprintf("%s is %s: %s", brand(s.Name), s.State, s.Why), ": ")+".")
		}
	}
	return out
}
