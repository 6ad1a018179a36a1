package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// counters is a server that has counted 100 requests a minute for ever, of which so many
// are bad from a time on.
type counters struct {
	mu   sync.Mutex
	bad  []badFrom
	down error
}

type badFrom struct {
	at     time.Time
	minute float64 // bad ones a minute
}

func (c *counters) fail(minute float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bad = append(c.bad, badFrom{time.Now(), minute})
}

func (c *counters) Range(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil {
		return query.Frame{}, c.down
	}
	values := make([]float64, g.N)
	for i := range values {
		values[i] = 100 * g.Step.Minutes()
		if strings.Contains(expr, "bad") {
			rate := 0.0
			for _, b := range c.bad {
				if !g.Time(i).Before(b.at.Add(time.Minute)) {
					rate = b.minute
				}
			}
			values[i] = rate * g.Step.Minutes()
		}
	}
	return query.Frame{Grid: g, Series: []query.Series{{Values: values}}}, nil
}

// burnNight is a store, a desk and watches over one objective, in virtual time.
type burnNight struct {
	t      *testing.T
	db     *store.DB
	server *counters
	slo    slo.Objective
	begun  time.Time

	mu   sync.Mutex
	last []slo.Status
	said []string
}

func newBurnNight(t *testing.T) *burnNight {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	o, err := slo.Load("checkout.yaml", []byte("name: checkout\nservice: checkout\nobjective: 99\nlabels: {env: prod}\nsli: {events: {bad: bad_total, total: all_total}}\n"))
	require.NoError(t, err)
	return &burnNight{t: t, db: db, server: &counters{}, slo: o, begun: time.Now()}
}

// watch is that of one more process.
func (n *burnNight) watch(mine bool) *burnWatch {
	return &burnWatch{
		db: n.db, desk: deskOn(n.t, n.db), objectives: []slo.Objective{n.slo}, source: "test", mine: func() bool { return mine },
		server: func(string) (query.Source, error) { return n.server, nil },
		scrape: func(context.Context, slo.Objective) (time.Duration, error) { return 15 * time.Second, nil },
		tell: func(all []slo.Status) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.last = all
		},
		problem: func(text string) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.said = append(n.said, text)
		},
		experiments: []chaos.Experiment{
			aimedAt("slow-checkout", map[string]string{"service": "checkout"}), aimedAt("slow-payments", map[string]string{"service": "payments"}),
			aimedAt("slow-staging", map[string]string{"service": "checkout", "env": "staging"}),
		},
	}
}

// aimedAt is an experiment that takes five minutes to get well.
func aimedAt(name string, labels map[string]string) chaos.Experiment {
	return chaos.Experiment{Name: name, Targets: chaos.Selection{Select: labels}, Recovery: strictyaml.Duration(5 * time.Minute)}
}

func (n *burnNight) run(all ...*burnWatch) (stop func()) {
	ctx, cancel := context.WithCancel(n.t.Context())
	var running sync.WaitGroup
	for _, w := range all {
		running.Go(func() { _ = w.Run(ctx) }) // it ends with ctx
	}
	return func() { cancel(); running.Wait() }
}

func (n *burnNight) events(kinds ...incident.Kind) []incident.Event {
	n.t.Helper()
	list, err := n.db.OfKinds(n.t.Context(), n.begun.Add(-time.Hour), time.Now().Add(time.Hour), kinds...)
	require.NoError(n.t, err)
	return list
}

func (n *burnNight) incident(id incident.ID) incident.Incident {
	n.t.Helper()
	inc, err := n.db.Incident(n.t.Context(), id)
	require.NoError(n.t, err)
	return inc
}

func (n *burnNight) incidents() []incident.Incident {
	n.t.Helper()
	list, err := n.db.Incidents(n.t.Context(), false, 0)
	require.NoError(n.t, err)
	return list
}

func (n *burnNight) by() incident.By { return incident.By{Actor: "ana", Source: "cli", At: time.Now()} }

// A fast burn declares what the policy says, once, however many processes look; it
// ends, and the incident is told what it cost.
func TestABurnDeclares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newBurnNight(t)
		defer n.db.Close()
		stop := n.run(n.watch(true), n.watch(false))
		time.Sleep(10 * time.Minute)
		require.Empty(t, n.incidents())
		n.server.fail(60) // of a hundred: 60 times the budget's rate
		time.Sleep(30 * time.Minute)
		list := n.incidents()
		require.Len(t, list, 1)
		require.Equal(t, incident.Sev2, list[0].Severity, "severity critical, by the policy")
		require.Equal(t, "checkout", list[0].Service)
		require.Contains(t, list[0].Title, "checkout: fast burn")
		burns := n.events(incident.BurnBegan)
		require.NotEmpty(t, burns)
		require.Equal(t, list[0].ID, burns[0].Incident)
		require.Len(t, n.events(incident.AlertFired), len(burns), "each burn is one alert")
		stop()

		restarted := n.run(n.watch(true)) // another process goes on: nothing is told twice
		time.Sleep(10 * time.Minute)
		burns = n.events(incident.BurnBegan)
		rules := map[string]bool{}
		for _, e := range burns {
			var b incident.Burn
			require.NoError(t, e.Payload(&b))
			require.False(t, rules[b.Rule], "%s is told twice", b.Rule)
			rules[b.Rule] = true
			require.Equal(t, list[0].ID, e.Incident, "the slow one joins")
		}
		require.Len(t, n.incidents(), 1)

		n.server.fail(0)
		time.Sleep(time.Hour)
		require.Len(t, n.events(incident.BurnEnded), len(burns), "the short windows end them")
		require.Len(t, n.events(incident.AlertResolved), len(burns))

		desk := incident.NewDesk(n.db)
		_, err := desk.Resolve(t.Context(), n.by(), list[0].ID, "fixed")
		require.NoError(t, err)
		time.Sleep(10 * time.Minute)
		costs := n.incident(list[0].ID).Costs
		require.Len(t, costs, 1)
		require.InDelta(t, 60*40, costs[0].Events, 60*6, "bad ones of the forty minutes, but for those before it was noticed")
		require.Positive(t, costs[0].Ratio)
		require.Positive(t, costs[0].Minutes)
		require.Len(t, n.events(incident.BudgetCost), 1)
		require.Empty(t, n.said)
		restarted()
	})
}

// A slow burn is a SEV-3, whatever the policy does not say.
func TestASlowBurnIsLookedInto(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newBurnNight(t)
		defer n.db.Close()
		w := n.watch(true)
		w.desk.policy.Declare = w.desk.policy.Declare[:2] // nothing of warnings
		defer n.run(w)()
		time.Sleep(10 * time.Minute)
		n.server.fail(9) // nine times the budget's rate: no fast burn
		time.Sleep(6 * time.Hour)
		list := n.incidents()
		require.Len(t, list, 1)
		require.Equal(t, incident.Sev3, list[0].Severity)
		require.Contains(t, list[0].Title, "slow burn")
	})
}

// A server that is away ends no burn, declares none, and is complained of once.
func TestDarknessTellsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newBurnNight(t)
		defer n.db.Close()
		defer n.run(n.watch(true))()
		time.Sleep(10 * time.Minute)
		n.server.fail(60)
		time.Sleep(20 * time.Minute)
		began := len(n.events(incident.BurnBegan))
		require.Positive(t, began)
		n.server.mu.Lock()
		n.server.down = &query.Error{URL: "http://prom", Kind: query.ErrUnreachable, Msg: "connection refused"}
		n.server.mu.Unlock()
		time.Sleep(time.Hour)
		require.Empty(t, n.events(incident.BurnEnded))
		n.mu.Lock()
		defer n.mu.Unlock()
		require.Len(t, n.said, 1, "%v", n.said)
	})
}

// drills is a night with a drill that goes on, under a policy that says what it may burn
// besides, and an experiment of the drill.
func (n *burnNight) drill(experiment string, also map[string][]string) incident.Incident {
	n.t.Helper()
	policy := escalation.Default()
	policy.GameDay.Also = also
	drill, err := incident.NewDesk(n.db).Declare(n.t.Context(), n.by(), "", incident.Declaration{Title: "game day", Severity: incident.Sev3, Service: "payments", Drill: true, Policy: policy.Frozen("payments")})
	require.NoError(n.t, err)
	if experiment != "" {
		n.report(incident.ChaosStarted, chaos.Report{ID: "x", Run: "CH-1", Experiment: experiment})
	}
	return drill
}

func (n *burnNight) report(kind incident.Kind, r chaos.Report) {
	n.t.Helper()
	_, err := n.db.Append(n.t.Context(), incident.Event{At: time.Now(), Kind: kind, Actor: "ana", Source: "cli", Text: "CH-1", Data: incident.Payload(r)})
	require.NoError(n.t, err)
}

// What a drill hurts, or its policy says that it may burn, belongs to the drill; anything
// else is real, and says why; and so is what outlives the drill.
func TestABurnDuringADrill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		experiment string
		also       map[string][]string
		why        string // empty: it is the drill's
	}{
		"within the blast radius": {experiment: "slow-checkout"},
		"which the policy widens": {experiment: "slow-payments", also: map[string][]string{"payments": {"checkout"}}},
		"widened for another":     {experiment: "slow-payments", also: map[string][]string{"search": {"checkout"}}, why: "; real: the drill INC-1 covers only payments"},
		"beyond it":               {experiment: "slow-payments", why: "; real: the drill INC-1 covers only payments"},
		"of another environment":  {experiment: "slow-staging", why: "; real: the drill INC-1 covers only checkout"},
		"without a run":           {why: "; real: the drill INC-1 covers nothing, because no run of chaos goes on in it"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newBurnNight(t)
				defer n.db.Close()
				defer n.run(n.watch(true))()
				time.Sleep(10 * time.Minute)
				drill := n.drill(c.experiment, c.also)
				n.server.fail(60)
				time.Sleep(20 * time.Minute)
				burns := n.events(incident.BurnBegan)
				require.NotEmpty(t, burns)
				if c.why != "" {
					require.Len(t, n.incidents(), 2)
					require.NotEqual(t, drill.ID, burns[0].Incident)
					real := n.incident(burns[0].Incident)
					require.False(t, real.Drill)
					require.Contains(t, real.Title, c.why, "the page says why")
					require.Contains(t, burns[0].Text, c.why, "and so does the timeline")
					return
				}
				require.Len(t, n.incidents(), 1, "the drill alone")
				require.Equal(t, drill.ID, burns[0].Incident)
				require.NotContains(t, burns[0].Text, "real")
				require.Positive(t, n.incident(drill.ID).Alerts)

				_, err := incident.NewDesk(n.db).Resolve(t.Context(), n.by(), drill.ID, "over")
				require.NoError(t, err)
				time.Sleep(15 * time.Minute)
				list := n.incidents()
				require.Len(t, list, 2, "it burns on without the drill")
				again := n.events(incident.BurnBegan)
				require.NotEqual(t, drill.ID, again[len(again)-1].Incident)
				require.NotEmpty(t, again[len(again)-1].Incident)
			})
		})
	}
}

// What a run of the drill did is the drill's while it gets well, and as long as the short
// window remembers; what burns on after that, though the drill goes on, is real.
func TestABurnAfterTheRunOfADrill(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late time.Duration // after the run's end it begins to fail
		real bool
	}{"while it recovers": {late: time.Minute}, "long after": {late: 20 * time.Minute, real: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newBurnNight(t)
				defer n.db.Close()
				n.slo.Rules = n.slo.Rules[:1] // the fast one
				defer n.run(n.watch(true))()
				time.Sleep(2 * time.Hour) // so that the long window is of quiet hours
				drill := n.drill("slow-checkout", nil)
				time.Sleep(5 * time.Minute)
				n.report(incident.ChaosFinished, chaos.Report{ID: "x", Run: "CH-1", Experiment: "slow-checkout"})
				time.Sleep(c.late)
				n.server.fail(100)
				time.Sleep(11 * time.Minute)
				burns := n.events(incident.BurnBegan)
				require.NotEmpty(t, burns)
				if c.real {
					require.NotEqual(t, drill.ID, burns[0].Incident)
					require.Contains(t, burns[0].Text, "covers nothing")
					return
				}
				require.Equal(t, drill.ID, burns[0].Incident)
				require.Len(t, n.incidents(), 1, "it is the drill's while the experiment's recovery and the short window last")
				time.Sleep(20 * time.Minute)
				require.Len(t, n.incidents(), 2, "nothing that the drill did lasts so long")
				burns = n.events(incident.BurnBegan)
				last := burns[len(burns)-1]
				require.NotEqual(t, drill.ID, last.Incident)
				require.Contains(t, last.Text, "real: the drill INC-1 covers nothing")
				require.Len(t, n.events(incident.BurnBegan), 2, "and it is told once")
			})
		})
	}
}

// Whatever the runs were: a burn belongs to a drill only if one of them was aimed at its
// service, or at one that may burn it, during the drill, and what it did may last.
func TestDrillOf(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	const grace, recovery = 6 * time.Minute, 4 * time.Minute
	policy := escalation.Default()
	policy.GameDay.Also = map[string][]string{"payments": {"checkout"}}
	rapid.Check(t, func(t *rapid.T) {
		services := []string{"checkout", "search", "payments", ""}
		drill := incident.Incident{ID: "INC-1", Drill: true, Status: incident.StatusOpen, Policy: policy.Frozen("")}
		drill.Clocks.Declared = now.Add(-time.Duration(rapid.IntRange(1, 30).Draw(t, "declared")) * time.Minute)
		if rapid.Bool().Draw(t, "over") {
			drill.Status = incident.StatusResolved
		}
		var runs []hurt
		service := rapid.SampledFrom(services).Draw(t, "service")
		want := incident.ID("")
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			h := hurt{selects: map[string]string{"service": rapid.SampledFrom(services).Draw(t, "selects")}, recovery: recovery}
			h.from = now.Add(-time.Duration(rapid.IntRange(0, 90).Draw(t, "from")) * time.Minute)
			if rapid.Bool().Draw(t, "ended") {
				h.to = h.from.Add(time.Duration(rapid.IntRange(0, int(now.Sub(h.from)/time.Minute)).Draw(t, "lasted")) * time.Minute)
			}
			runs = append(runs, h)
			lasts := h.to.IsZero() && now.Sub(h.from) < longestRun || h.to.After(drill.Clocks.Declared) && now.Sub(h.to) <= 10*time.Minute
			aimed := h.selects["service"] == service || h.selects["service"] == "payments" && service == "checkout"
			if lasts && service != "" && aimed && !drill.Status.Over() {
				want = drill.ID
			}
		}
		got, why := drillOf(radii([]incident.Incident{drill}, runs, grace, now), map[string]string{"service": service})
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		if (why == "") != (got != "" || drill.Status.Over()) {
			t.Fatalf("why is %q of %q", why, got)
		}
	})
}

// A burn whose objective is taken out of the configuration does not fire for ever.
func TestBurnsOfObjectivesThatAreGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newBurnNight(t)
		defer n.db.Close()
		stop := n.run(n.watch(true))
		time.Sleep(10 * time.Minute)
		n.server.fail(60)
		time.Sleep(20 * time.Minute)
		stop()
		n.server.fail(0)
		n.slo.Name = "another"
		w := n.watch(true)
		defer n.run(w)()
		time.Sleep(5 * time.Minute)
		list, err := w.desk.firing(t.Context(), alert.FromSLO)
		require.NoError(t, err)
		require.NotContains(t, slosOf(list), "checkout")
	})
}

func slosOf(list []alert.Alert) (out []string) {
	for _, a := range list {
		out = append(out, a.Labels[slo.LabelSLO])
	}
	return out
}
