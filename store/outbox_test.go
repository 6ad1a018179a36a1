package store_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// Of many processes that want the ladder at one moment, one gets it, and the
// others learn who.
func TestOneProcessTakesTheLease(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	handles := make([]*store.DB, 8)
	for i := range handles {
		handles[i] = open(t, path)
	}
	now := time.Now()
	for round := range 10 {
		now = now.Add(time.Minute) // the lease of the last round has run out
		var wg sync.WaitGroup
		leases, errs := make([]escalation.Lease, len(handles)), make([]error, len(handles))
		for i, db := range handles {
			wg.Go(func() {
				leases[i], errs[i] = db.Take(context.Background(), fmt.Sprint("process ", i), now, 30*time.Second)
			})
		}
		wg.Wait()
		winner := slices.Index(errs, nil)
		require.GreaterOrEqual(t, winner, 0)
		require.EqualValues(t, round+1, leases[winner].Epoch)
		for i, err := range errs {
			if i == winner {
				continue
			}
			var held *escalation.HeldError
			require.ErrorAs(t, err, &held)
			require.Equal(t, fmt.Sprint("process ", winner), held.Owner)
		}
		seen, err := handles[(winner+1)%len(handles)].Lease(t.Context())
		require.NoError(t, err)
		require.Equal(t, leases[winner], seen)
	}
}

// Two processes that count one number under the lease, which changes hands in
// their midst, lose no count and make none of their own.
func TestTheLeaseGuardsEveryTurn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	inc := declare(t, a, incident.Sev4)
	now := time.Now()
	first, err := a.Take(t.Context(), "first", now, 10*time.Second)
	require.NoError(t, err)
	note := func(db *store.DB, l escalation.Lease, at time.Time) error {
		return db.Turn(t.Context(), l, at, inc.ID, func(escalation.Case) (escalation.Decision, error) {
			return escalation.Decision{Events: []incident.Event{{Incident: inc.ID, Kind: incident.NoteAdded, Actor: incident.Sitrep, Text: l.Owner}}}, nil
		})
	}
	require.NoError(t, note(a, first, now.Add(9*time.Second)))
	require.ErrorIs(t, note(a, first, now.Add(10*time.Second)), escalation.ErrLeaseLost, "it has run out, though nobody took it")
	second, err := b.Take(t.Context(), "second", now.Add(11*time.Second), 10*time.Second)
	require.NoError(t, err)
	require.ErrorIs(t, note(a, first, now), escalation.ErrLeaseLost, "whatever time the first one believes it is")
	_, err = a.Renew(t.Context(), first, now, time.Hour)
	require.ErrorIs(t, err, escalation.ErrLeaseLost)
	require.NoError(t, note(b, second, now.Add(12*time.Second)))
	require.NoError(t, note(a, second, now.Add(12*time.Second)), "a lease is of the store, not of a handle")

	var wg sync.WaitGroup
	var mu sync.Mutex
	written := 3
	for _, h := range []*store.DB{a, b} {
		wg.Go(func() {
			for i := range 20 {
				at := now.Add(time.Duration(20+i) * time.Minute)
				l, err := h.Take(context.Background(), fmt.Sprintf("%p", h), at, 30*time.Second)
				if err != nil {
					continue
				}
				if note(h, l, at) == nil {
					mu.Lock()
					written++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	events, err := a.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Len(t, events, 1+written)
}

func declare(t *testing.T, db *store.DB, sev incident.Severity) incident.Incident {
	t.Helper()
	inc, err := incident.NewDesk(db).Declare(t.Context(), by(), "", incident.Declaration{Title: "checkout 5xx", Severity: sev, Policy: quick(t).Frozen("")})
	require.NoError(t, err)
	return inc
}

func by() incident.By { return incident.By{Actor: "ana", Source: "test", At: time.Now()} }

// quick is a policy whose rungs call again within seconds. Each incident has a
// channel of its own, because a channel takes one message a second.
func quick(t *testing.T) escalation.Policy {
	p, err := escalation.LoadPolicy("quick.yaml", fmt.Appendf(nil, `ladders:
  default:
    - {level: L1, respond_within: 2s, escalate_after: 3s, until: acknowledged, notify: ["pagerduty:primary", "slack:#c%d"]}
    - {level: L2, respond_within: 5s, until: resolved, notify: ["pagerduty:lead", "pagerduty:backup"]}
severities: {SEV-3: {scale: 1}}
`, rand.Uint64()))
	require.NoError(t, err)
	return p
}

// brisk is the engine's clocks, some sixty times faster. An attempt may take
// long: under the race detector SQLite is slow.
func brisk() escalation.Timing {
	return escalation.Timing{
		LeaseTTL: 350 * time.Millisecond, LeaseRenew: 80 * time.Millisecond, Attempt: 2 * time.Second,
		Settle: 300 * time.Millisecond, Resweep: 300 * time.Millisecond, Sweep: 300 * time.Millisecond, HistoryLag: 20 * time.Millisecond,
		BackoffBase: 10 * time.Millisecond, BackoffCap: 100 * time.Millisecond, PageBackoffCap: 100 * time.Millisecond, RetryDead: 100 * time.Millisecond,
		StaleText: time.Hour, BreakerOpen: 100 * time.Millisecond, Audit: 200 * time.Millisecond,
	}
}

func engineOn(db *store.DB, owner string, s escalation.Sender) *escalation.Engine {
	return escalation.New(escalation.Config{
		Book: db, Leases: db, Timeline: db, Install: "test0000", Owner: owner, Timing: brisk(),
		Senders: map[string]escalation.Sender{"pagerduty": s, "slack": s},
	})
}

// senderFunc is a sink in one function.
type senderFunc func(ctx context.Context, m escalation.Message) escalation.Outcome

func (f senderFunc) Send(ctx context.Context, m escalation.Message, _ incident.Incident) escalation.Outcome {
	return f(ctx, m)
}

// What a dead process was sending is sent again by the next one, under the same
// key, and the timeline says that nobody knows whether it had arrived.
func TestWhatADeadProcessWasSending(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	dead, heir := open(t, path), open(t, path)
	inc := declare(t, dead, incident.Sev1)
	_, err := incident.NewDesk(dead).Acknowledge(t.Context(), by(), inc.ID)
	require.NoError(t, err)
	now := time.Now()
	lease, err := dead.Take(t.Context(), "dead", now, 50*time.Millisecond)
	require.NoError(t, err)
	key := escalation.DedupKey("test0000", inc, "L2", 7)
	require.NoError(t, dead.Turn(t.Context(), lease, now, inc.ID, func(escalation.Case) (escalation.Decision, error) {
		return escalation.Decision{Queue: []escalation.Message{{
			ID: "01K0000000000000000000000A", Incident: inc.ID, Stream: "pagerduty:lead/" + key, Sink: "pagerduty:lead", Operation: escalation.OpTrigger,
			Level: "L2", Round: 7, DedupKey: key, Payload: incident.Payload(escalation.Content{Until: escalation.UntilResolved}),
			State: escalation.Sending, Attempts: 1, QueuedAt: now, FirstTryAt: now, LastTryAt: now, Epoch: lease.Epoch,
		}}}, nil
	}))

	var mu sync.Mutex
	var sent []string
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() {
		over <- engineOn(heir, "heir", senderFunc(func(_ context.Context, m escalation.Message) escalation.Outcome {
			mu.Lock()
			defer mu.Unlock()
			if m.Operation == escalation.OpTrigger {
				sent = append(sent, m.DedupKey)
			}
			return escalation.Outcome{Class: escalation.Done, Ref: "ref"}
		})).Run(ctx)
	}()
	var m escalation.Message
	require.Eventually(t, func() bool {
		all, err := dead.Messages(t.Context(), inc.ID)
		require.NoError(t, err)
		m = all[0]
		return m.State == escalation.Accepted
	}, 10*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-over, context.Canceled)
	require.Equal(t, []string{key}, sent)
	require.True(t, m.Murky)
	require.Greater(t, m.Epoch, lease.Epoch)
	events, err := dead.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	attempts := 1 // the dead one's; each of the heir's is told, one that found no time before the wire too
	for _, e := range events {
		var page escalation.PageData
		if e.Kind == incident.PageAttempted && json.Unmarshal(e.Data, &page) == nil && page.Message == m.ID {
			attempts++
		}
	}
	require.Greater(t, attempts, 1)
	require.Equal(t, attempts, m.Attempts)
	require.True(t, slices.ContainsFunc(events, func(e incident.Event) bool {
		return e.Kind == incident.PageAmbiguous && strings.Contains(e.Text, "the process that was sending it is gone")
	}))
	held, err := dead.Lease(t.Context())
	require.NoError(t, err)
	require.Empty(t, held.Owner, "an engine that ends gives the lease back")
}

// The promise, with real processes: engines are killed at any moment, twenty
// times, while incidents are declared and ended. Every page that was due is
// accepted or not wanted any more; no key stands in the queue twice; what is
// over is over at the sink too.
func TestKillNineLosesNoPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db := open(t, path)
	desk := incident.NewDesk(db)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	var all []incident.ID
	for range 20 {
		inc := declare(t, db, []incident.Severity{incident.Sev1, incident.Sev2, incident.Sev3}[dice.IntN(3)])
		all = append(all, inc.ID)
		child := startLadder(t, path)
		for n := 1 + dice.IntN(2); n > 0; n-- {
			child.next(t)
		}
		switch id := all[dice.IntN(len(all))]; dice.IntN(4) { // refused if it is over; that is no matter here
		case 0:
			_, _ = desk.Acknowledge(t.Context(), by(), id)
		case 1, 2:
			_, _ = desk.Resolve(t.Context(), by(), id, "rolled back")
		}
		if dice.IntN(2) == 0 {
			child.next(t)
		}
		time.Sleep(time.Duration(dice.IntN(20)) * time.Millisecond) // when it dies, and not for anything to happen
		child.kill(t)
	}
	for _, id := range all[:len(all)/2] {
		_, _ = desk.Resolve(t.Context(), by(), id, "rolled back")
	}
	for _, id := range all {
		_, _ = desk.Acknowledge(t.Context(), by(), id)
	}
	last := startLadder(t, path)
	defer last.kill(t)
	var messages []escalation.Message
	require.Eventually(t, func() bool {
		var err error
		messages, err = db.Messages(t.Context(), "")
		require.NoError(t, err)
		return !slices.ContainsFunc(messages, escalation.Message.Open) && !leftOpen(t, db, path, messages)
	}, 2*time.Minute, 100*time.Millisecond)

	sink := readLedger(t, path)
	keys := map[string]bool{}
	for _, m := range messages {
		if m.Operation != escalation.OpTrigger {
			continue
		}
		require.False(t, keys[m.DedupKey], "two pages of the key %s", m.DedupKey)
		keys[m.DedupKey] = true
		require.Contains(t, []escalation.MessageState{escalation.Accepted, escalation.Superseded}, m.State, m.DedupKey)
		if m.State == escalation.Accepted {
			require.Contains(t, sink.triggered, m.DedupKey)
		}
		for _, id := range sink.triggered[m.DedupKey] {
			require.Equal(t, m.ID, id, "one message a key, through every attempt")
		}
		inc, err := db.Incident(t.Context(), m.Incident)
		require.NoError(t, err)
		if _, known := sink.triggered[m.DedupKey]; known && inc.Status.Over() {
			require.True(t, sink.closed[m.DedupKey], "%s is over, and %s is open", inc.ID, m.DedupKey)
		}
	}
	for _, id := range all {
		events, err := db.Timeline(t.Context(), id)
		require.NoError(t, err)
		requirePages(t, events, messages)
	}
}

// leftOpen says whether a page of an incident that is over is open still: one that
// a dead process sent late is closed by the sweep that comes after it.
func leftOpen(t *testing.T, db *store.DB, path string, messages []escalation.Message) bool {
	sink := readLedger(t, path)
	return slices.ContainsFunc(messages, func(m escalation.Message) bool {
		inc, err := db.Incident(t.Context(), m.Incident)
		require.NoError(t, err)
		_, known := sink.triggered[m.DedupKey]
		return m.Operation == escalation.OpTrigger && known && inc.Status.Over() && !sink.closed[m.DedupKey]
	})
}

// requirePages holds that every call of a rung became a page for every pager.
func requirePages(t *testing.T, events []incident.Event, messages []escalation.Message) {
	t.Helper()
	for _, e := range events {
		var step incident.Escalation
		if e.Kind != incident.EscalationEntered && e.Kind != incident.EscalationRenotified {
			continue
		}
		require.NoError(t, e.Payload(&step))
		for _, sink := range step.Notify {
			if strings.HasPrefix(sink, "pagerduty:") && !strings.Contains(e.Text, "nobody paged") {
				require.True(t, slices.ContainsFunc(messages, func(m escalation.Message) bool {
					return m.Incident == e.Incident && m.Sink == sink && m.Level == step.Level && m.Round == step.Round && m.Operation == escalation.OpTrigger
				}), "%s: %s to %s", e.Incident, e.Text, sink)
			}
		}
	}
}

// ladderProcess is a child that runs the ladder and says when it sends.
type ladderProcess struct {
	cmd   *exec.Cmd
	lines chan string
}

func startLadder(t *testing.T, path string) *ladderProcess {
	t.Helper()
	p := &ladderProcess{cmd: exec.Command(os.Args[0]), lines: make(chan string, 1024)}
	p.cmd.Env = append(os.Environ(), "SITREP_TEST_LADDER="+path)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	return p
}

// next waits until it sends something.
func (p *ladderProcess) next(t *testing.T) {
	t.Helper()
	select {
	case _, ok := <-p.lines:
		require.True(t, ok, "the ladder's process ended by itself")
	case <-time.After(time.Minute):
		t.Fatal("the ladder's process sends nothing")
	}
}

func (p *ladderProcess) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	for range p.lines { // until it is closed: then the pipe has been read to its end
	}
	require.ErrorContains(t, p.cmd.Wait(), "killed")
}

// runTheLadder is the child: an engine whose sink is a file, and which is
// sometimes slow, sometimes unsure, and sometimes refuses.
func runTheLadder(path string) int {
	db, err := store.Open(context.Background(), path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ledger, err := os.OpenFile(path+".ledger", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	send := senderFunc(func(_ context.Context, m escalation.Message) escalation.Outcome {
		fmt.Println(m.ID)
		refused := escalation.Outcome{Class: escalation.NotSent, Err: errors.New("connection refused")}
		if rand.IntN(8) == 0 {
			return refused
		}
		time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond) // the sink is slow
		if _, err := fmt.Fprintln(ledger, m.Operation, m.ID, m.DedupKey); err != nil {
			return refused
		}
		time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
		if rand.IntN(8) == 0 {
			return escalation.Outcome{Err: errors.New("connection reset by peer")}
		}
		return escalation.Outcome{Class: escalation.Done, Ref: m.ID}
	})
	fmt.Fprintln(os.Stderr, engineOn(db, fmt.Sprint("child ", os.Getpid()), send).Run(context.Background()))
	return 1
}

// ledger is what the sink saw.
type ledger struct {
	triggered map[string][]string // messages by key
	closed    map[string]bool     // the last thing of a key was its end
}

func readLedger(t *testing.T, path string) ledger {
	t.Helper()
	b, err := os.ReadFile(path + ".ledger")
	require.NoError(t, err)
	l := ledger{map[string][]string{}, map[string]bool{}}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		switch op, id, key := escalation.Operation(words[0]), words[1], words[2]; op {
		case escalation.OpTrigger:
			l.triggered[key] = append(l.triggered[key], id)
			l.closed[key] = false
		case escalation.OpResolve:
			l.closed[key] = true
		}
	}
	return l
}
