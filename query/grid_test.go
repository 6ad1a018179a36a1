package query

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestGridsOfTheUsualWindows(t *testing.T) {
	end := time.Date(2026, 11, 24, 14, 7, 33, 0, time.UTC)
	for _, c := range []struct {
		span    time.Duration
		columns int
		step    time.Duration
		n       int
	}{
		{15 * time.Minute, 240, 5 * time.Second, 181},
		{time.Hour, 240, 15 * time.Second, 241},
		{3 * time.Hour, 361, 30 * time.Second, 361},
		{6 * time.Hour, 361, time.Minute, 361},
		{24 * time.Hour, 361, 4 * time.Minute, 361},
		{7 * 24 * time.Hour, 240, time.Hour, 169},
		{0, 0, time.Second, 2},
		{100 * 365 * 24 * time.Hour, 1, 7 * 24 * time.Hour, 5216},
	} {
		g := Align(end, c.span, c.columns)
		require.Equal(t, c.step, g.Step, "%v in %d columns", c.span, c.columns)
		require.Equal(t, c.n, g.N, "%v in %d columns", c.span, c.columns)
	}
}

func TestGridLaws(t *testing.T) {
	steps := ladder()
	for i := range steps[1:] {
		require.Zero(t, steps[i+1]%steps[i], "each step divides the next")
	}
	rapid.Check(t, func(t *rapid.T) {
		end := time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "end"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		span := time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(t, "span"))
		columns := rapid.IntRange(-1, 20_000).Draw(t, "columns")
		g := Align(end, span, columns)
		step := int64(g.Step / time.Second)
		require.Zero(t, g.Start.Unix()%step, "starts on a multiple of the step since the epoch")
		require.False(t, g.End().After(end), "asks nothing of the future")
		require.Less(t, end.Sub(g.End()), g.Step, "ends within a step of now")
		require.LessOrEqual(t, g.N, maxPoints)
		require.Equal(t, g.N-1, g.Index(g.End()))
		require.Equal(t, -1, g.Index(g.Start.Add(-1)))

		later := Align(end.Add(time.Duration(rapid.Int64Range(0, int64(g.Step)).Draw(t, "later"))), span, columns)
		require.Equal(t, g.Step, later.Step, "time passing does not change the step")
		moved := later.Start.Sub(g.Start)
		require.True(t, moved == 0 || moved == g.Step, "the window moves by whole steps: %v", moved)
	})
}

func TestStepsOfTheCallersChoice(t *testing.T) {
	from := time.Unix(1000, 0)
	g := Steps(from, from.Add(time.Minute), 30*time.Second)
	require.Equal(t, Grid{Start: time.Unix(990, 0).UTC(), Step: 30 * time.Second, N: 3}, g)
	require.Equal(t, 1, Steps(from, from, time.Second).N)
	require.Equal(t, maxPoints, Steps(time.Unix(0, 0), from.Add(1e6*time.Hour), time.Second).N)
	require.Equal(t, time.Millisecond, Steps(from, from, 0).Step)
	require.Equal(t, 1, Steps(from, from.Add(-time.Hour), time.Second).N, "an end before the start")
}

func TestAbsentIsNotEveryNaN(t *testing.T) {
	require.True(t, math.IsNaN(Absent()))
	require.True(t, IsAbsent(Absent()))
	require.False(t, IsAbsent(math.NaN()))
	require.False(t, IsAbsent(math.Float64frombits(0x7ff8000000000001)), "Prometheus' NaN")
	require.False(t, IsAbsent(0))
	copied := append([]float64(nil), Absent())
	require.True(t, IsAbsent(copied[0]))

	s := Series{Values: []float64{1, 2, Absent(), Absent()}}
	v, i := s.Last(0)
	require.Equal(t, 2.0, v)
	require.Equal(t, 1, i)
	v, i = s.Last(2)
	require.True(t, IsAbsent(v))
	require.Equal(t, -1, i)
	_, i = Series{}.Last(3)
	require.Equal(t, -1, i)
}

func TestLabelsReadAsPrometheusPrintsThem(t *testing.T) {
	for want, l := range map[string]Labels{
		"{}": nil,
		"up": {"__name__": "up"},
		`http_requests_total{code="500", job="a\"b"}`: {"__name__": "http_requests_total", "job": `a"b`, "code": "500"},
		`{"http.requests", "host.name"="a\x1b[2J"}`:   {"__name__": "http.requests", "host.name": "a\x1b[2J"},
		`{job="a"}`: {"job": "a"},
	} {
		require.Equal(t, want, l.String())
	}
}
