package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/sitrep-dev/sitrep/escalation"
)

// What can be done to incidents. From is the e-mail of the user in whose name it is
// done. All but Note, Tell and Request can be repeated: they name the state that is wanted.

// mostAtOnce is how many incidents one call changes. Source: PagerDuty, REST API,
// Manage incidents.
const mostAtOnce = 250

// Acknowledge says that the user of from has them. One that is acknowledged or
// resolved already is no error.
func (a *API) Acknowledge(ctx context.Context, from string, ids ...string) error {
	return a.manage(ctx, from, ids, func(o *pagerduty.ManageIncidentsOptions) { o.Status = "acknowledged" })
}

// Resolve ends them, in words if there are any.
func (a *API) Resolve(ctx context.Context, from, resolution string, ids ...string) error {
	return a.manage(ctx, from, ids, func(o *pagerduty.ManageIncidentsOptions) {
		o.Status, o.Resolution = "resolved", line(resolution, maxSummary)
	})
}

// Escalate gives them to a level of their escalation policy, 1 the first.
func (a *API) Escalate(ctx context.Context, from string, level uint, ids ...string) error {
	return a.manage(ctx, from, ids, func(o *pagerduty.ManageIncidentsOptions) { o.EscalationLevel = level })
}

// Reassign gives them to users, by ID.
func (a *API) Reassign(ctx context.Context, from string, users []string, ids ...string) error {
	return a.manage(ctx, from, ids, func(o *pagerduty.ManageIncidentsOptions) {
		for _, u := range users {
			o.Assignments = append(o.Assignments, pagerduty.Assignee{Assignee: pagerduty.APIObject{ID: u, Type: "user_reference"}})
		}
	})
}

func (a *API) manage(ctx context.Context, from string, ids []string, change func(*pagerduty.ManageIncidentsOptions)) error {
	for len(ids) > 0 {
		n := min(len(ids), mostAtOnce)
		list := make([]pagerduty.ManageIncidentsOptions, n)
		for i := range list {
			list[i].ID = ids[i]
			change(&list[i])
		}
		err := a.library(ctx, func(c *pagerduty.Client) error {
			_, err := c.ManageIncidentsWithContext(ctx, from, list)
			return err
		})
		if err != nil && already(err) == nil && n > 1 { // whether the others were done is not said
			err = nil
			for _, id := range ids[:n] {
				err = errors.Join(err, a.manage(ctx, from, []string{id}, change))
			}
		}
		if err := already(err); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// already makes a success of a refusal because it is done.
func already(err error) error {
	var refused *CallError
	if errors.As(err, &refused) && (refused.Code == codeResolved || refused.Code == codeAcked || refused.Code == codeMerged) {
		return nil
	}
	return err
}

// Merge makes others part of the incident into, which goes on.
func (a *API) Merge(ctx context.Context, from, into string, ids ...string) error {
	sources := make([]pagerduty.MergeIncidentsOptions, len(ids))
	for i, id := range ids {
		sources[i] = pagerduty.MergeIncidentsOptions{ID: id, Type: "incident_reference"}
	}
	return already(a.library(ctx, func(c *pagerduty.Client) error {
		_, err := c.MergeIncidentsWithContext(ctx, from, url.PathEscape(into), sources)
		return err
	}))
}

// LongestSnooze is how long PagerDuty lets an incident sleep. Source: PagerDuty, REST
// API, Snooze an incident.
const LongestSnooze = 7 * 24 * time.Hour

// Snooze keeps PagerDuty's own escalation of an incident quiet for a while. By hand:
// the library's method sends no From, and is refused.
func (a *API) Snooze(ctx context.Context, from, id string, length time.Duration) error {
	seconds := int(length / time.Second)
	if seconds < 1 || length > LongestSnooze {
		return fmt.Errorf("%s: snooze for %v: it takes 1s to 7 days", apiSink, length)
	}
	return a.do(ctx, http.MethodPost, "/incidents/"+url.PathEscape(id)+"/snooze", from, map[string]int{"duration": seconds}, nil)
}

// longestNote is PagerDuty's limit, in characters. Source: PagerDuty, REST API, Create
// a note on an incident.
const longestNote = 2000

// A note of ours ends with its ULID, by which it is known again.
var markOfNote = regexp.MustCompile(`\s*\[sitrep:([0-9A-Z]{26})\]\s*$`)

// unmark is a note without our mark, and the ULID in it.
func unmark(text string) (string, string) {
	if m := markOfNote.FindStringSubmatchIndex(text); m != nil {
		return text[:m[0]], text[m[2]:m[3]]
	}
	return text, ""
}

// Note adds a note under a ULID, once: if an answer is lost, the incident's notes are
// looked through before it is written again.
func (a *API) Note(ctx context.Context, from, id, text, ulid string) error {
	text = strings.TrimSpace(text) + " [sitrep:" + ulid + "]"
	if n := utf8.RuneCountInString(text); n > longestNote {
		return fmt.Errorf("%s: the note has %d characters, %d too many", apiSink, n, n-longestNote)
	}
	path := "/incidents/" + url.PathEscape(id) + "/notes"
	write := func() error {
		return a.do(ctx, http.MethodPost, path, from, map[string]any{"note": map[string]string{"content": text}}, nil)
	}
	err := write()
	var lost *CallError
	if !errors.As(err, &lost) || lost.Class != escalation.Unsure {
		return err
	}
	there, look := a.noted(ctx, id, ulid)
	switch {
	case look != nil:
		return fmt.Errorf("%w; and whether it is there cannot be seen: %w", err, look)
	case there:
		return nil
	}
	return write()
}

// noted says whether an incident has the note of a ULID.
func (a *API) noted(ctx context.Context, id, ulid string) (bool, error) {
	var answer struct {
		Notes []struct{ Content lax[string] }
	}
	if err := a.get(ctx, "/incidents/"+url.PathEscape(id)+"/notes", nil, &answer); err != nil {
		return false, err
	}
	for _, n := range answer.Notes {
		if _, mark := unmark(n.Content.v); mark == ulid {
			return true, nil
		}
	}
	return false, nil
}

// Tell sends a status update to an incident's subscribers. PagerDuty has no way to
// tell one from its copy, so it is tried once: a CallError that is Unsure may
// have been sent.
func (a *API) Tell(ctx context.Context, from, id, message string) error {
	return a.library(ctx, func(c *pagerduty.Client) error {
		_, err := c.CreateIncidentStatusUpdate(ctx, url.PathEscape(id), from, message)
		return err
	})
}

// Request asks users, and whoever the escalation policies call first, by ID, to come
// and help; requester is the ID of the user of from. As with Tell, nobody can tell
// one request from its copy: it is tried once. Source: PagerDuty, REST API, Create a
// responder request for an incident.
func (a *API) Request(ctx context.Context, from, requester, id, message string, users, policies []string) error {
	type target struct {
		Target struct {
			ID   string `json:"id"`
			Type string `json:"type"`
		} `json:"responder_request_target"`
	}
	var targets []target
	add := func(kind string, ids []string) {
		for _, id := range ids {
			var t target
			t.Target.ID, t.Target.Type = id, kind
			targets = append(targets, t)
		}
	}
	add("user_reference", users)
	add("escalation_policy_reference", policies)
	return a.do(ctx, http.MethodPost, "/incidents/"+url.PathEscape(id)+"/responder_requests", from, map[string]any{
		"requester_id": requester, "message": line(message, maxSummary), "responder_request_targets": targets,
	}, nil)
}

// UserNamed is the user of an e-mail address or a name; it is an error if there is
// none, or more than one. Source: PagerDuty, REST API, List users.
func (a *API) UserNamed(ctx context.Context, name string) (User, error) {
	var found []User
	_, err := a.list(ctx, "/users", "users", url.Values{"query": {name}}, func(raw json.RawMessage) {
		var r ref
		_ = json.Unmarshal(raw, &r)
		if r.ID != "" && (strings.EqualFold(r.Email, name) || strings.EqualFold(r.Summary, name) || r.ID == name) {
			found = append(found, User{ID: r.ID, Name: r.Summary, Email: r.Email})
		}
	})
	switch {
	case err != nil:
		return User{}, err
	case len(found) == 0:
		return User{}, fmt.Errorf("%s: no user is called %q, by name or e-mail", apiSink, name)
	case len(found) > 1:
		return User{}, fmt.Errorf("%s: %d users are called %q; give the e-mail of one", apiSink, len(found), name)
	}
	return found[0], nil
}
