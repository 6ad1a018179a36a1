package alert_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/alert"
)

const badRules = `# a file of somebody's
groups:
- name: shop
  rules:
  - record: a:b
    expr: sum(a)
  - alert: Broken
    expr: rate(errors_total[5m]
    labels: {severity: critical}
  - alert: Ratio
    expr: |
      rate(http_requests_total{code="500"}[5m])
        / rate(http_requests_total[5m]) > 0.1
    for: 5m
    labels: {severity: critical}
    annotations: {runbook_url: "https://x"}
  - alert: HighCPU
    expr: "avg(rate(node_cpu_seconds_total[5m])) > 0.8"
    for: 0s
    annotations:
      summary: hot
  - alert: Forecast
    expr: predict_linear(node_filesystem_avail_bytes[6h], 4 * 3600) < 0
    for: 1h
    labels: {severity: ticket}
    annotations: {runbook_url: "https://x"}
`

func TestLint(t *testing.T) {
	rules, err := alert.ReadRules("r.yml", []byte(badRules))
	require.NoError(t, err)
	var got []string
	for _, f := range alert.LintRules("r.yml", rules, nil) {
		got = append(got, f.String()[:min(len(f.String()), 40)])
		require.Equal(t, "shop", f.Group)
	}
	require.Equal(t, []string{
		"r.yml:8:32: Broken: the expression canno",
		"r.yml:12:7: Ratio: every series of http_",
		"r.yml:18:21: HighCPU: it fires on CPU us",
		"r.yml:17:12: HighCPU: without for: one b",
		"r.yml:17:12: HighCPU: without the label ",
		"r.yml:17:12: HighCPU: without the annota",
	}, got)
	for text, says := range map[string]string{"": "no groups", "groups: 5": "no groups", "a: [": "r.yml:1", "x: y": "no groups"} {
		_, err := alert.ReadRules("r.yml", []byte(text))
		require.ErrorContains(t, err, says, text)
	}
	crd, err := alert.ReadRules("r.yml", []byte("kind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    rules: [{alert: A, expr: up == 0}]\n"))
	require.NoError(t, err)
	require.Len(t, crd, 1)
	server := alert.LintServer("http://p", []alert.Rule{{Group: "g", Name: "A", Query: "up == 0", Health: "err", LastError: "no"}}, map[string]string{"A": "it woke people for nothing"})
	require.Equal(t, "broken", server[len(server)-1].Rule)
	require.Zero(t, server[0].Line)
}

// Every file of rules that others wrote can be read, and nothing in it panics.
func TestLintOfWhatOthersWrote(t *testing.T) {
	files := []string{"../../templates/examples/alert_rules.yml"}
	if dir := os.Getenv("SITREP_CORPUS"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "rules", "*"))
		require.NoError(t, err)
		files = append(files, more...)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		require.NoError(t, err)
		rules, err := alert.ReadRules(f, src)
		require.NoError(t, err)
		for _, found := range alert.LintRules(f, rules, nil) {
			require.Positive(t, found.Line)
			require.NotEqual(t, "syntax", found.Rule, found)
		}
	}
}

// A notification may be anything; it is read or refused.
func FuzzNotification(f *testing.F) {
	f.Add([]byte(`{"version":"4","groupKey":"g","alerts":[{"status":"firing","labels":{"alertname":"A"},"startsAt":"2026-11-24T02:53:00.801Z"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := alert.ReadNotification(body)
		if err != nil {
			return
		}
		for _, r := range n.Alerts {
			require.Len(t, r.Alert.Fingerprint, 16)
			require.NotEmpty(t, r.Alert.Name)
		}
	})
}

func TestRealNotifications(t *testing.T) {
	dir := os.Getenv("SITREP_CORPUS")
	if dir == "" {
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "alertmanager", "webhook*", "*.json"))
	require.NoError(t, err)
	for _, f := range files {
		body, err := os.ReadFile(f)
		require.NoError(t, err)
		if filepath.Base(f) == "index.json" {
			continue
		}
		n, err := alert.ReadNotification(body)
		require.NoError(t, err, f)
		require.NotEmpty(t, n.Alerts, f)
		require.Empty(t, n.LeftOut, f)
	}
}
