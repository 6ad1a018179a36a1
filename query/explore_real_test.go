package query_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// A real server is asked for its words and for the parts of an expression.
func TestExploreAsksARealServer(t *testing.T) {
	p := startPrometheus(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.Eventually(t, func() bool {
		got, _, err := p.c.Instant(ctx, `load{pod="a"}`, time.Time{})
		return err == nil && len(got) > 0
	}, time.Minute, 50*time.Millisecond)
	c := query.NewCatalog(p.c)
	require.NoError(t, c.Warm(ctx))

	words := func(text string) []string {
		before, after, _ := strings.Cut(text, "│")
		list, err := c.Suggest(ctx, query.SpotAt(before+after, len(before)), 50)
		require.NoError(t, err, text)
		var out []string
		for _, w := range list {
			out = append(out, w.Text)
		}
		return out
	}
	require.Contains(t, words("sum(requests│"), "requests_total")
	require.Contains(t, words("sum(total│"), "requests_total", "a part of the name is found too")
	require.Contains(t, words("load{│"), "pod")
	require.NotContains(t, words("load{│"), "__name__")
	require.Contains(t, words(`load{pod="│`), "a")
	require.Contains(t, words("sum by (po│) (load)"), "pod")
	require.Contains(t, words("hist│"), "histogram_quantile")
	require.Contains(t, words("rate(load[│"), "5m")
	require.Empty(t, words(`load{nothing="│`))

	found, err := query.Find(ctx, p.c, query.Question{Expr: "sum by (pod) (rate(requests_total[$__rate_interval]))", Span: time.Minute, Columns: 60}, time.Now())
	require.NoError(t, err)
	require.NotContains(t, found.Sent, "$")
	found, err = query.Find(ctx, p.c, query.Question{Expr: `load{pod="a"}`}, time.Now())
	require.NoError(t, err)
	require.Len(t, found.Samples, 1)
	var csv strings.Builder
	require.NoError(t, found.WriteCSV(&csv))
	require.True(t, strings.HasPrefix(csv.String(), "series,time,value\n\"load{"), csv.String())

	parts, err := query.Explain(ctx, p.c, `sum(load{pod="a"}) / sum(load{pod="gone"}) > bool 2`, query.Window{}, time.Now())
	require.NoError(t, err)
	var tree []string
	for _, p := range parts {
		require.NoError(t, p.Err)
		tree = append(tree, fmt.Sprintf("%d %s %d", p.Depth, p.What, p.Series))
	}
	require.Equal(t, []string{"0 > 0", "1 / 0", "2 sum 1", "3 selector 1", "2 sum 0", "3 selector 0"}, tree)
	_, err = query.Explain(ctx, p.c, "sum(", query.Window{}, time.Now())
	require.ErrorContains(t, err, "PromQL at character")

	// The link opens the server's own page.
	link := query.PageURL(p.url, `load{pod="a"}`, time.Hour, time.Time{})
	resp, err := http.Get(link)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	u, err := url.Parse(link)
	require.NoError(t, err)
	require.Equal(t, `load{pod="a"}`, u.Query().Get("g0.expr"))
}

// At most eight parts are asked for, whatever the expression is.
func TestExplainIsBounded(t *testing.T) {
	asked := &counting{}
	expr := strings.Repeat("a + ", 30) + "a"
	parts, err := query.Explain(context.Background(), asked, expr, query.Window{}, time.Now())
	require.NoError(t, err)
	require.Greater(t, len(parts), 30)
	require.EqualValues(t, 8, asked.n.Load())
	n := 0
	for _, p := range parts {
		if p.Asked {
			n++
		}
	}
	require.Equal(t, 8, n)
	deep := strings.Repeat("abs(", 200) + "a" + strings.Repeat(")", 200)
	parts, err = query.Explain(context.Background(), asked, deep, query.Window{}, time.Now())
	require.NoError(t, err)
	require.LessOrEqual(t, len(parts), 60)
}

// counting answers every question with nothing.
type counting struct{ n atomic.Int64 }

func (c *counting) Instant(context.Context, string, time.Time) ([]query.Sample, []string, error) {
	c.n.Add(1)
	return nil, nil, nil
}

// A server that says anything at all: what is no word is left out, what is dear is
// asked for once.
func TestTheWordsOfAHostileServer(t *testing.T) {
	var mu sync.Mutex
	requests := map[string]int{}
	huge := strings.Repeat("x", 5000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		requests[r.URL.Path]++
		mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/metadata"):
			fmt.Fprint(w, `{"status":"success","data":{"evil":[{"type":"counter`+strings.Repeat("r", 300)+`","help":"two\nlines \u001b[2J","unit":""}],"`+huge+`":[{"type":"gauge","help":"x"}]}}`)
		case strings.HasSuffix(r.URL.Path, "/label/__name__/values"):
			fmt.Fprint(w, `{"status":"success","data":["evil","evil","my.dotted \u001b]0;x\u0007","`+huge+`",""]}`)
		default:
			http.Error(w, `{"status":"error","errorType":"execution","error":"too much"}`, http.StatusUnprocessableEntity)
		}
	}))
	defer server.Close()
	client, err := query.NewClient(query.Config{URL: server.URL})
	require.NoError(t, err)
	c := query.NewCatalog(client)
	ctx := context.Background()
	require.NoError(t, c.Warm(ctx))
	require.NoError(t, c.Warm(ctx))
	list, err := c.Suggest(ctx, query.SpotAt("evil", 4), 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "evil", list[0].Text)
	require.LessOrEqual(t, len(list[0].Kind), 30)
	require.NotContains(t, list[0].Help, "\n")
	list, err = c.Suggest(ctx, query.SpotAt("dotted", 6), 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Nil(t, query.CheckExpr(list[0].Insert), "%q can be asked", list[0].Insert)
	_, err = c.Suggest(ctx, query.SpotAt("evil{", 5), 10)
	require.ErrorContains(t, err, "too much")
	_, err = c.Suggest(ctx, query.SpotAt("evil{", 5), 10)
	require.ErrorContains(t, err, "too much")
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, 1, requests["/api/v1/label/__name__/values"])
	require.Equal(t, 1, requests["/api/v1/labels"], "a failure is not asked for again at every key")
}

// A hundred thousand names are searched at every key.
func BenchmarkSearch(b *testing.B) {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("service_%05d_requests_total", i)
	}
	for _, word := range []string{"service_9", "requests", "nothing"} {
		b.Run(word, func(b *testing.B) {
			for b.Loop() {
				query.Search(names, word, 50)
			}
		})
	}
}
