package fault_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// serveNames is a name server on every address that knows every name: it is 192.0.2.7.
func serveNames() string {
	udp, err := net.ListenPacket("udp", ":53")
	if err != nil {
		return err.Error()
	}
	tcp, err := net.Listen("tcp", ":53")
	if err != nil {
		return err.Error()
	}
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo(known(buf[:n]), from)
		}
	}()
	go func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				var length [2]byte
				if _, err := io.ReadFull(conn, length[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(conn, query); err == nil {
					answer := known(query)
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
				}
			}()
		}
	}()
	return "ready"
}

func known(query []byte) []byte {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: head.ID, Response: true, RecursionAvailable: true}, Questions: []dnsmessage.Question{q}}
	if q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}},
		}}
	}
	answer, _ := m.Pack() // it is made of what was read
	return answer
}

// lookup asks a name server for a name as programs do: with Go's own resolver.
func lookup(network, server, name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	began := time.Now()
	found, err := (&net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}).LookupHost(ctx, name)
	var dns *net.DNSError
	switch {
	case err == nil:
		return strings.Join(found, ",") + " " + strconv.FormatInt(time.Since(began).Milliseconds(), 10)
	case !errors.As(err, &dns):
		return err.Error()
	case dns.IsNotFound:
		return "none " + strconv.FormatInt(time.Since(began).Milliseconds(), 10)
	}
	return dns.Err
}

// asks is what the client is told of a name, without the time that it took.
func (n *network) asks(network, server, name string) string {
	text, _, _ := strings.Cut(n.client.ask(n.t, "lookup "+network+" "+server+" "+name), " ")
	return text
}

const (
	nameServer  = "10.9.0.2:53"
	nameServer6 = "[fd09::2]:53"
)

func newNamedNetwork(t *testing.T) *network {
	n := newNetwork(t)
	require.Equal(t, "ready", n.server.ask(t, "names"))
	require.Equal(t, "192.0.2.7", n.asks("udp", nameServer, "pay.example.com."))
	return n
}

func TestDNSFail(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	inj := n.plan("01hzzzzzzzzzzzzzzzzzzzzzzz-1", "dns.fail", chaos.With{})
	require.Equal(t, []string{
		fmt.Sprintf("in %s, the network of shop (process %d) and of whoever shares it:", n.client.netns, n.client.target.PID),
		"answer queries for every name with SERVFAIL",
		"nft -i   (its end is the table's; PORT is the port that the holder listens on)",
		"add table inet sitrep_zzzzzzzzzzzzzz_1 { flags owner; }",
		"add set inet sitrep_zzzzzzzzzzzzzz_1 live { type inet_proto; flags timeout; }",
		"add chain inet sitrep_zzzzzzzzzzzzzz_1 output { type nat hook output priority -110; policy accept; }",
		"add rule inet sitrep_zzzzzzzzzzzzzz_1 output meta mark 0x73697472 return",
		`add rule inet sitrep_zzzzzzzzzzzzzz_1 output meta l4proto @live udp dport 53 counter ct mark set 0x53113cb2 redirect to :PORT comment "fault"`,
		`add rule inet sitrep_zzzzzzzzzzzzzz_1 output meta l4proto @live tcp dport 53 counter ct mark set 0x53113cb2 redirect to :PORT comment "fault"`,
		"add element inet sitrep_zzzzzzzzzzzzzz_1 live { tcp timeout 33s, udp timeout 33s }",
	}, inj.Preview)
	require.Equal(t, "192.0.2.7", n.asks("udp", nameServer, "pay.example.com."), "planning touches nothing")
	undo, gone := inject(t, inj)
	text, ok, err := inj.Injector.Observe(t.Context())
	require.NoError(t, err)
	require.False(t, ok, "nobody has asked: a run is inconclusive")
	require.Equal(t, "0 queries met the fault", text)
	for _, server := range []string{nameServer, nameServer6} {
		for _, network := range []string{"udp", "tcp"} {
			require.Equal(t, "server misbehaving", n.client.ask(t, "lookup "+network+" "+server+" pay.example.com."), "%s %s", network, server)
		}
	}
	require.Contains(t, effect(t, inj), " queries met the fault")
	require.Equal(t, "ok", n.dial(n.at), "nothing else is touched")
	undone(t, undo, gone)
	require.Equal(t, "192.0.2.7", n.asks("udp", nameServer, "pay.example.com."))
	require.Equal(t, "192.0.2.7", n.asks("tcp", nameServer, "pay.example.com."))
}

func TestDNSAnswers(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	for i, c := range []struct {
		with chaos.With
		want string
	}{
		{chaos.With{"answer": "nxdomain"}, "none"},
		{chaos.With{"answer": "refused"}, "server"}, // misbehaving
		{chaos.With{"answer": "drop"}, ""},          // whatever says that it took too long
	} {
		inj := n.plan(fmt.Sprintf("f-%d", i), "dns.fail", c.with)
		undo, gone := inject(t, inj)
		for _, network := range []string{"udp", "tcp"} {
			got := n.asks(network, nameServer, "pay.example.com.")
			if c.want == "" {
				require.NotContains(t, []string{"192.0.2.7", "none", "server"}, got)
				continue
			}
			require.Equal(t, c.want, got, "%v over %s", c.with, network)
		}
		effect(t, inj)
		undone(t, undo, gone)
		require.Equal(t, "192.0.2.7", n.asks("udp", nameServer, "pay.example.com."))
	}

	inj := n.plan("f-9", "dns.fail", chaos.With{"answer": "nxdomain", "delay": "150ms"})
	undo, gone := inject(t, inj)
	_, ms, ok := strings.Cut(n.client.ask(t, "lookup udp "+nameServer+" pay.example.com."), "none ")
	require.True(t, ok)
	took, err := strconv.Atoi(ms)
	require.NoError(t, err)
	require.GreaterOrEqual(t, took, 150)
	undone(t, undo, gone)
}

// TestDNSSuffixes: only some names fail, the name server is asked for the others.
func TestDNSSuffixes(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	inj := n.plan("f-1", "dns.fail", chaos.With{"answer": "nxdomain", "suffixes": chaos.ListOf("Example.com.", "shop.internal"), "upstream": "10.9.0.2"})
	require.Contains(t, inj.Preview, "answer queries for names in example.com, shop.internal with NXDOMAIN; others are asked of 10.9.0.2:53")
	undo, gone := inject(t, inj)
	for _, network := range []string{"udp", "tcp"} {
		for name, want := range map[string]string{
			"example.com.": "none", "pay.EXAMPLE.com.": "none", "a.shop.internal.": "none", "notexample.com.": "192.0.2.7", "example.org.": "192.0.2.7",
		} {
			require.Equal(t, want, n.asks(network, nameServer, name), "%s over %s", name, network)
		}
	}
	require.Contains(t, effect(t, inj), "for other names were passed on")
	undone(t, undo, gone)
}

// TestDNSDeaths: whoever is killed or hangs, names are found again.
func TestDNSDeaths(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	found := func() bool { return n.asks("udp", nameServer, "pay.example.com.") == "192.0.2.7" }
	inj := n.plan("f-1", "dns.fail", chaos.With{})
	undo, gone := inject(t, inj)
	require.False(t, found())
	require.NoError(t, undo[0].Process.Signal(syscall.SIGKILL))
	require.Eventually(t, found, patience, tick, "the kernel has taken the table back, and nobody has undone anything")
	undone(t, undo, gone)
	require.True(t, found())

	s := step("dns.fail", chaos.With{})
	s.Duration = strictyaml.Duration(time.Second)
	inj, err := kind(t, "dns.fail").Plan(t.Context(), "f-2", s, n.client.target)
	require.NoError(t, err)
	undo, gone = inject(t, inj)
	require.NoError(t, undo[0].Process.Signal(syscall.SIGSTOP))
	require.Eventually(t, found, patience, tick, "its holder hangs, and its time ends all the same")
	undone(t, undo, gone)
}

// TestDNSKeptSocket: where others translate addresses too, as for containers, the kernel
// would go on with a socket that has met the fault until it is silent for a while.
func TestDNSKeptSocket(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	_, err := n.client.netns.Tool(t.Context(), chaos.ToolCall{Name: "nft", Args: []string{"-f", "-"}, Stdin: "add table ip theirs\n" +
		"add chain ip theirs out { type nat hook output priority 0; }\nadd rule ip theirs out tcp dport 999 redirect to :998\n"})
	require.NoError(t, err)
	query, err := (&dnsmessage.Message{Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("pay.example.com."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}).Pack()
	require.NoError(t, err)
	inj := n.plan("f-1", "dns.fail", chaos.With{})
	undo, gone := inject(t, inj)
	var conn net.Conn
	require.NoError(t, n.client.netns.Do(func() (err error) {
		conn, err = net.Dial("udp", nameServer)
		return err
	}))
	defer conn.Close()
	ask := func() (dnsmessage.RCode, error) {
		if _, err := conn.Write(query); err != nil {
			return 0, err
		}
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
		answer := make([]byte, 512)
		k, err := conn.Read(answer)
		var p dnsmessage.Parser
		head, _ := p.Start(answer[:k])
		return head.RCode, err
	}
	code, err := ask()
	require.NoError(t, err)
	require.Equal(t, dnsmessage.RCodeServerFailure, code)
	require.NoError(t, undo[0].Process.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return n.asks("udp", nameServer, "pay.example.com.") == "192.0.2.7" }, patience, tick)
	require.Eventually(t, func() bool { _, err := ask(); return errors.Is(err, syscall.ECONNREFUSED) }, patience, tick, "it is still led to where nobody listens")
	_, is, err := chaos.LocalHands{}.Check(t.Context(), gone)
	require.NoError(t, err)
	require.False(t, is, "and that is known")
	undone(t, undo, gone)
	require.Eventually(t, func() bool { code, err := ask(); return err == nil && code == dnsmessage.RCodeSuccess }, patience, tick)
}

// TestDNSHostileQueries are what no resolver would send; those who ask properly are
// answered all the same.
func TestDNSHostileQueries(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	inj := n.plan("f-1", "dns.fail", chaos.With{})
	undo, gone := inject(t, inj)
	require.NoError(t, n.client.netns.Do(func() error {
		conn, err := net.Dial("udp", nameServer)
		if err != nil {
			return err
		}
		defer conn.Close()
		loop := append([]byte{0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 0xc0, 12, 0, 1, 0, 1) // a name that points at itself
		answer := []byte{0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}
		for _, junk := range [][]byte{{}, {0}, make([]byte, 12), make([]byte, 60000), loop, answer} {
			if _, err := conn.Write(junk); err != nil {
				return err
			}
		}
		stream, err := net.Dial("tcp", nameServer)
		if err != nil {
			return err
		}
		defer stream.Close()
		_, err = stream.Write([]byte{0xff, 0xff, 1, 2, 3})
		return err
	}))
	require.Equal(t, "server misbehaving", n.client.ask(t, "lookup udp "+nameServer+" pay.example.com."))
	require.Equal(t, "server misbehaving", n.client.ask(t, "lookup tcp "+nameServer+" pay.example.com."))
	undone(t, undo, gone)
}

// TestDNSHurtsNobodyElse: queries for other names are answered while those that are kept back
// fill their room, and over streams beside many that are idle.
func TestDNSHurtsNobodyElse(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNamedNetwork(t)
	inj := n.plan("f-1", "dns.fail", chaos.With{"suffixes": "example.com", "delay": "30s", "upstream": nameServer})
	undo, gone := inject(t, inj)
	kept, err := (&dnsmessage.Message{Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("pay.example.com."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}).Pack()
	require.NoError(t, err)
	require.NoError(t, n.client.netns.Do(func() error {
		conn, err := net.Dial("udp", nameServer)
		if err != nil {
			return err
		}
		defer conn.Close()
		for range 2048 { // there is room for half of them
			if _, err := conn.Write(kept); err != nil {
				return err
			}
		}
		for range 100 {
			idle, err := net.Dial("tcp", nameServer)
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = idle.Close() })
		}
		return nil
	}))
	for _, network := range []string{"udp", "tcp"} {
		require.Eventually(t, func() bool { return n.asks(network, nameServer, "pay.example.net.") == "192.0.2.7" }, 20*time.Second, tick, "%s, while the others are kept back", network)
	}
	undone(t, undo, gone)
}

// TestDNSParameters is what dns.fail takes, and what it says to the rest.
func TestDNSParameters(t *testing.T) {
	for _, c := range []struct {
		with chaos.With
		want string
	}{
		{chaos.With{"answer": "drop", "delay": "2s", "suffixes": "example.com", "upstream": "[fd00::1]:5353", "uid": "4711"}, ""},
		{chaos.With{"answer": "lie"}, `answer: "lie" is not one of servfail, nxdomain, refused, drop`},
		{chaos.With{"delay": "31s"}, "delay: 31s is more than the cap of 30s"},
		{chaos.With{"suffixes": "a b"}, `suffixes: "a b" is no domain, such as example.com`},
		{chaos.With{"suffixes": chaos.ListOf("ok.example", ".")}, `suffixes: "." is no domain`},
		{chaos.With{"upstream": "10.0.0.2"}, "upstream: nobody is asked where every name fails"},
		{chaos.With{"suffixes": "a", "upstream": "dns.example"}, `upstream: "dns.example" is no name server`},
		{chaos.With{"peer": "10.0.0.2"}, `unknown parameter "peer"`},
		{chaos.With{"cgroup": "../x"}, `cgroup: "../x" is not the path of a cgroup`},
	} {
		err := kind(t, "dns.fail").Check(c.with)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.want)
		var at *chaos.ParamError
		require.ErrorAs(t, err, &at, "it has a place in the file")
	}
}

// TestDNSSparesUs: in this host's own network nobody who keeps it loses their names.
func TestDNSSparesUs(t *testing.T) {
	_, target := program(t, "sleep", "1000")
	require.Contains(t, refused(t, target, "dns.fail", "", chaos.With{}), "refused R8 net-scope: job lives in this host's own network, where everybody looks up names; say whose queries: uid or cgroup")
	require.Contains(t, refused(t, target, "dns.fail", "", chaos.With{"uid": chaos.Value(strconv.Itoa(os.Geteuid()))}), "refused R8 control-path: sitrep itself runs as user ")
	require.Contains(t, refused(t, target, "net.drop", "", chaos.With{"port": "53", "protocol": "any"}), "refused R8 net-scope: job lives in this host's own network, where everybody looks up names", "that is the same")
	groups, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	for line := range strings.Lines(string(groups)) {
		if own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/"); ok && own != "" {
			assert.Contains(t, refused(t, target, "dns.fail", "", chaos.With{"cgroup": chaos.Value(own)}), "refused R8 control-path: ")
		}
	}
}
