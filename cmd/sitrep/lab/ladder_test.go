package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/command"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// point is a moment in the life of a message at which a process may die.
type point string

// The points, in the order in which a message passes them.
const (
	beforeIntent point = "before the commit of the intent"
	afterIntent  point = "after it"
	afterClaim   point = "after the claim"
	beforeWire   point = "after the last look, before the write"
	beforeRead   point = "after the sink took it, before the answer is read"
	beforeFinish point = "after the answer, before its commit"
	afterFinish  point = "after that commit"
)

func points() []point {
	return []point{beforeIntent, afterIntent, afterClaim, beforeWire, beforeRead, beforeFinish, afterFinish}
}

// ladderEnv holds the life of a child that runs the ladder; only TestMain knows it.
const ladderEnv = "SITREP_TEST_LIFE"

// life is what a child is told.
type life struct {
	DB, PagerDuty, Slack string
	Command              string               // a program that command:sms runs; "" = it has none
	Point                point                // at which it kills itself, the first time that
	Operation            escalation.Operation // is done
	Chance               float64              // of dying at any point of any message
	Seed                 uint64
}

// hasty is the engine's clocks, some twenty times faster. They hold together as
// those of production do.
func hasty() escalation.Timing {
	return escalation.Timing{
		LeaseTTL: 1500 * time.Millisecond, LeaseRenew: 400 * time.Millisecond, Attempt: 700 * time.Millisecond,
		Settle: 1400 * time.Millisecond, Resweep: 2500 * time.Millisecond, Sweep: 2 * time.Second, Thread: 200 * time.Millisecond, HistoryLag: 300 * time.Millisecond,
		BackoffBase: 50 * time.Millisecond, BackoffCap: 500 * time.Millisecond, PageBackoffCap: 500 * time.Millisecond, RetryDead: 500 * time.Millisecond,
		StaleText: time.Hour, BreakerOpen: 500 * time.Millisecond, Audit: time.Second,
	}
}

// victim is the store and the wire as one process has them that dies somewhere.
type victim struct {
	*store.DB
	life
	notes *os.File // which sinks it knew were to be left alone, and what failed

	mu   sync.Mutex
	dice *rand.Rand
}

// chance is whether it is to die at this one of many points.
func (m *victim) chance() bool {
	if m.Chance == 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dice.Float64() < m.Chance
}

// at kills the process if it is to die here: nothing runs after this.
func (m *victim) at(p point, op escalation.Operation) {
	if m.Point == p && m.Operation == op || m.chance() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (m *victim) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	var d escalation.Decision
	var claimed, finished []escalation.Operation
	err := m.DB.Turn(ctx, l, now, id, func(c escalation.Case) (_ escalation.Decision, err error) {
		d, err = decide(c)
		claimed, finished = nil, nil
		for _, q := range d.Queue {
			m.at(beforeIntent, q.Operation)
		}
		sending := map[string]bool{}
		for _, was := range c.Messages {
			sending[was.ID] = was.State == escalation.Sending
		}
		for _, put := range d.Put {
			switch {
			case put.State == escalation.Sending:
				claimed = append(claimed, put.Operation)
			case put.State == escalation.Accepted && sending[put.ID]:
				m.at(beforeFinish, put.Operation)
				finished = append(finished, put.Operation)
			}
		}
		return d, err
	})
	if err != nil {
		return err
	}
	for _, q := range d.Queue {
		m.at(afterIntent, q.Operation)
	}
	for _, op := range claimed {
		m.at(afterClaim, op)
	}
	for _, op := range finished {
		m.at(afterFinish, op)
	}
	for _, h := range d.Health {
		if h.Until.After(now) && !h.Broken {
			m.note("quiet", h.Sink, time.Now().UnixMicro(), h.Until.UnixMicro())
		}
	}
	return nil
}

// note appends a line, in one write: others append too.
func (m *victim) note(words ...any) { _, _ = m.notes.WriteString(fmt.Sprintln(words...)) }

// wireOf is a transport that carries the process's name and the time of the claim.
type wireOf struct {
	*victim
	next http.RoundTripper
}

type attemptKey struct{}

type attemptOf struct {
	op      escalation.Operation
	claimed time.Time
}

func (w wireOf) RoundTrip(r *http.Request) (*http.Response, error) {
	a, _ := r.Context().Value(attemptKey{}).(attemptOf)
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { w.at(beforeRead, a.op) }})
	r = r.Clone(ctx)
	r.Header.Set(headerProcess, strconv.Itoa(os.Getpid()))
	r.Header.Set(headerClaimed, strconv.FormatInt(a.claimed.UnixMicro(), 10))
	w.at(beforeWire, a.op)
	r.Header.Set(headerSent, strconv.FormatInt(time.Now().UnixMicro(), 10))
	return w.next.RoundTrip(r)
}

// sending is a sender whose requests know which attempt they belong to.
type sending struct{ escalation.Sender }

func (s sending) Send(ctx context.Context, m escalation.Message, inc incident.Incident) escalation.Outcome {
	return s.Sender.Send(context.WithValue(ctx, attemptKey{}, attemptOf{m.Operation, time.Now()}), m, inc)
}

// ladderMain is the child.
func ladderMain(text string) int {
	var l life
	ctx := context.Background()
	err := json.Unmarshal([]byte(text), &l)
	var db *store.DB
	if err == nil {
		db, err = store.Open(ctx, l.DB)
	}
	var notes *os.File
	if err == nil {
		notes, err = os.OpenFile(l.DB+".notes", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	m := &victim{DB: db, life: l, notes: notes, dice: rand.New(rand.NewPCG(l.Seed, 3))}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1) // the test is gone
	}()
	client := &http.Client{Transport: wireOf{m, escalation.NewTransport()}}
	engine := escalation.New(escalation.Config{
		Book: m, Leases: db, Timeline: db, Audit: db, Install: "test0000", Owner: fmt.Sprint("child ", os.Getpid()), Timing: hasty(),
		Problem: func(err error) { m.note("problem", strings.Join(strings.Fields(err.Error()), " ")) },
		Senders: map[string]escalation.Sender{
			"pagerduty": sending{pagerduty.New(pagerduty.Config{
				EventsURL: l.PagerDuty, HTTP: client,
				Key: func(_ context.Context, name string) (string, error) { return nightKey(name), nil },
			})},
			"slack": sending{slack.New(slack.Config{
				APIURL: l.Slack, HTTP: client,
				Token: func(context.Context) (string, error) { return labSlackToken, nil },
			})},
			"command": sending{command.New(command.Config{
				Target: func(context.Context, string) (command.Target, error) {
					return command.Target{Argv: []string{l.Command}}, nil
				},
			})},
		},
	})
	fmt.Println("runs")
	fmt.Fprintln(os.Stderr, engine.Run(ctx))
	return 1
}

// ladder is a child that runs the ladder.
type ladder struct {
	cmd  *exec.Cmd
	dead chan struct{} // closed when it has ended
}

func startLadder(t *testing.T, l life) *ladder {
	text, err := json.Marshal(l)
	require.NoError(t, err)
	p := &ladder{cmd: exec.Command(os.Args[0]), dead: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), ladderEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	_, err = p.cmd.StdinPipe() // open as long as the test lives
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	if l.Chance == 0 {
		require.NoError(t, err, "the ladder's process does not start")
	}
	go func() {
		defer close(p.dead)
		_ = p.cmd.Wait() // it is always killed, by itself or by us
	}()
	return p
}

func (p *ladder) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends it, if it has not ended, and waits for that.
func (p *ladder) kill() {
	p.signal(syscall.SIGKILL)
	<-p.dead
}

func (p *ladder) over() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// notesOf is what the children of a store have noted.
func notesOf(t *testing.T, db string) []string {
	raw, err := os.ReadFile(db + ".notes")
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}
