package chaos_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// programs are a person's own: a fault that is a file.
type programs struct {
	t         *testing.T
	dir, mark string
	config    string
	names     []string // in the order of inject, observe, undo, gone
}

func newPrograms(t *testing.T) *programs {
	p := &programs{t: t, dir: t.TempDir()}
	p.mark, p.config = filepath.Join(p.dir, "mark"), filepath.Join(p.dir, "sitrep.yaml")
	for name, text := range map[string]string{
		"inject": `echo "$SITREP_TARGET $SITREP_FAULT $HOME" > "$1"`, "observe": `test -e "$1"`, "undo": `rm -f "$1"`, "gone": `! test -e "$1"`,
	} {
		p.program(name, text)
	}
	for _, name := range []string{"inject", "observe", "undo", "gone"} {
		p.names = append(p.names, filepath.Join(p.dir, name))
	}
	p.allow(p.names...)
	return p
}

func (p *programs) program(name, text string) string {
	file := filepath.Join(p.dir, name)
	require.NoError(p.t, os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
	return file
}

// allow writes the configuration whose policy names them.
func (p *programs) allow(names ...string) {
	require.NoError(p.t, os.WriteFile(p.config, fmt.Appendf(nil, "prometheus: {url: http://x}\nchaos: {policy: {exec: [%s]}}\n", strings.Join(names, ", ")), 0o600))
}

func (p *programs) there() bool {
	_, err := os.Stat(p.mark)
	return err == nil
}

func (p *programs) request(l *lab, with string) chaos.Request {
	e := latency()
	if with == "" {
		var parts []string
		for _, name := range p.names {
			parts = append(parts, fmt.Sprintf("%s: [%s, %s]", filepath.Base(name), name, p.mark))
		}
		with = "{" + strings.Join(parts, ", ") + "}"
	}
	e.fault, e.with, e.targets = "custom.exec", with, "{select: {name: host}}"
	req := l.request(e.file())
	req.Sources.Hosts = []chaos.HostTarget{{Name: "host", Service: "host", Labels: map[string]string{"env": "test"}, CPU: true}}
	req.Sources.Config = p.config
	req.Args = append(req.Args, p.names...)
	return req
}

// TestOwnFault runs a fault that a person has written, and kills whoever could undo it.
func TestOwnFault(t *testing.T) {
	t.Parallel()
	p := newPrograms(t)
	for _, dead := range []string{"starter", "runner", "starter runner undertaker"} {
		l := newLab(t)
		req := p.request(l, "")
		h := l.starter(req)
		log := l.worked(req)
		text, err := os.ReadFile(p.mark)
		require.NoError(t, err)
		require.Equal(t, "host "+strings.ToLower(req.ID)+"-1 \n", string(text), "it is told about whom it is, and nothing of sitrep's environment")
		processes := map[string]chaos.Process{"starter": h.process(t), "runner": log.Opened.Runner, "undertaker": *log.Undertaker}
		for _, name := range strings.Fields(dead) {
			stop(t, processes[name])
		}
		for _, name := range strings.Fields(dead) {
			kill(t, processes[name])
		}
		if strings.Contains(dead, "undertaker") {
			require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
			require.True(t, p.there(), "nobody is left to undo it")
			p.allow(p.names[0])
			require.EventuallyWithT(t, func(c *assert.CollectT) { // a process that is ending may have the journal for a moment
				_, err := chaos.Recover(t.Context(), l.dir)
				assert.ErrorContains(c, err, "refused R10 exec: "+p.config+" does not name "+p.names[2]+"; have the policy name it under exec", "whatever a journal says")
			}, undoBound, tick)
			require.True(t, p.there())
			p.allow(p.names...)
			l.recover("custom.exec on host")
		}
		require.Eventually(t, func() bool { return !p.there() }, undoBound, tick, dead)
		l.recovered()
	}
	l := newLab(t)
	req := p.request(l, "")
	req.Source = bytes.Replace(req.Source, []byte("duration: 30s"), []byte("duration: 2s"), 1)
	out, _ := l.run(req)
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	require.Contains(t, out.Faults[0].Effect, p.names[1]+" says yes")
	require.False(t, p.there())
}

// TestOwnFaultRefused: what has no way back is not begun, nor what nobody has named.
func TestOwnFaultRefused(t *testing.T) {
	t.Parallel()
	p := newPrograms(t)
	for with, why := range map[string]string{
		"{inject: [%s], observe: [%s], undo: [%s]}": "refused R10 no-undo: custom.exec has no gone; write gone: [/path/of/a/program, ...]",
		"{inject: [%s], observe: [%s], gone: [%s]}": "refused R10 no-undo: custom.exec has no undo",
	} {
		l := newLab(t)
		out, _ := l.run(p.request(l, fmt.Sprintf(with, p.names[0], p.names[1], p.names[2])))
		assert.Equal(t, chaos.Refused, out.Verdict)
		assert.Contains(t, out.Reason, why)
	}
	l := newLab(t)
	req := p.request(l, "")
	req.Args = req.Args[:4]
	out, _ := l.run(req)
	require.Equal(t, chaos.Refused, out.Verdict)
	require.Contains(t, out.Reason, "refused R10 exec: custom.exec on host would run "+p.names[2])
	require.False(t, p.there())
}

// TestExecCalls: an undo runs what the policy names now and nothing else, for as long as
// it may, and keeps no more than the beginning of what it says.
func TestExecCalls(t *testing.T) {
	t.Parallel()
	p := newPrograms(t)
	loud := p.program("loud", "head -c 5000000 /dev/zero | tr '\\0' x")
	slow := p.program("slow", "echo $$; sleep 1000 & echo $!; wait")
	fails := p.program("fails", "echo so sorry; exit 3")
	p.allow(loud, slow, fails, "/bin/no-such-program")
	call := func(argv ...string) *chaos.ExecCall {
		return &chaos.ExecCall{Argv: argv, Timeout: chaos.LongestExec, Config: p.config}
	}
	said, err := call(loud).Run(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, said, 512)
	short := call(slow)
	short.Timeout = 300 * time.Millisecond
	said, err = short.Run(t.Context(), nil)
	require.ErrorContains(t, err, "context deadline exceeded")
	pids := strings.Fields(said)
	require.Len(t, pids, 2)
	for _, pid := range pids {
		n, err := strconv.Atoi(pid)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			gone, err := chaos.Identify(n)
			return err != nil || !gone.Alive()
		}, patience, tick, "the whole group is gone")
	}
	leaves := p.program("leaves", "setsid sleep 1000 & echo $!") // and that has its output still
	p.allow(loud, slow, fails, "/bin/no-such-program", leaves)
	said, err = call(leaves).Run(t.Context(), nil)
	require.NoError(t, err, "it has ended well, whoever it leaves behind")
	daemon, err := strconv.Atoi(said)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(daemon, syscall.SIGKILL), "in a session of its own it stays")
	text, yes, err := call(fails).Says(t.Context())
	require.NoError(t, err)
	require.False(t, yes)
	require.Equal(t, fails+" exits with 3: so sorry", text)
	_, _, err = short.Says(t.Context())
	require.Error(t, err, "who does not end has not answered")
	_, err = call("/bin/no-such-program").Run(t.Context(), nil)
	require.Error(t, err)
	_, err = call(p.names[2], p.mark).Run(t.Context(), nil)
	require.ErrorIs(t, err, chaos.ErrRefused)

	for text, why := range map[string]string{
		"chaos: {policy: {exec: []}}":        "does not name " + loud,
		"chaos: {}":                          "no policy names " + loud,
		"exec: [" + loud + "]":               "no policy names " + loud,
		"chaos: {policy: {exec: [/a, /b]}":   "refused R13 policy: ",
		"chaos: {policy: {exec: {loud: 1}}}": "refused R13 policy: ",
	} {
		require.NoError(t, os.WriteFile(p.config, []byte(text), 0o600))
		_, err := call(loud).Run(t.Context(), nil)
		require.ErrorContains(t, err, why, text)
	}
	require.NoError(t, os.Remove(p.config))
	_, err = call(loud).Run(t.Context(), nil)
	require.ErrorContains(t, err, "no policy names "+loud)
	if os.Geteuid() == 0 {
		p.allow(loud)
		require.NoError(t, os.Chmod(p.config, 0o666))
		_, err = call(loud).Run(t.Context(), nil)
		require.ErrorContains(t, err, "refused R13 policy: "+p.config+" holds a policy, and "+p.config+" may be written by others")
		require.NoError(t, os.Chmod(p.config, 0o600))
		require.NoError(t, os.Chmod(loud, 0o777))
		_, err = call(loud).Run(t.Context(), nil)
		require.ErrorContains(t, err, "refused R10 exec: "+loud+" would be run as root, and "+loud+" may be written by others")
	}

	for _, bad := range []*chaos.ExecCall{
		nil, call(), call("rm", "-rf"), call("/bin/sh", "-c", "id"), call("/usr/bin/../bin/env", "id"), call("/usr/bin/env", "id"), call("/bin/true", "a\x00b"),
		call("/bin/true", strings.Repeat("a", 5000)), call(slices.Repeat([]string{"/bin/true"}, 65)...),
		{Argv: []string{"/bin/true"}},
		{Argv: []string{"/bin/true"}, Timeout: time.Hour},
		{Argv: []string{"/bin/true"}, Timeout: time.Second, Config: "sitrep.yaml"},
	} {
		require.Error(t, chaos.Op{Do: "exec", Exec: bad}.Valid(), "%+v", bad)
		require.Error(t, chaos.Check{Is: "exec", Exec: bad}.Valid())
	}
	require.Equal(t, `/bin/true a "b c" "" '$(id)'`, call("/bin/true", "a", "b c", "", "$(id)").String())
}
