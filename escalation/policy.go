// Package escalation decides who is woken, when, and through what, and sees to
// it that they are told.
//
// A Policy is the rules as a file states them. The ladder (Next) is pure: an
// incident, a policy and the time in, the rungs that are due out. The Engine
// holds the one lease of the store, turns due rungs into messages in the same
// transaction as the event that says so (Book), and offers every message to its
// sink until the sink takes it or it is no longer wanted (Sender). Nothing is
// sent that was not committed first, and nothing is forgotten that was.
package escalation

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/templates"
)

// Policy is who is called when. The zero Policy calls nobody; Default and
// LoadPolicy make complete ones.
type Policy struct {
	Severities map[incident.Severity]Response `yaml:"severities" json:"severities"`
	Ladders    map[string][]LevelRule         `yaml:"ladders" json:"ladders"`
	Audiences  map[string][]string            `yaml:"audiences" json:"audiences,omitempty"` // where updates to an audience go; one that is not named here is told by people
	Declare    []DeclareRule                  `yaml:"declare" json:"declare,omitempty"`
}

// Response is what a severity asks for.
type Response struct {
	RespondWithin strictyaml.Duration `yaml:"respond_within" json:"respond_within"` // the target of the statistics
	ResolveWithin strictyaml.Duration `yaml:"resolve_within" json:"resolve_within"`
	UpdateEvery   strictyaml.Duration `yaml:"update_every" json:"update_every"`
	Page          Page                `yaml:"page" json:"page"` // how loud L1 is
	Ladder        string              `yaml:"ladder" json:"ladder"`
	Reaches       incident.Level      `yaml:"reaches" json:"reaches"` // the last level that the ladder climbs to by itself
	Scale         float64             `yaml:"scale" json:"scale"`     // multiplies both clocks of every rung; 1 changes nothing
	Audience      []string            `yaml:"audience" json:"audience,omitempty"`
}

// LevelRule is one rung of a ladder as the policy states it.
type LevelRule struct {
	Level         incident.Level      `yaml:"level" json:"level"`
	RespondWithin strictyaml.Duration `yaml:"respond_within" json:"respond_within"` // without an answer the rung is notified again; 0 = never
	EscalateAfter strictyaml.Duration `yaml:"escalate_after" json:"escalate_after"` // climbs so long after entry; 0 on the last rung
	Until         Until               `yaml:"until" json:"until"`
	Notify        []string            `yaml:"notify" json:"notify"` // sinks; none = the rung is recorded, and people are called in some other way
	Who           []incident.Person   `yaml:"who" json:"who,omitempty"`
	RepeatEvery   strictyaml.Duration `yaml:"repeat_every" json:"repeat_every,omitempty"` // of the last rung; 0 = never
}

// DeclareRule says what an alert with these labels opens.
type DeclareRule struct {
	Match    map[string]string `yaml:"match" json:"match"`
	Severity incident.Severity `yaml:"severity" json:"severity"`
	Auto     bool              `yaml:"auto" json:"auto"`
}

// Page is how loud a page is, in PagerDuty's words.
type Page string

// The severities of a page. Critical and error wake people (high urgency),
// warning and info do not. Source: PagerDuty, dynamic notifications.
const (
	PageCritical Page = "critical"
	PageError    Page = "error"
	PageWarning  Page = "warning"
	PageInfo     Page = "info"
	PageNone     Page = "none"
)

// Until is what stops a rung from climbing.
type Until string

// An acknowledgement stops a rung that waits for one; the others go on until
// the incident is resolved.
const (
	UntilAcknowledged Until = "acknowledged"
	UntilResolved     Until = "resolved"
)

// Default is the embedded policy, the table of the design.
func Default() Policy {
	src, err := templates.Read("policy.yaml")
	if err != nil {
		panic(err) // the binary was built without its templates
	}
	var p Policy
	doc, err := strictyaml.Decode("policy.yaml", src, &p)
	if err == nil {
		err = p.check(doc.Errorf)
	}
	if err != nil {
		panic(err) // held by TestDefaultIsTheTable
	}
	return p
}

// LoadPolicy reads a policy file; file is only used in messages. What the file
// leaves out has the default's value. Errors carry file, line and column.
func LoadPolicy(file string, src []byte) (Policy, error) {
	var p Policy
	doc, err := strictyaml.Decode(file, src, &p)
	if err != nil {
		return Policy{}, err
	}
	p = p.withDefaults(Default())
	if err := p.check(doc.Errorf); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// Frozen is the policy as a declaration carries it.
func (p Policy) Frozen() json.RawMessage { return incident.Payload(p) }

// Thaw reads what Frozen wrote. An incident that carries no policy, or a
// damaged one, is an error; the engine then uses the policy of today, because
// somebody has to be called.
func Thaw(raw json.RawMessage) (Policy, error) {
	if len(raw) == 0 {
		return Policy{}, fmt.Errorf("the incident carries no escalation policy")
	}
	var p Policy
	if err := json.Unmarshal(raw, &p); err != nil {
		return Policy{}, fmt.Errorf("frozen escalation policy: %w", err)
	}
	if err := p.check(func(path, format string, args ...any) error {
		return fmt.Errorf("frozen escalation policy: %s: %s", path, fmt.Sprintf(format, args...))
	}); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// DeclareFor says what an alert with these labels opens, and whether without
// asking; ok is false if it is only listed. The first rule that matches wins.
func (p Policy) DeclareFor(labels map[string]string) (sev incident.Severity, auto, ok bool) {
	for _, r := range p.Declare {
		matches := true
		for name, value := range r.Match {
			if labels[name] != value {
				matches = false
			}
		}
		if matches {
			return r.Severity, r.Auto, true
		}
	}
	return "", false, false
}

// Response is what sev asks for; an unknown severity is treated as the worst,
// because nobody knows how bad it is.
func (p Policy) Response(sev incident.Severity) Response {
	if r, ok := p.Severities[sev]; ok {
		return r
	}
	return p.Severities[incident.Sev1]
}

// Ladder is the rungs that an incident of severity sev may climb, lowest first.
func (p Policy) Ladder(sev incident.Severity) []LevelRule { return p.Ladders[p.Response(sev).Ladder] }

// AudienceSinks is where updates about incidents of severity sev go, without
// doubles, in the policy's order.
func (p Policy) AudienceSinks(sev incident.Severity) []string {
	var all []string
	for _, name := range p.Response(sev).Audience {
		for _, sink := range p.Audiences[name] {
			if !slices.Contains(all, sink) {
				all = append(all, sink)
			}
		}
	}
	return all
}

// Sinks lists every sink that the policy may call or tell, sorted: what a check
// of the configuration has to find addresses for.
func (p Policy) Sinks() []string {
	all := p.PageSinks()
	for sev := range p.Severities {
		all = append(all, p.AudienceSinks(sev)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// PageSinks lists every sink that a ladder of the policy may call, sorted.
func (p Policy) PageSinks() []string {
	var all []string
	for _, rungs := range p.Ladders {
		for _, r := range rungs {
			all = append(all, r.Notify...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
