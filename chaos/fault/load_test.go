package fault_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// ticksOf is the CPU time of a process in the kernel's ticks.
func ticksOf(t *testing.T, pid int) (ticks int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	for _, at := range []int{11, 12} { // utime, stime
		n, err := strconv.Atoi(fields[at])
		require.NoError(t, err)
		ticks += n
	}
	return ticks
}

func TestCPUBurn(t *testing.T) {
	target := host(chaos.HostTarget{CPU: true})
	with := chaos.With{"percent": chaos.Value(strconv.FormatFloat(50/float64(runtime.NumCPU()), 'f', 3, 64))} // half a CPU
	if runtime.NumCPU() == 1 {
		require.Contains(t, refused(t, target, "cpu.burn", "", with), "refused R12 reserve: ")
		return
	}
	for _, mechanism := range []string{"", "stress-ng"} {
		t.Run("by "+mechanism, func(t *testing.T) {
			inj := plan(t, target, "cpu.burn", mechanism, with)
			require.Equal(t, chaos.TierKernel, inj.Tier)
			if mechanism == "" {
				require.Contains(t, inj.Preview[0], "1 threads busy for 50 % of their time")
			} else {
				require.Contains(t, inj.Preview[0], "/stress-ng --quiet --cpu 1 --cpu-load ")
			}
			undo, gone := held(t, inj)
			holder := undo[0].Process.PID
			burning := append(descendants(t, holder), holder)
			before := 0
			for _, pid := range burning {
				before += ticksOf(t, pid)
			}
			require.Eventually(t, func() bool {
				now := 0
				for _, pid := range burning {
					now += ticksOf(t, pid)
				}
				return now > before+10
			}, patience, tick, "it goes on")
			adj, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", holder))
			require.NoError(t, err)
			require.Equal(t, "1000\n", string(adj))
			killHolder(t, undo, gone)
			require.Eventually(t, func() bool {
				for _, pid := range burning {
					if p, err := chaos.Identify(pid); err == nil && p.Alive() {
						return false
					}
				}
				return true
			}, patience, tick, "all of it has ended with its holder")
			undone(t, undo, gone)
		})
	}
	_, err := exec.LookPath("stress-ng")
	require.NoError(t, err, "run make setup")
	t.Setenv("PATH", "")
	require.Contains(t, refused(t, target, "cpu.burn", "stress-ng", with), "refused R10 no-mechanism: stress-ng is not to be found; install stress-ng")
}

// TestLoadThatIsRefused: one CPU is left, memory too, and nothing that is not named is
// hurt.
func TestLoadThatIsRefused(t *testing.T) {
	all := host(chaos.HostTarget{CPU: true, Memory: true, Path: t.TempDir()})
	require.Contains(t, refused(t, all, "cpu.burn", "", chaos.With{"cores": chaos.Value(strconv.Itoa(runtime.NumCPU()))}), "refused R12 reserve: ")
	require.Contains(t, refused(t, all, "cpu.burn", "", chaos.With{"percent": "100"}), "leave less than one")
	require.Contains(t, refused(t, all, "mem.fill", "", chaos.With{"percent": "91"}), "leave less than 10 %")
	require.Contains(t, refused(t, all, "mem.fill", "", chaos.With{"bytes": "1000TiB"}), "refused R12 reserve: 1000 TiB of ")
	require.Contains(t, refused(t, all, "mem.fill", "", chaos.With{"bytes": "1MiB", "cgroup": "target"}), "has no cgroup of its own")

	nothing := host(chaos.HostTarget{})
	require.Contains(t, refused(t, nothing, "cpu.burn", "", chaos.With{"cores": "1"}), "refused R7 not-named: the CPUs of host are not named")
	require.Contains(t, refused(t, nothing, "mem.fill", "", chaos.With{"bytes": "1MiB"}), "refused R7 not-named: the memory of host is not named")
	require.Contains(t, refused(t, nothing, "io.burn", "", chaos.With{"rate": "1MiB"}), "refused R7 not-named: ")
	require.Contains(t, refused(t, nothing, "disk.fill", "", nil), "refused R7 not-named: ")
	require.Contains(t, refused(t, nothing, "io.throttle", "", chaos.With{"disk": "/", "read": "1MiB"}), "refused R10 no-process: ")

	process := service(t, "__lab-service")
	require.Contains(t, refused(t, process, "cpu.burn", "", chaos.With{"cores": "1"}), "refused R7 not-named: pay-1 is a process: the load would be all of the host's")
	require.Contains(t, refused(t, process, "disk.fill", "", nil), "refused R7 not-named: ")
}

// resident is how much memory a process has, in bytes.
func resident(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text) + " 0 0")
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

func TestMemFill(t *testing.T) {
	inj := plan(t, host(chaos.HostTarget{Memory: true}), "mem.fill", "", chaos.With{"bytes": "64MiB"})
	require.Equal(t, chaos.TierKernel, inj.Tier)
	require.Regexp(t, `^map 64 MiB of .* that are available and touch every page, oom_score_adj 1000, for 30s$`, inj.Preview[0])
	undo, gone := held(t, inj)
	require.Greater(t, resident(undo[0].Process.PID), 60<<20)
	killHolder(t, undo, gone)
	require.Zero(t, resident(undo[0].Process.PID))
	undone(t, undo, gone)
}

// TestMemoryRunsOut: the kernel ends the holder and not the target, and the run is told.
func TestMemoryRunsOut(t *testing.T) {
	job := exec.Command("sh", "-c", "read go && head -c 80000000 /dev/zero | tail | wc -c; sleep 1000")
	start, err := job.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, job.Start())
	t.Cleanup(func() {
		_ = job.Process.Kill()
		_ = job.Wait()
	})
	p, err := chaos.Identify(job.Process.Pid)
	require.NoError(t, err)
	target := listed(chaos.Target{Name: "job", Service: "job", PID: p.PID, StartTicks: p.StartTicks})
	dir := cgroupIn(t, "memory", target.PID)
	if dir == "" {
		require.Regexp(t, `refused \((no-cgroup|no-permission)\): `, refused(t, target, "mem.fill", "", chaos.With{"bytes": "8MiB", "cgroup": "target"}))
		return
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte("128M"), 0))
	require.Contains(t, refused(t, target, "mem.fill", "", chaos.With{"bytes": "126MiB", "cgroup": "target"}), "leave less than 10 %")
	inj := plan(t, target, "mem.fill", "", chaos.With{"bytes": "90MiB", "cgroup": "target"})
	require.Contains(t, inj.Preview[0], "in cgroup "+dir)
	undo, gone := held(t, inj)
	members, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	require.NoError(t, err)
	require.Contains(t, strings.Fields(string(members)), strconv.Itoa(undo[0].Process.PID), "it has joined")
	_, err = start.Write([]byte("go\n"))
	require.NoError(t, err)
	require.Equal(t, "it died: signal: killed", inj.Injector.(chaos.Preparer).Watch(t.Context()))
	require.True(t, p.Alive(), "it was the holder's turn first")
	undone(t, undo, gone)
}

// TestCPUBurnInACgroup meets the limit of the target, which is an effect.
func TestCPUBurnInACgroup(t *testing.T) {
	_, target := program(t, "sleep", "1000")
	with := chaos.With{"cores": "1", "cgroup": "target"}
	dir := cgroupIn(t, "cpu", target.PID)
	if dir == "" || runtime.NumCPU() == 1 {
		require.Regexp(t, `refused \((no-cgroup|no-permission|reserve)\): `, refused(t, target, "cpu.burn", "", with))
		return
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cpu.cfs_quota_us"), []byte("20000"), 0)) // a fifth of a CPU
	inj := plan(t, target, "cpu.burn", "", with)
	undo, gone := held(t, inj)
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.True(t, ok)
	t.Log(text)
	require.EventuallyWithT(t, func(c *assert.CollectT) { // on a machine that has time for it
		stat, err := os.ReadFile(filepath.Join(dir, "cpu.stat"))
		assert.NoError(c, err)
		assert.NotContains(c, string(stat), "nr_throttled 0\n")
	}, patience, tick)
	undone(t, undo, gone)
}
