package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// deliverPatience is how long a command that changes what is due stays to
// send it.
const deliverPatience = 10 * time.Second

// ladder is the engine that decides and sends, as the configuration says.
func (a *app) ladder(ctx context.Context, db *store.DB, state func(escalation.State), problem func(error)) (*escalation.Engine, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	policy, err := a.policy()
	if err != nil {
		return nil, err
	}
	install, err := db.Install(ctx)
	if err != nil {
		return nil, err
	}
	return escalation.New(escalation.Config{
		Book: db, Leases: db, Timeline: db, Audit: db, Senders: a.senders(c, db), Policy: policy, Install: install, Owner: a.owner(),
		State: state, Problem: problem, Missing: c.missing(policy), Chat: c.chat(), Notes: c.writesNotes(),
	}), nil
}

// senders are the ways out, by the kind of sink. They read their secrets when
// they need them. Without a store they say less of an incident.
func (a *app) senders(c *config, db *store.DB) map[string]escalation.Sender {
	return map[string]escalation.Sender{
		"pagerduty": a.pagerduty(c, db),
		"slack": slack.New(slack.Config{
			APIURL:  c.Slack.APIURL,
			Mention: func(p incident.Person) string { return c.People[string(p)].Slack },
			Phone:   func(p incident.Person) string { return c.People[string(p)].Phone },
			Picture: chatPicture(db), Instead: c.Slack.Channel, Runs: runsBeside(db),
			Token: c.botToken, Buttons: c.Slack.AppToken != "",
			Learn: func(ctx context.Context, workspace func() (string, bool)) { learnWorkspace(ctx, db, workspace) },
		}),
		"webhook":    c.webhook(),
		"command":    c.command(),
		"statuspage": c.statuspage(),
	}
}

// pagerduty is the way to PagerDuty's Events API.
func (a *app) pagerduty(c *config, db *store.DB) *pagerduty.Sender {
	host, err := os.Hostname()
	if err != nil {
		host = "sitrep"
	}
	var links []pagerduty.Link
	for _, l := range c.PagerDuty.Links {
		links = append(links, pagerduty.Link{Text: l.Text, URL: l.URL})
	}
	var images []pagerduty.Image
	for _, i := range c.PagerDuty.Images {
		images = append(images, pagerduty.Image{Alt: i.Alt, URL: i.URL})
	}
	return pagerduty.New(pagerduty.Config{
		EventsURL: c.PagerDuty.EventsURL, Source: host, Links: links, Images: images, API: c.pagerdutyAPI(), From: c.PagerDuty.From,
		More: func(ctx context.Context, inc incident.Incident) []pagerduty.Link { return chatLinks(ctx, db, inc.ID) }, Runs: runsBeside(db),
		Key: func(ctx context.Context, name string) (string, error) {
			key, ok := c.PagerDuty.RoutingKeys[name]
			if !ok {
				return "", fmt.Errorf("the configuration has no pagerduty.routing_keys.%s", name)
			}
			return key.read(ctx, c.dir)
		},
	})
}

// writesNotes says whether sitrep itself may write notes at PagerDuty.
func (c *config) writesNotes() bool { return c.pagerdutyAPI() != nil && c.PagerDuty.From != "" }

// workspaceAnswer is the name under which the address of Slack's workspace is kept.
const workspaceAnswer = "slack/workspace"

// learnWorkspace keeps the address of the workspace; it is asked for again after a
// day: a workspace may be renamed.
func learnWorkspace(ctx context.Context, db *store.DB, ask func() (string, bool)) {
	if db == nil {
		return
	}
	now := time.Now()
	if _, at, err := db.Answer(ctx, workspaceAnswer); err != nil || now.Sub(at) < 24*time.Hour {
		return
	}
	if address, ok := ask(); ok {
		_ = db.KeepAnswer(ctx, workspaceAnswer, now, incident.Payload(address)) // without it links lead to the channel only
	}
}

// slackHome is that address; empty while nobody has asked.
func slackHome(ctx context.Context, db *store.DB) (address string) {
	body, _, err := db.Answer(ctx, workspaceAnswer)
	if err != nil || json.Unmarshal(body, &address) != nil {
		return ""
	}
	return address
}

// chatLinks leads to the headlines in Slack about an incident, or to their channels
// while the workspace's address is not known. A page does without what cannot be
// found out.
func chatLinks(ctx context.Context, db *store.DB, id incident.ID) (links []pagerduty.Link) {
	if db == nil {
		return nil
	}
	messages, err := db.Messages(ctx, id)
	if err != nil {
		return nil
	}
	home := slackHome(ctx, db)
	seen := map[string]bool{}
	for _, m := range messages {
		channel, _, _ := strings.Cut(m.Ref, "/")
		if m.Kind() == "slack" && m.State == escalation.Accepted && channel != "" && m.Content().Headline && m.Operation == escalation.OpPost && !seen[channel] {
			seen[channel] = true
			to := cmp.Or(slack.Permalink(home, m.Ref), "https://slack.com/app_redirect?channel="+url.QueryEscape(channel))
			links = append(links, pagerduty.Link{Text: "Slack " + m.Target(), URL: to})
		}
	}
	return links
}

// deliver sends what a command about incidents made due, if nobody else does,
// and says what became of it. A page that was not accepted makes the exit code 5.
func (a *app) deliver(ctx context.Context, db *store.DB, ids ...incident.ID) error {
	began := time.Now().Add(-time.Second)
	var problems problemList
	engine, err := a.ladder(ctx, db, nil, problems.add)
	if err != nil {
		return err
	}
	said := a.sayWaiting(ctx, db, ids)
	err = engine.Deliver(ctx, deliverPatience)
	said()
	for _, text := range problems.texts {
		fmt.Fprintf(a.stderr, "%s\n", sanitise(text))
	}
	var held *escalation.HeldError
	elsewhere := errors.As(err, &held)
	if err != nil && !elsewhere {
		return withCode(exitInconclusive, fmt.Errorf("%s: recorded, but NOBODY was paged by this command: %w; whoever runs the ladder will (sitrep daemon)", idList(ids), err))
	}
	var unsent error
	open := false
	for _, id := range ids {
		messages, err := a.settled(ctx, db, id, elsewhere)
		if err != nil {
			return err
		}
		unsent = errors.Join(unsent, a.outcome(id, messages, began))
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return err
		}
		told, err := db.Told(ctx, id)
		if err != nil {
			return err
		}
		if told < inc.Seq && !inc.Status.Over() { // nobody has looked at it: there is not even a message
			unsent = errors.Join(unsent, unplanned(id, pagedSince(messages, began), held, problems.texts))
		}
		a.sayQuiet(inc)
		open = open || !inc.Status.Over()
	}
	if open && !elsewhere {
		fmt.Fprintln(a.stderr, nobodyRuns)
	}
	return withCode(exitInconclusive, unsent)
}

// pagedSince says whether a page was accepted since then.
func pagedSince(messages []escalation.Message, since time.Time) bool {
	return slices.ContainsFunc(messages, func(m escalation.Message) bool {
		return m.Operation == escalation.OpTrigger && m.State == escalation.Accepted && !m.AcceptedAt.Before(since)
	})
}

// unplanned says that nobody has come so far as to decide whom to page for all that
// is recorded of an incident, and why; paged is whether a page was accepted for an
// earlier part of it.
func unplanned(id incident.ID, paged bool, held *escalation.HeldError, problems []string) error {
	why := "the ladder could not look at it"
	if held != nil {
		why = fmt.Sprintf("%s holds the ladder and has not looked at it for %s: does that still run? Its hold ends at %s", held.Owner, deliverPatience, stamp(held.Expires))
	}
	if len(problems) > 0 {
		why = "what failed stands above"
	}
	if paged {
		return fmt.Errorf("%s: a page was accepted, and what happened after it is recorded and pages nobody yet: %s; start sitrep daemon", id, why)
	}
	return fmt.Errorf("%s is recorded, and NOBODY was paged: %s; call by phone, and start sitrep daemon", id, why)
}

// problemList is what went wrong, each text once: a store that is full fails
// everything, and every second.
type problemList struct{ texts []string }

func (l *problemList) add(err error) {
	const most = 5
	_, cause, found := strings.Cut(err.Error(), ": store ") // what was tried, and what the store says
	known := slices.ContainsFunc(l.texts, func(text string) bool {
		return text == err.Error() || found && strings.HasSuffix(text, ": store "+cause)
	})
	if !known && len(l.texts) < most {
		l.texts = append(l.texts, err.Error())
	}
}

// sayWaiting says, if sending takes more than a moment, that it is recorded and
// what is waited for. The function that it gives ends that.
func (a *app) sayWaiting(ctx context.Context, db *store.DB, ids []incident.ID) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		if pauseFor(ctx, time.Second) != nil {
			return
		}
		var sinks []string
		for _, id := range ids {
			messages, err := db.Messages(ctx, id)
			if err != nil {
				return // what is wrong is said by what waits for it
			}
			for _, m := range messages {
				if m.Open() && !m.Beside() && !slices.Contains(sinks, m.Sink) {
					sinks = append(sinks, m.Sink)
				}
			}
		}
		if len(sinks) > 0 && ctx.Err() == nil {
			fmt.Fprintf(a.stderr, "recorded; waiting up to %s for %s\n", deliverPatience, sanitise(strings.Join(sinks, ", ")))
		}
	}()
	return func() {
		cancel()
		<-over
	}
}

// sayQuiet says that quiet hours keep the ladder from calling anybody.
func (a *app) sayQuiet(inc incident.Incident) {
	if until := escalation.QuietUntil(inc, time.Now()); !until.IsZero() {
		fmt.Fprintf(a.stderr, "%s: %s\n", inc.ID, quietWords(until))
	}
}

func quietWords(until time.Time) string {
	return "quiet hours: nobody is called before " + until.UTC().Format("Mon 15:04") + " UTC"
}

func idList(ids []incident.ID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}

// outcome says what became of the messages of an incident; the error is those
// that nobody has accepted.
func (a *app) outcome(id incident.ID, messages []escalation.Message, began time.Time) error {
	unsent := 0
	for _, m := range messages {
		if m.State == escalation.Superseded || m.Beside() && m.State != escalation.Accepted {
			continue
		}
		if m.State != escalation.Accepted {
			unsent++
		} else if m.QueuedAt.Before(began) {
			continue // an earlier command has said so
		}
		fmt.Fprintf(a.stderr, "%s\n", sanitise(describeMessage(m)))
	}
	if unsent == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d of %d messages are not accepted yet; sitrep pages %s shows them", id, unsent, len(messages), id)
}

// settled is the messages of an incident; if another process sends them, once
// that has had time to.
func (a *app) settled(ctx context.Context, db *store.DB, id incident.ID, elsewhere bool) ([]escalation.Message, error) {
	deadline := time.Now().Add(deliverPatience)
	for {
		messages, err := db.Messages(ctx, id)
		if err != nil || !elsewhere {
			return messages, err
		}
		told, err := db.Told(ctx, id)
		if err != nil {
			return nil, err
		}
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return nil, err
		}
		waiting := told < inc.Seq
		for _, m := range messages {
			waiting = waiting || !m.Beside() && m.Open() && m.NotBefore.Before(deadline)
		}
		if !waiting || time.Now().After(deadline) {
			return messages, nil
		}
		select {
		case <-ctx.Done():
			return messages, nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// describeMessage is one message on one line.
func describeMessage(m escalation.Message) string {
	text := fmt.Sprintf("%s %s: %s", m.Sink, pageWord(m.Operation), escalation.Delivery{Message: m}.Outcome())
	if m.Level != "" {
		text = fmt.Sprintf("%s round %d %s", m.Level, m.Round, text)
	}
	if m.Error != "" && m.State != escalation.Accepted {
		text += ": " + m.Error
	}
	return text
}
