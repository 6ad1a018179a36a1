package query

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

func TestABoardIsWrittenAsAPersonWould(t *testing.T) {
	b, err := LoadBoard("shop.yaml", []byte(shop))
	require.NoError(t, err)
	src, err := b.YAML()
	require.NoError(t, err)
	require.Equal(t, `title: Shop
panels:
  - title: Error rate
    promql: sum(rate(http_requests_total{code=~"5.."}[$__rate_interval])) / sum(rate(http_requests_total[$__rate_interval]))
    legend: errors
    unit: percentunit
    min: 0
    max: 1
    thresholds: [{value: 0.01, state: warn}, {value: 0.05, state: crit}]
    signal: true
  - title: Latency
    queries:
      - {expr: 'histogram_quantile(0.5, sum by (le) (rate(d_bucket[5m])))', legend: p50}
      - {expr: 'histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m])))', legend: p99}
    unit: s
    decimals: 2
  - title: Up
    type: stat
    promql: up
    better: higher
`, string(src))
}

func TestEveryKeyIsWritten(t *testing.T) {
	src := strings.Replace(everyKey, "(?!x)", "", 1)
	want, err := LoadBoard("node.yaml", []byte(src))
	require.NoError(t, err)
	written, err := want.YAML()
	require.NoError(t, err)
	got, err := LoadBoard("node.yaml", written)
	require.NoError(t, err, "%s", written)
	require.Equal(t, want, got)
}

// What was written is what is read, whatever the texts hold.
func TestBoardsSurviveTheirFile(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := drawBoard(r)
		src, err := want.YAML()
		require.NoError(r, err)
		got, err := LoadBoard("b.yaml", src)
		require.NoError(r, err, "%s", src)
		require.Equal(r, want, got, "%s", src)
	})
}

// someWords are texts that YAML could take for something else.
var someWords = rapid.OneOf(
	rapid.StringMatching(`[ -~]{1,30}`),
	rapid.StringMatching(`[a-z#:'"{}\[\]|>%&*!?,\\ \n\t-]{1,40}`),
	rapid.SampledFrom([]string{
		"true", "~", "null", "1", "0x1f", "1e3", ".5", "- a", "a: b", "a #b", "{{job}}", "\x00", "\x1b[2J", "é\u2028", "\U0001f600", "'", `"`,
		"a\nb", "a\n", "\na", " a", "a ", "a\n\nb", "a\n \nb", "\ta", "a\tb", "%a", "@a", "`a", "a:", "---", "...", "2026-01-01", "<<", "=", "a\r\nb", "\u0085",
		"sum(\n  rate(x[5m])\n)", "a\n  b: c\n# d", "|", ">-", "&a", "*a", "!a", "? a", "12:30:45", "1_000", "+1", "0o7", "a,b", "[a", "]", "}", strings.Repeat("x'y ", 50) + "z",
	}),
)

func drawBoard(r *rapid.T) Board {
	title := func(what string) string {
		return rapid.Custom(func(r *rapid.T) string { return "T" + someWords.Draw(r, "w") }).Draw(r, what)
	}
	some := func(what string) bool { return rapid.Bool().Draw(r, what) }
	b := Board{
		Name: "b", Title: title("board"), Range: time.Duration(rapid.IntRange(10, 1e6).Draw(r, "range")) * time.Second,
		Refresh: 5 * time.Second,
	}
	if some("described") {
		b.Description = someWords.Draw(r, "description")
	}
	for range rapid.IntRange(1, 4).Draw(r, "panels") {
		p := Panel{Title: title("panel"), Type: rapid.SampledFrom([]PanelType{TimeSeries, Stat, Table, Text, NotDrawn}).Draw(r, "type"), Better: Lower}
		switch {
		case p.Type == Text:
			p.Markdown = "M" + someWords.Draw(r, "markdown")
		case p.Type == NotDrawn:
			p.Queries = []Query{{Expr: strings.TrimSpace("x" + someWords.Draw(r, "sql"))}}
		default:
			p.Queries = drawQueries(r)
		}
		if some("field") {
			v := rapid.Float64Range(-1e12, 1e12).Draw(r, "threshold")
			p.Unit, p.NoValue = someWords.Draw(r, "unit"), someWords.Draw(r, "no value")
			p.Thresholds = []Threshold{{v, Warn}, {v * 2, Crit}}
			p.Mappings = []Mapping{{Value: someWords.Draw(r, "value"), Text: someWords.Draw(r, "text")}, {From: &v, State: OK}}
			p.Overrides = []Override{{Match: Match{Names: []string{someWords.Draw(r, "match")}}, Set: Field{Hidden: true, Thresholds: []Threshold{}}}}
			p.Place = &Place{X: 1, Y: 2, W: 3, H: 4}
		}
		if some("transformed") {
			p.Transforms = []Transform{{Merge: &struct{}{}}, {Organize: &Organize{Rename: map[string]string{someWords.Draw(r, "from"): someWords.Draw(r, "to")}}}}
		}
		b.Panels = append(b.Panels, p)
	}
	if some("row") {
		n := rapid.IntRange(0, len(b.Panels)).Draw(r, "of")
		b.Rows = []Row{{Title: someWords.Draw(r, "row"), From: n, To: len(b.Panels)}}
	}
	return b
}

func drawQueries(r *rapid.T) (all []Query) {
	for range rapid.IntRange(1, 3).Draw(r, "queries") {
		all = append(all, Query{
			Expr: rapid.SampledFrom([]string{
				"up", `a{b="c: d"}`, "sum(\n  rate(x[5m])\n)", `label_replace(up, "a", "$1", "b", '(.*)\\.x # y')`, "x\n\n+ y", "{a='b'}", "-x", "(x)", `{"a.b"}`, "1",
				"sum by (le) (x) # why\n+ y", "a{b='é'}",
			}).Draw(r, "expr"),
			Legend: rapid.OneOf(someWords, rapid.Just("")).Draw(r, "legend"), Instant: rapid.Bool().Draw(r, "instant"),
		})
	}
	return all
}

func TestABoardThatIsTooLargeIsNotWritten(t *testing.T) {
	b := Board{Name: "b", Panels: []Panel{{Title: "a", Type: Text, Markdown: strings.Repeat("x", strictyaml.MaxSize)}}}
	_, err := b.YAML()
	require.EqualError(t, err, "board b: its file would have 256 KiB, and at most 256 KiB are read; make two boards of it")
}
