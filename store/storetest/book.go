package storetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// Outbox is what the ladder's engine needs of a store, for its suite.
type Outbox interface {
	Log
	escalation.Book
	escalation.Ledger
	escalation.Leases
	escalation.Follower
}

// Book is the suite for the outbox and its lease. Open makes an empty store.
func Book(t *testing.T, open func(*testing.T) Outbox) {
	for name, test := range map[string]func(*testing.T, Outbox){
		"one owner at a time, each under an epoch of its own": oneOwner,
		"a clock that jumps holds no lease up":                jumpingLease,
		"without the lease nothing is written":                leaselessWritesNothing,
		"a decision is written whole":                         writtenWhole,
		"an error of the decision writes nothing":             errorWritesNothing,
		"no page is opened twice":                             noPageTwice,
		"the first open message of every stream is a head":    heads,
		"what is due is looked at, and nothing else":          dueOnly,
		"how the sinks are doing is kept":                     keptHealth,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

const ttl = 30 * time.Second

func take(t *testing.T, b Outbox, now time.Time) escalation.Lease {
	t.Helper()
	l, err := b.Take(t.Context(), "ana@bastion 1", now, ttl)
	require.NoError(t, err)
	return l
}

func oneOwner(t *testing.T, b Outbox) {
	now := time.Now().UTC().Truncate(time.Second)
	first := take(t, b, now)
	require.EqualValues(t, 1, first.Epoch)
	_, err := b.Take(t.Context(), "bob@bastion 2", now.Add(time.Second), ttl)
	var held *escalation.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, "ana@bastion 1", held.Owner)

	renewed, err := b.Renew(t.Context(), first, now.Add(20*time.Second), ttl)
	require.NoError(t, err)
	require.Equal(t, now.Add(50*time.Second), renewed.Expires)

	second, err := b.Take(t.Context(), "bob@bastion 2", now.Add(51*time.Second), ttl)
	require.NoError(t, err, "it had run out")
	require.EqualValues(t, 2, second.Epoch)
	_, err = b.Renew(t.Context(), renewed, now.Add(52*time.Second), ttl)
	require.ErrorIs(t, err, escalation.ErrLeaseLost)

	require.NoError(t, b.Release(t.Context(), renewed), "an old lease is left alone")
	_, err = b.Take(t.Context(), "carol@bastion 3", now.Add(53*time.Second), ttl)
	require.ErrorAs(t, err, &held)
	require.NoError(t, b.Release(t.Context(), second))
	third, err := b.Take(t.Context(), "carol@bastion 3", now.Add(53*time.Second), ttl)
	require.NoError(t, err)
	require.EqualValues(t, 3, third.Epoch)
}

// Whoever died with the lease before the clock went back is not waited for, and
// whoever lives with it loses it at most once.
func jumpingLease(t *testing.T, b Outbox) {
	now := time.Now().UTC().Truncate(time.Second)
	dead := take(t, b, now)
	back := now.Add(-time.Hour)
	second, err := b.Take(t.Context(), "bob@bastion 2", back, ttl)
	require.NoError(t, err)
	require.EqualValues(t, 2, second.Epoch)
	_, err = b.Renew(t.Context(), dead, back, ttl)
	require.ErrorIs(t, err, escalation.ErrLeaseLost)
	var held *escalation.HeldError
	_, err = b.Take(t.Context(), "ana@bastion 1", back.Add(time.Second), ttl)
	require.ErrorAs(t, err, &held)

	renewed, err := b.Renew(t.Context(), second, back.Add(-20*time.Second), ttl)
	require.NoError(t, err, "a step of the clock, as time servers make them")
	require.Equal(t, back.Add(10*time.Second), renewed.Expires)
	_, err = b.Take(t.Context(), "ana@bastion 1", back.Add(-20*time.Second), ttl)
	require.ErrorAs(t, err, &held)
	forward := back.Add(24 * time.Hour)
	_, err = b.Renew(t.Context(), renewed, forward, ttl)
	require.ErrorIs(t, err, escalation.ErrLeaseLost, "it ran out, as far as anybody can tell")
	third, err := b.Take(t.Context(), "bob@bastion 2", forward, ttl)
	require.NoError(t, err)
	require.EqualValues(t, 3, third.Epoch)
}

func leaselessWritesNothing(t *testing.T, b Outbox) {
	inc, now := declare(t, b), time.Now()
	lease := take(t, b, now)
	decide := func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{Queue: []escalation.Message{message(inc, "1", "s", now)}}, nil
	}
	old := lease
	old.Epoch--
	require.ErrorIs(t, b.Turn(t.Context(), old, now, inc.ID, decide), escalation.ErrLeaseLost)
	require.ErrorIs(t, b.Turn(t.Context(), lease, now.Add(ttl+time.Second), inc.ID, decide), escalation.ErrLeaseLost)
	list, err := b.Messages(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, list)
}

// message is one with every field set.
func message(inc incident.Incident, id, stream string, now time.Time) escalation.Message {
	now = now.UTC().Truncate(time.Microsecond)
	return escalation.Message{
		ID: id, Incident: inc.ID, Stream: stream, Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 2,
		DedupKey: "key/" + id, Payload: json.RawMessage(`{"text":"x"}`), State: escalation.Pending, Attempts: 3,
		QueuedAt: now, NotBefore: now.Add(time.Second), FirstTryAt: now.Add(2 * time.Second), LastTryAt: now.Add(3 * time.Second),
		AcceptedAt: now.Add(4 * time.Second), AcknowledgedAt: now.Add(5 * time.Second), Ref: "ref", Error: "error", Murky: true, Epoch: 7,
	}
}

func turn(t *testing.T, b Outbox, l escalation.Lease, id incident.ID, d escalation.Decision) (seen escalation.Case) {
	t.Helper()
	require.NoError(t, b.Turn(t.Context(), l, time.Now(), id, func(c escalation.Case) (escalation.Decision, error) {
		seen = c
		return d, nil
	}))
	return seen
}

func writtenWhole(t *testing.T, b Outbox) {
	inc, lease := declare(t, b), take(t, b, time.Now())
	m := message(inc, "1", "s", time.Now())
	seen := turn(t, b, lease, inc.ID, escalation.Decision{
		Queue: []escalation.Message{m}, Told: inc.Seq,
		Events: []incident.Event{{Incident: inc.ID, At: time.Now(), Kind: incident.PageQueued, Actor: incident.Sitrep, Text: "queued"}},
	})
	require.Len(t, seen.News, 1)
	require.Equal(t, incident.Declared, seen.News[0].Kind)
	require.Empty(t, seen.Messages)

	m.State, m.Error, m.Attempts, m.Payload = escalation.Accepted, "", 4, json.RawMessage(`{"text":"y"}`)
	seen = turn(t, b, lease, inc.ID, escalation.Decision{Put: []escalation.Message{m}})
	require.Len(t, seen.News, 1, "what was told is not told again")
	require.Equal(t, incident.PageQueued, seen.News[0].Kind)

	seen = turn(t, b, lease, inc.ID, escalation.Decision{})
	m.Seq = 1
	require.Equal(t, []escalation.Message{m}, seen.Messages)
	list, err := b.Messages(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, seen.Messages, list)
}

func errorWritesNothing(t *testing.T, b Outbox) {
	inc, lease := declare(t, b), take(t, b, time.Now())
	no := errors.New("no")
	err := b.Turn(t.Context(), lease, time.Now(), inc.ID, func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{Queue: []escalation.Message{message(inc, "1", "s", time.Now())}, Told: 99}, no
	})
	require.ErrorIs(t, err, no)
	require.ErrorIs(t, b.Turn(t.Context(), lease, time.Now(), "INC-9", func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{}, nil
	}), incident.ErrUnknown)
	require.Empty(t, turn(t, b, lease, inc.ID, escalation.Decision{}).Messages)
}

func noPageTwice(t *testing.T, b Outbox) {
	inc, lease := declare(t, b), take(t, b, time.Now())
	first, second := message(inc, "1", "s", time.Now()), message(inc, "2", "s", time.Now())
	second.DedupKey = first.DedupKey
	err := b.Turn(t.Context(), lease, time.Now(), inc.ID, func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{Queue: []escalation.Message{first}}, nil
	})
	require.NoError(t, err)
	err = b.Turn(t.Context(), lease, time.Now(), inc.ID, func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{Queue: []escalation.Message{second}}, nil
	})
	require.Error(t, err)
	err = b.Turn(t.Context(), lease, time.Now(), inc.ID, func(escalation.Case) (escalation.Decision, error) {
		third, fourth := message(inc, "3", "s", time.Now()), message(inc, "4", "s", time.Now())
		fourth.DedupKey = third.DedupKey
		return escalation.Decision{Queue: []escalation.Message{third, fourth}}, nil
	})
	require.Error(t, err, "not in one decision either, and nothing of it is written")
	second.Operation = escalation.OpResolve
	turn(t, b, lease, inc.ID, escalation.Decision{Queue: []escalation.Message{second}})
	require.Len(t, turn(t, b, lease, inc.ID, escalation.Decision{}).Messages, 2)
}

func heads(t *testing.T, b Outbox) {
	inc, lease := declare(t, b), take(t, b, time.Now())
	done := message(inc, "1", "a", time.Now())
	done.State = escalation.Accepted
	failed := message(inc, "4", "c", time.Now())
	failed.State, failed.NotBefore = escalation.Failed, time.Time{}
	turn(t, b, lease, inc.ID, escalation.Decision{Queue: []escalation.Message{
		done, message(inc, "2", "a", time.Now()), message(inc, "3", "a", time.Now()), failed, message(inc, "5", "b", time.Now()),
	}})
	list, err := b.Heads(t.Context())
	require.NoError(t, err)
	var ids []string
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	require.Equal(t, []string{"2", "5"}, ids)
}

func dueOnly(t *testing.T, b Outbox) {
	now := time.Now().UTC().Truncate(time.Second)
	inc, lease := declare(t, b), take(t, b, now)
	due := func(now time.Time, l escalation.Lease) ([]incident.ID, time.Time) {
		ids, next, err := b.Due(t.Context(), l, now)
		require.NoError(t, err)
		return ids, next
	}
	one := []incident.ID{inc.ID}
	ids, _ := due(now, lease)
	require.Equal(t, one, ids, "nobody has looked at it yet")
	later := now.Add(time.Minute)
	turn(t, b, lease, inc.ID, escalation.Decision{Looked: true, Told: inc.Seq, Next: later})
	ids, next := due(now, lease)
	require.Empty(t, ids)
	require.Equal(t, later, next)
	ids, next = due(later, lease)
	require.Equal(t, one, ids)
	require.Zero(t, next, "there is no other")

	turn(t, b, lease, inc.ID, escalation.Decision{Queue: []escalation.Message{message(inc, "1", "s", now)}})
	_, next = due(now, lease)
	require.Equal(t, later, next, "a decision about a message says nothing about the rest")
	turn(t, b, lease, inc.ID, escalation.Decision{Looked: true, Told: inc.Seq})
	ids, next = due(now.Add(24*time.Hour), lease)
	require.Empty(t, ids, "it said never")
	require.Zero(t, next)

	inc, err := incident.NewDesk(b).Note(t.Context(), by("ana"), inc.ID, "the graph agrees")
	require.NoError(t, err)
	ids, _ = due(now, lease)
	require.Equal(t, one, ids, "an event wakes it")
	turn(t, b, lease, inc.ID, escalation.Decision{Looked: true, Told: inc.Seq})

	sending := message(inc, "1", "s", now)
	sending.State, sending.Epoch = escalation.Sending, lease.Epoch
	turn(t, b, lease, inc.ID, escalation.Decision{Put: []escalation.Message{sending}})
	ids, _ = due(now, lease)
	require.Empty(t, ids, "this lease is sending it")
	ids, _ = due(now, escalation.Lease{Epoch: lease.Epoch + 1})
	require.Equal(t, one, ids, "whoever was sending it has lost the lease")
}

func keptHealth(t *testing.T, b Outbox) {
	now := time.Now().UTC().Truncate(time.Second)
	inc, lease := declare(t, b), take(t, b, now)
	health := func() []escalation.SinkHealth {
		all, err := b.Health(t.Context())
		require.NoError(t, err)
		return all
	}
	require.Empty(t, health())
	h := escalation.SinkHealth{Sink: "pagerduty:primary", Tokens: 3.25, Refilled: now, Until: now.Add(time.Minute), Failures: 3, Broken: true, Why: "503"}
	turn(t, b, lease, inc.ID, escalation.Decision{Health: []escalation.SinkHealth{{Sink: h.Sink, Tokens: 1}}})
	turn(t, b, lease, inc.ID, escalation.Decision{Health: []escalation.SinkHealth{h}})
	turn(t, b, lease, inc.ID, escalation.Decision{})
	require.Equal(t, []escalation.SinkHealth{h}, health(), "the latest")
}
