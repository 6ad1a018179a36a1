package embedded_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
)

// natives is an endpoint of client_golang's with native histograms: one with values
// below, around and above zero, and one that is a classic histogram too.
type natives struct {
	took, both prometheus.Histogram
	url        string
}

func newNatives(t *testing.T) *natives {
	reg := prometheus.NewRegistry()
	n := &natives{
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds", NativeHistogramBucketFactor: 1.3, NativeHistogramZeroThreshold: 0.001}),
		both: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "both_seconds", NativeHistogramBucketFactor: 2, Buckets: []float64{0.1, 1}}),
	}
	reg.MustRegister(n.took, n.both)
	srv := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	t.Cleanup(srv.Close)
	n.url = srv.URL
	return n
}

func (n *natives) observe(r *rand.Rand, times int) {
	for range times {
		v := math.Exp(r.NormFloat64())
		switch r.IntN(10) {
		case 0:
			v = -v
		case 1:
			v *= 1e-6
		}
		n.took.Observe(v)
		n.both.Observe(math.Abs(v))
	}
}

// A heat map of a real server's native histogram has in each bucket what the server
// says lies between its bounds; and what is scraped here is what the server has.
func TestNativeHistogramsOfARealServer(t *testing.T) {
	n := newNatives(t)
	host := strings.TrimPrefix(n.url, "http://")
	d := newDebian(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
- job_name: shop
  static_configs: [{targets: [%q]}]
`, host), "--enable-feature=native-histograms")
	own, err := embedded.New(embedded.Config{ScrapeInterval: time.Second})
	require.NoError(t, err)
	own.SetTargets([]embedded.Target{{Job: "shop", Instance: host, URL: n.url + "/metrics"}})
	ctx, client := t.Context(), d.client()
	r := rand.New(rand.NewPCG(1, 2))
	var end time.Time
	require.Eventually(t, func() bool {
		n.observe(r, 200)
		own.Scrape(ctx, time.Now())
		end = time.Now().Add(-time.Second).Truncate(time.Second)
		got, _, err := client.Instant(ctx, "histogram_count(sum(rate(took_seconds[5s])))", end)
		return err == nil && len(got) == 1 && got[0].Value > 100
	}, 30*time.Second, 300*time.Millisecond)

	const expr = "sum(rate(took_seconds[5s]))"
	at := end
	frame, err := client.Range(ctx, expr, query.Grid{Start: at, Step: time.Second, N: 1})
	require.NoError(t, err)
	require.Empty(t, frame.Warnings, "nothing is left out")
	panel := query.Panel{Type: query.Heatmap, Queries: []query.Query{{Expr: expr}}}
	shape := panel.Shape(&frame)
	heat := panel.Buckets(&shape)
	ask := func(format string, args ...any) float64 {
		got, _, err := client.Instant(ctx, fmt.Sprintf(format, args...), at)
		require.NoError(t, err)
		require.Len(t, got, 1)
		return got[0].Value
	}
	count, sum := ask("histogram_count(%s)", expr), 0.0
	below, around, above := 0.0, 0.0, 0.0
	for _, row := range heat.Rows {
		v := row.Values[0]
		require.InDelta(t, ask("histogram_fraction(%v, %v, %s)", row.From, row.To, expr)*count, v, 1e-6*count, "%v to %v", row.From, row.To)
		sum += v
		switch {
		case row.To < 0:
			below += v
		case row.From > 0:
			above += v
		case row.From < 0 && row.To > 0:
			around += v
		}
	}
	require.InDelta(t, count, sum, 1e-6*count)
	require.Positive(t, below)
	require.Positive(t, around)
	require.Positive(t, above)
	require.Greater(t, len(heat.Rows), 20)
	h := frame.Series[0].Histogram(0)
	require.InDelta(t, ask("histogram_sum(%s)", expr)/count, h.Mean(), 1e-9)
	for _, q := range []float64{0.05, 0.5, 0.95, 0.99} {
		theirs := ask("histogram_quantile(%v, %s)", q, expr)
		for _, b := range h.Buckets {
			if b.Lower < theirs && theirs <= b.Upper {
				require.InDelta(t, theirs, h.Quantile(q), b.Upper-b.Lower, "quantile %v", q)
			}
		}
	}
	t.Logf("%d rows, %.0f observations a second: %.0f below zero, %.0f around it, %.0f above", len(heat.Rows), count, below, around, above)

	// The page stands still: both say the same of it, in both ways to ask here.
	mine, err := query.NewClient(query.Config{URL: embedded.Address, HTTP: own.Transport()})
	require.NoError(t, err)
	text := func(c *query.Client, expr string) string {
		got, _, err := c.Instant(ctx, expr, time.Time{})
		if err != nil || len(got) != 1 || got[0].Histogram == nil {
			return ""
		}
		return got[0].Histogram.String()
	}
	require.Eventually(t, func() bool {
		own.Scrape(ctx, time.Now())
		theirs := text(client, "took_seconds")
		return theirs != "" && theirs == text(mine, "took_seconds") && text(client, "both_seconds") == text(mine, "both_seconds")
	}, 30*time.Second, 300*time.Millisecond)
	now := time.Now().Truncate(time.Second).Add(time.Second)
	direct, err := own.Range(ctx, "took_seconds", query.Grid{Start: now, Step: time.Second, N: 1})
	require.NoError(t, err)
	require.Equal(t, text(mine, "took_seconds"), direct.Series[0].Histogram(0).String())
	targets, err := mine.Targets(ctx)
	require.NoError(t, err)
	require.Equal(t, "up", targets[0].Health)
	require.Empty(t, targets[0].LastError, "nothing of the page was left out")
	classic, _, err := mine.Instant(ctx, `both_seconds_bucket{le="1.0"}`, time.Time{})
	require.NoError(t, err)
	require.Len(t, classic, 1, "who asks for the classic buckets gets them too")

	// The capsule of an incident has them, bit for bit.
	opened, err := embedded.Open(oneCapsule(t, own, end.Add(-time.Hour), now).Body)
	require.NoError(t, err)
	old, err := query.NewClient(query.Config{URL: embedded.Address, HTTP: opened.Server.Transport()})
	require.NoError(t, err)
	for _, expr := range []string{"took_seconds", "sum(rate(took_seconds[5s]))", "both_seconds"} {
		want, _, err := mine.Instant(ctx, expr, opened.To)
		require.NoError(t, err)
		require.NotNil(t, want[0].Histogram)
		got, _, err := old.Instant(ctx, expr, opened.To)
		require.NoError(t, err)
		require.Equal(t, want[0].Labels, got[0].Labels)
		require.Equal(t, want[0].Histogram, got[0].Histogram, expr)
	}
}
