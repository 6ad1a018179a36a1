package query

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMacros(t *testing.T) {
	w := Window{Step: time.Minute, Span: time.Hour}
	for in, want := range map[string]string{
		"rate(x[$__rate_interval])":                 "rate(x[75s])",
		"rate(x[${__rate_interval}])":               "rate(x[75s])",
		"avg_over_time(x[$__range:$__interval])":    "avg_over_time(x[3600s:60s])",
		"x / $__range_s + $__interval_ms":           "x / 3600 + 60000",
		`label_replace(x, "a", "$1", "b", "(.*)$")`: `label_replace(x, "a", "$1", "b", "(.*)$")`,
		"$__rangefinder":                            "$__rangefinder",
		"up":                                        "up",
	} {
		require.Equal(t, want, Interpolate(in, w))
	}
	require.Equal(t, "x[500ms]", Interpolate("x[$__interval]", Window{Step: 500 * time.Millisecond}))
}

// max(step + scrape, 4 * scrape)
func TestRateInterval(t *testing.T) {
	for _, c := range []struct{ step, scrape, want time.Duration }{
		{15 * time.Second, 0, time.Minute}, // 15 s is assumed
		{time.Second, time.Second, 4 * time.Second},
		{5 * time.Second, time.Second, 6 * time.Second},
		{5 * time.Second, time.Minute, 4 * time.Minute},
		{time.Hour, 15 * time.Second, time.Hour + 15*time.Second},
	} {
		require.Equal(t, c.want, Window{Step: c.step, Scrape: c.scrape}.RateInterval(), "%+v", c)
	}
}

func TestCheckExprPointsAtTheFault(t *testing.T) {
	for _, c := range []struct {
		expr, msg, at string
	}{
		{"sum(rate(x[5m])", "unclosed left parenthesis", ""},
		{"rate(x)", `expected type range vector in call to function "rate", got instant vector`, "x"},
		{"sum(rate(x[$__rate_interval])) / nope(y)", `unknown function with name "nope"`, "nope"},
		{"x{$job}", "variable $job is not known; known are $__rate_interval, $__interval and $__range", "$job"},
		{"  ", "the expression is empty", ""},
	} {
		f := CheckExpr(c.expr)
		require.NotNil(t, f, c.expr)
		require.Contains(t, f.Msg, c.msg, c.expr)
		if c.at != "" {
			require.Equal(t, c.at, c.expr[f.Pos:f.Pos+len(c.at)], c.expr)
		}
	}
	for _, ok := range []string{
		"up", "sum by (job) (rate(x[$__rate_interval]))", "avg_over_time(x[1h:$__interval])", "avg_over_time(x[$__range:${__interval}])",
		"x * $__interval_ms", `label_replace(up, "a", "$1", "b", "(.*)$")`, "histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))",
	} {
		require.Nil(t, CheckExpr(ok), ok)
	}
}

func TestLegends(t *testing.T) {
	two := func() []Series {
		return []Series{
			{Labels: Labels{"job": "api", "code": "200", "i": "1"}},
			{Labels: Labels{"job": "api", "code": "500", "i": "2"}},
		}
	}
	legends := func(template string, s []Series) []string {
		setLegends(template, "Panel", s)
		var out []string
		for _, x := range s {
			out = append(out, x.Legend)
		}
		return out
	}
	require.Equal(t, []string{"api 200", "api 500"}, legends("{{job}} {{ code }}", two()))
	require.Equal(t, []string{"all", "all"}, legends("all", two()))
	require.Equal(t, []string{"x  y", "x  y"}, legends("x {{missing}} y", two()))
	require.Equal(t, []string{`{code="200", i="1"}`, `{code="500", i="2"}`}, legends("__auto", two()))
	require.Equal(t, []string{`{code="200", i="1", job="api"}`, `{code="500", i="2", job="api"}`}, legends("", two()))
	require.Equal(t, []string{"Panel"}, legends("__auto", two()[:1]))
	require.Equal(t, []string{"Panel"}, legends("", []Series{{}}))
	require.Equal(t, []string{"a", "b"}, legends("__auto", []Series{{Labels: Labels{"x": "a", "y": "1"}}, {Labels: Labels{"x": "b", "y": "1"}}}))

	long := Labels{"x": string(make([]byte, 1<<20))}
	require.LessOrEqual(t, len(legends("{{x}}", []Series{{Labels: long}})[0]), maxLegend)
}

// An answer is read in a line: one label that tells the series apart is enough.
func TestApart(t *testing.T) {
	for name, c := range map[string]struct {
		labels []Labels
		want   []string
	}{
		"none":      {nil, []string{}},
		"a number":  {[]Labels{{}}, []string{""}},
		"one":       {[]Labels{{"job": "a", "env": "lab"}}, []string{`{env="lab", job="a"}`}},
		"by one":    {[]Labels{{"job": "a", "env": "lab"}, {"job": "b", "env": "lab"}}, []string{"a", "b"}},
		"by either": {[]Labels{{"job": "a", "instance": "a-1"}, {"job": "b", "instance": "b-1"}}, []string{"a-1", "b-1"}},
		"by both":   {[]Labels{{"job": "a", "code": "1"}, {"job": "a", "code": "2"}, {"job": "b", "code": "1"}}, []string{`{code="1", job="a"}`, `{code="2", job="a"}`, `{code="1", job="b"}`}},
		"without":   {[]Labels{{"job": "a"}, {}}, []string{"a", ""}},
	} {
		var samples []Sample
		for _, l := range c.labels {
			samples = append(samples, Sample{Labels: l})
		}
		if got := Apart(samples); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzLegend(f *testing.F) {
	f.Add("{{a}} {{ b }} {{{c}}} {{", "é\xff")
	f.Add("__auto", "x")
	f.Fuzz(func(t *testing.T, template, value string) {
		s := []Series{{Labels: Labels{"a": value, "b": "1"}}, {Labels: Labels{"a": "2"}}}
		setLegends(template, "p", s)
		for _, x := range s {
			if x.Legend == "" || len(x.Legend) > maxLegend {
				if template == "" || len(x.Legend) > maxLegend {
					t.Fatalf("legend %q", x.Legend)
				}
			}
		}
	})
}
