package query

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Where the cursor stands (│), and what belongs there.
func TestSpots(t *testing.T) {
	for _, c := range []struct {
		text        string
		want        Wanted
		word, label string
		match       []string
	}{
		{"│", WantExpression, "", "", nil},
		{"http_req│", WantExpression, "http_req", "", nil},
		{"ht│tp_requests_total", WantExpression, "ht", "", nil},
		{"sum(ra│", WantExpression, "ra", "", nil},
		{"a + b│", WantExpression, "b", "", nil},
		{"sum │", WantGrouping, "", "", nil},
		{"sum b│", WantGrouping, "b", "", nil},
		{"sum by (│", WantLabel, "", "", nil},
		{"sum by (job, in│) (rate(up[5m]))", WantLabel, "in", "", []string{"up"}},
		{"a / on (│) b", WantLabel, "", "", []string{"a", "b"}},
		{"sum(rate(http_requests_total{code=\"500\"}[5m])) by (│", WantLabel, "", "", []string{"http_requests_total"}},
		{"up{│", WantLabel, "", "", []string{"up"}},
		{"up{job=\"a\", in│}", WantLabel, "in", "", []string{`up{job="a"}`}},
		{"up{job=\"│", WantValue, "", "job", []string{"up"}},
		{"up{job=\"no│de\"}", WantValue, "no", "job", []string{"up"}},
		{"up{job=~'a|no│'}", WantValue, "no", "job", []string{"up"}},
		{"up{job=\"a\", code!=\"5│", WantValue, "5", "code", []string{`up{job="a"}`}},
		{"{job=\"│", WantValue, "", "job", nil},
		{"up{job=\"a\"}│", WantModifier, "", "", nil},
		{"up{job=\"a\"} of│", WantModifier, "of", "", nil},
		{"sum by (job) (│", WantExpression, "", "", nil},
		{"sum by (job) │", WantExpression, "", "", nil},
		{"rate(up[│", WantDuration, "", "", nil},
		{"rate(up[5│", WantDuration, "5", "", nil},
		{"rate(up[$__ra│])", WantDuration, "$__ra", "", nil},
		{"rate(up[$__rate_interval]) + u│", WantExpression, "u", "", nil},
		{"up{job=│", WantNothing, "", "", nil},
		{"label_replace(up, \"│", WantNothing, "", "", nil},
		{"up # comm│", WantNothing, "", "", nil},
		{"12│", WantNothing, "12", "", nil},
	} {
		before, after, _ := strings.Cut(c.text, "│")
		s := SpotAt(before+after, len(before))
		require.Equal(t, c.want, s.Want, c.text)
		if c.want != WantNothing {
			require.Equal(t, []any{c.word, c.label, c.match}, []any{s.Word, s.Label, s.Match}, c.text)
		}
	}
}

func TestCompleting(t *testing.T) {
	for _, c := range []struct{ text, insert, becomes string }{
		{"ra│", "rate(", "rate(│"},
		{"ra│(up[5m])", "rate(", "rate│(up[5m])"},
		{"ht│tp_x + 1", "http_requests_total", "http_requests_total│ + 1"},
		{"up{jo│", "job", `up{job="│`},
		{"up{jo│=\"a\"}", "job", `up{job│="a"}`},
		{"up{│", "odd label", `up{"odd label"="│`},
		{"sum by (j│) (up)", "job", "sum by (job│) (up)"},
		{`up{job="n│`, `no"de\x`, `up{job="no\"de\\x"│`},
		{`up{job="n│x", a="b"}`, "node", `up{job="node"│, a="b"}`},
		{`up{job='n│'}`, `it's "x"`, `up{job='it\'s "x"'│}`},
		{`up{job=~"a|n│|c"}`, "node", `up{job=~"a|node│|c"}`},
		{"rate(up[│", "5m", "rate(up[5m]│"},
		{"rate(up[│])", "5m", "rate(up[5m│])"},
	} {
		before, after, _ := strings.Cut(c.text, "│")
		text, at := Complete(before+after, SpotAt(before+after, len(before)), Suggestion{Insert: c.insert})
		require.Equal(t, c.becomes, text[:at]+"│"+text[at:], c.text)
	}
}

// Whatever stands there, a spot lies within the text, and completing it leaves what
// is around it.
func TestAnySpot(t *testing.T) {
	pieces := []string{"sum", "by", "(", ")", "{", "}", "[", "]", `"`, "'", "`", "=~", "=", ",", "up", "5m", " ", "$__rate_interval", "$", "\\", "é", "\x00", "#", "\n", "|"}
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 20).Draw(rt, "text"), "")
		pos := rapid.IntRange(0, len(text)).Draw(rt, "pos")
		s := SpotAt(text, pos)
		require.True(rt, 0 <= s.From && s.From <= pos && pos <= s.To && s.To <= len(text), "%+v", s)
		done, at := Complete(text, s, Suggestion{Insert: "x\"y"})
		require.True(rt, strings.HasPrefix(done, text[:s.From]) && at <= len(done))
	})
}

func TestSignatures(t *testing.T) {
	for name, want := range map[string]string{
		"rate": "rate(range-vector) instant-vector", "histogram_quantile": "histogram_quantile(scalar, instant-vector) instant-vector",
		"round": "round(instant-vector, [scalar]) instant-vector", "topk": "topk(k scalar, instant-vector) instant-vector", "time": "time() scalar",
	} {
		got, _, _ := Signature(name, 0)
		require.Equal(t, want, got)
	}
	text, from, to := Signature("histogram_quantile", 1)
	require.Equal(t, "instant-vector", text[from:to])
	none, _, _ := Signature("nonsense", 0)
	require.Empty(t, none)
	s := SpotAt("histogram_quantile(0.9, sum by (le) (", 37)
	require.Equal(t, "histogram_quantile", SpotAt("histogram_quantile(0.9, ", 24).Call)
	require.Equal(t, 1, SpotAt("histogram_quantile(0.9, ", 24).Arg)
	require.Equal(t, WantExpression, s.Want)
}

func TestSearchPrefersTheBeginning(t *testing.T) {
	names := []string{"a_cpu", "cpu_a", "cpu_b", "node_cpu_seconds", "xcpux"}
	require.Equal(t, []string{"cpu_a", "cpu_b", "a_cpu", "node_cpu_seconds", "xcpux"}, Search(names, "cpu", 10))
	require.Equal(t, []string{"cpu_a", "cpu_b"}, Search(names, "cpu", 2))
	require.Equal(t, []string{"a_cpu", "cpu_a"}, Search(names, "", 2))
	require.Empty(t, Search(nil, "x", 3))
}

// slowNames answers after a second, and counts.
type slowNames struct {
	Names
	asked atomic.Int64
	err   error
}

func (s *slowNames) LabelValues(ctx context.Context, _ string, _ Selection) (values, warnings []string, err error) {
	s.asked.Add(1)
	select {
	case <-time.After(time.Second):
		return []string{"b", "a"}, nil, s.err
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// However many keys are pressed while a list is on its way, it is asked for once; it
// holds for a while, a failure for a moment.
func TestACatalogAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := &slowNames{}
		c := NewCatalog(names)
		ask := func() {
			var wait sync.WaitGroup
			for range 20 {
				wait.Go(func() {
					list, err := c.Suggest(t.Context(), SpotAt(`up{job="`, 8), 5)
					if names.err == nil {
						require.NoError(t, err)
						require.Len(t, list, 2)
						require.Equal(t, "a", list[0].Text)
					} else {
						require.Error(t, err)
					}
				})
			}
			wait.Wait()
		}
		ask()
		ask()
		require.EqualValues(t, 1, names.asked.Load())
		time.Sleep(valuesHold + time.Second)
		names.err = errors.New("down")
		ask()
		ask()
		require.EqualValues(t, 2, names.asked.Load())
		time.Sleep(failureHolds + time.Second)
		names.err = nil
		ask()
		require.EqualValues(t, 3, names.asked.Load())

		ctx, cancel := context.WithCancel(t.Context())
		time.Sleep(valuesHold + time.Second)
		go func() { time.Sleep(time.Millisecond); cancel() }()
		_, err := c.Suggest(ctx, SpotAt(`up{job="`, 8), 5)
		require.ErrorIs(t, err, context.Canceled)
		ask() // who has left is no reason to remember a failure
		require.EqualValues(t, 5, names.asked.Load())
	})
}
