package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// outbox is the part of Memory that the ladder's engine works on.
type outbox struct {
	messages []escalation.Message
	told     map[incident.ID]int64
	next     map[incident.ID]time.Time
	health   map[string]escalation.SinkHealth
	lease    escalation.Lease
}

// Turn is escalation.Book's.
func (m *Memory) Turn(_ context.Context, lease escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.holds(lease, now) {
		return escalation.ErrLeaseLost
	}
	inc, err := m.find(id)
	if err != nil {
		return err
	}
	c := escalation.Case{Incident: inc, Messages: m.about(id)}
	for _, e := range m.events {
		if e.Incident == id && e.Seq > m.outbox.told[id] {
			c.News = append(c.News, e)
		}
	}
	d, err := decide(c)
	if err != nil {
		return err
	}
	for i, q := range d.Queue {
		if q.Operation == escalation.OpTrigger && slices.ContainsFunc(slices.Concat(m.outbox.messages, d.Queue[:i]), func(o escalation.Message) bool {
			return o.Operation == q.Operation && o.DedupKey == q.DedupKey
		}) {
			return fmt.Errorf("queue %s to %s: a page of the key %s stands already", q.Operation, q.Sink, q.DedupKey)
		}
	}
	for _, q := range d.Queue {
		q.Seq, q.Parent = int64(len(m.outbox.messages))+1, ""
		m.outbox.messages = append(m.outbox.messages, q)
	}
	for _, p := range d.Put {
		i := slices.IndexFunc(m.outbox.messages, func(o escalation.Message) bool { return o.ID == p.ID })
		p.Seq, p.Parent = m.outbox.messages[i].Seq, ""
		m.outbox.messages[i] = p
	}
	m.append(d.Events)
	for _, h := range d.Health {
		m.outbox.health[h.Sink] = h
	}
	m.outbox.told[id] = max(m.outbox.told[id], d.Told)
	if d.Looked {
		m.outbox.next[id] = d.Next
	}
	return nil
}

// Due is escalation.Book's.
func (m *Memory) Due(_ context.Context, lease escalation.Lease, now time.Time) (ids []incident.ID, next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	orphans := map[incident.ID]bool{}
	for i := range m.outbox.messages {
		if o := &m.outbox.messages[i]; o.State == escalation.Sending && o.Epoch != lease.Epoch {
			orphans[o.Incident] = true
		}
	}
	for _, inc := range m.incidents {
		at := m.outbox.next[inc.ID]
		switch {
		case inc.Seq > m.outbox.told[inc.ID], orphans[inc.ID], !at.IsZero() && !at.After(now):
			ids = append(ids, inc.ID)
		case !at.IsZero() && (next.IsZero() || at.Before(next)):
			next = at
		}
	}
	return ids, next, nil
}

// Health is escalation.Book's.
func (m *Memory) Health(context.Context) ([]escalation.SinkHealth, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.outbox.health)), nil
}

// Heads is escalation.Book's.
func (m *Memory) Heads(context.Context) ([]escalation.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var heads []escalation.Message
	begun := map[string]bool{}
	for i := range m.outbox.messages {
		if o := &m.outbox.messages[i]; o.Open() && !begun[o.Stream] {
			begun[o.Stream] = true
			heads = append(heads, *o)
		}
	}
	return heads, nil
}

// Messages is escalation.Ledger's.
func (m *Memory) Messages(_ context.Context, id incident.ID) ([]escalation.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.about(id), nil
}

func (m *Memory) about(id incident.ID) []escalation.Message {
	var list []escalation.Message
	for i := range m.outbox.messages {
		if o := &m.outbox.messages[i]; id == "" || o.Incident == id {
			list = append(list, *o)
		}
	}
	return list
}

// Lease is who runs the ladder.
func (m *Memory) Lease(context.Context) (escalation.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.outbox.lease, nil
}

// Take is escalation.Leases'.
func (m *Memory) Take(_ context.Context, owner string, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.outbox.lease.Held(now, ttl) {
		return escalation.Lease{}, &escalation.HeldError{Lease: m.outbox.lease}
	}
	m.outbox.lease = escalation.Lease{Owner: owner, Epoch: m.outbox.lease.Epoch + 1, Expires: now.Add(ttl)}
	return m.outbox.lease, nil
}

// Renew is escalation.Leases'.
func (m *Memory) Renew(_ context.Context, l escalation.Lease, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.holds(l, now) {
		return l, escalation.ErrLeaseLost
	}
	m.outbox.lease.Expires = now.Add(ttl)
	return m.outbox.lease, nil
}

// Release is escalation.Leases'.
func (m *Memory) Release(_ context.Context, l escalation.Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.outbox.lease.Owner == l.Owner && m.outbox.lease.Epoch == l.Epoch {
		m.outbox.lease.Owner, m.outbox.lease.Expires = "", time.Time{}
	}
	return nil
}

func (m *Memory) holds(l escalation.Lease, now time.Time) bool {
	have := m.outbox.lease
	return have.Owner == l.Owner && have.Epoch == l.Epoch && have.Live(now)
}

// Last is the Seq of the newest event.
func (m *Memory) Last(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.events)), nil
}
