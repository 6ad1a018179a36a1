package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

var _ loadtest.Archive = (*store.DB)(nil)

func loadRun(t *testing.T, id string, at time.Time) loadtest.Result {
	t.Helper()
	r := loadtest.Result{
		Run: id, Plan: "smoke", StartedAt: at, DurationSeconds: 2,
		Totals:     loadtest.Totals{RequestedRate: 400, AchievedRate: 399, Requests: 800, Errors: 8, ErrorRatio: 0.01},
		Thresholds: []loadtest.ThresholdResult{{Expr: "errors < 1%", Value: 0.01}}, Stages: []loadtest.Totals{{Requests: 800}},
		ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{loadtest.ClassServer: {Count: 8, Sample: "status 503"}},
		Generator:     loadtest.GeneratorOK, Verdict: loadtest.Fail, Reasons: []string{"errors < 1% does not hold"},
	}
	h := loadtest.NewHistogram()
	for second := range 3 {
		h.Record(time.Duration(second+1) * 1234 * time.Microsecond)
		payload, err := h.Encode()
		require.NoError(t, err)
		r.Rows = append(r.Rows, loadtest.Row{Second: second, Warmup: second == 0, Requests: 400, Errors: 4, Response: payload, Service: payload, Lag: payload})
		r.Seconds = append(r.Seconds, loadtest.Second{
			Second: second, Requested: 400, Sent: 399, InFlight: 3, Connections: 8,
			ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{loadtest.ClassServer: {Count: 4, Sample: "status 503"}},
		})
	}
	var err error
	r.Seconds, err = loadtest.Filled(r.Seconds, r.Rows)
	require.NoError(t, err)
	r.Latency = h.Latency()
	return r
}

func TestLoadRunsAreKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db := open(t, path)
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for i := range 4 {
		id, err := db.NextRun(t.Context(), "LT")
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("LT-%d", i+1), id)
		require.NoError(t, db.SaveRun(t.Context(), loadRun(t, id, noon.Add(time.Duration(i/2)*time.Second))))
	}
	again := open(t, path) // another process

	want := loadRun(t, "LT-2", noon)
	got, err := again.LoadRun(t.Context(), "LT-2")
	require.NoError(t, err)
	require.Equal(t, want, got)
	response, _, _, err := loadtest.MergeRows(got.Rows)
	require.NoError(t, err)
	require.EqualValues(t, 5, response.Count(), "the warm-up row is left out")

	runs, err := again.Runs(t.Context(), 3)
	require.NoError(t, err)
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.Run)
		require.Empty(t, r.Rows)
		require.Empty(t, r.Seconds)
	}
	require.Equal(t, []string{"LT-4", "LT-3", "LT-2"}, ids)

	_, err = again.LoadRun(t.Context(), "LT-9")
	require.ErrorIs(t, err, loadtest.ErrNoRun)
	require.EqualError(t, err, "load run LT-9: no such run")
	require.ErrorContains(t, again.SaveRun(t.Context(), want), "save load run LT-2: a result of that ID is in the archive already")
	require.ErrorContains(t, again.SaveRun(t.Context(), loadtest.Result{}), "no ID")
}

// A result whose rows cannot be written is not half kept.
func TestLoadRunsAreKeptWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	r := loadRun(t, "LT-1", time.Now())
	r.Rows = append(r.Rows, r.Rows[0])
	require.ErrorContains(t, db.SaveRun(t.Context(), r), "save load run LT-1, second 0")
	runs, err := db.Runs(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, runs)
}

// A run is in the archive second by second. While its process lives it is told as going on,
// and when that is gone, as dead, with all that was kept: in a list, in full, and for good.
func TestARunIsKeptAsItGoes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db, other := open(t, path), open(t, path)
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	plan := loadtest.Plan{Name: "smoke", Stages: []loadtest.Stage{{From: 400, To: 400, For: time.Minute}}}
	whole := loadRun(t, "LT-1", noon)

	letGo, err := db.BeginRun(t.Context(), plan.Head("LT-1", noon))
	require.NoError(t, err)
	_, err = other.BeginRun(t.Context(), plan.Head("LT-1", noon))
	require.ErrorContains(t, err, "begin load run LT-1")
	for i := range whole.Seconds {
		require.NoError(t, db.KeepSeconds(t.Context(), "LT-1", whole.Seconds[i:i+1], whole.Rows[i:i+1]))
	}
	going, err := other.LoadRun(t.Context(), "LT-1")
	require.NoError(t, err)
	require.Equal(t, loadtest.Running, going.Verdict)
	require.Equal(t, []string{"it goes on: these are its first 3 s"}, going.Reasons)
	require.Equal(t, whole.Seconds, going.Seconds)
	require.Equal(t, whole.Rows, going.Rows)
	for plan, last := range map[string]int{"": 2, "smoke": 99} {
		head, seconds, rows, err := other.RunningLoad(t.Context(), plan, last)
		require.NoError(t, err)
		require.Equal(t, "LT-1", head.Run)
		n := min(last, len(whole.Rows))
		require.Equal(t, whole.Rows[len(whole.Rows)-n:], rows)
		totals, err := loadtest.Lately(seconds, rows)
		require.NoError(t, err)
		require.EqualValues(t, 400*n, totals.Requests)
		require.Equal(t, 400.0, totals.RequestedRate)
		require.Equal(t, 400.0, totals.Figure("rate"))
		require.Equal(t, totals.Latency.P95.Seconds(), totals.Figure("p95"))
	}
	_, _, _, err = other.RunningLoad(t.Context(), "other", 3)
	require.ErrorIs(t, err, loadtest.ErrNoRun)
	list, err := other.Runs(t.Context(), 9)
	require.NoError(t, err)
	require.Equal(t, loadtest.Running, list[0].Verdict)

	letGo() // as dying does
	_, _, _, err = other.RunningLoad(t.Context(), "", 3)
	require.ErrorIs(t, err, loadtest.ErrNoRun)
	for range 2 {
		list, err = other.Runs(t.Context(), 9)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, loadtest.Aborted, list[0].Verdict)
		require.Contains(t, list[0].Reasons[0], "its process died: these are its first 3 s")
		require.EqualValues(t, 800, list[0].Requests)
		require.Equal(t, "status 503", list[0].ErrorsByClass[loadtest.ClassServer].Sample)
		dead, err := db.LoadRun(t.Context(), "LT-1")
		require.NoError(t, err)
		require.Equal(t, list[0].Totals, dead.Totals)
		require.Equal(t, whole.Seconds, dead.Seconds)
	}

	letGo, err = db.BeginRun(t.Context(), plan.Head("LT-2", noon))
	require.NoError(t, err)
	defer letGo()
	require.NoError(t, db.KeepSeconds(t.Context(), "LT-2", whole.Seconds[:2], whole.Rows[:2]))
	end := whole
	end.Run, end.Seconds, end.Rows = "LT-2", whole.Seconds[2:], whole.Rows[2:]
	require.NoError(t, db.SaveRun(t.Context(), end))
	want := whole
	want.Run = "LT-2"
	got, err := other.LoadRun(t.Context(), "LT-2")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.ErrorContains(t, db.SaveRun(t.Context(), end), "in the archive already")
}

// An hour at 1000/s takes at most 5 MB, whatever the distribution: one that is as wide as
// services have, with a generator that is late by what timers are.
func TestAnHourOfSecondsFits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	db := open(t, path)
	letGo, err := db.BeginRun(t.Context(), loadtest.Plan{Name: "endurance"}.Head("LT-1", time.Now()))
	require.NoError(t, err)
	defer letGo()
	size := func() int64 {
		var n int64
		for _, part := range []string{"", "-wal"} {
			info, err := os.Stat(path + part)
			require.NoError(t, err)
			n += info.Size()
		}
		return n
	}
	before := size()
	random := rand.New(rand.NewPCG(1, 2))
	const minute = 60
	length := 60 * minute
	if raced {
		length = 6 * minute
	}
	for first := 0; first < length; first += minute {
		var seconds []loadtest.Second
		var rows []loadtest.Row
		for second := first; second < first+minute; second++ {
			response, lag := loadtest.NewHistogram(), loadtest.NewHistogram()
			for range 1000 {
				response.Record(time.Duration(float64(8*time.Millisecond) * math.Exp(0.4*random.NormFloat64())))
				lag.Record(time.Duration(float64(60*time.Microsecond) * math.Exp(0.3*random.NormFloat64())))
			}
			r, err := response.Encode()
			require.NoError(t, err)
			l, err := lag.Encode()
			require.NoError(t, err)
			seconds = append(seconds, loadtest.Second{Second: second, Requested: 1000, Sent: 1000, InFlight: 9, Connections: 64})
			rows = append(rows, loadtest.Row{Second: second, Requests: 1000, Response: r, Service: r, Lag: l})
		}
		require.NoError(t, db.KeepSeconds(t.Context(), "LT-1", seconds, rows))
	}
	require.NoError(t, db.Vacuum(t.Context()))
	grown := size() - before
	t.Logf("%d s at 1000/s: %d kB, %d B a second", length, grown>>10, grown/int64(length))
	require.Less(t, grown, int64(5_000_000)*int64(length)/3600)
}
