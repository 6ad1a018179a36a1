package escalation_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// deed is something that happens in a random night.
type deed struct {
	what    string // declare, command, pass, start, stop, die
	which   int    // incident, or the write of a process that dies
	sev     incident.Severity
	command command
	policy  escalation.Policy
	length  time.Duration
	written bool // of die: the write that it dies of is committed
}

func (d deed) GoString() string {
	return fmt.Sprintf("%s %d %s%s%v, then %s", d.what, d.which, d.sev, d.command.name, d.written, d.length)
}

// fate is what becomes of one request.
type fate struct {
	class  escalation.Class
	takes  time.Duration
	counts string // of a request whose end nobody sees: "now", "late" or "never"
}

func anyDeed(policies ...escalation.Policy) *rapid.Generator[deed] {
	return rapid.Custom(func(t *rapid.T) deed {
		d := deed{
			what:   rapid.SampledFrom([]string{"declare", "command", "command", "command", "pass", "pass", "start", "start", "stop", "die", "die"}).Draw(t, "deed"),
			which:  rapid.IntRange(0, 9).Draw(t, "which"),
			length: rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Second, 15 * time.Second, time.Minute, 6 * time.Minute, 40 * time.Minute}).Draw(t, "and then"),
		}
		switch d.what {
		case "declare":
			d.sev = rapid.SampledFrom(incident.Severities()).Draw(t, "severity")
			d.policy = policies[rapid.IntRange(0, len(policies)-1).Draw(t, "policy")]
		case "command":
			d.command = anyCommand(t)
		case "die":
			d.written = rapid.Bool().Draw(t, "written")
		}
		return d
	})
}

func anyFate() *rapid.Generator[fate] {
	return rapid.Custom(func(t *rapid.T) fate {
		return fate{
			class:  rapid.SampledFrom([]escalation.Class{escalation.Done, escalation.Done, escalation.Unsure, escalation.Unsure, escalation.NotSent, escalation.Throttled, escalation.Dead}).Draw(t, "class"),
			takes:  rapid.SampledFrom([]time.Duration{0, 0, time.Second, 9 * time.Second, time.Hour}).Draw(t, "takes"),
			counts: rapid.SampledFrom([]string{"now", "late", "never"}).Draw(t, "counts"),
		}
	})
}

// The promise, over random nights: people do what they do, requests end as they
// end, and the process that runs the ladder dies at any write. In the end every
// page that was due was accepted or is not wanted any more; no page was opened
// twice; no attempt started after the end of an incident was committed, and
// nothing of it is left open.
func TestDeliveryLaws(t *testing.T) {
	twoPagers, err := escalation.LoadPolicy("p.yaml", []byte(`ladders:
  default:
    - {level: L1, respond_within: 1m, escalate_after: 3m, until: acknowledged, notify: ["pagerduty:primary", "pagerduty:backup", "slack:#a"]}
    - {level: L2, respond_within: 2m, repeat_every: 5m, until: resolved, notify: ["pagerduty:lead", "slack:#b"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if checks := flag.Lookup("rapid.checks").Value; raced {
		full := checks.String()
		require.NoError(t, checks.Set("25"))
		t.Cleanup(func() { require.NoError(t, checks.Set(full)) })
	}
	rapid.Check(t, func(rt *rapid.T) {
		deeds := rapid.SliceOfN(anyDeed(escalation.Default(), twoPagers, audiences(t)), 1, 20).Draw(rt, "deeds")
		fates := rapid.SliceOfN(anyFate(), 0, 60).Draw(rt, "fates")
		var broken []string
		synctest.Test(t, func(t *testing.T) { broken = live(t, deeds, fates) })
		if len(broken) > 0 {
			rt.Fatalf("%d laws broken, the first: %s", len(broken), broken[0])
		}
	})
}

// live runs one night and returns which laws were broken.
func live(t *testing.T, deeds []deed, fates []fate) []string {
	n := &lawful{t: t, store: storetest.NewMemory(), fates: fates, keys: map[string]*pageKey{}}
	desk := incident.NewDesk(n.store)
	by := func() incident.By { return incident.By{Actor: "ana", Source: "test", At: time.Now()} }
	n.do(deed{what: "declare", sev: incident.Sev1, policy: escalation.Default()}, desk, by)
	n.start()
	for _, d := range deeds {
		n.do(d, desk, by)
		time.Sleep(d.length)
		synctest.Wait()
	}
	n.mu.Lock()
	n.fates = nil // everything is well again
	n.mu.Unlock()
	n.process.spare()
	n.start()
	time.Sleep(40 * time.Minute)
	for range 60 { // something may be due at this very second
		if synctest.Wait(); !n.anyOpen() {
			break
		}
		time.Sleep(time.Second)
	}
	n.judge()
	n.process.end()
	return n.broken
}

func (n *lawful) do(d deed, desk *incident.Desk, by func() incident.By) {
	switch d.what {
	case "declare":
		_, err := desk.Declare(n.t.Context(), by(), "", incident.Declaration{Title: "Checkout 5xx", Severity: d.sev, Policy: d.policy.Frozen("")})
		n.must(err)
		n.declared++
	case "command":
		// It may be refused; then nothing happens.
		_, _ = n.store.Decide(n.t.Context(), incident.NumberedID(d.which%n.declared+1), func(inc incident.Incident) ([]incident.Event, error) {
			return d.command.do(inc, by())
		})
	case "start":
		n.start()
	case "stop":
		n.process.end()
	case "die":
		n.process.dieAt(d.which, d.written)
	}
}

// lawful is the world in which the laws hold: a store, a process that runs the
// ladder, and what PagerDuty knows.
type lawful struct {
	t        *testing.T
	store    *storetest.Memory
	declared int
	process  *process
	lives    int
	ids      int // given out; only inside a turn

	mu     sync.Mutex
	fates  []fate
	keys   map[string]*pageKey
	broken []string
}

// pageKey is one page as PagerDuty knows it.
type pageKey struct{ open, resolved bool }

func (n *lawful) breaks(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = append(n.broken, fmt.Sprintf(format, args...))
}

func (n *lawful) must(err error) {
	if err != nil {
		n.breaks("%v", err)
	}
}

// start starts a process if none runs.
func (n *lawful) start() {
	if n.process != nil && n.process.alive() == nil && !n.process.over() {
		return
	}
	n.lives++
	p := &process{Memory: n.store, world: n, gone: make(chan struct{}), flying: map[string]bool{}}
	n.process = p
	engine := escalation.New(escalation.Config{
		Book: p, Leases: p, Timeline: p, Install: "test0000", Owner: fmt.Sprintf("ana@bastion %d", n.lives),
		Senders: map[string]escalation.Sender{"pagerduty": p, "slack": p, "webhook": p, "command": p, "statuspage": p}, Rand: func() float64 { return 0.5 },
		NewID: func(time.Time) string {
			n.ids++
			return fmt.Sprintf("%026d", n.ids)
		},
		Problem: func(err error) {
			if !errors.Is(err, errDead) {
				n.breaks("problem: %v", err)
			}
		},
	})
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(n.t.Context())
	go func() {
		defer close(p.gone)
		_ = engine.Run(ctx)
	}()
}

var errDead = errors.New("this process is dead")

// process is the store and the sinks as one process sees them, until it dies:
// from then on nothing that it does has any effect.
type process struct {
	*storetest.Memory
	world  *lawful
	cancel context.CancelFunc
	gone   chan struct{}

	mu      sync.Mutex
	dead    bool
	turns   int
	dies    bool // at turn dieIn from now
	dieIn   int
	written bool
	flying  map[string]bool
}

func (p *process) over() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

func (p *process) end() {
	p.cancel()
	<-p.gone
}

// dieAt lets the process die at one of its next writes, which is committed or
// not; at once if n is 0.
func (p *process) dieAt(n int, written bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dies, p.dieIn, p.written = true, n, written
	if n == 0 {
		p.dead = true
		p.cancel()
	}
}

// spare takes back that it is to die.
func (p *process) spare() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dies = false
}

func (p *process) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	return nil
}

func (p *process) Turn(ctx context.Context, l escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return errDead
	}
	if p.turns++; p.turns > 100_000 {
		panic("the engine runs hot")
	}
	number, fatal := p.turns, false
	if p.dies {
		p.dieIn--
		fatal = p.dieIn <= 0
	}
	if fatal {
		p.dead = true
		p.cancel()
	}
	p.mu.Unlock()
	if fatal && !p.written {
		return errDead
	}
	err := p.Memory.Turn(ctx, l, now, id, func(c escalation.Case) (escalation.Decision, error) {
		if number%7 == 0 { // it takes long
			return p.world.twice(c, decide)
		}
		return decide(c)
	})
	if fatal {
		return errDead
	}
	return err
}

// twice decides twice, and holds the decisions to be the same.
func (n *lawful) twice(c escalation.Case, decide func(escalation.Case) (escalation.Decision, error)) (escalation.Decision, error) {
	given, from := string(incident.Payload(c)), n.ids
	first, err := decide(c)
	n.ids = from
	second, _ := decide(c)
	health := second.Health
	first.Health, second.Health = nil, nil // of the sink, which other requests are made of meanwhile
	if a, b := string(incident.Payload(first)), string(incident.Payload(second)); a != b {
		n.breaks("the same case, two decisions:\n%s\n%s", a, b)
	}
	if after := string(incident.Payload(c)); after != given {
		n.breaks("a decision changed the case:\n%s\n%s", given, after)
	}
	first.Health = health
	return first, err
}

func (p *process) Take(ctx context.Context, owner string, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := p.alive(); err != nil {
		return escalation.Lease{}, err
	}
	return p.Memory.Take(ctx, owner, now, ttl)
}

func (p *process) Renew(ctx context.Context, l escalation.Lease, now time.Time, ttl time.Duration) (escalation.Lease, error) {
	if err := p.alive(); err != nil {
		return l, err
	}
	return p.Memory.Renew(ctx, l, now, ttl)
}

func (p *process) Release(ctx context.Context, l escalation.Lease) error {
	if err := p.alive(); err != nil {
		return err
	}
	return p.Memory.Release(ctx, l)
}

// Send is every sink: it judges that the message may be sent now, and does what
// fate has for it.
func (p *process) Send(ctx context.Context, m escalation.Message, _ incident.Incident) escalation.Outcome {
	n := p.world
	p.mayBeSent(m)
	n.mu.Lock()
	f := fate{}
	f.class = escalation.Done
	if len(n.fates) > 0 {
		f, n.fates = n.fates[0], n.fates[1:]
	}
	n.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.flying, m.Stream)
	}()
	select {
	case <-time.After(f.takes):
	case <-ctx.Done():
		f.class = escalation.Unsure
	}
	if p.alive() != nil {
		f.class = escalation.Unsure
	}
	switch {
	case f.class == escalation.Done, f.class == escalation.Unsure && f.counts == "now":
		n.arrives(m)
	case f.class == escalation.Unsure && f.counts == "late":
		time.AfterFunc(7*time.Second, func() { n.arrives(m) })
	}
	return escalation.Outcome{Class: f.class, After: 10 * time.Second, Ref: "ref/" + m.ID, Err: fmt.Errorf("fate: %s", f.class)}
}

// mayBeSent holds an attempt that begins to the laws.
func (p *process) mayBeSent(m escalation.Message) {
	n := p.world
	p.mu.Lock()
	if p.flying[m.Stream] {
		n.breaks("two requests of the stream %s at once", m.Stream)
	}
	p.flying[m.Stream] = true
	p.mu.Unlock()
	inc, err := n.store.Incident(context.Background(), m.Incident)
	n.must(err)
	if inc.Status.Over() && (m.Operation == escalation.OpTrigger || m.Operation == escalation.OpAcknowledge) {
		n.breaks("%s of %s is sent, but %s is %s", m.Operation, m.DedupKey, inc.ID, inc.Status)
	}
	all, err := n.store.Messages(context.Background(), m.Incident)
	n.must(err)
	for _, o := range all {
		if o.ID == m.ID && o.State != escalation.Sending {
			n.breaks("%s of %s is sent, but the book says %s", m.Operation, m.Stream, o.State)
		}
		if o.Stream == m.Stream && o.Seq < m.Seq && o.Open() {
			n.breaks("%s overtakes %s in %s", m.Operation, o.Operation, m.Stream)
		}
	}
}

// arrives is what PagerDuty makes of an event.
func (n *lawful) arrives(m escalation.Message) {
	if m.DedupKey == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	k := n.keys[m.Sink+" "+m.DedupKey]
	switch {
	case m.Operation == escalation.OpTrigger && k == nil:
		n.keys[m.Sink+" "+m.DedupKey] = &pageKey{open: true}
	case m.Operation == escalation.OpTrigger && k.resolved:
		k.open = true
		n.broken = append(n.broken, "the page "+m.DedupKey+" was opened again after it was resolved")
	case m.Operation == escalation.OpResolve && k != nil:
		k.open, k.resolved = false, true
	}
}

func (n *lawful) anyOpen() bool {
	all, err := n.store.Messages(n.t.Context(), "")
	n.must(err)
	return slices.ContainsFunc(all, escalation.Message.Open)
}

// judge holds the end of the night to the laws.
func (n *lawful) judge() {
	all, err := n.store.Messages(n.t.Context(), "")
	n.must(err)
	triggered := map[string]bool{}
	for _, m := range all {
		if m.Open() {
			n.breaks("%s to %s of %s is still %s: %s", m.Operation, m.Sink, m.Incident, m.State, m.Error)
		}
		if m.Operation != escalation.OpTrigger {
			continue
		}
		if triggered[m.DedupKey] {
			n.breaks("two pages of the key %s", m.DedupKey)
		}
		triggered[m.DedupKey] = true
		if m.State == escalation.Accepted && n.keys[m.Sink+" "+m.DedupKey] == nil {
			n.breaks("the page %s counts as accepted and never arrived", m.DedupKey)
		}
		if m.State != escalation.Accepted && m.State != escalation.Superseded {
			n.breaks("the page %s is %s", m.DedupKey, m.State)
		}
	}
	for i := range n.declared {
		n.judgeIncident(incident.NumberedID(i+1), all)
	}
}

func (n *lawful) judgeIncident(id incident.ID, all []escalation.Message) {
	inc, err := n.store.Incident(n.t.Context(), id)
	n.must(err)
	events, err := n.store.Timeline(n.t.Context(), id)
	n.must(err)
	if a, b := string(incident.Payload(incident.Fold(events...))), string(incident.Payload(inc)); a != b {
		n.breaks("the fold of %s is not what the store says", id)
	}
	for _, e := range events {
		var step incident.Escalation
		called := (e.Kind == incident.EscalationEntered || e.Kind == incident.EscalationRenotified) && !strings.Contains(e.Text, "nobody paged")
		if !called || e.Payload(&step) != nil {
			continue
		}
		for _, sink := range step.Notify {
			page := slices.IndexFunc(all, func(m escalation.Message) bool {
				return m.Incident == id && m.Sink == sink && m.Operation == escalation.OpTrigger && m.Level == step.Level && m.Round == step.Round
			})
			last := step.Level == inc.Rung.Level && step.Round == inc.Rung.Round
			switch {
			case !strings.HasPrefix(sink, "pagerduty:"):
			case page < 0:
				n.breaks("%s: %s round %d was due and %s has no page", id, step.Level, step.Round, sink)
			case last && !inc.Status.Over() && !inc.Acknowledged() && all[page].State != escalation.Accepted:
				n.breaks("%s: nobody has it, and the last page is %s: %s", id, all[page].State, all[page].Error)
			}
		}
	}
	for key, k := range n.keys {
		if strings.Contains(key, inc.Key) && inc.Status.Over() && k.open {
			n.breaks("%s is %s, and the page %s is still open", id, inc.Status, key)
		}
	}
	n.judgeAnnouncements(inc, events, all)
	lease, err := n.store.Lease(n.t.Context())
	n.must(err)
	due, _, err := n.store.Due(n.t.Context(), lease, time.Now().Add(1000*time.Hour))
	n.must(err)
	if inc.Status.Over() && slices.Contains(due, id) {
		n.breaks("%s is %s, and would be looked at again", id, inc.Status)
	}
}
