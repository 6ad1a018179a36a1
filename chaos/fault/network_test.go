package fault_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// alone lets a test run in a user and a network namespace of its own, where it is
// root and where nothing can be hurt: it starts the test once more, in there. It
// returns false outside.
func alone(t testing.TB) bool {
	const inside = "SITREP_TEST_ALONE"
	if os.Getenv(inside) == t.Name() {
		_, err := tool(t, own(t), "ip", "link set lo up")
		require.NoError(t, err)
		return true
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.bench=^"+t.Name()+"$", "-test.v", "-test.timeout=4m")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "in a namespace of its own (unshare -Urn):\n%s", out)
	if _, measures := t.(*testing.B); measures {
		t.Logf("%s", out)
		return false
	}
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

func own(t testing.TB) chaos.Netns {
	n, err := chaos.OwnNetns()
	require.NoError(t, err)
	return n
}

// tool runs a program in a namespace.
func tool(t testing.TB, n chaos.Netns, name, args string) (string, error) {
	return n.Tool(context.WithoutCancel(t.Context()), chaos.ToolCall{Name: name, Args: strings.Fields(args)})
}

// network is a client and a server, each in a network namespace of its own, joined by
// a cable.
type network struct {
	t              testing.TB
	client, server *agent
	at             string // the server's address and port
}

// agent is a process that does in its namespace what it is told.
type agent struct {
	target chaos.Target
	netns  chaos.Netns
	in     io.Writer
	out    *bufio.Reader
	cmd    *exec.Cmd
}

func newNetwork(t testing.TB) *network {
	n := &network{t: t, client: newAgent(t, "shop"), server: newAgent(t, "db")}
	cable := fmt.Sprintf("link add c0 netns %d type veth peer name s0 netns %d", n.client.target.PID, n.server.target.PID)
	_, err := tool(t, own(t), "ip", cable)
	require.NoError(t, err)
	for _, side := range []struct {
		a       *agent
		dev, ip string
	}{{n.client, "c0", "10.9.0.1/24"}, {n.server, "s0", "10.9.0.2/24"}} {
		for _, args := range []string{"link set lo up", "addr add " + side.ip + " dev " + side.dev, "addr add fd09::" + side.ip[7:8] + "/64 dev " + side.dev + " nodad", "link set " + side.dev + " up"} {
			_, err := tool(t, side.a.netns, "ip", args)
			require.NoError(t, err, args)
		}
	}
	n.at = "10.9.0.2:" + n.server.ask(t, "listen")
	require.Eventually(t, func() bool { return n.client.ask(t, "connect "+n.at) == "ok" }, patience, tick)
	t.Cleanup(n.clean)
	return n
}

// clean proves that nothing is left.
func (n *network) clean() {
	for _, a := range []*agent{n.client, n.server} {
		if !a.alive() {
			continue
		}
		tables, err := tool(n.t, a.netns, "nft", "list tables")
		assert.NoError(n.t, err)
		assert.NotContains(n.t, tables, "sitrep")
		for _, iptables := range []string{"iptables", "ip6tables"} {
			rules, err := tool(n.t, a.netns, iptables, "-t mangle -S")
			assert.NoError(n.t, err)
			assert.NotContains(n.t, rules, "sitrep")
		}
		assert.Equal(n.t, []int{a.target.PID}, inhabitants(a.netns), "a process is left")
	}
}

// inhabitants are the processes whose main thread is in a namespace.
func inhabitants(n chaos.Netns) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if other, err := chaos.NetnsOf(pid); err == nil && other == n {
			pids = append(pids, pid)
		}
	}
	return pids
}

func newAgent(t testing.TB, name string) *agent {
	exe, err := os.Executable()
	require.NoError(t, err)
	a := &agent{cmd: exec.Command(exe, "__lab-service", "agent")}
	a.cmd.Stderr = os.Stderr
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	in, err := a.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := a.cmd.StdoutPipe()
	require.NoError(t, err)
	a.in, a.out = in, bufio.NewReader(out)
	require.NoError(t, a.cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	})
	require.Equal(t, "ready", a.ask(t, "hello"))
	p, err := chaos.Identify(a.cmd.Process.Pid)
	require.NoError(t, err)
	a.netns, err = chaos.NetnsOf(p.PID)
	require.NoError(t, err)
	a.target = listed(chaos.Target{Name: name, Service: name, PID: p.PID, StartTicks: p.StartTicks})
	return a
}

func (a *agent) alive() bool {
	p, err := a.target.Process()
	return err == nil && p.Alive()
}

func (a *agent) ask(t testing.TB, order string) string {
	_, err := io.WriteString(a.in, order+"\n")
	require.NoError(t, err)
	line, err := a.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// number asks for one.
func (a *agent) number(t testing.TB, order string) int {
	text := a.ask(t, order)
	n, err := strconv.Atoi(text)
	require.NoError(t, err, text)
	return n
}

// obey is the body of an agent.
func obey(in io.Reader) {
	orders := bufio.NewScanner(in)
	for orders.Scan() {
		w := append(strings.Fields(orders.Text()), "", "", "")
		switch w[0] {
		case "hello":
			fmt.Println("ready")
		case "listen":
			fmt.Println(listen(w[1]))
		case "connect":
			fmt.Println(connect(w[1]))
		case "time":
			began := time.Now()
			if text := connect(w[1]); text != "ok" {
				fmt.Println(text)
				continue
			}
			fmt.Println(float64(time.Since(began)) / float64(time.Millisecond))
		case "http":
			fmt.Println(serveHTTP())
		case "push":
			fmt.Println(push(w[1], w[2]))
		case "datagrams":
			fmt.Println(datagrams(w[1], w[2]))
		case "names":
			fmt.Println(serveNames())
		case "lookup":
			fmt.Println(lookup(w[1], w[2], w[3]))
		}
	}
}

// listen accepts on every address, takes what comes, and answers its end with a byte.
func listen(port string) string {
	l, err := net.Listen("tcp", net.JoinHostPort("", port))
	if err != nil {
		return err.Error()
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn)
				_, _ = conn.Write([]byte{'.'})
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func connect(address string) string {
	conn, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case err != nil && strings.Contains(err.Error(), "i/o timeout"):
		return "timeout"
	case err != nil:
		return err.Error()
	}
	_ = conn.Close()
	return "ok"
}

// push sends so many bytes and returns the milliseconds until all have arrived.
func push(address, size string) string {
	n, _ := strconv.Atoi(size)
	began := time.Now()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if _, err = conn.Write(make([]byte, n)); err == nil {
		err = conn.(*net.TCPConn).CloseWrite()
	}
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	if err != nil {
		return err.Error()
	}
	return strconv.FormatInt(time.Since(began).Milliseconds(), 10)
}

// datagrams sends so many, and returns how many the kernel did not let out: dropped
// on their way out of the host, they fail with EPERM.
func datagrams(address, count string) string {
	n, _ := strconv.Atoi(count)
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	lost := 0
	for range n {
		if _, err := conn.Write([]byte{'.'}); errors.Is(err, syscall.EPERM) {
			lost++
		}
	}
	return strconv.Itoa(lost)
}

// serveHTTP answers with what was asked, on every address.
func serveHTTP() string {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		return err.Error()
	}
	go func() {
		_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "%s %s %d %s", r.Method, r.URL.Path, n, r.Host)
		}))
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
