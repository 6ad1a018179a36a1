package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
)

// The moments at which a runner can be killed by its own faults.
const (
	afterPrepare = "prepared, no intent written"
	afterIntent  = "intent written, nothing done"
	whileInject  = "in the middle of injecting"
	afterInject  = "injected, not confirmed"
	afterConfirm = "confirmed, effect not seen"
)

// doomsday is the file of a lab's directory that names such a moment.
func doomsday(dir string) string { return filepath.Join(dir, "doomsday") }

// faultsOf are those that the runner of a lab knows: where the lab says so, each of them
// kills the runner with SIGKILL at its moment.
func faultsOf(dir string) []chaos.Fault {
	at, err := os.ReadFile(doomsday(dir))
	if err != nil {
		return fault.All()
	}
	var list []chaos.Fault
	for _, f := range fault.All() {
		list = append(list, doomed{f, string(at), doomsday(dir) + ".came"})
	}
	return list
}

type doomed struct {
	chaos.Fault
	at, came string // the moment; the file that is there once it has come
}

func (d doomed) Mechanisms() []string {
	if f, ok := d.Fault.(chaos.Mechanical); ok {
		return f.Mechanisms()
	}
	return nil
}

func (d doomed) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	inj, err := d.Fault.Plan(ctx, id, step, target)
	if p, ok := inj.Injector.(chaos.Preparer); ok {
		inj.Injector = doomedPreparer{p, doomedInjector{inj.Injector, d.at, d.came}}
	} else if err == nil {
		inj.Injector = doomedInjector{inj.Injector, d.at, d.came}
	}
	return inj, err
}

type doomedInjector struct {
	chaos.Injector
	at, came string
}

func (d doomedInjector) die(at string) {
	if d.at == at {
		if err := os.WriteFile(d.came, nil, 0o600); err != nil {
			panic(err)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the kernel takes its time
	}
}

func (d doomedInjector) Inject(ctx context.Context, armed chaos.Armed) (string, error) {
	d.die(afterIntent)
	if d.at == whileInject {
		go func() {
			time.Sleep(rand.N(3 * time.Millisecond)) // that is what is tried: any moment of it
			d.die(whileInject)
		}()
	}
	evidence, err := d.Injector.Inject(ctx, armed)
	d.die(whileInject) // it was faster
	d.die(afterInject)
	return evidence, err
}

func (d doomedInjector) Observe(ctx context.Context) (string, bool, error) {
	d.die(afterConfirm)
	return d.Injector.Observe(ctx)
}

type doomedPreparer struct {
	chaos.Preparer
	doomedInjector
}

func (d doomedPreparer) Prepare(ctx context.Context, armed chaos.Armed) ([]chaos.Op, []chaos.Check, error) {
	undo, gone, err := d.Preparer.Prepare(ctx, armed)
	d.die(afterPrepare)
	return undo, gone, err
}

// end is what became of a fault in one cell of the matrix.
type end struct {
	after time.Duration // from the death to where nothing is hurt any more
	by    string        // who saw to it; empty where nothing had been done yet
}

func (e end) String() string {
	if e.by == "" {
		return "never there"
	}
	return fmt.Sprintf("%.0f ms, %s", float64(e.after)/float64(time.Millisecond), e.by)
}

// death is a row of the matrix: how whom is killed, in a lab where nothing runs yet.
type death struct {
	name string
	die  func(t *testing.T, l *lab, e experiment) end
}

// deaths are all rows. Which moment within the undo a run dies at is left to
// TestWheneverItDies.
func deaths() []death {
	list := []death{}
	for _, at := range []string{afterPrepare, afterIntent, whileInject, afterInject, afterConfirm} {
		list = append(list, death{"runner, " + at, func(t *testing.T, l *lab, e experiment) end { return dieAt(t, l, e, at) }})
	}
	holding := func(name string, kill func(t *testing.T, h starter, log chaos.Log)) {
		list = append(list, death{name + ", holding", func(t *testing.T, l *lab, e experiment) end {
			req, h, log := l.begun(e)
			at := time.Now()
			kill(t, h, log)
			return l.watched(t, req, at)
		}})
	}
	holding("starter", func(t *testing.T, h starter, _ chaos.Log) { require.NoError(t, h.Process.Kill()) })
	holding("runner", func(t *testing.T, _ starter, log chaos.Log) { kill(t, log.Opened.Runner) })
	holding("undertaker", func(t *testing.T, _ starter, log chaos.Log) { kill(t, *log.Undertaker) })
	holding("process group of the starter", func(t *testing.T, h starter, _ chaos.Log) {
		require.NoError(t, syscall.Kill(-h.Process.Pid, syscall.SIGKILL))
	})
	holding("SIGHUP to all, as when SSH is lost", func(t *testing.T, h starter, log chaos.Log) {
		for _, pid := range []int{h.Process.Pid, log.Opened.Runner.PID, log.Undertaker.PID} {
			if err := syscall.Kill(pid, syscall.SIGHUP); !errors.Is(err, syscall.ESRCH) { // the first may have ended the others
				require.NoError(t, err)
			}
		}
	})
	list = append(list,
		death{"nobody: its time is over", outOfTime},
		death{"starter, runner and undertaker, holding", allDead},
	)
	return list
}

// dieAt has the runner die at a moment before it holds.
func dieAt(t *testing.T, l *lab, e experiment, at string) end {
	if at == afterPrepare && e.mechanism != "ptrace" {
		return end{} // nothing is readied
	}
	require.NoError(t, os.WriteFile(doomsday(l.dir), []byte(at), 0o600))
	req := l.request(e.file())
	l.starter(req)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		log := l.journal(req)
		assert.NotNil(c, log.Undertaker)
		assert.ErrorIs(c, alive(log.Opened.Runner), chaos.ErrProcessGone)
	}, patience, time.Millisecond)
	came, err := os.Stat(doomsday(l.dir) + ".came")
	require.NoError(t, err)
	return l.watched(t, req, came.ModTime())
}

func alive(p chaos.Process) error { return p.Signal(0) }

// watched waits until a fault is gone and its run recorded as over.
func (l *lab) watched(t *testing.T, req chaos.Request, from time.Time) end {
	t.Helper()
	require.Eventually(t, func() bool { return !l.hurt() }, undoBound, time.Millisecond)
	e := end{after: time.Since(from)}
	l.recovered()
	log := l.journal(req)
	require.True(t, log.Closed)
	if len(log.Entries) > 0 {
		e.by = whoClosed(log.ClosedText)
	}
	return e
}

func whoClosed(text string) string {
	if strings.HasPrefix(text, "the runner died") || strings.HasPrefix(text, "HALT") {
		return "undertaker"
	}
	return "runner"
}

// outOfTime lets a run come to its end.
func outOfTime(t *testing.T, l *lab, e experiment) end {
	e.duration = 5 * time.Second
	req, _, log := l.begun(e)
	require.Eventually(t, func() bool { return !l.hurt() }, e.duration+undoBound, time.Millisecond)
	gone := time.Now()
	l.recovered()
	return end{gone.Sub(log.Entries[0].Until), whoClosed(l.journal(req).ClosedText)}
}

// allDead leaves nobody: the kernel, whoever carries the fault, or the next start ends it.
func allDead(t *testing.T, l *lab, e experiment) end {
	_, h, log := l.begun(e)
	all := []chaos.Process{*log.Undertaker, log.Opened.Runner, h.process(t)}
	for _, p := range all {
		stop(t, p) // so that none sees another die
	}
	at := time.Now()
	for _, p := range all {
		kill(t, p)
	}
	gone := func() { // the journal is let go when the last thread has ended
		require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
	}
	if e.mechanism == "ptrace" {
		require.Eventually(t, func() bool { return !l.hurt() }, undoBound, time.Millisecond)
		after := time.Since(at)
		gone()
		_, err := chaos.Recover(t.Context(), l.dir)
		require.NoError(t, err)
		l.recovered()
		return end{after, "kernel"}
	}
	gone()
	require.True(t, l.hurt(), "nobody is left to undo it")
	at = time.Now()
	_, err := chaos.Recover(t.Context(), l.dir)
	require.NoError(t, err)
	after := time.Since(at)
	l.recovered()
	return end{after, "next start"}
}

// TestCrashMatrix kills at every moment, for a fault of every tier, and prints what
// became of each: `make crash-matrix`.
func TestCrashMatrix(t *testing.T) {
	columns := []struct {
		title string
		experiment
	}{{"K ptrace", trace()}, {"C proxy", latency()}, {"D SIGSTOP", pause()}}
	rows := deaths()
	ends := make([][]end, len(rows))
	t.Run("cells", func(t *testing.T) {
		for i, row := range rows {
			ends[i] = make([]end, len(columns))
			for j, column := range columns {
				t.Run(row.name+" "+column.title, func(t *testing.T) {
					t.Parallel()
					ends[i][j] = row.die(t, newLab(t), column.experiment)
				})
			}
		}
	})
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintf(w, "killed\t%s\t%s\t%s\n", columns[0].title, columns[1].title, columns[2].title)
	for i, row := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.name, ends[i][0], ends[i][1], ends[i][2])
	}
	require.NoError(t, w.Flush())
	t.Logf("gone after the death, and by whom:\n%s", b.String())
}

// TestNaive is what the matrix would show of a tool that does the deed and means to undo
// it later: it is killed, and the target stays as it is.
func TestNaive(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	naive := exec.Command("sh", "-c", fmt.Sprintf("kill -STOP %[1]d; sleep 1000; kill -CONT %[1]d", l.targets[0].PID))
	naive.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, naive.Start())
	require.Eventually(t, l.hurt, patience, tick)
	require.NoError(t, syscall.Kill(-naive.Process.Pid, syscall.SIGKILL))
	require.Error(t, naive.Wait())
	require.True(t, l.hurt(), "then the matrix shows nothing")
}

// TestWheneverItDies kills runner, undertaker or both at any moment of a short run, its
// undo included. Whatever is left is undone by the next start.
func TestWheneverItDies(t *testing.T) {
	for i, e := range []experiment{trace(), latency(), pause(), trace(), latency(), pause(), trace(), latency(), pause(), trace(), latency(), pause()} {
		t.Run(fmt.Sprintf("%s %d", e.fault, i), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			e.duration, e.recovery = 500*time.Millisecond, time.Second
			req := l.request(e.file())
			l.starter(req)
			var log chaos.Log
			require.Eventually(t, func() bool { log = l.journal(req); return log.Undertaker != nil }, patience, time.Millisecond)
			time.Sleep(rand.N(900 * time.Millisecond)) // any moment
			var dying sync.WaitGroup
			for n, p := range []chaos.Process{log.Opened.Runner, *log.Undertaker} {
				if i%3 != n { // the other one, or both
					dying.Go(func() { kill(t, p) })
				}
			}
			dying.Wait()
			require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
			_, err := chaos.Recover(t.Context(), l.dir)
			require.NoError(t, err)
			l.recovered()
		})
	}
}
