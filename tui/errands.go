package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// errandFor says what an outward order will do, and to whom. It is false for an
// order that cannot be carried out; the reason has been said.
func (m *model) errandFor(o pane.Order) (errand, bool) {
	if !m.mayWrite(o) {
		return errand{}, false
	}
	var e errand
	var err error
	switch o := o.(type) {
	case pane.Declare:
		e, err = m.declaring(o)
	case pane.StartChaos:
		return m.startingChaos(o)
	case pane.StartLoad:
		return m.startingLoad(o)
	case pane.StartGameday:
		return m.startingGameday(o)
	case pane.AnswerGameday:
		return m.answering(o)
	case pane.InboxOrder:
		return m.inboxErrand(o)
	case pane.Silence:
		e = m.silencing(o)
	case pane.EndSilence:
		e = m.endingSilence(o)
	default:
		inc, ok := find(m.world, about(o))
		if !ok {
			m.complain("%s: no such incident here", about(o))
			return errand{}, false
		}
		e, err = m.changing(inc, o)
	}
	if err != nil {
		m.complain("%v", err)
		return errand{}, false
	}
	if e.wait == 0 {
		e.wait = undoTime
	}
	return e, true
}

// about is the incident that an order is about.
func about(o pane.Order) incident.ID {
	switch o := o.(type) {
	case pane.Acknowledge:
		return o.ID
	case pane.Unacknowledge:
		return o.ID
	case pane.Did:
		return o.ID
	case pane.SetSeverity:
		return o.ID
	case pane.SetService:
		return o.ID
	case pane.SetStatus:
		return o.ID
	case pane.Assign:
		return o.ID
	case pane.Escalate:
		return o.ID
	case pane.Snooze:
		return o.ID
	case pane.Resolve:
		return o.ID
	case pane.Verify:
		return o.ID
	case pane.Reopen:
		return o.ID
	case pane.Close:
		return o.ID
	case pane.Update:
		return o.ID
	case pane.Correct:
		return o.ID
	case pane.Merge:
		return o.ID
	}
	return ""
}

// changing is an errand about an incident. Whether it is refused and whom it
// wakes is found by doing it to a copy.
func (m *model) changing(inc incident.Incident, o pane.Order) (errand, error) {
	by := incident.By{Actor: m.o.Actor, Source: "tui", At: m.now}
	e := errand{order: o}
	var events []incident.Event
	var err error
	switch o := o.(type) {
	case pane.Acknowledge:
		e.title, e.yes = "acknowledge "+string(inc.ID), "acknowledge"
		events, err = inc.Acknowledge(by)
		has := "has"
		switch {
		case inc.InDoubt():
			has = "is on"
		case inc.Acknowledged():
			has = fmt.Sprintf("joins %s at", inc.Clocks.AckBy)
		}
		e.says = []string{fmt.Sprintf("Tells everybody that %s %s %s: %s.", m.o.Actor, has, inc.ID, inc.Title), m.afterAck(inc, events)}
	case pane.Unacknowledge:
		e.title, e.yes = "give back "+string(inc.ID), "give it back"
		events, err = inc.Unacknowledge(by)
	case pane.Did:
		e.title, e.yes = "record what was done about "+string(inc.ID), "record it"
		e.says = []string{fmt.Sprintf("Posts to the thread of %s: %s", inc.ID, o.Action.Text)}
		if o.Action.Mitigates && inc.Clocks.Mitigated.IsZero() {
			e.says = append(e.says, "It is recorded as what ended the users' pain, now.")
		}
		events, err = inc.Did(by, o.Action)
	case pane.SetSeverity:
		e.title, e.yes = fmt.Sprintf("make %s %s", inc.ID, o.To), fmt.Sprintf("make it %s", o.To)
		e.says = []string{fmt.Sprintf("%s goes from %s to %s.", inc.ID, inc.Severity, o.To)}
		events, err = inc.ChangeSeverity(by, o.To, o.Reason)
	case pane.SetService:
		return m.rerouting(inc, by, o)
	case pane.SetStatus:
		e.title, e.yes = fmt.Sprintf("set %s to %s", inc.ID, o.To), string(o.To)
		e.says = []string{fmt.Sprintf("%s goes from %s to %s; the thread is told.", inc.ID, inc.Status, o.To)}
		events, err = inc.ChangeStatus(by, o.To, o.Details)
	case pane.Assign:
		e.title, e.yes = fmt.Sprintf("make %s %s of %s", o.Person, o.Role, inc.ID), "assign"
		e.says = []string{fmt.Sprintf("%s becomes %s of %s; the thread is told.", o.Person, o.Role, inc.ID)}
		if holder := inc.Roles[o.Role]; holder != "" {
			e.says = append([]string{fmt.Sprintf("%s: %s -> %s", o.Role, holder, o.Person)}, e.says...)
		}
		events, err = inc.Assign(by, o.Role, o.Person)
	case pane.Escalate:
		return m.escalating(inc, by, o)
	case pane.Snooze:
		e.title, e.yes = fmt.Sprintf("snooze %s for %s", inc.ID, span(o.Length)), "snooze"
		e.says = []string{fmt.Sprintf("Holds the ladder of %s until %s: nobody is paged before, by time or by silence.", inc.ID, m.wall(m.now.Add(o.Length)))}
		events, err = inc.SnoozeUntil(by, m.now.Add(o.Length), "")
	case pane.Resolve:
		e.title, e.yes = "resolve "+string(inc.ID), "resolve"
		e.says = []string{fmt.Sprintf("Ends %s for everybody: the ladder stops, PagerDuty and Slack are told.", inc.ID), "Cause: " + o.Resolution}
		if o.Anyway != "" {
			e.says = append(e.says, fmt.Sprintf("The timeline says that %s resolves it %s.", m.o.Actor, o.Anyway))
		}
		for _, r := range m.running() {
			e.says = append(e.says, fmt.Sprintf("%s still runs; %s ends it.", r.name, m.keyFor("abort")))
		}
		if list, _, _ := m.related(inc); len(list) > 0 {
			e.says = append(e.says, fmt.Sprintf("%d %s still, %s among them.", len(list), fire(len(list)), list[0].Name))
		}
		events, err = inc.Resolve(by, o.Resolution)
	case pane.Verify:
		return m.verifying(inc, by, o)
	case pane.Reopen:
		e.title, e.yes = "reopen "+string(inc.ID), "reopen"
		e.says = []string{fmt.Sprintf("%s was resolved %s ago. Its ladder starts again at the first rung.", inc.ID, pane.Ago(m.now.Sub(inc.Clocks.Resolved)))}
		events, err = inc.Reopen(by)
	case pane.Close:
		e.title, e.yes = "close "+string(inc.ID), "close"
		e.says = []string{fmt.Sprintf("Files %s away: its headline says that it is closed.", inc.ID)}
		events, err = inc.Close(by)
	case pane.Update:
		e.title = "send the update on " + string(inc.ID)
		e.brief = e.title + ": " + o.Says.Conditions
		_, err = inc.Update(by, o.Says)
		return e, err
	case pane.Correct:
		return m.correcting(inc, by, o)
	case pane.Merge:
		return m.merging(inc, by, o)
	}
	if err != nil {
		return errand{}, err
	}
	return m.withCalls(e, inc, events), nil
}

// afterAck says who is called in spite of the answer: some rungs wait for the
// resolution.
func (m *model) afterAck(inc incident.Incident, events []incident.Event) string {
	for _, e := range events {
		inc = inc.Apply(e)
	}
	if next, ok := m.nextCall(inc); ok {
		return fmt.Sprintf("%s (%s) is called in %s all the same, unless it is resolved by then; %s holds that back.",
			people(next.who), next.level, pane.Until(next.due.Sub(m.now)), m.keyFor(keys.Snooze))
	}
	return "Nobody else is called then."
}

// withCalls adds whom it pages at once.
func (m *model) withCalls(e errand, inc incident.Incident, events []incident.Event) errand {
	return m.callsOf(e, consequences(inc, m.ladders.of(inc, m.world), events, m.now))
}

func (m *model) callsOf(e errand, steps []escalation.Step) errand {
	whom := calls(steps)
	if len(steps) > 0 {
		e.says = append([]string{capital(whom) + "."}, e.says...)
		e.says = append(e.says, m.doubts()...)
	}
	e.brief = e.title + ": " + whom
	return e
}

// rerouting says whom the rules of the service call: not those that the incident
// has now.
func (m *model) rerouting(inc incident.Incident, by incident.By, o pane.SetService) (errand, error) {
	events, err := inc.SetService(by, o.Service, today(m.world).Reroute)
	if err != nil {
		return errand{}, err
	}
	e := errand{order: o, title: fmt.Sprintf("say that %s is about %s", inc.ID, o.Service), yes: "it is"}
	e.says = []string{fmt.Sprintf("%s follows the policy for %s from now on; the thread is told.", inc.ID, o.Service)}
	for _, event := range events {
		inc = inc.Apply(event)
	}
	policy, err := escalation.Thaw(inc.Policy)
	if err != nil {
		return errand{}, err
	}
	return m.callsOf(e, consequences(inc, policy.For(inc), nil, m.now)), nil // rules that are kept are those that hold
}

// escalating names the rung in the order: the ladder may climb by itself while
// it counts down, and whoever the sentence named is who is called.
func (m *model) escalating(inc incident.Incident, by incident.By, o pane.Escalate) (errand, error) {
	rules := m.ladders.of(inc, m.world)
	if err := rules.CanEscalate(inc, o.Level); err != nil {
		return errand{}, err
	}
	events, err := inc.Escalate(by, o.Level, o.Reason)
	if err != nil {
		return errand{}, err
	}
	steps := consequences(inc, rules, events, m.now)
	for _, s := range steps {
		if s.Reason == escalation.ReasonByHand {
			o.Level = s.Level
		}
	}
	e := errand{order: o, title: fmt.Sprintf("escalate %s to %s", inc.ID, o.Level), yes: "escalate"}
	e.brief = e.title + ": " + calls(steps)
	e.says = append([]string{capital(calls(steps)) + ".", "Why: " + o.Reason}, m.doubts()...)
	return e, nil
}

// correcting gives words that were wrong others. Who was told the first ones is
// told the second.
func (m *model) correcting(inc incident.Incident, by incident.By, o pane.Correct) (errand, error) {
	i := slices.IndexFunc(m.world.Events[inc.ID], func(e incident.Event) bool { return e.ID == o.Event })
	if i < 0 {
		return errand{}, fmt.Errorf("correct %s: %w", inc.ID, incident.Ref{ID: o.Event}.Missing())
	}
	was := m.world.Events[inc.ID][i]
	events, err := inc.Correct(by, was, o.Text)
	if err != nil {
		return errand{}, err
	}
	e := errand{order: o, title: "correct a line of " + string(inc.ID), yes: "correct it"}
	e.says = []string{"It will read: " + events[0].Text, "It first said: " + was.Text}
	if was.Kind != incident.NoteAdded {
		e.says = append(e.says, "The thread was told the first words, and is told these.")
	}
	e.brief = e.title + ": " + events[0].Text
	return e, nil
}

// merging says that an incident goes on as another one.
func (m *model) merging(inc incident.Incident, by incident.By, o pane.Merge) (errand, error) {
	into, ok := find(m.world, o.Into)
	if !ok {
		return errand{}, fmt.Errorf("merge %s: %w: %s is not among those of the last day", inc.ID, incident.ErrUnknown, o.Into)
	}
	if _, err := inc.Merge(by, into); err != nil {
		return errand{}, err
	}
	e := errand{order: o, title: fmt.Sprintf("merge %s into %s", inc.ID, o.Into), yes: "merge"}
	e.says = []string{
		fmt.Sprintf("%s goes on as %s: %s", inc.ID, o.Into, into.Title),
		fmt.Sprintf("%s is over: its ladder stops, its pages are resolved. A merge cannot be taken back.", inc.ID),
	}
	if inc.Severity.WorseThan(into.Severity) {
		e.says = append(e.says, fmt.Sprintf("%s is %s, %s stays %s.", inc.ID, inc.Severity, o.Into, into.Severity))
	}
	e.brief = e.title
	return e, nil
}

// declaring is a new incident.
func (m *model) declaring(o pane.Declare) (errand, error) {
	by := incident.By{Actor: m.o.Actor, Source: "tui", At: m.now}
	event, err := incident.Declare(by, "INC-0", incident.Declaration{Title: o.Title, Severity: o.Severity, Service: o.Service, Drill: o.Drill})
	if err != nil {
		return errand{}, err
	}
	rules := today(m.world).For(incident.Incident{Service: o.Service, Drill: o.Drill})
	whom := calls(consequences(incident.Incident{}, rules, []incident.Event{event}, m.now))
	drill := drillWord(incident.Incident{Drill: o.Drill})
	e := errand{order: o, title: fmt.Sprintf("declare %s%s %s", drill, o.Severity, o.Title), yes: "declare"}
	e.brief = fmt.Sprintf("declare %s%s: %s", drill, o.Severity, whom)
	e.says = append([]string{capital(whom) + ".", fmt.Sprintf("Opens a %s%s: %s", drill, o.Severity, o.Title)}, m.doubts()...)
	if inc, real := m.reallyOpen(); o.Drill && real {
		e.says = append(e.says, fmt.Sprintf("%s %s is REALLY open: %s", inc.Severity, inc.ID, inc.Title))
	}
	return e, nil
}

// span writes a length as people type it: 30m, 1h30m.
func span(d time.Duration) string {
	s := d.Round(time.Second).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
