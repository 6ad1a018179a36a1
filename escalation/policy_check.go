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

// The durations that the ladder can keep: it looks about once a second, and a
// year that is multiplied by a scale does not fit a time.Duration for long.
const (
	shortest = time.Second
	longest  = 52 * 7 * 24 * time.Hour
)

var sinkSyntax = regexp.MustCompile(`^(pagerduty|slack|webhook|command|statuspage):[^\s:]+$`)

// complain makes an error at a place of the file.
type complain func(path, format string, args ...any) error

// over is the policy of a file, with what it leaves out from d. An empty list of
// notify or declare stays empty: those are choices.
func (f policyFile) over(d Policy) Policy {
	p := Policy{Ladders: f.Ladders, Audiences: f.Audiences, Divert: f.Divert, Services: f.Services, QuietHours: f.QuietHours, GameDay: f.GameDay, Declare: f.Declare}
	if p.Ladders == nil {
		p.Ladders = d.Ladders
	}
	if p.Audiences == nil {
		p.Audiences = d.Audiences
	}
	if p.Divert == nil {
		p.Divert = d.Divert
	}
	if p.Services == nil {
		p.Services = d.Services
	}
	if p.QuietHours == nil {
		p.QuietHours = d.QuietHours
	}
	if p.Declare == nil {
		p.Declare = d.Declare
	}
	if p.GameDay == nil {
		p.GameDay = d.GameDay
	} else if d.GameDay != nil {
		p.GameDay.WakesUpTo = either(p.GameDay.WakesUpTo, d.GameDay.WakesUpTo)
	}
	p.Severities = make(map[incident.Severity]Response, len(d.Severities))
	for sev, r := range d.Severities {
		p.Severities[sev] = r.with(f.Severities[sev], p.Ladders)
	}
	for sev, o := range f.Severities {
		if _, ok := d.Severities[sev]; !ok {
			p.Severities[sev] = Response{}.with(o, p.Ladders)
		}
	}
	return p
}

func (p Policy) check(errorf complain) error {
	for _, name := range slices.Sorted(maps.Keys(p.Ladders)) {
		if err := checkLadder("ladders."+name, p.Ladders[name], errorf); err != nil {
			return err
		}
	}
	for _, sev := range slices.Sorted(maps.Keys(p.Severities)) {
		if err := p.checkSeverity("severities."+string(sev), sev, errorf); err != nil {
			return err
		}
	}
	for _, sev := range incident.Severities() {
		if _, ok := p.Severities[sev]; !ok {
			return errorf("severities", "%s is missing", sev)
		}
	}
	if err := p.checkAudiences(errorf); err != nil {
		return err
	}
	if err := checkDivert("divert", p.Divert, errorf); err != nil {
		return err
	}
	for i, s := range p.Services {
		if err := p.checkService(fmt.Sprintf("services[%d]", i), s, errorf); err != nil {
			return err
		}
	}
	for i, q := range p.QuietHours {
		if err := q.check(fmt.Sprintf("quiet_hours[%d]", i), errorf); err != nil {
			return err
		}
	}
	if err := p.checkGameDay(errorf); err != nil {
		return err
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

// checkAudiences looks at where updates go. An audience that no severity names
// is kept: a policy may be written before it is needed.
func (p Policy) checkAudiences(errorf complain) error {
	for _, name := range slices.Sorted(maps.Keys(p.Audiences)) {
		for i, sink := range p.Audiences[name] {
			path := fmt.Sprintf("audiences.%s[%d]", name, i)
			if !sinkSyntax.MatchString(sink) {
				return errorf(path, "%q is not a sink; write slack:#CHANNEL, webhook:NAME, command:NAME or statuspage:NAME", sink)
			}
			if sinkKind(sink) == "pagerduty" {
				return errorf(path, "%s wakes people; updates go to slack:#CHANNEL, webhook:NAME, command:NAME or statuspage:NAME", sink)
			}
		}
	}
	return nil
}

func (p Policy) checkSeverity(path string, sev incident.Severity, errorf complain) error {
	r := p.Severities[sev]
	if !slices.Contains(incident.Severities(), sev) {
		return errorf(path, "%q is not a severity: SEV-1, SEV-2, SEV-3 or SEV-4", sev)
	}
	for _, d := range []struct {
		key string
		v   strictyaml.Duration
	}{{"respond_within", r.RespondWithin}, {"resolve_within", r.ResolveWithin}, {"update_every", r.UpdateEvery}, {"ack_timeout", r.AckTimeout}, {"commander_within", r.CommanderWithin}} {
		if never := d.v == 0 && (d.key == "ack_timeout" || d.key == "commander_within"); never {
			continue
		}
		if err := checkDuration(path, d.key, d.v, errorf); err != nil {
			return err
		}
	}
	if d := r.PostmortemWithin; d != nil && *d != 0 {
		if err := checkDuration(path, "postmortem_within", *d, errorf); err != nil {
			return err
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
		if err := checkScale(path+".scale", rung, r.Scale, errorf); err != nil {
			return err
		}
	}
	return nil
}

// checkScale looks at what a scale makes of the clocks of a rung.
func checkScale(path string, rung LevelRule, scale float64, errorf complain) error {
	for _, clock := range []struct {
		does string
		v    strictyaml.Duration
	}{{"climb", rung.EscalateAfter}, {"be notified again", rung.RespondWithin}, {"call again", rung.RepeatEvery}} {
		after := float64(clock.v) * scale
		if clock.v > 0 && after < float64(shortest) {
			return errorf(path, "with scale %g level %s would %s after %s; the shortest is 1s", scale, rung.Level, clock.does, scaled(clock.v, scale))
		}
		if after > float64(longest) {
			return errorf(path, "with scale %g level %s would %s after more than a year (%g times %s); the longest is 52w", scale, rung.Level, clock.does, scale, clock.v)
		}
	}
	return nil
}

func checkDuration(path, key string, d strictyaml.Duration, errorf complain) error {
	switch {
	case d.D() < shortest:
		return errorf(path+"."+key, "%s is %s; the shortest is 1s", key, d)
	case d.D() > longest:
		return errorf(path+"."+key, "%s is %s; the longest is 52w", key, d)
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
		if d.v == 0 {
			continue
		}
		if err := checkDuration(path, d.key, d.v, errorf); err != nil {
			return err
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
			return errorf(fmt.Sprintf("%s.notify[%d]", path, i), "%q is not a sink; write pagerduty:NAME, slack:#CHANNEL, webhook:NAME, command:NAME or statuspage:NAME", sink)
		}
		if sinkKind(sink) == statusPage {
			return errorf(fmt.Sprintf("%s.notify[%d]", path, i), "%s is read by the public and calls nobody; name it in an audience", sink)
		}
		if slices.Contains(r.Notify[:i], sink) {
			return errorf(fmt.Sprintf("%s.notify[%d]", path, i), "%s stands here twice; once is enough", sink)
		}
	}
	if r.Notify == nil {
		return errorf(path+".notify", "level %s notifies nobody; write notify: [] if that is meant", r.Level)
	}
	return nil
}
