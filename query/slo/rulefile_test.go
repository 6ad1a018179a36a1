package slo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Prometheus' own tool reads what is written for every form of an SLI, and whatever a
// title says.
func TestPromtoolReadsTheRules(t *testing.T) {
	t.Parallel()
	var list []Objective
	for _, src := range []string{
		"name: a\ntitle: \"{{ $labels.x }} it's \\\"odd\\\"\\nand long\"\nobjective: 99.9\nservice: shop\nlabels: {team: \"{{ x }}\"}\nsli: {events: {bad: 'x_total{code=~\"5..\"}', total: x_total}}\n",
		"name: b\nobjective: 99\nsli: {events: {good: 'x_total{code!~\"5..\"}', total: 'sum(increase(x_total[$window]))'}}\nalerts: {profile: google}\n",
		"name: c\nobjective: 95\nsli: {error_ratio: {promql: '1 - sum(rate(a[$window])) / sum(rate(b[$window]))'}}\nalerts: {profile: pyrra}\n",
		"name: d\nobjective: 95\nsli: {error_ratio: {promql: 'sum(rate(a[$window])) / sum(rate(b[$window]))', total: b_total}}\nalerts: {profile: sloth}\n",
		"name: e\nobjective: 99\nsli: {latency: {histogram: 'h_seconds{service=\"shop\"}', below: 300ms}}\n",
		"name: f\nobjective: 99\nsli: {latency: {histogram: h_seconds, below: 1s, native: true}}\n",
		"name: g\nobjective: 99.5\nwindow: 7d\nsli: {probe: {promql: 'up{job=\"x\"}'}}\n",
		"name: h\nobjective: 99.5\ncalendar: month\nsli: {throughput: {counter: x_total, at_least: 10}}\n",
		"name: i\nobjective: 99\nsli: {probe: {promql: up}}\nalerts: {profile: none}\n",
		"name: j\nobjective: 99\nsli: {probe: {promql: up}}\nalerts: {rules: [{name: own, budget: 3, long: 90m, short: 7m, for: 2m, do: page}]}\n",
	} {
		list = append(list, load(t, src))
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(file, []byte(RuleFile(list, 15*time.Second)), 0o600))
	promtool, err := exec.LookPath("promtool")
	require.NoError(t, err, "the tests need promtool, which comes with prometheus: run make setup")
	out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, RuleFile(list, 15*time.Second))
	require.Contains(t, string(out), "rules found")
	require.NotContains(t, RuleFile(list, 15*time.Second), "slo:i:alert", "an objective that tells nothing has no alerts")
	require.NotContains(t, RuleFile(list, 15*time.Second), "slo:i:record")
}

// The watch and the server say of one burn that it is one alert.
func TestAlertLabels(t *testing.T) {
	t.Parallel()
	o := load(t, "name: shop\nservice: checkout\nobjective: 99.9\nlabels: {team: a}\nsli: {events: {bad: bad_total, total: all_total}}\n")
	require.Equal(t, map[string]string{"alertname": "ErrorBudgetBurn", "slo": "shop", "burn": "fast", "severity": "critical", "service": "checkout", "team": "a"}, o.AlertLabels(o.Rules[0]))
	require.Equal(t, "warning", o.AlertLabels(o.Rules[1])["severity"])
}
