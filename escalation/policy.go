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
	"maps"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/templates"
)

// Policy is who is called when, for all incidents; For says what of it holds for
// one of them. The zero Policy calls nobody; Default and LoadPolicy make
// complete ones.
type Policy struct {
	Severities map[incident.Severity]Response `json:"severities"`
	Ladders    map[string][]LevelRule         `json:"ladders"`
	Audiences  map[string][]string            `json:"audiences,omitempty"` // where updates to an audience go; one that is not named here is told by people
	Divert     []string                       `json:"divert,omitzero"`     // where a page goes that its sink does not take, one after the other; nil is every chat that the ladders name, at once
	Services   []ServiceRule                  `json:"services,omitempty"`
	QuietHours []QuietHours                   `json:"quiet_hours,omitempty"`
	GameDay    *GameDay                       `json:"game_day,omitempty"` // nil in what older versions froze: their drills call everybody
	Declare    []DeclareRule                  `json:"declare,omitempty"`
}

// policyFile is a policy as a file states it: what it leaves out has the
// default's value.
type policyFile struct {
	Severities map[incident.Severity]Override `yaml:"severities"`
	Ladders    map[string][]LevelRule         `yaml:"ladders"`
	Audiences  map[string][]string            `yaml:"audiences"`
	Divert     []string                       `yaml:"divert"`
	Services   []ServiceRule                  `yaml:"services"`
	QuietHours []QuietHours                   `yaml:"quiet_hours"`
	GameDay    *GameDay                       `yaml:"game_day"`
	Declare    []DeclareRule                  `yaml:"declare"`
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
	p, _, err := readPolicy("policy.yaml", src, Policy{})
	if err != nil {
		panic(err) // held by TestDefaultIsTheTable
	}
	return p
}

// LoadPolicy reads a policy file; file is only used in messages. What the file
// leaves out has the default's value. Errors carry file, line and column.
func LoadPolicy(file string, src []byte) (Policy, error) {
	p, _, err := readPolicy(file, src, Default())
	return p, err
}

func readPolicy(file string, src []byte, otherwise Policy) (Policy, *strictyaml.Doc, error) {
	var f policyFile
	doc, err := strictyaml.Decode(file, src, &f)
	if err != nil {
		return Policy{}, nil, err
	}
	p := f.over(otherwise)
	if err := p.check(doc.Errorf); err != nil {
		return Policy{}, nil, err
	}
	return p.prepared(), doc, nil
}

// prepared has looked up what the ladder is not to look up at every step.
func (p Policy) prepared() Policy {
	for i := range p.QuietHours {
		p.QuietHours[i].zone, _ = time.LoadLocation(p.QuietHours[i].Timezone) // check has said what is wrong with it
	}
	return p
}

// Frozen is the policy as the declaration of an incident about service carries
// it: with what the service replaces in place, so that it means the same whatever
// becomes of the policy.
func (p Policy) Frozen(service string) json.RawMessage {
	p.Severities, p.Divert, p.Services = p.forService(service), p.divertFor(service), nil
	return incident.Payload(p)
}

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
	return p.prepared(), nil
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

// Sinks lists every sink that the policy may call or tell, sorted: what a check
// of the configuration has to find addresses for.
func (p Policy) Sinks() []string {
	var all []string
	for _, rungs := range p.Ladders {
		for _, r := range rungs {
			all = append(all, r.Notify...)
		}
	}
	for _, name := range p.audiences() {
		all = append(all, p.Audiences[name]...)
	}
	all = append(all, p.Divert...)
	for _, s := range p.Services {
		all = append(all, s.Divert...)
	}
	if p.GameDay != nil {
		all = slices.AppendSeq(all, maps.Values(p.GameDay.Notify))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// audiences lists the audiences that some incident has, sorted.
func (p Policy) audiences() []string {
	var all []string
	for _, r := range p.Severities {
		all = append(all, r.Audience...)
	}
	for _, s := range p.Services {
		for _, o := range s.Severities {
			all = append(all, o.Audience...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
