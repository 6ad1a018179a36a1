package fault

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// TestScope is what the faults of the network take, and what they say to the rest.
func TestScope(t *testing.T) {
	for _, c := range []struct {
		with chaos.With
		want string // empty: fine
	}{
		{chaos.With{"peer": "10.0.3.7:5432"}, ""},
		{chaos.With{"peer": "10.0.3.0/24", "port": "5432", "direction": "both"}, ""},
		{chaos.With{"peer": "[fd00::1]:5432", "protocol": "udp"}, ""},
		{chaos.With{"peer": "db.example"}, ""},
		{chaos.With{"local_port": "8080", "direction": "in"}, ""},
		{chaos.With{"uid": "0"}, ""},
		{chaos.With{"cgroup": "/system.slice/shop@1.service"}, ""},
		{nil, "peer: the whole network is too much; say to whom: peer, port, local_port, uid or cgroup"},
		{chaos.With{"direction": "in"}, "peer: the whole network is too much"},
		{chaos.With{"peer": "0.0.0.0/0"}, "peer: 0.0.0.0/0 is too much of the network; a prefix has at least 8 bits"},
		{chaos.With{"peer": "::/0"}, "peer: ::/0 is too much of the network; a prefix has at least 32 bits"},
		{chaos.With{"peer": "0.0.0.0"}, `peer: "0.0.0.0" is no peer`},
		{chaos.With{"peer": "10.0.3"}, `peer: "10.0.3" is no peer`},
		{chaos.With{"peer": "10.0.3.7 }; flush ruleset"}, "is no peer"},
		{chaos.With{"peer": "-d"}, "is no peer"},
		{chaos.With{"peer": "10.0.3.7:0"}, "its port is no TCP port"},
		{chaos.With{"peer": "10.0.3.7:1", "port": "2"}, "or not the one of port"},
		{chaos.With{"port": "70000"}, `port: "70000" is not a whole number from 1 to 65535`},
		{chaos.With{"port": "80", "protocol": "icmp"}, `protocol: "icmp" is not one of tcp, udp, any`},
		{chaos.With{"port": "80", "direction": "up"}, `direction: "up" is not one of out, in, both`},
		{chaos.With{"uid": "1000", "direction": "in"}, "direction: whose a packet is, is known only where it goes out"},
		{chaos.With{"cgroup": "../x"}, `cgroup: "../x" is not the path of a cgroup`},
		{chaos.With{"cgroup": `a" drop`}, "is not the path of a cgroup"},
		{chaos.With{"per": "x"}, `unknown parameter "per"; did you mean "peer"?`},
	} {
		err := netDrop{}.Check(c.with)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
		var at *chaos.ParamError
		require.ErrorAs(t, err, &at, "it has a place in the file")
	}
	peer := func(key, value string) chaos.With {
		w := chaos.With{"peer": "10.0.3.7"}
		if key != "" {
			w[key] = chaos.Value(value)
		}
		return w
	}
	require.ErrorContains(t, netLoss{}.Check(peer("", "")), "percent: missing; write for example percent: 30")
	require.ErrorContains(t, netLoss{}.Check(peer("percent", "101")), `percent: "101" is not a share of the packets`)
	require.ErrorContains(t, netLoss{}.Check(peer("percent", "nan")), "is not a share of the packets")
	require.ErrorContains(t, netRate{}.Check(peer("", "")), "rate: missing")
	require.ErrorContains(t, netRate{}.Check(peer("rate", "1")), `rate: "1" is not a rate; write for example 1mbit`)
	require.ErrorContains(t, netRate{}.Check(peer("rate", "100bit")), "is not between 1KiB and 1024MiB a second")
	require.ErrorContains(t, netDelay{}.Check(peer("", "")), "latency: missing")
	require.ErrorContains(t, netDelay{}.Check(peer("latency", "11s")), "latency: 11s is more than the cap of 10s")
	require.ErrorContains(t, netDelay{}.Check(peer("latency", "1us")), "latency: less than 1ms does nothing")
	require.ErrorContains(t, netReject{}.Check(peer("percent", "1")), `unknown parameter "percent"`)
	_, rate, err := readRate(peer("rate", "1mbit"))
	require.NoError(t, err)
	require.Equal(t, int64(125000), rate)
}

// TestControlFirst: the way to whatever sees and ends an experiment comes before every
// rule that hurts.
func TestControlFirst(t *testing.T) {
	t.Setenv("SSH_CONNECTION", "10.0.0.5 50000 10.0.0.1 2222")
	t.Setenv("DOCKER_HOST", "tcp://10.0.0.8:2375")
	target := chaos.Target{Control: []string{"127.0.0.1:9090", "[fd00::9]:9093"}}
	s, err := readScope(chaos.With{"peer": "10.0.0.7", "port": "5432", "direction": "both", "protocol": "any"})
	require.NoError(t, err)
	peers, err := addresses(t.Context(), s.peer)
	require.NoError(t, err)
	c, err := controlOf(t.Context(), target, true, peers)
	require.NoError(t, err)
	lines, err := ownedTable("sitrep_a", s, peers, c, []string{"counter drop"}, 30*time.Second)
	require.NoError(t, err)
	require.Equal(t, []string{
		"add table inet sitrep_a { flags owner; }",
		"add set inet sitrep_a live { type inet_proto; flags timeout; }",
		"add chain inet sitrep_a output { type filter hook output priority -10; policy accept; }",
		"add rule inet sitrep_a output meta l4proto ipv6-icmp return",
		"add rule inet sitrep_a output tcp sport 22 return",
		"add rule inet sitrep_a output tcp sport 2222 return",
		"add rule inet sitrep_a output ip daddr 127.0.0.1 tcp dport 9090 return",
		"add rule inet sitrep_a output ip saddr 127.0.0.1 tcp sport 9090 return",
		"add rule inet sitrep_a output ip6 daddr fd00::9 tcp dport 9093 return",
		"add rule inet sitrep_a output ip6 saddr fd00::9 tcp sport 9093 return",
		"add rule inet sitrep_a output ip daddr 10.0.0.8 tcp dport 2375 return",
		"add rule inet sitrep_a output ip saddr 10.0.0.8 tcp sport 2375 return",
		"add rule inet sitrep_a output ip daddr 127.0.0.0/8 return",
		"add rule inet sitrep_a output ip6 daddr ::1 return",
		`add rule inet sitrep_a output meta l4proto @live ip daddr { 10.0.0.7 } th dport 5432 counter drop comment "fault"`,
		"add chain inet sitrep_a input { type filter hook input priority -10; policy accept; }",
		"add rule inet sitrep_a input meta l4proto ipv6-icmp return",
		"add rule inet sitrep_a input tcp dport 22 return",
		"add rule inet sitrep_a input tcp dport 2222 return",
		"add rule inet sitrep_a input ip daddr 127.0.0.1 tcp dport 9090 return",
		"add rule inet sitrep_a input ip saddr 127.0.0.1 tcp sport 9090 return",
		"add rule inet sitrep_a input ip6 daddr fd00::9 tcp dport 9093 return",
		"add rule inet sitrep_a input ip6 saddr fd00::9 tcp sport 9093 return",
		"add rule inet sitrep_a input ip daddr 10.0.0.8 tcp dport 2375 return",
		"add rule inet sitrep_a input ip saddr 10.0.0.8 tcp sport 2375 return",
		"add rule inet sitrep_a input ip daddr 127.0.0.0/8 return",
		"add rule inet sitrep_a input ip6 daddr ::1 return",
		`add rule inet sitrep_a input meta l4proto @live ip saddr { 10.0.0.7 } th sport 5432 counter drop comment "fault"`,
		"add element inet sitrep_a live { tcp timeout 33s, udp timeout 33s }",
	}, lines)

	c, err = controlOf(t.Context(), target, false, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	require.NoError(t, err)
	require.Equal(t, []string{"[fd00::9]:9093", "10.0.0.8:2375"}, c.texts(), "another network has a loopback of its own")
	require.False(t, c.loopback, "it is the peer")
	require.ErrorContains(t, c.spares(scope{port: 2375}, []netip.Prefix{netip.MustParsePrefix("10.0.0.8/32")}), "refused R8 control-path: 10.0.0.8:2375 sees or ends the experiment")
	require.ErrorContains(t, c.spares(scope{localPort: 2222}, nil), "refused R8 control-path: port 2222 of this host is the way in (SSH)")
	_, err = controlOf(t.Context(), chaos.Target{Control: []string{"nowhere.invalid:9090"}}, true, nil)
	require.ErrorContains(t, err, "refused R8 control-path: nowhere.invalid:9090 must stay reachable")
	require.ErrorContains(t, stillReachable(t.Context(), []string{"127.0.0.1:1"}), "127.0.0.1:1, which sees or ends the experiment, cannot be reached any more")
}

// TestNamesAreKept: where what sees the experiment is looked up by its name, so are names.
func TestNamesAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(file, []byte("# two\nsearch example\nnameserver 10.0.0.2\nnameserver fd00::2%eth0\nnameserver\nnameserver nonsense\n"), 0o600))
	require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:53"), netip.MustParseAddrPort("[fd00::2%eth0]:53")}, nameServers(file))
	require.Empty(t, nameServers(file+".none"))
	c, err := controlOf(t.Context(), chaos.Target{Control: []string{"localhost:9090"}}, true, nil)
	require.NoError(t, err)
	require.True(t, c.names)
	c, err = controlOf(t.Context(), chaos.Target{Control: []string{"127.0.0.1:9090"}}, true, nil)
	require.NoError(t, err)
	require.False(t, c.names)
}

// TestNetemCalls is what tc is told, which not every kernel can be asked to do.
func TestNetemCalls(t *testing.T) {
	s, err := readScope(chaos.With{"peer": "10.0.3.7:5432"})
	require.NoError(t, err)
	c := control{servers: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:9090"), netip.MustParseAddrPort("[fd00::9]:9090")}, ssh: []int{22}}
	require.Equal(t, []string{
		"qdisc add dev eth0 root handle 5a1e: prio bands 4 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
		"qdisc add dev eth0 parent 5a1e:4 handle 5a1f: netem delay 100000us 10000us limit 10000",
		"filter add dev eth0 parent 5a1e: protocol ip prio 1 u32 match ip protocol 6 0xff match ip sport 22 0xffff flowid 5a1e:1",
		"filter add dev eth0 parent 5a1e: protocol ip prio 1 u32 match ip dst 10.0.0.9 match ip protocol 6 0xff match ip dport 9090 0xffff flowid 5a1e:1",
		"filter add dev eth0 parent 5a1e: protocol ip prio 3 u32 match ip dst 10.0.3.7/32 match ip protocol 6 0xff match ip dport 5432 0xffff flowid 5a1e:4",
	}, netemCalls("eth0", "5a1e:", s, []netip.Prefix{netip.MustParsePrefix("10.0.3.7/32")}, c, delay{100 * time.Millisecond, 10 * time.Millisecond}))
	s.port = 0
	s.protocol = "any"
	six := netemCalls("eth0", "5000:", s, []netip.Prefix{netip.MustParsePrefix("fd00::/48")}, control{}, delay{latency: time.Second})
	require.Equal(t, "filter add dev eth0 parent 5000: protocol ipv6 prio 4 u32 match ip6 dst fd00::/48 match ip6 protocol 6 0xff flowid 5000:4", six[2])
	require.Len(t, six, 4, "TCP and UDP; without ICMPv6 no neighbour is found")
	for _, id := range []string{"a", "b", "01hzzzzzzzzzzzzzzzzzzzzzzz-1"} {
		require.NoError(t, chaos.TcDelete(1, "eth0", qdiscHandle(id)).Valid())
	}
}

// TestMechanismThatIsMissing: a machine that cannot says why, and what would help.
func TestMechanismThatIsMissing(t *testing.T) {
	if err := netemWorks(t.Context()); err != nil {
		require.ErrorContains(t, err, "refused R10 no-mechanism: netem does not work here; load sch_netem, or say nfqueue [tc qdisc add dev lo root netem delay 1ms: ")
	}
	t.Setenv("PATH", t.TempDir())
	_, err := chaos.FindTool("no-such-tool")
	require.ErrorIs(t, err, chaos.ErrNoTool)
	own, err := chaos.OwnNetns()
	require.NoError(t, err)
	require.ErrorContains(t, wouldWork(t.Context(), own, []string{"add rule inet nobody has this"}), "refused R10 no-")
	require.ErrorContains(t, place{scope: scope{in: true}}.planNetem(context.Background(), nil, delay{}), "refused R10 no-mechanism: netem delays what goes out to addresses")
	require.ErrorIs(t, chaos.Netns(1).Do(func() error { return nil }), chaos.ErrNetnsGone)
}
