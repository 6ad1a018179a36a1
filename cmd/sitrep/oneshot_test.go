package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
)

// A command whose server is gone scrapes its targets once: what it can know it says,
// what it cannot it refuses, and nothing is empty in silence.
func TestACommandWithoutItsServer(t *testing.T) {
	t.Parallel()
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(w, "# TYPE requests_total counter\nrequests_total 7\nload 5\n")
	}))
	t.Cleanup(exporter.Close)
	shut := httptest.NewServer(http.NotFoundHandler())
	server := shut.URL
	shut.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("shop.yaml", "title: Shop\nrange: 1h\npanels:\n  - {title: load, promql: max(load)}\n  - {title: rate, promql: 'sum(rate(requests_total[5m]))'}\n")
	config := write("sitrep.yaml", "prometheus: {url: '"+server+"'}\nboards: [shop.yaml]\n")
	db := filepath.Join(dir, "s.db")
	run := func(more func(*app), do func(*app) error) (out, said string, err error) {
		var stdout, stderr bytes.Buffer
		a := &app{flags: globals{config: config, db: db}, stdout: &stdout, stderr: &stderr}
		if more != nil {
			more(a)
		}
		err = do(a)
		return stdout.String(), stderr.String(), err
	}
	ask := func(expr string, q asking) func(*app) error {
		return func(a *app) error { return a.query(t.Context(), expr, q) }
	}
	_, _, err := run(nil, ask("load", asking{}))
	require.ErrorContains(t, err, "nothing was learned from it yet")
	require.NoFileExists(t, db, "a question makes no store")

	opened, err := store.Open(t.Context(), db)
	require.NoError(t, err)
	learned, err := json.Marshal(embedded.Learned{
		At: time.Now().Add(-5 * time.Minute),
		Targets: []embedded.LearnedTarget{
			{Job: "api", URL: exporter.URL + "/metrics", Labels: map[string]string{"job": "api", "instance": "i"}, Interval: 15 * time.Second, Timeout: 5 * time.Second},
			{Job: "gone", URL: server + "/metrics", Labels: map[string]string{"job": "gone", "instance": "g"}, Interval: 15 * time.Second, Timeout: 5 * time.Second},
		},
		Rules: []byte("groups: [{name: g, rules: [{alert: Loaded, expr: load > 1}, {alert: Rising, expr: 'rate(requests_total[5m]) > 1'}, {alert: Calm, expr: 'rate(requests_total[5m]) < -1'}]}]"),
		Alerts: []query.RawAlert{{
			State: "firing", ActiveAt: time.Now().Add(-time.Hour), Labels: query.Labels{"alertname": "Rising", "job": "api", "instance": "i"},
		}},
	})
	require.NoError(t, err)
	require.NoError(t, opened.KeepAnswer(t.Context(), learnedFrom(server), time.Now(), learned))
	require.NoError(t, opened.Close())

	out, said, err := run(nil, ask("load", asking{}))
	require.NoError(t, err)
	require.Regexp(t, `job="api".* 5\n`, out)
	require.Regexp(t, `instead 1 of the 2 targets that it told of 5m\w* ago were scraped once`, said)
	out, _, err = run(nil, ask("rate(requests_total[5m])", asking{}))
	require.Empty(t, out)
	require.ErrorContains(t, err, "it looks back 5m, and the targets were scraped once")
	var code *exitCode
	require.ErrorAs(t, err, &code)
	require.Equal(t, exitInconclusive, code.code)
	_, _, err = run(nil, ask("load", asking{span: "1h", step: "30s"}))
	require.ErrorContains(t, err, "of a range nothing can be known")
	out, _, err = run(nil, ask("load", asking{explain: true}))
	require.NoError(t, err)
	require.Contains(t, out, "load")

	show := func(s showing) func(*app) error {
		return func(a *app) error { return a.showBoard(t.Context(), "shop", s) }
	}
	out, said, err = run(nil, show(showing{}))
	require.NoError(t, err)
	require.Regexp(t, `load +5`, out)
	require.Contains(t, said, "scraped once")
	out, _, err = run(func(a *app) { a.flags.json = true }, show(showing{panel: "rate"}))
	require.Empty(t, out)
	require.ErrorContains(t, err, "it looks back 5m")
	_, _, err = run(nil, show(showing{at: "2h"}))
	require.Error(t, err, "the past cannot be scraped")

	out, _, err = run(nil, func(a *app) error { return a.checkBoard(t.Context(), "shop") })
	require.ErrorContains(t, err, "1 of 2 queries look back")
	require.Contains(t, out, "1 ok, 0 empty, 0 failing, 1 unknown")

	out, said, err = run(nil, func(a *app) error { return a.listAlerts(t.Context(), false) })
	require.NoError(t, err)
	require.Contains(t, out, "Loaded", "its rule does not look back")
	require.Contains(t, out, "Rising", "it fired when the server told of it last")
	require.NotContains(t, out, "Calm")
	require.Regexp(t, `alerts are those that it told of 5m\w* ago`, said)

	require.NoError(t, os.WriteFile(config, []byte("prometheus: {url: '"+server+"'}\nembedded: {fallback: off}\n"), 0o600))
	_, said, err = run(nil, ask("load", asking{}))
	require.ErrorIs(t, err, query.ErrUnreachable)
	require.Empty(t, said)

	require.NoError(t, os.WriteFile(config, []byte("boards: [shop.yaml]\n"), 0o600))
	scrapes := func(a *app) { a.flags.scrape = []string{exporter.URL + "/metrics"} }
	_, _, err = run(scrapes, ask("rate(load[1m])", asking{}))
	require.ErrorContains(t, err, "scraped once")
	out, _, err = run(scrapes, show(showing{}))
	require.NoError(t, err)
	require.Regexp(t, `load +5`, out)
	out, _, err = run(scrapes, func(a *app) error { return a.checkBoard(t.Context(), "shop") })
	require.ErrorContains(t, err, "look back")
	require.Contains(t, out, "1 ok")
	_, _, err = run(scrapes, func(a *app) error { return a.listAlerts(t.Context(), false) })
	require.NoError(t, err)
}
