package query

import (
	"testing"

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
