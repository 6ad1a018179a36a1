package command

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

var night = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// script is a target that runs a shell script, as people write them.
func script(t *testing.T, text string) Target {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notify.sh"), []byte("#!/bin/sh\n"+text), 0o700))
	return Target{Argv: []string{filepath.Join(dir, "notify.sh"), "--team", "$(touch pwned)"}, Dir: dir}
}

func send(t *testing.T, ctx context.Context, target Target) escalation.Outcome {
	t.Helper()
	s := New(Config{
		Target: func(context.Context, string) (Target, error) { return target, nil },
		Phone:  func(p incident.Person) string { return "+15550100" },
	})
	m := escalation.Message{
		ID: "01MSG", Incident: "INC-7", Sink: "command:sms", Operation: escalation.OpTrigger, Level: "L1", Round: 2, QueuedAt: night,
		Payload: incident.Payload(escalation.Content{Page: escalation.PageCritical, Who: []incident.Person{"bob"}}),
	}
	inc := incident.Incident{ID: "INC-7", Title: "Checkout; $(touch pwned) `id`", Severity: incident.Sev1, Status: incident.StatusOpen}
	return s.Send(ctx, m, inc)
}

// What a program gets: the JSON, its arguments as they stand in the
// configuration, and no variable that is not meant for it.
func TestWhatAProgramGets(t *testing.T) {
	t.Setenv("PRIVATE", "hunter2")
	target := script(t, `cat >notice.json; env >env.txt; printf '%s\n' "$@" >argv.txt`)
	target.Env = map[string]string{"SMS_TOKEN": "tok-4711"}
	require.Equal(t, escalation.Outcome{Class: escalation.Done}, send(t, t.Context(), target))
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(target.Dir, name))
		require.NoError(t, err)
		return string(b)
	}
	var n escalation.Notice
	require.NoError(t, json.Unmarshal([]byte(read("notice.json")), &n))
	require.Equal(t, "01MSG", n.ID)
	require.Equal(t, "+15550100", n.Who[0].Phone)
	require.Equal(t, "--team\n$(touch pwned)\n", read("argv.txt"))
	env := read("env.txt")
	require.NotContains(t, env, "PRIVATE")
	for _, want := range []string{
		"SMS_TOKEN=tok-4711", "SITREP_ID=01MSG", "SITREP_OPERATION=trigger", "SITREP_INCIDENT=INC-7", "SITREP_SEVERITY=SEV-1", "SITREP_LEVEL=L1",
		"SITREP_PHONES=+15550100", "SITREP_TEXT=SEV-1 INC-7 L1 round 2: Checkout; $(touch pwned) `id`", "PATH=",
	} {
		require.Contains(t, env, want)
	}
	require.NoFileExists(t, filepath.Join(target.Dir, "pwned"))
}

// What its end says.
func TestHowItEnds(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		class  escalation.Class
		says   string
	}{
		"well":                {"exit 0", escalation.Done, ""},
		"well, after noise":   {"echo oh >&2; exit 0", escalation.Done, ""},
		"not now":             {"echo gateway is down; exit 75", escalation.NotSent, "command:sms: exit status 75, not now: gateway is down"},
		"never":               {"echo no such number >&2; echo call >&2; exit 3", escalation.Dead, "command:sms: exit status 3: no such number call"},
		"without a word":      {"exit 1", escalation.Dead, "command:sms: exit status 1"},
		"killed":              {"kill -9 $$", escalation.Unsure, "command:sms: it was killed by signal 9 (killed): it may have done its work"},
		"with the secret":     {"echo token $SMS_TOKEN; exit 3", escalation.Dead, "command:sms: exit status 3: token ***"},
		"with escapes":        {"printf '\\033[31mred\\007'; exit 3", escalation.Dead, "command:sms: exit status 3: [31mred"},
		"without reading":     {"exec <&-; exit 0", escalation.Done, ""},
		"with a flood":        {"yes 0123456789 | head -c 20000000; exit 3", escalation.Dead, "command:sms: exit status 3: 0123456789"},
		"with 127 of its own": {"nosuchprogram_; exit $?", escalation.Dead, "exit status 127"},
	} {
		t.Run(name, func(t *testing.T) {
			target := script(t, c.script+"\n")
			target.Env, target.Hidden = map[string]string{"SMS_TOKEN": "tok-4711"}, []string{"tok-4711"}
			o := send(t, t.Context(), target)
			require.Equal(t, c.class, o.Class, "%v", o.Err)
			if c.says == "" {
				require.NoError(t, o.Err)
				return
			}
			require.ErrorContains(t, o.Err, c.says)
			require.LessOrEqual(t, len([]rune(o.Err.Error())), 401)
			require.NotContains(t, o.Err.Error(), "\n")
		})
	}
}

// A program that hangs is killed with all that it started, and nobody knows
// what it did.
func TestItHangs(t *testing.T) {
	target := script(t, "(while :; do sleep 1; done) & echo $! >child.pid; echo calling; sleep 600\n")
	target.Timeout = 500 * time.Millisecond
	o := send(t, t.Context(), target)
	require.Equal(t, escalation.Unsure, o.Class)
	require.ErrorContains(t, o.Err, "command:sms: it took too long and was killed: it may have done its work: calling")
	gone(t, target)
}

// A program that ends well and leaves a child with its output open is not waited
// for, and the child does not stay.
func TestItLeavesAChild(t *testing.T) {
	target := script(t, "(while :; do sleep 1; done) & echo $! >child.pid; exit 0\n")
	require.Equal(t, escalation.Outcome{Class: escalation.Done}, send(t, t.Context(), target))
	gone(t, target)
}

// A program that multiplies is ended with all its children.
func TestItForks(t *testing.T) {
	target := script(t, "i=0; while [ $i -lt 40 ]; do (trap '' TERM HUP INT; sleep 600) & i=$((i+1)); done; echo $! >child.pid; sleep 600\n")
	target.Timeout = time.Second
	require.Equal(t, escalation.Unsure, send(t, t.Context(), target).Class)
	gone(t, target)
}

// gone waits until the child whose ID stands in child.pid is not there.
func gone(t *testing.T, target Target) {
	b, err := os.ReadFile(filepath.Join(target.Dir, "child.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(state), ") Z ") // dead, its new parent has not looked yet
	}, time.Minute, 10*time.Millisecond)
}

func TestItCannotBeRun(t *testing.T) {
	o := send(t, t.Context(), Target{Argv: []string{"/nowhere/notify"}})
	require.Equal(t, escalation.Dead, o.Class)
	require.ErrorContains(t, o.Err, "/nowhere/notify cannot be run")
	require.ErrorContains(t, o.Err, "check commands.sms.argv")

	plain := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600))
	require.Equal(t, escalation.Dead, send(t, t.Context(), Target{Argv: []string{plain}}).Class)
	require.Equal(t, escalation.Dead, send(t, t.Context(), Target{}).Class)

	over, cancel := context.WithCancel(t.Context())
	cancel()
	o = send(t, over, Target{Argv: []string{"true"}})
	require.Equal(t, escalation.NotSent, o.Class)
	require.ErrorContains(t, o.Err, "nothing was run")

	s := New(Config{Target: func(context.Context, string) (Target, error) {
		return Target{}, errors.New("the configuration has no commands.sms")
	}})
	o = s.Send(t.Context(), escalation.Message{Sink: "command:sms"}, incident.Incident{})
	require.EqualError(t, o.Err, "command:sms: the configuration has no commands.sms")
}
