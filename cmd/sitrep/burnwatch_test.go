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
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/query/slo"
	"github.com/sitrep-dev/sitrep/store"
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
	o, err := slo.Load("checkout.yaml", []byte("name: checkout\nservice: checkout\nobjective: 99\nsli: {events: {bad: bad_total, total: all_total}}\n"))
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
		experiments: []chaos.Experiment{{Name: "slow-checkout", Targets: chaos.Selection{Select: map[string]string{"service": "checkout"}}}},
	}
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

// What a drill hurts belongs to the drill; anything else is real, and so is what
// outlives the drill.
func TestABurnDuringADrill(t *testing.T) {
	for name, c := range map[string]struct {
		experiment string
		real       bool
	}{"within the blast radius": {"slow-checkout", false}, "beyond it": {"slow-search", true}, "without a run": {"", true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newBurnNight(t)
				defer n.db.Close()
				defer n.run(n.watch(true))()
				time.Sleep(10 * time.Minute)
				desk := incident.NewDesk(n.db)
				drill, err := desk.Declare(t.Context(), n.by(), "", incident.Declaration{Title: "game day", Severity: incident.Sev3, Service: "checkout", Drill: true})
				require.NoError(t, err)
				if c.experiment != "" {
					_, err = n.db.Append(t.Context(), incident.Event{
						At: time.Now(), Kind: incident.ChaosStarted, Actor: "ana", Source: "cli", Text: "CH-1", Data: incident.Payload(chaos.Report{ID: "x", Run: "CH-1", Experiment: c.experiment}),
					})
					require.NoError(t, err)
				}
				n.server.fail(60)
				time.Sleep(20 * time.Minute)
				burns := n.events(incident.BurnBegan)
				require.NotEmpty(t, burns)
				if c.real {
					require.Len(t, n.incidents(), 2)
					require.NotEqual(t, drill.ID, burns[0].Incident)
					require.False(t, n.incident(burns[0].Incident).Drill)
					return
				}
				require.Len(t, n.incidents(), 1, "the drill alone")
				require.Equal(t, drill.ID, burns[0].Incident)
				require.Positive(t, n.incident(drill.ID).Alerts)

				_, err = desk.Resolve(t.Context(), n.by(), drill.ID, "over")
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

// Whatever the runs were: a burn belongs to a drill only if one of them was aimed at its
// service, and lasted into both the drill and the time that the burn looks back over.
func TestDrillOf(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		services := []string{"checkout", "search", ""}
		drill := incident.Incident{ID: "INC-1", Drill: true, Status: incident.StatusOpen}
		drill.Clocks.Declared = now.Add(-time.Duration(rapid.IntRange(1, 300).Draw(t, "declared")) * time.Minute)
		if rapid.Bool().Draw(t, "over") {
			drill.Status = incident.StatusResolved
		}
		var runs []hurt
		service := rapid.SampledFrom(services).Draw(t, "service")
		want := incident.ID("")
		for range rapid.IntRange(0, 4).Draw(t, "runs") {
			h := hurt{selects: map[string]string{"service": rapid.SampledFrom(services).Draw(t, "selects")}, from: now.Add(-6 * time.Hour)}
			if rapid.Bool().Draw(t, "ended") {
				h.to = now.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "to")) * time.Minute)
			}
			runs = append(runs, h)
			lasts := h.to.IsZero() || h.to.After(drill.Clocks.Declared) && now.Sub(h.to) < time.Hour
			if lasts && service != "" && h.selects["service"] == service && !drill.Status.Over() {
				want = drill.ID
			}
		}
		if got := drillOf([]incident.Incident{drill}, runs, map[string]string{"service": service}, time.Hour, now); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// A burn whose objective is taken out of the configuration does not fire for ever.
func TestBurnsOfObjectivesThatAreGone(t *testing.T) {
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
