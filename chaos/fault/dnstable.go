package fault

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// ownMark is on the holder's own queries to the name server: no rule leads them back. It
// is "sitr".
const ownMark = "0x73697472"

// holderPort stands for the port of the holder in its script: the kernel chooses one when
// it begins to listen.
const holderPort = "PORT"

// answerTable is the text for `nft -i` of a table like ownedTable's that leads DNS
// queries, over UDP and TCP, to the holder. It comes before what Docker does to the
// queries of its containers. What it leads there is marked, so that it can be forgotten.
func answerTable(name string, s scope, lasts time.Duration) ([]string, error) {
	group, err := s.cgroupMatch()
	if err != nil {
		return nil, err
	}
	if s.uid >= 0 {
		group += fmt.Sprintf(" meta skuid %d", s.uid)
	}
	chain := "inet " + name + " output"
	lines := []string{
		"add table inet " + name + " { flags owner; }",
		"add set inet " + name + " live { type inet_proto; flags timeout; }",
		"add chain " + chain + " { type nat hook output priority -110; policy accept; }",
		"add rule " + chain + " meta mark " + ownMark + " return",
	}
	for _, protocol := range []string{"udp", "tcp"} {
		lines = append(lines, fmt.Sprintf("add rule %s meta l4proto @live %s dport 53%s counter ct mark set %#x redirect to :%s comment %q", chain, protocol, group, chaos.FlowMark(name), holderPort, faultComment))
	}
	return append(lines, liveElement(name, []string{"tcp", "udp"}, lasts)), nil
}
