package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCgroupIsFound in what Debian, a hybrid host, cgroup v1 and a container show.
func TestCgroupIsFound(t *testing.T) {
	const (
		unified = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid  = "30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
			"36 30 0:33 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		container = "31 24 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
	)
	for _, c := range []struct {
		lines, mounts string
		version       int
		controller    string
		want          string
	}{
		{"0::/system.slice/shop.service\n", unified, 2, "freezer", "/sys/fs/cgroup/system.slice/shop.service"},
		{"0::/system.slice/shop.service\n", unified, 1, "freezer", ""},
		{"0::/\n", unified, 2, "freezer", ""},
		{"4:cpu,cpuacct:/shop\n3:freezer:/\n0::/shop.slice\n", hybrid, 1, "cpu", "/sys/fs/cgroup/cpu,cpuacct/shop"},
		{"4:cpu,cpuacct:/shop\n3:freezer:/\n0::/shop.slice\n", hybrid, 1, "freezer", ""},
		{"4:cpu,cpuacct:/shop\n3:freezer:/\n0::/shop.slice\n", hybrid, 2, "freezer", "/sys/fs/cgroup/unified/shop.slice"},
		{"4:memory:/shop\n", hybrid, 1, "memory", ""}, // not mounted
		{"0::/docker/abc/job\n", container, 2, "", "/sys/fs/cgroup/job"},
		{"0::/docker/abcd\n", container, 2, "", ""}, // another container
		{"0::/../other\n", unified, 2, "", ""},
		{"nonsense\n::\n", "nonsense - \n - \n", 2, "", ""},
	} {
		dir, ok := cgroupDir(c.lines, c.mounts, c.version, c.controller)
		require.Equal(t, c.want, dir, "%+v", c)
		require.Equal(t, c.want != "", ok)
	}
}

// TestDeviceLimits as the kernel writes them, in the form that undoes them.
func TestDeviceLimits(t *testing.T) {
	for _, c := range []struct{ file, said, like, want string }{
		{"io.max", "8:16 rbps=2097152 wbps=max riops=max wiops=120\n", "8:16 rbps=1 wbps=1", "8:16 rbps=2097152 wbps=max"},
		{"io.max", "8:16 rbps=2097152 wbps=max riops=max wiops=120\n", "8:16 wbps=1", "8:16 wbps=max"},
		{"io.max", "8:0 rbps=1 wbps=1\n", "8:16 wbps=1", "8:16 wbps=max"},
		{"io.max", "", "8:16 rbps=1", "8:16 rbps=max"},
		{"blkio.throttle.read_bps_device", "8:0 7\n8:16 9\n", "8:16 1", "8:16 9"},
		{"blkio.throttle.read_bps_device", "8:0 7\n", "8:16 1", "8:16 0"},
		{"cgroup.freeze", "1\n", "0", "1"},
	} {
		require.Equal(t, c.want, deviceLine(c.file, c.said, c.like))
		if c.file != "cgroup.freeze" {
			require.NoError(t, WriteCgroup(Cgroup{Dir: "/sys/fs/cgroup/a"}, c.file, c.want).Valid(), "it can be undone")
		}
	}
}

// TestCgroupHands write nothing but what takes a fault back, to nothing but a cgroup.
func TestCgroupHands(t *testing.T) {
	cg := Cgroup{Dir: "/sys/fs/cgroup/shop", Inode: 7, BootID: "b"}
	for _, op := range []Op{WriteCgroup(cg, "cgroup.freeze", "0"), WriteCgroup(cg, "freezer.state", "THAWED"), WriteCgroup(cg, "io.max", "8:0 rbps=max wbps=1048576")} {
		require.NoError(t, op.Valid())
		require.NotContains(t, op.String(), "unknown")
		evidence, err := LocalHands{}.Do(t.Context(), op)
		require.NoError(t, err)
		require.Equal(t, "cgroup /sys/fs/cgroup/shop is gone", evidence, "it was one of another boot")
	}
	for _, op := range []Op{
		{Do: "cgroup"},
		WriteCgroup(cg, "cgroup.freeze", "1"), WriteCgroup(cg, "freezer.state", "FROZEN"), WriteCgroup(cg, "cgroup.kill", "1"), WriteCgroup(cg, "cgroup.procs", "0"),
		WriteCgroup(cg, "../shop/cgroup.freeze", "0"), WriteCgroup(cg, "freezer.self_freezing", "0"), WriteCgroup(cg, "io.max", "8:0 rbps=max\n8:1 wbps=1"), WriteCgroup(cg, "", ""),
		WriteCgroup(Cgroup{Dir: "/etc"}, "cgroup.freeze", "0"), WriteCgroup(Cgroup{Dir: "/sys/fs/cgroup"}, "cgroup.freeze", "0"), WriteCgroup(Cgroup{Dir: "/sys/fs/cgroup/../../../etc"}, "cgroup.freeze", "0"),
	} {
		require.Error(t, op.Valid(), "%+v", op)
		_, err := LocalHands{}.Do(t.Context(), op)
		require.Equal(t, op.Valid(), err)
	}
	for _, c := range []Check{CgroupSays(cg, "freezer.self_freezing", "0"), CgroupSays(cg, "cgroup.freeze", "0"), Freed("/srv", 1)} {
		require.NoError(t, c.Valid())
		require.NotContains(t, c.String(), "unknown")
	}
	for _, c := range []Check{{Is: "cgroup"}, CgroupSays(cg, "cgroup.procs", "0"), {Is: "freed"}, Freed("srv", 1), Freed("/srv", 0)} {
		require.Error(t, c.Valid(), "%+v", c)
	}

	boot, err := BootID()
	require.NoError(t, err)
	dir := t.TempDir() // which is no cgroup, whatever a journal says
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte("1"), 0o600))
	same, err := identifyCgroup(dir)
	require.NoError(t, err)
	require.Equal(t, boot, same.BootID)
	require.ErrorIs(t, same.Write("cgroup.freeze", "0"), ErrCgroupGone)
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.freeze"))
	require.NoError(t, err)
	require.Equal(t, "1", string(text))
}

// TestFreed is judged by what is free, for as long as that says anything.
func TestFreed(t *testing.T) {
	look := func(c Check) (string, bool) {
		text, gone, err := LocalHands{}.Check(t.Context(), c)
		require.NoError(t, err)
		return text, gone
	}
	dir := t.TempDir()
	text, gone := look(Freed(dir, 1))
	require.True(t, gone, text)
	text, gone = look(Freed(dir, maxSize))
	require.False(t, gone, text)
	old := Freed(dir, maxSize)
	old.At = time.Now().Add(-time.Hour).Unix()
	text, gone = look(old)
	require.True(t, gone)
	require.Contains(t, text, "which others may have filled meanwhile")
	text, gone = look(Freed(filepath.Join(dir, "none"), maxSize))
	require.True(t, gone)
	require.True(t, strings.HasSuffix(text, "none is gone"), text)
}

func TestSizes(t *testing.T) {
	for text, want := range map[Value]int64{"0": 0, "512": 512, "64MiB": 64 << 20, "1.5 GiB": 3 << 29, "2kB": 2000, "3B": 3, "1TiB": 1 << 40} {
		got, err := With{"n": text}.Size("n", -1)
		require.NoError(t, err)
		require.Equal(t, want, got, text)
	}
	for _, text := range []Value{"", "MiB", "-1", "1e300", "NaN", "Inf", "1 MiB/s", "1mib"} {
		_, err := With{"n": text}.Size("n", -1)
		require.ErrorContains(t, err, "is not a size", text)
	}
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1 << 20: "1 MiB", 3 << 29: "1.5 GiB", 1 << 41: "2 TiB"} {
		require.Equal(t, want, FormatSize(bytes))
	}
}

// TestHostTargets name what of the host may be hurt, or are refused.
func TestHostTargets(t *testing.T) {
	shop := HostTarget{Name: "shop-host", Service: "shop", CPU: true, Path: "/srv"}
	all, err := Sources{Hosts: []HostTarget{shop}, Keep: []string{"/var/lib/sitrep"}}.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Target{{Name: "shop-host", Service: "shop", Listed: true, Host: &shop, Keep: []string{"/var/lib/sitrep"}}}, all)
	require.False(t, Sources{Hosts: []HostTarget{shop}}.None())
	_, err = Sources{Hosts: []HostTarget{shop, shop}}.Find(t.Context())
	require.ErrorContains(t, err, "two targets are named shop-host")
	for key, h := range map[string]HostTarget{
		"name":    {Name: "the host", Service: "shop", CPU: true},
		"service": {Name: "host", CPU: true},
		"path":    {Name: "host", Service: "shop", Path: "srv"},
	} {
		got, err := h.Valid()
		require.Error(t, err)
		require.Equal(t, key, got)
	}
	_, err = HostTarget{Name: "host", Service: "shop"}.Valid()
	require.ErrorContains(t, err, "what of the host may be hurt?")
}
