package escalation

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// ServiceRule is what incidents about some services have otherwise. As with
// declare rules, the first one that matches wins; none matches an incident that
// names no service.
type ServiceRule struct {
	Match      []string                       `yaml:"match" json:"match"` // names of services; * is any part of one, ? a character
	Severities map[incident.Severity]Override `yaml:"severities" json:"severities"`
	Divert     []string                       `yaml:"divert" json:"divert,omitzero"` // nil: the policy's own
}

func (s ServiceRule) matches(service string) bool {
	return service != "" && slices.ContainsFunc(s.Match, func(pattern string) bool {
		ok, err := path.Match(pattern, service)
		return ok && err == nil
	})
}

// forService is what the severities ask for of an incident about service.
func (p Policy) forService(service string) map[incident.Severity]Response {
	rule, ok := p.ServiceRule(service)
	if !ok {
		return p.Severities
	}
	return p.overridden(rule)
}

// ServiceRule is the rule for incidents about service, if there is one.
func (p Policy) ServiceRule(service string) (ServiceRule, bool) {
	i := slices.IndexFunc(p.Services, func(s ServiceRule) bool { return s.matches(service) })
	if i < 0 {
		return ServiceRule{}, false
	}
	return p.Services[i], true
}

// Reroute implements incident.Reroute with the policy as it is today: an incident
// carries only what its former service made of the policy of its declaration.
func (p Policy) Reroute(inc incident.Incident, service string) (frozen json.RawMessage, others bool) {
	was := policyOf(inc, p).Ladder(inc.Severity)
	inc.Service = service
	is := p.For(inc).Ladder(inc.Severity)
	if len(was) > 0 && len(is) > 0 && inc.Rung.Level != "" {
		old, rung := was[standsAt(was, inc.Rung.Level)], is[standsAt(is, inc.Rung.Level)]
		has := inc.Acknowledged() && slices.Contains(rung.Who, inc.Clocks.AckBy)
		others = !has && (!subset(rung.Notify, old.Notify) || !subset(rung.Who, old.Who))
	}
	return p.Frozen(service), others
}

// subset says whether all of list are among known.
func subset[T comparable](list, known []T) bool {
	return !slices.ContainsFunc(list, func(v T) bool { return !slices.Contains(known, v) })
}

func (p Policy) overridden(s ServiceRule) map[incident.Severity]Response {
	severities := maps.Clone(p.Severities)
	for sev, o := range s.Severities {
		severities[sev] = severities[sev].with(o, p.Ladders)
	}
	return severities
}

// covers says whether everything that other matches matches s too, as far as that
// can be seen: s is asked about the patterns of other as if they were names.
func (s ServiceRule) covers(other ServiceRule) bool {
	plain := ServiceRule{Match: slices.DeleteFunc(slices.Clone(s.Match), func(pattern string) bool { return strings.ContainsAny(pattern, "?[\\") })}
	for _, pattern := range other.Match {
		if !plain.matches(pattern) && !slices.Contains(s.Match, pattern) {
			return false
		}
	}
	return true
}

// checkService looks at the severities that come of it as it does at the
// policy's own.
func (p Policy) checkService(at string, s ServiceRule, errorf complain) error {
	if len(s.Match) == 0 {
		return errorf(at, "a rule without match is for no service; name at least one, such as payments or payments-*")
	}
	for i, pattern := range s.Match {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return errorf(fmt.Sprintf("%s.match[%d]", at, i), "%q is no service and no pattern: a [ is not closed, or a \\ ends it", pattern)
		}
	}
	if len(s.Severities) == 0 && s.Divert == nil {
		return errorf(at, "the rule replaces nothing: severities is missing, and divert too")
	}
	if err := checkDivert(at+".divert", s.Divert, errorf); err != nil {
		return err
	}
	own := p
	own.Severities = p.overridden(s)
	for _, sev := range slices.Sorted(maps.Keys(s.Severities)) {
		if err := own.checkSeverity(at+".severities."+string(sev), sev, errorf); err != nil {
			return err
		}
	}
	return nil
}
