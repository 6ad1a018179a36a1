package fault

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// leaseGrace is how much longer than the step the kernel keeps a fault whose holder
// hangs.
const leaseGrace = 3 * time.Second

// ownedTable is the text for `nft -i` that puts a table in place which the kernel takes
// back with the process that made it (`flags owner`). Every rule of the fault asks for
// an element of the set live, which the kernel drops at its time, whoever hangs. It is
// filled last: nothing is hurt before all is there.
func ownedTable(name string, s scope, peers []netip.Prefix, c control, statements []string, lasts time.Duration) ([]string, error) {
	lines := []string{
		"add table inet " + name + " { flags owner; }",
		"add set inet " + name + " live { type inet_proto; flags timeout; }",
	}
	match, err := s.matches(peers)
	if err != nil {
		return nil, err
	}
	for _, hook := range s.hooks() {
		chain := "inet " + name + " " + hook
		lines = append(lines, "add chain "+chain+" { type filter hook "+hook+" priority -10; policy accept; }")
		for _, rule := range c.nft(hook) {
			lines = append(lines, "add rule "+chain+" "+rule)
		}
		for _, m := range match[hook] {
			for _, statement := range statements {
				lines = append(lines, "add rule "+chain+" "+m+" "+statement+` comment "`+faultComment+`"`)
			}
		}
	}
	return append(lines, liveElement(name, s.protocols(), lasts)), nil
}

// liveElement makes the rules of a table mean something, until the kernel ends that.
func liveElement(name string, protocols []string, lasts time.Duration) string {
	seconds := int((lasts + leaseGrace + time.Second - 1) / time.Second)
	var live []string
	for _, p := range protocols {
		live = append(live, fmt.Sprintf("%s timeout %ds", p, seconds))
	}
	return "add element inet " + name + " live { " + strings.Join(live, ", ") + " }"
}

// faultComment marks the rules that hurt, whose counters are the proof of the effect.
const faultComment = "fault"

func (s scope) hooks() []string {
	var all []string
	if s.out {
		all = append(all, "output")
	}
	if s.in {
		all = append(all, "input")
	}
	return all
}

// nft are the rules that let the control path through.
func (c control) nft(hook string) []string {
	rules := []string{"meta l4proto ipv6-icmp return"}
	side := map[string]string{"output": "sport", "input": "dport"}[hook]
	for _, port := range c.ssh {
		rules = append(rules, fmt.Sprintf("tcp %s %d return", side, port))
	}
	for _, s := range c.servers {
		rules = append(rules, fmt.Sprintf("%s daddr %s tcp dport %d return", family(s.Addr()), s.Addr(), s.Port()),
			fmt.Sprintf("%s saddr %s tcp sport %d return", family(s.Addr()), s.Addr(), s.Port()))
	}
	if c.loopback {
		rules = append(rules, "ip daddr 127.0.0.0/8 return", "ip6 daddr ::1 return")
	}
	return rules
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "ip"
	}
	return "ip6"
}

// matches are, by hook, the beginnings of the rules: one for each family of addresses
// that the peers have.
func (s scope) matches(peers []netip.Prefix) (map[string][]string, error) {
	group, err := s.cgroupMatch()
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, hook := range s.hooks() {
		theirs, peer, own := "daddr", "dport", "sport"
		if hook == "input" {
			theirs, peer, own = "saddr", "sport", "dport"
		}
		tail := s.portMatch(peer, own) + group
		if s.uid >= 0 {
			tail += fmt.Sprintf(" meta skuid %d", s.uid)
		}
		byFamily := map[string][]string{}
		for _, p := range peers {
			f := family(p.Addr())
			byFamily[f] = append(byFamily[f], text(p))
		}
		for _, f := range []string{"ip", "ip6"} {
			if len(byFamily[f]) > 0 {
				all[hook] = append(all[hook], fmt.Sprintf("meta l4proto @live %s %s { %s }%s", f, theirs, strings.Join(byFamily[f], ", "), tail))
			}
		}
		if len(peers) == 0 {
			all[hook] = []string{"meta l4proto @live" + tail}
		}
	}
	return all, nil
}

// portMatch narrows by ports; th is the header of whatever protocol is live.
func (s scope) portMatch(peer, own string) string {
	header := s.protocol
	if header == "any" {
		header = "th"
	}
	text := ""
	if s.port != 0 {
		text += fmt.Sprintf(" %s %s %d", header, peer, s.port)
	}
	if s.localPort != 0 {
		text += fmt.Sprintf(" %s %s %d", header, own, s.localPort)
	}
	return text
}

func text(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// cgroupMatch narrows to who is in the cgroup or below it. nft wants the path below
// /sys/fs/cgroup, and the level in the hierarchy of version 2 alone.
func (s scope) cgroupMatch() (string, error) {
	if s.cgroup == "" {
		return "", nil
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != "cgroup2" {
			continue
		}
		if _, err := os.Stat(f[1] + "/" + s.cgroup); err != nil {
			continue
		}
		path := strings.Trim(strings.TrimPrefix(f[1], "/sys/fs/cgroup")+"/"+s.cgroup, "/")
		return fmt.Sprintf(" socket cgroupv2 level %d %q", strings.Count(s.cgroup, "/")+1, path), nil
	}
	return "", chaos.Refuse("no-mechanism", "name one that is under a mount of cgroup2, or narrow by uid", "there is no cgroup %s of version 2", s.cgroup)
}

// netName is what a table or chain of a fault is called: the end of its ID, which is
// what is random in it.
func netName(id string) string {
	id = strings.ReplaceAll(strings.ToLower(id), "-", "_")
	return "sitrep_" + id[max(0, len(id)-16):]
}
