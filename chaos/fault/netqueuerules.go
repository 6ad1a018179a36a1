package fault

import (
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
)

// queueRules are the input of iptables-restore and ip6tables-restore: for each hook of
// the table mangle a chain of ours comes first, which lets the control path return and
// leads the packets of the scope into the queue.
func (p place) queueRules(name string, number uint16) (map[string]string, error) {
	if _, err := p.scope.cgroupMatch(); err != nil { // it must be there
		return nil, err
	}
	all := map[string]string{}
	for _, tool := range restorers {
		six := tool == "ip6tables-restore"
		var theirs []string
		for _, peer := range p.peers {
			if peer.Addr().Is6() == six {
				theirs = append(theirs, text(peer))
			}
		}
		if len(p.peers) > 0 && len(theirs) == 0 {
			continue
		}
		if _, err := chaos.FindTool(tool); err != nil && six && len(p.peers) == 0 {
			continue
		} else if err != nil {
			return nil, chaos.Refuse("no-mechanism", "install iptables", "%v", err)
		}
		all[tool] = p.restoreText(name, number, six, theirs)
	}
	return all, nil
}

// chainOf is the chain of a hook.
func chainOf(name, hook string) string { return name + "_" + hook[:1] }

func (p place) restoreText(name string, number uint16, six bool, peers []string) string {
	lines := []string{"*mangle"}
	for _, hook := range p.scope.hooks() {
		chain := chainOf(name, hook)
		lines = append(lines, ":"+chain+" - [0:0]", fmt.Sprintf("-I %s 1 -j %s", strings.ToUpper(hook), chain))
		for _, r := range p.control.iptables(hook, six) {
			lines = append(lines, "-A "+chain+" "+r)
		}
		for _, match := range p.scope.iptables(hook, six, peers) {
			lines = append(lines, fmt.Sprintf("-A %s %s -j NFQUEUE --queue-num %d --queue-bypass", chain, match, number))
		}
	}
	return strings.Join(append(lines, "COMMIT", ""), "\n")
}

// iptables are the rules that let the control path through.
func (c control) iptables(hook string, six bool) []string {
	var rules []string
	side := map[string]string{"output": "--sport", "input": "--dport"}[hook]
	if six {
		rules = append(rules, "-p ipv6-icmp -j RETURN")
	}
	for _, port := range c.ssh {
		rules = append(rules, fmt.Sprintf("-p tcp %s %d -j RETURN", side, port))
	}
	for _, s := range c.servers {
		if s.Addr().Is6() == six {
			rules = append(rules, fmt.Sprintf("-d %s -p tcp --dport %d -j RETURN", s.Addr(), s.Port()), fmt.Sprintf("-s %s -p tcp --sport %d -j RETURN", s.Addr(), s.Port()))
		}
	}
	if c.loopback {
		rules = append(rules, map[bool]string{false: "-d 127.0.0.0/8 -j RETURN", true: "-d ::1/128 -j RETURN"}[six])
	}
	return rules
}

// iptables are the matches of the rules that hurt, one for each peer and protocol.
func (s scope) iptables(hook string, six bool, peers []string) []string {
	if len(peers) == 0 {
		peers = []string{""}
	}
	theirs, tail := "-d ", s.iptablesPorts("--dport", "--sport")
	if hook == "input" {
		theirs, tail = "-s ", s.iptablesPorts("--sport", "--dport")
	}
	if s.uid >= 0 {
		tail += fmt.Sprintf(" -m owner --uid-owner %d", s.uid)
	}
	if s.cgroup != "" {
		tail += " -m cgroup --path " + s.cgroup
	}
	var all []string
	for _, address := range peers {
		for _, protocol := range s.protocols() {
			switch {
			case protocol == "icmp" && six: // ICMPv6 finds the neighbours
			case address == "":
				all = append(all, "-p "+protocol+tail)
			default:
				all = append(all, theirs+address+" -p "+protocol+tail)
			}
		}
	}
	return all
}

func (s scope) iptablesPorts(peer, own string) string {
	text := ""
	if s.port != 0 {
		text += fmt.Sprintf(" %s %d", peer, s.port)
	}
	if s.localPort != 0 {
		text += fmt.Sprintf(" %s %d", own, s.localPort)
	}
	return text
}
