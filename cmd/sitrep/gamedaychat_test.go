package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation/slack"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// Game days whose people are in Slack: a daemon posts what is asked and hears the buttons,
// the day is held by another process. Go, no-go and Halt from there count as everywhere.
func gameDaysInSlack(t *testing.T) {
	h := startHeadless(t)
	h.prepareGamedays()
	dir := filepath.Dir(h.Config)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "gamedays", "talk.yaml"), []byte(`name: talk-day
service: payments
roles: {commander: ana}
steps: [{id: ready, ask: "Ready, <!channel> & <@U01ABBOB>?", of: [commander]}, {id: calm, load: long}]
`), 0o600))
	config, err := os.ReadFile(h.Config)
	require.NoError(t, err)
	people := filepath.Join(dir, "people.yaml")
	require.NoError(t, os.WriteFile(people, bytes.Replace(config, []byte(`"ana": {`), []byte(`"ana": {slack: U01ABANA, `), 1), 0o600))
	other := *h
	other.Config, other.DB = people, filepath.Join(t.TempDir(), "other.db")
	h.measured()
	daemon := exec.Command(binary, "--config", people, "--db", other.DB, "daemon")
	daemon.Env = append(os.Environ(), h.env()...)
	daemon.Stderr = os.Stderr
	require.NoError(t, daemon.Start())
	defer func() {
		require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
		_ = daemon.Wait() // by a signal
	}()
	w := other.workspace()
	require.Eventually(t, func() bool { return w.opened() > 0 }, patience, tick, "it listens")
	w.goByButton()
	w.noByCommand()
	w.haltByButton()
	w.haltByCommand()
	w.resolvedByModal()
}

// said is the newest message of the channel that has the words.
func (w workspace) said(words string) (ts, text, blocks string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		var history struct {
			Messages []struct {
				TS, Text string
				Blocks   json.RawMessage
			}
		}
		w.ask("conversations.history", &history, "channel", "C01ABINCIDENTS")
		for _, m := range history.Messages {
			if strings.Contains(m.Text, words) {
				ts, text, blocks = m.TS, m.Text, string(m.Blocks)
				return true
			}
		}
		return false
	}, patience, tick, words)
	return ts, text, blocks
}

func (w workspace) press(user, ts, action string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return w.does(map[string]string{"do": "press", "user": user, "channel": "C01ABINCIDENTS", "ts": ts, "action": action})
	}, patience, tick, action)
}

// whispered waits until somebody is told something that only they see.
func (w workspace) whispered(words string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return slices.ContainsFunc(w.ledger(w.Slack), func(line string) bool {
			return (strings.Contains(line, "chat.postEphemeral") || strings.Contains(line, "/response/")) && strings.Contains(line, words)
		})
	}, patience, tick, words)
}

func (w workspace) goByButton() {
	day, wait := w.startGameday("short-day")
	ts, text, blocks := w.said("GD-1 short-day asks: Ready?")
	require.Contains(w.t, text, "<@U01ABANA>", "who is asked is mentioned")
	require.Contains(w.t, blocks, "sitrep_go")
	w.press("U01ABBOB", ts, "sitrep_go")
	w.whispered("go is wanted of ana")
	require.NotNil(w.t, w.lastGameday().Present(), "it waits for ana")
	require.Equal(w.t, "ready", w.lastGameday().Present().ID)
	w.press("U01ABANA", ts, "sitrep_go")
	_ = wait()
	require.Contains(w.t, []int{0, exitInconclusive}, day.ProcessState.ExitCode()) // a busy machine's generator is late
	r := w.lastGameday()
	answers := r.Steps[0].Answers
	require.Len(w.t, answers, 2)
	require.Equal(w.t, []gameday.Answer{{Step: "ready", By: "bob (Slack)", Go: true, At: answers[0].At}, {Step: "ready", By: "ana", Go: true, At: answers[1].At}}, answers)
	require.NotZero(w.t, r.Steps[1].Load.Requests)
	again, text, blocks := w.said("GO: it goes on")
	require.Equal(w.t, ts, again, "the question itself says what came of it")
	require.Contains(w.t, text, "bob (Slack) (claimed by slack:U01ABBOB): go")
	require.NotContains(w.t, blocks, "sitrep_go")
	w.over(r)
}

func (w workspace) noByCommand() {
	day, wait := w.startGameday("talk-day")
	ts, text, _ := w.said("GD-2 talk-day asks")
	require.Contains(w.t, text, "Ready, &lt;!channel&gt; &amp; &lt;@U01ABBOB&gt;?")
	require.True(w.t, w.does(map[string]string{"do": "command", "user": "U01ABBOB", "channel": "C01ABINCIDENTS", "text": "no-go a &lt;deploy&gt; goes\tout"}))
	w.whispered("GD-2 step ready: bob (Slack): no: a ")
	require.Error(w.t, wait())
	require.Equal(w.t, exitNotHeld, day.ProcessState.ExitCode())
	r := w.lastGameday()
	require.Equal(w.t, "step ready: bob (Slack): no: a <deploy> goes out", r.Reason)
	require.Nil(w.t, r.Steps[1].StartedAt, "no load was sent")
	again, text, _ := w.said("ENDED: bob (Slack): no: a &lt;deploy&gt; goes out")
	require.Equal(w.t, ts, again)
	require.NotContains(w.t, text, "<!channel>")
	require.True(w.t, w.does(map[string]string{"do": "command", "user": "U01ABANA", "channel": "C01ABINCIDENTS", "text": "go"}))
	w.whispered("no game day asks anything now")
	w.over(r)
}

func (w workspace) haltByButton() {
	day, wait := w.startGameday("long-day")
	w.hurtNow()
	drill := w.lastGameday().Drill
	ts, _, blocks := w.said("[DRILL] " + drill)
	require.Contains(w.t, blocks, "sitrep_halt")
	w.press("U01ABANA", ts, "sitrep_halt")
	require.Error(w.t, wait())
	require.Equal(w.t, exitNotHeld, day.ProcessState.ExitCode())
	r := w.lastGameday()
	require.Equal(w.t, chaos.Aborted, r.Verdict)
	require.Contains(w.t, r.Reason, "halted by ana in Slack")
	require.Empty(w.t, r.Findings, "somebody wanted it")
	w.over(r)
}

func (w workspace) haltByCommand() {
	_, wait := w.startGameday("calm-day")
	require.Eventually(w.t, func() bool { return w.lastGameday().Day == "calm-day" && w.lastGameday().Present() != nil }, patience, tick)
	require.True(w.t, w.does(map[string]string{"do": "command", "user": "U01ABBOB", "channel": "C01ABINCIDENTS", "text": "halt a real one"}))
	require.Error(w.t, wait())
	r := w.lastGameday()
	require.Contains(w.t, r.Reason, "halted by bob (Slack) in Slack: a real one")
	w.over(r)
	require.True(w.t, w.does(map[string]string{"do": "command", "user": "U01ABBOB", "channel": "C01ABINCIDENTS", "text": "halt"}))
	w.whispered("no game day goes on")
}

// The drill that is resolved as any incident is ends the day, too.
func (w workspace) resolvedByModal() {
	_, wait := w.startGameday("long-day")
	w.hurtNow()
	ts, _, _ := w.said("[DRILL] " + w.lastGameday().Drill)
	w.press("U01ABANA", ts, "sitrep_resolve")
	require.Eventually(w.t, func() bool {
		return w.does(map[string]string{"do": "submit", "user": "U01ABANA", "text": "we have seen enough"})
	}, patience, tick)
	require.Error(w.t, wait())
	r := w.lastGameday()
	require.Equal(w.t, chaos.Aborted, r.Verdict)
	require.Contains(w.t, r.Reason, "is resolved: we have seen enough")
	w.over(r)
}

// askingDay is a store in which a game day asks the commander, ana.
func askingDay(t *testing.T) (*centre, gameday.Result) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	day := gameday.Day{
		Name: "shop-day", Severity: "SEV-4", Roles: map[string]string{"commander": "ana"},
		Steps: []gameday.Step{{ID: "ready", Ask: "Ready?", Of: []string{"commander"}}, {ID: "seen", Ask: "Seen?"}},
	}
	by := incident.By{Actor: "cem", Source: "test", At: time.Now()}
	began, err := openGameday(t.Context(), db, by, day, day.Head("GD-1", "01JD", "", gameday.Known{}, by.At), nil)
	require.NoError(t, err)
	r := *began.Result
	begin(t, db, &r, 0)
	return &centre{db: db}, r
}

// begin has a step of the day begin.
func begin(t *testing.T, db *store.DB, r *gameday.Result, i int) {
	at := time.Now()
	rep := r.Report(gameday.KindStepBegun, at, "begins")
	r.Steps[i].StartedAt = &at
	rep.Step = &r.Steps[i]
	_, err := db.Append(t.Context(), gamedayEvent(incident.By{Actor: "cem", Source: "test", At: at}, incident.ID(r.Drill), rep))
	require.NoError(t, err)
}

// A button answers the question that it was made for, and no other; a command what is asked
// now. Whoever says it is whom the answer is by.
func TestAnswersFromAChat(t *testing.T) {
	t.Parallel()
	c, r := askingDay(t)
	by := incident.By{Actor: "ana", Via: "slack:U1", Source: "slack", At: time.Now()}
	button := slack.DayAnswer{Drill: incident.ID(r.Drill), Run: "01JD", Step: "ready", Go: true}
	said, err := c.answerFromChat(t.Context(), c.db, by, button)
	require.NoError(t, err)
	require.Equal(t, "GD-1 step ready: ana: go", said)
	claimed := incident.By{Actor: "ana (Slack)", Claimed: true, Via: "slack:U2", Source: "slack", At: time.Now()}
	said, err = c.answerFromChat(t.Context(), c.db, claimed, slack.DayAnswer{Go: true, Note: "two\nlines"})
	require.NoError(t, err)
	require.Contains(t, said, "GD-1 step ready: ana (Slack): go: two lines. It is on the timeline, and go is wanted of ana")
	past, err := readGamedays(t.Context(), c.db, time.Unix(0, 0))
	require.NoError(t, err)
	require.Len(t, past[0].Steps[0].Answers, 2)

	for _, wrong := range []slack.DayAnswer{
		{Drill: incident.ID(r.Drill), Run: "01JE", Step: "ready"}, {Drill: "INC-9", Run: "01JD", Step: "ready"},
	} {
		_, err = c.answerFromChat(t.Context(), c.db, by, wrong)
		require.ErrorContains(t, err, "is not the drill of that game day")
	}
	button.Step = "seen"
	_, err = c.answerFromChat(t.Context(), c.db, by, button)
	require.ErrorContains(t, err, "GD-1 does not ask that any more: goes on, step ready")

	said, err = c.haltFromChat(t.Context(), c.db, claimed, incident.ID(r.Drill), "")
	require.NoError(t, err)
	require.Contains(t, said, "GD-1 shop-day ends")
	inc, err := c.db.Incident(t.Context(), incident.ID(r.Drill))
	require.NoError(t, err)
	require.Equal(t, "halted by ana (Slack) in Slack", inc.Resolution)
	_, err = c.haltFromChat(t.Context(), c.db, by, incident.ID(r.Drill), "")
	require.Error(t, err, "it is resolved already, and whoever holds it sees that")
	_, err = c.haltFromChat(t.Context(), c.db, by, "INC-9", "")
	require.EqualError(t, err, "the game day of INC-9 does not go on")
}
