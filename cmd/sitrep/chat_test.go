package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// workspace is the lab's Slack as its people see it.
type workspace struct {
	*headless
	token string
}

func (h *headless) workspace() workspace {
	h.t.Helper()
	token, err := os.ReadFile(filepath.Join(filepath.Dir(h.Config), "secrets", "slack-bot-token"))
	require.NoError(h.t, err)
	return workspace{h, strings.TrimSpace(string(token))}
}

// ask calls a method of the Web API.
func (w workspace) ask(method string, into any, args ...string) {
	w.t.Helper()
	form := url.Values{"token": {w.token}}
	for i := 0; i+1 < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	resp, err := http.PostForm(w.Slack+"/api/"+method, form)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	require.NoError(w.t, json.NewDecoder(resp.Body).Decode(into))
}

// does is what somebody does in Slack; false while the app does not listen.
func (w workspace) does(gesture map[string]string) bool {
	w.t.Helper()
	body, err := json.Marshal(gesture)
	require.NoError(w.t, err)
	resp, err := http.Post(w.Slack+"/do", "application/json", bytes.NewReader(body))
	require.NoError(w.t, err)
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// opened is how often the app asked for a socket.
func (w workspace) opened() (n int) {
	for _, line := range w.ledger(w.Slack) {
		if strings.Contains(line, "apps.connections.open") {
			n++
		}
	}
	return n
}

// Two daemons share a store: the one that runs the ladder hears Slack's buttons. It
// is killed: what Slack is to say about that stands, and the other one takes over.
func TestButtonsInSlackReachWhoeverRunsTheLadder(t *testing.T) {
	t.Parallel()
	h := startHeadless(t)
	config, err := os.ReadFile(h.Config)
	require.NoError(t, err)
	people := filepath.Join(filepath.Dir(h.Config), "people.yaml")
	require.NoError(t, os.WriteFile(people, bytes.Replace(config, []byte(`"ana": {`), []byte(`"ana": {slack: U01ABANA, `), 1), 0o600))
	other := *h
	other.Config, other.DB = people, filepath.Join(t.TempDir(), "other.db")
	w := other.workspace()
	daemons := map[int]*exec.Cmd{}
	start := func() {
		d := exec.Command(binary, "--config", people, "--db", other.DB, "daemon")
		d.Env = append(os.Environ(), h.env()...)
		d.Stderr = os.Stderr
		require.NoError(t, d.Start())
		daemons[d.Process.Pid] = d
	}
	start()
	start()
	defer func() {
		for _, d := range daemons {
			require.NoError(t, d.Process.Signal(syscall.SIGTERM))
			_ = d.Wait() // by a signal
		}
	}()
	out, code := other.sitrep("incident", "declare", "--severity", "SEV-2", "--title", "Checkout 5xx")
	require.Equal(t, 0, code, out)
	var history struct{ Messages []struct{ TS, Text string } }
	require.Eventually(t, func() bool {
		w.ask("conversations.history", &history, "channel", "C01ABINCIDENTS")
		return len(history.Messages) == 1 && w.opened() == 1
	}, patience, 100*time.Millisecond)
	press := map[string]string{"do": "press", "user": "U01ABANA", "channel": "C01ABINCIDENTS", "ts": history.Messages[0].TS, "action": "sitrep_ack"}
	require.Eventually(t, func() bool { return w.does(press) }, patience, 100*time.Millisecond)
	event := func(kind incident.Kind) (found incident.Event) {
		require.Eventually(t, func() bool {
			out, _ := other.sitrep("incident", "timeline", "INC-1", "--json")
			var events []incident.Event
			require.NoError(t, json.Unmarshal([]byte(out), &events))
			for _, e := range events {
				if e.Kind == kind {
					found = e
					return true
				}
			}
			return false
		}, patience, seldom, kind)
		return found
	}
	e := event(incident.Acknowledged)
	require.Equal(t, incident.Person("ana"), e.Actor)
	require.Equal(t, "slack", e.Source)
	require.False(t, e.Claimed)
	require.Equal(t, 1, w.opened(), "of two processes one listens")

	var plans struct {
		Messages []struct{ Text string } `json:"scheduled_messages"`
	}
	stands := func() int {
		w.ask("chat.scheduledMessages.list", &plans)
		return len(plans.Messages)
	}
	require.Eventually(t, func() bool { return stands() == 1 }, patience, 100*time.Millisecond)
	db, err := store.Open(t.Context(), other.DB)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	lease, err := db.Lease(t.Context())
	require.NoError(t, err)
	pid, err := strconv.Atoi(lease.Owner[strings.LastIndexByte(lease.Owner, ' ')+1:])
	require.NoError(t, err)
	require.Contains(t, daemons, pid)
	require.NoError(t, daemons[pid].Process.Kill())
	_ = daemons[pid].Wait() // killed
	delete(daemons, pid)
	require.Equal(t, 1, stands(), "it stands although nobody runs")
	require.Contains(t, plans.Messages[0].Text, "Call by phone")

	require.Eventually(t, func() bool { return w.opened() == 2 }, 3*patience, 200*time.Millisecond, "the other one listens")
	press["action"], press["value"] = "sitrep_severity", "SEV-1"
	require.Eventually(t, func() bool { return w.does(press) }, patience, 100*time.Millisecond)
	require.Equal(t, incident.Person("ana"), event(incident.SeverityChanged).Actor)

	_, _ = other.sitrep("incident", "resolve", "INC-1", "--resolution", "rolled back") // what the killed one was sending may have to settle first
	require.Eventually(t, func() bool { return stands() == 0 }, patience, 200*time.Millisecond, "nothing stands when it is over")
}

// What was kept at the declaration hangs under the headline as a picture.
func picturesHangUnderTheHeadline(t *testing.T) {
	h := startHeadless(t)
	h.measured()
	other := *h
	other.DB = filepath.Join(t.TempDir(), "other.db")
	w := other.workspace()
	daemon := exec.Command(binary, "--config", h.Config, "--db", other.DB, "daemon")
	daemon.Env = append(os.Environ(), h.env()...)
	daemon.Stderr = os.Stderr
	require.NoError(t, daemon.Start())
	defer func() {
		require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
		_ = daemon.Wait() // by a signal
	}()
	out, code := other.sitrep("incident", "declare", "--severity", "SEV-2", "--title", "Checkout 5xx")
	require.Equal(t, 0, code, out)
	var history struct{ Messages []struct{ TS string } }
	var thread struct {
		Messages []struct {
			Files []struct {
				Alt   string `json:"alt_txt"`
				Width int    `json:"original_w"`
			}
		}
	}
	require.Eventually(t, func() bool {
		w.ask("conversations.history", &history, "channel", "C01ABINCIDENTS")
		if len(history.Messages) == 0 {
			return false
		}
		w.ask("conversations.replies", &thread, "channel", "C01ABINCIDENTS", "ts", history.Messages[len(history.Messages)-1].TS)
		for _, m := range thread.Messages {
			if len(m.Files) == 1 {
				require.Equal(t, 720, m.Files[0].Width)
				require.Contains(t, m.Files[0].Alt, "INC-1 declared at ")
				return true
			}
		}
		return false
	}, 3*patience, 1500*time.Millisecond)
}

func TestSlackConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"incident_channels: {severities: [SEV-9]}":         "SEV-9",
		"incident_channels: {prefix: 'Inc #'}":             "begins no name of a channel",
		"incident_channels: {invite: [zoe]}":               "neither one of people nor a Slack user ID",
		"incident_channels: {bookmarks: {Board: grafana}}": "Board: \"grafana\" is not a URL",
		"allow_users: [ana]":                               "is not a Slack user ID",
		"note_emoji: ':pushpin:'":                          "without colons",
		"dead_man_grace: 30s":                              "30s is too short",
		"incident_channels: {channel: x}":                  "unknown key",
	} {
		file := filepath.Join(t.TempDir(), "sitrep.yaml")
		require.NoError(t, os.WriteFile(file, []byte("slack: {"+text+"}\n"), 0o600))
		_, err := loadConfig(file)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "sitrep.yaml:1:", text)
	}
	file := filepath.Join(t.TempDir(), "sitrep.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`slack: {bot_token: env:T, dead_man: true, pictures: true, incident_channels: {severities: [sev1], invite: [ana, U1]}}
people: {ana: {slack: U0ANA}}
`), 0o600))
	c, err := loadConfig(file)
	require.NoError(t, err)
	chat := c.chat()
	require.Equal(t, []incident.Severity{incident.Sev1}, chat.Rooms.Severities)
	require.Equal(t, "inc", chat.Rooms.Prefix)
	require.Equal(t, 2*time.Minute, chat.DeadMan)
	require.True(t, chat.Rooms.Member("ana"))
	require.False(t, chat.Rooms.Member("bob"))
	require.Equal(t, incident.Person("ana"), c.bySlack("U0ANA"))
	require.Empty(t, c.bySlack(""))
}
