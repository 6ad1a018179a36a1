package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The reasons for which a command refuses, for callers that decide on them.
var (
	ErrUnknown  = errors.New("no such incident")
	ErrTooLate  = errors.New("too late")
	ErrMissing  = errors.New("something is missing")
	ErrNoChange = errors.New("nothing to change")
	ErrNoEvent  = errors.New("no such event")
	ErrUnfit    = errors.New("not possible")
	ErrUnready  = errors.New("not complete") // a post-mortem, for its next stage
)

// By says who acts, through what, when, and what the signals read at that
// moment. Every event that comes of the act carries it.
type By struct {
	Actor    Person
	Claimed  bool   // see Event
	Via      string // see Event
	Source   string
	At       time.Time
	Evidence json.RawMessage
}

// event is the one way in which commands make events.
func (by By) event(id ID, kind Kind, text string, data any) Event {
	e := Event{Incident: id, At: by.At, Kind: kind, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source, Text: text, Evidence: by.Evidence}
	if data != nil {
		e.Data = Payload(data)
	}
	return e
}

// refuse is "acknowledge INC-1: too late: it is already resolved".
func (inc Incident) refuse(verb string, reason error, format string, args ...any) error {
	return fmt.Errorf("%s %s: %w: %s", verb, inc.ID, reason, fmt.Sprintf(format, args...))
}

// mustStand refuses a verb on an incident that goes on as another one.
func (inc Incident) mustStand(verb string) error {
	if inc.MergedInto != "" {
		return inc.refuse(verb, ErrTooLate, "%s was merged into %s and goes on there (sitrep incident show %s)", inc.ID, inc.MergedInto, inc.MergedInto)
	}
	return nil
}

// mustBeOpen refuses a verb on an incident that is over.
func (inc Incident) mustBeOpen(verb string) error {
	if err := inc.mustStand(verb); err != nil {
		return err
	}
	if inc.Status.Over() {
		return inc.refuse(verb, ErrTooLate, "it is already %s (sitrep incident reopen %s opens it again)", inc.Status, inc.ID)
	}
	return nil
}

// longestTitle is what PagerDuty's summary and a Slack line still show whole, in
// characters.
const longestTitle = 500

// Declare makes the event that opens incident id. Title and severity are
// needed; everything else can follow.
func Declare(by By, id ID, d Declaration) (Event, error) {
	d.Title = strings.Join(strings.Fields(d.Title), " ") // one line, or it could pass for several
	if d.Title == "" {
		return Event{}, fmt.Errorf("declare: %w: a title", ErrMissing)
	}
	if all := []rune(d.Title); len(all) > longestTitle { // an alert's summary may be anything, and is no reason not to page
		d.Title = string(all[:longestTitle-1]) + "…"
	}
	if d.Severity.Rank() > len(Severities()) {
		return Event{}, fmt.Errorf("declare: %w: a severity, SEV-1 to SEV-4", ErrMissing)
	}
	return by.event(id, Declared, fmt.Sprintf("%s %s", d.Severity, d.Title), d), nil
}

// Acknowledge says "I have it". A second person's acknowledgement is recorded
// and changes nothing (incident assign hands the role over); the same person's
// is refused as nothing new, unless it answers the question whether they are
// still on it.
func (inc Incident) Acknowledge(by By) ([]Event, error) {
	if err := inc.mustBeOpen("acknowledge"); err != nil {
		return nil, err
	}
	if inc.Clocks.AckBy == by.Actor && inc.InDoubt() {
		return []Event{by.event(inc.ID, Acknowledged, fmt.Sprintf("%s is still on it", by.Actor), nil)}, nil
	}
	if inc.Clocks.AckBy == by.Actor && inc.Acknowledged() {
		return nil, inc.refuse("acknowledge", ErrNoChange, "%s acknowledged it at %s", by.Actor, clock(inc.Clocks.Acknowledged))
	}
	text := fmt.Sprintf("%s acknowledged", by.Actor)
	if inc.Acknowledged() {
		text = fmt.Sprintf("%s joined; %s acknowledged first", by.Actor, inc.Clocks.AckBy)
	}
	return []Event{by.event(inc.ID, Acknowledged, text, nil)}, nil
}

// Unacknowledge gives it back: the ladder goes on.
func (inc Incident) Unacknowledge(by By) ([]Event, error) {
	if err := inc.mustBeOpen("un-acknowledge"); err != nil {
		return nil, err
	}
	if !inc.Acknowledged() {
		return nil, inc.refuse("un-acknowledge", ErrNoChange, "nobody has acknowledged it")
	}
	return []Event{by.event(inc.ID, Unacknowledged, fmt.Sprintf("%s gave it back", by.Actor), nil)}, nil
}

// Assign gives a role to a person, who may already have another.
func (inc Incident) Assign(by By, role Role, who Person) ([]Event, error) {
	if err := inc.mustBeOpen("assign"); err != nil {
		return nil, err
	}
	if who == "" {
		return nil, inc.refuse("assign", ErrMissing, "a person for the role %s", role)
	}
	old := inc.Roles[role]
	if old == who {
		return nil, inc.refuse("assign", ErrNoChange, "%s is %s already", who, role)
	}
	text := fmt.Sprintf("%s is %s", who, role)
	if old != "" {
		text += fmt.Sprintf(", handed over by %s", old)
	}
	return []Event{by.event(inc.ID, Assigned, text, Assignment{role, who})}, nil
}

// ChangeSeverity says how bad it really is; the ladder follows.
func (inc Incident) ChangeSeverity(by By, to Severity, reason string) ([]Event, error) {
	if err := inc.mustBeOpen("change the severity of"); err != nil {
		return nil, err
	}
	if to == inc.Severity {
		return nil, inc.refuse("change the severity of", ErrNoChange, "it is %s", to)
	}
	text := fmt.Sprintf("%s -> %s", inc.Severity, to)
	if reason = strings.TrimSpace(reason); reason != "" {
		text += ": " + reason
	}
	return []Event{by.event(inc.ID, SeverityChanged, text, SeverityChange{inc.Severity, to, reason})}, nil
}

// longestService is a name that a ladder's line still shows, in characters.
const longestService = 200

// Reroute gives the rules that hold for an incident when it turns out to be about
// service, and says whether they call others at the level where its ladder stands.
type Reroute func(inc Incident, service string) (policy json.RawMessage, others bool)

// SetService says what it is about; the ladder follows, by the rules that reroute
// gives for the service.
func (inc Incident) SetService(by By, service string, reroute Reroute) ([]Event, error) {
	const verb = "set the service of"
	if err := inc.mustBeOpen(verb); err != nil {
		return nil, err
	}
	switch service = strings.Join(strings.Fields(service), " "); {
	case service == "":
		return nil, inc.refuse(verb, ErrMissing, "the service (--service NAME)")
	case len([]rune(service)) > longestService:
		return nil, inc.refuse(verb, ErrUnfit, "a service has at most %d characters", longestService)
	case service == inc.Service:
		return nil, inc.refuse(verb, ErrNoChange, "it is %s", service)
	}
	change := ServiceChange{From: inc.Service, To: service}
	change.Policy, change.Recall = reroute(inc, service)
	text := "service: " + service
	if inc.Service != "" {
		text += ", not " + inc.Service
	}
	return []Event{by.event(inc.ID, ServiceSet, text, change)}, nil
}

// ChangeStatus says where the response stands. Monitoring also sets the
// mitigation time, if nothing did before.
func (inc Incident) ChangeStatus(by By, to Status, details string) ([]Event, error) {
	if err := inc.mustBeOpen("change the status of"); err != nil {
		return nil, err
	}
	details = strings.TrimSpace(details)
	if to == inc.Status && details == "" {
		return nil, inc.refuse("change the status of", ErrNoChange, "it is %s", to)
	}
	text := string(to)
	if details != "" {
		text += ": " + details
	}
	return []Event{by.event(inc.ID, StatusChanged, text, StatusChange{inc.Status, to, details})}, nil
}

// Note puts a line on the timeline, at any time: notes on a closed incident
// are how the morning after remembers.
func (inc Incident) Note(by By, text string) ([]Event, error) {
	if err := inc.mustStand("note on"); err != nil {
		return nil, err
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, inc.refuse("note on", ErrMissing, "the text")
	}
	return []Event{by.event(inc.ID, NoteAdded, text, nil)}, nil
}

// Did records what was done about it. An action that mitigates stops the clock
// of the users' pain.
func (inc Incident) Did(by By, a Action) ([]Event, error) {
	if err := inc.mustStand("record an action on"); err != nil {
		return nil, err
	}
	if a.Text = strings.TrimSpace(a.Text); a.Text == "" {
		return nil, inc.refuse("record an action on", ErrMissing, "what was done")
	}
	if a.Term == "" {
		a.Term = Immediate
	}
	return []Event{by.event(inc.ID, ActionTaken, a.Text, a)}, nil
}

// Resolve ends it. How it was fixed is asked because the post-mortem starts
// with it.
func (inc Incident) Resolve(by By, resolution string) ([]Event, error) {
	if err := inc.mustBeOpen("resolve"); err != nil {
		return nil, err
	}
	if resolution = strings.TrimSpace(resolution); resolution == "" {
		return nil, inc.refuse("resolve", ErrMissing, "how it was fixed, in a line (--resolution TEXT)")
	}
	return []Event{by.event(inc.ID, Resolved, resolution, Resolution{resolution})}, nil
}

// Reopen takes a resolution back; the ladder starts again at its first rung.
func (inc Incident) Reopen(by By) ([]Event, error) {
	if err := inc.mustStand("reopen"); err != nil {
		return nil, err
	}
	if !inc.Status.Over() {
		return nil, inc.refuse("reopen", ErrNoChange, "it is %s", inc.Status)
	}
	if inc.Imported != "" { // by whose policy would who be called?
		return nil, inc.refuse("reopen", ErrTooLate, "it was imported (%s); declare a new one", inc.Imported)
	}
	return []Event{by.event(inc.ID, Reopened, "reopened", nil)}, nil
}

// Close files a resolved incident away.
func (inc Incident) Close(by By) ([]Event, error) {
	if err := inc.mustStand("close"); err != nil {
		return nil, err
	}
	switch inc.Status {
	case StatusClosed:
		return nil, inc.refuse("close", ErrNoChange, "it is closed")
	case StatusResolved:
		return []Event{by.event(inc.ID, Closed, "closed", nil)}, nil
	}
	return nil, inc.refuse("close", ErrTooLate, "it is %s; resolve it first", inc.Status)
}

// Escalate asks the ladder for level now; empty means the next one up. Which
// levels exist is the policy's business, so the ladder may still refuse.
func (inc Incident) Escalate(by By, level Level, reason string) ([]Event, error) {
	if err := inc.mustBeOpen("escalate"); err != nil {
		return nil, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return nil, inc.refuse("escalate", ErrMissing, "why (--reason TEXT): whoever is woken will ask")
	}
	wanted := string(level)
	if level == "" {
		level, wanted = NextLevel, "the next level"
	}
	return []Event{by.event(inc.ID, EscalationWanted, fmt.Sprintf("%s asked for %s: %s", by.Actor, wanted, reason), Escalation{Level: level, Reason: reason, Severity: inc.Severity})}, nil
}

// SnoozeUntil keeps the ladder quiet until then. A snoozed incident still
// counts as unresolved.
func (inc Incident) SnoozeUntil(by By, until time.Time, reason string) ([]Event, error) {
	if err := inc.mustBeOpen("snooze"); err != nil {
		return nil, err
	}
	if !until.After(by.At) {
		return nil, inc.refuse("snooze", ErrMissing, "a time in the future")
	}
	return []Event{by.event(inc.ID, EscalationSnoozed, "snoozed until "+clock(until), Snooze{until, reason})}, nil
}

// AddItem notes something to do afterwards. It is numbered AI-1, AI-2 within
// the incident.
func (inc Incident) AddItem(by By, text string, owner Person, due time.Time) ([]Event, error) {
	if err := inc.mustStand("add an action item to"); err != nil {
		return nil, err
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, inc.refuse("add an action item to", ErrMissing, "what is to be done")
	}
	it := Item{Item: fmt.Sprintf("AI-%d", len(inc.Items)+1), Text: text, Owner: owner, Due: due}
	return []Event{by.event(inc.ID, ItemAdded, it.Item+" "+text, it)}, nil
}

// CloseItem says that an action item is done.
func (inc Incident) CloseItem(by By, item string) ([]Event, error) {
	for _, it := range inc.Items {
		if !strings.EqualFold(it.Item.Item, item) {
			continue
		}
		if !it.Closed.IsZero() {
			return nil, inc.refuse("close an action item of", ErrNoChange, "%s was closed at %s", it.Item.Item, clock(it.Closed))
		}
		return []Event{by.event(inc.ID, ItemClosed, it.Item.Item+" done: "+it.Text, it.Item)}, nil
	}
	return nil, inc.refuse("close an action item of", ErrMissing, "it has no item %q", item)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05Z") }
