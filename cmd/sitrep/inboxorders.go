package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// actThere does in PagerDuty what a person asked for on the screen, by the way of the
// commands: what is done to one of ours stands on its timeline once.
func (o *operator) actThere(ctx context.Context, order pane.InboxOrder) (pane.Receipt, error) {
	b := o.duties.inbox
	if b == nil {
		return pane.Receipt{}, fmt.Errorf("PagerDuty's incidents: %w", errNoToken)
	}
	defer o.duties.refresh()
	id, by := order.There(), o.by()
	var ours []incident.ID
	var err error
	done := ""
	switch order := order.(type) {
	case pane.InboxAck:
		ours, err = b.acknowledge(ctx, by, []string{id})
		done = fmt.Sprintf("acknowledged in PagerDuty by %s", by.Actor)
	case pane.InboxNote:
		ours, err = b.note(ctx, by, []string{id}, order.Text)
		done = "noted in PagerDuty"
	case pane.InboxSnooze:
		ours, err = b.snooze(ctx, by, []string{id}, order.Length)
		done = fmt.Sprintf("snoozed in PagerDuty for %s", span(order.Length))
	case pane.InboxEscalate:
		ours, err = b.escalate(ctx, by, []string{id}, order.Level)
		done = fmt.Sprintf("escalated in PagerDuty to level %d: %s", order.Level, order.Who)
	case pane.InboxRequest:
		ours, err = b.request(ctx, by, []string{id}, []string{order.Who}, nil, order.Message)
		done = fmt.Sprintf("%s asked through PagerDuty to help", order.Who)
	case pane.InboxUpdate:
		ours, err = b.tell(ctx, by, []string{id}, order.Text)
		done = "update sent through PagerDuty"
	case pane.InboxMerge:
		ours, err = b.merge(ctx, by, []string{id}, order.Into)
		done = "merged in PagerDuty into " + order.Into
	default:
		return pane.Receipt{}, fmt.Errorf("this sitrep does not know how to carry out %T", order)
	}
	text := id + ": " + done
	if err != nil || len(ours) == 0 {
		return pane.Receipt{Text: text, Outward: true}, err
	}
	inc, err := o.db.Incident(ctx, ours[0])
	return o.told(ctx, inc, err, fmt.Sprintf("%s (%s)", text, ours[0]))
}

// lookInto reads everything about one of PagerDuty's incidents.
func (o *operator) lookInto(ctx context.Context, order pane.LookInto) (pane.Receipt, error) {
	b := o.duties.inbox
	if b == nil {
		return pane.Receipt{}, fmt.Errorf("PagerDuty's incidents: %w", errNoToken)
	}
	ctx, cancel := context.WithTimeout(ctx, inboxPatience)
	defer cancel()
	d, err := b.look(ctx, order, time.Now())
	if err != nil {
		return pane.Receipt{}, err
	}
	return pane.Receipt{Looked: &d}, nil
}

// look asks for what the purpose needs, and no more.
func (b *inbox) look(ctx context.Context, order pane.LookInto, now time.Time) (pane.InboxDetail, error) {
	if order.For != pane.ToHandOn {
		d, err := b.detail(ctx, order.ID, now)
		return detailOf(d), err
	}
	there, err := b.api.Incident(ctx, order.ID)
	if err != nil {
		return pane.InboxDetail{}, err
	}
	if there.PolicyID == "" { // none is all of the account
		return pane.InboxDetail{}, errors.New("pagerduty: the incident has no escalation policy")
	}
	d := pane.InboxDetail{Item: itemOf(inboxItem{Incident: there}), Status: there.Status}
	calls, _, err := b.api.OnCalls(ctx, []string{there.PolicyID}, now)
	for _, c := range calls {
		if n := len(d.Levels); c.Level > 0 && (n == 0 || d.Levels[n-1].Level != uint(c.Level)) {
			d.Levels = append(d.Levels, pane.InboxLevel{Level: uint(c.Level)})
		}
		if n := len(d.Levels); n > 0 {
			d.Levels[n-1].Who = append(d.Levels[n-1].Who, c.User.Name)
		}
	}
	return d, err
}

// detailOf is a detail for the screen.
func detailOf(d inboxDetail) pane.InboxDetail {
	out := pane.InboxDetail{
		Item: pane.InboxItem{
			ID: d.ID, Title: d.Title, URL: d.URL, Number: d.Number, Low: d.Urgency == "low", Service: d.Service, Policy: d.Policy,
			Assigned: d.Assigned, AckedBy: d.Acknowledged, Ours: d.Ours,
		},
		Status: d.Status,
	}
	if d.CreatedAt != nil {
		out.Item.Created = *d.CreatedAt
	}
	for _, a := range d.Alerts {
		alert := pane.InboxAlert{Summary: a.Summary, Severity: a.Severity, Status: a.Status}
		for _, l := range a.Links {
			if u, err := url.Parse(l.URL); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
				alert.Links = append(alert.Links, pane.InboxLink(l))
			}
		}
		out.Alerts = append(out.Alerts, alert)
	}
	for _, e := range d.Log {
		entry := pane.InboxEntry{By: e.By, Text: e.Text}
		if e.At != nil {
			entry.At = *e.At
		}
		if e.Kind != string(pagerduty.DidNote) {
			out.Log = append(out.Log, entry)
			continue
		}
		if e.By != "" {
			entry.Text = e.By + ": " + e.Text
		}
		out.Notes = append(out.Notes, entry)
	}
	return out
}
