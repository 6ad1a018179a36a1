package health_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/health"
)

// free is an address on loopback where nobody listens.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// start runs a server until the test is over, and waits until address takes
// connections. It gives what stops it earlier.
func start(t *testing.T, address string, cmd *exec.Cmd) (stop func()) {
	t.Helper()
	dir := t.TempDir()
	if cmd.Dir == "" {
		cmd.Dir = dir
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	done := false
	stop = func() {
		if !done {
			done = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, time.Minute, 50*time.Millisecond, "%s does not listen: %s", cmd.Path, log.Name())
	return stop
}

func TestARealRedis(t *testing.T) {
	address := free(t)
	_, port, _ := net.SplitHostPort(address)
	stop := start(t, address, exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--requirepass", "hush"))
	look := func(more string) health.Result { return one(t, fmt.Sprintf("redis: %q%s", address, more)) }
	good(t, look(`, password: "env:P"`), "hush")
	good(t, look(`, user: default, password: "env:P"`), "hush")
	bad(t, look(""), "NOAUTH")
	bad(t, look(`, password: "env:WRONG"`), "WRONGPASS")
	require.Equal(t, health.Unknown, look(`, password: "env:NOT_SET"`).Status, "it says nothing about the Redis")
	bad(t, look(`, password: "env:P", encrypted: true, timeout: 1s`), "")
	stop()
	bad(t, look(`, password: "env:P"`), "connection refused")
}

// PostgreSQL refuses to be run by root.
func TestARealPostgres(t *testing.T) {
	bin, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	require.NoError(t, err)
	require.NotEmpty(t, bin, "PostgreSQL is not installed: make setup")
	dir, err := os.MkdirTemp("", "pg")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("hush\n"), 0o644))
	as := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody")
		require.NoError(t, err)
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		require.NoError(t, os.Chown(dir, uid, gid))
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin[0], "initdb"), "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", secret, "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	out, err := initdb.CombinedOutput()
	require.NoError(t, err, string(out))

	address := free(t)
	_, port, _ := net.SplitHostPort(address)
	server := exec.Command(filepath.Join(bin[0], "postgres"), "-D", data, "-p", port, "-h", "127.0.0.1", "-k", dir, "-c", "fsync=off", "-c", "max_connections=4", "-c", "superuser_reserved_connections=0")
	server.SysProcAttr, server.Dir = as, dir
	stop := start(t, address, server)
	look := func() health.Result { return one(t, fmt.Sprintf("postgres: %q", address)) }
	require.Eventually(t, func() bool { return look().Status == health.Healthy }, time.Minute, 100*time.Millisecond)
	good(t, look(), "")
	require.NoError(t, server.Process.Signal(syscall.SIGTERM)) // it waits for whoever is connected
	stop()
	bad(t, look(), "connection refused")
}

// A PostgreSQL that recovers says so in an error, as this one answers.
func TestAPostgresThatStartsUp(t *testing.T) {
	said := "SFATAL\x00VFATAL\x00C57P03\x00Mthe database system is starting up\x00\x00"
	address := answers(t, fmt.Sprintf("E\x00\x00\x00%c%s", len(said)+4, said))
	bad(t, one(t, fmt.Sprintf("postgres: %q", address)), "the database system is starting up (57P03)")
	for _, odd := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "E\xff\xff\xff\xff", "E\x00\x00\x00\x00", "E\x00\x00\x00\x10short", ""} {
		require.Equal(t, health.Unhealthy, one(t, fmt.Sprintf("postgres: %q, timeout: 1s", answers(t, odd))).Status, odd)
	}
}

// etcd has the health service of gRPC.
func TestARealGRPC(t *testing.T) {
	client, peer := free(t), free(t)
	stop := start(t, client, exec.Command("etcd", "--data-dir", filepath.Join(t.TempDir(), "etcd"), "--listen-client-urls", "http://"+client, "--advertise-client-urls", "http://"+client,
		"--listen-peer-urls", "http://"+peer, "--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer, "--unsafe-no-fsync"))
	look := func(more string) health.Result { return one(t, fmt.Sprintf("grpc: %q%s", client, more)) }
	require.Eventually(t, func() bool { return look("").Status == health.Healthy }, time.Minute, 100*time.Millisecond)
	good(t, look(""), "")
	bad(t, look(", of: no.such.Service"), "does not know the service")
	stop()
	bad(t, look(""), "connection refused")

	page := httptest.NewServer(http.NotFoundHandler())
	defer page.Close()
	bad(t, one(t, fmt.Sprintf("grpc: %q, timeout: 2s", page.Listener.Addr())), "")
}
