package query

import (
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func TestLintFindsWhatNeverSaysAnything(t *testing.T) {
	for expr, rule := range map[string]string{
		// The classic HighErrorRate as it is often printed: each series by itself.
		`rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m]) > 0.05`: "self-ratio",
		`(rate(m{a="1"}[5m])) / (rate(m{a!="2"}[5m])) * 100`:                                  "self-ratio",
		`100 * m{a="1"} / m`:                                                        "self-ratio",
		`{__name__="m",a="1"} / m`:                                                  "self-ratio",
		`sum by (job) (rate(m{code="500"}[5m])) / rate(m[5m])`:                      "mixed-ratio",
		`histogram_quantile(0.95, sum by (job) (rate(x_bucket[5m])))`:               "missing-le",
		`histogram_quantile(0.95, sum without (le) (rate(x_bucket[5m])))`:           "missing-le",
		`sum by (job) (rate(m{code="500"}[5m])) / sum by (job) (rate(m[5m]))`:       "",
		`sum(rate(m{code="500"}[5m])) / sum(rate(m[5m]))`:                           "",
		`rate(m{code="500"}[5m]) / ignoring(code) sum without (code) (rate(m[5m]))`: "",
		`m{code="500"} / ignoring(code) group_left m`:                               "",
		`rate(m[5m]) / rate(m[1h])`:                                                 "", // now against usual
		`m / m offset 1d`:                                                           "",
		`a / b`:                                                                     "",
		`m{a="1"} - m`:                                                              "",
		`m / 2`:                                                                     "",
		`histogram_quantile(0.95, sum by (job, le) (rate(x_bucket[5m])))`:           "",
		`histogram_quantile(0.95, sum without (pod) (rate(x_bucket[5m])))`:          "",
		`histogram_quantile(0.95, sum by (job) (rate(native_seconds[5m])))`:         "",
		`sum(label_replace(m{a="1"}, "x", "", "", "")) / sum(m)`:                    "",
		`sum(`: "", // does not parse: CheckExpr says so
	} {
		found := Lint(expr)
		if rule == "" {
			require.Empty(t, found, expr)
			continue
		}
		require.Len(t, found, 1, expr)
		require.Equal(t, rule, found[0].Rule, expr)
		require.Less(t, found[0].Pos, found[0].End)
		require.LessOrEqual(t, found[0].End, len(expr))
	}
}

// The alert rules as the reliability handbook prints them.
func TestLintCatchesThePrintedRatio(t *testing.T) {
	src, err := os.ReadFile("../templates/examples/alert_rules.yml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(src, &file))
	found := map[string][]Warning{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			require.Nil(t, CheckExpr(r.Expr), r.Alert)
			found[r.Alert] = Lint(r.Expr)
		}
	}
	require.Len(t, found, 3)
	require.Empty(t, found["HighLatency"])
	require.Empty(t, found["HighCPU"])
	require.Len(t, found["HighErrorRate"], 1, "it divides each series by itself")
	require.Equal(t, "self-ratio", found["HighErrorRate"][0].Rule)
}
