package pane

import (
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// policies are the rules of the policies that incidents were declared with,
// thawed once: countdowns are drawn every second.
type policies struct {
	frozen   map[rulesKey]escalation.Rules
	fallback *escalation.Policy // the default one
}

// rulesKey is incident.Key, and how often its rules were replaced.
type rulesKey struct {
	key      string
	refrozen int
}

// of is the rules for an incident. One that carries none gets today's, as the
// engine does.
func (p *policies) of(inc incident.Incident, w *World) escalation.Rules {
	key := rulesKey{inc.Key, inc.Refrozen}
	if known, ok := p.frozen[key]; ok && inc.Key != "" {
		return known
	}
	policy, err := escalation.Thaw(inc.Policy)
	if err != nil {
		return p.today(w).For(inc)
	}
	if p.frozen == nil || len(p.frozen) > 1000 {
		p.frozen = map[rulesKey]escalation.Rules{}
	}
	rules := policy.For(inc)
	p.frozen[key] = rules
	return rules
}

// today is the policy of an incident that is declared now.
func (p *policies) today(w *World) escalation.Policy {
	if len(w.Delivery.Policy.Ladders) > 0 {
		return w.Delivery.Policy
	}
	if p.fallback == nil {
		policy := escalation.Default()
		p.fallback = &policy
	}
	return *p.fallback
}
