package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The totals are the sum of the stages and of the rows, whatever the samples
// and the order in which they come.
func TestLawTotalsAreTheSumOfRowsAndOfStages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := planOf(40, 700*time.Millisecond)
		plan.Stages = append(plan.Stages, Stage{40, 80, 700 * time.Millisecond})
		plan.Warmup = time.Duration(rapid.IntRange(0, 3).Draw(t, "warmup")) * 400 * time.Millisecond
		s := NewSchedule(plan.Stages)
		rec := newRecorder(plan, s)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now := time.Duration(0)
		for _, n := range rng.Perm(int(s.Total())) {
			due, stage, _ := s.Due(int64(n))
			x := sample{n: int64(n), stage: stage, sent: due, response: time.Duration(rng.Int64N(5e8)), lag: time.Duration(rng.Int64N(1e6))}
			x.service, x.queued = x.response/2, rng.IntN(4) == 0
			x.done = due + x.response
			x.class = []Class{"", "", ClassServer, ClassUnsent}[rng.IntN(4)]
			rec.record(x)
			now += time.Duration(rng.Int64N(5e7))
			rec.advance(now)
		}
		rec.finish()
		r := rec.result(-1, false)

		require.Equal(t, s.Total()-s.Count(plan.Warmup), r.Requests)
		var byStage, byRow, byClass, rowErrors int64
		for _, st := range r.Stages {
			byStage += st.Requests
		}
		for _, row := range r.Rows {
			if !row.Warmup {
				byRow += row.Requests
				rowErrors += row.Errors
			}
		}
		for _, n := range rec.errors {
			byClass += n
		}
		require.Equal(t, r.Requests, byStage)
		require.Equal(t, r.Requests, byRow)
		require.Equal(t, r.Errors, byClass)
		require.Equal(t, r.Errors, rowErrors)
		response, service, lag, err := MergeRows(r.Rows)
		require.NoError(t, err)
		require.Equal(t, r.Latency, response.Latency())
		require.Equal(t, r.Service, service.Latency())
		require.Equal(t, r.Lag, lag.Latency())
		require.Equal(t, r.Requests, response.Count())
	})
}

func TestGeneratorIsJudged(t *testing.T) {
	ms := time.Millisecond
	fine := generatorFacts{totals: Totals{RequestedRate: 100, AchievedRate: 100, Requests: 1000, Latency: Latency{P50: 2 * ms}}, lag: Latency{P99: ms}}
	for name, c := range map[string]struct {
		change func(*generatorFacts)
		want   Generator
		says   string
	}{
		"on time":                             {func(*generatorFacts) {}, GeneratorOK, ""},
		"late":                                {func(g *generatorFacts) { g.lag.P99 = 6 * ms }, GeneratorStrained, "late by 6ms"},
		"late, but the target is slower yet":  {func(g *generatorFacts) { g.lag.P99 = 6 * ms; g.totals.Latency.P50 = 80 * ms }, GeneratorOK, ""},
		"too late":                            {func(g *generatorFacts) { g.lag.P99 = 101 * ms }, GeneratorInvalid, "too busy"},
		"a little short":                      {func(g *generatorFacts) { g.totals.AchievedRate = 97 }, GeneratorStrained, "97.0 %"},
		"far short":                           {func(g *generatorFacts) { g.totals.AchievedRate = 80 }, GeneratorInvalid, "80.0 %"},
		"far short because the target stalls": {func(g *generatorFacts) { g.totals.AchievedRate = 80; g.queued = 200; g.full = true }, GeneratorStrained, "200 arrivals waited"},
		"one without a port":                  {func(g *generatorFacts) { g.local = 1 }, GeneratorStrained, "no port"},
		"many without a port":                 {func(g *generatorFacts) { g.local = 20 }, GeneratorInvalid, "no port"},
		"invalid stays invalid":               {func(g *generatorFacts) { g.lag.P99 = time.Second; g.local = 1 }, GeneratorInvalid, "no port"},
	} {
		g := fine
		c.change(&g)
		state, reasons := g.judge()
		require.Equal(t, c.want, state, name)
		require.Contains(t, strings.Join(reasons, "\n"), c.says, name)
	}
}

// Whatever the thresholds say, a run of an invalid generator is no pass, and a
// cancelled one is aborted.
func TestVerdicts(t *testing.T) {
	ok, broken := ThresholdResult{"a", 0, true}, ThresholdResult{"b", 0, false}
	for _, c := range []struct {
		threshold ThresholdResult
		generator Generator
		aborted   bool
		errors    int64
		want      Verdict
	}{
		{ok, GeneratorOK, false, 1, Pass},
		{ok, GeneratorStrained, false, 0, Pass},
		{broken, GeneratorOK, false, 0, Fail},
		{ok, GeneratorOK, false, 10, Fail},
		{ok, GeneratorInvalid, false, 0, Invalid},
		{broken, GeneratorInvalid, false, 0, Invalid},
		{ok, GeneratorOK, true, 0, Aborted},
		{ok, GeneratorInvalid, true, 0, Aborted},
	} {
		r := Result{Totals: Totals{Requests: 10, Errors: c.errors}, Thresholds: []ThresholdResult{c.threshold}, Generator: c.generator}
		got, _ := r.judge(c.aborted)
		require.Equal(t, c.want, got, "%+v", c)
	}
	got, _ := Result{}.judge(false)
	require.Equal(t, Fail, got, "no request, no pass")
}

func report() Result {
	lat := func(ms ...float64) Latency {
		d := func(i int) time.Duration { return time.Duration(ms[i] * 1e6) }
		return Latency{d(0), d(1), d(2), d(3), d(4), d(5), d(6)}
	}
	totals := Totals{RequestedRate: 400, AchievedRate: 399.8, Requests: 4000, Errors: 132, ErrorRatio: 0.033, Latency: lat(1.204, 4.1, 18.66, 312, 1204, 75000, 9.1)}
	return Result{
		Run: "LT-1", Plan: "smoke", StartedAt: time.Date(2026, 11, 24, 4, 52, 11, 0, time.UTC), DurationSeconds: 10, Totals: totals,
		Service: lat(1.1, 4, 18.1, 300, 1100, 1204, 8), Lag: lat(0.4, 0.8, 0.99, 1.2, 2, 3, 0.5),
		Thresholds: []ThresholdResult{{"p95 < 200ms", 0.01866, true}, {"errors < 1%", 0.033, false}, {"rate > 399/s", 399.8, true}},
		Stages:     []Totals{totals, totals},
		ErrorsByClass: map[Class]ErrorCount{
			ClassServer: {120, "GET http://127.0.0.1:8080/: status 503"}, ClassReset: {12, "GET http://127.0.0.1:8080/: read tcp \x1b[31m" + strings.Repeat("long ", 30)},
		},
		Generator: GeneratorStrained, Verdict: Fail, Reasons: []string{"errors < 1% does not hold", "generator: late by 6ms (p99)"},
	}
}

func TestReport(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report().WriteText(&b))
	require.Equal(t, `FAIL  LT-1  smoke  2026-11-24 04:52:11Z
    errors < 1% does not hold
    generator: late by 6ms (p99)

measured           10.0 s
requested         400.0/s
achieved          399.8/s   99.95 %
requests            4,000
errors                132    3.30 %
generator        strained

                 p50       p90       p95       p99     p99.9       max      mean
response     1.20 ms   4.10 ms   18.7 ms    312 ms    1.20 s    75.0 s   9.10 ms
service      1.10 ms   4.00 ms   18.1 ms    300 ms    1.10 s    1.20 s   8.00 ms
lag           400 µs    800 µs    990 µs   1.20 ms   2.00 ms   3.00 ms    500 µs
response: from when it was due; service: from when it was sent;
lag: how late the generator was

thresholds
    ok    p95 < 200ms                           18.7 ms
    FAIL  errors < 1%                            3.30 %
    ok    rate > 399/s                          399.8/s

stage        requested    achieved   requests   errors       p50       p99
1              400.0/s     399.8/s      4,000   3.30 %   1.20 ms    312 ms
2              400.0/s     399.8/s      4,000   3.30 %   1.20 ms    312 ms

errors
    5xx             120  GET http://127.0.0.1:8080/: status 503
    reset            12  GET http://127.0.0.1:8080/: read tcp .[31mlong long l…
`, b.String())
}

// Whatever stands in a result, the report has at most 80 columns and nothing
// that steers a terminal.
func TestLawReportFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := report()
		text := rapid.StringN(0, 200, -1)
		r.Run, r.Plan = text.Draw(t, "run"), text.Draw(t, "plan")
		r.Reasons = rapid.SliceOfN(text, 0, 3).Draw(t, "reasons")
		r.Thresholds = append(r.Thresholds, ThresholdResult{Expr: text.Draw(t, "expr"), Value: 0.3})
		r.Requests = rapid.Int64Range(0, 1e9).Draw(t, "requests")
		r.Latency.Max = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "max"))
		r.ErrorsByClass = map[Class]ErrorCount{Class(text.Draw(t, "class")): {3, text.Draw(t, "sample")}}
		var b bytes.Buffer
		require.NoError(t, r.WriteText(&b))
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			require.LessOrEqual(t, len([]rune(line)), 80, "%q", line)
			require.NotContains(t, line, "\x1b")
		}
	})
}

func TestResultInJSON(t *testing.T) {
	r := report()
	r.Rows = []Row{{Second: 3, Stage: 1, Requests: 5, Response: []byte{1, 2}}}
	b, err := json.Marshal(r)
	require.NoError(t, err)
	var keys map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(b, &keys))
	for _, k := range []string{
		"run", "plan", "started_at", "duration_seconds", "requested_rate", "achieved_rate", "requests", "errors", "error_ratio", "latency_seconds",
		"service_seconds", "lag_seconds", "thresholds", "stages", "errors_by_class", "generator", "verdict",
	} {
		require.Contains(t, keys, k)
	}
	require.Equal(t, `"2026-11-24T04:52:11Z"`, string(keys["started_at"]))
	var back Result
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, fmt.Sprintf("%+v", r.Totals), fmt.Sprintf("%+v", back.Totals))
	require.Equal(t, r.Rows, back.Rows)
}
