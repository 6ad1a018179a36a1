package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// toxiproxy is a real one, with a proxy "db" before a server of the test's own.
type toxiproxy struct {
	t      *testing.T
	api    string
	listen string
	cmd    *exec.Cmd
}

func newToxiproxy(t *testing.T) *toxiproxy {
	program := filepath.Join(t.TempDir(), "toxiproxy")
	out, err := exec.Command("go", "build", "-modfile=../tools/toxiproxy/go.mod", "-o", program, "github.com/Shopify/toxiproxy/v2/cmd/server").CombinedOutput()
	require.NoError(t, err, "%s", out)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("well ", 1000)) }))
	t.Cleanup(upstream.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	x := &toxiproxy{t: t, api: "http://" + l.Addr().String()}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	require.NoError(t, l.Close())
	x.cmd = exec.Command(program, "-host", "127.0.0.1", "-port", port)
	require.NoError(t, x.cmd.Start())
	t.Cleanup(func() {
		_ = x.cmd.Process.Kill()
		_ = x.cmd.Wait()
	})
	require.Eventually(t, func() bool { return x.ask(http.MethodGet, "/version", "", nil) == http.StatusOK }, patience, tick)
	var made struct{ Listen string }
	require.Equal(t, http.StatusCreated, x.ask(http.MethodPost, "/proxies",
		fmt.Sprintf(`{"name": "db", "listen": "127.0.0.1:0", "upstream": %q, "enabled": true}`, upstream.Listener.Addr()), &made))
	x.listen = made.Listen
	return x
}

func (x *toxiproxy) ask(method, path, body string, out any) (status int) {
	req, err := http.NewRequestWithContext(x.t.Context(), method, x.api+path, strings.NewReader(body))
	require.NoError(x.t, err)
	res, err := chaos.LoopbackClient(patience).Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if out != nil {
		require.NoError(x.t, json.NewDecoder(res.Body).Decode(out))
	}
	return res.StatusCode
}

// is says how the proxy is: whether it listens, and what toxics it has.
func (x *toxiproxy) is() string {
	var s struct {
		Enabled bool
		Toxics  []chaos.Toxic
	}
	require.Equal(x.t, http.StatusOK, x.ask(http.MethodGet, "/proxies/db", "", &s))
	text := fmt.Sprint(s.Enabled)
	for _, t := range s.Toxics {
		text += " " + t.Type
	}
	return text
}

func (x *toxiproxy) request(l *lab, fault, with, duration string) chaos.Request {
	e := latency()
	e.fault, e.with, e.targets = fault, with, "{select: {service: db}}"
	req := l.request(e.file())
	req.Source = bytes.Replace(req.Source, []byte("duration: 30s"), []byte("duration: "+duration), 1)
	req.Sources.Toxiproxy = x.api
	req.Sources.Toxiproxies = []chaos.ToxicTarget{{Name: "db", Service: "db", Labels: map[string]string{"env": "test"}, Proxy: "db", URL: "http://" + x.listen + "/"}}
	return req
}

// TestToxics has a real Toxiproxy do each of its faults, and kills whoever could undo one.
func TestToxics(t *testing.T) {
	t.Parallel()
	x := newToxiproxy(t)
	for _, f := range []struct{ fault, with, effect string }{
		{"toxic.latency", "{latency: 200ms, jitter: 20ms}", "/ answers in "},
		{"toxic.timeout", "{}", "/ does not answer"},
		{"toxic.reset_peer", "{}", "/ does not answer"},
		{"toxic.bandwidth", "{rate: 64KiB, stream: upstream}", "proxy db has it"},
		{"toxic.slow_close", "{delay: 100ms}", "proxy db has it"},
		{"toxic.slicer", "{average_size: 64B, size_variation: 16B, delay: 1ms}", "proxy db has it"},
		{"toxic.limit_data", "{bytes: 1KiB, toxicity: 0.5}", "proxy db has it"},
		{"toxic.down", "{}", x.listen + " cannot be reached"},
	} {
		l := newLab(t)
		out, _ := l.run(x.request(l, f.fault, f.with, "5s"))
		require.Equal(t, chaos.Held, out.Verdict, out.Reason)
		require.Contains(t, out.Faults[0].Effect, f.effect)
		require.Equal(t, "true", x.is())
	}
	for _, f := range []struct{ fault, with, hurt string }{{"toxic.latency", "{latency: 100ms}", "true latency"}, {"toxic.down", "{}", "false"}} {
		for _, dead := range []string{"starter", "runner", "starter runner undertaker"} {
			l := newLab(t)
			req := x.request(l, f.fault, f.with, "30s")
			h := l.starter(req)
			log := l.worked(req)
			require.Equal(t, f.hurt, x.is())
			processes := map[string]chaos.Process{"starter": h.process(t), "runner": log.Opened.Runner, "undertaker": *log.Undertaker}
			for _, name := range strings.Fields(dead) {
				stop(t, processes[name])
			}
			for _, name := range strings.Fields(dead) {
				kill(t, processes[name])
			}
			if strings.Contains(dead, "undertaker") {
				require.Eventually(t, func() bool { return len(l.processes()) == 0 }, patience, tick)
				require.Equal(t, f.hurt, x.is(), "nobody is left to undo it")
				l.recover(f.fault + " on db")
			}
			require.Eventually(t, func() bool { return x.is() == "true" }, undoBound, tick, "%s, killed: %s", f.fault, dead)
			l.recovered()
		}
	}

	l := newLab(t)
	req := x.request(l, "toxic.latency", "{latency: 100ms}", "30s")
	h := l.spawn(req)
	l.worked(req)
	require.NoError(t, x.cmd.Process.Signal(syscall.SIGKILL))
	h.Abort("enough")
	out, err := h.Wait()
	require.NoError(t, err)
	require.Equal(t, chaos.Aborted, out.Verdict, "what was in its memory is gone: %s", out.Reason)
	l.recovered()
	out, _ = l.run(x.request(l, "toxic.down", "{}", "5s"))
	require.Equal(t, chaos.Refused, out.Verdict)
	require.Contains(t, out.Reason, "refused R10 unreachable: db: toxiproxy: GET "+x.api+"/proxies/db: dial tcp")
}
