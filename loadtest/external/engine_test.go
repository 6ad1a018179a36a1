package external

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// These tests run a stand-in that they write: a shell script that answers as k6 1.8.1, or
// JMeter, was seen or is documented to, and writes recorded points where it is told to. It is
// a process of its own, with a child of its own, as JMeter has Java.

const standInK6 = `#!/bin/sh
case "$1" in
version) echo "k6 v1.8.1 (go1.26.8, linux/amd64)"; exit 0;;
inspect) echo '{"totalDuration": "35s", "maxVUs": '"${VUS:-20}"'}'; exit 0;;
esac
for arg; do
	case "$before" in
	--out) points="${arg#json=}";;
	--summary-export) summary="$arg";;
	esac
	before="$arg"
done
printf "%s " "$@" >"$HERE/args"
env >"$HERE/env"
if [ "$PLAY" = broken ]; then echo "SyntaxError: shop.js" >&2; exit 107; fi
exec 3>"$points"
cat "$POINTS" >&3
[ -n "$SUMMARY" ] && cat "$SUMMARY" >"$summary"
if [ "$PLAY" = endless ]; then
	trap 'exit 105' INT
	[ "$DEAF" = yes ] && trap '' INT
	tail -f /dev/null & echo $! >"$HERE/child.new"
	mv "$HERE/child.new" "$HERE/child"
	while :; do wait; done
fi
exit "${CODE:-0}"
`

// standIn writes a program and puts it first in PATH.
func standIn(t *testing.T, name, script string, env map[string]string) (here string) {
	t.Helper()
	here = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(here, name), []byte(script), 0o700))
	t.Setenv("PATH", here+":"+os.Getenv("PATH"))
	t.Setenv("HERE", here)
	for key, value := range env {
		t.Setenv(key, value)
	}
	return here
}

// scriptOfK6 is a file for the stand-in, which does not look into it.
func scriptOfK6(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.js")
	require.NoError(t, os.WriteFile(file, []byte("export default function () {}\n"), 0o600))
	return file
}

func absolute(t *testing.T, file string) string {
	t.Helper()
	abs, err := filepath.Abs(file)
	require.NoError(t, err)
	return abs
}

func TestRunByK6(t *testing.T) {
	here := standIn(t, "k6", standInK6, map[string]string{
		"POINTS": absolute(t, "testdata/k6-points.json"), "SUMMARY": absolute(t, "testdata/k6-summary-export.json"), "CODE": "99", "https_proxy": "http://proxy:3128",
	})
	file := scriptOfK6(t)
	e, err := Find(t.Context(), file)
	require.NoError(t, err)
	require.Equal(t, "k6 v1.8.1", e.String())
	needs, err := e.Inspect(t.Context(), file)
	require.NoError(t, err)
	require.Equal(t, Needs{20, 35 * time.Second}, needs)

	var kept []loadtest.Second
	var rows []loadtest.Row
	var last loadtest.Progress
	r, err := e.Run(t.Context(), file, loadtest.Means{
		Keep:     func(s loadtest.Second, of []loadtest.Row) { kept, rows = append(kept, s), append(rows, of...) },
		Progress: func(p loadtest.Progress) { last = p },
	})
	require.NoError(t, err)
	require.EqualValues(t, 8, r.Requests)
	require.EqualValues(t, 8, last.Requests)
	require.Empty(t, r.Seconds, "they were given away")
	r.Seconds, r.Rows = kept, rows
	sum(t, r)
	require.Equal(t, "shop", r.Plan)
	require.Len(t, r.PlanHash, 64)
	require.Len(t, r.Thresholds, 3)
	require.Contains(t, r.Reasons, "http_req_duration max<1 does not hold")

	args, err := os.ReadFile(filepath.Join(here, "args"))
	require.NoError(t, err)
	require.Contains(t, string(args), " --address 127.0.0.1:0 ")
	require.True(t, strings.HasSuffix(strings.TrimSpace(string(args)), file))
	env, err := os.ReadFile(filepath.Join(here, "env"))
	require.NoError(t, err)
	require.NotContains(t, string(env), "proxy:3128", "load does not leave this machine by a proxy")
	require.Contains(t, string(env), "K6_AUTO_EXTENSION_RESOLUTION=false")
}

// Every address but those of this machine is one that k6 is told not to connect to.
func TestElsewhereIsEverythingElse(t *testing.T) {
	var all []netip.Prefix
	for _, cidr := range elsewhere() {
		all = append(all, netip.MustParsePrefix(cidr))
	}
	within := func(addr string) bool {
		for _, p := range all {
			if p.Contains(netip.MustParseAddr(addr)) {
				return true
			}
		}
		return false
	}
	for _, addr := range []string{"127.0.0.1", "127.255.255.255", "::1"} {
		require.False(t, within(addr), addr)
	}
	for _, addr := range []string{"0.0.0.0", "126.255.255.255", "128.0.0.0", "10.0.0.1", "169.254.169.254", "255.255.255.255", "::", "::2", "fe80::1", "2001:db8::1", "ffff::1"} {
		require.True(t, within(addr), addr)
	}
}

func TestK6ThatEndsBadly(t *testing.T) {
	points := absolute(t, "testdata/k6-points.json")
	for name, c := range map[string]struct {
		env    map[string]string
		error  string
		reason string
		want   loadtest.Verdict
	}{
		"a script that is none":          {map[string]string{"PLAY": "broken"}, "k6 ended with code 107 before it had sent anything: SyntaxError: shop.js", "", ""},
		"an exception on its way":        {map[string]string{"POINTS": points, "CODE": "107"}, "", "k6 ended with code 107: it said nothing", loadtest.Invalid},
		"stopped by its API":             {map[string]string{"POINTS": points, "CODE": "103"}, "", "cancelled before the end", loadtest.Aborted},
		"thresholds without any summary": {map[string]string{"POINTS": points, "CODE": "99"}, "", "a threshold of the script does not hold", loadtest.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			standIn(t, "k6", standInK6, c.env)
			file := scriptOfK6(t)
			e, err := Find(t.Context(), file)
			require.NoError(t, err)
			r, err := e.Run(t.Context(), file, loadtest.Means{})
			if c.error != "" {
				require.EqualError(t, err, c.error)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, r.Verdict)
			require.Contains(t, r.Reasons, c.reason)
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	file := scriptOfK6(t)
	standIn(t, "k6", standInK6, map[string]string{"VUS": "5000"})
	e, err := Find(t.Context(), file)
	require.NoError(t, err)
	_, err = e.Inspect(t.Context(), file)
	require.ErrorIs(t, err, loadtest.ErrRefused)
	require.ErrorContains(t, err, "asks for 5000 users; the most is 4096")

	here := standIn(t, "jmeter", "#!/bin/sh\necho 'Version 2.13.20170723'\n", nil)
	_, err = Find(t.Context(), "shop.jmx")
	require.ErrorContains(t, err, "is JMeter 2.13.20170723, which reads no plan of today")

	t.Setenv("PATH", filepath.Join(here, "nowhere"))
	_, err = Find(t.Context(), "shop.jmx")
	require.ErrorIs(t, err, ErrNotInstalled)
	require.ErrorContains(t, err, "`sitrep load import` makes a plan that needs no JMeter")
	_, err = Find(t.Context(), "shop.ts")
	require.ErrorContains(t, err, "k6 runs shop.ts, and is not installed: there is no k6 in PATH")
}

// alive says whether the process that a stand-in has started runs. One that nobody has
// reaped yet does not.
func alive(here string) bool {
	pid := strings.TrimSpace(string(must(os.ReadFile(filepath.Join(here, "child")))))
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func must(src []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return src
}

// The first ctrl-C lets k6 end by itself; the second, or its time, kills it with all that it
// has started.
func TestK6IsEnded(t *testing.T) {
	for name, c := range map[string]struct {
		deaf       string
		cut, after bool
	}{
		"it ends":          {deaf: "no"},
		"it is cut":        {deaf: "yes", cut: true},
		"its time is over": {deaf: "yes", after: true},
	} {
		t.Run(name, func(t *testing.T) {
			here := standIn(t, "k6", standInK6, map[string]string{"POINTS": absolute(t, "testdata/k6-points.json"), "PLAY": "endless", "DEAF": c.deaf})
			file := scriptOfK6(t)
			e, err := Find(t.Context(), file)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cut, drain := make(chan struct{}), time.Hour
			if c.after {
				drain = time.Millisecond
			}
			r, err := e.Run(ctx, file, loadtest.Means{Drain: drain, Cut: cut, Progress: func(p loadtest.Progress) {
				if _, err := os.Stat(filepath.Join(here, "child")); err != nil || p.Requests < 8 || ctx.Err() != nil {
					return
				}
				cancel()
				if c.cut {
					close(cut)
				}
			}})
			require.NoError(t, err)
			require.Equal(t, loadtest.Aborted, r.Verdict)
			require.EqualValues(t, 8, r.Requests, "what was measured is kept")
			require.Eventually(t, func() bool { return !alive(here) }, time.Minute, 5*time.Millisecond)
		})
	}
}

const standInJMeter = `#!/bin/sh
if [ "$1" = --version ]; then echo "    ____ 5.6.3"; exit 0; fi
for arg; do
	[ "$before" = -l ] && results="$arg"
	before="$arg"
done
printf "%s " "$@" >"$HERE/args"
cat "$JTL" >>"$results"
exit "${CODE:-0}"
`

func TestRunByJMeter(t *testing.T) {
	jtl := filepath.Join(t.TempDir(), "recorded.jtl")
	require.NoError(t, os.WriteFile(jtl, []byte(jtlHead+"1700000000100,250,Home,200,OK,u 1-1,text,true\n1700000000400,900,Home-1,503,Busy,u 1-2,text,false\n"), 0o600))
	here := standIn(t, "jmeter", standInJMeter, map[string]string{"JTL": jtl})
	file := filepath.Join(t.TempDir(), "shop.jmx")
	require.NoError(t, os.WriteFile(file, []byte("<jmeterTestPlan/>"), 0o600))
	e, err := Find(t.Context(), file)
	require.NoError(t, err)
	require.Equal(t, "JMeter 5.6.3", e.String())
	e.Properties = map[string]string{"host": "127.0.0.1"}
	r, err := e.Run(t.Context(), file, loadtest.Means{})
	require.NoError(t, err)
	require.EqualValues(t, 2, r.Requests, "parts are not written, so a label is a label")
	require.EqualValues(t, 1, r.ErrorsByClass[loadtest.ClassServer].Count)
	require.Equal(t, loadtest.Pass, r.Verdict)
	sum(t, r)
	args := string(must(os.ReadFile(filepath.Join(here, "args"))))
	for _, want := range []string{"-n -t " + file, "-H 127.0.0.1 -P 1 -N localhost|127.*|[::1]", "-Jhost=127.0.0.1", "-Jsampleresult.timestamp.start=true", "-Jjmeter.save.saveservice.print_field_names=true"} {
		require.Contains(t, args, want)
	}

	t.Setenv("JTL", "/dev/null")
	t.Setenv("CODE", "1")
	_, err = e.Run(t.Context(), file, loadtest.Means{})
	require.EqualError(t, err, "JMeter ended with code 1 before it had sent anything: it said nothing")
}

// When sitrep dies, by whatever, so do the program and what it has started: the keeper's input
// ends.
func TestTheKeeperKillsAll(t *testing.T) {
	here := standIn(t, "k6", standInK6, map[string]string{"POINTS": absolute(t, "testdata/k6-points.json"), "PLAY": "endless", "DEAF": "yes"})
	dir := t.TempDir()
	c, err := start(dir, filepath.Join(here, "k6"), []string{"run", "--out", "json=/dev/null"}, os.Environ())
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(here, "child")); return err == nil }, time.Minute, 5*time.Millisecond)
	require.True(t, alive(here))
	require.NoError(t, c.orders.Close())
	<-c.over
	require.Equal(t, 128+int(syscall.SIGKILL), c.code)
	require.NoDirExists(t, dir, "nobody else takes it away")
	require.Eventually(t, func() bool { return !alive(here) }, time.Minute, 5*time.Millisecond)
}
