package query

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// matcherOf is the matcher of label j in an expression that has to parse.
func matcherOf(t require.TestingT, expr string) *labels.Matcher {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err, "%q", expr)
	var found *labels.Matcher
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			for _, m := range v.LabelMatchers {
				if m.Name == "j" {
					found = m
				}
			}
		}
		return nil
	})
	require.NotNil(t, found)
	return found
}

func anyLabel() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"\x1b[31m", "a\nb", `"`, `'`, "`", `\`, `a\`, "a.b", "(x|y)", "$job", "${job:raw}", "{{a}}", "\u202egnp", "a,b", "", "*", "\x00", "\xff"}),
		rapid.Map(rapid.SliceOf(rapid.SampledFrom([]rune("\"'`\\$\n\t(|)[]{}.*+?^#"))), func(r []rune) string { return string(r) }),
	)
}

// Whatever a value is, between quotes of any kind it is itself, and as a regular
// expression it matches what was chosen and nothing else.
func TestAValueStaysItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quote := rapid.SampledFrom([]string{`"`, `'`, "`"}).Draw(t, "quote")
		values := rapid.SliceOfN(anyLabel(), 1, 3).Draw(t, "values")
		one := Choices{"job": {Values: values[:1]}}
		require.Equal(t, values[0], matcherOf(t, one.Fill("x{j="+quote+"$job"+quote+"}")).Value)
		many := Choices{"job": {Values: values, Many: true}}
		m := matcherOf(t, many.Fill("x{j=~"+quote+"$job"+quote+"}"))
		for _, v := range values {
			if strings.ToValidUTF8(v, "") == v { // a regular expression has no others
				require.True(t, m.Matches(v), "%q: %s", v, m)
			}
		}
		require.False(t, m.Matches(strings.Join(values, "")+"!"))
	})
}

// What a person wrote as it is cannot end the quotes it stands in.
func TestRawValuesStayWithinTheirQuotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(anyLabel()).Draw(t, "value")
		form := rapid.SampledFrom([]string{":raw", ":csv", ":pipe", ":text", ":glob", ":json", ":doublequote", ":singlequote", ":percentencode"}).Draw(t, "form")
		quote := rapid.SampledFrom([]string{`"`, `'`}).Draw(t, "quote")
		filled := Choices{"job": {Values: []string{value}}}.Fill("x{j=" + quote + "${job" + form + "}" + quote + "} + y")
		literal, rest := cutLiteral(strings.TrimPrefix(filled, "x{j="))
		require.Equal(t, "} + y", rest, "%q", literal)
	})
}

func repeated(t require.TestingT) *Board {
	b, err := LoadBoard("b.yaml", []byte(`title: Of $job
variables:
  - {name: job, type: custom, options: [{value: a}], multi: true, all: true}
  - {name: disk, type: custom, options: [{value: a}], multi: true}
panels:
  - {title: above, promql: 'up{job=~"$job"}', place: {x: 0, y: 0, w: 24, h: 4}}
  - {title: d $disk, promql: 'disk{d="$disk"}', repeat: disk, place: {x: 0, y: 4, w: 24, h: 8}}
  - {title: below, promql: up, legend: '{{a}} $disk', min_step: $disk, place: {x: 0, y: 12, w: 24, h: 8}, links: [{title: t, url: 'http://h/?a=$job&from=${__from}'}]}
rows:
  - title: row
    repeat: job
    panels: [{title: in $job, promql: 'x{job="$job", disk=~"$disk"}'}]
presets: [{name: p, panels: [d $disk, above]}]
`))
	require.NoError(t, err)
	return &b
}

func TestPanelsAndRowsRepeat(t *testing.T) {
	b := repeated(t)
	many := make([]string, 20)
	for i := range many {
		many[i] = string(rune('a' + i))
	}
	e := b.Expand(Choices{"job": {Values: []string{"api", "web"}, Many: true}, "disk": {Values: many, Many: true}})
	require.Equal(t, "Of api + web", e.Title)
	require.Equal(t, "d a", e.Panels[1].Title)
	require.Equal(t, `disk{d="b"}`, e.Panels[2].Queries[0].Expr)
	require.Equal(t, "d l +8 more", e.Panels[12].Title)
	require.Equal(t, []Place{{0, 4, 6, 8}, {6, 4, 6, 8}, {18, 20, 6, 8}, {0, 28, 24, 8}}, []Place{*e.Panels[1].Place, *e.Panels[2].Place, *e.Panels[12].Place, *e.Panels[13].Place})
	require.Equal(t, "http://h/?a=api%2Cweb&from=${__from}", e.Panels[13].Links[0].URL)
	require.Equal(t, []Row{{Title: "row api", From: 14, To: 15}, {Title: "row web", From: 15, To: 16}}, e.Rows)
	require.Equal(t, `x{job="web", disk=~"(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t)"}`, e.Panels[15].Queries[0].Expr)
	require.Len(t, e.Presets[0].Panels, 13)
	require.Equal(t, "Of $job", b.Title, "the file's board is as it was")
	require.Equal(t, `disk{d="$disk"}`, b.Panels[1].Queries[0].Expr)
}

// Whatever is chosen, a board is no larger than a board may be, every panel is of
// the file, and in its row.
func TestExpansionHasBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := repeated(t)
		for range rapid.IntRange(0, 200).Draw(t, "panels") {
			b.Panels = append(b.Panels, Panel{Title: "p $disk", Type: TimeSeries, Repeat: rapid.SampledFrom([]string{"disk", "", "nobody"}).Draw(t, "repeat"), Queries: []Query{{Expr: "x"}}})
		}
		b.Rows[0].To = len(b.Panels)
		c := Choices{"job": {Values: rapid.SliceOfN(anyLabel(), 0, 30).Draw(t, "jobs"), Many: true}, "disk": {Values: rapid.SliceOfN(anyLabel(), 0, 30).Draw(t, "disks"), Many: true}}
		e := b.expand(c)
		require.LessOrEqual(t, len(e.board.Panels), maxPanels)
		require.Len(t, e.keys, len(e.board.Panels))
		next := 0
		for i, r := range e.board.Rows {
			if i == 0 {
				next = r.From
			}
			require.Equal(t, next, r.From)
			next = r.To
		}
		require.Equal(t, len(e.board.Panels), next)
		for _, p := range e.board.Panels {
			require.LessOrEqual(t, len(p.Title), 2*maxLegend)
			require.Empty(t, p.Repeat)
			if p.Place != nil {
				require.True(t, p.Place.X >= 0 && p.Place.X+p.Place.W <= GridColumns && p.Place.W > 0)
			}
		}
	})
}

// What stays chosen when what is offered changes.
func TestWhatStaysChosen(t *testing.T) {
	offers := func(values ...string) *Offer {
		o := &Offer{}
		for _, v := range values {
			o.Options = append(o.Options, Option{Text: v, Value: v})
		}
		return o
	}
	multi := Variable{Type: QueryVariable, Multi: true, All: true}
	single := Variable{Type: QueryVariable, Value: []string{"b"}}
	for _, c := range []struct {
		v      Variable
		o      *Offer
		chosen []string
		want   []string
	}{
		{multi, offers("a", "b"), nil, []string{AllOptions}},
		{multi, offers("a", "b"), []string{"b", "gone"}, []string{"b"}},
		{multi, offers("a", "b"), []string{"gone"}, []string{AllOptions}},
		{multi, offers(), []string{"b"}, []string{"b"}},
		{multi, offers("a"), []string{"a", AllOptions}, []string{AllOptions}},
		{single, offers("a", "b"), nil, []string{"b"}},
		{single, offers("a"), nil, []string{"a"}},
		{single, offers("a", "b"), []string{"a", "b"}, []string{"a"}},
		{single, offers("a"), []string{AllOptions}, []string{"a"}},
		{single, offers(), nil, []string{"b"}},
		{Variable{Type: TextVariable}, offers(), nil, []string{""}},
		{Variable{Type: TextVariable}, offers(), []string{"x y"}, []string{"x y"}},
		{Variable{Type: ConstantVariable, Value: []string{"c"}}, offers(), []string{"x"}, []string{"c"}},
		{Variable{Type: QueryVariable}, offers(), nil, nil},
	} {
		require.Equal(t, c.want, c.v.choose(c.o, c.chosen), "%+v of %+v", c.chosen, c.o)
	}
	many := make([]string, maxOptions+5)
	for i := range many {
		many[i] = strings.Repeat("x", i%7) + string(rune(i+1000))
	}
	o := multi.keep(many, nil)
	require.True(t, o.More)
	require.Len(t, o.Options, maxOptions)
	require.Equal(t, []string{"not among them"}, multi.choose(&o, []string{"not among them"}), "it may be among those that are not kept")
}

func TestChoosing(t *testing.T) {
	b := repeated(t)
	offers := []Offer{{Options: []Option{{Text: "API", Value: "api"}, {Text: "web", Value: "web"}}}, {}}
	got, err := b.Choosing(Values{"JOB": {"API", "web", "web"}}, offers)
	require.NoError(t, err)
	require.Equal(t, Values{"job": {"api", "web"}}, got)
	got, err = b.Choosing(Values{"job": {"all"}}, offers)
	require.NoError(t, err)
	require.Equal(t, Values{"job": {AllOptions}}, got)
	_, err = b.Choosing(Values{"job": {"ap\x1b[2Ji"}}, offers)
	require.EqualError(t, err, "variable job: \"ap\ufffd[2Ji\" is not offered; there are api, web")
	_, err = b.Choosing(Values{"jobs": {"api"}}, offers)
	require.EqualError(t, err, `board b has no variable "jobs"; it has job, disk`)
}

func TestMoments(t *testing.T) {
	w := Window{Span: time.Hour, Step: 15 * time.Second, End: time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)}
	for text, want := range map[string]string{
		"$__to": "1795748400000", "${__from}": "1795744800000", "${__to:date}": "2026-11-27T03:00:00.000Z", "${__from:date:iso}": "2026-11-27T02:00:00.000Z",
		"${__to:date:seconds}": "1795748400", "${__to:date:YYYY-MM-DD HH:mm}": "2026-11-27 03:00", "$__total": "$__total",
	} {
		require.Equal(t, want, Interpolate(text, w), text)
	}
	require.Equal(t, "$__from", Interpolate("$__from", Window{Span: 1}), "it is not known")
}
