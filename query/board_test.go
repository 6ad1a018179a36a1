package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

const shop = `title: Shop
range: 1h
refresh: 5s
panels:
  - title: Error rate
    type: timeseries
    unit: percentunit
    min: 0
    max: 1
    signal: true
    better: lower
    promql: >-
      sum(rate(http_requests_total{code=~"5.."}[$__rate_interval]))
      / sum(rate(http_requests_total[$__rate_interval]))
    legend: errors
    thresholds:
      - {value: 0.01, state: warn}
      - {value: 0.05, state: crit}
  - title: Latency
    unit: s
    decimals: 2
    queries:
      - {expr: 'histogram_quantile(0.5, sum by (le) (rate(d_bucket[5m])))', legend: p50}
      - {expr: 'histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m])))', legend: p99}
  - {title: Up, type: stat, better: higher, promql: up}
`

func TestLoadBoard(t *testing.T) {
	b, err := LoadBoard("boards/shop.yaml", []byte(shop))
	require.NoError(t, err)
	require.Equal(t, "shop", b.Name)
	require.Equal(t, "Shop", b.Title)
	require.Equal(t, time.Hour, b.Range)
	require.Len(t, b.Panels, 3)
	e := b.Panels[0]
	require.Equal(t, []Query{{Expr: `sum(rate(http_requests_total{code=~"5.."}[$__rate_interval])) / sum(rate(http_requests_total[$__rate_interval]))`, Legend: "errors"}}, e.Queries)
	require.Equal(t, []Threshold{{0.01, Warn}, {0.05, Crit}}, e.Thresholds)
	require.True(t, e.Signal)
	require.Equal(t, TimeSeries, b.Panels[1].Type)
	require.Equal(t, Lower, b.Panels[1].Better)
	require.Equal(t, "p99", b.Panels[1].Queries[1].Legend)
	require.Equal(t, Stat, b.Panels[2].Type)
	require.Equal(t, Higher, b.Panels[2].Better)

	least, err := LoadBoard("x.yml", []byte("panels: [{title: a, promql: up}]"))
	require.NoError(t, err)
	require.Equal(t, Board{Name: "x", Title: "x", Range: time.Hour, Refresh: 5 * time.Second, Panels: least.Panels}, least)
}

func TestAFaultInABoardHasAPlaceAndAWay(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"unknown type":      {"panels:\n- title: a\n  type: piechart\n  promql: up\n", `b.yaml:3:9: panel type "piechart" is not known; known are timeseries, stat, gauge, bargauge, table, heatmap, state-timeline, topn, text, alertlist, eventlist or not-drawn`},
		"unknown key":       {"panels:\n- titel: a\n", `b.yaml:2:3: unknown key "titel"; did you mean "title"?`},
		"no panels":         {"title: a\n", "b.yaml:1:1: a board needs at least one panel"},
		"no title":          {"panels:\n- promql: up\n", "b.yaml:2:3: this panel has no title"},
		"no query":          {"panels:\n- title: a\n", "b.yaml:2:3: this panel has no query; write promql: EXPR, or queries: [{expr: EXPR, legend: TEXT}]"},
		"both forms":        {"panels:\n- title: a\n  promql: up\n  queries: [{expr: up}]\n", "b.yaml:3:11: write promql or queries, not both"},
		"lost legend":       {"panels:\n- title: a\n  legend: x\n  queries: [{expr: up}]\n", "b.yaml:3:11: write the legend beside the expr of its query"},
		"empty expr":        {"panels:\n- title: a\n  queries: [{legend: x}]\n", "b.yaml:3:14: this query has no expr"},
		"better":            {"panels:\n- {title: a, promql: up, better: down}\n", `b.yaml:2:34: better is lower or higher, not "down"`},
		"threshold state":   {"panels:\n- title: a\n  promql: up\n  thresholds: [{value: 1, state: bad}]\n", `b.yaml:4:34: the state of a threshold is ok, warn or crit, not "bad"`},
		"threshold value":   {"panels:\n- title: a\n  promql: up\n  thresholds: [{state: warn}]\n", "b.yaml:4:17: a threshold needs a value, a finite number"},
		"threshold is NaN":  {"panels:\n- title: a\n  promql: up\n  thresholds: [{value: .nan, state: warn}]\n", "b.yaml:4:17: a threshold needs a value, a finite number"},
		"min over max":      {"panels:\n- title: a\n  promql: up\n  min: 2\n  max: 1\n", "b.yaml:5:8: max (1) must be above min (2)"},
		"decimals":          {"panels:\n- title: a\n  promql: up\n  decimals: 99\n", "b.yaml:4:13: decimals are 0 to 9, not 99"},
		"refresh":           {"refresh: 10ms\npanels: [{title: a, promql: up}]\n", "b.yaml:1:10: the refresh must be 1s or longer"},
		"range":             {"range: 1s\npanels: [{title: a, promql: up}]\n", "b.yaml:1:8: the range must be 10s or longer"},
		"promql, plain":     {"panels:\n- title: a\n  promql: rate(x)\n", "b.yaml:3:16: PromQL: expected type range vector in call to function \"rate\", got instant vector\n>  3 |   promql: rate(x)\n                      ^"},
		"promql, quoted":    {"panels:\n- title: a\n  queries: [{expr: 'sum(nope(x))'}]\n", `b.yaml:3:25: PromQL: unknown function with name "nope"`},
		"promql, in braces": {"panels:\n- {title: nope, promql: nope(x)}\n", `b.yaml:2:25: PromQL: unknown function with name "nope"`},
		"promql, block":     {"panels:\n- title: a\n  promql: |\n    sum(\n      nope(x)\n    )\n", `b.yaml:5:7: PromQL: unknown function with name "nope"`},
		"promql, escaped":   {"panels:\n- title: a\n  promql: \"\\x6eope(x)\"\n", `b.yaml:3:11: PromQL: unknown function with name "nope" (at "nope(x)")`},
		"promql, macro":     {"panels:\n- title: a\n  promql: rate(x[$__rate_interval]) + nope(y)\n", `b.yaml:3:39: PromQL: unknown function with name "nope"`},
		"promql, variable":  {"panels:\n- title: a\n  promql: x{$job}\n", "b.yaml:3:13: PromQL: variable $job is not known; known are $__rate_interval, $__interval and $__range"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadBoard("b.yaml", []byte(c.src))
			require.Error(t, err)
			if !strings.Contains(c.want, "\n") {
				first, _, _ := strings.Cut(err.Error(), "\n")
				require.Equal(t, c.want, first)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func TestJudge(t *testing.T) {
	errorsPanel := Panel{Better: Lower, Field: Field{Thresholds: []Threshold{{0.05, Crit}, {0.01, Warn}}}}
	uptime := Panel{Better: Higher, Field: Field{Thresholds: []Threshold{{0.99, Warn}, {0.9, Crit}}}}
	for _, c := range []struct {
		p     *Panel
		v     float64
		state State
		line  float64
	}{
		{&errorsPanel, 0, OK, 0.01}, // the next line
		{&errorsPanel, 0.01, Warn, 0.01},
		{&errorsPanel, 0.04, Warn, 0.01},
		{&errorsPanel, 0.5, Crit, 0.05},
		{&uptime, 1, OK, 0.99},
		{&uptime, 0.99, OK, 0.99},
		{&uptime, 0.95, Warn, 0.99},
		{&uptime, 0, Crit, 0.9},
	} {
		state, line := c.p.Judge(c.v)
		require.Equal(t, c.state, state, "%v", c.v)
		require.Equal(t, c.line, line.Value, "%v", c.v)
	}
	state, line := errorsPanel.Judge(Absent())
	require.Equal(t, NoData, state)
	require.Nil(t, line)
	_, line = (&Panel{}).Judge(1)
	require.Nil(t, line)
}

func FuzzLoadBoard(f *testing.F) {
	f.Add(shop)
	f.Add("panels:\n- title: a\n  promql: \"\\x6eope(x)\"\n")
	f.Add("panels: [{title: a, promql: |\n sum(\n  x{$j}}]")
	f.Fuzz(func(t *testing.T, src string) {
		b, err := LoadBoard("f.yaml", []byte(src))
		if err != nil {
			var e *strictyaml.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T without a place: %v", err, err)
			}
			return
		}
		for _, p := range b.Panels {
			for _, q := range p.Queries {
				if CheckExpr(q.Expr) != nil {
					t.Fatalf("loaded %q, which does not parse", q.Expr)
				}
			}
		}
	})
}
