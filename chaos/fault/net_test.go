package fault_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// plan resolves a fault of the network on the client.
func (n *network) plan(id, name string, with chaos.With) chaos.Injection {
	inj, err := kind(n.t, name).Plan(n.t.Context(), id, step(name, with), n.client.target)
	require.NoError(n.t, err)
	require.Equal(n.t, chaos.TierKernel, inj.Tier)
	require.Empty(n.t, inj.Confirm, "it is not this process' own network")
	return inj
}

// dial connects from the client.
func (n *network) dial(address string) string { return n.client.ask(n.t, "connect "+address) }

// inject puts a fault in place that shows its effect by what comes later.
func inject(t testing.TB, inj chaos.Injection) (undo []chaos.Op, gone chaos.Check) {
	undo, gone = prepare(t, inj)
	_, err := inj.Injector.Inject(t.Context(), chaos.Armed{})
	require.NoError(t, err)
	return undo, gone
}

func effect(t *testing.T, inj chaos.Injection) string {
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.True(t, ok, text)
	return text
}

func TestNetDrop(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	other := "10.9.0.2:" + n.server.ask(t, "listen")
	_, port, _ := strings.Cut(n.at, ":")
	six := "[fd09::2]:" + port
	inj := n.plan("01hzzzzzzzzzzzzzzzzzzzzzzz-1", "net.drop", chaos.With{"peer": chaos.Value(n.at)})
	require.Equal(t, []string{
		fmt.Sprintf("in %s, the network of shop (process %d) and of whoever shares it:", n.client.netns, n.client.target.PID),
		"nft -i   (its end is the table's)",
		"add table inet sitrep_zzzzzzzzzzzzzz_1 { flags owner; }",
		"add set inet sitrep_zzzzzzzzzzzzzz_1 live { type inet_proto; flags timeout; }",
		"add chain inet sitrep_zzzzzzzzzzzzzz_1 output { type filter hook output priority -10; policy accept; }",
		"add rule inet sitrep_zzzzzzzzzzzzzz_1 output meta l4proto ipv6-icmp return",
		"add rule inet sitrep_zzzzzzzzzzzzzz_1 output tcp sport 22 return",
		"add rule inet sitrep_zzzzzzzzzzzzzz_1 output ip daddr 127.0.0.0/8 return",
		"add rule inet sitrep_zzzzzzzzzzzzzz_1 output ip6 daddr ::1 return",
		`add rule inet sitrep_zzzzzzzzzzzzzz_1 output meta l4proto @live ip daddr { 10.9.0.2 } tcp dport ` + port + ` counter drop comment "fault"`,
		"add element inet sitrep_zzzzzzzzzzzzzz_1 live { tcp timeout 33s }",
	}, inj.Preview)
	require.Equal(t, "ok", n.dial(n.at), "planning touches nothing")
	undo, gone := held(t, inj)
	require.Contains(t, effect(t, inj), n.at+" cannot be reached")
	require.Equal(t, "timeout", n.dial(n.at))
	require.Equal(t, "ok", n.dial(other), "another port")
	require.Equal(t, "ok", n.dial(six), "another address")
	undone(t, undo, gone)
	require.Equal(t, "ok", n.dial(n.at))

	inj = n.plan("f-2", "net.drop", chaos.With{"peer": "fd09::2", "direction": "both"})
	undo, gone = inject(t, inj)
	require.Equal(t, "timeout", n.dial(six))
	require.Equal(t, "ok", n.dial(n.at))
	effect(t, inj)
	undone(t, undo, gone)

	inj = n.plan("f-3", "net.drop", chaos.With{"port": chaos.Value(port), "direction": "in"})
	undo, gone = inject(t, inj)
	require.Equal(t, "timeout", n.dial(n.at), "the answers are lost")
	effect(t, inj)
	undone(t, undo, gone)

	inj = n.plan("f-4", "net.drop", chaos.With{"peer": "10.9.0.0/24", "uid": "4711"})
	undo, gone = inject(t, inj)
	require.Equal(t, "ok", n.dial(n.at), "another user's")
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "nothing has met it: a run is inconclusive")
	require.Equal(t, "0 packets met the fault", text)
	undone(t, undo, gone)
}

// TestNetDeaths is every way in which a fault ends without its undo.
func TestNetDeaths(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	drop := chaos.With{"peer": chaos.Value(n.at)}
	holderOf := func(undo []chaos.Op) chaos.Process { return *undo[0].Process }
	nft := func(undo []chaos.Op) chaos.Process {
		for _, pid := range inhabitants(n.client.netns) {
			if pid != n.client.target.PID {
				p, err := chaos.Identify(pid)
				require.NoError(t, err)
				return p
			}
		}
		require.Fail(t, "no nft is in there")
		return chaos.Process{}
	}
	healed := func(gone chaos.Check) {
		undone(t, nil, gone)
		require.Equal(t, "ok", n.dial(n.at))
	}

	undo, gone := held(t, n.plan("f-1", "net.drop", drop))
	require.NoError(t, holderOf(undo).Signal(syscall.SIGKILL))
	healed(gone)

	undo, gone = held(t, n.plan("f-2", "net.drop", drop))
	child := nft(undo)
	require.NoError(t, child.Signal(syscall.SIGSTOP))
	require.NoError(t, holderOf(undo).Signal(syscall.SIGKILL))
	healed(gone)
	require.Eventually(t, func() bool { return !child.Alive() }, patience, tick)

	inj := n.plan("f-3", "net.drop", drop)
	undo, gone = held(t, inj)
	require.NoError(t, nft(undo).Signal(syscall.SIGKILL))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.Contains(t, inj.Injector.(chaos.Preparer).Watch(ctx), "nft ended: signal: killed", "the run hears of it")
	healed(gone)

	s := step("net.drop", drop)
	s.Duration = strictyaml.Duration(time.Second)
	inj, err := kind(t, "net.drop").Plan(t.Context(), "f-4", s, n.client.target)
	require.NoError(t, err)
	undo, gone = held(t, inj)
	child = nft(undo)
	require.NoError(t, holderOf(undo).Signal(syscall.SIGSTOP))
	require.NoError(t, child.Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool { return n.dial(n.at) == "ok" }, patience, tick, "everything hangs, and its time ends all the same")
	undone(t, undo, gone)
	require.Eventually(t, func() bool { return !child.Alive() }, patience, tick)
}

// TestNetNeighbours: our tables and those of others leave each other alone.
func TestNetNeighbours(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	other := "10.9.0.2:" + n.server.ask(t, "listen")
	_, err := tool(t, n.client.netns, "nft", "add table inet theirs")
	require.NoError(t, err)
	undo1, gone1 := held(t, n.plan("f-1", "net.drop", chaos.With{"peer": chaos.Value(n.at)}))
	undo2, gone2 := held(t, n.plan("f-2", "net.reject", chaos.With{"peer": chaos.Value(other)}))
	undone(t, undo1, gone1)
	tables, err := tool(t, n.client.netns, "nft", "list tables")
	require.NoError(t, err)
	require.Contains(t, tables, "table inet theirs")
	require.Equal(t, "ok", n.dial(n.at))
	require.Equal(t, "refused", n.dial(other), "one ends, the other stays")

	_, err = tool(t, n.client.netns, "nft", "flush ruleset")
	require.NoError(t, err)
	require.Equal(t, "refused", n.dial(other), "it is not theirs to flush")
	_, err = tool(t, n.client.netns, "nft", "delete table inet sitrep_f_2")
	require.ErrorContains(t, err, "Operation not permitted")
	undone(t, undo2, gone2)
	require.Equal(t, "ok", n.dial(other))
}

func TestNetReject(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	inj := n.plan("f-1", "net.reject", chaos.With{"peer": "10.9.0.2", "port": chaos.Value(n.at[9:])})
	undo, gone := held(t, inj)
	require.Equal(t, "refused", n.dial(n.at))
	require.Contains(t, effect(t, inj), "cannot be reached")
	undone(t, undo, gone)
	require.Equal(t, "ok", n.dial(n.at))
}

func TestNetLoss(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	require.Zero(t, n.client.number(t, "datagrams 10.9.0.2:9 1000"))
	inj := n.plan("f-1", "net.loss", chaos.With{"peer": "10.9.0.2", "percent": "30"})
	undo, gone := inject(t, inj)
	lost := n.client.number(t, "datagrams 10.9.0.2:9 10000")
	require.InDelta(t, 3000, lost, 300, "six standard deviations of chance are 275")
	require.Contains(t, effect(t, inj), " packets met the fault")
	undone(t, undo, gone)
	require.Zero(t, n.client.number(t, "datagrams 10.9.0.2:9 1000"))

	inj = n.plan("f-2", "net.loss", chaos.With{"peer": "10.9.0.2", "percent": "100"}) // nft has no words for a chance that is none
	undo, gone = inject(t, inj)
	require.Equal(t, 1000, n.client.number(t, "datagrams 10.9.0.2:9 1000"))
	undone(t, undo, gone)
}

func TestNetRate(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	inj := n.plan("f-1", "net.rate", chaos.With{"peer": chaos.Value(n.at), "rate": "256KiB"})
	undo, gone := inject(t, inj)
	ms := n.client.number(t, fmt.Sprintf("push %s %d", n.at, 768<<10))
	require.GreaterOrEqual(t, ms, 1900, "after the first second's worth, 512 KiB take 2 s")
	effect(t, inj)
	undone(t, undo, gone)
	n.client.number(t, fmt.Sprintf("push %s %d", n.at, 512<<10))
}

func TestNetDelay(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	inj := n.plan("f-1", "net.delay", chaos.With{"peer": chaos.Value(n.at), "latency": "100ms"})
	require.Contains(t, inj.Preview, "-A sitrep_f_1_o -d 10.9.0.2 -p tcp --dport "+n.at[9:]+" -j NFQUEUE --queue-num "+queueOf(inj)+" --queue-bypass")
	require.Less(t, n.client.number(t, "push "+n.at+" 1"), 100, "planning touches nothing")
	undo, gone := held(t, inj)
	require.GreaterOrEqual(t, n.client.number(t, "push "+n.at+" 1"), 190, "the handshake, and what is sent then")
	require.Contains(t, effect(t, inj), "a connection to "+n.at+" takes 1")
	again, err := kind(t, "net.delay").Plan(t.Context(), "f-1", step("net.delay", chaos.With{"peer": chaos.Value(n.at), "latency": "1ms"}), n.client.target)
	require.NoError(t, err)
	prepare(t, again)
	_, err = again.Injector.Inject(t.Context(), chaos.Armed{})
	require.ErrorContains(t, err, "another program holds it: queue "+queueOf(inj)+": operation not permitted")
	undone(t, undo, gone)
	require.Equal(t, "ok", n.dial(n.at))

	inj = n.plan("f-2", "net.delay", chaos.With{"peer": "10.9.0.2", "latency": "20ms", "jitter": "20ms", "direction": "both"})
	undo, gone = inject(t, inj)
	n.client.number(t, fmt.Sprintf("push %s %d", n.at, 1<<20))
	effect(t, inj)
	require.NoError(t, undo[0].Process.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return !undo[0].Process.Alive() }, patience, tick)
	_, is, err := chaos.LocalHands{}.Check(t.Context(), gone)
	require.NoError(t, err)
	require.False(t, is, "its rules are still there")
	require.Equal(t, "ok", n.dial(n.at), "and mean nothing")
	undone(t, undo, gone)
}

func queueOf(inj chaos.Injection) string {
	for _, line := range inj.Preview {
		if _, rest, ok := strings.Cut(line, "let every packet of queue "); ok {
			number, _, _ := strings.Cut(rest, " ")
			return number
		}
	}
	return "none"
}

// TestNetTargetVanishes: whoever kept the namespace is gone, and the fault with it.
func TestNetTargetVanishes(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	undo, gone := held(t, n.plan("f-1", "net.drop", chaos.With{"peer": chaos.Value(n.at)}))
	inj := n.plan("f-2", "net.delay", chaos.With{"peer": chaos.Value(n.at), "latency": "1ms"})
	late := n.plan("f-3", "net.drop", chaos.With{"peer": chaos.Value(n.at)})
	undo2, gone2 := inject(t, inj)
	require.NoError(t, n.client.cmd.Process.Kill())
	require.Eventually(t, func() bool { return !n.client.alive() }, patience, tick)
	undone(t, undo, gone)
	undone(t, undo2, gone2)
	require.Eventually(t, func() bool { return len(inhabitants(n.client.netns)) == 0 }, patience, tick)
	prepare(t, late)
	_, err := late.Injector.Inject(t.Context(), chaos.Armed{})
	require.Error(t, err, "between plan and deed it has vanished")

	_, err = kind(t, "net.drop").Plan(t.Context(), "f-4", step("net.drop", chaos.With{"port": "80"}), n.client.target)
	require.ErrorContains(t, err, "refused R7 target-gone: ")
	reused := n.server.target
	reused.StartTicks++
	_, err = kind(t, "net.drop").Plan(t.Context(), "f-5", step("net.drop", chaos.With{"port": "80"}), reused)
	require.ErrorContains(t, err, "refused R7 target-gone: ")
}

// BenchmarkNetDelay is how far a connection under 100 ms of delay is off: mean-off-% is
// the mean's error, of which at most 3 are fine.
func BenchmarkNetDelay(b *testing.B) {
	if !alone(b) {
		return
	}
	n := newNetwork(b)
	without := make([]float64, 50)
	for i := range without {
		without[i] = n.connectMS()
	}
	undo, gone := inject(b, n.plan("f-1", "net.delay", chaos.With{"peer": chaos.Value(n.at), "latency": "100ms"}))
	var sum, most float64
	for b.Loop() {
		ms := n.connectMS() - mean(without)
		sum, most = sum+ms, max(most, ms)
	}
	b.ReportMetric(sum/float64(b.N), "mean-ms")
	b.ReportMetric(most, "max-ms")
	b.ReportMetric(sum/float64(b.N)-100, "mean-off-%")
	undone(b, undo, gone)
}

// connectMS is how long a connection from the client takes, in milliseconds.
func (n *network) connectMS() float64 {
	text := n.client.ask(n.t, "time "+n.at)
	ms, err := strconv.ParseFloat(text, 64)
	require.NoError(n.t, err, text)
	return ms
}

func mean(of []float64) (m float64) {
	for _, v := range of {
		m += v / float64(len(of))
	}
	return m
}
