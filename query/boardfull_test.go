package query

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// everyKey has every key of a board's file at least once.
const everyKey = `title: Node
description: of one machine
range: 6h
refresh: 30s
source: thanos
variables:
  - {name: job, query: 'label_values(up, job)', multi: true, all: true, all_value: '.*', regex: '/^(?!x)y/', sort: alpha, label: Job, hide: true}
  - {name: env, type: custom, options: [{text: Production, value: prod}, {value: staging}], value: [prod]}
  - {name: window, type: interval, options: [{value: 1m}, {value: 5m}], auto: 30, auto_min: 10s}
  - {name: words, type: textbox}
panels:
  - title: Requests
    description: of all
    place: {x: 0, y: 0, w: 12, h: 8}
    unit: reqps
    draw: area
    stack: normal
    nulls: connect
    soft_min: 0
    legend_box: {calc: [last, max], sort: max, asc: true}
    log: 10
    axis_label: in / out
    compare: [1d, 1w]
    min_step: $window
    queries:
      - {ref: A, expr: 'rate(requests{job=~"$job"}[$window])', legend: '{{job}}'}
      - {ref: B, expr: 'rate(sent{job=~"$job"}[$window])', hidden: true, format: series, min_step: 30s}
    overrides:
      - {match: {regex: out$}, set: {negative: true, unit: Bps, right: true}}
      - {match: {except: [eth0 in, eth0 out]}, set: {hidden: true}}
      - {match: {value: {reduce: max, op: '>', value: 3}}, set: {hidden: true}}
    mappings:
      - {value: '1', text: up, state: ok}
      - {from: 2, to: 3, text: degraded, state: warn}
      - {special: null+nan, text: none}
  - {title: Words, type: text, markdown: '# $env'}
rows:
  - title: Disks of $job
    collapsed: true
    repeat: job
    panels:
      - title: Disks
        type: table
        queries: [{expr: disk, format: table, instant: true}]
        sort_by: [{column: Value, desc: true}]
        transforms:
          - organize: {exclude: [Time], rename: {Value: used}, order: [instance]}
          - merge: {}
          - calculate: {as: free, left: size, op: '-', right: used}
          - reduce: {calc: [last, max]}
          - limit: 5
        links: [{title: logs, url: 'http://logs/?q=$job'}]
        last_span: 1h
        shift: 1d
presets:
  - {name: edge, panels: [Requests], range: 15m, values: {job: [edge]}}
links: [{title: Grafana, url: 'http://grafana/d/x?from=${__from}'}]
`

func TestLoadBoardReadsEveryKey(t *testing.T) {
	b, err := LoadBoard("node.yaml", []byte(strings.Replace(everyKey, "(?!x)", "", 1)))
	require.NoError(t, err)
	require.Equal(t, "thanos", b.Source)
	require.Len(t, b.Variables, 4)
	require.Equal(t, QueryVariable, b.Variables[0].Type)
	require.Len(t, b.Panels, 3)
	require.Equal(t, []Row{{Title: "Disks of $job", Collapsed: true, Repeat: "job", From: 2, To: 3}}, b.Rows)

	p := b.Panels[0]
	require.Equal(t, &Place{0, 0, 12, 8}, p.Place)
	require.Equal(t, "reqps", p.Unit)
	require.Equal(t, Area, p.Draw)
	require.Equal(t, 24*time.Hour, p.Compare[0].D())
	require.Equal(t, 1, p.asked(), "a hidden query is not sent")
	require.Equal(t, []Reducer{ReduceLast, ReduceMax}, p.Legend.Calc)
	require.Len(t, p.Mappings, 3)

	in, out := p.FieldOf(&Series{Legend: "eth0 in", Values: []float64{1}}), p.FieldOf(&Series{Legend: "eth0 out", Values: []float64{1, 9}})
	require.Equal(t, "reqps", in.Unit)
	require.False(t, in.Negative || in.Hidden)
	require.Equal(t, "Bps", out.Unit)
	require.True(t, out.Negative && out.Right && out.Hidden, "and it comes to more than 3")
	require.Equal(t, Area, out.Draw, "what is not overridden stays")

	disks := b.Panels[2]
	require.Len(t, disks.Transforms, 5)
	require.Equal(t, map[string]string{"Value": "used"}, disks.Transforms[0].Organize.Rename)
	require.NotNil(t, disks.Transforms[1].Merge)
	require.Equal(t, "A", disks.Ref(0))
}

func TestAFaultInTheRestOfABoardHasAPlace(t *testing.T) {
	panel := func(rest string) string { return "panels:\n- title: a\n  promql: up\n  " + rest + "\n" }
	for name, c := range map[string]struct{ src, want string }{
		"variable twice":   {"variables: [{name: a, type: textbox}, {name: a, type: textbox}]\npanels: [{title: a, promql: up}]\n", `b.yaml:1:46: there are two variables "a"`},
		"variable's name":  {"variables: [{name: a-b, type: textbox}]\npanels: [{title: a, promql: up}]\n", `b.yaml:1:20: a variable's name is letters, digits and _, not "a-b"`},
		"variable's regex": {"variables: [{name: a, query: label_names(), regex: '('}]\npanels: [{title: a, promql: up}]\n", "b.yaml:1:52: the regular expression cannot be read: error parsing regexp: missing closing ): `(`"},
		"no query":         {"variables: [{name: a}]\npanels: [{title: a, promql: up}]\n", `b.yaml:1:14: variable a has no query; write query: label_values(METRIC, LABEL)`},
		"repeat":           {panel("repeat: job"), `b.yaml:4:11: the board has no variable "job"`},
		"place":            {panel("place: {x: 20, y: 0, w: 12, h: 8}"), "b.yaml:4:11: a place is x and w within 24 columns, y from 0, and a height h from 1"},
		"reduce":           {panel("reduce: average"), `b.yaml:4:11: reduce is last, first, min, max, mean, median, sum, count, range, diff, diff_percent, delta, stddev, p95 or p99, not "average"`},
		"mapping":          {panel("mappings: [{value: '1', regex: x, text: y}]"), "b.yaml:4:15: a mapping is for a value, from and to, a regex or special: one of them"},
		"override":         {panel("overrides: [{match: {}, set: {}}]"), "b.yaml:4:16: an override matches a name, names, all except some, a regex, a ref, a type or a value: one of them"},
		"override's field": {panel("overrides: [{match: {name: x}, set: {decimals: 77}}]"), "b.yaml:4:50: decimals are 0 to 9, not 77"},
		"unknown, inlined": {panel("soft_mim: 1"), `b.yaml:4:3: unknown key "soft_mim"; did you mean "soft_min"?`},
		"text and query":   {"panels: [{title: a, type: text, markdown: x, promql: up}]\n", "b.yaml:1:27: a panel of type text has no queries"},
		"text, no signal":  {"panels: [{title: a, type: text, markdown: x, signal: true}]\n", "b.yaml:1:54: a panel of type text is no signal: it has no values"},
		"two refs":         {"panels: [{title: a, queries: [{expr: up, ref: A}, {expr: up, ref: A}]}]\n", `b.yaml:1:67: there are two queries "A" in this panel`},
		"preset":           {"panels: [{title: a, promql: up}]\npresets: [{name: x, values: {job: [a]}}]\n", `b.yaml:2:30: the board has no variable "job"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadBoard("b.yaml", []byte(c.src))
			require.Error(t, err)
			first, _, _ := strings.Cut(err.Error(), "\n")
			require.Equal(t, c.want, first)
		})
	}
}

func TestReducers(t *testing.T) {
	none := Absent()
	for r, want := range map[Reducer]float64{
		ReduceLast: 2, ReduceFirst: 4, ReduceMin: 1, ReduceMax: 5, ReduceMean: 3, ReduceMedian: 3, ReduceSum: 12, ReduceCount: 4,
		ReduceRange: 4, ReduceDiff: -2, ReduceChange: -0.5, ReduceDelta: 3, ReduceP95: 4.85, "": 2,
	} {
		require.InDelta(t, want, r.Of([]float64{none, 4, 5, none, 1, 2, none}), 1e-9, string(r))
	}
	for _, r := range reducers() {
		if r != ReduceCount {
			require.True(t, IsAbsent(r.Of(nil)) && IsAbsent(r.Of([]float64{none})), string(r))
		}
	}
}

// A file that is wrong in several panels says all of it at once.
func TestAllPanelsThatAreWrongAreTold(t *testing.T) {
	_, err := LoadBoard("b.yaml", []byte("panels:\n  - {title: a, promql: 'rate(x[5m]'}\n  - {title: b, promql: up, reduce: average}\n  - {title: c, promql: up}\n"+
		"rows:\n  - title: r\n    repeat: nothing\n    panels: [{title: d, promql: up, place: {x: 20, w: 12, h: 8}}]\n"))
	require.Error(t, err)
	for _, part := range []string{"b.yaml:2:", "b.yaml:3:", "b.yaml:7:", "b.yaml:8:"} {
		require.ErrorContains(t, err, part)
	}
	var one *strictyaml.Error
	require.ErrorAs(t, err, &one)
	_, err = LoadBoard("b.yaml", []byte("panels:\n"+strings.Repeat("  - {title: a, promql: 'sum('}\n", mostFaults+3)))
	require.ErrorContains(t, err, "and 3 panels more are wrong")
	require.NotContains(t, err.Error(), "b.yaml:12:")
}
