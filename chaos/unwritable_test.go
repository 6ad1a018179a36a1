package chaos_test

import (
	"bytes"
	"context"
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

	"github.com/sitrep-dev/sitrep/chaos"
)

// nobody is who has no rights to what is root's.
const nobody = 65534

// recoverHere is a sitrep that starts: it recovers, and says what it thinks of the rest.
func recoverHere(dir string) int {
	done, err := chaos.Recover(context.Background(), dir)
	fmt.Println("recover:", len(done), err)
	open, err := chaos.Active(dir)
	fmt.Println("active:", len(open), err)
	return 0
}

// unprivileged runs recovery as somebody whom the mode of a file keeps out, and gives what
// is said.
func unprivileged(t *testing.T, dir string) string {
	cmd := exec.Command("/proc/self/exe", "__recover", dir)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
		for _, path := range append(glob(t, filepath.Join(dir, "*")), dir) {
			require.NoError(t, os.Chown(path, nobody, nobody))
		}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func glob(t *testing.T, pattern string) []string {
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	return paths
}

// TestJournalsThatMayNotBeWritten hide no run: what can be read is undone, and what is
// wrong is told by name until somebody has mended it.
func TestJournalsThatMayNotBeWritten(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "01JBCDEFGHJKMNPQRSTVWXYZ01.wal")
	faults := l.url + "/proxies/shop-1/faults"
	put := func() {
		fault, err := json.Marshal(chaos.ProxyFault{ID: "f-1", ExpiresAt: time.Now().Add(time.Hour)})
		require.NoError(t, err)
		res, err := http.Post(faults, "application/json", bytes.NewReader(fault))
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.True(t, l.hurt())
	}
	now := time.Now()
	var file bytes.Buffer
	for _, r := range []chaos.Record{
		{Rec: "opened", At: now, Opened: &chaos.Opened{Run: "CH-1", ID: strings.TrimSuffix(filepath.Base(path), ".wal"), Experiment: "test"}},
		{Rec: "intent", At: now, Entry: "f-1", Intent: &chaos.Intent{Kind: "http.latency", Target: "shop-1", Undo: []chaos.Op{chaos.HTTPDelete(faults, "f-1")}, Gone: chaos.HTTPAbsent(faults, "f-1")}},
		{Rec: "injected", At: now, Entry: "f-1"},
	} {
		line, err := json.Marshal(r)
		require.NoError(t, err)
		fmt.Fprintf(&file, "\n%s\n", line)
	}
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	put()

	require.NoError(t, os.Chmod(path, 0))
	said := unprivileged(t, dir)
	require.Contains(t, said, "recover: 0 read journal: open "+path+": permission denied: nobody can say whether its run is undone; chmod u+rw it, then sitrep chaos recover\n")
	require.Contains(t, said, "active: 0 read journal: open "+path+": permission denied", "no run starts beside it")
	require.True(t, l.hurt())

	require.NoError(t, os.Chmod(path, 0o400))
	for range 2 {
		said = unprivileged(t, dir)
		require.Contains(t, said, "recover: 1 recover "+path+": all that it leaves open is undone now; nothing can be recorded: open journal: open "+path+": permission denied; chmod u+rw it, then sitrep chaos recover\n")
		require.Contains(t, said, "active: 1 <nil>")
		require.False(t, l.hurt())
		put()
	}
	left, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, file.String(), string(left))

	require.NoError(t, os.Chmod(path, 0o600))
	require.Equal(t, "recover: 1 <nil>\nactive: 0 <nil>\n", unprivileged(t, dir))
	require.False(t, l.hurt())
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o400), st.Mode(), "it is sealed")
	require.Equal(t, "recover: 0 <nil>\nactive: 0 <nil>\n", unprivileged(t, dir), "and no more said of it")
}

// TestWhoHasAJournal: a run that somebody living has is not recovered, and they are named.
func TestWhoHasAJournal(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	req, h, log := l.begun(pause())
	stop(t, h.process(t)) // it would undo what its runner leaves
	holder := func() string {
		open, err := chaos.Active(l.dir)
		require.NoError(t, err)
		require.Len(t, open, 1)
		return open[0].Holder()
	}
	require.Equal(t, fmt.Sprintf("its runner, process %d", log.Opened.Runner.PID), holder())
	stop(t, *log.Undertaker)
	kill(t, log.Opened.Runner)
	require.Eventually(t, func() bool { return !log.Opened.Runner.Alive() }, patience, tick)
	require.Equal(t, fmt.Sprintf("its undertaker, process %d", log.Undertaker.PID), holder())
	kill(t, *log.Undertaker)
	require.Eventually(t, func() bool { return !log.Undertaker.Alive() }, patience, tick)
	require.Eventually(t, func() bool { return holder() == "" }, patience, tick)

	f, err := os.Open(filepath.Join(l.dir, req.ID+".wal"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	require.Equal(t, fmt.Sprintf("process %d", os.Getpid()), holder(), "as another that recovers has it")
	done, err := chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	require.Empty(t, done)
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
	require.NoError(t, h.Process.Kill())
	l.recover("process.pause on shop-1")
	l.recovered()
}

// TestTheStateDirectoryGoes: a run whose journal nobody finds any more is undone from what
// its processes have of it, and says why it ended, whichever of them is stopped meanwhile.
func TestTheStateDirectoryGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stop, kill bool // the runner
		verdict    chaos.Verdict
		says       string
	}{
		"and all live":              {false, false, chaos.Aborted, "its journal PATH is gone: who removed or moved it left nothing by which others could end this run"},
		"and the runner is stopped": {true, false, chaos.Aborted, "the runner died; its undertaker has undone everything (the journal is gone from its place, and the runner did not end)"},
		"and the runner is killed":  {false, true, chaos.Aborted, "the runner died; its undertaker has undone everything"},
	} {
		for _, how := range []string{"moved", "removed"} {
			t.Run(how+" "+name, func(t *testing.T) {
				t.Parallel()
				l := newLab(t)
				dir := filepath.Join(l.dir, "state")
				req := l.request(pause().file())
				req.StateDir = dir
				h := l.spawn(req)
				path := filepath.Join(dir, req.ID+".wal")
				var log chaos.Log
				require.Eventually(t, func() bool {
					var err error
					log, err = chaos.ReadLog(path)
					return err == nil && len(log.Entries) == 1 && log.Entries[0].Effect != ""
				}, patience, tick)
				require.True(t, l.hurt())
				if c.stop {
					stop(t, log.Opened.Runner)
				}
				if how == "moved" {
					require.NoError(t, os.Rename(dir, dir+".old"))
				} else {
					require.NoError(t, os.RemoveAll(dir))
				}
				if c.kill {
					kill(t, log.Opened.Runner)
				}
				require.Eventually(t, func() bool { return !l.hurt() }, undoBound, tick)
				out, _ := h.Wait()
				require.Equal(t, c.verdict, out.Verdict, out.Reason)
				require.Contains(t, out.Reason, strings.ReplaceAll(c.says, "PATH", path))
				require.NotNil(t, out.Faults[0].GoneAt)
			})
		}
	}
}

// TestBothAreStopped: somebody has stopped the runner and the undertaker. Who recovers has the
// undertaker go on, which ends the runner.
func TestBothAreStopped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, _, log := l.begun(pause())
	stop(t, log.Opened.Runner)
	stop(t, *log.Undertaker)
	done, err := chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	require.Empty(t, done, "the undertaker has the journal")
	l.recovered()
}
