package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// duties asks who is on call and what is open in PagerDuty for as long as the screen
// shows that, one request after the other.
type duties struct {
	mailbox *tui.Mailbox
	list    *onCallList
	inbox   *inbox // nil without a token
	policy  escalation.Policy
	actor   incident.Person
	me      string // the actor's ID there; empty until it is known, or if there is none

	pace pace
	wake chan struct{} // one place: a burst coalesces
}

// newDuties is for one screen.
func (c *centre) newDuties(ctx context.Context, m *tui.Mailbox) (*duties, error) {
	d := &duties{mailbox: m, list: c.onCall, policy: c.policy, actor: c.rec.by.Actor, wake: make(chan struct{}, 1)}
	if c.onCall.api == nil {
		return d, nil
	}
	var err error
	d.inbox, err = c.app.inbox(ctx, c.db)
	return d, err
}

// Shows is tui.Options': it says which view is on the screen. It never blocks.
func (d *duties) Shows(s keys.Scope) {
	d.pace.show(s == keys.OnCall, time.Now())
	d.rouse()
}

// refresh asks again at once, if anybody looks.
func (d *duties) refresh() {
	d.pace.refresh()
	d.rouse()
}

func (d *duties) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run asks until ctx ends.
func (d *duties) Run(ctx context.Context) error {
	return d.run(ctx, d.look)
}

// run looks whenever it is due. Look says how long PagerDuty wants to be left alone.
func (d *duties) run(ctx context.Context, look func(ctx context.Context, people bool, now time.Time) time.Duration) error {
	for {
		now := time.Now()
		if due, people := d.pace.due(now); due {
			quiet := look(ctx, people, now)
			d.pace.done(people, time.Now(), quiet)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		var timer <-chan time.Time
		if next := d.pace.next(now); !next.IsZero() {
			timer = time.After(next.Sub(now))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.wake:
		case <-timer:
		}
	}
}

// How often is asked while somebody looks.
const (
	inboxEvery  = 15 * time.Second
	peopleEvery = 5 * time.Minute
	inboxAfter  = time.Minute // after the view was left: who comes back sees no old list
)

// pace is when to ask. It may be used by several goroutines.
type pace struct {
	mu     sync.Mutex
	shown  bool
	left   time.Time // when the view was left
	inbox  time.Time // when the next look is due, which is the first one for the zero time
	people time.Time // the same, of who is on call
	quiet  time.Time // until then PagerDuty wants to be left alone
	again  bool      // it was asked for since the look began
}

func (p *pace) show(shown bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && !shown {
		p.left = now
	}
	p.shown = shown
}

// refresh makes everything due.
func (p *pace) refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbox, p.people, p.again = time.Time{}, time.Time{}, true
}

// due says whether to look now, and at the people too.
func (p *pace) due(now time.Time) (look, people bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.looked(now) || now.Before(p.quiet) || now.Before(p.inbox) {
		return false, false
	}
	p.again = false
	return true, !now.Before(p.people)
}

// looked says whether anybody looks, or did a moment ago.
func (p *pace) looked(now time.Time) bool {
	return p.shown || !p.left.IsZero() && now.Before(p.left.Add(inboxAfter))
}

// next is when to ask due again; zero for when somebody looks.
func (p *pace) next(now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.looked(now) {
		return time.Time{}
	}
	next := p.inbox
	if p.quiet.After(next) {
		next = p.quiet
	}
	if end := p.left.Add(inboxAfter); !p.shown && next.After(end) {
		return time.Time{}
	}
	return next
}

// done takes note of a look that ended now; it stays due if it was asked for
// meanwhile.
func (p *pace) done(people bool, now time.Time, quiet time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if quiet > 0 {
		p.quiet = now.Add(quiet)
	}
	if p.again {
		return
	}
	p.inbox = now.Add(inboxEvery)
	if people {
		p.people = now.Add(peopleEvery)
	}
}

// look asks and publishes what comes. What does not come leaves what was there, with
// its age.
func (d *duties) look(ctx context.Context, people bool, now time.Time) time.Duration {
	if people {
		d.askPeople(ctx, now)
	}
	if d.inbox == nil {
		d.publish(func(o *pane.OnCall) { o.Inbox.Off = true })
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, inboxPatience)
	defer cancel()
	d.learnMe(ctx)
	items, whole, err := d.inbox.list(ctx)
	if err != nil {
		d.publish(func(o *pane.OnCall) { o.Inbox.Err = err.Error() })
		return throttled(err)
	}
	list := make([]pane.InboxItem, len(items))
	for i, it := range items {
		list[i] = d.itemOf(it)
	}
	d.publish(func(o *pane.OnCall) { o.Inbox = pane.Inbox{Items: list, More: !whole, At: time.Now()} })
	return 0
}

// throttled is how long PagerDuty wants to be left alone.
func throttled(err error) time.Duration {
	var call *pagerduty.CallError
	if errors.As(err, &call) && call.Class == escalation.Throttled {
		return call.After
	}
	return 0
}

// publish changes a copy of what is on the screen.
func (d *duties) publish(change func(*pane.OnCall)) {
	d.mailbox.Update(func(w *pane.World) {
		var next pane.OnCall
		if w.OnCall != nil {
			next = *w.OnCall
		}
		change(&next)
		w.OnCall = &next
	})
}

// askPeople publishes who answers: first as the store has it, for PagerDuty may take
// its time.
func (d *duties) askPeople(ctx context.Context, now time.Time) {
	rungs, service := d.ladder()
	show := func(r roster, at time.Time) {
		d.publish(func(o *pane.OnCall) {
			o.Service, o.Contacts, o.Faults, o.At, o.Down = service, r.contacts, r.faults, at, d.list.api != nil && len(r.faults) > 0
		})
	}
	if w := d.mailbox.World(); d.list.api != nil && (w.OnCall == nil || w.OnCall.At.IsZero()) {
		r := d.list.known(ctx, rungs)
		d.publish(func(o *pane.OnCall) { o.Service, o.Contacts = service, r.contacts })
	}
	r := d.list.roster(ctx, rungs, now)
	if ctx.Err() == nil {
		show(r, now)
	}
}

// ladder is whom an incident would call at its worst: all levels of the ladder that
// the service of the worst open incident has, else of the usual one.
func (d *duties) ladder() ([]escalation.LevelRule, string) {
	service := ""
	if list := d.mailbox.World().Incidents; len(list) > 0 && !list[0].Status.Over() {
		service = list[0].Service
	}
	return d.policy.For(incident.Incident{Service: service}).Ladder(incident.Sev1), service
}

// learnMe finds out, once, who the person at the screen is in PagerDuty. Somebody
// whom it does not know is nobody there; pagerduty.from may be several.
func (d *duties) learnMe(ctx context.Context) {
	p := d.inbox.config.People[string(d.actor)]
	switch {
	case d.me != "":
	case p.PagerDuty != "":
		d.me = p.PagerDuty
	case p.Email != "":
		if u, err := d.inbox.api.UserNamed(ctx, p.Email); err == nil {
			d.me = u.ID
		}
	}
}

func (d *duties) itemOf(it inboxItem) pane.InboxItem {
	me := func(u pagerduty.User) bool { return d.me != "" && u.ID == d.me }
	out := itemOf(it)
	out.Mine, out.Has = slices.ContainsFunc(it.Assigned, me), slices.ContainsFunc(it.Acknowledged, me)
	return out
}

// itemOf is an incident there for the screen.
func itemOf(it inboxItem) pane.InboxItem {
	return pane.InboxItem{
		ID: it.ID, Title: it.Title, URL: it.URL, Number: it.Number, Acked: it.Status == "acknowledged", Low: it.Urgency == "low", Service: it.Service,
		Policy: it.Policy, Created: it.CreatedAt, Assigned: userNames(it.Assigned), AckedBy: userNames(it.Acknowledged), Alerts: it.Alerts, Ours: it.Ours,
	}
}
