package chaos_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	ways, err := chaos.WhatWorks(t.Context(), fault.All(), chaos.Around{})
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
			require.NotRegexp(t, "(?i)exit status|not permitted|rtnetlink|errno", v.Why, "%s: %s", v.Fault, v.Raw)
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
	for _, everywhere := range []string{"process.pause/sigstop", "process.kill/", "mem.fill/", "http.latency/explicit", "http.error/explicit", "http.abort/explicit", "http.truncate/explicit", "http.throttle/explicit"} {
		require.Equal(t, chaos.WorksYes, found[everywhere].Works, "%s: %s", everywhere, found[everywhere].Why)
	}
	for way, v := range found {
		require.NotContains(t, v.Why, "no rehearsal", way)
	}
	for _, m := range []string{"http.latency/transparent", "http.error/transparent", "http.abort/transparent", "http.truncate/transparent", "http.throttle/transparent", "dns.fail/"} {
		if found["net.drop/"].Works == chaos.WorksYes { // it needs the same of the host
			require.Equal(t, chaos.WorksYes, found[m].Works, "%s: %s", m, found[m].Why)
		}
	}
	require.Empty(t, rehearsals(t), "left over")
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "sitrep-rehearsal-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// What others would do is looked at where the configuration says that they are, and
// nothing but a look reaches them.
func TestLooksAtOthers(t *testing.T) {
	dir := t.TempDir()
	socket, program := filepath.Join(dir, "docker.sock"), filepath.Join(dir, "lose-leader")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	var asked sync.Map
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method+" "+r.URL.Path, true)
		if r.URL.Path == "/version" {
			fmt.Fprint(w, `{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}`)
			return
		}
		fmt.Fprint(w, `{"shop":{"name":"shop"}}`)
	})
	docker := &http.Server{Handler: mux}
	go func() { _ = docker.Serve(l) }()
	defer docker.Close()
	toxiproxy := httptest.NewServer(mux)
	defer toxiproxy.Close()
	require.NoError(t, os.WriteFile(program, []byte("no program"), 0o700))
	others := slices.DeleteFunc(fault.All(), func(f chaos.Fault) bool {
		return !strings.HasPrefix(f.Kind(), "container.") && !strings.HasPrefix(f.Kind(), "toxic.") && f.Kind() != "custom.exec"
	})
	look := func(around chaos.Around) map[string]chaos.Way {
		ways, err := chaos.WhatWorks(t.Context(), others, around)
		require.NoError(t, err)
		found := map[string]chaos.Way{}
		for _, v := range ways {
			found[v.Fault] = v
		}
		return found
	}

	found := look(chaos.Around{Docker: socket, Toxiproxy: toxiproxy.URL, Exec: []string{filepath.Join(dir, "missing"), program}})
	require.Equal(t, "Docker 20.10.24 answers at "+socket+"; not tried on a container", found["container.pause"].Seen)
	require.Equal(t, "Toxiproxy answers at "+toxiproxy.URL+" and has 1 proxies; not tried on one", found["toxic.down"].Seen)
	if os.Geteuid() != 0 { // root's programs are root's alone, down from /
		require.Contains(t, found["custom.exec"].Seen, "1 of 2 programs")
	}
	asked.Range(func(call, _ any) bool {
		require.Contains(t, []any{"GET /version", "GET /proxies"}, call)
		return true
	})

	found = look(chaos.Around{DockerHost: "tcp://10.0.0.1:2375", Toxiproxy: "http://127.0.0.1:1", Exec: []string{filepath.Join(dir, "missing")}})
	require.Contains(t, found["container.kill"].Why, "tcp://10.0.0.1:2375")
	require.Equal(t, "nothing answers at http://127.0.0.1:1", found["toxic.latency"].Why)
	require.Contains(t, found["custom.exec"].Why, "missing")
	for _, v := range found {
		require.Equal(t, chaos.WorksNo, v.Works, v.Fault)
		require.NotEmpty(t, v.Remedy, v.Fault)
	}
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
	ways, err := chaos.WhatWorks(t.Context(), []chaos.Fault{strange{}}, chaos.Around{})
	require.NoError(t, err)
	require.Len(t, ways, 1)
	require.Equal(t, chaos.WorksUnknown, ways[0].Works)
	require.Contains(t, ways[0].Remedy, "--dry-run")
}

// What ran out of time is not known; it is no no.
func TestARehearsalWithoutTimeIsUnknown(t *testing.T) {
	ways, err := chaos.WhatWorks(t.Context(), []chaos.Fault{slow{}}, chaos.Around{})
	require.NoError(t, err)
	require.Len(t, ways, 1)
	require.Equal(t, chaos.WorksUnknown, ways[0].Works)
	require.Equal(t, "its time ran out before anything was known", ways[0].Why)
	require.Equal(t, "try again when the machine has time", ways[0].Remedy)
}

type slow struct{ strange }

func (slow) Rehearsals() []chaos.Rehearsal {
	return []chaos.Rehearsal{{Look: func(context.Context, chaos.Around) (string, error) {
		return "", fmt.Errorf("nft list: %w", context.DeadlineExceeded)
	}}}
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
