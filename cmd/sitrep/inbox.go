package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// inbox is the account's open incidents in PagerDuty, and what can be done to them.
// What is done to one of ours stands on our timeline when the call returns, the way
// PagerDuty's log tells it: it is not told twice. Nothing of it goes through the
// outbox: who acts waits for the answer.
type inbox struct {
	db      *store.DB
	api     *pagerduty.API
	config  *config
	install string
}

// inboxPatience is for one order, whatever it asks PagerDuty.
const inboxPatience = 30 * time.Second

func (a *app) inbox(ctx context.Context, db *store.DB) (*inbox, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	api := c.pagerdutyAPI()
	if api == nil {
		return nil, usage("PagerDuty's incidents: %w: it needs a REST API token (docs/pagerduty.md)", errNoToken)
	}
	install, err := db.Install(ctx)
	return &inbox{db, api, c, install}, err
}

// inboxItem is an incident there.
type inboxItem struct {
	pagerduty.Incident
	Ours incident.ID // that it belongs to; empty for somebody else's
}

// list is the open incidents, urgent and unacknowledged ones first, then the newest.
// Whole is false if PagerDuty has more than it gives.
func (b *inbox) list(ctx context.Context) (items []inboxItem, whole bool, err error) {
	open, whole, err := b.api.Open(ctx)
	if err != nil {
		return nil, false, err
	}
	keys, err := b.ourKeys(ctx, open)
	if err != nil {
		return nil, false, err
	}
	for _, inc := range open {
		item := inboxItem{Incident: inc}
		if item.Ours, err = b.ours(ctx, inc, keys); err != nil {
			return nil, false, err
		}
		items = append(items, item)
	}
	slices.SortStableFunc(items, func(a, b inboxItem) int {
		return 2*(calm(a.Urgency == "low")-calm(b.Urgency == "low")) + calm(a.Status == "acknowledged") - calm(b.Status == "acknowledged")
	})
	return items, whole, nil
}

func calm(is bool) int {
	if is {
		return 1
	}
	return 0
}

// ourKeys is our incidents by what their dedup keys begin with; none is looked for
// if no incident has a key of ours.
func (b *inbox) ourKeys(ctx context.Context, there []pagerduty.Incident) (map[string]incident.ID, error) {
	if !slices.ContainsFunc(there, func(inc pagerduty.Incident) bool { return strings.HasPrefix(inc.Key, b.prefix()) }) {
		return nil, nil
	}
	all, err := b.db.Incidents(ctx, false, 0)
	keys := map[string]incident.ID{}
	for _, inc := range all {
		keys[b.prefix()+inc.Key] = inc.ID
	}
	return keys, err
}

func (b *inbox) prefix() string { return "sitrep/" + b.install + "/" }

// ours is the incident that one there belongs to, by its key or, if it has several
// alerts, by whose log was read.
func (b *inbox) ours(ctx context.Context, there pagerduty.Incident, keys map[string]incident.ID) (incident.ID, error) {
	if parts := strings.SplitN(there.Key, "/", 4); len(parts) == 4 {
		if id := keys[strings.Join(parts[:3], "/")]; id != "" {
			return id, nil
		}
	}
	known, err := b.db.HeardOf(ctx, there.ID)
	if err != nil || len(known) == 0 {
		return "", err
	}
	return known[0], nil
}

// foreignID is what an ID of PagerDuty's looks like.
var foreignID = regexp.MustCompile(`^[A-Z0-9]{5,30}$`)

// resolveIDs makes IDs there of what a person writes: those, or INC-n for every open
// one that a page of it opened.
func (b *inbox) resolveIDs(ctx context.Context, args []string) (ids []string, err error) {
	for _, arg := range args {
		if !strings.HasPrefix(strings.ToUpper(arg), "INC-") {
			if !foreignID.MatchString(arg) {
				return nil, usage("%q is no incident of PagerDuty's: write its ID, such as Q1A2B3C4D5E6F7 (sitrep pagerduty list shows them), or INC-7 for one of ours", arg)
			}
			ids = append(ids, arg)
			continue
		}
		id, err := incident.ParseID(arg)
		if err != nil {
			return nil, withCode(exitUsage, err)
		}
		found, err := b.pagesOf(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no open incident of PagerDuty's belongs to it (sitrep pages %s shows what was sent)", id, id)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}

// pagesOf is the IDs of the open incidents there that pages of ours opened.
func (b *inbox) pagesOf(ctx context.Context, id incident.ID) (ids []string, err error) {
	if _, err := b.db.Incident(ctx, id); err != nil {
		return nil, err
	}
	messages, err := b.db.Messages(ctx, id)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for _, m := range messages {
		if m.Kind() != "pagerduty" || m.DedupKey == "" || asked[m.DedupKey] {
			continue
		}
		asked[m.DedupKey] = true
		found, err := b.api.ByKey(ctx, m.DedupKey)
		if err != nil {
			return nil, err
		}
		for _, inc := range found {
			if inc.Status != "resolved" && !slices.Contains(ids, inc.ID) {
				ids = append(ids, inc.ID)
			}
		}
	}
	return ids, nil
}

// from is the e-mail of the user in whose name somebody acts there.
func (c *config) from(who incident.Person) (string, error) {
	if email := c.People[string(who)].Email; email != "" {
		return email, nil
	}
	if c.PagerDuty.From != "" {
		return c.PagerDuty.From, nil
	}
	return "", usage("PagerDuty wants to know who acts: give people.%s.email or pagerduty.from, the e-mail of a user there", who)
}

// deed is something that is done to incidents there.
type deed func(ctx context.Context, from string, ids []string) error

// do does it, and hears what PagerDuty makes of it for those that are ours; it
// answers with those.
func (b *inbox) do(ctx context.Context, by incident.By, ids []string, what deed) ([]incident.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, inboxPatience)
	defer cancel()
	from, err := b.config.from(by.Actor)
	if err != nil {
		return nil, err
	}
	var ours []incident.ID
	for _, id := range ids { // before it is done: afterwards it may be gone
		there, err := b.api.Incident(ctx, id)
		if err != nil {
			return nil, err
		}
		keys, err := b.ourKeys(ctx, []pagerduty.Incident{there})
		if err != nil {
			return nil, err
		}
		if mine, err := b.ours(ctx, there, keys); err != nil {
			return nil, err
		} else if mine != "" && !slices.Contains(ours, mine) {
			ours = append(ours, mine)
		}
	}
	if err := what(ctx, from, ids); err != nil {
		return nil, err
	}
	return ours, b.hear(ctx, by, from, ours)
}

// hear takes what PagerDuty's log says now onto our timelines. What was just done
// there in the name of from was done by by: several may act in one name, and a
// claimed name does not become another by way of PagerDuty.
func (b *inbox) hear(ctx context.Context, by incident.By, from string, ours []incident.ID) (err error) {
	if len(ours) == 0 {
		return nil
	}
	user, err := b.api.UserNamed(ctx, from)
	if err != nil {
		return fmt.Errorf("it is done, but on the timeline only when the ladder's process hears of it: %w", err)
	}
	l := &listener{db: b.db, api: b.api, config: b.config, seen: map[string]bool{}, as: by, user: user.ID}
	for _, id := range ours {
		if heard := l.hearAll(ctx, id, time.Now()); heard != nil {
			err = errors.Join(err, fmt.Errorf("it is done, but its log cannot be read: it is on the timeline of %s when the ladder's process hears of it: %w", id, heard))
		}
	}
	return err
}

// acknowledge also acknowledges those of ours whose acknowledgement PagerDuty's log
// does not show yet. When it does, it says nothing new.
func (b *inbox) acknowledge(ctx context.Context, by incident.By, ids []string) ([]incident.ID, error) {
	ours, err := b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		return b.api.Acknowledge(ctx, from, ids...)
	})
	for _, id := range ours {
		inc, look := b.db.Incident(ctx, id)
		if look == nil && !inc.Status.Over() && !inc.Acknowledged() {
			_, look = incident.NewDesk(b.db).Acknowledge(ctx, by, id)
		}
		err = errors.Join(err, look)
	}
	return ours, err
}

func (b *inbox) resolve(ctx context.Context, by incident.By, ids []string, resolution string) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		return b.api.Resolve(ctx, from, resolution, ids...)
	})
}

func (b *inbox) note(ctx context.Context, by incident.By, ids []string, text string) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		for _, id := range ids {
			if err := b.api.Note(ctx, from, id, text, ulid.Make().String()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *inbox) snooze(ctx context.Context, by incident.By, ids []string, length time.Duration) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		for _, id := range ids {
			if err := b.api.Snooze(ctx, from, id, length); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *inbox) escalate(ctx context.Context, by incident.By, ids []string, level uint) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		return b.api.Escalate(ctx, from, level, ids...)
	})
}

// reassign gives them to users, each by ID, e-mail, name, or what the configuration
// calls them.
func (b *inbox) reassign(ctx context.Context, by incident.By, ids, users []string) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		to, err := b.users(ctx, users)
		if err != nil {
			return err
		}
		return b.api.Reassign(ctx, from, to, ids...)
	})
}

// users is the IDs of users there.
func (b *inbox) users(ctx context.Context, names []string) (ids []string, err error) {
	for _, name := range names {
		p := b.config.People[name]
		switch {
		case p.PagerDuty != "":
			ids = append(ids, p.PagerDuty)
			continue
		case foreignID.MatchString(name):
			ids = append(ids, name)
			continue
		case p.Email != "":
			name = p.Email
		}
		u, err := b.api.UserNamed(ctx, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, u.ID)
	}
	return ids, nil
}

// request asks users, and whom escalation policies call, to come and help. As with
// tell, one whose answer is lost may have been sent.
func (b *inbox) request(ctx context.Context, by incident.By, ids, users, policies []string, message string) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		requester, err := b.api.UserNamed(ctx, from)
		if err != nil {
			return err
		}
		to, err := b.users(ctx, users)
		if err != nil {
			return err
		}
		var groups []string
		for _, name := range policies {
			p, err := b.api.Policy(ctx, name)
			if err != nil {
				return err
			}
			groups = append(groups, p.ID)
		}
		for _, id := range ids {
			if err := b.api.Request(ctx, from, requester.ID, id, message, to, groups); err != nil {
				return maybe(err, "the request for responders to %s", id)
			}
		}
		return nil
	})
}

func (b *inbox) merge(ctx context.Context, by incident.By, ids []string, into string) ([]incident.ID, error) {
	return b.do(ctx, by, append(slices.Clone(ids), into), func(ctx context.Context, from string, all []string) error {
		return b.api.Merge(ctx, from, into, all[:len(all)-1]...)
	})
}

// tell sends a status update. One whose answer is lost may have been sent, and is not
// sent again: nobody could tell the two apart.
func (b *inbox) tell(ctx context.Context, by incident.By, ids []string, text string) ([]incident.ID, error) {
	return b.do(ctx, by, ids, func(ctx context.Context, from string, ids []string) error {
		for _, id := range ids {
			if err := b.api.Tell(ctx, from, id, text); err != nil {
				return maybe(err, "the update of %s", id)
			}
		}
		return nil
	})
}
