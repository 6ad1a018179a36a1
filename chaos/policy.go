package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Policy is what experiments may do at the most. It is written by whoever answers for
// the host, in the configuration (chaos.policy) and in a file of the system; where both
// say something the stricter counts.
type Policy struct {
	Production ProductionRule `yaml:"production" json:"production"`
	Limits     Limits         `yaml:"limits" json:"limits"` // of what is not production
	MinTier    Tier           `yaml:"min_tier" json:"min_tier,omitempty"`
	Protected  Protection     `yaml:"protected" json:"protected"`
	Exec       []string       `yaml:"exec" json:"exec"`       // absolute paths of programs that may be run; none says nothing, [] allows none
	Windows    []Window       `yaml:"windows" json:"windows"` // one of them must be open; none is always

	others [][]Window // of the policies that this one was joined with
}

// ProductionRule is what production is, and what may be done to it.
type ProductionRule struct {
	Labels  map[string]string `yaml:"labels" json:"labels"` // regular expressions that the whole value matches
	Hosts   []string          `yaml:"hosts" json:"hosts"`   // the same, for the name of this host
	Limits  Limits            `yaml:"limits" json:"limits"`
	MinTier Tier              `yaml:"min_tier" json:"min_tier,omitempty"`
}

// Limits bound the blast radius. What is 0 is not said.
type Limits struct {
	Percent  float64             `yaml:"percent" json:"percent"` // of the targets that match; one is always allowed
	Targets  int                 `yaml:"targets" json:"targets"`
	Duration strictyaml.Duration `yaml:"duration" json:"duration"` // of all steps together
}

// Protection is what is never hurt, beside what never is anyway.
type Protection struct {
	Programs []string `yaml:"programs" json:"programs"` // names of files that run
	Ports    []int    `yaml:"ports" json:"ports"`       // TCP; of processes that listen there
	Services []string `yaml:"services" json:"services"`
}

// DefaultPolicy is what holds where nobody has said anything.
func DefaultPolicy() Policy {
	return Policy{
		Production: ProductionRule{
			Labels: map[string]string{"env": "prod|production|live"},
			Limits: Limits{Percent: 10, Targets: 1, Duration: strictyaml.Duration(5 * time.Minute)},
		},
		Limits: Limits{Percent: 25, Targets: maxTargets, Duration: strictyaml.Duration(maxDuration)},
	}
}

// LoadPolicy reads a policy file.
func LoadPolicy(file string, src []byte) (Policy, error) {
	var p Policy
	doc, err := strictyaml.Decode(file, src, &p)
	if err != nil {
		return Policy{}, err
	}
	if err := p.Valid(doc, ""); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// Valid refuses a policy that says nothing that could be held; at is where it stands in
// the file, "" for a file of its own.
func (p Policy) Valid(doc *strictyaml.Doc, at string) error {
	where := func(key string) string { return strings.TrimPrefix(at+"."+key, ".") }
	for _, k := range slices.Sorted(maps.Keys(p.Production.Labels)) {
		if _, err := anchored(p.Production.Labels[k]); err != nil {
			return doc.Errorf(where("production.labels."+k), "%v", err)
		}
	}
	for i, h := range p.Production.Hosts {
		if _, err := anchored(h); err != nil {
			return doc.Errorf(where(fmt.Sprintf("production.hosts[%d]", i)), "%v", err)
		}
	}
	for key, l := range map[string]Limits{"limits": p.Limits, "production.limits": p.Production.Limits} {
		if sub, err := l.check(); err != nil {
			return doc.Errorf(where(key+"."+sub), "%v", err)
		}
	}
	for key, t := range map[string]Tier{"min_tier": p.MinTier, "production.min_tier": p.Production.MinTier} {
		if t != "" && t.rank() == 0 {
			return doc.Errorf(where(key), "%q is no tier; the tiers are K, C, A, D, I, the best first", t)
		}
	}
	for i, file := range p.Exec {
		if !filepath.IsAbs(file) {
			return doc.Errorf(where(fmt.Sprintf("exec[%d]", i)), "%q is not an absolute path", file)
		}
	}
	for i, port := range p.Protected.Ports {
		if port < 1 || port > 65535 {
			return doc.Errorf(where(fmt.Sprintf("protected.ports[%d]", i)), "%d is no TCP port", port)
		}
	}
	for i, w := range p.Windows {
		if key, err := w.Valid(); err != nil {
			return doc.Errorf(where(fmt.Sprintf("windows[%d].%s", i, key)), "%v", err)
		}
	}
	return nil
}

func (l Limits) check() (key string, err error) {
	switch {
	case !(l.Percent >= 0 && l.Percent <= 100):
		return "percent", fmt.Errorf("want a share from 0 to 100; this is %g", l.Percent)
	case l.Targets < 0 || l.Targets > maxTargets:
		return "targets", fmt.Errorf("want 1 to %d; this is %d", maxTargets, l.Targets)
	case l.Duration.D() > maxDuration:
		return "duration", fmt.Errorf("%s is more than the cap of %s", l.Duration, strictyaml.FormatDuration(maxDuration))
	}
	return "", nil
}

// anchored is a regular expression that must match from end to end, in whatever case:
// PROD is production too.
func anchored(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile("^(?i:" + pattern + ")$")
}

// Over is the policy where it says something, else the other: how what a person has
// written stands over the defaults.
func (p Policy) Over(other Policy) Policy {
	p.Limits, p.Production.Limits = p.Limits.over(other.Limits), p.Production.Limits.over(other.Production.Limits)
	p.MinTier, p.Production.MinTier = cmp.Or(p.MinTier, other.MinTier), cmp.Or(p.Production.MinTier, other.Production.MinTier)
	if p.Production.Labels == nil {
		p.Production.Labels = other.Production.Labels
	}
	return p
}

func (l Limits) over(other Limits) Limits {
	return Limits{cmp.Or(l.Percent, other.Percent), cmp.Or(l.Targets, other.Targets), cmp.Or(l.Duration, other.Duration)}
}

// Join is the policy that allows what both allow.
func (p Policy) Join(q Policy) Policy {
	labels := maps.Clone(p.Production.Labels)
	for k, v := range q.Production.Labels {
		if labels == nil {
			labels = map[string]string{}
		}
		if old, both := labels[k]; both {
			v = "(?:" + old + ")|(?:" + v + ")"
		}
		labels[k] = v
	}
	joined := Policy{
		Production: ProductionRule{
			Labels: labels, Hosts: slices.Concat(p.Production.Hosts, q.Production.Hosts),
			Limits: p.Production.Limits.join(q.Production.Limits), MinTier: stricter(p.Production.MinTier, q.Production.MinTier),
		},
		Limits:  p.Limits.join(q.Limits),
		MinTier: stricter(p.MinTier, q.MinTier),
		Protected: Protection{
			Programs: slices.Concat(p.Protected.Programs, q.Protected.Programs),
			Ports:    slices.Concat(p.Protected.Ports, q.Protected.Ports),
			Services: slices.Concat(p.Protected.Services, q.Protected.Services),
		},
		Exec: p.Exec, Windows: p.Windows, others: slices.Concat(p.others, q.others, [][]Window{q.Windows}),
	}
	switch {
	case joined.Exec == nil:
		joined.Exec = q.Exec
	case q.Exec != nil:
		joined.Exec = slices.DeleteFunc(slices.Clone(p.Exec), func(file string) bool { return !slices.Contains(q.Exec, file) })
	}
	return joined
}

func (l Limits) join(m Limits) Limits {
	return Limits{least(l.Percent, m.Percent), least(l.Targets, m.Targets), least(l.Duration, m.Duration)}
}

// least is the smaller of two limits; 0 is none.
func least[N int | float64 | strictyaml.Duration](a, b N) N {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

func stricter(a, b Tier) Tier {
	if a == "" || b != "" && b.rank() < a.rank() {
		return b
	}
	return a
}

// rank orders the tiers from the best, 1, to the worst; 0 is none of them.
func (t Tier) rank() int {
	return 1 + slices.Index([]Tier{TierKernel, TierCarried, TierAnnotated, TierDeadMan, TierIrreversible}, t)
}

// Allows says whether a program may be run: it must be named.
func (p Policy) Allows(program string) bool { return slices.Contains(p.Exec, program) }

// allWindows are the sets of windows of every policy; of each one must be open.
func (p Policy) allWindows() [][]Window {
	sets := append([][]Window{p.Windows}, p.others...)
	return slices.DeleteFunc(sets, func(set []Window) bool { return len(set) == 0 })
}
