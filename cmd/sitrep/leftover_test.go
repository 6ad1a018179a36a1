package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// host is a state directory without a lab.
type host struct {
	t     *testing.T
	state string
}

func newHost(t *testing.T) *host {
	h := &host{t, t.TempDir()}
	require.NoError(t, os.MkdirAll(h.chaos(), 0o700))
	return h
}

func (h *host) chaos() string { return filepath.Join(h.state, "sitrep", "chaos") }

func (h *host) db() string { return filepath.Join(h.state, "sitrep", "sitrep.db") }

// sitrep runs a command and returns what it printed and its code.
func (h *host) sitrep(args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+h.state, "HOME="+h.state, "SUDO_USER=ana")
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.state, &out, &complaints
	if err := cmd.Run(); err != nil {
		require.IsType(h.t, &exec.ExitError{}, err)
	}
	return out.String(), complaints.String(), cmd.ProcessState.ExitCode()
}

// victim is a stopped process, which nobody but an undo continues. It ends with the
// test, stopped or not.
func (h *host) victim() chaos.Process {
	h.t.Helper()
	cmd := exec.Command("sleep", "600")
	require.NoError(h.t, cmd.Start())
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p, err := chaos.Identify(cmd.Process.Pid)
	require.NoError(h.t, err)
	require.NoError(h.t, p.Signal(syscall.SIGSTOP))
	require.Eventually(h.t, func() bool { return h.stopped(p) }, patience, tick)
	return p
}

const tick = 10 * time.Millisecond

func (h *host) stopped(p chaos.Process) bool {
	state, err := p.State()
	require.NoError(h.t, err)
	return state == 'T'
}

// paused is the intent of a process that is stopped.
func paused(target string, p chaos.Process) *chaos.Intent {
	return &chaos.Intent{Kind: "process.pause", Target: target, Tier: chaos.TierDeadMan, Undo: []chaos.Op{chaos.Continue(p)}, Gone: chaos.Running(p)}
}

// abandoned writes the journal of a run all of whose processes are dead, and returns
// its file and its ULID. It appears at once and whole, as a real one does.
func (h *host) abandoned(run string, intents ...*chaos.Intent) (path, id string) {
	h.t.Helper()
	id = ulid.Make().String()
	path = filepath.Join(h.chaos(), id+".wal")
	now := time.Now()
	records := []chaos.Record{{Rec: "opened", At: now, Opened: &chaos.Opened{Run: run, ID: id, Experiment: "payments-pause", Targets: []string{"payments-1"}}}}
	for i, intent := range intents {
		entry := fmt.Sprintf("f-%d", i+1)
		records = append(records, chaos.Record{Rec: "intent", At: now, Entry: entry, Intent: intent}, chaos.Record{Rec: "injected", At: now, Entry: entry})
	}
	var file bytes.Buffer
	for _, r := range records {
		line, err := json.Marshal(r)
		require.NoError(h.t, err)
		fmt.Fprintf(&file, "\n%s\n", line)
	}
	require.NoError(h.t, os.WriteFile(path+".draft", file.Bytes(), 0o600))
	require.NoError(h.t, os.Rename(path+".draft", path))
	return path, id
}

// screen opens a command centre whose Prometheus does not answer.
func (h *host) screen() *terminal {
	return startTerminal(h.t, 160, 40, []string{"XDG_STATE_HOME=" + h.state, "HOME=" + h.state, "SUDO_USER=ana"}, "--prometheus", "http://127.0.0.1:1")
}

// started puts on the timeline of the store that a run began, as its recorder did
// before it died.
func (h *host) started(run, id string) {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), h.db())
	require.NoError(h.t, err)
	rec := &recorder{db: db, by: incident.By{Actor: "ana", Source: "cli"}, freeze: func() json.RawMessage { return nil }}
	require.NoError(h.t, rec.chaos(h.t.Context(), chaos.Report{Run: run, ID: id, Experiment: "payments-pause", Kind: chaos.KindStarted, At: time.Now()}))
	require.NoError(h.t, db.Close())
}

// undoneEvents are the undos on the timeline.
func (h *host) undoneEvents() (texts []string) {
	h.t.Helper()
	db, err := store.Open(h.t.Context(), h.db())
	require.NoError(h.t, err)
	defer db.Close()
	events, err := db.Between(h.t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), mostEvents)
	require.NoError(h.t, err)
	for _, e := range events {
		if e.Kind == incident.ChaosUndone {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// A run whose processes all die while a screen is open is undone by it, on the
// screen and on the timeline.
func TestAnOpenScreenUndoesWhatIsLeft(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	x := h.screen()
	x.see("this process runs the ladder")
	p := h.victim()
	path, id := h.abandoned("CH-19", paused("payments-1", p))
	h.started("CH-19", id)
	died := time.Now()
	require.Eventually(t, func() bool { return !h.stopped(p) }, undone, tick)
	t.Logf("continued %v after its last process was gone", time.Since(died).Round(time.Millisecond))
	x.see("CH-19 payments-pause was left by a process that died; undone now: process.pause on payments-1")
	l, err := chaos.ReadLog(path)
	require.NoError(t, err)
	require.True(t, l.Closed)
	require.Eventually(t, func() bool { return len(h.undoneEvents()) == 1 }, patience, tick)
	require.Contains(t, h.undoneEvents()[0], "CH-19 payments-pause: undone process.pause on payments-1")
}

// A proxy that hangs keeps its own undo waiting, and no screen. That does not count
// down to an end that nobody brings about.
func TestAProxyThatHangsKeepsNoScreenWaiting(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer proxy.Close()
	defer close(release)
	h := newHost(t)
	x := h.screen()
	x.see("this process runs the ladder")
	faults := proxy.URL + "/faults"
	h.abandoned("CH-7", &chaos.Intent{
		Kind: "http.latency", Target: "payments-1", Tier: chaos.TierDeadMan, Until: time.Now().Add(time.Hour),
		Undo: []chaos.Op{chaos.HTTPDelete(faults, "f-1")}, Gone: chaos.HTTPAbsent(faults, "f-1"),
	})
	x.see("CH-7 payments-pause NOT UNDONE: its processes are dead")
	x.press("?")
	x.see("eys") // the list of keys opens at once
	x.press(keyEsc)
	x.see("CH-7 payments-pause NOT UNDONE")
	x.see("faults of dead runs are not proven undone")
}

// The daemon does the same, and says so.
func TestADaemonUndoesWhatIsLeft(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	config := filepath.Join(h.state, "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, "prometheus: {url: http://127.0.0.1:1}\ndaemon: {listen: '127.0.0.1:%d'}\n", freePort(t)), 0o600))
	x := startTerminal(t, 200, 40, []string{"XDG_STATE_HOME=" + h.state, "HOME=" + h.state, "SUDO_USER=ana"}, "--config", config, "daemon")
	x.see("/health")
	p := h.victim()
	h.abandoned("CH-19", paused("payments-1", p))
	require.Eventually(t, func() bool { return !h.stopped(p) }, undone, tick)
	x.see("CH-19 payments-pause was left by a process that died; undone now: process.pause on payments-1")
}

// A journal that is damaged is proof of nothing: whatever command looks at it says
// so, undoes what it can read, and leaves the file to a person.
func TestADamagedJournalIsNotRecovered(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	lost, found := h.victim(), h.victim()
	path, _ := h.abandoned("CH-22", paused("payments-1", lost), paused("payments-2", found))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	copy(file[bytes.Index(file, []byte("intent")):], "\x00\xff\x00\xff\x00\xff")
	require.NoError(t, os.WriteFile(path, file, 0o600))

	out, complaint, code := h.sitrep("chaos", "recover")
	require.Equal(t, exitUndoFailed, code)
	require.Equal(t, "CH-22 payments-pause: undone: process.pause on payments-2; NOT PROVEN UNDONE\n", out)
	require.Contains(t, complaint, path)
	require.Contains(t, complaint, "the journal is damaged: line 4 cannot be read")
	require.Contains(t, complaint, "look at payments-1")
	require.False(t, h.stopped(found), "what can be read is undone")
	require.True(t, h.stopped(lost))
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), st.Mode(), "it is not sealed")

	began := time.Now()
	out, complaint, code = h.sitrep("chaos", "halt")
	require.Equal(t, exitUndoFailed, code)
	require.NotContains(t, out, "nothing is injected")
	require.Contains(t, complaint, "halt: no run starts any more, but recover "+path)
	require.Less(t, time.Since(began), haltPatience, "waiting mends no journal")

	out, _, code = h.sitrep("chaos", "list")
	require.Zero(t, code)
	require.Regexp(t, `CH-22 +payments-pause .*NOT PROVEN UNDONE: its journal `+path+` is damaged`, out)
	out, _, code = h.sitrep("chaos", "list", "--json")
	require.Zero(t, code)
	require.Contains(t, out, `"damage": "line 4 cannot be read"`)
	h.screen().see("CH-22 payments-pause NOT UNDONE: its journal is damaged")

	require.NoError(t, os.Remove(path))
	out, _, code = h.sitrep("chaos", "halt")
	require.Zero(t, code, "a person has looked")
	require.Contains(t, out, "nothing is injected, and no run starts")
}

// Whatever a journal is, it has a name.
func TestJournalsOfNoRun(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{
		"empty": nil, "binary": {0x7f, 'E', 'L', 'F', 0, 1, '\n', 0xff, 0}, "large": bytes.Repeat([]byte("7"), 40<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			path := filepath.Join(h.chaos(), "01JDAMAGED.wal")
			require.NoError(t, os.WriteFile(path, file, 0o600))
			out, complaint, code := h.sitrep("chaos", "recover")
			require.Equal(t, exitUndoFailed, code)
			require.Equal(t, "01JDAMAGED: undone: none; NOT PROVEN UNDONE\n", out)
			require.Contains(t, complaint, path)
			out, _, _ = h.sitrep("chaos", "list")
			require.Contains(t, out, "01JDAMAGED")
			out, _, code = h.sitrep("chaos", "halt")
			require.Equal(t, exitUndoFailed, code)
			require.Empty(t, out)
			st, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), st.Mode(), "it is not sealed")
		})
	}
}

// What commands undo is on the timeline when they end, of the store that knows the
// run, and only if there is one.
func TestCommandsRecordWhatTheyUndo(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"recover", "halt"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			p := h.victim()
			_, id := h.abandoned("CH-3", paused("payments-1", p))
			h.started("CH-3", id)
			_, complaint, code := h.sitrep("chaos", command)
			require.Zero(t, code, complaint)
			require.False(t, h.stopped(p))
			require.Len(t, h.undoneEvents(), 1)
			require.Contains(t, h.undoneEvents()[0], "CH-3 payments-pause: undone process.pause on payments-1")
		})
		t.Run(command+" without a store", func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.abandoned("CH-3", paused("payments-1", h.victim()))
			_, complaint, code := h.sitrep("chaos", command)
			require.Zero(t, code, complaint)
			require.NoFileExists(t, h.db())
		})
		t.Run(command+" with a store that is none", func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			p := h.victim()
			h.abandoned("CH-3", paused("payments-1", p))
			require.NoError(t, os.WriteFile(h.db(), []byte(strings.Repeat("no database ", 1000)), 0o600))
			_, complaint, code := h.sitrep("chaos", command)
			require.Zero(t, code, "everything is undone")
			require.False(t, h.stopped(p))
			require.Contains(t, complaint, "what was undone is not on the timeline yet: ")
		})
	}
}

// Text from a journal reaches no terminal as it is.
func TestJournalsAreSanitised(t *testing.T) {
	t.Parallel()
	const hostile = "CH-\x1b[2J\x1b]0;owned\a"
	h := newHost(t)
	intent := paused("pay\x1b[2J", h.victim())
	intent.Kind = "process\x1b[2J"
	path, _ := h.abandoned(hostile, intent)
	list, recovered, code := h.sitrep("chaos", "list")
	require.Zero(t, code)
	require.Contains(t, recovered, "undone now: ", "any command does that first")
	require.Contains(t, recovered, "CH-")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte(`{"rec":"opened","at":"2026-11-24T03:00:00Z","opened":{"run":"CH-\u001b[2J","targets":["\u001b[2J"]}}`+"\n\x1b[2J\n"), 0o600))
	damaged, complaint, code := h.sitrep("chaos", "recover")
	require.Equal(t, exitUndoFailed, code)
	halted, also, _ := h.sitrep("chaos", "halt")
	for _, text := range []string{list, recovered, damaged, complaint, halted, also} {
		require.NotContains(t, text, "\x1b")
		require.NotContains(t, text, "\a")
	}
}

// What a screen says of runs that it did not start.
func TestRunsOfOthers(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(time.Minute)
	live := chaos.OpenRun{Run: "CH-1", Experiment: "x", Targets: []string{"pay-1"}, Until: end, Live: true}
	runs := withOthers(nil, []chaos.OpenRun{live})
	require.Equal(t, end, runs[0].Ends)
	require.Empty(t, runs[0].Left)
	own := withOthers([]pane.ChaosRun{{Run: "CH-1", Last: chaos.Report{ID: "a"}}}, []chaos.OpenRun{{Run: "CH-1", Live: true, Production: "env=prod"}})
	require.Equal(t, "env=prod", own[0].Production, "a screen knows it of its own, too")

	later := live
	later.Until = end.Add(time.Minute)
	require.Equal(t, later.Until, withOthers(runs, []chaos.OpenRun{later})[0].Ends, "its second step")

	dead := live
	dead.Live = false
	left := withOthers(runs, []chaos.OpenRun{dead})
	require.Len(t, left, 1)
	require.Equal(t, "its processes are dead", left[0].Left)
	require.Zero(t, left[0].Ends, "no plan holds any more")
	require.Empty(t, runs[0].Left, "what was published is left alone")
	over := withOthers(left, nil)[0]
	require.Equal(t, chaos.Outcome{Run: "CH-1", Verdict: chaos.Aborted, Reason: "its processes died; it is undone"}, *over.Outcome)

	damaged := dead
	damaged.Damage = "line 4 cannot be read"
	require.Equal(t, "its journal is damaged", withOthers(runs, []chaos.OpenRun{damaged})[0].Left)
	damaged.Live = true
	require.Empty(t, withOthers(runs, []chaos.OpenRun{damaged})[0].Left, "its runner knows what it did")

	mine := []pane.ChaosRun{{Run: "CH-1", Ends: end, Last: chaos.Report{ID: "01X"}}}
	require.Equal(t, "its processes are dead", withOthers(mine, []chaos.OpenRun{dead})[0].Left)
	require.Equal(t, end, withOthers(mine, []chaos.OpenRun{dead})[0].Ends)
	require.Nil(t, withOthers(mine, nil)[0].Outcome, "whoever follows it says how it ended")

	require.Equal(t, "ended; its own process knows how", withOthers(runs, nil)[0].Outcome.Reason)
}

// leftoversOf is a memory whose complaints are collected.
func leftoversOf(t *testing.T, dir string) (*leftovers, *[]string) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	said := &[]string{}
	rec := &recorder{db: db, by: incident.By{Actor: "ana", Source: "tui"}, freeze: func() json.RawMessage { return nil }}
	return newLeftovers(&centre{db: db, rec: rec, news: silent(func(text string) { *said = append(*said, text) })}, dir), said
}

// What cannot be undone is tried again, later and later, and told once; a run that
// dies meanwhile does not wait for that.
func TestLeftoversAreTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	l, said := leftoversOf(t, h.chaos())
	look := func(at time.Time) {
		t.Helper()
		open, err := chaos.Active(h.chaos())
		require.NoError(t, err)
		l.look(context.Background(), open, at)
	}
	damaged := filepath.Join(h.chaos(), "01A.wal")
	require.NoError(t, os.WriteFile(damaged, nil, 0o600))
	now := time.Now()
	look(now)
	require.Empty(t, *said, "whoever started it may be at it")
	look(now.Add(time.Second))
	require.Len(t, *said, 1)
	require.Contains(t, (*said)[0], damaged)
	for i := range 300 {
		look(now.Add(time.Duration(i) * time.Second))
	}
	require.Len(t, *said, 1)
	require.Equal(t, time.Minute, l.pause)

	p := h.victim()
	h.abandoned("CH-2", paused("payments-1", p))
	now = l.again.Add(-30 * time.Second)
	look(now)
	require.True(t, h.stopped(p))
	look(now.Add(time.Second))
	require.False(t, h.stopped(p))
	require.Contains(t, *said, "CH-2 payments-pause was left by a process that died; undone now: process.pause on payments-1")
}

// A run that somebody else has is not said to be undone, nor that there is none.
func TestRecoverNamesWhoHasARun(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	p := h.victim()
	path, _ := h.abandoned("CH-5", paused("payments-1", p))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX)) // as another that recovers
	out, complaint, code := h.sitrep("chaos", "recover")
	require.Equal(t, exitInconclusive, code)
	require.Empty(t, out, "why is on standard error alone")
	require.Equal(t, fmt.Sprintf("sitrep: CH-5 payments-pause is being undone by process %d: nothing is proven yet; ask again\n", os.Getpid()), complaint)
	out, _, code = h.sitrep("chaos", "recover", "--json")
	require.Equal(t, exitInconclusive, code)
	require.Contains(t, out, fmt.Sprintf(`"error": "CH-5 payments-pause is being undone by process %d`, os.Getpid()))
	require.True(t, h.stopped(p))

	require.NoError(t, f.Close())
	out, complaint, code = h.sitrep("chaos", "recover")
	require.Zero(t, code, complaint)
	require.Equal(t, "CH-5 payments-pause: undone: process.pause on payments-1\n", out)
	require.False(t, h.stopped(p))
	out, _, code = h.sitrep("chaos", "recover")
	require.Zero(t, code)
	require.Equal(t, "nothing to undo\n", out)
}
