package escalation_test

import (
	"context"
	"errors"
	"fmt"
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

// world is an engine on a store in memory, with sinks that answer as told.
type world struct {
	t     *testing.T
	store *storetest.Memory
	desk  *incident.Desk
	pd    *sink
	slack *sink
	start time.Time

	mu       sync.Mutex
	state    escalation.State
	problems []string
}

// sink answers what script says, in order, and then that all is well.
type sink struct {
	name  string
	lease func() time.Time // when the present lease ends

	mu     sync.Mutex
	script []escalation.Outcome
	hang   time.Duration // before each answer
	sent   []call
}

type call struct {
	at   time.Time
	m    escalation.Message
	end  string        // class of the outcome
	left time.Duration // of the lease
}

func (s *sink) Send(ctx context.Context, m escalation.Message, _ incident.Incident) escalation.Outcome {
	s.mu.Lock()
	o := escalation.Outcome{Class: escalation.Done, Ref: s.name + "/" + m.ID}
	if len(s.script) > 0 {
		o, s.script = s.script[0], s.script[1:]
	}
	s.sent = append(s.sent, call{time.Now(), m, o.Class.String(), time.Until(s.lease())})
	hang := s.hang
	s.mu.Unlock()
	select {
	case <-time.After(hang):
	case <-ctx.Done():
		return escalation.Outcome{Err: ctx.Err()}
	}
	return o
}

func (s *sink) answer(o ...escalation.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, o...)
}

func (s *sink) calls(op escalation.Operation) (list []call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.sent {
		if c.m.Operation == op {
			list = append(list, c)
		}
	}
	return list
}

func newWorld(t *testing.T) *world {
	m := storetest.NewMemory()
	ends := func() time.Time {
		l, err := m.Lease(t.Context())
		require.NoError(t, err)
		return l.Expires
	}
	return &world{t: t, store: m, desk: incident.NewDesk(m), pd: &sink{name: "pd", lease: ends}, slack: &sink{name: "slack", lease: ends}, start: time.Now()}
}

func (w *world) engine(owner string) *escalation.Engine {
	return escalation.New(escalation.Config{
		Book: w.store, Leases: w.store, Timeline: w.store, Audit: w.store, Install: "test0000", Owner: owner,
		Senders: map[string]escalation.Sender{"pagerduty": w.pd, "slack": w.slack}, Rand: func() float64 { return 0.5 },
		State: func(s escalation.State) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.state = s
		},
		Problem: func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.problems = append(w.problems, err.Error())
		},
	})
}

// run starts an engine and returns what ends it.
func (w *world) run(owner string) (end func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = w.engine(owner).Run(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

func (w *world) by(who incident.Person) incident.By {
	return incident.By{Actor: who, Source: "test", At: time.Now()}
}

func (w *world) declare(sev incident.Severity) incident.Incident {
	w.t.Helper()
	return w.declareUnder(escalation.Default(), sev)
}

// trusting is the default policy without questions to whoever has acknowledged.
func trusting() escalation.Policy {
	p := escalation.Default()
	for sev, r := range p.Severities {
		r.AckTimeout, r.CommanderWithin = 0, 0
		p.Severities[sev] = r
	}
	return p
}

func (w *world) declareUnder(p escalation.Policy, sev incident.Severity) incident.Incident {
	w.t.Helper()
	inc, err := w.desk.Declare(w.t.Context(), w.by("ana"), "", incident.Declaration{Title: "Checkout 5xx", Severity: sev, Policy: p.Frozen("")})
	require.NoError(w.t, err)
	return inc
}

// after lets time pass until d after the start of the world.
func (w *world) after(d time.Duration) {
	time.Sleep(time.Until(w.start.Add(d)))
	synctest.Wait()
}

// everDue lists the incidents that will ever be looked at again by themselves.
func (w *world) everDue() []incident.ID {
	w.t.Helper()
	lease, err := w.store.Lease(w.t.Context())
	require.NoError(w.t, err)
	ids, _, err := w.store.Due(w.t.Context(), lease, time.Now().Add(1000*time.Hour))
	require.NoError(w.t, err)
	return ids
}

// pages says who was paged when: "0s L1 r1 critical".
func (w *world) pages() (list []string) {
	for _, c := range w.pd.calls(escalation.OpTrigger) {
		list = append(list, fmt.Sprintf("%s %s r%d %s", c.at.Sub(w.start).Round(time.Second), c.m.Level, c.m.Round, c.m.Content().Page))
	}
	return list
}

// Nobody answers: the ladder of the design.
func TestNobodyAnswersASev1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(time.Hour)
		require.Equal(t, []string{
			"0s L1 r1 critical", "5m0s L1 r2 critical", "10m0s L1 r3 critical",
			"15m0s L2 r1 critical", "30m0s L2 r2 critical",
			"45m0s L3 r1 critical",
		}, w.pages()[:6])
		keys := map[string]bool{}
		for _, c := range w.pd.calls(escalation.OpTrigger) {
			require.False(t, keys[c.m.DedupKey], "a second trigger on an open key wakes nobody: %s", c.m.DedupKey)
			keys[c.m.DedupKey] = true
		}
		require.Len(t, headlines(w, inc.ID), 1, "one headline in the channel, kept up to date")
	})
}

func headlines(w *world, id incident.ID) (list []escalation.Message) {
	all, err := w.store.Messages(w.t.Context(), id)
	require.NoError(w.t, err)
	for _, m := range all {
		if m.Operation == escalation.OpPost && m.Content().Headline {
			list = append(list, m)
		}
	}
	return list
}

// An acknowledgement stops L1; the resolution ends every key ever triggered.
func TestAcknowledgedThenResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		inc := w.declareUnder(trusting(), incident.Sev1)
		w.after(6 * time.Minute)
		_, err := w.desk.Acknowledge(t.Context(), w.by("bob"), inc.ID)
		require.NoError(t, err)
		w.after(50 * time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical", "5m0s L1 r2 critical"}, w.pages())
		require.Len(t, w.pd.calls(escalation.OpAcknowledge), 2)
		_, err = w.desk.Resolve(t.Context(), w.by("bob"), inc.ID, "rolled back")
		require.NoError(t, err)
		w.after(5 * time.Hour)
		require.Len(t, w.pages(), 2, "nothing is sent about what is over")
		require.Len(t, w.pd.calls(escalation.OpResolve), 2)
		require.Empty(t, w.everDue(), "and nothing is looked at any more")
	})
}

// A process dies while it sends: the next one takes over when the lease has run
// out, and neither loses nor doubles a page.
func TestTakeoverAfterDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		inc := w.declare(incident.Sev1)
		lease, err := w.store.Take(t.Context(), "dead@bastion 1", time.Now(), 30*time.Second)
		require.NoError(t, err)
		defer w.run("bob@bastion 2")()
		w.after(10 * time.Second)
		require.Empty(t, w.pages())
		w.mu.Lock()
		require.Equal(t, "dead@bastion 1", w.state.Holder)
		w.mu.Unlock()
		w.after(32 * time.Second)
		require.Len(t, w.pages(), 1)
		events, err := w.store.Timeline(t.Context(), inc.ID)
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(events, func(e incident.Event) bool {
			return e.Kind == incident.EscalationEntered && strings.Contains(e.Text, "late by 3")
		}), "the timeline says how long nobody ran the ladder")
		err = w.store.Turn(t.Context(), lease, time.Now(), inc.ID, func(escalation.Case) (escalation.Decision, error) {
			return escalation.Decision{}, nil
		})
		require.ErrorIs(t, err, escalation.ErrLeaseLost, "the dead one cannot write when it comes back")
	})
}

func TestTwoEnginesOneLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		endFirst := w.run("ana@bastion 1")
		synctest.Wait()
		endSecond := w.run("bob@bastion 2")
		defer endSecond()
		w.declare(incident.Sev1)
		w.after(time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical"}, w.pages())
		endFirst()
		w.after(16 * time.Minute)
		require.Equal(t, []string{"0s L1 r1 critical", "5m0s L1 r2 critical", "10m0s L1 r3 critical", "15m0s L2 r1 critical"}, w.pages())
	})
}

func failing(class escalation.Class, text string, n int) []escalation.Outcome {
	return slices.Repeat([]escalation.Outcome{{Class: class, Err: errors.New(text)}}, n)
}

// PagerDuty is down: after three failures it is left alone for a minute, the
// page goes to the chat as well, and is offered again until it is taken.
func TestBreakerDivertsAndNeverDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.NotSent, "connection refused", 4)...)
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(30 * time.Second)
		w.mu.Lock()
		require.True(t, w.state.Sinks[0].Until.After(time.Now()), "and people see when it is asked again")
		require.Equal(t, escalation.SinkState{Name: "pagerduty", State: escalation.SinkDown, Why: "connection refused", Until: w.state.Sinks[0].Until}, w.state.Sinks[0])
		w.mu.Unlock()
		var diverted []escalation.Message
		all, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		for _, m := range all {
			if m.Content().Diverts != "" {
				diverted = append(diverted, m)
			}
		}
		require.Len(t, diverted, 1)
		require.Equal(t, escalation.Accepted, diverted[0].State)
		require.Contains(t, diverted[0].Content().Text, "NOT paged")

		w.after(4 * time.Minute)
		all, err = w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(m escalation.Message) bool { return m.Operation == escalation.OpTrigger })
		require.Equal(t, escalation.Accepted, all[i].State)
		require.Equal(t, 5, all[i].Attempts)
	})
}

// Nobody knows whether the trigger arrived: the resolve waits until it cannot
// arrive any more, and is said twice.
func TestAmbiguousTriggerIsResolvedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(escalation.Outcome{Class: escalation.Unsure, Err: errors.New("timeout")})
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		synctest.Wait()
		_, err := w.desk.Resolve(t.Context(), w.by("ana"), inc.ID, "it was a test")
		require.NoError(t, err)
		w.after(10 * time.Minute)
		require.Len(t, w.pd.calls(escalation.OpTrigger), 1, "no attempt starts after the resolution")
		resolves := w.pd.calls(escalation.OpResolve)
		require.Len(t, resolves, 2)
		require.GreaterOrEqual(t, resolves[0].at.Sub(w.start), 20*time.Second)
		require.GreaterOrEqual(t, resolves[1].at.Sub(resolves[0].at), 90*time.Second)
	})
}

func TestThrottlingIsObeyedAndCostsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(escalation.Outcome{Class: escalation.Throttled, After: 17 * time.Second, Err: errors.New("429")})
		defer w.run("ana@bastion 1")()
		inc := w.declare(incident.Sev1)
		w.after(16 * time.Second)
		require.Len(t, w.pages(), 1)
		w.after(18 * time.Second)
		require.Len(t, w.pages(), 2)
		all, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		require.Equal(t, 1, all[slices.IndexFunc(all, func(m escalation.Message) bool { return m.Operation == escalation.OpTrigger })].Attempts)
	})
}

// A wrong routing key is told at once by the other channel, and tried again:
// somebody may mend it.
func TestDeadPageIsDivertedAndOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.answer(failing(escalation.Dead, "Invalid routing key", 2)...)
		defer w.run("ana@bastion 1")()
		w.declare(incident.Sev2)
		w.after(5 * time.Second)
		require.Len(t, w.pages(), 1)
		var posts []string
		for _, c := range w.slack.calls(escalation.OpPost) {
			posts = append(posts, c.m.Content().Text)
		}
		require.Contains(t, strings.Join(posts, "\n"), "Invalid routing key")
		w.after(3 * time.Minute)
		require.Equal(t, "accepted", w.pd.calls(escalation.OpTrigger)[2].end)
	})
}

// Deliver sends what a command made due, and leaves nothing running.
func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.declare(incident.Sev1)
		require.NoError(t, w.engine("ana@bastion 1").Deliver(t.Context(), 10*time.Second))
		require.Equal(t, []string{"0s L1 r1 critical"}, w.pages())
		require.Equal(t, w.start, time.Now(), "it does not wait when nothing is left")
		w.pd.answer(failing(escalation.NotSent, "refused", 100)...)
		w.declare(incident.Sev1)
		require.NoError(t, w.engine("ana@bastion 1").Deliver(t.Context(), 10*time.Second))
		require.LessOrEqual(t, time.Since(w.start), 10*time.Second)

		end := w.run("bob@bastion 2")
		defer end()
		synctest.Wait()
		var held *escalation.HeldError
		require.ErrorAs(t, w.engine("ana@bastion 1").Deliver(t.Context(), 10*time.Second), &held)
		require.Equal(t, "bob@bastion 2", held.Owner)
	})
}

// An engine that is told to end while a request hangs does not wait for ever,
// and the request's page is taken over as ambiguous.
func TestEndCutsWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.pd.hang = time.Hour
		end := w.run("ana@bastion 1")
		inc := w.declare(incident.Sev1)
		synctest.Wait()
		before := time.Now()
		end()
		require.LessOrEqual(t, time.Since(before), 5*time.Second)
		all, err := w.store.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(m escalation.Message) bool { return m.Operation == escalation.OpTrigger })
		require.Equal(t, escalation.Ambiguous, all[i].State)
	})
}
