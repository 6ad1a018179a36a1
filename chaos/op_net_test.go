package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAllowedNetOps: a journal that somebody else has written deletes nothing of theirs.
func TestAllowedNetOps(t *testing.T) {
	for _, op := range []Op{IptablesDelete(7, "sitrep_a_1_o"), TcDelete(7, "eth0.5", "5a1e:"), ForgetFlows(7, "sitrep_a_1")} {
		require.NoError(t, op.Valid(), op)
		require.NotContains(t, op.String(), "unknown")
	}
	for _, op := range []Op{
		IptablesDelete(0, "sitrep_a"), IptablesDelete(7, "OUTPUT"), IptablesDelete(7, "sitrep_"), IptablesDelete(7, "sitrep_a\n-F OUTPUT"),
		IptablesDelete(7, "sitrep_"+strings.Repeat("a", 21)),
		{Do: "iptables-delete"},
		TcDelete(0, "eth0", "5000:"), TcDelete(7, "eth0", "1:"), TcDelete(7, "eth0", "8001:"), TcDelete(7, "eth0", "50000:"), TcDelete(7, "-all", "5000:"),
		TcDelete(7, "eth0 root", "5000:"), TcDelete(7, "", "5000:"),
		{Do: "tc-delete"},
		ForgetFlows(0, "sitrep_a"), ForgetFlows(7, "filter"),
		{Do: "forget-flows", Netns: 7},
	} {
		require.Error(t, op.Valid(), op)
		_, err := LocalHands{}.Do(t.Context(), op)
		require.Equal(t, op.Valid(), err)
	}
	for _, c := range []Check{NftAbsent(7, "sitrep_a"), IptablesAbsent(7, "sitrep_a"), TcAbsent(7, "eth0", "5000:"), FlowsForgotten(7, "sitrep_a")} {
		require.NoError(t, c.Valid(), c)
		require.NotContains(t, c.String(), "unknown")
	}
	for _, c := range []Check{NftAbsent(7, "filter"), NftAbsent(0, "sitrep_a"), IptablesAbsent(7, "INPUT"), TcAbsent(7, "eth0", "1:"), FlowsForgotten(7, "nat")} {
		require.Error(t, c.Valid(), c)
	}
	require.Equal(t, Check{Is: "all", All: []Check{NftAbsent(7, "sitrep_a"), NftAbsent(7, "sitrep_b"), NftAbsent(7, "sitrep_c")}},
		Every(NftAbsent(7, "sitrep_a"), Every(NftAbsent(7, "sitrep_b"), NftAbsent(7, "sitrep_c"))), "no check is made of one that is made of others")
}

// netns is a network namespace of the test's own, kept by a process that sleeps.
func netns(t *testing.T) (Netns, func()) {
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	require.NoError(t, cmd.Start())
	end := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(end)
	n, err := NetnsOf(cmd.Process.Pid)
	require.NoError(t, err)
	own, err := OwnNetns()
	require.NoError(t, err)
	require.NotEqual(t, own, n)
	return n, end
}

// TestNetHands does the operations of the network on what was put there by hand. It
// runs in a user and a network namespace of its own.
func TestNetHands(t *testing.T) {
	const inside = "SITREP_TEST_ALONE"
	if os.Getenv(inside) == "" {
		exe, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.Command(exe, "-test.run=^TestNetHands$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestNetHands")
		return
	}
	n, end := netns(t)
	run := func(stdin, name, args string) string {
		out, err := n.Tool(t.Context(), ToolCall{Name: name, Args: strings.Fields(args), Stdin: stdin})
		require.NoError(t, err)
		return out
	}
	run("", "tc", "qdisc add dev lo root handle 5a1e: tbf rate 1mbit burst 32k latency 50ms")
	run("", "nft", "add table inet sitrep_a")
	for _, tool := range []string{"iptables", "ip6tables"} {
		run("*mangle\n:sitrep_a - [0:0]\n:theirs - [0:0]\n-A OUTPUT -j theirs\n-I OUTPUT 1 -j sitrep_a\n-A sitrep_a -p tcp -j RETURN\nCOMMIT\n", tool+"-restore", "--noflush")
	}
	var h LocalHands
	is := func(want bool, checks ...Check) {
		for _, c := range checks {
			text, gone, err := h.Check(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, want, gone, text)
		}
	}
	tc, chain, table := TcAbsent(n, "lo", "5a1e:"), IptablesAbsent(n, "sitrep_a"), NftAbsent(n, "sitrep_a")
	is(false, tc, chain, table)
	is(true, TcAbsent(n, "lo", "5a1f:"), TcAbsent(n, "nothing", "5a1e:"), IptablesAbsent(n, "sitrep_b"), NftAbsent(n, "sitrep_b"))
	for range 2 { // twice is harmless
		for _, op := range []Op{TcDelete(n, "lo", "5a1e:"), IptablesDelete(n, "sitrep_a"), TcDelete(n, "nothing", "5000:")} {
			_, err := h.Do(t.Context(), op)
			require.NoError(t, err)
		}
		is(true, tc, chain)
	}
	is(false, table)
	require.Contains(t, run("", "iptables", "-t mangle -S"), "-A OUTPUT -j theirs", "what is not ours stays")
	require.Contains(t, run("", "ip6tables", "-t mangle -S"), "-A OUTPUT -j theirs")
	own, err := OwnNetns()
	require.NoError(t, err)
	is(true, NftAbsent(own, "sitrep_a"))

	end()
	require.Eventually(t, func() bool { return n.Do(func() error { return nil }) != nil }, 10*time.Second, time.Millisecond)
	is(true, tc, chain, table)
	for _, op := range []Op{TcDelete(n, "lo", "5a1e:"), IptablesDelete(n, "sitrep_a")} {
		text, err := h.Do(t.Context(), op)
		require.NoError(t, err)
		require.Contains(t, text, "is gone")
	}
}

// TestToolsThatSayNothing: a program in the way of the true one that ends well and prints
// nothing proves nothing.
func TestToolsThatSayNothing(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"nft", "iptables", "ip6tables"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755))
	}
	t.Setenv("PATH", dir)
	own, err := OwnNetns()
	require.NoError(t, err)
	for check, want := range map[*Check]string{
		{Is: "iptables-absent", Netns: own, Name: "sitrep_a"}: "iptables -t mangle -S in " + own.String() + " names no chain, and there are always some: is it the true iptables?",
		{Is: "nft-absent", Netns: own, Name: "sitrep_a"}:      "nft list tables in " + own.String() + " says nothing at all: is it the true nft?",
	} {
		_, gone, err := LocalHands{}.Check(t.Context(), *check)
		require.ErrorContains(t, err, want)
		require.False(t, gone)
	}
}
