package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// A game day on the lab: held to its end with a person who says go; ended by ctrl-C, by
// ctrl+x on another screen, and by the death of its process. Whatever ends it, no fault is
// left, no load is sent, and the drill is resolved.
func gameDays(t *testing.T) {
	h := startHeadless(t)
	h.prepareGamedays()
	out, code := h.sitrep("gameday", "check", "shop-day")
	require.Zero(t, code, "the lab's own: %s", out)
	h.measured()
	h.aDayIsHeld()
	h.ctrlCEndsADay()
	h.ctrlXEndsADay()
	h.aKilledDayLeavesNothing()
	h.aDayIsHeldFromTheScreen()
}

// prepareGamedays puts plans and experiments beside those of the lab that depend on
// nothing but that there is a shop.
func (h *headless) prepareGamedays() {
	plan := func(name string, length string) string {
		return fmt.Sprintf("name: %s\ntargets: [{url: \"%s/\"}]\nstages: [{rate: 20, for: %s}]\n", name, h.Services["storefront"], length)
	}
	late := func(name string, length string) string {
		return fmt.Sprintf(`name: %s
steady_state: [{name: always, promql: vector(1), expect: "== 1"}]
guards: [{name: never, promql: vector(0), abort_when: "> 1"}]
targets: {select: {service: payments}}
method: [{fault: http.latency, with: {latency: 50ms}, duration: %s}]
`, name, length)
	}
	for file, text := range map[string]string{
		"plans/short.yaml": plan("short", "8s"), "plans/long.yaml": plan("long", "10m"),
		"experiments/short.yaml": late("short-late", "3s"), "experiments/long.yaml": late("long-late", "5m"),
		"gamedays/short.yaml": `name: short-day
hypothesis: The shop bears it.
service: payments
owner: bob
roles: {commander: ana}
steps:
  - {id: ready, ask: "Ready?", of: [commander]}
  - {id: hurt, load: short, chaos: [{run: short-late, at: 1s}]}
`,
		"gamedays/long.yaml": "name: long-day\nservice: payments\nsteps: [{id: hurt, load: long, chaos: [{run: long-late}]}, {id: never, wait: 1s}]\n",
		"gamedays/asked.yaml": `name: asked-day
service: payments
roles: {commander: ana}
steps:
  - {id: ready, ask: "Ready?", of: [commander]}
  - {id: hurt, load: long, chaos: [{run: long-late}]}
`,
		"gamedays/bad.yaml":  "name: bad-day\nsteps: [{load: nobody-has-it}]\n",
		"gamedays/calm.yaml": "name: calm-day\nsteps: [{id: calm, load: long}]\n",
	} {
		require.NoError(h.t, os.WriteFile(filepath.Join(filepath.Dir(h.Config), file), []byte(text), 0o600))
	}
}

func (h *headless) aDayIsHeld() {
	x := startTerminal(h.t, 160, 50, h.env(), "--config", h.Config, "--db", h.DB, "gameday", "run", "short-day")
	x.see("ask commander: Ready?", "here y does, or n")
	require.Eventually(h.t, func() bool {
		return strings.Contains(strings.Join(h.ledger(h.Slack), "\n"), "GD-1 short-day asks: Ready?")
	}, patience, tick,
		"it is asked in chats, too, where nobody else runs the ladder")
	x.press("y")
	code := x.exit()
	require.Contains(h.t, []int{0, exitInconclusive}, code, "%s", x.text()) // a busy machine's generator is late
	r := h.lastGameday()
	require.Equal(h.t, "short-day", r.Day)
	require.Equal(h.t, []gameday.Answer{{Step: "ready", By: "ana", Go: true, At: r.Steps[0].Answers[0].At}}, r.Steps[0].Answers)
	hurt := r.Steps[1]
	require.Equal(h.t, chaos.Held, hurt.Chaos[0].Verdict, hurt.Chaos[0].Reason)
	require.NotZero(h.t, hurt.Load.Requests)

	require.Subset(h.t, h.kindsOf(r.Drill), []incident.Kind{
		incident.Declared, incident.Assigned, incident.GamedayStarted, incident.UpdateSent, incident.GamedayStepBegun, incident.GamedayAnswered,
		incident.GamedayStepEnded, incident.GamedayFinished, incident.Resolved, incident.PostmortemDrafted,
	})
	at := h.firstOf()
	inOrder := []incident.Kind{
		incident.Declared, incident.GamedayStarted, incident.GamedayAnswered, incident.LoadStarted, incident.ChaosInjected, incident.ChaosUndone, incident.LoadFinished,
		incident.GamedayFinished, incident.Resolved,
	}
	require.True(h.t, slices.IsSortedFunc(inOrder, func(a, b incident.Kind) int { return int(at[a] - at[b]) }), "%v", at)
	require.Contains(h.t, strings.Join(h.ledger(h.Slack), "\n"), "game day short-day", "it is announced")
	h.over(r)
	h.reported(r)
}

// reported checks that the report of a day that was held tells it, in every form.
func (h *headless) reported(r gameday.Result) {
	dir := h.t.TempDir()
	for _, name := range []string{"r.html", "r.md"} {
		file := filepath.Join(dir, name)
		out, code := h.sitrep("gameday", "report", r.Run, "-o", file)
		require.Zero(h.t, code)
		require.Contains(h.t, out, "written to")
		text, err := os.ReadFile(file)
		require.NoError(h.t, err)
		for _, want := range []string{"The shop bears it.", "short-late", "load short", "ana", "Ready?", r.Steps[1].Load.Run, r.Steps[1].Chaos[0].Run, r.Drill} {
			require.Contains(h.t, string(text), want, name)
		}
		require.NotContains(h.t, string(text), "not recorded", "the schedule is known")
		_, code = h.sitrep("gameday", "report", r.Run, "-o", file)
		require.Equal(h.t, exitUsage, code, "what is there stays")
	}
	out, code := h.sitrep("gameday", "report", "--json")
	require.Zero(h.t, code)
	var account gameday.Account
	require.NoError(h.t, json.Unmarshal([]byte(out), &account))
	require.Equal(h.t, r.Run, account.Run)
	require.Len(h.t, account.Schedule, 3)
	_, code = h.sitrep("gameday", "report", "-o", filepath.Join(dir, "r.pdf"))
	require.Equal(h.t, exitUsage, code)
}

func (h *headless) ctrlCEndsADay() {
	x := startTerminal(h.t, 160, 50, h.env(), "--config", h.Config, "--db", h.DB, "gameday", "run", "long-day")
	h.hurtNow()
	x.press(keyCtrlC)
	require.Equal(h.t, exitInterrupted, x.exit(), "%s", x.text())
	require.Zero(h.t, h.injected())
	r := h.lastGameday()
	require.Equal(h.t, chaos.Aborted, r.Verdict)
	require.Equal(h.t, "ended by ctrl-C (ana)", r.Reason)
	require.Nil(h.t, r.Steps[1].StartedAt)
	require.Empty(h.t, r.Findings)
	h.over(r)
}

// A screen that has not started the day ends it while no fault is in place: only load is.
func (h *headless) ctrlXEndsADay() {
	day, wait := h.startGameday("calm-day")
	require.Eventually(h.t, func() bool { return h.lastGameday().Day == "calm-day" && h.lastGameday().Present() != nil }, patience, seldom)
	again, _ := h.sitrep("gameday", "run", "short-day", "--dry-run", "--json")
	require.Contains(h.t, again, "R3 one-at-a-time: the game day GD-3 calm-day goes on")
	x := h.screen(120, 40)
	x.see("INC-3", `GD-3 1/1 "calm"`)
	x.press(keyCtrlX)
	x.see("GD-3 ended by ctrl+x (ana): everything is undone")
	require.Error(h.t, wait())
	require.Equal(h.t, exitNotHeld, day.ProcessState.ExitCode())
	r := h.lastGameday()
	require.Equal(h.t, chaos.Aborted, r.Verdict)
	require.Contains(h.t, r.Reason, "by ctrl+x (ana)")
	h.over(r)
	x.press("q")
}

func (h *headless) aKilledDayLeavesNothing() {
	day, wait := h.startGameday("long-day")
	h.hurtNow()
	require.NoError(h.t, day.Process.Signal(syscall.SIGKILL))
	require.Error(h.t, wait())
	require.Eventually(h.t, func() bool { return h.injected() == 0 && h.closedRun() }, undone, tick, "its runner undoes it")
	r := h.lastGameday()
	require.Equal(h.t, chaos.Aborted, r.Verdict)
	require.Contains(h.t, r.Reason, "its process died")
	h.over(r)
	out, code := h.sitrep("load", "show", "last")
	require.Zero(h.t, code)
	require.Contains(h.t, out, "its process died")
	require.Contains(h.t, h.outsideOf(r.StartedAt), incident.ChaosUndone)
	require.Len(h.t, slices.DeleteFunc(h.kindsOf(r.Drill), func(k incident.Kind) bool { return k != incident.GamedayFinished }), 1)
}

// A screen shows the plan, holds the day in a process of its own, answers what it asks, and
// shows what it hurts; whoever else looks sees the day too. Left, or killed, the screen takes
// the day with it.
func (h *headless) aDayIsHeldFromTheScreen() {
	leave := func(x *terminal) {
		x.press("1", "q")
		x.see("GD-", "was started here: it is ended and undone, and its drill")
		x.press("y")
		require.Zero(h.t, x.exit())
	}
	kill := func(x *terminal) {
		x.signal(syscall.SIGKILL)
	}
	for _, end := range []func(*terminal){leave, kill} {
		before := h.lastGameday()
		x := h.screen(120, 40)
		x.press("4")
		x.see("game days", "asked-day", "broken: ")
		x.press(":", "start asked-day", keyEnter)
		x.see("Game day asked-day", "nothing refuses it", "ready: ask commander: Ready?", "hurt: chaos long-late", "y start in 3 s")
		x.confirm("u takes it back")
		x.see("has begun: its drill is INC-", `"ready" ASKS`)
		other := h.screen(80, 24)
		other.see("ASKS: V")
		x.press("V")
		x.see("asks: Ready?", "wants go of ana")
		x.press("the board is up", keyEnter)
		x.confirm("u takes it back")
		h.hurtNow()
		x.see(`2/2 "hurt"`, "▸hold", "hurts  http.latency on payments-", "lost   this terminal")
		other.see("2/2")
		end(x)
		require.Eventually(h.t, func() bool { return h.lastGameday().EndedAt != nil }, patience, tick)
		other.gone("2/2")
		r := h.lastGameday()
		require.NotEqual(h.t, before.ID, r.ID)
		require.Equal(h.t, "asked-day", r.Day)
		require.Equal(h.t, chaos.Aborted, r.Verdict)
		require.Equal(h.t, "ended with the screen that started it (ana)", r.Reason)
		require.Equal(h.t, "the board is up", r.Steps[0].Answers[0].Note)
		require.Equal(h.t, "ana", r.Steps[0].Answers[0].By)
		h.over(r)
		other.press("4", "\t", "\t")
		other.see(r.Run, "aborted")
		other.press("1")
		going := regexp.MustCompile(`(CH|LT)-\d+ .* left`)
		other.await("no run goes on", func(screen string) bool { return !going.MatchString(screen) })
		other.press("q")
		require.Zero(h.t, other.exit())
	}
}

// startGameday holds one in a process without a terminal.
func (h *headless) startGameday(name string) (cmd *exec.Cmd, wait func() error) {
	h.t.Helper()
	cmd = exec.Command(binary, "--config", h.Config, "--db", h.DB, "gameday", "run", name)
	cmd.Env = append(os.Environ(), h.env()...)
	require.NoError(h.t, cmd.Start())
	h.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, cmd.Wait
}

func (h *headless) hurtNow() {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.injected() == 1 }, patience, tick)
}

// over checks that a day has left nothing going on.
func (h *headless) over(r gameday.Result) {
	h.t.Helper()
	require.Zero(h.t, h.injected())
	require.NotNil(h.t, r.EndedAt)
	out, _ := h.sitrep("incident", "show", r.Drill, "--json")
	require.Contains(h.t, out, `"status": "resolved"`)
	require.Contains(h.t, out, `"drill": true`)
	who, err := gameday.Walking(filepath.Join(h.state, "sitrep", "chaos"))
	require.NoError(h.t, err)
	require.Empty(h.t, who)
}

// lastGameday is the newest run, as far as it has come.
func (h *headless) lastGameday() (r gameday.Result) {
	h.t.Helper()
	out, code := h.sitrep("gameday", "show", "--json")
	require.Zero(h.t, code)
	require.NoError(h.t, json.Unmarshal([]byte(out), &r))
	return r
}

// kindsOf are the kinds of the events of an incident.
func (h *headless) kindsOf(id string) (kinds []incident.Kind) {
	h.t.Helper()
	out, _ := h.sitrep("incident", "timeline", id, "--json")
	var events []incident.Event
	require.NoError(h.t, json.Unmarshal([]byte(out), &events))
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// firstOf is the first event of every kind.
func (h *headless) firstOf() map[incident.Kind]int64 {
	h.t.Helper()
	first := map[incident.Kind]int64{}
	for _, e := range h.events(time.Unix(0, 0)) {
		if first[e.Kind] == 0 {
			first[e.Kind] = e.Seq
		}
	}
	return first
}

// outsideOf are the kinds of what was recorded since then outside of incidents.
func (h *headless) outsideOf(since time.Time) (kinds []incident.Kind) {
	h.t.Helper()
	for _, e := range h.events(since) {
		if e.Incident == "" {
			kinds = append(kinds, e.Kind)
		}
	}
	return kinds
}

func (h *headless) events(since time.Time) []incident.Event {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), h.DB)
	require.NoError(h.t, err)
	defer db.Close()
	events, err := db.Between(h.t.Context(), since, time.Now().Add(time.Hour), mostEvents)
	require.NoError(h.t, err)
	return events
}
