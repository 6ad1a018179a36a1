package embedded

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

var zero = time.Unix(1_700_000_000, 0).UTC()

func sec(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }

func TestReach(t *testing.T) {
	for expr, want := range map[string]time.Duration{
		`up`: 0, `rate(a[5m])`: 5 * time.Minute, `a offset 1h`: time.Hour, `rate(a[5m] offset 1m) + b`: 6 * time.Minute,
		`max_over_time(rate(a[5m])[1h:1m])`: 65 * time.Minute, `sum(`: 0, `a offset -5m`: 0,
	} {
		require.Equal(t, want, Reach(expr), expr)
	}
}

// What a rule records looks back as far as that rule does, however they refer to each
// other.
func TestReachThroughRecordedSeries(t *testing.T) {
	s, err := New(Config{Rules: []byte(`groups: [{name: g, rules: [
		{alert: A, expr: "max_over_time(job:r[10m]) > 1"}, {record: "job:r", expr: "rate(a[5m])"}, {record: "loop", expr: "loop + 1"}]}]`)})
	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, s.groups[0].rules[0].reach)
	require.Zero(t, s.groups[0].rules[2].reach)
}

func TestHealth(t *testing.T) {
	kind := func(k error) error { return &query.Error{Kind: k} }
	type heard struct {
		at     float64
		err    error
		starts bool
		down   bool
	}
	for name, story := range map[string][]heard{
		"refused": {{0, nil, false, false}, {1, kind(query.ErrUnreachable), false, true}, {2, nil, false, false}},
		"two silences": {
			{0, nil, false, false}, {1, kind(query.ErrTimeout), false, false}, {2, kind(query.ErrTimeout), false, true}, {3, kind(query.ErrTimeout), false, true},
		},
		"one silence":          {{1, kind(query.ErrTimeout), false, false}, {2, nil, false, false}, {3, kind(query.ErrTimeout), false, false}},
		"503":                  {{1, kind(query.ErrStarting), false, true}},
		"starts":               {{1, kind(query.ErrStarting), true, false}, {20, kind(query.ErrStarting), true, false}, {32, kind(query.ErrStarting), true, true}},
		"starts after a death": {{1, kind(query.ErrUnreachable), false, true}, {2, kind(query.ErrStarting), true, true}, {3, nil, false, false}},
		"refuses the query":    {{1, kind(query.ErrTimeout), false, false}, {2, kind(query.ErrDenied), false, false}, {3, kind(query.ErrTimeout), false, false}},
		"unknown":              {{1, errors.New("?"), false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var h health
			for _, x := range story {
				h.hear(x.err, x.starts, sec(x.at))
				require.Equal(t, x.down, h.down, "after %v s", x.at)
			}
		})
	}
}

// The side that knows more of the window is believed, point by point.
func TestBlend(t *testing.T) {
	g := query.Grid{Start: zero, Step: 10 * time.Second, N: 10}
	a, nan := query.Labels{"a": "1"}, query.Absent()
	frame := func(l query.Labels, v ...float64) query.Series { return query.Series{Labels: l, Values: v} }
	server := query.Frame{Grid: g, Series: []query.Series{
		frame(a, 1, 1, 1, 1, 9, 9, 9, 9, 1, 1), // 9: flat, or half a window
		frame(query.Labels{"only": "server"}, 5, 5, 5, 5, nan, nan, nan, 5, 5, 5),
	}}
	direct := query.Frame{Grid: g, Series: []query.Series{frame(a, nan, nan, nan, nan, 2, 2, 2, 2, 2, 2), frame(query.Labels{"new": "x"}, nan, nan, nan, nan, nan, 7, 7, nan, nan, nan)}}
	o := outage{gap: span{sec(30), sec(65)}, direct: []span{{from: sec(35)}}}
	got, taken := blend(server, direct, []outage{o}, 20*time.Second)
	require.Positive(t, taken)
	require.Equal(t, []string{`{a="1"}`, `{new="x"}`, `{only="server"}`}, []string{got.Series[0].Labels.String(), got.Series[1].Labels.String(), got.Series[2].Labels.String()})
	require.Equal(t, []float64{1, 1, 1, 1}, got.Series[0].Values[:4], "before: the server")
	require.Equal(t, []float64{2, 2, 2}, got.Series[0].Values[5:8], "the gap, and until the server's window is full: direct")
	require.Equal(t, []float64{1}, got.Series[0].Values[9:], "full again: the server")
	require.Equal(t, []float64{1, 1, 1, 1, 9, 9, 9, 9, 1, 1}, server.Series[0].Values, "a frame is never written to")
	same, taken := blend(server, direct, nil, time.Minute)
	require.Zero(t, taken)
	require.Equal(t, server, same)
}

func TestGapIn(t *testing.T) {
	g := query.Grid{Start: zero, Step: time.Second, N: 6}
	x := query.Absent()
	for _, c := range []struct {
		values   []float64
		from, to float64
		missing  bool
	}{
		{[]float64{1, 1, 1, 1, 1, 1}, 0, 0, false},
		{[]float64{1, 1, x, x, 1, 1}, 0, 4, true},
		{[]float64{1, 1, 1, x, x, x}, 1, -1, true},
		{[]float64{x, x, 1, 1, 1, 1}, 0, 2, true},
	} {
		gap, missing := gapIn(query.Frame{Grid: g, Series: []query.Series{{Values: c.values}}}, 2*time.Second)
		require.Equal(t, c.missing, missing)
		if !missing {
			continue
		}
		require.Equal(t, sec(c.from), gap.from, "%v", c.values)
		require.Equal(t, c.to < 0, gap.to.IsZero(), "%v", c.values)
		if c.to >= 0 {
			require.Equal(t, sec(c.to), gap.to)
		}
	}
}

// Spread targets are each visited once an interval, at phases of their own.
func TestTargetsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{ScrapeInterval: 10 * time.Second, Spread: true})
		require.NoError(t, err)
		phases := map[time.Duration]bool{}
		for _, name := range []string{"a", "b", "c", "d"} {
			tg := newTarget(Target{Job: "j", Instance: name, URL: "http://" + name})
			first := s.following(tg, time.Now())
			require.LessOrEqual(t, time.Until(first), 10*time.Second)
			require.Equal(t, 10*time.Second, s.following(tg, first).Sub(first))
			phases[time.Until(first)] = true
		}
		require.Len(t, phases, 4)
	})
}

// Alerts that a server told of go on here, and fire while their rule has to wait.
func TestAlertsResume(t *testing.T) {
	s, err := New(Config{RampUp: true, Rules: []byte(`groups: [{name: g, rules: [
		{alert: A, expr: "rate(a[5m]) > 1", for: 10m, labels: {severity: bad}}, {alert: A, expr: "rate(a[5m]) > 2", labels: {severity: worse}}]}]`)})
	require.NoError(t, err)
	s.Resume([]query.RawAlert{{State: "firing", Labels: query.Labels{"alertname": "A", "severity": "bad", "job": "x"}, ActiveAt: zero}, {Labels: query.Labels{"alertname": "Z"}}})
	s.Evaluate(t.Context(), sec(60))
	require.Len(t, s.groups[0].rules[0].alert.active, 1)
	require.True(t, s.groups[0].rules[0].held)
	require.Empty(t, s.groups[0].rules[1].alert.active)
}

// A window that fills until later is no stretch that ended.
func TestAFilledGapDoesNotEndInTheFuture(t *testing.T) {
	from := time.Date(2026, 11, 27, 21, 55, 45, 0, time.UTC)
	gap := span{from: from, to: from.Add(40 * time.Second)}
	require.Equal(t, "filled from direct scrape, 21:55:45 UTC to now", filledText(gap, time.Minute, from.Add(50*time.Second)))
	require.Equal(t, "filled from direct scrape, 21:55:45 to 21:57:25 UTC", filledText(gap, time.Minute, from.Add(2*time.Minute)))
	require.Equal(t, "filled from direct scrape, 21:55:45 UTC to now", filledText(span{from: from}, time.Minute, from.Add(2*time.Minute)))
}
