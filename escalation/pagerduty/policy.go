package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// EscalationPolicy is who is called in which order, as PagerDuty has it.
type EscalationPolicy struct {
	ID, Name, Description string
	Rules                 []Rule
	Loops                 int      // how often it begins again when nobody answers
	Services              []string // names of those that use it
	Teams                 []string
	Handoff               string // on_call_handoff_notifications
}

// Rule is a level of an escalation policy.
type Rule struct {
	Delay    time.Duration // until the next one is called
	Targets  []Target
	Strategy string // how one of several targets is chosen; empty and assign_to_everyone are all of them
}

// Target is whom a rule calls.
type Target struct {
	ID, Name string
	Kind     string // user, schedule
}

type policyJSON struct {
	Description lax[string]
	Loops       lax[int]    `json:"num_loops"`
	Handoff     lax[string] `json:"on_call_handoff_notifications"`
	Rules       lax[[]struct {
		Delay    lax[float64] `json:"escalation_delay_in_minutes"`
		Targets  lax[[]ref]
		Strategy lax[struct {
			Type lax[string]
		}] `json:"escalation_rule_assignment_strategy"`
	}] `json:"escalation_rules"`
	Services lax[[]ref]
	Teams    lax[[]ref]
}

func readPolicy(raw json.RawMessage) (EscalationPolicy, bool) {
	var name ref
	var p policyJSON
	if json.Unmarshal(raw, &name) != nil || json.Unmarshal(raw, &p) != nil || name.ID == "" {
		return EscalationPolicy{}, false
	}
	out := EscalationPolicy{ID: name.ID, Name: name.Summary, Description: p.Description.v, Loops: p.Loops.v, Handoff: p.Handoff.v}
	for _, r := range p.Rules.v {
		minutes := min(max(r.Delay.v, 0), 1e6)
		rule := Rule{Delay: time.Duration(minutes * float64(time.Minute)), Strategy: r.Strategy.v.Type.v}
		for _, t := range r.Targets.v {
			rule.Targets = append(rule.Targets, Target{t.ID, t.Summary, strings.TrimSuffix(t.Type, "_reference")})
		}
		out.Rules = append(out.Rules, rule)
	}
	for _, s := range p.Services.v {
		out.Services = append(out.Services, s.Summary)
	}
	for _, t := range p.Teams.v {
		out.Teams = append(out.Teams, t.Summary)
	}
	return out, true
}

// policyID is what an ID of PagerDuty's looks like.
var policyID = regexp.MustCompile(`^[A-Z0-9]{5,20}$`)

// Policy finds an escalation policy by its ID or its name. Source: PagerDuty, REST
// API, Get an escalation policy; List escalation policies.
func (a *API) Policy(ctx context.Context, idOrName string) (EscalationPolicy, error) {
	if policyID.MatchString(idOrName) {
		var answer struct {
			Policy json.RawMessage `json:"escalation_policy"`
		}
		err := a.get(ctx, "/escalation_policies/"+idOrName, nil, &answer)
		var refused *CallError
		switch {
		case err == nil:
			if p, ok := readPolicy(answer.Policy); ok {
				return p, nil
			}
			return EscalationPolicy{}, fmt.Errorf("%s: the escalation policy %s is not as the REST API gives one", apiSink, idOrName)
		case !errors.As(err, &refused) || refused.Status != http.StatusNotFound || refused.Code == 0:
			return EscalationPolicy{}, err
		}
	}
	return a.policyNamed(ctx, idOrName)
}

func (a *API) policyNamed(ctx context.Context, name string) (EscalationPolicy, error) {
	var found []EscalationPolicy
	var near []string
	_, err := a.list(ctx, "/escalation_policies", "escalation_policies", url.Values{"query": {name}}, func(raw json.RawMessage) {
		p, ok := readPolicy(raw)
		switch {
		case ok && strings.EqualFold(p.Name, name):
			found = append(found, p)
		case ok:
			near = append(near, fmt.Sprintf("%s (%s)", p.Name, p.ID))
		}
	})
	switch {
	case err != nil:
		return EscalationPolicy{}, err
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return EscalationPolicy{}, fmt.Errorf("%s: %d escalation policies are called %q; give the ID of one, such as %s", apiSink, len(found), name, found[0].ID)
	case len(near) > 0:
		return EscalationPolicy{}, fmt.Errorf("%s: no escalation policy is called %q; nearest: %s", apiSink, name, line(strings.Join(near[:min(len(near), 5)], ", "), maxSummary))
	}
	return EscalationPolicy{}, fmt.Errorf("%s: there is no escalation policy %q", apiSink, name)
}
