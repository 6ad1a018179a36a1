package query

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func probed(names ...string) map[string]*Variable {
	all := map[string]*Variable{}
	for _, n := range names {
		all[n] = &Variable{Name: n}
	}
	return all
}

func TestExpressionsWithVariablesAreParsed(t *testing.T) {
	v := probed("job", "interval", "n", "metric", "label", "agg", "q", "filter", "offset", "op", "by")
	for _, ok := range []string{
		`rate(x{job=~"$job"}[$interval])`, `rate(x[${n}m])`, `rate(x[5$q])`, `topk($n, sum by ($label) (x))`, `$metric`, `node_${metric}_total{a="b"}`,
		`${metric}_total`, `$agg(rate(x[$__rate_interval]))`, `sum by (${label:csv}) (x{job="${job}"}) > $n`, `histogram_quantile($q, sum by (le, $label) (rate(x[5m])))`,
		`x{$filter}`, `x{a="b", $filter}`, `x offset $offset`, `x{job=~'$job'} or y{job=~"[[job]]"}`, `rate($metric)`, `x $op y`, `sum $by (x)`,
		`x{a=$job}`, `label_replace(x, "a", "$1", "b", "(.*)$label")`, `max_over_time(x[$interval:$__interval])`, `# $job
x`, `x @ $n`, `quantile_over_time($q, x[$__range])`, "x{a=`$job`}",
	} {
		require.Nil(t, checkExpr(ok, v), ok)
	}
	for bad, at := range map[string]string{
		`rate(x{job=~"$job"}[$interval]`:           "",
		`sum(rate(x{job=~"$job"}[$interval]))) by`: " by",
		`rate(x{job="$job"}[$interval]) ++ ]`:      "]",
		`sum by (le (x{job="$job"})`:               "(x",
		`nosuch_fn(x{job="$job"})`:                 "nosuch_fn",
		`x{job=~"$job", a=}`:                       "}",
		`x{a="$job"} + $unknown`:                   "$unknown",
		`rate(x{job="$job"})`:                      "x{",
	} {
		f := checkExpr(bad, v)
		require.NotNil(t, f, bad)
		require.LessOrEqual(t, f.Pos, len(bad), bad)
		require.True(t, strings.HasPrefix(bad[f.Pos:], at), "%s: %d %s", bad, f.Pos, f.Msg)
	}
}

// A fault in an expression with variables is pointed at in the file.
func TestAFaultBesideAVariableHasItsPlace(t *testing.T) {
	_, err := LoadBoard("b.yaml", []byte(`variables:
  - {name: job, query: 'label_values(up, job)'}
panels:
  - title: a
    promql: sum(rate(x{job=~"$job"}[5m])) bi (job)
`))
	require.ErrorContains(t, err, `b.yaml:5:43`)
}

func TestLintNamesWhatStays(t *testing.T) {
	b, err := LoadBoard("b.yaml", []byte(`title: Of $timezone
variables:
  - {name: job, query: 'label_values(up, job)'}
panels:
  - title: a $job $__range
    queries: [{expr: 'label_replace(x{a="$nope"}, "a", "$1", "b", "(.*)")', legend: '{{a}} ${odd:csv}'}]
`))
	require.NoError(t, err)
	var said []string
	for _, w := range b.Lint() {
		said = append(said, w.Message)
	}
	require.Equal(t, []string{
		"title: $timezone is no variable of the board, and stays as it is", "panel a $job $__range: $nope is no variable of the board, and stays as it is",
		"panel a $job $__range: ${odd:csv} is no variable of the board, and stays as it is",
	}, said)
	require.Equal(t, "Of $timezone", b.Expand(Choices{"job": {Values: []string{"x"}}}).Title)
}
