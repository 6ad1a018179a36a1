package fault

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"github.com/sitrep-dev/sitrep/chaos"
)

// httpWays are how requests can be hurt: transparent leads them to a proxy, without their
// clients knowing; explicit is a proxy that they are pointed at. Which it is the target
// says; what the lab lists has a proxy of its own, and the name of none.
func httpWays() []string { return []string{"transparent", "explicit"} }

// wayParams are the parameters that say where, beside those of a match.
var wayParams = []string{"port", "reset_existing"}

// way is where requests are hurt.
type way struct {
	port   int  // 0 is that of the target
	resets bool // connections that are open already
}

func readWay(with chaos.With) (w way, err error) {
	if w.port, err = with.Int("port", 0, 1, 65535); err != nil {
		return w, err
	}
	w.resets, err = with.Bool("reset_existing")
	return w, err
}

// readHTTP reads what the faults of requests have in common; more are those of the one.
func readHTTP(with chaos.With, more ...string) (m match, w way, err error) {
	if err = with.Only(slices.Concat(more, matchParams, wayParams)...); err != nil {
		return m, w, err
	}
	if m, err = readMatch(with); err != nil {
		return m, w, err
	}
	w, err = readWay(with)
	return m, w, err
}

// planHTTP plans a fault of requests by a proxy of ours.
func planHTTP(ctx context.Context, id string, step chaos.Step, target chaos.Target, h hurt, w way) (chaos.Injection, error) {
	h.ID = id
	explicit := target.Gateway != nil
	switch {
	case explicit && step.Mechanism == "transparent":
		return chaos.Injection{}, chaos.Refuse("no-mechanism", "say explicit, or select a process or a host", "%s is a proxy that clients are pointed at", target.Name)
	case !explicit && step.Mechanism == "explicit":
		return chaos.Injection{}, chaos.Refuse("no-mechanism", "say transparent, or list a proxy before it under chaos.proxies and select that", "%s is no proxy that clients are pointed at", target.Name)
	case speaksTLS(target) && (h.Kind == "http.error" || h.Kind == "http.truncate" || h.Match.narrows()):
		return chaos.Injection{}, chaos.Refuse("encrypted", "choose http.abort, http.latency or http.throttle, without methods, path and header",
			"%s speaks TLS: nobody can look into its requests", target.Name)
	case explicit:
		return planExplicit(ctx, step, target, h, w)
	}
	return planRedirect(ctx, step, target, h, w)
}

func speaksTLS(t chaos.Target) bool {
	return t.Host != nil && t.Host.TLS || t.Find != nil && t.Find.TLS || t.Gateway != nil && t.Gateway.TLS
}

// entry is where a target is reached: a port of a network namespace.
type entry struct {
	target  chaos.Target
	process chaos.Process // none where the target is this host
	netns   chaos.Netns
	own     bool // it is that of sitrep
	port    int
	at      netip.AddrPort
	control control
}

// planRedirect plans a proxy that nobody knows of.
func planRedirect(ctx context.Context, step chaos.Step, target chaos.Target, h hurt, w way) (chaos.Injection, error) {
	e, err := entryOf(ctx, target, w.port)
	if err != nil {
		return chaos.Injection{}, err
	}
	name, through := netName(h.ID), throughPort(h.ID)
	script := redirectTable(name, e.port, through, w.resets, step.Duration.D())
	if err := wouldWork(ctx, e.netns, script); err != nil {
		return chaos.Injection{}, err
	}
	if err := alreadyRedirected(ctx, e.netns, e.port); err != nil {
		return chaos.Injection{}, err
	}
	preview := []string{
		fmt.Sprintf("%s for %s", h.does(), step.Duration),
		fmt.Sprintf("in %s: a proxy on port %d, and new connections to port %d (%s) are led to it; the server sees them come from this host", e.netns, through, e.port, e.at),
	}
	if w.resets {
		preview = append(preview, "connections that are open are reset when their client next speaks")
	} else {
		preview = append(preview, "connections that are open already stay as they are (reset_existing: true ends them)")
	}
	return chaos.Injection{
		ID: h.ID, Kind: h.Kind, Target: target.Name, Tier: chaos.TierKernel,
		Gone:    chaos.Every(chaos.NftAbsent(e.netns, name), chaos.Direct(e.netns, e.at)),
		Needs:   []string{"CAP_NET_ADMIN in the network of the target (and CAP_SYS_ADMIN for another's), nft 0.9.9, Linux 5.12"},
		Preview: append(append(preview, "nft -i   (its end is the table's)"), script...),
		Injector: chaos.Hold(h.ID, redirectHolder, &redirected{
			table: table{Netns: e.netns, Name: name, Script: script, Control: e.control.texts()},
			Port:  e.port, Through: through, At: e.at.String(), Encrypted: speaksTLS(target), Hurt: h,
		}),
	}, nil
}

// entryOf finds where the target is reached, and refuses what must not be hurt.
func entryOf(ctx context.Context, t chaos.Target, port int) (e entry, err error) {
	e.target = t
	own, err := chaos.OwnNetns()
	if err != nil {
		return e, err
	}
	if t.Host != nil {
		e.netns, err = own, e.ofHost(port)
	} else {
		err = e.ofProcess(ctx, port)
	}
	if err != nil {
		return e, err
	}
	e.own = e.netns == own
	if e.control, err = controlOf(ctx, t, e.own, nil); err != nil {
		return e, err
	}
	return e, e.spares()
}

// ofHost is a port of this host: it must be the one that the configuration names, and
// nobody may listen there who is protected.
func (e *entry) ofHost(port int) error {
	if e.port = e.target.Host.Port; e.port == 0 || port != 0 && port != e.port {
		return chaos.Refuse("not-named", "give it a port under chaos.hosts", "chaos.hosts does not name port %d of %s", port, e.target.Name)
	}
	for _, p := range chaos.ListenersOn(e.port) {
		if why := chaos.Protected(p); why != "" {
			return chaos.Refuse("protected", "name another port under chaos.hosts", "port %d: %s", e.port, why)
		}
		if at, ok := chaos.Listener(p.PID, e.port); ok {
			e.at = at
		}
	}
	if !e.at.IsValid() {
		e.at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(e.port))
	}
	return nil
}

// ofProcess is the port of a process, which must listen there, and alone among those that
// were found like it: the rules are about whoever listens.
func (e *entry) ofProcess(ctx context.Context, port int) (err error) {
	t := e.target
	if e.process, err = processOf(ctx, t); err != nil {
		return err
	}
	if e.netns, err = chaos.NetnsOf(e.process.PID); err != nil {
		return chaos.RefuseFor(err, "no-rights", "run sitrep as root, or as who started the target", "sitrep may not look into the network of %s", t.Name)
	}
	if e.port = port; port == 0 {
		e.port = portOf(t)
	}
	if e.port == 0 {
		return chaos.Refuse("no-port", "say port, or give it one under chaos.processes", "which port of %s is it about?", t.Name)
	}
	at, ok := chaos.Listener(e.process.PID, e.port)
	if !ok {
		return chaos.Refuse("no-port", "say the port that it listens on", "%s (process %d) does not listen on port %d, as far as sitrep may see", t.Name, e.process.PID, e.port)
	}
	e.at = at
	for _, other := range t.Peers {
		if n, err := chaos.NetnsOf(other.PID); other == e.process || err != nil || n != e.netns {
			continue
		}
		if _, too := chaos.Listener(other.PID, e.port); too {
			return chaos.Refuse("blast-radius", "have the entry of chaos.processes find one process, by pid_file or arguments", "process %d listens on port %d too: the fault would be about every process of %s there", other.PID, e.port, t.Service)
		}
	}
	if _, err := e.process.State(); err != nil { // after the look: it was this very process's
		return chaos.Refuse("target-gone", "look whether the service runs, and try again", "%s: %v", t.Name, err)
	}
	return nil
}

// portOf is the port that is known of a process.
func portOf(t chaos.Target) int {
	if t.Find != nil && t.Find.Port != 0 {
		return t.Find.Port
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return 0
	}
	port, _ := strconv.Atoi(u.Port())
	return port
}

// spares refuses the ports of whatever sees and ends the experiment.
func (e *entry) spares() error {
	if slices.Contains(e.control.ssh, e.port) {
		return chaos.Refuse("control-path", "choose another port", "port %d is the way in (SSH)", e.port)
	}
	local, err := localAddresses(e.netns)
	if err != nil {
		return chaos.RefuseFor(err, "no-rights", "run sitrep with CAP_NET_ADMIN (and CAP_SYS_ADMIN for another's network namespace)", "sitrep may not ask for the addresses of %s", e.target.Name)
	}
	for _, s := range e.control.servers {
		if int(s.Port()) == e.port && (s.Addr().IsLoopback() || slices.Contains(local, s.Addr())) {
			return chaos.Refuse("control-path", "choose another port", "%s sees or ends the experiment", s)
		}
	}
	return nil
}

// sparesUpstream is the same for a proxy that clients are pointed at.
func sparesUpstream(ctx context.Context, t chaos.Target) error {
	c, err := controlOf(ctx, t, true, nil)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(t.Gateway.Upstream)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(port) // the configuration is checked
	if slices.Contains(c.ssh, n) {
		return chaos.Refuse("control-path", "choose another upstream", "port %d is the way in (SSH)", n)
	}
	found, err := addresses(ctx, host)
	if err != nil {
		return chaos.Refuse("no-peer", "write its address", "upstream %s: %v", t.Gateway.Upstream, err)
	}
	for _, s := range c.servers {
		if slices.ContainsFunc(found, func(p netip.Prefix) bool { return p.Addr() == s.Addr() }) && n == int(s.Port()) {
			return chaos.Refuse("control-path", "choose another upstream", "%s sees or ends the experiment", s)
		}
	}
	return nil
}
