package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// crowd is a store with processes on it that remind, and the chat that all of them tell.
type crowd struct {
	t    *testing.T
	db   *store.DB
	day  gameday.Day
	chat *toldChat
}

// toldChat takes what is posted, unless it is to fail.
type toldChat struct {
	mu    sync.Mutex
	fails escalation.Class // of the next ones; Done is none
	tried []escalation.Message
	took  []escalation.Message
}

func (c *toldChat) Send(_ context.Context, m escalation.Message, _ incident.Incident) escalation.Outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = append(c.tried, m)
	if c.fails != escalation.Done {
		return escalation.Outcome{Class: c.fails, Err: errors.New("no")}
	}
	c.took = append(c.took, m)
	return escalation.Outcome{Class: escalation.Done, Ref: "C1/1.1"}
}

func newCrowd(t *testing.T) *crowd {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	day := gameday.Day{
		Name: "shop-day", Hypothesis: "<!channel> People\x1b[31m buy.", Roles: map[string]string{"commander": "ana", "operations": "bob", "scribe": "ana"},
		When: gameday.When{At: "2026-11-25 14:00", TZ: "Europe/Berlin", Every: strictyaml.Duration(4 * 7 * 24 * time.Hour)},
	}
	return &crowd{t: t, db: db, day: day, chat: &toldChat{fails: escalation.Done}}
}

// process is one that looks.
func (c *crowd) process() *dayReminder {
	return &dayReminder{
		db: c.db, days: []gameday.Day{c.day, {Name: "unplanned"}}, sender: c.chat, mine: func() bool { return true }, problem: func(string) {},
		sinks: func(gameday.Day) []string { return []string{"slack:#days", "slack:#shop"} },
	}
}

// before is that long before the first time that the day is planned for.
func (c *crowd) before(d time.Duration) time.Time {
	_, next := c.day.When.Around(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	return next.Add(-d)
}

func (c *crowd) looks(p *dayReminder, before time.Duration) error {
	return p.look(c.t.Context(), c.before(before))
}

// A day and an hour before, each chat is reminded once, however many processes look and
// begin anew.
func TestPeopleAreRemindedOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	first := c.process()
	require.NoError(t, c.looks(first, 25*time.Hour))
	require.Empty(t, c.chat.tried)
	for _, before := range []time.Duration{24 * time.Hour, 23 * time.Hour, 2 * time.Hour} {
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { require.NoError(t, c.looks(c.process(), before)) })
		}
		all.Wait()
		require.NoError(t, c.looks(first, before))
	}
	require.Len(t, c.chat.took, 2, "five at once, and again")
	require.ElementsMatch(t, []string{"slack:#days", "slack:#shop"}, []string{c.chat.took[0].Sink, c.chat.took[1].Sink})
	said := c.chat.took[0].Content()
	require.True(t, said.Reminds)
	require.Equal(t, []incident.Person{"ana", "bob"}, said.Who)
	require.Contains(t, said.Text, "[DRILL] game day shop-day begins at 2026-11-25 14:00 CET, in 1d\n")
	require.Contains(t, said.Text, "commander ana, scribe ana, operations bob")
	require.NoError(t, c.looks(c.process(), time.Hour))
	require.NoError(t, c.looks(c.process(), time.Minute))
	require.Len(t, c.chat.took, 4)
	require.Contains(t, c.chat.took[2].Content().Text, "in 1h\n")
	require.NoError(t, c.looks(c.process(), -time.Minute))
	require.Len(t, c.chat.tried, 4, "it has begun")

	require.NoError(t, c.looks(c.process(), -27*24*time.Hour), "four weeks later")
	require.Len(t, c.chat.took, 6)
}

// Whoever comes late reminds of what is near alone; one that a chat did not take is offered
// again, and looked for there first.
func TestAReminderIsOfferedAgain(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.chat.fails = escalation.Unsure
	p := c.process()
	require.ErrorContains(t, c.looks(p, 30*time.Minute), "slack:#days is not reminded of the game day shop-day: ambiguous: no")
	require.Len(t, c.chat.tried, 2, "of the hour; the day before is over")
	require.False(t, c.chat.tried[0].Murky)
	require.NoError(t, c.looks(p, 30*time.Minute-time.Second), "not at once")
	require.Len(t, c.chat.tried, 2)
	c.chat.fails = escalation.Done
	require.NoError(t, c.looks(c.process(), 29*time.Minute))
	require.Len(t, c.chat.took, 2)
	require.True(t, c.chat.took[0].Murky, "it may be there already")
	require.Equal(t, c.chat.tried[0].ID, c.chat.took[0].ID)
}

// A day that was held this morning is not reminded of in the afternoon.
func TestNobodyIsRemindedOfWhatWasHeld(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	head := c.day.Head("GD-1", "01JD", "INC-1", gameday.Known{}, c.before(5*time.Hour))
	rep := head.Report(gameday.KindStarted, c.before(5*time.Hour), "begins")
	rep.Result = &head
	_, err := c.db.Append(t.Context(), gamedayEvent(incident.By{Actor: "ana", Source: "test"}, "", rep))
	require.NoError(t, err)
	require.NoError(t, c.looks(c.process(), time.Hour))
	require.Empty(t, c.chat.tried)
}

// A daemon reminds in the lab's Slack, and the next one does not again. The first screen
// says that the day begins, and the routine lists it.
func gameDaysAreRemindedOf(t *testing.T) {
	h := startHeadless(t)
	planned := time.Now().Add(40 * time.Minute).UTC().Format("2006-01-02 15:04")
	file := filepath.Join(filepath.Dir(h.Config), "gamedays", "planned.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: planned-day\nroles: {commander: ana}\nwhen: {at: \""+planned+"\"}\nsteps: [{load: smoke}]\n"), 0o600))
	reminded := func() (n int) {
		for _, line := range h.ledger(h.Slack) {
			if strings.Contains(line, "chat.postMessage") && strings.Contains(line, "game day planned-day begins at "+planned) {
				n++
			}
		}
		return n
	}
	for range 2 {
		daemon := exec.Command(binary, "--config", h.Config, "--db", h.DB, "daemon")
		daemon.Env = append(os.Environ(), h.env()...)
		require.NoError(t, daemon.Start())
		require.Eventually(t, func() bool { return reminded() == 1 }, patience, tick)
		require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
		_ = daemon.Wait() // by a signal
	}
	require.Equal(t, 1, reminded())
	out, code := h.sitrep("routine", "list")
	require.Equal(t, exitNotHeld, code)
	require.Contains(t, out, "gameday:planned-day")
	require.Contains(t, out, "it begins at "+planned)
	h.measured()
	x := h.screen(120, 40)
	x.see("planned-day: game day begins in")
	x.press("q")
	require.Zero(t, x.exit())
}
