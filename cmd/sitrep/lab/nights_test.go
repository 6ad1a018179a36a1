package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// nightShape is how bad a night is.
type nightShape struct {
	incidents int
	length    time.Duration // from the first declaration to about the last
	processes int
}

// The promise of delivery with real processes, a real store and real sockets:
// processes are killed and stopped for longer than their lease, at random and at
// every point of a message's life, and sinks refuse, lose answers, come late and
// ask for patience. SITREP_SEEDS is how many whole nights there are (make
// soak-pages); without it there is a short one.
func TestNightsOfRealProcesses(t *testing.T) {
	seeds, shape := 1, nightShape{incidents: 24, length: 12 * time.Second, processes: 3}
	if text := os.Getenv("SITREP_SEEDS"); text != "" {
		var err error
		seeds, err = strconv.Atoi(text)
		require.NoError(t, err, "SITREP_SEEDS")
		shape.incidents, shape.length = 120, 50*time.Second
	}
	from := uint64(1)
	if text := os.Getenv("SITREP_SEED"); text != "" { // the first of them
		var err error
		from, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "SITREP_SEED")
	}
	table := "seed incidents kills freezes epochs requests lost-answers late-accepts seconds | pages-lost paged-twice after-resolve ghosts slack-lost slack-twice stale overtaken too-fast impatient invalid"
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", from+seed), func(t *testing.T) {
			n := newNight(t)
			line, v := n.pass(from+seed, shape)
			table += "\n" + strings.TrimSpace(line) + " |"
			for _, faults := range v.columns() {
				table += fmt.Sprint(" ", len(faults))
			}
			v.clean(t)
		})
	}
	t.Log("\n" + table)
}

// pass lets a night pass and says what was done in it, and what was left behind.
func (n *night) pass(seed uint64, shape nightShape) (line string, v verdict) {
	began := time.Now()
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(seed, 0))
	n.sinks.script(func(a arrival) fate {
		mu.Lock()
		defer mu.Unlock()
		return badFate(dice, a)
	})
	ctx, dawn := context.WithCancel(n.t.Context())
	defer dawn()
	var processes, people sync.WaitGroup
	slots := make([]slot, shape.processes)
	for i := range slots {
		slots[i] = slot{night: n, dice: rand.New(rand.NewPCG(seed, 100+uint64(i)))}
		processes.Go(func() { slots[i].keep(ctx) })
	}
	processes.Go(func() { n.outages(ctx, rand.New(rand.NewPCG(seed, 50))) })
	for i := range shape.incidents {
		people.Go(func() { n.respond(rand.New(rand.NewPCG(seed, 1000+uint64(i))), i, shape.length) })
	}
	people.Wait()
	n.sinks.script(nil)
	dawn()
	processes.Wait()
	defer func() {
		for i := range slots {
			slots[i].runs.kill()
		}
	}()
	calm := 0
	require.Eventually(n.t, func() bool {
		if calm++; !n.settled() {
			calm = 0
		}
		return calm > 3
	}, 3*time.Minute, 250*time.Millisecond, "all is sent in the end")
	lease, err := n.db.Lease(context.Background())
	require.NoError(n.t, err)
	kills, freezes, lost, late := 0, 0, 0, 0
	for _, s := range slots {
		kills, freezes = kills+s.kills, freezes+s.freezes
	}
	seen := n.sinks.arrivals()
	for _, a := range seen {
		switch a.Fate {
		case takenReset, takenHung, takenHalf, takenHTML, takenEmptyNo, takenGateway:
			lost++
		case takenLate:
			late++
		}
	}
	return fmt.Sprintln(seed, shape.incidents, kills, freezes, lease.Epoch, len(seen), lost, late, int(time.Since(began).Seconds())), n.judge()
}

// badFate draws what happens to a request.
func badFate(dice *rand.Rand, a arrival) fate {
	d := dice.Float64()
	for _, f := range []struct {
		fate  fate
		share float64
	}{
		{unavailable, 0.05},
		{takenGateway, 0.03},
		{slowDown0, 0.01},
		{slowDown2, 0.03},
		{slowDownDate, 0.02},
		{takenReset, 0.06},
		{takenHung, 0.02},
		{takenLate, 0.06},
		{takenHalf, 0.03},
		{htmlOK, 0.02},
		{takenHTML, 0.02},
		{loginPage, 0.02},
		{refusedFate, 0.02},
		{emptyNo, 0.02},
		{takenEmptyNo, 0.02},
	} {
		if d -= f.share; d < 0 {
			if a.Service == "pagerduty" && (f.fate == emptyNo || f.fate == takenEmptyNo) {
				return unavailable
			}
			return f.fate
		}
	}
	return fine
}

// outages closes one port or the other for a while.
func (n *night) outages(ctx context.Context, dice *rand.Rand) {
	for ctx.Err() == nil {
		w := n.sinks.wires[[]string{"pagerduty", "slack"}[dice.IntN(2)]]
		wait(ctx, time.Duration(4+dice.IntN(6))*time.Second)
		w.down()
		wait(ctx, time.Duration(300+dice.IntN(1500))*time.Millisecond)
		w.up(n.t)
	}
}

// slot is one process after the other.
type slot struct {
	*night
	dice           *rand.Rand
	runs           *ladder
	kills, freezes int
}

// keep runs a process until it is killed or kills itself, and then the next one,
// until ctx ends: then one is left that lives.
func (s *slot) keep(ctx context.Context) {
	l := s.life()
	l.Chance = 0.004
	for ctx.Err() == nil {
		l.Seed = s.dice.Uint64()
		s.runs = startLadder(s.t, l)
		for !s.runs.over() && ctx.Err() == nil {
			select {
			case <-s.runs.dead:
			case <-ctx.Done():
			case <-time.After(time.Duration(200+s.dice.IntN(2500)) * time.Millisecond):
				if s.dice.IntN(2) == 0 {
					s.runs.kill()
					continue
				}
				s.freezes++
				s.runs.signal(syscall.SIGSTOP)
				wait(ctx, hasty().LeaseTTL+time.Duration(s.dice.Int64N(int64(hasty().LeaseTTL))))
				s.runs.signal(syscall.SIGCONT)
			}
		}
		if s.runs.over() {
			s.kills++
			wait(ctx, time.Duration(s.dice.IntN(400))*time.Millisecond)
		}
	}
	s.runs.kill()
	s.kills++
	l.Chance = 0
	s.runs = startLadder(s.t, l)
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// respond is what people do about one incident. Every third is a false alarm,
// over before anybody knows whether its page went out.
func (n *night) respond(dice *rand.Rand, i int, length time.Duration) {
	pause := func(most time.Duration) { time.Sleep(time.Duration(dice.Int64N(int64(most)))) } // what people do takes real time here
	pause(length)
	inc := n.declare(i, incident.Severities()[i%3], nightPolicy(n.t, i, "3s", "5s"))
	ctx := context.Background()
	for round := range 1 + i%2 {
		if i%3 != 0 {
			pause(4 * time.Second)
			if i%5 != 0 {
				_, _ = n.desk.Acknowledge(ctx, n.by(), inc.ID) // what is refused, because it stands already, is no error
			}
			if i%7 == 0 {
				pause(time.Second)
				_, _ = n.desk.Unacknowledge(ctx, n.by(), inc.ID)
			}
			if i%4 == 0 {
				_, _ = n.desk.ChangeSeverity(ctx, n.by(), inc.ID, incident.Sev1, "worse")
			}
			if i%11 == 0 {
				_, _ = n.desk.Escalate(ctx, n.by(), inc.ID, incident.NextLevel, "help")
			}
			pause(8 * time.Second)
		} else {
			pause(1500 * time.Millisecond)
		}
		n.insist(func() error {
			_, err := n.desk.Resolve(ctx, n.by(), inc.ID, "rolled back")
			return err
		})
		if round < i%2 {
			pause(3 * time.Second)
			n.insist(func() error {
				_, err := n.desk.Reopen(ctx, n.by(), inc.ID)
				return err
			})
		}
	}
}

// A fate alone, before every first request of each kind: the incident is told
// once all the same.
func TestEveryFateAlone(t *testing.T) {
	both := []fate{
		unavailable, takenGateway, slowDown0, slowDown2, slowDownDate, takenReset, takenHung, takenLate, takenHalf,
		htmlOK, takenHTML, loginPage, refusedFate, emptyNo, takenEmptyNo,
	}
	for _, service := range []string{"pagerduty", "slack"} {
		for _, f := range both {
			if service == "pagerduty" && (f == emptyNo || f == takenEmptyNo) {
				continue // that is how Slack speaks
			}
			t.Run(service+"/"+string(f), func(t *testing.T) {
				t.Parallel()
				n := newNight(t)
				n.sinks.twice.Store(f == takenReset) // and the history shows everything twice
				met := map[string]bool{}
				n.sinks.script(func(a arrival) fate { // one at a time: the sinks hold their lock
					if a.Service != service || met[a.Operation] {
						return fine
					}
					met[a.Operation] = true
					return f
				})
				crash(t, n, "", "")
				require.GreaterOrEqual(t, len(met), 2)
			})
		}
	}
}

// A sink that wants to be left alone and does not say for how long, or says a
// year, is left alone for a while that is bounded.
func TestPatienceIsBounded(t *testing.T) {
	for f, want := range map[fate]time.Duration{slowDownBare: 30 * time.Second, slowDownHuge: time.Minute} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			n := newNight(t)
			n.sinks.script(func(a arrival) fate {
				if a.Service == "pagerduty" {
					return f
				}
				return fine
			})
			p := startLadder(t, n.life())
			defer p.kill()
			n.declare(0, incident.Sev1, nightPolicy(t, 0, "1h", "2h"))
			var h escalation.SinkHealth
			require.Eventually(t, func() bool {
				all, err := n.db.Health(t.Context())
				require.NoError(t, err)
				i := slices.IndexFunc(all, func(h escalation.SinkHealth) bool { return h.Sink == "pagerduty:first0" && !h.Until.IsZero() })
				if i >= 0 {
					h = all[i]
				}
				return i >= 0
			}, soon, 10*time.Millisecond)
			pages := slices.DeleteFunc(n.sinks.arrivals(), func(a arrival) bool { return a.Service != "pagerduty" })
			require.Len(t, pages, 1)
			require.WithinDuration(t, pages[0].Answered.Add(want), h.Until, 5*time.Second)
			require.False(t, h.Broken, "it answered")
		})
	}
}
