package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// Two stores share a PagerDuty, and a pipeline tells only that: whatever changes
// stands on both timelines, once, and at PagerDuty once.
func TestChangesGoBothWays(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	key, err := os.ReadFile(filepath.Join(filepath.Dir(h.Config), "secrets", "pagerduty-lead"))
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"routing_key": strings.TrimSpace(string(key)), "payload": map[string]any{
		"summary": "Build 42 <b>", "source": "payments", "timestamp": time.Now().Add(-7 * time.Minute).UTC().Format(time.RFC3339),
	}})
	require.NoError(t, err)
	answer, err := http.Post(h.PagerDuty+"/v2/change/enqueue", "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusAccepted, answer.StatusCode)

	out, code := h.sitrep("change", "cart v1.42", "--service", "cart", "--link", "https://ci.example.com/42")
	require.Equal(t, 0, code, out)
	told := func(summary string) (n int) {
		for _, line := range h.ledger(h.PagerDuty) {
			if strings.Contains(line, "/v2/change/enqueue 202") && strings.Contains(line, summary) {
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return told("cart v1.42") == 1 }, patience, 50*time.Millisecond)

	other := *h
	other.DB = filepath.Join(t.TempDir(), "other.db")
	daemon := exec.Command(binary, "--config", h.Config, "--db", other.DB, "daemon")
	daemon.Env = append(os.Environ(), h.env()...)
	daemon.Stderr = os.Stderr
	require.NoError(t, daemon.Start())
	defer func() {
		require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
		_ = daemon.Wait() // by a signal
	}()
	changes := func() (found []incident.Event) {
		out, _ := other.sitrep("store", "export")
		for line := range strings.Lines(out) {
			var row struct {
				Table string
				Row   struct {
					Kind                               incident.Kind
					Actor, Source, Text, Data, Claimed any
				}
			}
			require.NoError(t, json.Unmarshal([]byte(line), &row))
			if row.Table == "event" && row.Row.Kind == incident.ChangeRecorded {
				found = append(found, incident.Event{Text: row.Row.Text.(string), Actor: incident.Person(row.Row.Actor.(string)), Source: row.Row.Source.(string), Data: incident.Payload(row.Row.Data)})
			}
		}
		return found
	}
	require.Eventually(t, func() bool { return len(changes()) == 2 }, patience, 200*time.Millisecond)
	for _, e := range changes() {
		require.Equal(t, "pagerduty", e.Source)
		switch e.Text {
		case "cart v1.42":
			require.Equal(t, incident.Person("ana"), e.Actor)
			require.Contains(t, string(e.Data), "https://ci.example.com/42")
		case "Build 42 <b>":
			require.Equal(t, incident.Person("pagerduty"), e.Actor)
			require.Contains(t, string(e.Data), "payments")
		default:
			t.Error(e.Text)
		}
	}
	out, code = other.sitrep("change", "payments v7", "--type", "flag")
	require.Equal(t, 0, code, out)
	require.Eventually(t, func() bool { return told("payments v7") == 1 }, patience, 50*time.Millisecond)
	require.Equal(t, 1, told("cart v1.42"), "what came from PagerDuty is not told to it again")
	require.Equal(t, 1, told("Build 42"))

	alone := *h
	alone.DB = filepath.Join(t.TempDir(), "alone.db")
	out, code = alone.sitrep("change", "search v3")
	require.Equal(t, 0, code, out)
	require.Equal(t, 1, told("search v3"), "nobody runs who tells it later")
}

// What cannot be told is said, kept, and told by whoever runs next.
func TestAChangeThatPagerDutyDoesNotHear(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	config, err := os.ReadFile(h.Config)
	require.NoError(t, err)
	deaf := filepath.Join(filepath.Dir(h.Config), "deaf.yaml")
	require.NoError(t, os.WriteFile(deaf, bytes.Replace(config, []byte("events_url: "+h.PagerDuty), []byte("events_url: http://127.0.0.1:1"), 1), 0o600))
	db := filepath.Join(t.TempDir(), "s.db")
	run := func(file string, args ...string) string {
		cmd := exec.Command(binary, append([]string{"--config", file, "--db", db}, args...)...)
		cmd.Env = append(os.Environ(), h.env()...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	out := run(deaf, "change", "cart v1.42")
	require.Contains(t, out, "cart v1.42 recorded")
	require.Contains(t, out, `PagerDuty is not told of the change "cart v1.42" yet: pagerduty:primary`)
	run(h.Config, "change", "cart v1.43")
	lines := strings.Join(h.ledger(h.PagerDuty), "\n")
	require.Less(t, strings.Index(lines, "cart v1.42"), strings.Index(lines, "cart v1.43"), "in their order")
	require.Contains(t, lines, "cart v1.42")
}

// What is odd about one change keeps no other off the record.
func TestOddChangesAreKeptAsFarAsTheyCan(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	m := &changeMirror{db: db, install: "ours"}
	for _, in := range []pagerduty.Change{
		{ID: "1", Summary: "   ", At: now},
		{ID: "2", Summary: strings.Repeat("é", 2<<20), At: now.Add(-time.Minute)},
		{ID: "3", Summary: "actor", Details: map[string]string{"actor": strings.Repeat("x", 2<<20), "type": "party"}, At: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)},
		{ID: "4", Summary: "source", Source: strings.Repeat("s", 2<<20), Link: strings.Repeat("l", 2<<20), At: now.Add(time.Hour)},
		{ID: strings.Repeat("5", 9000), Summary: "never seen twice"},
		{Summary: "of no name"},
		{ID: "6", Summary: "ours", Details: map[string]string{"sitrep_store": "ours"}},
		{ID: "1", Summary: "the same again"},
		{ID: "7", Summary: "last", At: now.Add(-time.Hour)},
	} {
		require.NoError(t, m.record(t.Context(), in, now.Add(-24*time.Hour), now))
	}
	events, err := db.After(t.Context(), 0, 20)
	require.NoError(t, err)
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%s %.12s %d", e.At.Format(time.TimeOnly), e.Text, len(e.Text)))
	}
	require.Equal(t, []string{"03:00:00 a change wit 22", "02:59:00 éééééééééééé 4095", "03:00:00 actor 5", "03:00:00 source 6", "02:00:00 last 4"}, got)
}
