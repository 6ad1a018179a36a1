package escalation_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// soak is a bad night: several sitreps on one store, killed and stopped at any
// call, and sinks that lose answers, come late, are down or ask for patience.
type soak struct {
	store *storetest.Memory
	desk  *incident.Desk
	pager *pager
	chat  *chat

	mu   sync.Mutex
	rand *rand.Rand
	calm bool // the night is over: nothing fails any more

	killed, stopped int
}

// chance is true in p of all cases while the night lasts.
func (k *soak) chance(p float64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.calm && k.rand.Float64() < p
}

// upTo is a duration below d.
func (k *soak) upTo(d time.Duration) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Duration(k.rand.Int64N(int64(d)))
}

func (k *soak) jitter() float64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rand.Float64()
}

var errKilled = errors.New("killed")

// sitrep is one process. A killed one does nothing more, a stopped one nothing
// until it is let go: neither notices.
type sitrep struct {
	*soak
	kill context.CancelFunc

	lock sync.Mutex
	dead bool
	stop chan struct{} // closed when it runs again; nil before the first time
}

// step is between any two things that a process does.
func (p *sitrep) step() error {
	p.lock.Lock()
	switch {
	case p.dead:
	case p.chance(0.001):
		p.dead = true
		p.count(&p.killed)
		p.kill()
	case p.chance(0.0006):
		stop := make(chan struct{})
		time.AfterFunc(p.upTo(90*time.Second), func() { close(stop) })
		p.stop = stop
		p.count(&p.stopped)
	}
	stop, dead := p.stop, p.dead
	p.lock.Unlock()
	if dead {
		return errKilled
	}
	if stop != nil {
		<-stop // everybody of the process waits here; no mutex, or time would not pass
	}
	return nil
}

func (k *soak) count(n *int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	*n++
}

func (p *sitrep) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	if err := p.step(); err != nil {
		return err
	}
	return errors.Join(p.store.Turn(ctx, l, now, id, decide), p.step())
}

func (p *sitrep) Due(ctx context.Context, l escalation.Lease, now time.Time) ([]incident.ID, time.Time, error) {
	if err := p.step(); err != nil {
		return nil, time.Time{}, err
	}
	return p.store.Due(ctx, l, now)
}

func (p *sitrep) Health(ctx context.Context) ([]escalation.SinkHealth, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	return p.store.Health(ctx)
}

func (p *sitrep) Heads(ctx context.Context) ([]escalation.Message, error) {
	if err := p.step(); err != nil {
		return nil, err
	}
	return p.store.Heads(ctx)
}

func (p *sitrep) Take(ctx context.Context, owner string, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := p.step(); err != nil {
		return escalation.Lease{}, err
	}
	return p.store.Take(ctx, owner, now, ttl)
}

func (p *sitrep) Renew(ctx context.Context, l escalation.Lease, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := p.step(); err != nil {
		return l, err
	}
	return p.store.Renew(ctx, l, now, ttl)
}

func (p *sitrep) Release(ctx context.Context, l escalation.Lease) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.store.Release(ctx, l)
}

func (p *sitrep) Last(ctx context.Context) (int64, error) {
	if err := p.step(); err != nil {
		return 0, err
	}
	return p.store.Last(ctx)
}

func (p *sitrep) Wait(ctx context.Context, seq int64) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.store.Wait(ctx, seq)
}

// mortal is a sink as one sitrep reaches it.
type mortal struct {
	*sitrep
	sink escalation.Sender
}

func (m mortal) Send(ctx context.Context, msg escalation.Message, inc incident.Incident) escalation.Outcome {
	m.lock.Lock()
	dead := m.dead
	m.lock.Unlock()
	if dead {
		return escalation.Outcome{Err: errKilled}
	}
	o := m.sink.Send(ctx, msg, inc)
	if err := m.step(); err != nil { // accepted perhaps, and never read
		return escalation.Outcome{Err: err}
	}
	return o
}

// keepAlive runs one sitrep after the other until ctx ends.
func (k *soak) keepAlive(ctx context.Context, host string) {
	for n := 1; ctx.Err() == nil; n++ {
		life, kill := context.WithCancel(ctx)
		p := &sitrep{soak: k, kill: kill}
		engine := escalation.New(escalation.Config{
			Book: p, Leases: p, Timeline: p, Install: "soak0000", Owner: fmt.Sprintf("sitrep@%s %d", host, n), Rand: k.jitter,
			Senders: map[string]escalation.Sender{"pagerduty": mortal{p, k.pager}, "slack": mortal{p, k.chat}},
		})
		_ = engine.Run(life)
		kill()
		select {
		case <-time.After(k.upTo(20 * time.Second)):
		case <-ctx.Done():
		}
	}
}

// end is how a request ends.
type end int

const (
	taken    end = iota
	refused      // it never arrived
	slowDown     // 429
	lost         // accepted, and the answer lost
	murky        // 503, not accepted
	late         // accepted after the client gave up
)

// end of a request that begins now. Sinks are down for the first minute of
// every seven.
func (k *soak) end(offset time.Duration) end {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.calm {
		return taken
	}
	if time.Now().Add(offset).Unix()%420 < 60 {
		return refused
	}
	switch d := k.rand.Float64(); {
	case d < 0.05:
		return refused
	case d < 0.11:
		return slowDown
	case d < 0.21:
		return lost
	case d < 0.29:
		return murky
	case d < 0.39:
		return late
	}
	return taken
}

// wire plays an end out around accept, which is called once if the sink takes
// the request, and answers with what the client sees.
func (k *soak) wire(ctx context.Context, f end, accept func() escalation.Outcome) escalation.Outcome {
	began := time.Now()
	if f == late {
		until := began.Add(10*time.Second + k.upTo(9*time.Second)) // within the settling time
		time.AfterFunc(time.Until(until), func() { accept() })
		<-ctx.Done()
		return escalation.Outcome{Err: ctx.Err()}
	}
	select {
	case <-time.After(k.upTo(500 * time.Millisecond)):
	case <-ctx.Done():
		return escalation.Outcome{Class: escalation.NotSent, Err: ctx.Err()}
	}
	switch f {
	case refused:
		return escalation.Outcome{Class: escalation.NotSent, Err: errors.New("connection refused")}
	case slowDown:
		return escalation.Outcome{Class: escalation.Throttled, After: time.Second + k.upTo(10*time.Second), Err: errors.New("429")}
	case murky:
		return escalation.Outcome{Err: errors.New("503")}
	case lost:
		accept()
		return escalation.Outcome{Err: errors.New("connection reset")}
	}
	return accept()
}

// pager behaves as PagerDuty does: a trigger wakes somebody unless its key is
// open, and what is resolved opens anew.
type pager struct {
	*soak
	lock    sync.Mutex
	open    map[string]bool
	wakes   map[string]int
	accepts map[string]int // by message
	order   map[string]int64
	faults  []string
}

func (p *pager) Send(ctx context.Context, m escalation.Message, _ incident.Incident) escalation.Outcome {
	return p.wire(ctx, p.end(0), func() escalation.Outcome {
		p.lock.Lock()
		defer p.lock.Unlock()
		if p.accepts[m.ID]++; p.accepts[m.ID] == 1 {
			if m.Seq < p.order[m.Stream] {
				p.faults = append(p.faults, fmt.Sprintf("%s of %s overtaken in its stream", m.Operation, m.DedupKey))
			}
			p.order[m.Stream] = m.Seq
		}
		switch {
		case m.Operation == escalation.OpTrigger && !p.open[m.DedupKey]:
			p.open[m.DedupKey] = true
			p.wakes[m.DedupKey]++
		case m.Operation == escalation.OpResolve:
			delete(p.open, m.DedupKey)
		}
		return escalation.Outcome{Class: escalation.Done, Ref: m.DedupKey}
	})
}

// chat behaves as Slack does, with the sender's part in it: no idempotency, a
// history that lags, an ID in every message's metadata.
type chat struct {
	*soak
	lock  sync.Mutex
	posts []*post
}

type post struct {
	ref, id, text, stream string
	headline              bool
	seen                  time.Time // in the history from then on
}

func (c *chat) find(id string) (list []*post) {
	for _, p := range c.posts {
		if p.id == id && !p.seen.After(time.Now()) {
			list = append(list, p)
		}
	}
	return list
}

func (c *chat) Send(ctx context.Context, m escalation.Message, _ incident.Incident) escalation.Outcome {
	content := m.Content()
	if m.Operation == escalation.OpPost && m.Murky {
		c.lock.Lock()
		copies := c.find(m.ID)
		c.lock.Unlock()
		if len(copies) > 0 {
			return escalation.Outcome{Class: escalation.Done, Ref: copies[0].ref, Reconciled: true}
		}
	}
	lag := c.upTo(1500 * time.Millisecond)
	return c.wire(ctx, c.end(3*time.Minute), func() escalation.Outcome {
		c.lock.Lock()
		defer c.lock.Unlock()
		switch m.Operation {
		case escalation.OpSweep:
			for _, p := range c.find(content.Sweeps) {
				if p.ref != content.SweepRef {
					c.posts = slices.DeleteFunc(c.posts, func(o *post) bool { return o == p })
				}
			}
			return escalation.Outcome{Class: escalation.Done, Ref: content.SweepRef}
		case escalation.OpUpdate:
			for _, p := range c.posts {
				if p.ref == m.Parent {
					p.text = content.Text
					return escalation.Outcome{Class: escalation.Done, Ref: p.ref}
				}
			}
		}
		p := &post{"", m.ID, content.Text, m.Stream, content.Headline, time.Now().Add(lag)}
		p.ref = fmt.Sprintf("C1/%p", p)
		c.posts = append(c.posts, p)
		return escalation.Outcome{Class: escalation.Done, Ref: p.ref}
	})
}

// respond is what people do about one incident. Every third is a false alarm,
// over before anybody knows whether its page went out.
func (k *soak) respond(ctx context.Context, n int) {
	sleep := func(d time.Duration) { time.Sleep(k.upTo(d)) }
	by := func() incident.By { return incident.By{Actor: "ana", Source: "test", At: time.Now()} }
	sleep(12 * time.Minute)
	inc, err := k.desk.Declare(ctx, by(), "", incident.Declaration{
		Title: fmt.Sprint("night ", n), Severity: incident.Severities()[n%3], Policy: escalation.Default().Frozen(""),
	})
	for round := 0; err == nil && round < 1+n%2; round++ {
		if n%3 != 0 {
			err = k.work(ctx, n, inc.ID, by, sleep)
		}
		if err == nil {
			sleep(20 * time.Second)
			_, err = k.desk.Resolve(ctx, by(), inc.ID, "rolled back")
		}
		if err == nil && round < n%2 {
			sleep(3 * time.Minute)
			_, err = k.desk.Reopen(ctx, by(), inc.ID)
		}
	}
	if err != nil {
		panic(err)
	}
}

// work is what is done about an alarm that is none of the false ones. What is
// refused, because it stands already, is no error.
func (k *soak) work(ctx context.Context, n int, id incident.ID, by func() incident.By, sleep func(time.Duration)) (err error) {
	if n%5 != 0 {
		sleep(8 * time.Minute)
		_, err = k.desk.Acknowledge(ctx, by(), id)
	}
	if n%7 == 0 {
		sleep(4 * time.Minute)
		_, _ = k.desk.Unacknowledge(ctx, by(), id)
	}
	if n%4 == 0 {
		sleep(2 * time.Minute)
		_, _ = k.desk.ChangeSeverity(ctx, by(), id, incident.Sev1, "worse")
	}
	if n%11 == 0 {
		_, _ = k.desk.Escalate(ctx, by(), id, incident.NextLevel, "help")
	}
	sleep(8 * time.Minute)
	return err
}

// The promise of delivery, over nights of kill -9, stops, lost answers and late
// ones: no page lost, none twice, none after the resolution, none left open,
// one visible message of each in the chat.
func TestBadNights(t *testing.T) {
	seeds, incidents := 2, 16
	if raced {
		seeds, incidents = 1, 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { badNight(t, uint64(seed), incidents) }) })
	}
}

func badNight(t *testing.T, seed uint64, incidents int) {
	m := storetest.NewMemory()
	k := &soak{store: m, desk: incident.NewDesk(m), rand: rand.New(rand.NewPCG(seed, 7))}
	k.pager = &pager{soak: k, open: map[string]bool{}, wakes: map[string]int{}, accepts: map[string]int{}, order: map[string]int64{}}
	k.chat = &chat{soak: k}
	ctx, end := context.WithCancel(t.Context())
	var processes, people sync.WaitGroup
	for _, host := range []string{"bastion", "laptop", "daemon"} {
		processes.Go(func() { k.keepAlive(ctx, host) })
	}
	for n := range incidents {
		people.Go(func() { k.respond(ctx, n) })
	}
	people.Wait()
	k.mu.Lock()
	k.calm = true
	k.mu.Unlock()
	time.Sleep(15 * time.Minute)
	end()
	processes.Wait()
	t.Logf("seed %d: %d incidents, %d pages, %d posts; killed %d times, stopped %d times",
		seed, incidents, len(k.pager.wakes), len(k.chat.posts), k.killed, k.stopped)

	require.Empty(t, k.pager.faults)
	require.Empty(t, k.pager.open, "resolved, and open at PagerDuty")
	for key, n := range k.pager.wakes {
		require.Equal(t, 1, n, "paged twice: %s", key)
	}
	for n := range incidents {
		k.audit(t, incident.NumberedID(n+1))
	}
}

// audit holds the sinks' ledgers against the timeline of one incident.
func (k *soak) audit(t *testing.T, id incident.ID) {
	events, err := k.store.Timeline(t.Context(), id)
	require.NoError(t, err)
	messages, err := k.store.Messages(t.Context(), id)
	require.NoError(t, err)
	byID := map[string]escalation.Message{}
	for _, m := range messages {
		byID[m.ID] = m
		require.False(t, m.Open(), "%s: not settled: %+v", id, m)
		if m.Operation == escalation.OpTrigger && m.State == escalation.Accepted {
			require.Equal(t, 1, k.pager.wakes[m.DedupKey], "%s: accepted, and nobody was woken: %s", id, m.DedupKey)
		}
	}
	k.auditEvents(t, id, events, byID)

	visible := map[string]int{}
	headlines := map[string][]string{}
	for _, p := range k.chat.posts {
		visible[p.id]++
		if m, ours := byID[p.id]; ours && m.Content().Headline {
			headlines[p.stream] = append(headlines[p.stream], p.text)
		}
	}
	for _, m := range messages {
		require.LessOrEqual(t, visible[m.ID], 1, "%s: copies of a post: %+v", id, m)
		if m.Operation == escalation.OpPost && m.State == escalation.Accepted {
			require.Equal(t, 1, visible[m.ID], "%s: accepted, and not to be seen: %+v", id, m)
		}
	}
	for stream, texts := range headlines {
		require.Equal(t, []string{escalation.Headline(incident.Fold(events...))}, texts, "%s", stream)
	}
	called := slices.ContainsFunc(events, func(e incident.Event) bool { return e.Kind == incident.EscalationEntered })
	require.Equal(t, called, len(headlines) == 1, "%s: a headline where somebody was called, and only there", id)
}

// auditEvents follows the timeline: every call has its pages, none is tried
// after the end, and none given up without a reason.
func (k *soak) auditEvents(t *testing.T, id incident.ID, events []incident.Event, byID map[string]escalation.Message) {
	var inc incident.Incident
	for _, e := range events {
		inc = inc.Apply(e)
		switch e.Kind {
		case incident.EscalationEntered, incident.EscalationRenotified:
			var call incident.Escalation
			require.NoError(t, e.Payload(&call))
			if strings.Contains(e.Text, "nobody paged") {
				continue
			}
			paged := 0
			for _, m := range byID {
				if m.Operation == escalation.OpTrigger && m.Level == call.Level && m.Round == call.Round {
					paged++
				}
			}
			require.Equal(t, 1, paged, "%s: %s", id, e.Text)
		case incident.PageAttempted, incident.PageSuperseded:
			var page escalation.PageData
			require.NoError(t, e.Payload(&page))
			m := byID[page.Message]
			if m.Operation != escalation.OpTrigger {
				continue
			}
			if e.Kind == incident.PageAttempted {
				require.False(t, inc.Status.Over(), "%s: tried after the end: %s", id, e.Text)
				continue
			}
			newer := false
			for _, o := range byID {
				newer = newer || o.Operation == escalation.OpTrigger && o.Sink == m.Sink && o.Level == m.Level && o.Seq > m.Seq
			}
			require.True(t, inc.Status.Over() || inc.Acknowledged() || newer, "%s: given up without a reason: %s", id, e.Text)
		}
	}
}
