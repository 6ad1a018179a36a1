package slo

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func load(t *testing.T, text string) Objective {
	t.Helper()
	o, err := Load("slos/checkout.yaml", []byte(text))
	require.NoError(t, err)
	return o
}

func TestLoad(t *testing.T) {
	o := load(t, `
name: checkout-availability
service: checkout
objective: 99.9
sli:
  events: {bad: 'http_requests_total{service="checkout",code=~"5.."}', total: 'http_requests_total{service="checkout"}'}
`)
	require.InDelta(t, 0.001, o.Budget(), 1e-12)
	require.Equal(t, "99.9%", o.Percent())
	require.Equal(t, Window{Length: 30 * day}, o.Window)
	require.Equal(t, 5.0, o.MinBad)
	require.InDelta(t, 14.4, o.Rules[0].Factor(o.Window), 1e-9)
	require.InDelta(t, 6, o.Rules[1].Factor(o.Window), 1e-9)
	require.Empty(t, o.Remarks())
	q := o.SLI.Questions(time.Minute)
	require.Equal(t, `sum(increase(http_requests_total{service="checkout",code=~"5.."}[60s]))`, q.Bad)
	require.Equal(t, `sum(increase(http_requests_total{service="checkout"}[60s]))`, q.Total)
}

func TestTheFormsOfAnSLI(t *testing.T) {
	for sli, want := range map[string]Questions{
		`latency: {histogram: 'req_seconds{job="a"}', below: 300ms}`:               {Good: `sum(increase(req_seconds_bucket{job="a",le="0.3"}[60s]))`, Total: `sum(increase(req_seconds_count{job="a"}[60s]))`},
		`latency: {histogram: req_seconds, below: 2s}`:                             {Good: `sum(increase(req_seconds_bucket{le=~"2(\\.0)?"}[60s]))`, Total: `sum(increase(req_seconds_count[60s]))`},
		`latency: {histogram: req_seconds, below: 2s, native: true}`:               {Good: `histogram_fraction(-Inf, 2, sum(increase(req_seconds[60s]))) * histogram_count(sum(increase(req_seconds[60s])))`, Total: `histogram_count(sum(increase(req_seconds[60s])))`},
		`latency: {histogram: req_seconds, below: 2s, total: all_total}`:           {Good: `sum(increase(req_seconds_bucket{le=~"2(\\.0)?"}[60s]))`, Total: `sum(increase(all_total[60s]))`},
		`probe: {promql: 'up{job="a"}'}`:                                           {Ratio: `1 - avg(avg_over_time(up{job="a"}[60s]))`},
		`probe: {promql: 'max(up{job="a"})'}`:                                      {Ratio: `1 - avg(avg_over_time((max(up{job="a"}))[60s:15s]))`},
		`throughput: {counter: req_total, at_least: 1000}`:                         {Rate: `sum(rate(req_total[60s]))`, Least: 1000},
		`error_ratio: {promql: 'sum(rate(a[$window]))/sum(rate(b[$window]))'}`:     {Ratio: `sum(rate(a[60s]))/sum(rate(b[60s]))`},
		`events: {good: good_total, total: 'sum(increase(a_total[$window])) + 1'}`: {Good: `sum(increase(good_total[60s]))`, Total: `sum(increase(a_total[60s])) + 1`},
	} {
		require.Equal(t, want, load(t, "objective: 99\nsli: {"+sli+"}\n").SLI.Questions(time.Minute), sli)
	}
	require.True(t, SLI{Latency: &Latency{Below: Seconds{Duration: 2e9}}}.HasBound([]string{"0.5", "2.0", "+Inf"}))
	require.False(t, SLI{Latency: &Latency{Below: Seconds{Duration: 2e9}}}.HasBound([]string{"0.5", "2.5"}))
}

func TestBadObjectives(t *testing.T) {
	const sli = "\nsli: {probe: {promql: up}}\n"
	for text, want := range map[string]string{
		"objective: 100" + sli:                                         "3:12: an objective of 100 % leaves no budget",
		"objective: 0" + sli:                                           "3:12: an objective is above 0",
		"objective: 0.999" + sli:                                       "3:12: an objective is a percentage: 0.999 is a share, it seems; write 99.9",
		"objective: -1" + sli:                                          "above 0",
		"objective: 99.99999" + sli:                                    "99.99999 % allows one bad event in 1000000",
		"objective: .nan" + sli:                                        "3:12: ",
		"objective: high" + sli:                                        `"high" is no percentage`,
		"service: x" + sli:                                             "objective is missing",
		"objective: 99\nwindow: 0s" + sli:                              "the window is from 1h",
		"objective: 99\nwindow: 30d\ncalendar: month" + sli:            "not both",
		"objective: 99\ncalendar: year" + sli:                          "week, month or quarter",
		"objective: 99\ncalendar: month\ntimezone: Mars/Olympus" + sli: "is no time zone",
		"objective: 99\nalerts: {profile: pyra}" + sli:                 "known are default, google, sloth, pyrra",

		"objective: 99\nalerts: {rules: [{name: a, budget: 2, long: 1h}]}" + sli: "page or ticket",
		"objective: 99\nsli: {}\n": "here are 0",
		"objective: 99\nsli: {probe: {promql: up}, throughput: {counter: a, at_least: 1}}\n": "here are 2",
		"objective: 99\nsli: {events: {bad: a, good: b, total: c}}\n":                        "events has bad or good",
		"objective: 99\nsli: {events: {bad: a}}\n":                                           "4:16: there is no PromQL here",
		"objective: 99\nsli: {events: {bad: 'sum(a', total: b}}\n":                           "PromQL: ",
		"objective: 99\nsli: {events: {bad: 'sum(rate(a[5m]))', total: b}}\n":                "neither a counter's selector",
		"objective: 99\nsli: {probe: {promql: '\"x\"'}}\n":                                   "gives a string",
		"objective: 99\nsli: {latency: {histogram: a_bucket, below: 1s}}\n":                  "histogram's own name, a",
		"objective: 99\nsli: {latency: {histogram: a, below: 0s}}\n":                         "such as 300ms",
		"objective: 99\nsli: {throughput: {counter: a, at_least: 0}}\n":                      "above 0",
		"objective: 99\nslo: x" + sli:                                                        "unknown key",
		"name: ../x\nobjective: 99" + sli:                                                    "is no name",
	} {
		_, err := Load("slos/checkout.yaml", []byte("service: shop\n\n"+strings.TrimPrefix(text, "service: x\n")))
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, "slos/checkout.yaml:", text)
	}
}

func TestRulesThatCannotFire(t *testing.T) {
	o := load(t, "objective: 90\nsli: {probe: {promql: up}}\n")
	require.Len(t, o.Remarks(), 1)
	require.Contains(t, o.Remarks()[0], "14.4 times")
}

func TestWhatIsKeptIsOfWhatIsMeasured(t *testing.T) {
	a := load(t, "objective: 99\nsli: {probe: {promql: up}}\n")
	b := load(t, "objective: 99.9\nwindow: 7d\nsli: {probe: {promql: up}}\n")
	c := load(t, "objective: 99\nsli: {probe: {promql: 'up{job=\"a\"}'}}\n")
	require.Equal(t, a.Key(), b.Key(), "another promise goes on with the events that are kept")
	require.NotEqual(t, a.Key(), c.Key())
}

func TestCalendarWindows(t *testing.T) {
	zurich, err := time.LoadLocation("Europe/Zurich")
	require.NoError(t, err)
	now := time.Date(2026, 3, 31, 23, 30, 0, 0, time.UTC) // 1 April there
	for _, c := range []struct {
		w          Window
		start, end time.Time
	}{
		{Window{Calendar: Month}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)},
		{Window{Calendar: Month, location: zurich}, time.Date(2026, 4, 1, 0, 0, 0, 0, zurich), time.Date(2026, 5, 1, 0, 0, 0, 0, zurich)},
		{Window{Calendar: Quarter}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)},
		{Window{Calendar: Week}, time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC)},
		{Window{Length: 30 * day}, now.Add(-30 * day), now},
	} {
		start, end := c.w.At(now)
		require.True(t, start.Equal(c.start) && end.Equal(c.end), "%s: %s to %s", c.w, start, end)
	}
}
