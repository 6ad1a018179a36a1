package store_test

import (
	"fmt"
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
	}
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
