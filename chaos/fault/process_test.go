package fault_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestKillIsReplaced: of a service without a URL a new process must be found, and as
// many of them as before.
func TestKillIsReplaced(t *testing.T) {
	seconds := fmt.Sprint(87000 + os.Getpid()%400) // no other sleeps that long
	find := chaos.ProcessFind{Name: "job", Service: "job", Arguments: "^sleep " + seconds + "$"}
	first, _ := program(t, "sleep", seconds)
	program(t, "sleep", seconds)
	all, err := chaos.Sources{Processes: []chaos.ProcessFind{find}}.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	target := all[0]
	if target.PID != first.Process.Pid {
		target = all[1]
	}
	inj := plan(t, target, "process.kill", "", chaos.With{"signal": "TERM"})
	require.Equal(t, []string{fmt.Sprintf("kill -TERM %d (%s)", target.PID, target.Name)}, inj.Preview)
	recovered := func() (string, bool) {
		text, ok, err := inj.Injector.(chaos.Recoverer).Recovered(t.Context())
		require.NoError(t, err)
		return text, ok
	}
	text, ok := recovered()
	require.False(t, ok)
	require.Contains(t, text, "still runs")
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, ok, _ := inj.Injector.Observe(t.Context()); return ok }, patience, tick)
	text, ok = recovered()
	require.False(t, ok)
	require.Equal(t, "nothing has taken the place of "+target.Name+": 1 of 2 processes run", text, "the other one was there before")

	next, _ := program(t, "sleep", seconds)
	require.Eventually(t, func() bool { text, ok = recovered(); return ok }, patience, tick) // once it is sleep, and no longer us
	require.Equal(t, fmt.Sprintf("process %d runs in place of %d", next.Process.Pid, target.PID), text)
}

// TestKillThatIsIgnored has no effect, and that is seen.
func TestKillThatIsIgnored(t *testing.T) {
	_, target := program(t, "sh", "-c", "trap '' TERM; exec sleep 1000") // what is ignored stays so
	p, err := target.Process()
	require.NoError(t, err)
	require.Eventually(t, func() bool { // once it ignores TERM, the 15th signal; what this process ignores, it does too
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
		_, mask, _ := strings.Cut(string(status), "SigIgn:\t")
		var ignored uint64
		_, scanned := fmt.Sscanf(mask, "%x", &ignored)
		return err == nil && scanned == nil && ignored&(1<<(syscall.SIGTERM-1)) != 0
	}, patience, tick)
	inj := plan(t, target, "process.kill", "", chaos.With{"signal": "TERM"})
	_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.False(t, ok)
	require.Contains(t, text, "is in state")
}

// TestPauseByFreezer of cgroup v2 and of v1: all that is in the cgroup stops, and only
// that very cgroup is ever thawed.
func TestPauseByFreezer(t *testing.T) {
	for _, c := range []struct{ hierarchy, do, undo string }{
		{"unified", "echo 1 > %s/cgroup.freeze, for 30s", "echo 0 > %s/cgroup.freeze"},
		{"freezer", "echo FROZEN > %s/freezer.state, for 30s", "echo THAWED > %s/freezer.state"},
	} {
		t.Run(c.hierarchy, func(t *testing.T) {
			target := service(t, "__lab-service")
			dir := cgroupIn(t, c.hierarchy, target.PID)
			if dir == "" {
				require.Regexp(t, `refused R[0-9]+ (no-cgroup|protected|no-permission): `, refused(t, target, "process.pause", "freezer", nil))
				return
			}
			inj := plan(t, target, "process.pause", "freezer", nil)
			require.Equal(t, chaos.TierDeadMan, inj.Tier)
			require.Equal(t, fmt.Sprintf(c.do, dir), inj.Preview[0])
			require.Contains(t, inj.Preview[1], fmt.Sprintf("which stops 1 processes: %d ", target.PID))
			require.Equal(t, fmt.Sprintf(c.undo, dir), inj.Undo[0].String())
			require.NoError(t, inj.Undo[0].Valid())
			answersAgain(t, target)
			second := plan(t, target, "process.pause", "freezer", nil) // as of another process in there

			_, err := inj.Injector.Inject(t.Context(), chaos.Armed{})
			require.NoError(t, err)
			require.Eventually(t, func() bool { _, ok, _ := inj.Injector.Observe(t.Context()); return ok }, patience, tick)
			hangs(t, target)
			require.NoError(t, second.Still(t.Context()), "the run froze it itself")
			require.Contains(t, refused(t, target, "process.pause", "freezer", nil), "refused R7 lab-only: ", "it does not answer")
			require.Contains(t, refused(t, listed(target), "process.pause", "freezer", nil), "refused R7 stopped-already: ")
			_, gone, err := chaos.LocalHands{}.Check(t.Context(), inj.Gone)
			require.NoError(t, err)
			require.False(t, gone)
			undone(t, inj.Undo, inj.Gone)
			answersAgain(t, target)

			other := service(t, "service") // which passes for another sitrep
			enter(t, dir, other.PID)
			require.Contains(t, refused(t, target, "process.pause", "freezer", nil), "holds what must not be hurt: process "+fmt.Sprint(other.PID)+" is another sitrep")
			_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
			require.ErrorIs(t, err, chaos.ErrRefused, "it came between plan and deed")

			for _, pid := range []int{other.PID, target.PID} {
				kill(t, pid)
			}
			require.Eventually(t, func() bool { return os.Remove(dir) == nil }, patience, tick)
			require.NoError(t, os.Mkdir(dir, 0o755))
			again := service(t, "__lab-service")
			t.Cleanup(func() { thaw(t, dir) }) // or it could not end
			enter(t, dir, again.PID)
			_, err = inj.Injector.Inject(t.Context(), chaos.Armed{})
			require.ErrorIs(t, err, chaos.ErrCgroupGone)
			frozen := plan(t, again, "process.pause", "freezer", nil)
			_, err = frozen.Injector.Inject(t.Context(), chaos.Armed{})
			require.NoError(t, err)
			require.Eventually(t, func() bool { _, ok, _ := frozen.Injector.Observe(t.Context()); return ok }, patience, tick)
			undone(t, inj.Undo, inj.Gone)
			hangs(t, again)
			undone(t, frozen.Undo, frozen.Gone)
			answersAgain(t, again)
		})
	}
}

// TestFreezerOfAll: the cgroup that every process is in is none to freeze.
func TestFreezerOfAll(t *testing.T) {
	target := service(t, "__lab-service")
	require.Regexp(t, `refused R[0-9]+ (no-cgroup|protected|no-permission): `, refused(t, target, "process.pause", "freezer", nil))
	require.Contains(t, refused(t, host(chaos.HostTarget{CPU: true}), "process.pause", "", nil), "refused R10 no-process: ")
	p, err := target.Process()
	require.NoError(t, err)
	require.NoError(t, p.Signal(syscall.SIGCONT), "nobody has touched it")
	answersAgain(t, target)
}
