package escalation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// shortest is the least duration that the ladder can keep: it looks about once
// a second.
const shortest = time.Second

var sinkSyntax = regexp.MustCompile(`^(pagerduty|slack|webhook):[^\s:]+$`)

// complain makes an error at a place of the file.
type complain func(path, format string, args ...any) error

// withDefaults fills in what a file left out. An empty list of notify or
// declare stays empty: those are choices.
func (p Policy) withDefaults(d Policy) Policy {
	if p.Ladders == nil {
		p.Ladders = d.Ladders
	}
	severities := make(map[incident.Severity]Response, len(d.Severities))
	maps.Copy(severities, p.Severities)
	for sev, def := range d.Severities {
		r := severities[sev]
		r.RespondWithin = either(r.RespondWithin, def.RespondWithin)
		r.ResolveWithin = either(r.ResolveWithin, def.ResolveWithin)
		r.UpdateEvery = either(r.UpdateEvery, def.UpdateEvery)
		r.Page, r.Ladder, r.Scale = either(r.Page, def.Page), either(r.Ladder, def.Ladder), either(r.Scale, def.Scale)
		if r.Audience == nil {
			r.Audience = def.Audience
		}
		if rungs := p.Ladders[r.Ladder]; r.Reaches == "" && len(rungs) > 0 {
			r.Reaches = rungs[min(levelIndex(d.Ladders["default"], def.Reaches), len(rungs)-1)].Level
		}
		severities[sev] = r
	}
	p.Severities = severities
	return p
}

func either[T comparable](given, otherwise T) T {
	var zero T
	if given != zero {
		return given
	}
	return otherwise
}

func (p Policy) check(errorf complain) error {
	for _, name := range slices.Sorted(maps.Keys(p.Ladders)) {
		if err := checkLadder("ladders."+name, p.Ladders[name], errorf); err != nil {
			return err
		}
	}
	for _, sev := range slices.Sorted(maps.Keys(p.Severities)) {
		if err := p.checkSeverity(sev, errorf); err != nil {
			return err
		}
	}
	for _, sev := range incident.Severities() {
		if _, ok := p.Severities[sev]; !ok {
			return errorf("severities", "%s is missing", sev)
		}
	}
	for i, r := range p.Declare {
		path := fmt.Sprintf("declare[%d]", i)
		if _, ok := p.Severities[r.Severity]; !ok {
			return errorf(path+".severity", "%q is not a severity: SEV-1, SEV-2, SEV-3 or SEV-4", r.Severity)
		}
		if len(r.Match) == 0 {
			return errorf(path, "a rule without match would declare every alert; name at least one label")
		}
	}
	return nil
}

func (p Policy) checkSeverity(sev incident.Severity, errorf complain) error {
	path, r := "severities."+string(sev), p.Severities[sev]
	if !slices.Contains(incident.Severities(), sev) {
		return errorf(path, "%q is not a severity: SEV-1, SEV-2, SEV-3 or SEV-4", sev)
	}
	for _, d := range []struct {
		key string
		v   strictyaml.Duration
	}{{"respond_within", r.RespondWithin}, {"resolve_within", r.ResolveWithin}, {"update_every", r.UpdateEvery}} {
		if d.v.D() < shortest {
			return errorf(path+"."+d.key, "%s is %s; the shortest is 1s", d.key, d.v)
		}
	}
	if !slices.Contains([]Page{PageCritical, PageError, PageWarning, PageInfo, PageNone}, r.Page) {
		return errorf(path+".page", "page is %q; it can be critical, error, warning, info or none", r.Page)
	}
	if !(r.Scale >= 0.01 && r.Scale <= 1000) {
		return errorf(path+".scale", "scale is %g; it can be 0.01 to 1000", r.Scale)
	}
	rungs, ok := p.Ladders[r.Ladder]
	if !ok {
		return errorf(path+".ladder", "there is no ladder %q; there is %q", r.Ladder, slices.Sorted(maps.Keys(p.Ladders)))
	}
	if levelIndex(rungs, r.Reaches) < 0 {
		return errorf(path+".reaches", "reaches is %q, which ladder %q does not have; its last level is %s", r.Reaches, r.Ladder, rungs[len(rungs)-1].Level)
	}
	for _, rung := range rungs {
		if climb := scaled(rung.EscalateAfter, r.Scale); rung.EscalateAfter > 0 && climb < shortest {
			return errorf(path+".scale", "with scale %g level %s would climb after %s; the shortest is 1s", r.Scale, rung.Level, climb)
		}
		if respond := scaled(rung.RespondWithin, r.Scale); rung.RespondWithin > 0 && respond < shortest {
			return errorf(path+".scale", "with scale %g level %s would be notified again after %s; the shortest is 1s", r.Scale, rung.Level, respond)
		}
	}
	return nil
}

func checkLadder(path string, rungs []LevelRule, errorf complain) error {
	if len(rungs) == 0 {
		return errorf(path, "a ladder needs at least one level")
	}
	for i, r := range rungs {
		path := fmt.Sprintf("%s[%d]", path, i)
		if want := incident.Level(fmt.Sprintf("L%d", i+1)); r.Level != want {
			return errorf(path+".level", "level is %q; here comes %s (levels are L1, L2, ... without a gap)", r.Level, want)
		}
		if err := checkRung(path, r, i == len(rungs)-1, errorf); err != nil {
			return err
		}
	}
	return nil
}

func checkRung(path string, r LevelRule, last bool, errorf complain) error {
	for _, d := range []struct {
		key      string
		v        strictyaml.Duration
		optional bool
	}{{"respond_within", r.RespondWithin, true}, {"escalate_after", r.EscalateAfter, last}, {"repeat_every", r.RepeatEvery, true}} {
		if d.v == 0 && !d.optional {
			return errorf(path+"."+d.key, "%s of %s is missing: when does it climb?", d.key, r.Level)
		}
		if d.v != 0 && d.v.D() < shortest {
			return errorf(path+"."+d.key, "%s is %s; the shortest is 1s", d.key, d.v)
		}
	}
	if r.RepeatEvery != 0 && !last {
		return errorf(path+".repeat_every", "only the last level repeats; %s climbs instead", r.Level)
	}
	if r.Until != UntilAcknowledged && r.Until != UntilResolved {
		return errorf(path+".until", "until is %q; it can be acknowledged or resolved", r.Until)
	}
	for i, sink := range r.Notify {
		if !sinkSyntax.MatchString(sink) {
			return errorf(fmt.Sprintf("%s.notify[%d]", path, i), "%q is not a sink; write pagerduty:NAME, slack:#CHANNEL or webhook:NAME", sink)
		}
	}
	if len(r.Notify) == 0 {
		return errorf(path+".notify", "level %s notifies nobody", r.Level)
	}
	return nil
}
