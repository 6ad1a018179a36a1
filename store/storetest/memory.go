// Package storetest holds the suite that every implementation of sitrep's
// store interfaces passes, and Memory, which passes it too: engines are tested
// on it in virtual time, where SQLite and sockets cannot be waited on.
package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Memory is a store in memory. It is safe for concurrent use.
type Memory struct {
	mu        sync.Mutex
	events    []incident.Event
	once      map[string]incident.ID
	incidents []incident.Incident
	changed   chan struct{}
	outbox    outbox
	frozen    map[string][]incident.Frozen // by the event at which they were taken
}

// NewMemory is an empty store.
func NewMemory() *Memory {
	return &Memory{
		once: map[string]incident.ID{}, changed: make(chan struct{}),
		frozen: map[string][]incident.Frozen{},
		outbox: outbox{told: map[incident.ID]int64{}, next: map[incident.ID]time.Time{}, health: map[string]escalation.SinkHealth{}},
	}
}

// Open is incident.Timeline's.
func (m *Memory) Open(_ context.Context, decide func(incident.ID) ([]incident.Event, error)) (incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	events, err := decide(incident.NumberedID(len(m.incidents) + 1))
	if err != nil {
		return incident.Incident{}, err
	}
	if err := m.refuse(events); err != nil {
		return incident.Incident{}, err
	}
	m.append(events)
	return m.incidents[len(m.incidents)-1], nil
}

// Decide is incident.Timeline's.
func (m *Memory) Decide(_ context.Context, id incident.ID, decide func(incident.Incident) ([]incident.Event, error)) (incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	inc, err := m.find(id)
	if err != nil {
		return inc, err
	}
	events, err := decide(inc)
	if err != nil {
		return inc, err
	}
	if err := m.refuse(events); err != nil {
		return inc, err
	}
	m.append(events)
	return m.find(id)
}

// Append records events without a decision; one whose Once stands already is
// left out.
func (m *Memory) Append(_ context.Context, events ...incident.Event) ([]incident.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if err := e.Check(); err != nil {
			return nil, err
		}
		if e.Incident != "" {
			if _, err := m.find(e.Incident); err != nil {
				return nil, err
			}
		}
	}
	return m.append(events), nil
}

// Incident is the incident as it stands.
func (m *Memory) Incident(_ context.Context, id incident.ID) (incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(id)
}

// Incidents lists incidents, newest first.
func (m *Memory) Incidents(_ context.Context, openOnly bool, limit int) ([]incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []incident.Incident
	for i := len(m.incidents) - 1; i >= 0 && (limit <= 0 || len(list) < limit); i-- {
		if inc := m.incidents[i]; !openOnly || !inc.Status.Over() {
			list = append(list, inc)
		}
	}
	return list, nil
}

// After is up to limit events with a Seq above seq.
func (m *Memory) After(_ context.Context, seq int64, limit int) ([]incident.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := min(max(int(seq), 0), len(m.events))
	to := min(from+limit, len(m.events))
	return append([]incident.Event(nil), m.events[from:to]...), nil
}

// Timeline is every event of an incident in the order of recording.
func (m *Memory) Timeline(_ context.Context, id incident.ID) ([]incident.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.find(id); err != nil {
		return nil, err
	}
	var list []incident.Event
	for _, e := range m.events {
		if e.Incident == id {
			list = append(list, e)
		}
	}
	return list, nil
}

// Page is the limit events of an incident that were recorded last before one.
func (m *Memory) Page(ctx context.Context, id incident.ID, before int64, limit int) ([]incident.Event, error) {
	list, err := m.Timeline(ctx, id)
	if i := slices.IndexFunc(list, func(e incident.Event) bool { return before > 0 && e.Seq >= before }); i >= 0 {
		list = list[:i]
	}
	return list[max(0, len(list)-limit):], err
}

// Wait returns when the timeline holds an event above seq.
func (m *Memory) Wait(ctx context.Context, seq int64) error {
	for {
		m.mu.Lock()
		changed, last := m.changed, int64(len(m.events))
		m.mu.Unlock()
		if last > seq {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (m *Memory) find(id incident.ID) (incident.Incident, error) {
	for _, inc := range m.incidents {
		if inc.ID == id {
			return inc, nil
		}
	}
	return incident.Incident{}, fmt.Errorf("%s: %w (sitrep incident list shows them)", id, incident.ErrUnknown)
}

func (m *Memory) refuse(events []incident.Event) error {
	for _, e := range events {
		if err := e.Check(); err != nil {
			return err
		}
		if id, ok := m.once[e.Once]; ok && e.Once != "" {
			return &incident.DuplicateError{Cause: e.Once, Incident: id}
		}
	}
	return nil
}

// append holds what every write does; the caller holds mu.
func (m *Memory) append(events []incident.Event) (written []incident.Event) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	for _, e := range events {
		if _, stands := m.once[e.Once]; stands && e.Once != "" {
			continue
		}
		if e.ID == "" {
			e.ID = ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
		}
		e.Seq, e.Recorded = int64(len(m.events))+1, now
		if e.At.IsZero() {
			e.At = now
		}
		e.At = e.At.UTC().Truncate(time.Microsecond)
		if e.Once != "" {
			m.once[e.Once] = e.Incident
		}
		m.fold(e)
		e.Once = ""
		m.events = append(m.events, e)
		written = append(written, e)
	}
	if len(written) > 0 {
		close(m.changed)
		m.changed = make(chan struct{})
	}
	return written
}

func (m *Memory) fold(e incident.Event) {
	for i, inc := range m.incidents {
		if inc.ID == e.Incident && e.Incident != "" {
			m.incidents[i] = inc.Apply(e)
			return
		}
	}
	if inc := (incident.Incident{}).Apply(e); inc.Declared() {
		m.incidents = append(m.incidents, inc)
	}
}
