package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// netem is a delay by the kernel's own queueing discipline, on the device that leads to
// the peer. Nothing but the undo takes it away.
type netem struct {
	place   place
	device  string
	handle  string
	calls   []string // of tc, without its name
	delay   delay
	reach   string
	before  time.Duration
	control []string
}

// planNetem plans a delay by netem: of what goes out to addresses, as it is one
// device's.
func (p place) planNetem(ctx context.Context, inj *chaos.Injection, d delay) error {
	if s := p.scope; s.in || s.uid >= 0 || s.cgroup != "" || len(p.peers) == 0 {
		return chaos.Refuse("no-mechanism", "give a peer and leave out uid, cgroup and direction, or say nfqueue", "netem delays what goes out to addresses")
	}
	if err := netemWorks(ctx); err != nil {
		return err
	}
	device, err := p.deviceTo(ctx)
	if err != nil {
		return err
	}
	if err := p.takesQdisc(ctx, device); err != nil {
		return err
	}
	n := &netem{place: p, device: device, handle: qdiscHandle(inj.ID), delay: d, reach: p.scope.one(p.peers), control: p.control.texts()}
	n.calls = netemCalls(device, n.handle, p.scope, p.peers, p.control, d)
	inj.Tier = chaos.TierDeadMan
	inj.Undo, inj.Gone = []chaos.Op{chaos.TcDelete(p.netns, device, n.handle)}, chaos.TcAbsent(p.netns, device, n.handle)
	inj.Preview = []string{p.where()}
	for _, c := range n.calls {
		inj.Preview = append(inj.Preview, "tc "+c)
	}
	inj.Injector = n
	return nil
}

// netemCalls put everything that is not the fault's in the first of four bands, and the
// delay on the fourth. The control path's filters come first.
func netemCalls(device, handle string, s scope, peers []netip.Prefix, c control, d delay) []string {
	calls := []string{
		fmt.Sprintf("qdisc add dev %s root handle %s prio bands 4 priomap%s", device, handle, strings.Repeat(" 0", 16)),
		fmt.Sprintf("qdisc add dev %s parent %s4 handle %s netem delay %s limit 10000", device, handle, nextHandle(handle), netemTimes(d)),
	}
	add := func(prio int, family, match string, band int) {
		network := map[string]string{"ip": "ip", "ip6": "ipv6"}[family]
		calls = append(calls, fmt.Sprintf("filter add dev %s parent %s protocol %s prio %d u32%s flowid %s%d", device, handle, network, prio, match, handle, band))
	}
	for i, f := range []string{"ip", "ip6"} { // filters of one priority are all of one protocol
		if !slices.ContainsFunc(peers, func(p netip.Prefix) bool { return family(p.Addr()) == f }) {
			continue
		}
		for _, port := range c.ssh {
			add(1+i, f, u32(f, "protocol 6 0xff", fmt.Sprintf("sport %d 0xffff", port)), 1)
		}
		for _, server := range c.servers {
			if family(server.Addr()) == f {
				add(1+i, f, u32(f, "dst "+text(netip.PrefixFrom(server.Addr(), server.Addr().BitLen())), "protocol 6 0xff", fmt.Sprintf("dport %d 0xffff", server.Port())), 1)
			}
		}
		for _, p := range peers {
			if family(p.Addr()) != f {
				continue
			}
			for _, match := range s.u32Matches(f, p) {
				add(3+i, f, match, 4)
			}
		}
	}
	return calls
}

// u32Matches are the filters of one peer, one for each protocol.
func (s scope) u32Matches(family string, p netip.Prefix) []string {
	var all []string
	for _, protocol := range s.protocols() {
		number := map[string]int{"tcp": 6, "udp": 17, "icmp": 1}[protocol]
		if protocol == "icmp" && family == "ip6" {
			continue // ICMPv6 finds the neighbours
		}
		words := []string{"dst " + p.String(), fmt.Sprintf("protocol %d 0xff", number)}
		if s.port != 0 {
			words = append(words, fmt.Sprintf("dport %d 0xffff", s.port))
		}
		if s.localPort != 0 {
			words = append(words, fmt.Sprintf("sport %d 0xffff", s.localPort))
		}
		all = append(all, u32(family, words...))
	}
	return all
}

func u32(family string, matches ...string) string {
	text := ""
	for _, m := range matches {
		text += " match " + family + " " + m
	}
	return text
}

func netemTimes(d delay) string {
	text := fmt.Sprintf("%dus", d.latency.Microseconds())
	if d.jitter > 0 {
		text += fmt.Sprintf(" %dus", d.jitter.Microseconds())
	}
	return text
}

// qdiscHandle is even, 5000: to 5ffe:, so that the next one is free for the delay.
func qdiscHandle(id string) string {
	return fmt.Sprintf("5%03x:", (queueNumber(id)%0x800)*2)
}

// nextHandle is that of the delay.
func nextHandle(handle string) string {
	n, err := strconv.ParseUint(strings.TrimSuffix(handle, ":"), 16, 16)
	if err != nil {
		return handle // which no handle of ours is
	}
	return fmt.Sprintf("%x:", n+1)
}

// netemWorks tries it where nobody is.
func netemWorks(ctx context.Context) error {
	err := alone(ctx, chaos.ToolCall{Name: "tc", Args: strings.Fields("qdisc add dev lo root netem delay 1ms")})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, chaos.ErrNoTool):
		return chaos.Refuse("no-mechanism", "install iproute2", "%v", err)
	case chaos.NotAllowed(err):
		return chaos.RefuseFor(err, "no-rights", "run sitrep with CAP_NET_ADMIN (and CAP_SYS_ADMIN for another's network namespace)", "sitrep may not change how devices queue")
	}
	return chaos.RefuseFor(err, "no-mechanism", "load sch_netem, or say nfqueue", "netem does not work here")
}

// deviceTo is the device that leads to every peer.
func (p place) deviceTo(ctx context.Context) (string, error) {
	device := ""
	for _, peer := range p.peers {
		out, err := p.netns.Tool(ctx, chaos.ToolCall{Name: "ip", Args: []string{"-j", "route", "get", peer.Addr().String()}})
		var routes []struct{ Dev string }
		if err == nil {
			err = json.Unmarshal([]byte(out), &routes)
		}
		switch {
		case err != nil || len(routes) == 0:
			return "", chaos.Refuse("no-peer", "look at the routes of the target", "no way leads to %s: %v", peer, err)
		case device != "" && device != routes[0].Dev:
			return "", chaos.Refuse("no-mechanism", "name one address, or say nfqueue", "%s and %s lead to the peers, and netem is on one device", device, routes[0].Dev)
		}
		device = routes[0].Dev
	}
	return device, nil
}

// replaceable are the disciplines that come back by themselves when ours is taken away.
var replaceable = []string{"noqueue", "mq", "pfifo_fast", "fq_codel", "fq"}

// takesQdisc refuses a device whose discipline somebody has chosen: it could not be
// put back.
func (p place) takesQdisc(ctx context.Context, device string) error {
	list, err := chaos.Qdiscs(ctx, p.netns, device)
	if err != nil {
		return err
	}
	for _, q := range list {
		if q.Root && !slices.Contains(replaceable, q.Kind) {
			return chaos.Refuse("foreign-qdisc", "take it away first, or say nfqueue", "%s has the discipline %s %s, which could not be put back", device, q.Kind, q.Handle)
		}
	}
	return nil
}

// Inject is chaos.Injector's. Whoever injects holds the lease: no tc runs after the undo.
func (n *netem) Inject(ctx context.Context, armed chaos.Armed) (string, error) {
	before := reachable(ctx, n.control)
	n.before = n.connectTime(ctx)
	for _, call := range n.calls {
		if _, err := n.place.netns.Tool(ctx, chaos.ToolCall{Name: "tc", Args: strings.Fields(call), Lease: armed.Lease}); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("qdisc %s is on %s", n.handle, n.device), stillReachable(ctx, before)
}

// Observe is chaos.Injector's.
func (n *netem) Observe(ctx context.Context) (string, bool, error) {
	out, err := n.place.netns.Tool(ctx, chaos.ToolCall{Name: "tc", Args: []string{"-j", "-s", "qdisc", "show", "dev", n.device}})
	if err != nil {
		return "", false, err
	}
	var list []struct {
		Kind, Parent string
		Packets      int64
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return "", false, err
	}
	var packets int64
	for _, q := range list {
		if q.Kind == "netem" && q.Parent == n.handle+"4" {
			packets = q.Packets
		}
	}
	effect := delayEffect{packets: packets, reach: n.reach, before: n.before, now: n.connectTime(ctx), least: n.delay.latency - n.delay.jitter}
	text, ok := effect.judge()
	return text, ok, nil
}

func (n *netem) connectTime(ctx context.Context) time.Duration {
	return connectTime(ctx, n.place.netns.Do, n.reach, n.delay.latency+n.delay.jitter)
}
