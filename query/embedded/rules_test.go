package embedded_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

const shopRules = `
groups:
- name: shop
  interval: 1s
  rules:
  - record: job:errors:ratio
    expr: sum by (job) (errors) / sum by (job) (requests)
    labels: {team: 'pay'}
  - alert: HighErrorRate
    expr: job:errors:ratio > 0.05
    for: 3s
    keep_firing_for: 2s
    labels: {severity: critical, from: '{{ $labels.team }}'}
    annotations:
      summary: '{{ $labels.job }} fails {{ $value | humanizePercentage }}'
      description: 'of {{ with query "sum(requests)" }}{{ . | first | value }}{{ end }} requests'
      broken: '{{ .Nothing.Here | first }}'
`

// One alert's life, second by second.
func TestAnAlertIsPendingThenFiringThenKept(t *testing.T) {
	w := newWorld(t, embedded.Config{EvaluationInterval: time.Second, Rules: []byte(shopRules), RulesFile: "shop.yml"})
	for _, c := range []struct {
		second, errors float64
		state          string // "" is inactive
	}{
		{0, 0, ""},
		{1, 10, "pending"},
		{2, 10, "pending"},
		{3, 0, ""}, // short of 3 s: it starts again
		{4, 10, "pending"},
		{5, 20, "pending"},
		{6, 20, "pending"},
		{7, 20, "firing"},
		{8, 0, "firing"}, // kept
		{9, 0, "firing"},
		{10, 0, ""},
		{11, 50, "pending"},
	} {
		w.scrape(c.second, fmt.Sprintf("errors %g\nrequests 100\n", c.errors))
		w.s.Evaluate(t.Context(), at(c.second))
		want := []string{}
		if c.state != "" {
			want = append(want, fmt.Sprintf(`{"__name__":"ALERTS","alertname":"HighErrorRate","alertstate":"%s","from":"pay","job":"shop","severity":"critical","team":"pay"} 1`, c.state))
		}
		require.Equal(t, want, w.ask(c.second, "ALERTS"), "second %g", c.second)
	}
	require.Equal(t, []string{`{"__name__":"job:errors:ratio","job":"shop","team":"pay"} 0.2`}, w.ask(7, "job:errors:ratio"))
	require.Equal(t, []string{fmt.Sprintf("{} %d", at(4).Unix())}, w.ask(7, "sum(ALERTS_FOR_STATE)"))

	data, _, _ := w.get("/api/v1/alerts", nil)
	one := data.(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Equal(t, "5e-01", one["value"])
	require.Equal(t, at(11).Format(time.RFC3339), one["activeAt"])
	annotations := one["annotations"].(map[string]any)
	require.Equal(t, "shop fails 50%", annotations["summary"])
	require.Equal(t, "of 100 requests", annotations["description"])
	require.Contains(t, annotations["broken"], "<error expanding template")
}

func TestARuleThatFailsSaysSo(t *testing.T) {
	w := newWorld(t, embedded.Config{MaxSeries: 12, Rules: []byte(`
groups:
- name: g
  rules:
  - {record: same, expr: 'label_replace(x, "i", "", "", "")'}
  - {record: many, expr: 'x * on() group_left() y'}
  - {alert: Same, expr: 'x > 0', labels: {i: ''}}
  - {record: full, expr: 'label_replace(vector(1), "a", "b", "", "")'}
- {name: small, limit: 1, rules: [{alert: Two, expr: 'x'}, {record: two, expr: 'x'}]}
`)})
	w.scrape(0, "x{i=\"1\"} 1\nx{i=\"2\"} 1\ny{j=\"1\"} 1\ny{j=\"2\"} 1\n")
	w.s.Evaluate(t.Context(), at(0))
	var errs []any
	for _, g := range ruleGroups(w) {
		for _, r := range g.(map[string]any)["rules"].([]any) {
			require.Equal(t, "err", r.(map[string]any)["health"], r)
			errs = append(errs, r.(map[string]any)["lastError"])
		}
	}
	for i, want := range []string{
		"same labels", "many-to-many matching not allowed", "same labels after applying", "limit of 12 series",
		"2 results exceed the group's limit of 1", "2 results exceed the group's limit of 1",
	} {
		require.Contains(t, errs[i], want)
	}
}

func ruleGroups(w *world) []any {
	data, _, msg := w.get("/api/v1/rules", nil)
	require.Empty(w.t, msg)
	return data.(map[string]any)["groups"].([]any)
}

func TestAFaultInTheRulesNamesFileAndLine(t *testing.T) {
	for src, want := range map[string]string{
		"groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'sum('}":         `lab.yml:4:22: group "g", rule 1, "A": could not parse expression`,
		"groups:\n- name: g\n  rules:\n  - {alert: A, exprr: 'a'}":           "lab.yml: yaml: unmarshal errors:\n  line 4:",
		"groups:\n- name: g\n  rules:\n  - {alert: A, record: b, expr: 'a'}": "lab.yml:4:",
		"groups: 3":                     "lab.yml: yaml:",
		"groups:\n- name: g\n- name: g": `lab.yml: groupname: "g" is repeated`,
	} {
		_, err := embedded.New(embedded.Config{Rules: []byte(src), RulesFile: "lab.yml"})
		require.ErrorContains(t, err, want)
	}
	_, err := embedded.New(embedded.Config{ScrapeInterval: time.Microsecond})
	require.ErrorContains(t, err, "too short")
}

func TestRulesCanBeListedByType(t *testing.T) {
	w := newWorld(t, embedded.Config{Rules: []byte(shopRules), RulesFile: "shop.yml"})
	for kind, want := range map[string][]string{"": {"recording", "alerting"}, "alert": {"alerting"}, "record": {"recording"}} {
		data, _, _ := w.get("/api/v1/rules", url.Values{"type": {kind}})
		g := data.(map[string]any)["groups"].([]any)[0].(map[string]any)
		require.Equal(t, "shop.yml", g["file"])
		var got []string
		for _, r := range g["rules"].([]any) {
			got = append(got, r.(map[string]any)["type"].(string))
			require.Equal(t, "unknown", r.(map[string]any)["health"])
		}
		require.Equal(t, want, got)
	}
}
