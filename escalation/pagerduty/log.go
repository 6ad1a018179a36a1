package pagerduty

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Entry is one thing that happened to an incident in PagerDuty.
type Entry struct {
	ID      string
	Did     Did
	At      time.Time
	By      User   // the zero User for what no person did: a time-out, an integration
	To      []User // of an assignment or escalation: who has it now
	Text    string // of a note, without our mark; else PagerDuty's words for it
	Ours    string // ULID of the note, if it is one that this program wrote
	Channel string // through what: web_trigger, mobile, timeout, ...
}

// Did says what happened. Kinds that this program makes nothing of are Other.
type Did string

// What is done to incidents. Source: PagerDuty, REST API, log entries.
const (
	DidAcknowledge   Did = "acknowledge"
	DidUnacknowledge Did = "unacknowledge" // by hand or by PagerDuty's time-out
	DidResolve       Did = "resolve"
	DidReopen        Did = "reopen"
	DidNote          Did = "annotate"
	DidAssign        Did = "assign"
	DidReassign      Did = "reassign"
	DidEscalate      Did = "escalate"
	DidDelegate      Did = "delegate" // to another escalation policy
	DidSnooze        Did = "snooze"
	DidMerge         Did = "merge"
	DidRequest       Did = "responder_request"
	DidExhaust       Did = "exhaust_escalation_path"
	Other            Did = ""
)

func did(kind string) Did {
	kind, found := strings.CutSuffix(strings.TrimSuffix(kind, "_reference"), "_log_entry")
	known := []Did{
		DidAcknowledge, DidUnacknowledge, DidResolve, DidReopen, DidNote, DidAssign, DidReassign, DidEscalate, DidDelegate, DidSnooze, DidMerge, DidRequest, DidExhaust,
	}
	if !found || !slices.Contains(known, Did(kind)) {
		return Other
	}
	return Did(kind)
}

// Log is what happened to an incident in [since, until), the oldest first. Source:
// PagerDuty, REST API, List log entries for an incident.
func (a *API) Log(ctx context.Context, id string, since, until time.Time) (all []Entry, err error) {
	_, err = a.list(ctx, "/incidents/"+url.PathEscape(id)+"/log_entries", "log_entries", url.Values{
		"since": {stamp(since)}, "until": {stamp(until)}, "is_overview": {"false"}, "include[]": {"channels"}, "time_zone": {"UTC"},
	}, func(raw json.RawMessage) {
		if e, ok := readEntry(raw); ok {
			all = append(all, e)
		}
	})
	slices.Reverse(all) // PagerDuty's seconds may hold several: they are in its order
	slices.SortStableFunc(all, func(a, b Entry) int { return a.At.Compare(b.At) })
	return all, err
}

func readEntry(raw json.RawMessage) (Entry, bool) {
	var name ref
	var p struct {
		Created   lax[string] `json:"created_at"`
		Agent     ref
		Assignees lax[[]ref]
		Channel   lax[struct {
			Type, Summary, Content lax[string]
		}]
	}
	if json.Unmarshal(raw, &name) != nil || json.Unmarshal(raw, &p) != nil || name.ID == "" {
		return Entry{}, false
	}
	e := Entry{ID: name.ID, Did: did(name.Type), At: moment(p.Created.v), Text: name.Summary, Channel: p.Channel.v.Type.v}
	if isUser(p.Agent) {
		e.By = User{ID: p.Agent.ID, Name: p.Agent.Summary, Email: p.Agent.Email}
	}
	for _, to := range p.Assignees.v {
		e.To = append(e.To, User{ID: to.ID, Name: to.Summary, Email: to.Email})
	}
	if e.Did == DidNote {
		e.Text, e.Ours = unmark(cmp.Or(p.Channel.v.Content.v, p.Channel.v.Summary.v, name.Summary))
	}
	return e, true
}

// urlsIn finds what can be opened in an alert's details, by the names of its fields.
func urlsIn(details map[string]any) (links []Link) {
	for _, name := range slices.Sorted(maps.Keys(details)) {
		switch v := details[name].(type) {
		case string:
			if _, ok := web(v); ok {
				links = append(links, Link{name, v})
			}
		case map[string]any: // labels and annotations, one level down
			for _, inner := range slices.Sorted(maps.Keys(v)) {
				if s, is := v[inner].(string); is {
					if _, ok := web(s); ok {
						links = append(links, Link{inner, s})
					}
				}
			}
		}
	}
	return links
}
