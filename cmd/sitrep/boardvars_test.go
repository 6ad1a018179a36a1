package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui"
)

// labelled is a server that knows jobs, one of a hostile name, and answers every
// query with one series of ones. It keeps what it was asked.
func labelled(t *testing.T) (url string, asked func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		w.Header().Set("Content-Type", "application/json")
		var data any
		switch r.URL.Path {
		case "/api/v1/label/job/values":
			data = []string{"api", "we\x1b[2Jb\n\"x"}
		case "/api/v1/query_range":
			mu.Lock()
			all = append(all, r.Form.Get("query"))
			mu.Unlock()
			data = map[string]any{"resultType": "matrix", "result": []any{map[string]any{"metric": map[string]string{}, "values": [][]any{{json.Number(r.Form.Get("end")), "1"}}}}}
		default:
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), all...)
	}
}

func varBoard(t *testing.T) *query.Board {
	t.Helper()
	b, err := query.LoadBoard("v.yaml", []byte(`variables: [{name: job, query: label_values(job), multi: true, all: true, value: [api]}]
panels: [{title: 'up $job', promql: 'up{job=~"$job"}'}]
`))
	require.NoError(t, err)
	return &b
}

func TestBoardShowTakesValues(t *testing.T) {
	t.Parallel()
	url, asked := labelled(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "prometheus: {url: %s}\nboards: [v.yaml]\n", url), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "v.yaml"), []byte(`variables: [{name: job, query: label_values(job), multi: true, all: true, value: [api]}]
panels: [{title: 'up $job', promql: 'up{job=~"$job"}'}]
`), 0o600))
	show := func(args ...string) (stdout string, err error) {
		var out, complaints strings.Builder
		a := &app{stdout: &out, stderr: &complaints}
		cmd := a.root()
		cmd.SetArgs(append([]string{"--config", config, "--db", filepath.Join(dir, "x.db"), "board", "show", "v"}, args...))
		err = cmd.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := show()
	require.NoError(t, err)
	require.Contains(t, out, "up api")
	out, err = show("--var", "job=all")
	require.NoError(t, err)
	require.NotContains(t, out, "\x1b")
	require.Contains(t, asked(), `up{job=~"(api|we\x1b\\[2Jb\n\"x)"}`)
	_, err = show("--var", "job=nobody")
	require.ErrorContains(t, err, `--var: variable job: "nobody" is not offered; there are api, we`)
	require.NotContains(t, err.Error(), "\x1b")
	_, err = show("--var", "job")
	require.ErrorContains(t, err, "write it as NAME=VALUE")
}

// What was chosen of a board is there again when the board is.
func TestAChoiceIsKeptForItsBoard(t *testing.T) {
	t.Parallel()
	url, asked := labelled(t)
	client, err := query.NewClient(query.Config{URL: url})
	require.NoError(t, err)
	t.Cleanup(client.CloseIdle)
	other := query.Board{Name: "other", Range: time.Minute, Refresh: time.Hour, Panels: []query.Panel{{Title: "o", Type: query.Stat, Queries: []query.Query{{Expr: "other"}}}}}
	c := &centre{client: client, sources: query.Sources{"": client}}
	m := tui.NewMailbox()
	b := c.newShownBoard([]query.Board{*varBoard(t), other}, m)
	ended := make(chan error, 1)
	ctx, end := context.WithCancel(t.Context())
	go func() { ended <- b.Run(ctx) }()
	until := func(ok func(*query.Snapshot) bool) {
		require.Eventually(t, func() bool { s := m.World().Board; return s != nil && ok(s) }, time.Minute, 5*time.Millisecond)
	}
	until(func(s *query.Snapshot) bool { return len(s.Offers) == 1 && !s.Panels[0].At.IsZero() })
	require.ErrorContains(t, b.SetValues(query.Values{"job": {"nobody"}}), "is not offered")
	require.NoError(t, b.SetValues(query.Values{"job": {"all"}}))
	until(func(s *query.Snapshot) bool { return s.Board.Panels[0].Title == "up All" })
	require.ErrorContains(t, b.Show("none"), "there are v, other")
	require.NoError(t, b.Show("other"))
	until(func(s *query.Snapshot) bool { return s.Board.Name == "other" && !s.Panels[0].At.IsZero() })
	require.Contains(t, asked(), "other")
	require.NoError(t, b.Show("v"))
	until(func(s *query.Snapshot) bool { return s.Board.Panels[0].Title == "up All" })
	end()
	<-ended
}
