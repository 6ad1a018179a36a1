package embedded_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/embedded"
)

// The client that the product itself uses reads every answer.
func TestClientGolangTalksToIt(t *testing.T) {
	w := newWorld(t, embedded.Config{EvaluationInterval: time.Second, Rules: []byte(shopRules), RulesFile: "shop.yml"})
	for s := range 11 {
		w.scrape(float64(s), fmt.Sprintf("# TYPE requests counter\n# HELP requests Hi.\nrequests %d\nerrors %d\n", 100+s, 10+s))
		w.s.Evaluate(t.Context(), at(float64(s)))
	}
	srv := httptest.NewServer(w.s.Handler())
	defer srv.Close()
	c, err := api.NewClient(api.Config{Address: srv.URL, RoundTripper: srv.Client().Transport})
	require.NoError(t, err)
	a, ctx := v1.NewAPI(c), t.Context()

	v, warn, infos, err := a.Query(ctx, "sum(requests)", at(10))
	require.NoError(t, err)
	require.Empty(t, warn)
	require.Empty(t, infos)
	require.Equal(t, "{} => 110 @[1700000010]", v.String())
	v, _, _, err = a.Query(ctx, "1 / 0", at(10.25))
	require.NoError(t, err)
	require.Equal(t, "scalar: +Inf @[1700000010.25]", v.String())
	text, _, _ := w.get("/api/v1/query", url.Values{"query": {`"x"`}, "time": {"1.5"}}) // the client cannot read a string
	require.Equal(t, map[string]any{"resultType": "string", "result": []any{1.5, "x"}}, text)
	v, _, _, err = a.Query(ctx, `requests[2s]`, at(10))
	require.NoError(t, err)
	require.Len(t, v.(model.Matrix)[0].Values, 2)

	v, _, infos, err = a.QueryRange(ctx, "rate(requests[5s])", v1.Range{Start: at(0), End: at(10), Step: time.Second})
	require.NoError(t, err)
	require.Contains(t, infos[0], "might not be a counter", "an info of the engine, passed on")
	require.Len(t, v.(model.Matrix)[0].Values, 10)
	require.InDelta(t, 1, float64(v.(model.Matrix)[0].Values[9].Value), 1e-9)

	alerts, err := a.Alerts(ctx)
	require.NoError(t, err)
	require.Len(t, alerts.Alerts, 1)
	require.Equal(t, v1.AlertStateFiring, alerts.Alerts[0].State)

	rules, err := a.Rules(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, 1.0, rules.Groups[0].Interval)
	alert := rules.Groups[0].Rules[1].(v1.AlertingRule)
	require.Equal(t, "HighErrorRate", alert.Name)
	require.Equal(t, 3.0, alert.Duration)
	require.Equal(t, "firing", alert.State)
	require.Equal(t, "job:errors:ratio", rules.Groups[0].Rules[0].(v1.RecordingRule).Name)

	targets, err := a.Targets(ctx)
	require.NoError(t, err)
	require.Equal(t, v1.HealthGood, targets.Active[0].Health)
	require.Equal(t, model.LabelValue("shop"), targets.Active[0].Labels["job"])

	series, _, _, err := a.Series(ctx, []string{"requests", `{__name__="errors"}`}, at(0), at(10))
	require.NoError(t, err)
	require.Len(t, series, 2)
	names, _, _, err := a.LabelNames(ctx, []string{"requests"}, at(0), at(10))
	require.NoError(t, err)
	require.Equal(t, model.LabelNames{"__name__", "env", "instance", "job"}, names)
	values, _, _, err := a.LabelValues(ctx, "job", nil, at(0), at(10))
	require.NoError(t, err)
	require.Equal(t, model.LabelValues{"prometheus", "shop"}, values)
	values, _, _, err = a.LabelValues(ctx, "job", nil, at(100), at(200))
	require.NoError(t, err)
	require.Empty(t, values)
	meta, err := a.Metadata(ctx, "", "")
	require.NoError(t, err)
	require.Equal(t, v1.Metadata{Type: v1.MetricTypeCounter, Help: "Hi."}, meta["requests"][0])
	info, err := a.Buildinfo(ctx)
	require.NoError(t, err)
	require.Equal(t, "3.16.0", info.Version)
}

func TestErrorsComeInPrometheusEnvelope(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	w.scrape(0, "a{i=\"1\"} 1\na{i=\"2\"} 1\nb 1\n")
	secs := func(s float64) string { return fmt.Sprint(at(s).Unix()) }
	for name, c := range map[string]struct {
		path      string
		params    url.Values
		kind, msg string
	}{
		"syntax":       {"query", url.Values{"query": {"sum("}}, "bad_data", `invalid parameter "query": 1:5: parse error: unclosed left parenthesis`},
		"no query":     {"query", nil, "bad_data", "no expression found in input"},
		"many-to-many": {"query", url.Values{"query": {"a + on() a"}, "time": {secs(0)}}, "execution", "many-to-many matching not allowed"},
		"bad time":     {"query", url.Values{"query": {"a"}, "time": {"soon"}}, "bad_data", `invalid parameter "time": cannot parse "soon" to a valid timestamp`},
		"time out":     {"query", url.Values{"query": {"a"}, "timeout": {"1ns"}}, "bad_data", "cannot parse"},
		"timeout":      {"query", url.Values{"query": {"a"}, "timeout": {"0.000000001"}}, "timeout", "query timed out"},
		"limit":        {"query", url.Values{"query": {"a"}, "limit": {"-1"}}, "bad_data", "limit must be a non-negative number"},
		"no start":     {"query_range", url.Values{"query": {"a"}}, "bad_data", `invalid parameter "start"`},
		"no step":      {"query_range", url.Values{"query": {"a"}, "start": {"1"}, "end": {"2"}}, "bad_data", `invalid parameter "step"`},
		"zero step":    {"query_range", url.Values{"query": {"a"}, "start": {"1"}, "end": {"2"}, "step": {"0"}}, "bad_data", "zero or negative query resolution"},
		"backwards":    {"query_range", url.Values{"query": {"a"}, "start": {"2"}, "end": {"1"}, "step": {"1"}}, "bad_data", "end timestamp must not be before start time"},
		"11001 points": {"query_range", url.Values{"query": {"a"}, "start": {"0"}, "end": {"11001"}, "step": {"1"}}, "bad_data", "exceeded maximum resolution of 11,000 points"},
		"range vector": {"query_range", url.Values{"query": {"a[5m]"}, "start": {"0"}, "end": {"1"}, "step": {"1"}}, "bad_data", "invalid expression type"},
		"no match":     {"series", nil, "bad_data", "no match[] parameter provided"},
		"empty match":  {"series", url.Values{"match[]": {`{a=""}`}}, "bad_data", "at least one non-empty matcher"},
		"bad match":    {"labels", url.Values{"match[]": {`{`}}, "bad_data", "parse error"},
	} {
		t.Run(name, func(t *testing.T) {
			_, kind, msg := w.get("/api/v1/"+c.path, c.params)
			require.Equal(t, c.kind, kind, msg)
			require.Contains(t, msg, c.msg)
		})
	}
	data, _, _ := w.get("/api/v1/query_range", url.Values{"query": {"a"}, "start": {"0"}, "end": {"11000"}, "step": {"1"}})
	require.NotNil(t, data, "11 000 steps are allowed")
}

func TestStatusCodes(t *testing.T) {
	h := newWorld(t, embedded.Config{}).s.Handler()
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/-/ready", "", 200},
		{"GET", "/-/healthy", "", 200},
		{"HEAD", "/-/healthy", "", 200},
		{"POST", "/api/v1/query", "query=1", 200},
		{"POST", "/api/v1/query", "query=" + strings.Repeat("1", 2<<20), 400},
		{"POST", "/api/v1/query_range", "query=1&start=0&end=1&step=1s", 200},
		{"POST", "/api/v1/labels", "", 200},
		{"GET", "/api/v1/query?query=%zz", "", 400},
		{"GET", "/api/v1/query?query=a+%2B", "", 400},
		{"DELETE", "/api/v1/query", "", 405},
		{"POST", "/api/v1/rules", "", 405},
		{"GET", "/api/v1/admin/tsdb", "", 404},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		require.Equal(t, c.code, rec.Code, "%s %s: %.200s", c.method, c.path, rec.Body)
	}
}

func TestALimitIsSaid(t *testing.T) {
	w := newWorld(t, embedded.Config{})
	w.scrape(0, "a{i=\"1\"} 1\na{i=\"2\"} 1\n")
	for _, path := range []string{
		"/api/v1/query?query=a&time=" + fmt.Sprint(start.Unix()), "/api/v1/series?match[]=a", "/api/v1/labels?x=",
		"/api/v1/label/__name__/values?x=",
	} {
		rec := httptest.NewRecorder()
		w.s.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+"&limit=1", nil))
		require.Contains(t, rec.Body.String(), "results truncated due to limit", path)
	}
}

// Scrapes, evaluations, target changes and every kind of question at once; what
// a reader sees of a scrape is all of it or nothing.
func TestReadersSeeWholeScrapes(t *testing.T) {
	w := newWorld(t, embedded.Config{Rules: []byte(shopRules), Retention: 2 * time.Minute})
	w.pages.set("http://b/metrics", "errors 1\nrequests 2\n")
	both := []embedded.Target{
		{Job: "shop", Instance: "a", URL: "http://a/metrics", Labels: map[string]string{"env": "lab"}},
		{Job: "other", Instance: "b", URL: "http://b/metrics"},
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		for s := range 300 {
			w.scrape(float64(s), fmt.Sprintf("errors %d\nrequests %d\n", s, s))
			w.s.Evaluate(ctx, at(float64(s)))
			w.s.SetTargets(both[:1+s%2])
		}
	})
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				data, _, msg := w.get("/api/v1/query_range", url.Values{
					"query": {`count({job="shop",__name__=~"errors|requests"}) != 2`},
					"start": {fmt.Sprint(start.Unix())}, "end": {fmt.Sprint(at(300).Unix())}, "step": {"1"},
				})
				if msg != "" || len(data.(map[string]any)["result"].([]any)) != 0 {
					t.Errorf("half a scrape: %v %s", data, msg)
				}
				for _, p := range []string{"alerts", "rules", "targets", "metadata", "labels", "label/job/values"} {
					w.get("/api/v1/"+p, nil)
				}
			}
		})
	}
	wg.Wait()
}
