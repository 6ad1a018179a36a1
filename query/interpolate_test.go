package query

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFill(t *testing.T) {
	c := Choices{
		"node": {Values: []string{"a.b"}}, "nodename": {Values: []string{"long"}}, "quoted": {Values: []string{`a"b\c`}},
		"job":    {Values: []string{"a.b", "c|d"}, Many: true, Texts: []string{"A", "C"}},
		"single": {Values: []string{"a.b"}, Many: true},
		"all":    {Values: []string{".*"}, Raw: true, Many: true, Texts: []string{"All"}},
		"none":   {},
	}
	for expr, want := range map[string]string{
		`x{n="$node"}`:                                 `x{n="a.b"}`,
		`x{n="$nodename"}`:                             `x{n="long"}`,
		`$node_x $node-x`:                              `$node_x a.b-x`,
		`x{n="$quoted"}`:                               `x{n="a\"b\\c"}`,
		`x{j=~"$job"}`:                                 `x{j=~"(a\\.b|c\\|d)"}`,
		`x{j=~"$single"}`:                              `x{j=~"a\\.b"}`,
		`x{j=~"$all"}`:                                 `x{j=~".*"}`,
		`x{j=~"${all:regex}"} ${all:text}`:             `x{j=~".*"} All`,
		`${job:regex} ${job:pipe} ${job:csv}`:          `(a\.b|c\|d) a.b|c|d a.b,c|d`,
		`${job:json} ${node:json} ${job:glob}`:         `["a.b","c|d"] "a.b" {a.b,c|d}`,
		`${job:text} ${job:raw} ${job:doublequote}`:    `A + C a.b,c|d "a.b","c|d"`,
		`${job:singlequote} ${job:percentencode}`:      `'a.b','c|d' %7Ba.b%2Cc%7Cd%7D`,
		`[[node]] [[job:pipe]] ${node.x} ${node:odd}`:  `a.b a.b|c|d a.b a.b`,
		`label_replace(x, "a", "$1-$2", "b", "(.*)$")`: `label_replace(x, "a", "$1-$2", "b", "(.*)$")`,
		`rate(x[$__rate_interval]) $unknown $none`:     `rate(x[$__rate_interval]) $unknown $none`,
	} {
		require.Equal(t, want, c.Fill(expr), expr)
	}
	require.Equal(t, "Disks of A + C on a.b", c.Title("Disks of $job on $node"))
}

// Variables are asked one after the other, each with the values of those before.
func TestChoose(t *testing.T) {
	var asked []string
	answers := map[string]any{
		"/api/v1/label/job/values":      []string{"b-svc", "a-svc", "other"},
		"/api/v1/label/instance/values": []string{"n10", "n9", "n1"},
		"/api/v1/labels":                []string{"job", "instance"},
		"/api/v1/label/__name__/values": []string{"up", "node_load1", "node_load5"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		asked = append(asked, r.URL.Path+" "+r.Form.Get("match[]")+r.Form.Get("query"))
		data, ok := answers[r.URL.Path]
		if r.URL.Path == "/api/v1/query" {
			data, ok = map[string]any{"resultType": "vector", "result": []any{map[string]any{"metric": map[string]string{"__name__": "v", "mode": "idle"}, "value": []any{1, "3"}}}}, true
		}
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			data = nil
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"status": map[bool]string{true: "success", false: "error"}[ok], "errorType": "bad_data", "error": "no such label", "data": data})
	}))
	t.Cleanup(s.Close)
	client, err := NewClient(Config{URL: s.URL})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	b, err := LoadBoard("b.yaml", []byte(`range: 1h
variables:
  - {name: instance, query: 'label_values(up{job=~"$job"}, instance)', sort: natural_desc}
  - {name: job, query: 'label_values(up, job)', multi: true, all: true, regex: '^(.*)-svc$', sort: alpha}
  - {name: label, query: label_names()}
  - {name: metric, query: metrics(load)}
  - {name: mode, query: 'query_result(sum by (mode) (v))', regex: 'mode="(?P<value>\w+)"'}
  - {name: window, type: interval, options: [{value: 5m}], auto: 30, auto_min: 10s, value: [$__auto]}
  - {name: env, type: custom, options: [{text: Production, value: prod}]}
  - {name: bad, query: label_values(nope)}
  - {name: odd, query: 'up{a="b"}', value: [kept]}
panels: [{title: a, promql: up}]
`))
	require.NoError(t, err)
	got, failed := Sources{"": client}.Choose(context.Background(), &b, time.Now())
	require.Equal(t, []string{"a", "b"}, got["job"].Values)
	require.Equal(t, []string{"n10"}, got["instance"].Values)
	require.Equal(t, []string{"job"}, got["label"].Values)
	require.Equal(t, []string{"node_load1"}, got["metric"].Values)
	require.Equal(t, []string{"idle"}, got["mode"].Values)
	require.Equal(t, []string{"2m"}, got["window"].Values)
	require.Equal(t, "Production", got.Title("$env"))
	require.Equal(t, []string{"kept"}, got["odd"].Values)
	require.ErrorContains(t, failed["bad"], "no such label")
	require.ErrorContains(t, failed["odd"], `its query "up{a=\"b\"}" is none of label_values(metric, label)`)
	require.Len(t, failed, 2)
	require.Equal(t, `/api/v1/label/job/values up`, asked[0])
	require.Contains(t, asked, `/api/v1/label/instance/values up{job=~"(a|b)"}`)
}

func TestOrderOfVariables(t *testing.T) {
	b := Board{Variables: []Variable{
		{Name: "c", Query: "label_values(x{a=\"$b\"}, c)"}, {Name: "b", Query: "label_values(x{a=\"${a:regex}\"}, b)"}, {Name: "a", Query: "label_values(a)"},
	}}
	order, ring := b.Order()
	require.Equal(t, []int{2, 1, 0}, order)
	require.Empty(t, ring)
	b.Variables[2].Query = "label_values(x{c=\"[[c]]\"}, a)"
	order, ring = b.Order()
	require.Len(t, order, 3)
	require.Equal(t, []string{"c", "b", "a"}, ring)
}
