package chaos_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// dockerd is a Docker of the test's own, in a network namespace of its own, with one
// image, "prog", whose program waits for its end.
type dockerd struct {
	t      *testing.T
	socket string
}

// newDockerd starts one. Who is not root cannot, and gets nothing.
func newDockerd(t *testing.T) *dockerd {
	path, err := chaos.FindTool("dockerd")
	if os.Geteuid() != 0 {
		return nil
	}
	require.NoError(t, err, "make setup")
	dir, err := os.MkdirTemp("", "sitrep-docker-") // short: a socket's path has an end
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	d := &dockerd{t, filepath.Join(dir, "sock")}
	var said bytes.Buffer
	cmd := exec.Command(path, "--bridge=none", "--iptables=false", "--data-root", dir+"/data", "--exec-root", dir+"/exec", "--pidfile", dir+"/pid", "-H", "unix://"+d.socket)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGTERM}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it ends its containers, and its containerd
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("dockerd: %s", said.Bytes()[max(0, said.Len()-4000):])
		}
	})
	require.Eventually(t, func() bool {
		status, _ := d.ask(http.MethodGet, "/version", nil, nil)
		return status == http.StatusOK
	}, time.Minute, tick)
	program := filepath.Join(dir, "prog")
	build := exec.Command("go", "build", "-o", program, "./testdata/container/main.go") // by its file: of this module it would be another sitrep
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	binary, err := os.ReadFile(program)
	require.NoError(t, err)
	var image bytes.Buffer
	w := tar.NewWriter(&image)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "prog", Mode: 0o755, Size: int64(len(binary))}))
	_, err = w.Write(binary)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	status, text := d.ask(http.MethodPost, "/images/create?fromSrc=-&repo=prog", image.Bytes(), nil)
	require.Equal(t, http.StatusOK, status, text)
	return d
}

// TestNoDocker is what whoever has none is told.
func TestNoDocker(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l := newLab(t)
	out, _ := l.run(onContainer(l, "container.pause", "{}", socket))
	require.Equal(t, chaos.Refused, out.Verdict)
	require.Contains(t, out.Reason, "refused R10 unreachable: api: docker "+socket+": GET /version: dial unix "+socket+": connect: no such file or directory; start Docker, run sitrep as root or in the group docker, or set chaos.docker.socket")
}

// ask talks to Docker as everybody else does.
func (d *dockerd) ask(method, path string, body []byte, out any) (status int, text string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", d.socket)
	}}}
	req, err := http.NewRequestWithContext(context.WithoutCancel(d.t.Context()), method, "http://docker"+path, bytes.NewReader(body))
	require.NoError(d.t, err)
	req.Header.Set("Content-Type", map[bool]string{true: "application/x-tar", false: "application/json"}[strings.HasPrefix(path, "/images/")])
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(b, out)
	}
	require.NoError(d.t, err)
	return res.StatusCode, string(b)
}

// run starts a container of that name.
func (d *dockerd) run(name, image, host string) (id string) {
	if host != "" {
		host = ", " + host
	}
	var made struct{ ID string }
	status, text := d.ask(http.MethodPost, "/containers/create?name="+name, fmt.Appendf(nil,
		`{"Image": %q, "Cmd": ["/prog"], "Labels": {"app": %q}, "HostConfig": {"NetworkMode": "none"%s}}`, image, name, host), &made)
	require.Equal(d.t, http.StatusCreated, status, text)
	d.order(name, "start")
	return made.ID
}

// order is for Docker, by somebody who is not sitrep.
func (d *dockerd) order(name, what string) {
	status, text := d.ask(http.MethodPost, "/containers/"+name+"/"+what, nil, nil)
	require.Less(d.t, status, 400, text)
}

func (d *dockerd) remove(name string) {
	status, text := d.ask(http.MethodDelete, "/containers/"+name+"?force=1", nil, nil)
	require.Less(d.t, status, 400, text)
}

func (d *dockerd) state(id string) chaos.ContainerState {
	s, err := chaos.Docker{Socket: d.socket}.Inspect(d.t.Context(), id)
	require.NoError(d.t, err)
	return s
}

// is says how a container is: its status, and its limit.
func (d *dockerd) is(id string) string {
	s := d.state(id)
	return s.State.Status + ", " + s.HostConfig.CPULimit.String()
}

// onContainer is a run on a container "api", of the label app=api.
func onContainer(l *lab, fault, with, socket string) chaos.Request {
	e := latency()
	e.fault, e.with, e.targets, e.recovery = fault, with, "{select: {service: api}}", 20*time.Second
	req := l.request(e.file())
	req.Sources.Docker = socket
	req.Sources.Containers = []chaos.ContainerFind{{Name: "api", Service: "api", Labels: map[string]string{"env": "test"}, Select: map[string]string{"app": "api"}}}
	return req
}

// TestContainers hurts containers of a real Docker, and kills whoever could undo it.
func TestContainers(t *testing.T) {
	d := newDockerd(t)
	if d == nil {
		return // see TestNoDocker
	}
	for _, f := range []struct{ fault, with, hurt, host string }{
		{"container.pause", "{}", "paused, no limit", ""},
		{"container.stop", "{grace: 1s}", "exited, no limit", ""},
		{"container.cpu", "{cpus: 0.1}", "running, 0.1 CPUs", ""},
		{"container.cpu", "{cpus: 0.1}", "running, 0.1 CPUs", `"NanoCpus": 500000000`},
		{"container.cpu", "{cpus: 0.1}", "running, 0.1 CPUs", `"CpuQuota": 25000, "CpuPeriod": 50000`},
	} {
		t.Run(f.fault+" "+f.host, func(t *testing.T) {
			d := &dockerd{t, d.socket}
			id := d.run("api", "prog", f.host)
			defer d.remove("api")
			well := d.is(id)
			for _, dead := range []string{"", "runner", "starter runner undertaker"} {
				hurtContainer(t, d, id, f.fault, f.with, f.hurt, well, strings.Fields(dead))
			}
		})
	}
	t.Run("container.kill", func(t *testing.T) { killContainer(t, &dockerd{t, d.socket}) })
	t.Run("another since", func(t *testing.T) { anotherContainer(t, &dockerd{t, d.socket}) })
	t.Run("refused", func(t *testing.T) { refusedContainers(t, &dockerd{t, d.socket}) })
}

// hurtContainer does a fault and kills those who are named while it is there.
func hurtContainer(t *testing.T, d *dockerd, id, fault, with, hurt, well string, dead []string) {
	l := newLab(t)
	req := onContainer(l, fault, with, d.socket)
	h := l.starter(req)
	log := l.worked(req)
	require.Equal(t, hurt, d.is(id))
	processes := map[string]chaos.Process{"starter": h.process(t), "runner": log.Opened.Runner, "undertaker": *log.Undertaker}
	if len(dead) == 0 {
		require.NoError(t, h.Process.Signal(syscall.SIGKILL)) // the runner ends it
	}
	for _, name := range dead {
		stop(t, processes[name])
	}
	for _, name := range dead {
		kill(t, processes[name])
	}
	if len(dead) == len(processes) {
		require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
		require.Equal(t, hurt, d.is(id), "nobody is left to undo it")
		l.recover(fault + " on api")
	}
	require.Eventually(t, func() bool { return d.is(id) == well }, patience, tick)
	l.recovered()
	require.Equal(t, well, d.is(id))
	_, err := chaos.LocalHands{}.Do(t.Context(), log.Entries[0].Undo[0])
	require.NoError(t, err, "twice is harmless")
	require.Equal(t, well, d.is(id))
}

// killContainer: a crash is mended by Docker's restart policy, what Docker has killed
// itself by nobody.
func killContainer(t *testing.T, d *dockerd) {
	id := d.run("api", "prog", `"RestartPolicy": {"Name": "always"}`)
	defer d.remove("api")
	before := d.state(id).State
	l := newLab(t)
	req := onContainer(l, "container.kill", "{}", d.socket)
	req.Source = bytes.Replace(req.Source, []byte("duration: 30s"), []byte("duration: 6s"), 1)
	out, _ := l.run(req)
	require.Equal(t, chaos.Held, out.Verdict, out.Reason)
	now := d.state(id).State
	require.True(t, now.Running)
	require.NotEqual(t, before.StartedAt, now.StartedAt)

	l = newLab(t)
	req = onContainer(l, "container.kill", "{}", d.socket)
	req.Source = bytes.Replace(req.Source, []byte("duration: 30s"), []byte("duration: 6s, mechanism: engine"), 1)
	req.Source = bytes.Replace(req.Source, []byte("recovery: 20s"), []byte("recovery: 3s"), 1)
	out, _ = l.run(req)
	require.Equal(t, chaos.Deviated, out.Verdict, out.Reason)
	require.Contains(t, out.Reason, "not recovered within 3s: ", "Docker takes it for a person's wish")
	require.False(t, d.state(id).State.Running)
}

// anotherContainer: what was started again or made again since is not touched, though
// somebody has done the same to it.
func anotherContainer(t *testing.T, d *dockerd) {
	for name, change := range map[string]func(id string) string{
		"started again": func(id string) string {
			d.order("api", "unpause")
			d.order("api", "restart?t=0")
			return id
		},
		"made again": func(string) string {
			d.remove("api")
			return d.run("api", "prog", "")
		},
	} {
		id := d.run("api", "prog", "")
		l := newLab(t)
		req := onContainer(l, "container.pause", "{}", d.socket)
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
		id = change(id)
		d.order("api", "pause")
		l.recover("container.pause on api")
		require.Equal(t, "paused, no limit", d.is(id), name)
		d.remove("api")
	}
}

func refusedContainers(t *testing.T, d *dockerd) {
	refused := func(fault, with, why string) {
		t.Helper()
		l := newLab(t)
		out, _ := l.run(onContainer(l, fault, with, d.socket))
		assert.Equal(t, chaos.Refused, out.Verdict)
		assert.Contains(t, out.Reason, why)
	}
	refused("container.pause", "{}", "refused R6 no-target: ")
	id := d.run("api", "prog", `"NanoCpus": 100000000, "AutoRemove": true`)
	refused("container.stop", "{}", "refused R10 no-undo: ")
	refused("container.cpu", "{cpus: 0.1}", "refused R7 limited-already: api: container "+id[:12]+" has 0.1 CPUs, and would get 0.1; ask for less")
	d.order("api", "pause")
	refused("container.stop", "{}", "refused R7 stopped-already: ")
	d.remove("api")
	status, text := d.ask(http.MethodPost, "/images/prog/tag?repo=prom/prometheus&tag=v3", nil, nil)
	require.Less(t, status, 400, text)
	d.run("api", "prom/prometheus:v3", "")
	defer d.remove("api")
	refused("container.kill", "{}", "is prometheus; name what is to be hurt more narrowly under chaos.containers")
}
