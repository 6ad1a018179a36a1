package chaos

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Target is something that can be hurt.
type Target struct {
	Name       string            `json:"name"`
	Service    string            `json:"service"`
	PID        int               `json:"pid"`
	StartTicks uint64            `json:"start_ticks"`
	URL        string            `json:"url"`
	Proxy      string            `json:"proxy"` // base URL of the fault proxy before it; empty without one
	Labels     map[string]string `json:"labels"`
	Listed     bool              `json:"-"` // by the configuration: a person has said that it may be hurt
	Control    []string          `json:"-"` // Sources.Control
	Find       *ProcessFind      `json:"-"` // how a listed process was found
	Peers      []Process         `json:"-"` // all that were found so, this one among them
	Host       *HostTarget       `json:"-"` // this host, and no process
	Extra      bool              `json:"-"` // made for a rehearsal by a Stage: it is nobody's
	Gateway    *ProxyTarget      `json:"-"` // a proxy that clients are pointed at, and no process
	Container  *ContainerTarget  `json:"-"` // its process, if it can be seen, is the container's first
	Toxic      *ToxicTarget      `json:"-"` // a proxy of a Toxiproxy, and no process
	Config     string            `json:"-"` // Sources.Config
	Keep       []string          `json:"-"` // directories of sitrep's own files, whose filesystems are not to be filled
}

// Process is the identity of the target's process in the present boot.
func (t Target) Process() (Process, error) {
	boot, err := BootID()
	return Process{PID: t.PID, StartTicks: t.StartTicks, BootID: boot}, err
}

// port is that which an entry of a host or a proxy names, 0 if there is none.
func (t Target) port() int {
	switch {
	case t.Host != nil:
		return t.Host.Port
	case t.Gateway != nil:
		_, port, _ := net.SplitHostPort(t.Gateway.Upstream)
		n, _ := strconv.Atoi(port) // it is one
		return n
	}
	return 0
}

// Matches says whether every wanted label is there. "service" and "name" need
// no label of their own.
func (t Target) Matches(want map[string]string) bool {
	for k, v := range want {
		_, has := t.Labels[k]
		if !has && k != "service" && k != "name" || t.label(k) != v {
			return false
		}
	}
	return true
}

// label is the value of a label, empty without it.
func (t Target) label(name string) string {
	have, ok := t.Labels[name]
	switch {
	case ok:
		return have
	case name == "service":
		return t.Service
	case name == "name":
		return t.Name
	}
	return ""
}

var targetName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)

// Targets reads the list of targets from a URL on loopback. Names that could
// not be printed safely are an error.
func Targets(ctx context.Context, url string) ([]Target, error) {
	var list []Target
	if _, err := loopbackJSON(ctx, url, &list); err != nil {
		return nil, fmt.Errorf("read targets: %w", err)
	}
	seen := map[string]bool{}
	for i, t := range list {
		switch {
		case !targetName.MatchString(t.Name):
			return nil, fmt.Errorf("read targets: GET %s: entry %d: bad name %q", url, i, t.Name)
		case !targetName.MatchString(t.Service):
			return nil, fmt.Errorf("read targets: GET %s: %s: bad service %q", url, t.Name, t.Service)
		case seen[t.Name]:
			return nil, fmt.Errorf("read targets: GET %s: two targets are named %s", url, t.Name)
		}
		seen[t.Name] = true
	}
	return list, nil
}

// Wanted is the selection in words, as a file writes it: {service: payments}.
func (s Selection) Wanted() string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(s.Select)) {
		all = append(all, k+": "+s.Select[k])
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// Choice is which targets were drawn, and from how many.
type Choice struct {
	Matched []string
	Chosen  []Target
	Seed    uint64 // of the draw; the same seed and targets give the same choice
}

// maxTargets is the most that one experiment may hurt.
const maxTargets = 5

// Choose draws the targets of a selection: the share is rounded down, then cut
// to max; or one group of them, whole. It refuses to hurt nobody and to hurt every member of a service that
// has several.
func Choose(all []Target, sel Selection, seed uint64) (Choice, error) {
	var matched []Target
	for _, t := range all {
		if t.Matches(sel.Select) {
			matched = append(matched, t)
		}
	}
	slices.SortFunc(matched, func(a, b Target) int { return cmp.Compare(a.Name, b.Name) })
	c := Choice{Seed: seed}
	for _, t := range matched {
		c.Matched = append(c.Matched, t.Name)
	}
	if len(matched) == 0 {
		return c, Refuse("no-target", "check targets.select against what the configuration names", "none of %d targets matches %s", len(all), sel.Wanted())
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	if sel.GroupBy != "" {
		chosen, err := region(matched, sel, rng)
		return c.take(all, chosen, err)
	}
	n := int(float64(len(matched)) * sel.Percent / 100)
	if n == 0 && sel.MinOne {
		n = 1
	}
	n = min(n, sel.Max)
	if n == 0 {
		return c, Refuse("blast-radius", "raise targets.percent or set targets.min_one: true", "%g %% of %d targets is none", sel.Percent, len(matched))
	}
	if n == len(matched) && n > 1 {
		return c, Refuse("blast-radius", fmt.Sprintf("set targets.max to at most %d", n-1), "it would hurt all %d targets that match", n)
	}
	rng.Shuffle(len(matched), func(i, j int) { matched[i], matched[j] = matched[j], matched[i] })
	return c.take(all, matched[:n], nil)
}

// take is the choice with these targets, if they may be hurt together.
func (c Choice) take(all, chosen []Target, err error) (Choice, error) {
	if err != nil {
		return c, err
	}
	if service := wiped(all, chosen); service != "" {
		return c, Refuse("blast-radius", "lower targets.max, or select within one service", "the draw would hurt every instance of %s", service)
	}
	c.Chosen = chosen
	return c, nil
}

// region draws one value of the label that groups, and gives all targets that have it.
// Targets without the label are in no region.
func region(matched []Target, sel Selection, rng *rand.Rand) ([]Target, error) {
	groups := map[string][]Target{}
	for _, t := range matched {
		if v := t.label(sel.GroupBy); v != "" {
			groups[v] = append(groups[v], t)
		}
	}
	values := slices.Sorted(maps.Keys(groups))
	if len(values) < 2 {
		return nil, Refuse("blast-radius", "select what has several, or leave targets.group_by out",
			"%d targets match, and they have %d values of %s: a region needs another that is left", len(matched), len(values), sel.GroupBy)
	}
	drawn := values[rng.IntN(len(values))]
	if n := len(groups[drawn]); n > sel.Max {
		return nil, Refuse("blast-radius", fmt.Sprintf("set targets.max to %d if that is meant", n), "%s=%s has %d targets, and targets.max is %d", sel.GroupBy, drawn, n, sel.Max)
	}
	return groups[drawn], nil
}

// wiped names a service of several targets all of which were drawn, or nothing.
func wiped(all, chosen []Target) string {
	members := map[string]int{}
	for _, t := range all {
		members[t.Service]++
	}
	drawn := map[string]int{}
	for _, t := range chosen {
		drawn[t.Service]++
		if n := drawn[t.Service]; n > 1 && n == members[t.Service] {
			return t.Service
		}
	}
	return ""
}
