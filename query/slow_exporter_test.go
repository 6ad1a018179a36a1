package query_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
)

// An exporter that takes its time gives samples of a moment long after it, and a
// rule looks at them later still. What the cache holds of a real server is what
// that server says in full, all the same.
func TestCacheOfARealServerWithASlowExporter(t *testing.T) {
	t.Parallel() // it waits for the server most of the time
	began := time.Now()
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		since := time.Since(began)
		if r.URL.Path == "/slow" {
			select {
			case <-time.After(700*time.Millisecond + since%(600*time.Millisecond)):
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, "# TYPE work_total counter\nwork_total %d\n", since.Microseconds())
	}))
	t.Cleanup(exporter.Close)
	dir := t.TempDir()
	rules, config := filepath.Join(dir, "rules.yml"), filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(rules, []byte("groups: [{name: shop, rules: [{record: 'job:work:rate', expr: 'sum by (job) (rate(work_total[5s]))'}]}]\n"), 0o600))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- {job_name: fast, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: [%[1]q]}]}
- {job_name: slow, metrics_path: /slow, static_configs: [{targets: [%[1]q]}]}
`, exporter.Listener.Addr().String()), 0o600))
	p := launch(t, dir, config)
	// 2 s for the scrape, 1 s for the rule, and never less than 15 s.
	requireSettle(t, p.c, 15*time.Second)
	id, err := p.c.Identity(t.Context())
	require.NoError(t, err)
	require.Contains(t, id, time.Now().UTC().Format("2006-"), "the version and the start time")

	const late = 3 * time.Second // what was learned, without the safety
	caches := map[string]*query.Cache{
		"as learned": query.NewCache(p.c, query.CacheConfig{Settle: late}),
		"too short":  query.NewCache(p.c, query.CacheConfig{Settle: time.Millisecond, Audit: -1}),
	}
	exprs := []string{"work_total", "rate(work_total[5s])", "job:work:rate", "timestamp(work_total)"}
	compared, differ := 0, map[string]int{}
	for time.Since(began) < 14*time.Second {
		now := time.Now()
		g := query.Steps(now.Add(-20*time.Second), now, time.Second)
		for _, expr := range exprs {
			for name, c := range caches {
				got, err := c.Range(t.Context(), expr, g)
				require.NoError(t, err)
				want, err := p.c.Range(t.Context(), expr, g)
				require.NoError(t, err)
				byName := map[string][]float64{}
				for _, s := range got.Series {
					byName[s.Legend] = s.Values
				}
				for _, s := range want.Series {
					for i, v := range s.Values {
						if g.Time(i).After(now.Add(-late)) {
							continue // it may have come between the two questions
						}
						compared++
						if held, ok := byName[s.Legend]; !ok && !query.IsAbsent(v) || ok && !alike(v, held[i]) {
							differ[name]++
						}
					}
				}
			}
		}
		time.Sleep(150 * time.Millisecond) // the pace of a refresh; nothing is awaited
	}
	t.Logf("%d points compared; differing: %v", compared, differ)
	require.Zero(t, differ["as learned"], "of %d points", compared)
	require.Greater(t, compared, 5000)
}

// requireSettle waits until the server knows its targets and says so.
func requireSettle(t testing.TB, c *query.Client, want time.Duration) {
	t.Helper()
	var got time.Duration
	require.Eventually(t, func() bool {
		var err error
		got, err = c.Settle(t.Context())
		require.NoError(t, err)
		return got == want
	}, 30*time.Second, 50*time.Millisecond, "%v, not %v", got, want)
}
