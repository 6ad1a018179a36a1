package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// redirected holds a fault of requests: a proxy inside the namespace, and a table that
// leads new connections to it. Both end with this process, and connections go where they
// went before.
type redirected struct {
	table
	Port      int    `json:"port"`      // of the target
	Through   int    `json:"through"`   // of the proxy
	At        string `json:"at"`        // where the target listens
	Encrypted bool   `json:"encrypted"` // the target speaks TLS
	Hurt      hurt   `json:"hurt"`

	proxy proxy
	held  *liveHurt
}

// redirectHolder is the name of what holds such a fault.
const redirectHolder = "http/redirect"

// Hold is chaos.Holder's.
func (r *redirected) Hold(ctx context.Context) (string, error) {
	if err := alreadyRedirected(ctx, r.Netns, r.Port); err != nil {
		return "", err
	}
	inside, err := r.Netns.Stay() // another than that of nft, which may take its time
	if err != nil {
		return "", err
	}
	before := inside(func() error { return connects(ctx, r.At) })
	if err := r.start(ctx, inside); err != nil {
		return "", err
	}
	said, err := r.table.Hold(ctx)
	if err != nil {
		return "", err
	}
	if before == nil {
		if err := inside(func() error { return connects(ctx, r.At) }); err != nil {
			return "", fmt.Errorf("%s accepted a connection before, and through the proxy does not: does a firewall let port %d in? %w", r.At, r.Through, err)
		}
	}
	return fmt.Sprintf("%s: new connections to port %d go through port %d", said, r.Port, r.Through), nil
}

// start runs the proxy, which nobody is led to yet.
func (r *redirected) start(ctx context.Context, inside func(func() error) error) error {
	if err := r.Hurt.check(); err != nil {
		return err
	}
	if err := r.proxy.hurts.add(r.Hurt); err != nil {
		return err
	}
	r.held = r.proxy.hurts.all()[0]
	r.proxy.encrypted = r.Encrypted
	r.proxy.dial = func(ctx context.Context, address string) (*net.TCPConn, error) {
		return dialMarked(ctx, inside, address)
	}
	r.proxy.origin = func(conn *net.TCPConn) (string, error) {
		to, err := originOf(conn)
		if err == nil && int(to.Port()) != r.Port {
			err = fmt.Errorf("%s was not redirected: nobody goes through here by himself", conn.RemoteAddr())
		}
		return to.String(), err
	}
	var listeners []*net.TCPListener
	err := inside(func() (err error) {
		listeners, err = listenBoth(ctx, r.Through)
		return err
	})
	if err != nil {
		return err
	}
	go func() { giveUp(fmt.Errorf("the proxy ended: %w", r.proxy.serve(context.Background(), listeners...))) }() // connections go directly then
	return nil
}

// listenBoth listens on every address, of both families where there are two: netfilter
// is asked for the origin in another way for each.
func listenBoth(ctx context.Context, port int) (all []*net.TCPListener, err error) {
	for _, family := range []string{"tcp4", "tcp6"} {
		l, err := (&net.ListenConfig{}).Listen(ctx, family, net.JoinHostPort("", strconv.Itoa(port)))
		switch {
		case err == nil:
			all = append(all, l.(*net.TCPListener))
		case family == "tcp6" && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL)):
		default:
			return nil, fmt.Errorf("the port that was drawn for the proxy is taken, try again: %w", err)
		}
	}
	return all, nil
}

// Observe is chaos.Holder's.
func (r *redirected) Observe(context.Context) (string, bool, error) {
	effect, ok := r.proxy.seen(r.held).judge()
	return effect, ok, nil
}

// redirectTable is the text for `nft -i` that leads new connections to a port of this
// namespace to another, until the kernel drops the element of live, or the table with
// its owner. A connection that is open stays where it is, unless it is to be reset: only
// what opens one is led, as the kernel takes the next packet of one that was there before
// it kept track of connections for a new one.
func redirectTable(name string, port, through int, resets bool, lasts time.Duration) []string {
	table := "inet " + name
	rule := func(chain, text string) string {
		return fmt.Sprintf(`add rule %s %s meta mark != %#x meta l4proto @live tcp dport %d %s comment "%s"`, table, chain, proxyMark, port, text, faultComment)
	}
	lines := []string{
		"add table " + table + " { flags owner; }",
		"add set " + table + " live { type inet_proto; flags timeout; }",
	}
	for _, hook := range []string{"prerouting", "output"} {
		lines = append(lines, "add chain "+table+" "+hook+" { type nat hook "+hook+" priority -100; policy accept; }",
			rule(hook, fmt.Sprintf("fib daddr type local tcp flags & (fin | syn | rst | ack) == syn counter redirect to :%d", through)))
	}
	if resets {
		lines = append(lines, "add chain "+table+" input { type filter hook input priority -10; policy accept; }",
			rule("input", "tcp flags & (fin | syn | rst) == 0 counter reject with tcp reset"))
	}
	seconds := int((lasts + leaseGrace + time.Second - 1) / time.Second)
	return append(lines, fmt.Sprintf("add element %s live { tcp timeout %ds }", table, seconds))
}

// throughPort is drawn from the fault's ID, below those that the kernel gives to
// clients. One that is taken is found when it is bound.
func throughPort(id string) int { return 20000 + int(queueNumber(id))%10000 }

// alreadyRedirected refuses a port that another fault has: the second would see nothing.
func alreadyRedirected(ctx context.Context, n chaos.Netns, port int) error {
	text, err := n.Tool(ctx, chaos.ToolCall{Name: "nft", Args: []string{"list", "ruleset", "inet"}})
	if err != nil {
		return nil // whether nft works is found out by another question
	}
	table := ""
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) >= 3 && f[0] == "table" {
			table = f[2]
		}
		if strings.HasPrefix(table, "sitrep_") && strings.Contains(line, fmt.Sprintf(" tcp dport %d ", port)) && strings.Contains(line, "redirect to :") {
			return chaos.Refuse("one-at-a-port", "wait until it is over", "the fault of table %s has the connections to port %d already", table, port)
		}
	}
	return nil
}

// localAddresses are those of a namespace.
func localAddresses(n chaos.Netns) (all []netip.Addr, err error) {
	err = n.Do(func() error {
		found, err := net.InterfaceAddrs()
		for _, a := range found {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				all = append(all, p.Addr())
			}
		}
		return err
	})
	return all, err
}
