package fault_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// engine is what answers in the place of Docker, as a hostile one may.
type engine struct {
	answers map[string]http.HandlerFunc // by path, without the version

	mu    sync.Mutex
	asked []string
}

// questions are what was asked so far.
func (e *engine) questions() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

const containerID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// state is what Docker says of a container; more are fields that it has too.
func state(more string) string {
	return fmt.Sprintf(`{"Id": %q, "Name": "/api", "Path": "/prog", "State": {"Status": "running", "Running": true, "Pid": 0, "StartedAt": "2026-01-02T03:04:05.6Z"}%s}`, containerID, more)
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func newEngine(t *testing.T, container string) (*engine, string) {
	e := &engine{answers: map[string]http.HandlerFunc{
		"/version":                             says(`{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}`),
		"/containers/json":                     says(`[{"Id": "` + containerID + `", "Names": ["/api"]}]`),
		"/containers/" + containerID + "/json": says(container),
	}}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		e.asked = append(e.asked, r.Method+" "+r.URL.Path)
		e.mu.Unlock()
		path := r.URL.Path
		if strings.HasPrefix(path, "/v1.") {
			_, path, _ = strings.Cut(path[1:], "/")
			path = "/" + path
		}
		if h, ok := e.answers[path]; ok {
			h(w, r)
			return
		}
		http.Error(w, `{"message": "No such container"}`, http.StatusNotFound)
	}))
	srv.Listener = l
	srv.Start()
	t.Cleanup(srv.Close)
	return e, socket
}

// container finds the target "api" there.
func container(t *testing.T, socket string) chaos.Target {
	all, err := chaos.Sources{Docker: socket, Containers: []chaos.ContainerFind{{Name: "api", Service: "api", Container: "api"}}}.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

// TestContainerPlans is what a person reads before anything is done.
func TestContainerPlans(t *testing.T) {
	for _, c := range []struct {
		fault, with, has string
		tier             chaos.Tier
		preview          string
		undo, gone       string
	}{
		{
			"container.pause", "", "", chaos.TierDeadMan, "docker -H unix://SOCKET pause 0123456789ab (api) for 30s",
			"docker -H unix://SOCKET unpause 0123456789ab", "container 0123456789ab is not paused",
		},
		{
			"container.stop", "grace 2s", "", chaos.TierDeadMan, "docker -H unix://SOCKET stop -t 2 0123456789ab (api) for 30s: TERM, and KILL after 2s",
			"docker -H unix://SOCKET start 0123456789ab", "container 0123456789ab runs",
		},
		{
			"container.cpu", "cpus 0.2", "", chaos.TierDeadMan, "docker -H unix://SOCKET update 0123456789ab (api): 0.2 CPUs, before it had no limit, for 30s",
			"docker -H unix://SOCKET update 0123456789ab: no limit again, if it is 0.2 CPUs", "container 0123456789ab has not 0.2 CPUs",
		},
		{
			"container.cpu", "cpus 0.2", `, "HostConfig": {"NanoCpus": 1500000000}`, chaos.TierDeadMan, "docker -H unix://SOCKET update 0123456789ab (api): 0.2 CPUs, before it had 1.5 CPUs, for 30s",
			"docker -H unix://SOCKET update 0123456789ab: 1.5 CPUs again, if it is 0.2 CPUs", "container 0123456789ab has not 0.2 CPUs",
		},
		{
			"container.kill", "signal TERM", "", chaos.TierIrreversible, "docker -H unix://SOCKET kill -s TERM 0123456789ab (api); Docker will not start it again",
			"", "nothing to undo",
		},
	} {
		e, socket := newEngine(t, state(c.has))
		with := chaos.With{}
		if key, value, ok := strings.Cut(c.with, " "); ok {
			with[key] = chaos.Value(value)
		}
		inj := plan(t, container(t, socket), c.fault, "", with)
		var undo []string
		for _, op := range inj.Undo {
			require.NoError(t, op.Valid())
			undo = append(undo, op.String())
		}
		require.NoError(t, inj.Gone.Valid())
		told := func(text string) string { return strings.ReplaceAll(text, "SOCKET", socket) }
		require.Equal(t, c.tier, inj.Tier)
		require.Equal(t, []string{told(c.preview)}, inj.Preview)
		require.Equal(t, told(c.undo), strings.Join(undo, "; "))
		require.Equal(t, c.gone, inj.Gone.String())
		require.Equal(t, "to use "+socket+": root, or the group docker, which is as much", inj.Needs[0])
		for _, asked := range e.questions() {
			require.True(t, strings.HasPrefix(asked, "GET "), "planning touches nothing: %s", asked)
		}
	}
}

// TestHostileDocker: whatever answers at the socket, the run is refused, and says why.
func TestHostileDocker(t *testing.T) {
	huge := func(w http.ResponseWriter, _ *http.Request) {
		for w.Header(); ; {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}
	inspect := "/containers/" + containerID + "/json"
	for _, c := range []struct {
		path string
		does http.HandlerFunc
		why  string
	}{
		{"/version", says("<html>"), "this is not Docker's answer: invalid character"},
		{"/version", says(`{"ApiVersion": "1.12"}`), `version "1.12" of its API; want 1.29 or later`},
		{"/version", says(`{"ApiVersion": "9"}`), `version "9" of its API`},
		{"/version", huge, "its answer has no end"},
		{"/version", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		}, "302 Found"},
		{"/containers/json", says(`[{"Id": "../../etc", "Names": ["/api"]}]`), `it lists a container "../../etc", which is no ID`},
		{"/containers/json", says(`[{"Id": 7}]`), "this is not Docker's answer"},
		{"/containers/json", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "403 Forbidden"},
		{inspect, says(strings.Replace(state(""), containerID, strings.Repeat("f", 64), 1)), "asked for container 0123456789ab, it tells of"},
		{inspect, says(strings.Replace(state(""), "2026", "soon", 1)), "this is not Docker's answer"},
	} {
		e, socket := newEngine(t, state(""))
		e.answers[c.path] = c.does
		require.Contains(t, refused(t, container(t, socket), "container.pause", "", nil), c.why)
	}
	require.Contains(t, refused(t, container(t, "/no/socket"), "container.pause", "", nil), "refused R10 unreachable: api: docker /no/socket: GET /version: dial unix /no/socket")
	require.Contains(t, refused(t, container(t, "/no/socket"), "process.pause", "", nil), "refused R10 no-process: ")
	_, socket := newEngine(t, state(""))
	require.Contains(t, refused(t, container(t, socket), "container.kill", "signal", nil), "refused R10 no-mechanism: ")
	_, other := program(t, "sleep", "1000")
	require.Contains(t, refused(t, other, "container.pause", "", nil), "refused R7 not-named: job is no container")

	e, socket := newEngine(t, state(""))
	e.answers["/version"] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	began := time.Now()
	require.Contains(t, refused(t, container(t, socket), "container.pause", "", nil), "context deadline exceeded")
	require.Less(t, time.Since(began), patience)
}

// TestEngineVersion: Docker is asked in a version that both speak.
func TestEngineVersion(t *testing.T) {
	for speaks, want := range map[string]string{
		`{"ApiVersion": "1.52", "MinAPIVersion": "1.44"}`: "/v1.44", `{"ApiVersion": "1.44", "MinAPIVersion": "1.24"}`: "/v1.41", `{"ApiVersion": "1.35"}`: "/v1.35",
	} {
		e, socket := newEngine(t, state(""))
		e.answers["/version"] = says(speaks)
		container(t, socket)
		require.Contains(t, e.questions(), "GET "+want+"/containers/json")
	}
	path, err := chaos.DockerSocket("", "")
	require.NoError(t, err)
	require.Equal(t, "/var/run/docker.sock", path)
	path, err = chaos.DockerSocket("", "unix:///run/user/1000/docker.sock")
	require.NoError(t, err)
	require.Equal(t, "/run/user/1000/docker.sock", path)
	_, err = chaos.DockerSocket("", "tcp://10.0.0.8:2375")
	require.ErrorContains(t, err, `refused R10 unreachable: DOCKER_HOST is "tcp://10.0.0.8:2375"`)
	path, err = chaos.DockerSocket("/x/docker.sock", "tcp://10.0.0.8:2375")
	require.NoError(t, err)
	require.Equal(t, "/x/docker.sock", path)
}

// TestContainerOps: a journal that somebody else has written unlocks nothing.
func TestContainerOps(t *testing.T) {
	c := chaos.Container{Socket: "/run/docker.sock", ID: containerID, StartedAt: time.Unix(1, 0)}
	set, back := chaos.CPULimit{}.Lower(0.5)
	require.Equal(t, chaos.CPULimit{Quota: 50000, Period: 100000}, set)
	require.Equal(t, chaos.CPULimit{Quota: -1, Period: 100000}, back)
	text, err := json.Marshal(set)
	require.NoError(t, err)
	require.JSONEq(t, `{"CpuQuota": 50000, "CpuPeriod": 100000}`, string(text), "as Docker takes it")
	bad := func(change func(*chaos.Container)) chaos.Container {
		b := c
		change(&b)
		return b
	}
	require.NoError(t, chaos.RestoreCPU(c, set, back).Valid())
	for _, op := range []chaos.Op{
		chaos.Unpause(bad(func(c *chaos.Container) { c.ID = "api" })), chaos.Start(bad(func(c *chaos.Container) { c.ID = containerID + "/../x" })),
		chaos.Unpause(bad(func(c *chaos.Container) { c.Socket = "docker.sock" })), chaos.Start(bad(func(c *chaos.Container) { c.StartedAt = time.Time{} })),
		chaos.RestoreCPU(c, back, set), chaos.RestoreCPU(c, set, set), chaos.RestoreCPU(c, set, chaos.CPULimit{NanoCPUs: 1e9}),
		{Do: "container-start"},
		{Do: "container-cpu", Container: &c},
	} {
		require.Error(t, op.Valid(), op)
	}
	for want, with := range map[string]chaos.With{
		`cpus: missing`: {}, `cpus: "0" is no number of CPUs from 0.01`: {"cpus": "0"}, `cpus: "NaN" is no`: {"cpus": "NaN"}, `unknown parameter "cpu"`: {"cpu": "1"},
	} {
		require.ErrorContains(t, kind(t, "container.cpu").Check(with), want)
	}
	require.ErrorContains(t, kind(t, "container.stop").Check(chaos.With{"grace": "3s"}), "grace: 3s is more than the cap of 2s")
	require.ErrorContains(t, kind(t, "container.stop").Check(chaos.With{"grace": "1500ms"}), "grace: Docker counts it in whole seconds")
	require.ErrorContains(t, kind(t, "container.kill").Check(chaos.With{"signal": "HUP"}), `signal: "HUP" is not one of KILL, TERM`)
}
