package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// What another process signs or closes is on the cards a moment later; a server that does
// not answer leaves what it told last, with its age, and holds nothing up.
func TestTheScorecardFollows(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.db")
	db, err := store.Open(t.Context(), file)
	require.NoError(t, err)
	defer db.Close()
	other, err := store.Open(t.Context(), file)
	require.NoError(t, err)
	defer other.Close()
	desk := incident.NewDesk(other)
	by := incident.By{Actor: "ana", Source: "cli", At: time.Now().Add(-48 * time.Hour)}
	inc, err := desk.Declare(t.Context(), by, "", incident.Declaration{Title: "x", Severity: incident.Sev2, Service: "search"})
	require.NoError(t, err)
	_, err = desk.AddItem(t.Context(), by, inc.ID, "a timeout", "", time.Now().Add(-24*time.Hour))
	require.NoError(t, err)

	var mu sync.Mutex
	silent := false
	m := tui.NewMailbox()
	g := &gatherer{
		centre: &centre{db: db}, mailbox: m, pause: time.Millisecond, patience: time.Minute, soon: gatherSoon, stir: func() {},
		ask: func(context.Context) ([]query.RawRule, error) {
			mu.Lock()
			defer mu.Unlock()
			if silent {
				return nil, errors.New("connection refused")
			}
			return []query.RawRule{{Name: "SearchSlow", Labels: query.Labels{"severity": "critical", "service": "search"}}}, nil
		},
	}
	ctx, end := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { require.ErrorIs(t, g.Run(ctx), context.Canceled) })
	defer run.Wait()
	defer end()
	shows := func(what string, ok func(r *pane.Readiness) bool) *pane.Readiness {
		t.Helper()
		require.Eventually(t, func() bool { r := m.World().Readiness; return r != nil && ok(r) }, patience, 5*time.Millisecond, what)
		return m.World().Readiness
	}
	mark := func(r *pane.Readiness, name string) readiness.Mark {
		for _, c := range r.Cards {
			for _, mark := range c.Readiness {
				if c.Service == "search" && mark.Name == name {
					return mark
				}
			}
		}
		return readiness.Mark{}
	}
	r := shows("the first card", func(r *pane.Readiness) bool { return mark(r, "action items").State == readiness.Bad })
	require.Equal(t, readiness.OK, mark(r, "alerts").State)
	require.NoError(t, r.Err)
	told := r.Told

	_, err = desk.CloseItem(t.Context(), by, inc.ID, "AI-1")
	require.NoError(t, err)
	shows("the item is closed", func(r *pane.Readiness) bool { return mark(r, "action items").State == readiness.OK })

	mu.Lock()
	silent = true
	mu.Unlock()
	g.refresh()
	r = shows("the server is silent", func(r *pane.Readiness) bool { return r.Err != nil })
	require.Equal(t, told, r.Told)
	require.Equal(t, readiness.OK, mark(r, "alerts").State, "what it told last holds")

	duty, _ := readiness.Find("restore")
	_, err = other.Append(t.Context(), signing(by, duty, 60*24*time.Hour, "orders in 14 min"))
	require.NoError(t, err)
	r = shows("the signature", func(r *pane.Readiness) bool { return mark(r, "restore tested").State == readiness.OK })
	for _, d := range r.Due {
		require.Equal(t, d.ID == "restore", d.By == "ana", d.ID)
	}

	for i, verdict := range []chaos.Verdict{chaos.Aborted, chaos.Deviated} { // what somebody ended was not held; what found something was
		require.Equal(t, readiness.Bad, mark(r, "game day").State)
		now := time.Now()
		res := gameday.Result{Run: "GD-1", ID: string(verdict), Day: "search-day", Drill: string(inc.ID), Verdict: verdict, StartedAt: now, EndedAt: &now}
		rep := res.Report(gameday.KindFinished, now, "over")
		rep.Result = &res
		_, err = other.Append(t.Context(), gamedayEvent(by, inc.ID, rep))
		require.NoError(t, err)
		before := r.At
		r = shows("the game day", func(r *pane.Readiness) bool {
			return r.At.After(before) && (i == 0) == (mark(r, "game day").State == readiness.Bad)
		})
	}
}

// A duty is signed by keys while the server hangs, and is on the timeline as the command
// would have written it.
func TestADutyIsSignedByKeys(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	dir := t.TempDir()
	config, db := filepath.Join(dir, "sitrep.yaml"), filepath.Join(dir, "s.db")
	require.NoError(t, os.WriteFile(config, []byte("prometheus: {url: "+s.URL+"}\ncontexts: {prod: {prod: true}}\n"), 0o600))
	env := []string{"XDG_STATE_HOME=" + dir, "HOME=" + dir, "SUDO_USER=ana"}
	x := startTerminal(t, 120, 40, env, "--config", config, "--db", db)
	x.see("routine  27 due", "C opens it")
	x.press("C")
	x.see("scorecard", "checklist")
	x.press("l", " ")
	x.see("Sign health-checks", "Holds for")
	x.press(keyEsc)
	x.gone("Sign health-checks")
	x.press("j", " ")
	x.see("Sign metrics-review")
	x.press("looked at \x1b[200~all of it\x1b[201~", keyEnter)
	x.press("soon", keyEnter)
	x.see(`"soon" is no time up to a year`, "looked at all of it")
	x.press(keyEnter)
	for range "soon" {
		x.press("\x7f")
	}
	x.press("3d", keyEnter)
	x.see("signed: Review of key metrics and trends: done", "done metrics-review")
	x.press("1", "q")
	require.Zero(t, x.exit())

	h := &headless{t: t, state: dir}
	h.Config, h.DB = config, db
	out, code := h.sitrep("--prometheus", "http://127.0.0.1:1", "routine", "list", "--all", "--json")
	require.Equal(t, exitNotHeld, code, "others are due")
	var list []dueView
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	for _, d := range list {
		require.Equal(t, d.ID == "metrics-review", d.By == "ana", d.ID)
		if d.By != "" {
			require.True(t, d.Done)
			require.Equal(t, "signed by ana: looked at all of it", d.Why)
			require.InDelta(t, (3 * 24 * time.Hour).Seconds(), time.Until(*d.Until).Seconds(), patience.Seconds())
		}
	}

	y := startTerminal(t, 100, 30, env, "--config", config, "--db", db, "--context", "prod")
	y.see("read-only")
	y.press(":")
	y.see("Command")
	y.press("routine", keyEnter)
	y.see("scorecard", "due of 11")
	y.press(" ")
	y.see("prod is read-only: :write 15m first")
	require.False(t, strings.Contains(y.text(), "Holds for"))
}
