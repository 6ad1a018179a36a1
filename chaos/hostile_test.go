package chaos_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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

// TestPoliciesThatAreNoFiles keep nobody waiting, least of all an undo.
func TestPoliciesThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	fifo, large := filepath.Join(dir, "fifo"), filepath.Join(dir, "large")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	require.NoError(t, os.WriteFile(large, nil, 0o600))
	require.NoError(t, os.Truncate(large, 2<<20))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("/dev/zero", link))
	for file, why := range map[string]string{fifo: "is no plain file (p", link: "is no plain file (D", large: "is longer than 1 MiB", dir: "is no plain file (d"} {
		_, there, err := chaos.ReadPolicy(file, 1)
		require.False(t, there)
		require.ErrorIs(t, err, chaos.ErrRefused)
		require.ErrorContains(t, err, why)
		call := chaos.ExecCall{Argv: []string{"/bin/true"}, Timeout: time.Second, Config: file}
		_, err = call.Run(t.Context(), nil)
		require.ErrorContains(t, err, "refused R13 policy: ")
		require.ErrorContains(t, err, why)
	}
}

// TestServersThatLie about what they hold are no proof that a fault is gone.
func TestServersThatLie(t *testing.T) {
	lists := map[string]http.HandlerFunc{
		"no list":        func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") },
		"null":           func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "null") },
		"an error":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"somewhere else": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"no end": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	}
	container := chaos.Container{ID: strings.Repeat("a", 64), StartedAt: time.Unix(1, 0)}
	for what, lie := range lists {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(chaos.LabHeader, "1")
				lie(w, r)
			})
			over := httptest.NewServer(handler)
			defer over.Close()
			socket := filepath.Join(t.TempDir(), "proxy-shop.sock")
			l, err := net.Listen("unix", socket)
			require.NoError(t, err)
			srv := &http.Server{Handler: handler}
			go func() { _ = srv.Serve(l) }()
			defer srv.Close()
			there := container
			there.Socket = socket
			toxic := chaos.ToxicRef{Server: over.URL, Proxy: "db", Toxic: "f-1"}
			down := chaos.ToxicRef{Server: over.URL, Proxy: "db"}
			for _, c := range []chaos.Check{
				chaos.HTTPAbsent(over.URL+"/faults", "f-1"), chaos.ProxyAbsent(socket, "f-1"), chaos.ToxicAbsent(toxic), chaos.ProxyEnabled(down),
				chaos.Unpaused(there), chaos.Started(there),
			} {
				require.NoError(t, c.Valid())
				evidence, gone, err := chaos.LocalHands{}.Check(t.Context(), c)
				require.False(t, gone, "%s: %s", c, evidence)
				require.Error(t, err, "%s: nobody knows", c)
			}
		})
	}
}
