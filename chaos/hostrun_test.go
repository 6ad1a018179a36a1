package chaos_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// worked waits until the fault of a run is seen to work.
func (l *lab) worked(req chaos.Request) (log chaos.Log) {
	require.EventuallyWithT(l.t, func(c *assert.CollectT) {
		log = l.journal(req)
		assert.True(c, len(log.Entries) == 1 && log.Entries[0].Effect != "" && log.Undertaker != nil, "the fault was not seen to work: %+v", log)
	}, patience, tick)
	return log
}

// recover does what the next start does, once nobody has the journal any more: a
// process that is ending may have it for a moment.
func (l *lab) recover(undone string) {
	require.EventuallyWithT(l.t, func(c *assert.CollectT) {
		done, err := chaos.Recover(l.t.Context(), l.dir)
		assert.NoError(c, err)
		assert.True(c, len(done) == 1 && slices.Equal(done[0].Undone, []string{undone}), "%+v", done)
	}, undoBound, tick)
	l.recovered()
}

// TestHostFaultNeedsNobody: whoever dies, all of them at once, what a holder has taken
// of the host is given back by the kernel, and the next start only writes that down.
func TestHostFaultNeedsNobody(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := latency()
	e.fault, e.with, e.targets = "mem.fill", "{bytes: 32MiB}", "{select: {name: host}}"
	req := l.request(e.file())
	req.Sources.Hosts = []chaos.HostTarget{{Name: "host", Service: "host", Labels: map[string]string{"env": "test"}, Memory: true}}
	h := l.starter(req)
	log := l.worked(req)
	holder := *log.Entries[0].Undo[0].Process
	dead := []chaos.Process{*log.Undertaker, log.Opened.Runner, h.process(t)}
	for _, p := range dead {
		stop(t, p)
	}
	for _, p := range dead {
		kill(t, p)
	}
	require.Eventually(t, func() bool { return !holder.Alive() && len(l.processes()) == 0 }, undoBound, tick)
	l.recover("mem.fill on host")
}

// TestFrozenIsThawed at the next start, when nobody is left who would: a freezer is
// held by nobody.
func TestFrozenIsThawed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	e := pause()
	e.mechanism = "freezer"
	dir := fmt.Sprintf("/sys/fs/cgroup/unified/sitrep-test-%d-run", os.Getpid())
	if err := os.Mkdir(dir, 0o755); err != nil {
		out, _ := l.run(l.request(e.file()))
		require.Equal(t, chaos.Refused, out.Verdict, "%s; there is no cgroup for a test: %v", out.Reason, err)
		return
	}
	thaw := func() error { return os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte("0"), 0) }
	t.Cleanup(func() {
		require.NoError(t, thaw())
		_ = l.service.Process.Kill()
		require.Eventually(t, func() bool { return os.Remove(dir) == nil }, patience, tick, "somebody is left in it")
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(l.service.Process.Pid)), 0))
	frozen := func() bool {
		events, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
		require.NoError(t, err)
		return string(events) == "populated 1\nfrozen 1\n"
	}
	req := l.request(e.file())
	h := l.starter(req)
	log := l.worked(req)
	dead := []chaos.Process{*log.Undertaker, log.Opened.Runner, h.process(t)}
	for _, p := range dead {
		stop(t, p)
	}
	for _, p := range dead {
		kill(t, p)
	}
	require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
	require.True(t, frozen(), "nobody is left to undo it")
	l.recover("process.pause on shop-1")
	require.Eventually(t, func() bool { return !frozen() }, undoBound, tick)
}
