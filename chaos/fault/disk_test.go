package fault_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

func free(t *testing.T, dir string) int64 {
	free, _, err := chaos.Space(dir)
	require.NoError(t, err)
	return free
}

func TestDiskFill(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	dir := disk(t, 64)
	target := host(chaos.HostTarget{Path: dir})
	require.Contains(t, refused(t, target, "disk.fill", "", chaos.With{"leave": "1MiB"}), "refused R12 reserve: 1 MiB would stay free on "+dir+", less than the 3.2 MiB that are kept; leave more, or say to_full: true")
	require.Contains(t, refused(t, target, "disk.fill", "", chaos.With{"leave": "64MiB"}), "refused R12 full-already: ")
	target.Keep = []string{filepath.Join(dir, "sitrep", "chaos")} // not made yet
	require.Contains(t, refused(t, target, "disk.fill", "", chaos.With{"to_full": "true"}), "where sitrep needs 256 MiB; 0 B would stay")
	target.Keep = []string{"/proc"}

	all := free(t, dir)
	for name, c := range map[string]struct {
		with  chaos.With
		leave int64
	}{
		"as usual": {nil, 64 << 20 / 20},
		"so much":  {chaos.With{"leave": "16MiB"}, 16 << 20},
		"to full":  {chaos.With{"to_full": "true"}, 0},
	} {
		inj := plan(t, target, "disk.fill", "", c.with)
		require.Equal(t, chaos.TierKernel, inj.Tier)
		require.Contains(t, inj.Preview[0], fmt.Sprintf("open(%s, O_TMPFILE), fallocate ", dir))
		require.Equal(t, all, free(t, dir), "planning touches nothing")
		undo, gone := held(t, inj)
		require.EventuallyWithT(t, func(now *assert.CollectT) { assert.InDelta(now, c.leave, free(t, dir), 8192, name) }, patience, tick)
		_, ok, err := inj.Injector.Observe(t.Context())
		require.NoError(t, err)
		require.True(t, ok, "and it stays: %s", name)
		err = os.WriteFile(filepath.Join(dir, "log"), make([]byte, c.leave+64<<10), 0o600)
		require.ErrorContains(t, err, "no space left on device", name)
		require.NoError(t, os.Remove(filepath.Join(dir, "log")))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, entries, "the file has no name")
		killHolder(t, undo, gone)
		require.Equal(t, all, free(t, dir), name)
		undone(t, undo, gone)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	require.Contains(t, refused(t, host(chaos.HostTarget{Path: filepath.Join(dir, "file")}), "disk.fill", "", nil), "refused R7 target-gone: host: "+dir+"/file is no directory")
	require.Contains(t, refused(t, host(chaos.HostTarget{Path: filepath.Join(dir, "none")}), "disk.fill", "", nil), "refused R7 target-gone: ")
}

// TestDiskVanishes between plan and deed, and after it.
func TestDiskVanishes(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	dir := filepath.Join(disk(t, 64), "data")
	require.NoError(t, os.Mkdir(dir, 0o700))
	target := host(chaos.HostTarget{Path: dir})
	first := plan(t, target, "disk.fill", "", nil)
	second := plan(t, target, "disk.fill", "", nil)
	undo, gone := held(t, first)
	require.NoError(t, os.Remove(dir))
	undone(t, undo, gone)
	undo, gone = prepare(t, second)
	_, err := second.Injector.Inject(t.Context(), chaos.Armed{})
	require.ErrorContains(t, err, dir)
	undone(t, undo, gone)
}

func TestIOBurn(t *testing.T) {
	dir := t.TempDir()
	inj := plan(t, host(chaos.HostTarget{Path: dir}), "io.burn", "", chaos.With{"rate": "2MiB"})
	require.Equal(t, chaos.TierKernel, inj.Tier)
	require.Contains(t, inj.Preview[0], "write and read 2 MiB/s in a file of 16 MiB, for 30s")
	undo, gone := held(t, inj)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "the file has no name")
	killHolder(t, undo, gone)
	undone(t, undo, gone)
}

// TestIOBurnWithoutRoom: a small disk is not filled by it.
func TestIOBurnWithoutRoom(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	require.Contains(t, refused(t, host(chaos.HostTarget{Path: disk(t, 16)}), "io.burn", "", chaos.With{"rate": "1MiB"}), "refused R12 reserve: ")
	undo, gone := held(t, plan(t, host(chaos.HostTarget{Path: disk(t, 64)}), "io.burn", "", chaos.With{"rate": "2MiB"}))
	undone(t, undo, gone)
}

func TestIOThrottle(t *testing.T) {
	target := service(t, "__lab-service")
	with := chaos.With{"disk": chaos.Value(t.TempDir()), "write": "1MiB", "read": "2MiB"}
	dir := cgroupIn(t, "blkio", target.PID)
	if dir == "" {
		require.Regexp(t, `refused \((no-cgroup|protected|no-permission|no-device)\): `, refused(t, target, "io.throttle", "", with))
		return
	}
	require.Contains(t, refused(t, target, "io.throttle", "", chaos.With{"disk": "/proc", "write": "1MiB"}), "refused R10 no-device: /proc: it is on no disk")
	require.Contains(t, refused(t, target, "io.throttle", "", chaos.With{"disk": "/none", "write": "1MiB"}), "refused R10 no-device: ")
	inj := plan(t, target, "io.throttle", "", with)
	require.Equal(t, chaos.TierDeadMan, inj.Tier)
	require.Len(t, inj.Undo, 2)
	files := []string{filepath.Join(dir, "blkio.throttle.read_bps_device"), filepath.Join(dir, "blkio.throttle.write_bps_device")}
	device := inj.Undo[1].Text[:len(inj.Undo[1].Text)-len(" 0")]
	require.Equal(t, fmt.Sprintf("echo %s 2097152 > %s, for 30s", device, files[0]), inj.Preview[0])
	require.NoError(t, os.WriteFile(files[1], []byte(device+" 8388608"), 0))
	inj = plan(t, target, "io.throttle", "", with)
	require.Equal(t, fmt.Sprintf("echo %s 8388608 > %s", device, files[1]), inj.Undo[1].String(), "as it was before")

	says := func(file, want string) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	_, err := inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.True(t, ok, text)
	says(files[0], device+" 2097152\n")
	says(files[1], device+" 1048576\n")
	require.Contains(t, refused(t, target, "io.throttle", "", with), "refused R7 limited-already: ")
	undone(t, inj.Undo, inj.Gone)
	says(files[0], "")
	says(files[1], device+" 8388608\n")
}
