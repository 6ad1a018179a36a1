package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is a round instant, so that results can be read by eye.
var start = time.Unix(1_700_000_000, 0).UTC()

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// pages answers scrapes from memory: a URL's body, or an HTTP status or an
// error where the body says so.
type pages struct {
	mu   sync.Mutex
	body map[string]string
}

func (p *pages) set(url, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.body == nil {
		p.body = map[string]string{}
	}
	p.body[url] = body
}

func (p *pages) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	body, ok := p.body[r.URL.String()]
	p.mu.Unlock()
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/plain; version=0.0.4"}}, Request: r}
	switch {
	case !ok:
		return nil, fmt.Errorf("connection refused")
	case body == "500":
		resp.StatusCode, resp.Status = 500, "500 Internal Server Error"
	case strings.HasPrefix(body, "<html"):
		resp.Header.Set("Content-Type", "text/html")
	case body == "hang":
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp, nil
}

// world is a server with one target whose page the test writes.
type world struct {
	t     *testing.T
	s     *embedded.Server
	pages *pages
}

func newWorld(t *testing.T, cfg embedded.Config) *world {
	t.Helper()
	p := &pages{}
	cfg.Client = &http.Client{Transport: p}
	if cfg.ScrapeInterval == 0 {
		cfg.ScrapeInterval = time.Second
	}
	s, err := embedded.New(cfg)
	require.NoError(t, err)
	s.SetTargets([]embedded.Target{{Job: "shop", Instance: "a", URL: "http://a/metrics", Labels: map[string]string{"env": "lab"}}})
	return &world{t: t, s: s, pages: p}
}

// scrape shows body at the target and scrapes at that second.
func (w *world) scrape(second float64, body string) {
	w.t.Helper()
	w.pages.set("http://a/metrics", body)
	w.s.Scrape(w.t.Context(), at(second))
}

// get asks the API and returns data, or errorType and error.
func (w *world) get(path string, params url.Values) (data any, kind, msg string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.s.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path+"?"+params.Encode(), nil))
	var out struct {
		Status, ErrorType, Error string
		Data                     any
	}
	require.NoError(w.t, json.Unmarshal(rec.Body.Bytes(), &out), rec.Body.String())
	return out.Data, out.ErrorType, out.Error
}

// ask evaluates a query at a second: one "labels value" line a result.
func (w *world) ask(second float64, query string) []string {
	w.t.Helper()
	data, _, msg := w.get("/api/v1/query", url.Values{"query": {query}, "time": {at(second).Format(time.RFC3339Nano)}})
	require.Empty(w.t, msg, query)
	lines := []string{}
	for _, r := range data.(map[string]any)["result"].([]any) {
		one := r.(map[string]any)
		labels, err := json.Marshal(one["metric"])
		require.NoError(w.t, err)
		lines = append(lines, fmt.Sprintf("%s %v", labels, one["value"].([]any)[1]))
	}
	return lines
}

func (w *world) targets() []any {
	w.t.Helper()
	data, _, msg := w.get("/api/v1/targets", nil)
	require.Empty(w.t, msg)
	return data.(map[string]any)["activeTargets"].([]any)
}

func (w *world) lastError() string {
	w.t.Helper()
	return w.targets()[0].(map[string]any)["lastError"].(string)
}

func TestAScrapeBecomesSeries(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	w.scrape(0, "# HELP x_total Things.\n# TYPE x_total counter\nx_total{code=\"200\"} 5\nx_total{job=\"own\"} 1\n")
	require.Equal(t, []string{
		`{"__name__":"x_total","code":"200","env":"lab","instance":"a","job":"shop"} 5`,
		`{"__name__":"x_total","env":"lab","exported_job":"own","instance":"a","job":"shop"} 1`,
	}, w.ask(0, "x_total"))
	require.Equal(t, []string{`{"__name__":"up","env":"lab","instance":"a","job":"shop"} 1`}, w.ask(0, "up"))
	require.Equal(t, []string{`{} 2`}, w.ask(0, "sum(scrape_samples_scraped)"))
	require.Len(t, w.ask(0, "scrape_duration_seconds"), 1)
	meta, _, _ := w.get("/api/v1/metadata", url.Values{"metric": {"x_total"}})
	require.Equal(t, map[string]any{"x_total": []any{map[string]any{"type": "counter", "help": "Things.", "unit": ""}}}, meta)
}

func TestWhatVanishesEndsAtOnce(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	w.scrape(0, "a 1\nb 1\n")
	w.scrape(1, "b 2\n")
	require.Empty(t, w.ask(1, "a"), "a series that left the page")
	require.Len(t, w.ask(0.5, "a"), 1)
	require.Len(t, w.ask(1, "b"), 1)

	w.scrape(2, "500")
	require.Empty(t, w.ask(2, "b"), "all series of a failed scrape")
	require.Equal(t, []string{`{} 0`}, w.ask(2, "sum(up)"))
	require.Equal(t, "server returned HTTP status 500 Internal Server Error", w.lastError())

	w.scrape(3, "a 3\nb 3\n")
	require.Len(t, w.ask(3, `{__name__=~"a|b"}`), 2, "they come back")

	w.s.SetTargets(nil)
	w.s.Scrape(t.Context(), at(4))
	require.Empty(t, w.ask(4, `{job="shop"}`), "a target that left takes up and its like with it")
	require.Empty(t, w.targets())
}

func TestAHostilePageIsAFailedScrape(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"html":           {"<html>login</html>", "answered HTML"},
		"cut off":        {"a 1\nb{x=\"", "expected label value"},
		"no number":      {"a x\n", "strconv.ParseFloat"},
		"not UTF-8":      {"a{x=\"\xff\"} 1\n", "invalid UTF-8"},
		"too long":       {"a 1\n# " + strings.Repeat("x", 2000) + "\n", "the answer is longer than 1024 bytes"},
		"never answered": {"hang", "context deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, embedded.Config{MaxBody: 1024, ScrapeTimeout: 20 * time.Millisecond})
			w.scrape(0, "a 1\n")
			w.scrape(1, c.body)
			require.Contains(t, w.lastError(), c.want)
			require.Empty(t, w.ask(1, "a"))
			require.Equal(t, []string{`{} 0`}, w.ask(1, "sum(up)"))
		})
	}
}

func TestTheSeriesLimitIsSeenNotGuessed(t *testing.T) {
	w := newWorld(t, embedded.Config{MaxSeries: 20})
	var page strings.Builder
	for i := range 100 {
		fmt.Fprintf(&page, "x{i=\"%d\"} 1\n", i)
	}
	w.scrape(0, page.String())
	w.scrape(1, page.String())
	kept := len(w.ask(1, "x"))
	require.Positive(t, kept)
	require.Less(t, kept, 20)
	require.Equal(t, []string{`{} 1`}, w.ask(1, "sum(up)"), "what the server says about itself is exempt")
	require.Equal(t, []string{fmt.Sprintf("{} %d", 100-kept)}, w.ask(1, "sum(sitrep_embedded_samples_refused_total)"))
	require.Equal(t, fmt.Sprintf("%d new series refused: the server holds its limit of 20 series or 10 KiB of labels", 100-kept), w.lastError())
}

func TestRetentionDropsOldChunksAndDeadSeries(t *testing.T) {
	w := newWorld(t, embedded.Config{Retention: 10 * time.Minute})
	w.scrape(0, "old 1\nlive 0\n")
	for s := 1; s <= 1200; s++ {
		w.scrape(float64(s), fmt.Sprintf("live %d\n", s))
	}
	require.Empty(t, w.ask(30, "old"))
	require.Empty(t, w.ask(30, "live"))
	require.Equal(t, []string{`{} 1200`}, w.ask(1200, "sum(live)"))
	data, _, _ := w.get("/api/v1/label/__name__/values", nil)
	require.NotContains(t, data, "old", "a series without samples is gone from the index")
	count := w.ask(1200, "count_over_time(live[1h])")
	require.Len(t, count, 1)
	require.Regexp(t, ` (6\d\d|7[01]\d)$`, count[0], "retention, and at most one chunk more")

	w.scrape(1201, "old 2\nlive 1201\n")
	require.Len(t, w.ask(1201, "old"), 1, "a name that was dropped can come back")
}

func TestCounterResetsAreNotNegativeRates(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	for s, v := range []float64{100, 110, 120, 3, 13, 23} { // restarted after 120
		w.scrape(float64(s), fmt.Sprintf("c %g\n", v))
	}
	require.Equal(t, []string{`{} 1`}, w.ask(5, "sum(resets(c[6s]))"))
	// Five seconds from the first to the last sample, which grew by 10+10+3+10+10.
	require.Equal(t, []string{`{} 8.6`}, w.ask(5, "sum(rate(c[5001ms]))"))
}

func TestRunScrapesAndEvaluatesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, embedded.Config{
			ScrapeInterval: time.Second, EvaluationInterval: time.Second,
			Rules: []byte("groups: [{name: g, rules: [{record: n, expr: 'count_over_time(a[1h])'}]}]"),
		})
		w.s.SetTargets([]embedded.Target{{Job: "shop", URL: "http://a/metrics"}, {Job: "dead", URL: "http://b/metrics"}})
		w.pages.set("http://a/metrics", "a 21\n")
		w.pages.set("http://b/metrics", "hang")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.s.Run(ctx) }()
		time.Sleep(10*time.Second + 500*time.Millisecond)
		synctest.Wait()
		now := time.Since(start).Seconds()
		require.Equal(t, []string{`{} 11`}, w.ask(now, "sum(count_over_time(a[1h]))"), "a target that hangs holds nobody up")
		require.Len(t, w.ask(now, "n >= 10"), 1)
		require.Equal(t, []string{`{"__name__":"up","job":"dead"} 0`}, w.ask(now, `up{job="dead"}`))
		cancel()
		require.NoError(t, <-done)
	})
}
