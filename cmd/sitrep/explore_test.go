package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// A board by commands, against a real Prometheus: shown, written out, drawn, kept;
// and an expression taken apart.
func TestABoardIsShownWrittenOutAndKept(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	defer h.prometheus()()
	require.Eventually(t, func() bool { return strings.Contains(h.sitrep("query", "up"), "self") }, time.Minute, seldom)

	require.Regexp(t, `up +1`, h.sitrep("board", "show", "board"))
	require.Contains(t, h.sitrep("board", "show", "board", "--panel", "UP", "--csv"), "board,up,self,")
	var shown struct {
		Panels []struct {
			Title  string           `json:"title"`
			Series []map[string]any `json:"series"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal([]byte(h.sitrep("--json", "board", "show", "board", "--panel", "up", "--range", "30s")), &shown))
	require.Len(t, shown.Panels, 1)
	require.Len(t, shown.Panels[0].Series, 1)
	file := filepath.Join(h.dir, "up.png")
	require.Empty(t, h.sitrep("board", "show", "board", "--panel", "up", "--png", file, "--at", "1s"))
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Equal(t, 720, img.Bounds().Dx())
	require.Contains(t, h.sitrep("board", "show", "board", "--panel", "nothing"), `it has "up", "head series", "requests", "no such metric"`)
	require.Contains(t, h.sitrep("board", "show", "board", "--at", "yesterday"), "is neither a time such as")
	require.Contains(t, h.sitrep("board", "show", "board", "--panel", "no such metric", "--png", file), "no series to draw")
	require.NotContains(t, h.sitrep("board", "show", "board", "--at", "2001-01-01T00:00:00Z"), " 1 ")

	h.sitrep("incident", "declare", "--severity", "SEV-4", "--title", "slow")
	require.Contains(t, h.sitrep("board", "show", "board", "--keep", "INC-1"), "INC-1: board kept, 4 panels with ")
	require.Regexp(t, `looked at +board .* kept`, h.sitrep("incident", "evidence", "INC-1"))
	require.Contains(t, h.sitrep("incident", "timeline", "INC-1"), "saw it: board with 4 panels")
	h.sitrep("postmortem", "draft", "INC-1")
	require.Contains(t, h.sitrep("postmortem", "show", "INC-1"), "saw it: board with 4 panels")
	var list []evidenceView
	require.NoError(t, json.Unmarshal([]byte(h.sitrep("--json", "incident", "evidence", "INC-1")), &list))
	last := list[len(list)-1]
	require.Equal(t, "kept", last.State)
	require.Contains(t, h.sitrep("incident", "evidence", "INC-1", fmt.Sprint(last.Event)), "head series")
	require.Contains(t, h.sitrep("store", "check"), "ok")
	require.Contains(t, h.sitrep("board", "show", "board", "--keep", "INC-7"), "no such incident")

	parts := h.sitrep("query", "--explain", `sum(up{job="self"}) / sum(up{job="gone"})`)
	require.Regexp(t, `(?m)^0 .* / +sum`, parts)
	require.Regexp(t, `(?m)^1 .* sum +sum\(up\{job="self"\}\)`, parts)
	var views []partView
	require.NoError(t, json.Unmarshal([]byte(h.sitrep("--json", "query", "--explain", "up")), &views))
	require.Equal(t, 1, views[0].Series)
	require.Contains(t, h.sitrep("query", "--explain", "sum("), "PromQL at character")
	require.Contains(t, h.sitrep("query", "--csv", "up"), "series,time,value\n\"up{instance=")
	require.Greater(t, strings.Count(h.sitrep("query", "--csv", "--range", "10s", "--step", "1s", "up"), "\n"), 2)
	require.Equal(t, "http://"+h.prom+"/graph?g0.expr=up&g0.range_input=1h&g0.tab=0\n", h.sitrep("query", "--url", "--range", "1h", "up"))
}

func TestWhatWasAskedIsKept(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", dir)
	a := openAsked()
	require.Empty(t, a.All())
	for _, expr := range []string{"up", "rate(x[5m])\n+ 1", "up", " secret_on_purpose", `x{url="https://bob:hunter2@h/"}`, `x{h="Bearer abc"}`, strings.Repeat("x", 5000)} {
		require.NoError(t, a.Add(expr))
	}
	want := []string{"rate(x[5m])\n+ 1", "up"}
	require.Equal(t, want, a.All())
	b := openAsked()
	require.Equal(t, want, b.All())
	require.NoError(t, b.Add("other"))
	require.NoError(t, a.Add("mine"))
	require.Equal(t, append(want, "other", "mine"), openAsked().All())
	info, err := os.Stat(a.file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	for i := range 2 * mostQuestions {
		a.mu.Lock()
		a.list = append(a.list, fmt.Sprint("q", i))
		a.mu.Unlock()
	}
	a.file = ""
	require.NoError(t, a.Add("last"))
	require.Len(t, a.All(), mostQuestions)

	// What is no history is left alone.
	file := filepath.Join(dir, "sitrep", "promql-history")
	require.NoError(t, os.WriteFile(file, []byte("not json\n\"good\"\n\x00\n"), 0o600))
	require.Equal(t, []string{"good"}, openAsked().All())
	require.NoError(t, os.Remove(file))
	target := filepath.Join(dir, "precious")
	require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
	require.NoError(t, os.Symlink(target, file))
	require.NoError(t, openAsked().Add("up"))
	kept, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "precious", string(kept))
}

func TestAPanelIsPinnedIntoAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "boards", "scratch.yaml")
	require.NoError(t, addPanel(file, `it's "bad": {x}`+"\n", `sum(rate(x{a="b"}[5m]))`))
	require.NoError(t, addPanel(file, "two", "up"))
	src, err := os.ReadFile(file)
	require.NoError(t, err)
	b, err := query.LoadBoard(file, src)
	require.NoError(t, err, "%s", src)
	require.Len(t, b.Panels, 2)
	require.Equal(t, `sum(rate(x{a="b"}[5m]))`, b.Panels[0].Queries[0].Expr)

	other := filepath.Join(t.TempDir(), "own.yaml")
	own := "panels:\n  - {title: a, promql: up}\ntitle: mine # last\n"
	require.NoError(t, os.WriteFile(other, []byte(own), 0o600))
	require.ErrorContains(t, addPanel(other, "x", "up"), "add by hand:\n  - title: \"x\"")
	src, err = os.ReadFile(other)
	require.NoError(t, err)
	require.Equal(t, own, string(src))
}

// An exemplar is asked for only by a link that wants a trace, and whatever the server
// answers leads nowhere else than the template says.
func TestLinksAskForExemplarsOnlyThen(t *testing.T) {
	t.Parallel()
	asked := 0
	body := `{"status":"success","data":[{"seriesLabels":{},"exemplars":[{"labels":{"trace_id":"../../evil?x=\u001b[2J"},"value":"1","timestamp":1795575600}]}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/api/v1/query_exemplars", r.URL.Path)
		asked++
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	client, err := query.NewClient(query.Config{URL: server.URL})
	require.NoError(t, err)
	at := time.Unix(1795575600, 0).UTC()
	e := &explorer{client: client, links: []linkTemplate{{Title: "Logs", URL: "https://logs/?s=${service}&t=${__at:s}", Match: "pay*"}}}
	order := pane.FindLinks{Place: query.LinkPlace{Service: "payments", Expr: "x", From: at.Add(-time.Hour), To: at}}
	ctx := context.Background()
	r, err, mine := e.do(ctx, order)
	require.NoError(t, err)
	require.True(t, mine)
	require.Equal(t, []pane.FilledLink{{Title: "Logs", URL: "https://logs/?s=payments&t=1795575600"}}, r.Links)
	require.Zero(t, asked)

	order.Links = []query.Link{{Title: "Tempo", URL: "https://tempo/t/${trace_id}"}}
	r, err, _ = e.do(ctx, order)
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	require.Equal(t, "https://tempo/t/..%2F..%2Fevil%3Fx%3D%1B%5B2J", r.Links[0].URL)

	body = `{"status":"success","data":[]}`
	r, err, _ = e.do(ctx, order)
	require.NoError(t, err)
	require.Len(t, r.Links, 1)
	require.Contains(t, r.Text, `left out: link "Tempo": ${trace_id} is not known here: the server has no exemplar with a trace within 5m0s of 03:00:00`)

	order.Place.Service = "checkout"
	_, err, _ = e.do(ctx, order)
	require.ErrorContains(t, err, "Tempo")
	_, err, _ = e.do(ctx, pane.FindLinks{Place: order.Place})
	require.ErrorContains(t, err, "no link leads from here")
}

func TestLinksInTheConfiguration(t *testing.T) {
	t.Parallel()
	c, err := loadConfig(writeConfig(t, "links:\n  - {title: Logs, url: 'https://l/?s=${service}', match: 'pay*'}\nexplore: {board: scratch.yaml}\n"))
	require.NoError(t, err)
	require.True(t, c.Links[0].fits("payments"))
	require.False(t, c.Links[0].fits("checkout"))
	for src, want := range map[string]string{
		"links:\n  - {title: x, url: 'javascript:alert(1)'}\n":      ":2:6: link \"x\": its url is not one of http or https",
		"links:\n  - {url: 'https://x/'}\n":                         "a link needs a title",
		"links:\n  - {title: x, url: 'https://bob:hunter2@x/'}\n":   "does not belong into a URL",
		"links:\n  - {title: x, url: 'https://x/', match: '[a'}\n":  "is not a pattern of services",
		"links:\n  - {title: x, url: 'https://x/', service: pay}\n": "unknown key \"service\"",
		"explore:\n  history: 3\n":                                  "unknown key \"history\"",
	} {
		_, err := loadConfig(writeConfig(t, src))
		require.ErrorContains(t, err, want, src)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// echo answers every range query with one series.
type echo struct{}

func (echo) Range(_ context.Context, expr string, g query.Grid) (query.Frame, error) {
	return query.Frame{Grid: g, Series: []query.Series{{Expr: expr, Values: make([]float64, g.N)}}}, nil
}

// A panel that is pinned is on the board at once, in the window that was shown, and
// the board goes on.
func TestAPinnedPanelIsOnTheBoard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := tui.NewMailbox()
		board := query.Board{Name: "b", Range: time.Hour, Refresh: time.Second, Panels: []query.Panel{{Title: "old", Type: query.TimeSeries, Queries: []query.Query{{Expr: "old"}}}}, Rows: []query.Row{{To: 1}}}
		b := &shownBoard{boards: []query.Board{board}, chosen: map[string]query.Values{}}
		b.poller = &query.Poller{Source: echo{}, Report: func(s *query.Snapshot) { m.Update(func(w *pane.World) { w.Board = s }) }}
		b.poller.SetBoard(&b.boards[0], nil)
		ctx, end := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		b.SetWindow(10*time.Minute, 60, time.Time{})
		time.Sleep(3 * time.Second)
		require.Len(t, m.World().Board.Panels, 1)
		e := &explorer{board: b}
		text, err := e.pin(pane.Pin{Title: "new", Expr: "up"})
		require.NoError(t, err)
		require.Equal(t, "new: on the board until this screen is closed", text)
		time.Sleep(3 * time.Second)
		s := m.World().Board
		require.Equal(t, []string{"new", "old"}, []string{s.Board.Panels[0].Title, s.Board.Panels[1].Title})
		require.Equal(t, "up", s.Panels[0].Frame.Series[0].Expr)
		require.LessOrEqual(t, s.Grid.Span(), 10*time.Minute)
		require.Equal(t, 1, s.Board.Rows[0].From)
		require.Len(t, board.Panels, 1, "the board of the file is left alone")
		_, err = e.pin(pane.Pin{Title: "bad", Expr: "sum("})
		require.Error(t, err)
		end()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}
