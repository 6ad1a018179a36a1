package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// byHand is a person at PagerDuty's own screen.
func (h *headless) byHand(id, what, user, text string) {
	h.t.Helper()
	body, err := json.Marshal(map[string]string{"user": user, "text": text, "to": "PLABUSER3"})
	require.NoError(h.t, err)
	answer, err := http.Post(h.PagerDuty+"/lab/incidents/"+id+"/"+what, "application/json", bytes.NewReader(body))
	require.NoError(h.t, err)
	said, err := io.ReadAll(answer.Body)
	require.NoError(h.t, err)
	require.NoError(h.t, answer.Body.Close())
	require.Equal(h.t, http.StatusOK, answer.StatusCode, string(said))
}

// learnt is what stands on the timeline of INC-1 from PagerDuty, by kind and words.
func (h *headless) learnt() (lines []string) {
	h.t.Helper()
	out, code := h.sitrep("incident", "timeline", "INC-1", "--json")
	require.Equal(h.t, 0, code)
	var events []incident.Event
	require.NoError(h.t, json.Unmarshal([]byte(out), &events))
	for _, e := range events {
		if e.Source == "pagerduty" {
			lines = append(lines, fmt.Sprintf("%s %s: %s", e.Kind, e.Who(), e.Text))
		}
	}
	return lines
}

// daemon starts one on the lab's store.
func (h *headless) daemon() *exec.Cmd {
	h.t.Helper()
	d := exec.Command(binary, "--config", h.Config, "--db", h.DB, "daemon")
	d.Env = append(h.env(), "PATH=/usr/bin:/bin")
	require.NoError(h.t, d.Start())
	return d
}

// Two processes listen, and die at any moment, and others go on: every deed in
// PagerDuty stands on the timeline once, and what was done here does not come back.
func TestWhatPeopleDoInPagerDutyIsHeardOnce(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	out, code := h.sitrep("incident", "declare", "--severity", "SEV-3", "--title", "Checkout 5xx")
	require.Equal(t, 0, code, out)
	require.Contains(t, strings.Join(h.pages(), "\n"), "Checkout 5xx")
	list, _ := h.sitrep("pagerduty", "list")
	there := regexp.MustCompile(`QLAB[0-9A-Z]{10,}`).FindString(list) // SEARCH1 and 2 are shorter
	require.NotEmpty(t, there, list)
	h.byHand(there, "acknowledge", "PLABUSER2", "")
	h.byHand(there, "note", "PLABUSER1", "the payments queue is full")
	h.byHand(there, "reassign", "PLABUSER2", "")
	want := []string{
		"incident.acknowledged Lena Lead (claimed): Lena Lead acknowledged in PagerDuty",
		"note.added ana: the payments queue is full",
		"note.added Lena Lead (claimed): Lena Lead reassigned it in PagerDuty to Max Manager",
	}
	first := []*exec.Cmd{h.daemon(), h.daemon()}
	require.Eventually(t, func() bool { return len(h.learnt()) > 0 }, patience, 100*time.Millisecond)
	for _, d := range first {
		require.NoError(t, d.Process.Kill())
		_ = d.Wait() // killed
	}
	h.byHand(there, "timeout", "", "")
	h.byHand(there, "resolve", "PLABUSER2", "")
	want = append(want, "note.added pagerduty: PagerDuty escalated it to Max Manager: nobody had acknowledged there",
		"note.added Lena Lead (claimed): Lena Lead resolved it in PagerDuty; here INC-1 stays open until somebody says what ended it (sitrep incident resolve INC-1)")
	second := h.daemon()
	defer func() {
		require.NoError(t, second.Process.Signal(syscall.SIGTERM))
		_ = second.Wait()
	}()
	require.Eventually(t, func() bool { return len(h.learnt()) >= len(want) }, 3*patience, seldom)
	require.ElementsMatch(t, want, h.learnt(), "once each: the acknowledgement that the ladder sent PagerDuty is not heard as another")
	out, _ = h.sitrep("incident", "show", "INC-1", "--json")
	require.Contains(t, out, `"acknowledged_by": "Lena Lead"`)
	require.Contains(t, out, `"resolved_at": null`)
}

// Many listen at once to the same log, with handles of their own on the store as if
// they were processes.
func TestManyListenersHearOnce(t *testing.T) {
	var log []map[string]any
	var mu sync.Mutex
	say := func(kind, user, text string) {
		mu.Lock()
		defer mu.Unlock()
		log = append([]map[string]any{{
			"id": fmt.Sprintf("R%03d", len(log)), "type": kind + "_log_entry", "created_at": time.Now().UTC().Format(time.RFC3339),
			"agent": map[string]any{"id": user, "type": "user_reference", "summary": user}, "channel": map[string]any{"type": "note", "content": text},
		}}, log...)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer := map[string]any{"log_entries": log}
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusAccepted)
			answer = map[string]any{"status": "success"}
		}
		if r.URL.Path == "/incidents" {
			answer = map[string]any{"incidents": []any{map[string]any{"id": "Q1", "status": "triggered"}}}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer srv.Close()
	t.Setenv("PD_TOKEN", "u+s3cretToken20chars")
	path := filepath.Join(t.TempDir(), "s.db")
	listeners := make([]*listener, 3)
	for i := range listeners {
		db, err := store.Open(t.Context(), path)
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		c := &config{dir: ".", PagerDuty: pagerdutyConfig{APIURL: srv.URL, APIToken: "env:PD_TOKEN"}}
		listeners[i] = c.newListener(db, func() bool { return true }, func(text string) { t.Error(text) })
	}
	id := declared(t, listeners[0].db)
	send(t, listeners[0].db, srv.URL)
	for i := range 20 {
		say([]string{"acknowledge", "annotate"}[i%2], fmt.Sprintf("U%d", i), fmt.Sprintf("note %d", i))
	}
	var all sync.WaitGroup
	for _, l := range listeners {
		all.Go(func() {
			for range 3 {
				if err := l.look(t.Context(), time.Now()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	events, err := listeners[0].db.Timeline(t.Context(), id)
	require.NoError(t, err)
	heard := map[string]int{}
	for _, e := range events {
		if e.Source == "pagerduty" {
			heard[string(e.Kind)+" "+string(e.Actor)]++
		}
	}
	require.Len(t, heard, 20)
	for what, n := range heard {
		require.Equal(t, 1, n, what)
	}

	// It is given back: the log, which is read again, takes that back for nobody.
	_, err = incident.NewDesk(listeners[0].db).Unacknowledge(t.Context(), incident.By{Actor: "ana", Source: "cli", At: time.Now().Add(time.Second)}, id)
	require.NoError(t, err)
	for _, l := range listeners {
		clear(l.seen) // as after a restart
		require.NoError(t, l.look(t.Context(), time.Now()))
	}
	inc, err := listeners[0].db.Incident(t.Context(), id)
	require.NoError(t, err)
	require.False(t, inc.Acknowledged())
}

// onlyPagerDuty is a ladder of one page.
func onlyPagerDuty(t *testing.T) escalation.Policy {
	t.Helper()
	policy, err := escalation.LoadPolicy("p.yaml", []byte(`ladders: {default: [{level: L1, until: acknowledged, notify: ["pagerduty:primary"]}]}`))
	require.NoError(t, err)
	return policy
}

// declared is a new incident.
func declared(t *testing.T, db *store.DB) incident.ID {
	t.Helper()
	by := incident.By{Actor: "ana", Source: "cli", At: time.Now().Add(-time.Minute)}
	inc, err := incident.NewDesk(db).Declare(t.Context(), by, "", incident.Declaration{Title: "x", Severity: incident.Sev3, Policy: onlyPagerDuty(t).Frozen("")})
	require.NoError(t, err)
	return inc.ID
}

// send has the PagerDuty at a URL take the pages that are due.
func send(t *testing.T, db *store.DB, url string) {
	t.Helper()
	engine := escalation.New(escalation.Config{
		Book: db, Leases: db, Timeline: db, Policy: onlyPagerDuty(t), Install: "install1", Owner: "test", Problem: func(err error) { t.Error(err) },
		Senders: map[string]escalation.Sender{"pagerduty": pagerduty.New(pagerduty.Config{
			EventsURL: url, Key: func(context.Context, string) (string, error) { return strings.Repeat("k", 32), nil },
		})},
	})
	require.NoError(t, engine.Deliver(t.Context(), time.Minute))
}

// A listener waits as long as PagerDuty wants to be left alone, and complains once.
func TestListenersLeavePagerDutyAlone(t *testing.T) {
	t.Parallel()
	var told []string
	l := &listener{trouble: complaint{problem: func(text string) { told = append(told, text) }}}
	require.Equal(t, listenEvery, l.pause(nil))
	require.Equal(t, 40*time.Second, l.pause(fmt.Errorf("INC-1: %w", &pagerduty.CallError{Class: escalation.Throttled, After: 40 * time.Second})))
	require.Equal(t, listenEvery, l.pause(&pagerduty.CallError{Class: escalation.Throttled, After: time.Second}))
	require.Empty(t, told)
	for range 3 {
		require.Equal(t, listenEvery, l.pause(errors.New("connection refused")))
	}
	require.Equal(t, []string{"what people do in PagerDuty is not heard: connection refused"}, told)
}

// Of many pages each look asks about some, and the next goes on: PagerDuty is asked
// no more often than it allows, and every page is asked about.
func TestALookAsksNoMoreThanItMay(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"status":"success"}`)
			return
		}
		asked[r.URL.Query().Get("incident_key")]++
		fmt.Fprint(w, `{"incidents":[]}`)
	}))
	defer srv.Close()
	t.Setenv("PD_TOKEN", "u+s3cretToken20chars")
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	const incidents = 20
	for range incidents {
		declared(t, db)
	}
	send(t, db, srv.URL)
	pages, err := db.OpenPages(t.Context(), "pagerduty")
	require.NoError(t, err)
	require.Equal(t, incidents, len(pages))
	c := &config{dir: ".", PagerDuty: pagerdutyConfig{APIURL: srv.URL, APIToken: "env:PD_TOKEN"}}
	l := c.newListener(db, func() bool { return true }, func(text string) { t.Error(text) })
	l.most = 8
	for _, want := range []int{8, 16, 20} {
		require.NoError(t, l.look(t.Context(), time.Now()))
		require.Equal(t, want, len(asked))
	}
}
