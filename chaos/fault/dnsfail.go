package fault

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// dnsFail answers the DNS queries of the target's network in the place of its name
// servers, with a failure or not at all. A holder has the table of nftables that leads
// them to it: when it ends, both end.
type dnsFail struct{}

func (dnsFail) Kind() string { return "dns.fail" }

func (f dnsFail) Check(with chaos.With) error {
	_, err := readDNS(with)
	return err
}

// dnsAnswers are what a step may have answered.
var dnsAnswers = []string{"servfail", "nxdomain", "refused", "drop"}

// longestAnswer is how long an answer may be kept back: resolvers give up long before.
const longestAnswer = 30 * time.Second

// dnsWish is what a step asks for.
type dnsWish struct {
	scope    scope
	answer   string
	delay    time.Duration
	suffixes []string       // small letters, no dot at either end; none is every name
	upstream netip.AddrPort // that answers the others; not valid: the target's own
}

var domainName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func readDNS(with chaos.With) (w dnsWish, err error) {
	if err := with.Only("answer", "delay", "suffixes[]", "upstream", "uid", "cgroup"); err != nil {
		return w, err
	}
	who := chaos.With{"port": "53", "protocol": "any"}
	for _, key := range []string{"uid", "cgroup"} {
		if v, ok := with[key]; ok {
			who[key] = v
		}
	}
	if w.scope, err = readScope(who); err != nil {
		return w, err
	}
	if w.answer, err = with.Word("answer", dnsAnswers...); err != nil {
		return w, err
	}
	if w.delay, err = with.Duration("delay", 0, longestAnswer); err != nil {
		return w, err
	}
	for _, text := range with.List("suffixes") {
		name := strings.ToLower(strings.Trim(text, "."))
		if len(name) > 253 || !domainName.MatchString(name) {
			return w, &chaos.ParamError{Key: "suffixes", Message: fmt.Sprintf("%q is no domain, such as example.com", text)}
		}
		w.suffixes = append(w.suffixes, name)
	}
	return w, w.readUpstream(with)
}

func (w *dnsWish) readUpstream(with chaos.With) (err error) {
	text, given := with["upstream"]
	switch {
	case !given:
		return nil
	case len(w.suffixes) == 0:
		return &chaos.ParamError{Key: "upstream", Message: "nobody is asked where every name fails; name suffixes, or leave it out"}
	}
	if w.upstream, err = nameServer(string(text)); err != nil {
		return &chaos.ParamError{Key: "upstream", Message: fmt.Sprintf("%q is no name server; write an address, such as 10.0.0.2 or 10.0.0.2:53", text)}
	}
	return nil
}

// nameServer reads an address with or without a port.
func nameServer(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	return netip.ParseAddrPort(text)
}

// dnsHolder is the name of what holds it.
const dnsHolder = "dns.fail"

func (f dnsFail) Plan(ctx context.Context, id string, step chaos.Step, target chaos.Target) (chaos.Injection, error) {
	w, err := readDNS(step.With)
	if err != nil {
		return chaos.Injection{}, err
	}
	p, err := placeOf(ctx, target, w.scope)
	if err == nil {
		err = p.sparesOwnNames()
	}
	if err == nil && len(w.suffixes) > 0 && !w.upstream.IsValid() {
		w.upstream, err = upstreamOf(p.process.PID)
	}
	if err != nil {
		return chaos.Injection{}, err
	}
	name := netName(id)
	script, err := answerTable(name, w.scope, step.Duration.D())
	if err == nil {
		err = wouldWork(ctx, p.netns, strings.Split(strings.ReplaceAll(strings.Join(script, "\n"), holderPort, "53"), "\n"))
	}
	if err != nil {
		return chaos.Injection{}, err
	}
	r := &responder{
		table:  table{Netns: p.netns, Name: name, Script: script, Control: p.control.texts()},
		Answer: w.answer, Delay: w.delay, Suffixes: w.suffixes, Upstream: w.upstream,
	}
	return chaos.Injection{
		ID: id, Kind: f.Kind(), Target: target.Name, Tier: chaos.TierKernel,
		Undo: []chaos.Op{chaos.ForgetFlows(p.netns, name)}, Gone: chaos.Every(chaos.NftAbsent(p.netns, name), chaos.FlowsForgotten(p.netns, name)),
		Preview: append([]string{p.where(), w.text(), "nft -i   (its end is the table's; " + holderPort + " is the port that the holder listens on)"}, script...),
		Confirm: p.confirm(), Injector: chaos.Hold(id, dnsHolder, r),
	}, nil
}

// text is the wish in words.
func (w dnsWish) text() string {
	names, others := "every name", ""
	if len(w.suffixes) > 0 {
		names, others = "names in "+strings.Join(w.suffixes, ", "), "; others are asked of "+w.upstream.String()
	}
	how := map[string]string{"drop": "leave queries for " + names + " without an answer"}[w.answer]
	if how == "" {
		how = "answer queries for " + names + " with " + strings.ToUpper(w.answer)
	}
	if w.delay > 0 {
		how += " after " + strictyaml.FormatDuration(w.delay)
	}
	return how + others
}

// sparesOwnNames refuses a fault in this host's own network that would meet sitrep's own
// look-ups, or those of what keeps this host: pages and guards need names.
func (p place) sparesOwnNames() error {
	if !p.own || p.target.Extra { // a rehearsal has a network where nobody looks up names
		return nil
	}
	const remedy = "give the service a user or a cgroup of its own, and name that"
	if p.scope.uid < 0 && p.scope.cgroup == "" {
		return chaos.Refuse("net-scope", "say whose queries: uid or cgroup", "%s lives in this host's own network, where everybody looks up names", p.target.Name)
	}
	if p.scope.uid == os.Geteuid() {
		return chaos.Refuse("control-path", remedy, "sitrep itself runs as user %d, and would look up nothing", p.scope.uid)
	}
	for _, other := range p.meant() {
		if why := chaos.Protected(other); why != "" && other.Alive() {
			return chaos.Refuse("control-path", remedy, "it would look up nothing either: %s", why)
		}
	}
	return nil
}

// meant are the processes whose packets the scope is about, as far as can be seen.
func (p place) meant() (found []chaos.Process) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		other, err := chaos.Identify(pid)
		if err == nil && p.scope.means(pid) {
			found = append(found, other)
		}
	}
	return found
}

// means says whether the process is of the scope's user and in its cgroup.
func (s scope) means(pid int) bool {
	proc := "/proc/" + strconv.Itoa(pid)
	if s.uid >= 0 {
		status, _ := os.ReadFile(proc + "/status")
		if !regexp.MustCompile(`(?m)^Uid:\t\d+\t` + strconv.Itoa(s.uid) + `\t`).Match(status) {
			return false
		}
	}
	if s.cgroup == "" {
		return true
	}
	groups, _ := os.ReadFile(proc + "/cgroup")
	for line := range strings.Lines(string(groups)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if ok && (path == s.cgroup || strings.HasPrefix(path, s.cgroup+"/")) {
			return true
		}
	}
	return false
}
