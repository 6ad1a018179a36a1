package chaos_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
)

// What this machine can do is done, seen and gone; of what it cannot the reason is said;
// and every kind and mechanism has its line.
func TestWhatWorks(t *testing.T) {
	ways, err := chaos.WhatWorks(t.Context(), fault.All())
	require.NoError(t, err)
	found := map[string]chaos.Way{}
	for _, v := range ways {
		t.Logf("%s %s: %s %s: %s%s; %s (%s)", v.Fault, v.Mechanism, v.Works, v.Tier, v.Seen, v.Why, v.Remedy, v.Took.Round(time.Millisecond))
		found[v.Fault+"/"+v.Mechanism] = v
		if v.Works == chaos.WorksYes {
			require.NotEmpty(t, v.Seen, v.Fault)
			require.NotEmpty(t, v.Gone, v.Fault)
		} else {
			require.NotEmpty(t, v.Why, v.Fault)
		}
	}
	for _, f := range fault.All() {
		mechanisms := []string{""}
		if m, ok := f.(chaos.Mechanical); ok {
			mechanisms = m.Mechanisms()
		}
		for _, m := range mechanisms {
			require.Contains(t, found, f.Kind()+"/"+m)
		}
	}
	for _, everywhere := range []string{"process.pause/sigstop", "process.kill/", "mem.fill/"} {
		require.Equal(t, chaos.WorksYes, found[everywhere].Works, "%s: %s", everywhere, found[everywhere].Why)
	}
	require.Empty(t, rehearsals(t), "left over")
}

// A doctor that is killed in the middle leaves no process and no cgroup behind.
func TestKilledDoctorLeavesNothing(t *testing.T) {
	doctor := exec.Command("/proc/self/exe", "__doctor")
	doctor.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, doctor.Start())
	require.Eventually(t, func() bool { return len(rehearsals(t)) > 2 }, patience, tick, "no rehearsal began")
	require.NoError(t, syscall.Kill(-doctor.Process.Pid, syscall.SIGKILL))
	require.Error(t, doctor.Wait())
	require.Eventually(t, func() bool { return len(rehearsals(t)) == 0 }, patience, tick, "rehearsals outlive their doctor")
	require.NoError(t, chaos.Sweep())
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		left, err := filepath.Glob(dir + "/sitrep-rehearsal-*")
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// A fault that says nothing of rehearsals has a line all the same.
func TestFaultWithoutRehearsal(t *testing.T) {
	ways, err := chaos.WhatWorks(t.Context(), []chaos.Fault{strange{}})
	require.NoError(t, err)
	require.Len(t, ways, 1)
	require.Equal(t, chaos.WorksUnknown, ways[0].Works)
	require.Contains(t, ways[0].Remedy, "--dry-run")
}

type strange struct{}

func (strange) Kind() string           { return "strange.fault" }
func (strange) Check(chaos.With) error { return nil }
func (strange) Plan(context.Context, string, chaos.Step, chaos.Target) (chaos.Injection, error) {
	return chaos.Injection{}, fmt.Errorf("never")
}

// rehearsals are the processes of rehearsals that run, by their command lines.
func rehearsals(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var list []string
	for _, path := range all {
		text, err := os.ReadFile(path)
		words := strings.Split(string(text), "\x00")
		if err != nil || len(words) < 2 || words[0] != "/proc/self/exe" {
			continue
		}
		mine := words[1] == "__chaos-rehearse" || words[1] == "__chaos-extra" || words[1] == "__chaos-hold" && len(words) > 2 && strings.HasPrefix(words[2], "rehearsal-")
		exe, err := os.Readlink(filepath.Dir(path) + "/exe")
		if own, _ := os.Executable(); mine && err == nil && exe == own {
			list = append(list, strings.Join(words, " "))
		}
	}
	return list
}
