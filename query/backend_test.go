package query

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What each kind of server says of itself, and how long its samples are waited for.
func TestHowLateSamplesMayComeIsLearned(t *testing.T) {
	const (
		build242 = `{"version":"2.42.0","revision":"r","branch":"b","buildUser":"u","buildDate":"d","goVersion":"go1.19"}`
		mimir    = `{"application":"Grafana Mimir","version":"2.14.0","revision":"r","goVersion":"go1.23","features":{"ruler_config_api":"true"}}`
		thanos   = `{"version":"0.36.1","revision":"r","branch":"HEAD","buildUser":"u","buildDate":"d","goVersion":"go1.22"}`
		victoria = `{"version":"2.24.0"}`
		rules    = `{"groups":[{"name":"a","file":"f","interval":15,"rules":[]},{"name":"b","file":"f","interval":60,"rules":[]}]}`
	)
	for name, c := range map[string]struct {
		build, targets, path string
		settle               time.Duration
		id                   string
	}{
		"prometheus":         {build242, `{"activeTargets":[{"scrapeTimeout":"10s"},{"scrapeTimeout":"25s"}]}`, "", 85 * time.Second, "2.42.0 r 2026-11-24T03:00:00Z"},
		"an old one":         {build242, `{"activeTargets":[{"scrapeUrl":"http://a"}]}`, "", time.Minute, "2.42.0 r 2026-11-24T03:00:00Z"},
		"without targets":    {build242, `{"activeTargets":[]}`, "", time.Minute, "2.42.0 r 2026-11-24T03:00:00Z"},
		"targets refused":    {build242, "", "", time.Minute, "2.42.0 r 2026-11-24T03:00:00Z"},
		"Mimir":              {mimir, "", "", 10 * time.Minute, ""},
		"Thanos":             {thanos, "", "", 10 * time.Minute, ""},
		"VictoriaMetrics":    {victoria, "", "", Never, ""},
		"an old build of it": {`{}`, "", "", Never, ""},
		"its cluster":        {victoria, "", "/select/0/prometheus", Never, ""},
		"Cortex, or a proxy": {"", "", "", 10 * time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				data := map[string]string{
					"/api/v1/status/buildinfo": c.build, "/api/v1/targets": c.targets, "/api/v1/rules": rules,
					"/api/v1/status/runtimeinfo": `{"startTime":"2026-11-24T03:00:00Z"}`,
				}[strings.TrimPrefix(r.URL.Path, c.path)]
				if data == "" {
					http.NotFound(w, r)
					return
				}
				body(200, "application/json", `{"status":"success","data":`+data+`}`)(w, r)
			}, func(cfg *Config) { cfg.URL += c.path })
			settle, err := client.Settle(context.Background())
			require.NoError(t, err)
			require.Equal(t, c.settle, settle)
			id, err := client.Identity(context.Background())
			require.NoError(t, err)
			require.Equal(t, c.id, id)
		})
	}
	starting := serve(t, body(503, "text/plain", "Service Unavailable"))
	_, err := starting.Settle(context.Background())
	require.ErrorIs(t, err, ErrStarting)
	_, err = starting.Identity(context.Background())
	require.ErrorIs(t, err, ErrStarting)
}

func TestWhatIsThere(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // a role that may only read
			w.WriteHeader(http.StatusForbidden)
			return
		}
		data := map[string]string{
			"/api/v1/series":             `[{"__name__":"up","job":"a"},{"__name__":"up","job":"b"}]`,
			"/api/v1/labels":             `["__name__","job"]`,
			"/api/v1/label/job/values":   `["a","b","c"]`,
			"/api/v1/metadata":           `{"up":[{"type":"gauge","help":"is it up","unit":""}]}`,
			"/api/v1/query_exemplars":    `[{"seriesLabels":{"job":"a"},"exemplars":[{"labels":{"trace_id":"t2"},"value":"6","timestamp":1600096955.479},{"labels":{"trace_id":"t1"},"value":"5","timestamp":1600096945.479}]}]`,
			"/api/v1/targets":            `{"activeTargets":[{"labels":{"job":"a"},"scrapePool":"p","scrapeUrl":"http://a/metrics","lastError":"refused","lastScrape":"2026-11-24T04:00:00+01:00","lastScrapeDuration":0.5,"health":"down","scrapeInterval":"15s","scrapeTimeout":"10s"}]}`,
			"/api/v1/status/buildinfo":   `{}`,
			"/api/v1/status/runtimeinfo": `{}`,
		}[r.URL.Path]
		body(200, "application/json", `{"status":"success","data":`+data+`,"warnings":["w"],"infos":["i"]}`)(w, r)
	})
	ctx := context.Background()
	series, warnings, err := c.Series(ctx, Selection{Match: []string{"up"}, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, []Labels{{"__name__": "up", "job": "a"}}, series, "a limit that the server does not know is kept")
	require.Equal(t, []string{"w", "i"}, warnings)
	names, _, err := c.LabelNames(ctx, Selection{Start: time.Unix(1, 0), End: time.Unix(2, 0)})
	require.NoError(t, err)
	require.Equal(t, []string{"__name__", "job"}, names)
	values, _, err := c.LabelValues(ctx, "job", Selection{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, values)
	meta, err := c.Metadata(ctx, "up", 5)
	require.NoError(t, err)
	require.Equal(t, map[string][]Metadata{"up": {{Type: "gauge", Help: "is it up"}}}, meta)
	exemplars, err := c.Exemplars(ctx, "up", time.Unix(1600096900, 0), time.Unix(1600097000, 0))
	require.NoError(t, err)
	require.Len(t, exemplars, 2)
	require.Equal(t, Exemplar{Series: Labels{"job": "a"}, Labels: Labels{"trace_id": "t1"}, Value: 5, At: time.UnixMilli(1600096945479).UTC()}, exemplars[0], "in order of time")
	targets, err := c.Targets(ctx)
	require.NoError(t, err)
	require.Equal(t, []RawTarget{{
		Pool: "p", URL: "http://a/metrics", Labels: Labels{"job": "a"}, Health: "down", LastError: "refused",
		LastScrape: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC), Took: 500 * time.Millisecond, Interval: 15 * time.Second, Timeout: 10 * time.Second,
	}}, targets)

	html := serve(t, body(200, "text/html", "<html>"))
	for name, ask := range map[string]func() error{
		"series":    func() error { _, _, err := html.Series(ctx, Selection{Match: []string{"up"}}); return err },
		"names":     func() error { _, _, err := html.LabelNames(ctx, Selection{}); return err },
		"values":    func() error { _, _, err := html.LabelValues(ctx, "job", Selection{}); return err },
		"metadata":  func() error { _, err := html.Metadata(ctx, "", 0); return err },
		"exemplars": func() error { _, err := html.Exemplars(ctx, "up", time.Unix(1, 0), time.Unix(2, 0)); return err },
		"targets":   func() error { _, err := html.Targets(ctx); return err },
	} {
		require.ErrorIs(t, ask(), ErrNotPrometheus, name)
	}
}

func TestSourcesHaveNames(t *testing.T) {
	c := serve(t, body(200, "application/json", matrix242))
	s := Sources{"": c, "mimir": c, "lab": c}
	got, err := s.Named("mimir")
	require.NoError(t, err)
	require.Equal(t, Source(c), got)
	_, err = s.Named("mirim")
	require.EqualError(t, err, `there is no source "mirim"; there are prometheus, lab, mimir`)
	_, err = Sources{"": c}.Named("x")
	require.EqualError(t, err, `there is no source "x": the configuration has no sources section`)
}

// Spans are sets of numbers.
func TestSpanLaws(t *testing.T) {
	draw := func(t *rapid.T, name string) span {
		lo := rapid.Int64Range(0, 40).Draw(t, name)
		return span{lo, lo + rapid.Int64Range(0, 8).Draw(t, name+" length")}
	}
	rapid.Check(t, func(t *rapid.T) {
		var all spans
		set := map[int64]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			s := draw(t, "add")
			all = all.add(s)
			for k := s.lo; k <= s.hi; k++ {
				set[k] = true
			}
		}
		for i := range all[:max(0, len(all)-1)] {
			require.Less(t, all[i].hi+1, all[i+1].lo, "in order and apart: %v", all)
		}
		w := draw(t, "window")
		in, out := all.within(w), all.gaps(w)
		for k := int64(-1); k < 55; k++ {
			require.Equal(t, set[k], all.has(k))
			inside := k >= w.lo && k <= w.hi
			require.Equal(t, inside && set[k], in.has(k))
			require.Equal(t, inside && !set[k], out.has(k))
		}
	})
}
