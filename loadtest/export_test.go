package loadtest

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// longRun is a result with seconds, of which some have no answer.
func longRun(n int, sample string) Result {
	r := Result{
		Run: "LT-1", Plan: sample, StartedAt: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC), DurationSeconds: float64(n), Verdict: Fail,
		Reasons: []string{sample}, Thresholds: []ThresholdResult{{Expr: sample}}, Stages: make([]Totals, 2), ErrorsByClass: map[Class]ErrorCount{"5xx": {3, sample}},
	}
	h := NewHistogram()
	for i := range n {
		s := Second{Second: i, Requested: 100, Sent: int64(90 + i%7), InFlight: i % 9, Connections: 9}
		if i%10 != 3 {
			h.Reset()
			h.Record(time.Duration(i+1) * time.Millisecond)
			s.Requests, s.Latency, s.Heat = 1, h.Latency(), h.heat()
		}
		if i%4 == 0 {
			s.Errors, s.ErrorsByClass = 1, map[Class]ErrorCount{"5xx": {1, sample}}
		}
		r.Seconds = append(r.Seconds, s)
	}
	return r
}

func TestCSVHasEverySecond(t *testing.T) {
	var b strings.Builder
	require.NoError(t, longRun(20, "x").WriteCSV(&b))
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 21)
	require.Equal(t, "errors_5xx", rows[0][len(rows[0])-1])
	require.Equal(t, []string{"LT-1", "2026-11-28T03:00:04Z", "4", "false", "100.000", "94", "1", "0", "1", "4", "9", "0.005003", "0.005003", "0.005003", "0.005003", "0.005003", "0.005003", "0.005002", "1"}, rows[5])
}

// Whatever is in a run, its page has no element and no attribute of others, no script, and
// drawings of bounded size.
func TestAPageIsOursAlone(t *testing.T) {
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>' {{.R}} <!-- ` + "\x00\x1b[2J"
	var b strings.Builder
	seconds := 4000
	if raced {
		seconds = 400
	}
	require.NoError(t, longRun(seconds, evil).WriteHTML(&b))
	page := b.String()
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "<img")
	require.Contains(t, page, "&lt;script&gt;")
	require.NotContains(t, page, "NaN")
	require.NotContains(t, page, "ZgotmplZ", "nothing that the template refused to write")
	require.Less(t, len(page), 2<<20)
	drawings := 0
	for rest := page; ; drawings++ {
		from := strings.Index(rest, "<svg viewBox")
		if from < 0 {
			break
		}
		until := from + strings.Index(rest[from:], "</svg>") + len("</svg>")
		d := xml.NewDecoder(strings.NewReader(rest[from:until]))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err)
			}
		}
		rest = rest[until:]
	}
	require.Equal(t, 5, drawings)
}

// Any run is drawn.
func TestLawAnyRunHasAPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Result{StartedAt: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "start"), 0)}
		second := 0
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			second += rapid.IntRange(1, 1000).Draw(t, "gap")
			s := Second{Second: second, Requested: rapid.Float64Range(0, 1e5).Draw(t, "asked"), Sent: rapid.Int64Range(0, 1e6).Draw(t, "sent"), Requests: rapid.Int64Range(0, 9).Draw(t, "requests")}
			s.Latency.P50 = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "p50"))
			s.Heat[rapid.IntRange(0, HeatRows-1).Draw(t, "row")] = rapid.Int64Range(0, 1e9).Draw(t, "heat")
			r.Seconds = append(r.Seconds, s)
		}
		var b strings.Builder
		require.NoError(t, r.WriteHTML(&b))
		for _, bad := range []string{"NaN", "Inf", "ZgotmplZ"} {
			require.NotContains(t, b.String(), bad)
		}
	})
}
