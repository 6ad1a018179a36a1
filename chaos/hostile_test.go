package chaos_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// abandoned is a lab with a stopped service whose run has nobody any more.
func abandoned(t *testing.T) (l *lab, journal string) {
	l = newLab(t)
	req := l.request(pause().file())
	h := l.starter(req)
	log := l.holding(req)
	dead := []chaos.Process{*log.Undertaker, log.Opened.Runner, h.process(t)}
	for _, p := range dead {
		stop(t, p)
	}
	for _, p := range dead {
		kill(t, p)
	}
	require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
	return l, log.Path
}

// TestJournalsThatOthersMayWrite are not believed: what they say is done with our rights.
func TestJournalsThatOthersMayWrite(t *testing.T) {
	t.Parallel()
	l, journal := abandoned(t)
	for what, change := range map[string]func(){
		"may be written by others": func() { require.NoError(t, os.Chmod(l.dir, 0o777)) },
		"is not trusted: " + journal + " may be written by others": func() {
			require.NoError(t, os.Chmod(l.dir, 0o700))
			require.NoError(t, os.Chmod(journal, 0o666))
		},
	} {
		change()
		_, err := chaos.Recover(t.Context(), l.dir)
		require.ErrorContains(t, err, what)
		require.True(t, l.hurt())
		require.NoError(t, os.Chmod(journal, 0o600))
	}
	require.NoError(t, os.Chmod(l.dir, 0o700))

	hidden := journal + ".real"
	require.NoError(t, os.Rename(journal, hidden))
	require.NoError(t, os.Symlink(hidden, journal))
	open, err := chaos.Active(l.dir)
	require.NoError(t, err)
	require.Len(t, open, 1, "a link hides no run")
	_, err = chaos.Recover(t.Context(), l.dir)
	require.ErrorContains(t, err, journal)
	require.NoError(t, os.Rename(hidden, journal))
	_, err = chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	l.recovered()
}

// TestHaltThatIsNoFile halts, and keeps no undertaker from its work.
func TestHaltThatIsNoFile(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	l.starter(req)
	l.holding(req)
	require.NoError(t, unix.Mkfifo(filepath.Join(l.dir, "HALT"), 0o600))
	text, yes := chaos.Halted(l.dir)
	require.True(t, yes)
	require.Equal(t, "HALT is no file", text)
	l.recovered()
	require.Contains(t, l.journal(req).ClosedText, "HALT is no file")
}

// TestAStoppedUndertakerIsWoken: whoever looks after a dead runner has the undertaker go
// on, which somebody has stopped.
func TestAStoppedUndertakerIsWoken(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req := l.request(pause().file())
	l.starter(req)
	log := l.holding(req)
	stop(t, *log.Undertaker)
	kill(t, log.Opened.Runner)
	require.Eventually(t, func() bool { return !log.Opened.Runner.Alive() }, patience, tick)
	require.True(t, l.hurt())
	_, err := chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	l.recovered()
}

// TestWhatAJournalSaysOfTheEnvironment is not put into that of a program.
func TestWhatAJournalSaysOfTheEnvironment(t *testing.T) {
	call := chaos.ExecCall{Argv: []string{"/bin/true"}, Env: []string{"SITREP_FAULT=f-1"}, Timeout: time.Second}
	require.NoError(t, call.Valid())
	call.Env = append(call.Env, "LD_PRELOAD=/tmp/evil.so")
	require.ErrorContains(t, call.Valid(), `this is "LD_PRELOAD"`)
}
