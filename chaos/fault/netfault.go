package fault

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
)

// place is where a fault of the network is done: the network namespace of a process.
type place struct {
	target  chaos.Target
	process chaos.Process
	netns   chaos.Netns
	own     bool // it is that of sitrep, and so the host's, as far as sitrep can know
	scope   scope
	peers   []netip.Prefix
	control control
}

// placeOf finds the namespace of the target and the addresses of the peer, and refuses
// what would cut off whoever watches.
func placeOf(ctx context.Context, t chaos.Target, s scope) (p place, err error) {
	p = place{target: t, scope: s}
	if p.process, err = processOf(ctx, t); err != nil {
		return p, err
	}
	own, err := chaos.OwnNetns()
	if err != nil {
		return p, err
	}
	if p.netns, err = chaos.NetnsOf(p.process.PID); err != nil {
		return p, chaos.RefuseFor(err, "no-rights", "run sitrep as root, or as who started the target", "sitrep may not look into the network of %s", t.Name)
	}
	if _, err := p.process.State(); err != nil { // after the look: it was this very process's
		return p, chaos.Refuse("target-gone", "look whether the service runs, and try again", "%s: %v", t.Name, err)
	}
	p.own = p.netns == own
	if p.peers, err = addresses(ctx, s.peer); err != nil {
		return p, chaos.Refuse("no-peer", "write its address", "peer %s: %v", s.peer, err)
	}
	if p.control, err = controlOf(ctx, t, p.own, p.peers); err != nil {
		return p, err
	}
	if err := p.sparesNames(); err != nil {
		return p, err
	}
	return p, p.control.spares(s, p.peers)
}

// sparesNames keeps names in this host's own network for those who look up what sees or
// ends the experiment: a fault on the name servers of everybody is refused, and one that is
// about more leaves them out.
func (p *place) sparesNames() error {
	if !p.own || p.scope.uid >= 0 || p.scope.cgroup != "" {
		return nil
	}
	servers := nameServers("/etc/resolv.conf")
	meets := len(p.peers) == 0 || slices.ContainsFunc(servers, func(s netip.AddrPort) bool {
		return slices.ContainsFunc(p.peers, func(peer netip.Prefix) bool { return peer.Contains(s.Addr()) })
	})
	if p.scope.port == dnsPort && meets {
		return p.sparesOwnNames()
	}
	if p.control.names {
		p.control.servers = append(p.control.servers, servers...)
	}
	return nil
}

// where is the first line of what a plan shows.
func (p place) where() string {
	if p.own {
		return fmt.Sprintf("in %s, this host's network, for every process that the rules name:", p.netns)
	}
	return fmt.Sprintf("in %s, the network of %s (process %d) and of whoever shares it:", p.netns, p.target.Name, p.process.PID)
}

// confirm is why a person must say that they are still there.
func (p place) confirm() string {
	if !p.own {
		return ""
	}
	return "it is in this host's own network"
}

// planTable plans a fault that rules of nftables do. statements are what they do to a
// packet of the scope; cuts says that none gets through.
func planTable(ctx context.Context, kind, id string, step chaos.Step, target chaos.Target, s scope, statements []string, cuts bool) (chaos.Injection, error) {
	p, err := placeOf(ctx, target, s)
	if err != nil {
		return chaos.Injection{}, err
	}
	name := netName(id)
	script, err := ownedTable(name, s, p.peers, p.control, statements, step.Duration.D())
	if err != nil {
		return chaos.Injection{}, err
	}
	if err := wouldWork(ctx, p.netns, script); err != nil {
		return chaos.Injection{}, err
	}
	t := &table{Netns: p.netns, Name: name, Script: script, Cuts: cuts, Reach: s.one(p.peers), Control: p.control.texts()}
	return chaos.Injection{
		ID: id, Kind: kind, Target: target.Name, Tier: chaos.TierKernel, Gone: chaos.NftAbsent(p.netns, name),
		Preview: append([]string{p.where(), "nft -i   (its end is the table's)"}, script...), Confirm: p.confirm(),
		Injector: chaos.Hold(id, tableHolder, t),
	}, nil
}

// tableHolder is the name of what holds a table.
const tableHolder = "net/nft"

// wouldWork lets the kernel look at the rules without keeping them: that shows that
// nft is there, that the kernel knows all of it, and that we may.
func wouldWork(ctx context.Context, n chaos.Netns, script []string) error {
	_, err := n.Tool(ctx, chaos.ToolCall{Name: "nft", Args: []string{"-c", "-f", "-"}, Stdin: strings.Join(script, "\n") + "\n"})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, chaos.ErrNoTool):
		return chaos.Refuse("no-mechanism", "install nftables", "%v", err)
	case chaos.NotAllowed(err):
		return chaos.RefuseFor(err, "no-rights", "run sitrep with CAP_NET_ADMIN (and CAP_SYS_ADMIN for another's network namespace)", "sitrep may not make rules of nftables there")
	}
	return chaos.RefuseFor(err, "no-mechanism", "the kernel needs nf_tables with owned tables (5.12 or later), and nft 0.9.9 or later", "the kernel or nft cannot do these rules")
}
