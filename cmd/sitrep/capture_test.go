package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// remembering is a server that answers every query with its own past, until it is
// told otherwise.
type remembering struct {
	mu    sync.Mutex
	fails func(expr string) error // nil: it answers
	empty bool
	asked []query.Grid
}

func (r *remembering) Range(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails != nil {
		if err := r.fails(expr); err != nil {
			return query.Frame{}, err
		}
	}
	r.asked = append(r.asked, g)
	if r.empty {
		return query.Frame{Grid: g}, nil
	}
	values := make([]float64, g.N)
	for i := range values {
		values[i] = float64(g.Time(i).Minute())
	}
	return query.Frame{Grid: g, Series: []query.Series{{Labels: query.Labels{"job": "a"}, Legend: "a", Expr: expr, Values: values}}}, nil
}

func (r *remembering) set(change func(*remembering)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

// watched is a capturer in a bubble of time, with what it said.
type watched struct {
	*capturer
	mu       sync.Mutex
	problems []string
	drafts   int
}

func watch(log archive, source query.Source, wait time.Duration) *watched {
	w := &watched{}
	board := query.Board{Name: "shop", Title: "Shop", Range: time.Hour, Refresh: time.Second, Panels: []query.Panel{
		{Title: "errors", Queries: []query.Query{{Expr: "errors"}}, Signal: true, Field: query.Field{Thresholds: []query.Threshold{{Value: 50, State: query.Crit}}}},
		{Title: "memory", Queries: []query.Query{{Expr: "memory"}}},
	}}
	edge := query.Board{Name: "edge", Range: time.Minute, Refresh: time.Second, Panels: []query.Panel{{Title: "rps", Queries: []query.Query{{Expr: "rps"}}}}}
	w.capturer = &capturer{
		log: log, boards: []query.Board{board, edge}, source: source, name: "prom", scrape: func(context.Context) time.Duration { return 0 },
		wait:    func() time.Duration { return wait },
		kept:    func(context.Context, incident.ID) { w.mu.Lock(); w.drafts++; w.mu.Unlock() },
		problem: func(text string) { w.mu.Lock(); w.problems = append(w.problems, text); w.mu.Unlock() },
	}
	return w
}

func (w *watched) said() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.problems...)
}

// nightOn declares, climbs, eases and resolves INC-1 on a store, ten minutes each.
func nightOn(t *testing.T, log *storetest.Memory) {
	t.Helper()
	desk := incident.NewDesk(log)
	by := func() incident.By { return incident.By{Actor: "ana", Source: "test", At: time.Now()} }
	inc, err := desk.Declare(t.Context(), by(), "", incident.Declaration{Title: "x", Severity: incident.Sev1})
	require.NoError(t, err)
	time.Sleep(10 * time.Minute)
	_, err = log.Append(t.Context(), incident.Event{Incident: inc.ID, Kind: incident.EscalationEntered, At: time.Now(), Actor: incident.Sitrep, Data: incident.Payload(incident.Escalation{Level: "L2", Round: 1, Reason: "climbed"})})
	require.NoError(t, err)
	time.Sleep(10 * time.Minute)
	_, err = desk.ChangeStatus(t.Context(), by(), inc.ID, incident.StatusMonitoring, "")
	require.NoError(t, err)
	time.Sleep(10 * time.Minute)
	_, err = desk.Resolve(t.Context(), by(), inc.ID, "rolled back")
	require.NoError(t, err)
	time.Sleep(time.Minute)
}

// captures is what the timeline of INC-1 says was kept.
func captures(t *testing.T, log *storetest.Memory) (all []incident.Capture) {
	t.Helper()
	events, err := log.Timeline(t.Context(), "INC-1")
	require.NoError(t, err)
	for _, e := range events {
		var c incident.Capture
		if e.Kind == incident.EvidenceCaptured {
			require.NoError(t, e.Payload(&c))
			all = append(all, c)
		}
	}
	return all
}

func runAll(t *testing.T, all ...*watched) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, w := range all {
		running.Go(func() { _ = w.Run(ctx) }) // it ends with ctx
	}
	return func() { cancel(); running.Wait() }
}

// Every moment is kept once, whoever watches, over the window that fits it.
func TestSeriesAreKeptAtEveryMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, source := storetest.NewMemory(), &remembering{}
		one, two := watch(log, source, captureSoon), watch(log, source, captureLater)
		defer runAll(t, one, two)()
		began := time.Now()
		nightOn(t, log)
		got := captures(t, log)
		var told []string
		for _, c := range got {
			b := c.Boards[0]
			require.Equal(t, 2, b.Series)
			require.Equal(t, "prom", c.Source)
			require.LessOrEqual(t, b.Values, 2*(capturePoints+1))
			told = append(told, fmt.Sprintf("%s at %s: %s to %s step %.0fs", c.What, c.At.Sub(began), b.From.Sub(began), b.To.Sub(began), b.Step))
			frozen, err := log.Frozen(t.Context(), c.Event)
			require.NoError(t, err)
			require.Len(t, frozen, 2)
			s, err := query.Decode(frozen[0].Series)
			require.NoError(t, err)
			require.Equal(t, "memory", s.Board.Panels[1].Title)
			require.Equal(t, float64(s.Grid.End().Minute()), s.Panels[0].Frame.Series[0].Values[s.Grid.N-1])
		}
		require.Equal(t, []string{
			"declared at 0s: -1h0m0s to 0s step 15s", "escalated to L2 at 10m0s: -50m0s to 10m0s step 15s",
			"mitigated at 20m0s: -40m0s to 20m0s step 15s", "resolved at 30m0s: -1h0m0s to 30m0s step 30s",
		}, told)
		signal := got[3].Boards[0].Signals[0]
		require.Equal(t, 59.0, *signal.Peak)
		require.Equal(t, "crit", signal.State)
		require.Equal(t, 4, one.drafts+two.drafts)
		require.Zero(t, two.drafts, "who does not run the ladder has nothing left to do")
		require.Empty(t, one.said())
		time.Sleep(time.Hour)
		require.Len(t, captures(t, log), 4, "what was kept is no moment itself")
	})
}

// A process that starts later keeps what was missed, as long as the server can be
// expected to remember.
func TestWhatWasMissedIsCaughtUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, source := storetest.NewMemory(), &remembering{}
		nightOn(t, log)
		time.Sleep(captureReach - 20*time.Minute)
		defer runAll(t, watch(log, source, captureSoon))()
		time.Sleep(time.Second)
		var told []string
		for _, c := range captures(t, log) {
			told = append(told, c.What)
		}
		require.Equal(t, []string{"mitigated", "resolved"}, told, "the rest is too old")
	})
}

// A server that does not answer is asked again, later and later; nothing empty is
// kept in its place, and it is said once.
func TestAServerThatIsDownIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, source := storetest.NewMemory(), &remembering{}
		tries := 0
		source.fails = func(string) error { tries++; return &query.Error{Kind: query.ErrUnreachable, Msg: "refused"} }
		w := watch(log, source, captureSoon)
		defer runAll(t, w)()
		nightOn(t, log)
		time.Sleep(2 * time.Hour)
		require.Empty(t, captures(t, log))
		require.Less(t, tries, 150, "a server that is down is not hammered")
		require.Len(t, w.said(), 1)
		require.Contains(t, w.said()[0], "INC-1, declared: what the boards show is not kept yet")
		source.set(func(r *remembering) { r.fails = nil })
		time.Sleep(6 * time.Minute)
		require.Len(t, captures(t, log), 4)
	})
}

func TestAServerThatNeverComesBackIsSaidToHaveLostIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, source := storetest.NewMemory(), &remembering{empty: true}
		w := watch(log, source, captureSoon)
		defer runAll(t, w)()
		nightOn(t, log)
		time.Sleep(25 * time.Hour)
		require.Empty(t, captures(t, log), "an empty answer is nothing to keep")
		require.Less(t, len(source.asked), 4*3*(24*12+20))
		said := w.said()
		require.Len(t, said, 4)
		for _, text := range said {
			require.True(t, strings.HasSuffix(text, "was not kept, and is not asked for any more"), text)
		}
	})
}

// A panel that does not answer is waited for a little, and then left out with its
// reason; one that the server will never answer is not waited for.
func TestWhatCannotBeReadIsSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, source := storetest.NewMemory(), &remembering{}
		slow := 0
		source.fails = func(expr string) error {
			switch expr {
			case "memory":
				slow++
				return &query.Error{Kind: query.ErrTimeout, Msg: "too slow"}
			case "rps":
				return &query.Error{Kind: query.ErrQuery, Msg: "parse error"}
			}
			return nil
		}
		defer runAll(t, watch(log, source, captureSoon))()
		nightOn(t, log)
		got := captures(t, log)
		require.Len(t, got, 4)
		require.Equal(t, 4*patientCaptures, slow)
		require.Len(t, got[0].Unread, 2)
		events, err := log.Timeline(t.Context(), "INC-1")
		require.NoError(t, err)
		require.Contains(t, events[len(events)-1].Text, "; not read: shop: memory: ")
		require.Contains(t, events[len(events)-1].Text, "edge: rps: ")
	})
}

func TestTheWindowOfALongIncident(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	long := incident.Moment{Kind: incident.Resolved, At: at, Declared: at.Add(-100 * time.Hour)}
	require.Equal(t, longestCapture, pastOf(long, time.Hour).Span)
	require.Equal(t, 48*time.Hour, pastOf(long, 48*time.Hour).Span, "never less than the board shows")
}
