package escalation

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Surroundings is what the configuration says about what a policy names. A nil
// function complains of nothing.
type Surroundings struct {
	Lacks   func(sink string) string            // what it would need to reach a sink; "" is nothing
	Unknown func(person incident.Person) string // why it has no telephone number of somebody; "" is that it has
}

// CheckPolicy reads a policy file as LoadPolicy does, and also says what in it is
// no error and may still surprise whoever relies on it, in the order of the file.
func CheckPolicy(file string, src []byte, around Surroundings) (Policy, []*strictyaml.Error, error) {
	p, doc, err := readPolicy(file, src, Default())
	if err != nil {
		return Policy{}, nil, err
	}
	if around.Lacks == nil {
		around.Lacks = func(string) string { return "" }
	}
	if around.Unknown == nil {
		around.Unknown = func(incident.Person) string { return "" }
	}
	r := review{policy: p, lacks: around.Lacks, unknown: around.Unknown, told: map[string]bool{}, warn: func(path, format string, args ...any) *strictyaml.Error {
		var e *strictyaml.Error
		errors.As(doc.Errorf(path, format, args...), &e)
		return e
	}}
	r.ladders()
	r.severities("", p.Severities)
	for i, s := range p.Services {
		own := p.overridden(s)
		maps.DeleteFunc(own, func(sev incident.Severity, _ Response) bool { _, replaced := s.Severities[sev]; return !replaced })
		r.severities(fmt.Sprintf("services[%d].", i), own)
	}
	r.audiences()
	r.divert("divert", p.Divert)
	for i, s := range p.Services {
		r.divert(fmt.Sprintf("services[%d].divert", i), s.Divert)
	}
	r.order()
	r.quiet()
	r.gameDay()
	slices.SortStableFunc(r.found, func(a, b *strictyaml.Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return p, r.found, nil
}

// review collects what may surprise.
type review struct {
	policy  Policy
	lacks   func(sink string) string
	unknown func(incident.Person) string
	told    map[string]bool // sinks, audiences and people that were complained about
	warn    func(path, format string, args ...any) *strictyaml.Error
	found   []*strictyaml.Error
}

func (r *review) add(path, format string, args ...any) {
	r.found = append(r.found, r.warn(path, format, args...))
}

// climbed is the highest level of a ladder, counted from 0, that some severity
// climbs to by itself; -1 if none has that ladder.
func (r *review) climbed(ladder string) int {
	highest := -1
	note := func(resp Response) {
		if resp.Ladder == ladder {
			highest = max(highest, levelIndex(r.policy.Ladders[ladder], resp.Reaches))
		}
	}
	for _, resp := range r.policy.Severities {
		note(resp)
	}
	for _, s := range r.policy.Services {
		for _, resp := range r.policy.overridden(s) {
			note(resp)
		}
	}
	return highest
}

func (r *review) ladders() {
	for _, name := range slices.Sorted(maps.Keys(r.policy.Ladders)) {
		rungs, reach := r.policy.Ladders[name], r.climbed(name)
		if reach < 0 {
			r.add("ladders."+name, "no severity has the ladder %q: it is not climbed", name)
		}
		for i, rung := range rungs {
			path := fmt.Sprintf("ladders.%s[%d]", name, i)
			if len(rung.Notify) == 0 {
				r.add(path+".notify", "%s names no sink: it is recorded, and nobody is called", rung.Level)
			}
			if rung.EscalateAfter > 0 && rung.RespondWithin >= rung.EscalateAfter {
				r.add(path+".respond_within", "%s climbs after %s, before it would be notified again", rung.Level, rung.EscalateAfter)
			}
			r.sinks(path+".notify", rung.Notify)
			r.people(path, rung)
		}
		if last := rungs[len(rungs)-1]; reach == len(rungs)-1 && last.RepeatEvery == 0 {
			r.add(fmt.Sprintf("ladders.%s[%d]", name, reach), "%s is the last level and has no repeat_every: once somebody has acknowledged, nobody is called again", last.Level)
		}
	}
}

// sinks complains once of every sink that the configuration cannot reach.
func (r *review) sinks(path string, sinks []string) {
	for i, sink := range sinks {
		if missing := r.lacks(sink); missing != "" && !r.told[sink] {
			r.told[sink] = true
			r.add(fmt.Sprintf("%s[%d]", path, i), "%s leads nowhere: the configuration has no %s", sink, missing)
		}
		if channel, chat := strings.CutPrefix(sink, "slack:"); chat && !slackTarget.MatchString(channel) && !r.told["form of "+sink] {
			r.told["form of "+sink] = true
			r.add(fmt.Sprintf("%s[%d]", path, i), "%s is neither a channel (slack:#%s), nor an ID (slack:C0123ABCD), nor a person (slack:@U0123ABCD)", sink, channel)
		}
	}
}

// slackTarget is what Slack takes for a place: a channel by name or ID, a person.
var slackTarget = regexp.MustCompile(`^(#.+|@.+|[CGDU][A-Z0-9]{6,})$`)

// people complains once of everybody whom a rung names and a command would have to
// call without a number.
func (r *review) people(path string, rung LevelRule) {
	i := slices.IndexFunc(rung.Notify, func(sink string) bool { return sinkKind(sink) == "command" })
	if i < 0 {
		return
	}
	for j, who := range rung.Who {
		if why := r.unknown(who); why != "" && !r.told["phone of "+string(who)] {
			r.told["phone of "+string(who)] = true
			r.add(fmt.Sprintf("%s.who[%d]", path, j), "%s gets no telephone number for %s: %s", rung.Notify[i], who, why)
		}
	}
}

func (r *review) severities(at string, severities map[incident.Severity]Response) {
	for _, sev := range slices.Sorted(maps.Keys(severities)) {
		resp := severities[sev]
		path := at + "severities." + string(sev)
		reached := r.policy.Ladders[resp.Ladder][:levelIndex(r.policy.Ladders[resp.Ladder], resp.Reaches)+1]
		urgent := sev == incident.Sev1 || sev == incident.Sev2
		wakes := slices.ContainsFunc(reached, func(rung LevelRule) bool { return slices.ContainsFunc(rung.Notify, mayWake) })
		switch low := resp.Page == PageWarning || resp.Page == PageInfo; {
		case low && len(reached) == 1:
			r.add(path+".page", "%s pages with low urgency only (%s, and it climbs no further than L1): PagerDuty wakes nobody for that", sev, resp.Page)
		case urgent && low:
			r.add(path+".page", "L1 of a %s is called with low urgency (%s): the first who is woken is %s", sev, resp.Page, reached[1].Level)
		case urgent && resp.Page == PageNone && len(reached) == 1:
			r.add(path+".page", "a %s pages nobody", sev)
		case urgent && resp.Page == PageNone:
			r.add(path+".page", "a %s does not page L1: the first who is woken is %s", sev, reached[1].Level)
		case urgent && !slices.ContainsFunc(reached, func(rung LevelRule) bool { return len(rung.Notify) > 0 }):
			r.add(path+".ladder", "no level that a %s reaches names a sink: nobody is called, and no chat is told", sev)
		case urgent && !wakes:
			r.add(path+".ladder", "a %s tells only chats: nobody is woken", sev)
		}
		r.audience(path+".audience", resp.Audience)
	}
}

// mayWake says whether a sink can reach somebody who sleeps.
func mayWake(sink string) bool { return sinkKind(sink) != "slack" && sinkKind(sink) != "statuspage" }

// audience complains of audiences that lead nowhere. A policy without any is of a
// team whose people tell them.
func (r *review) audience(path string, names []string) {
	for i, name := range names {
		switch sinks, known := r.policy.Audiences[name]; {
		case len(r.policy.Audiences) == 0 || r.told[name] || len(sinks) > 0:
			continue
		case !known:
			r.add(fmt.Sprintf("%s[%d]", path, i), "the audience %q leads nowhere: audiences has no such name", name)
		default:
			r.add(fmt.Sprintf("%s[%d]", path, i), "the audience %q leads nowhere: it names no sink", name)
		}
		r.told[name] = true
	}
}

func (r *review) audiences() {
	used := r.policy.audiences()
	for _, name := range slices.Sorted(maps.Keys(r.policy.Audiences)) {
		if !slices.Contains(used, name) {
			r.add("audiences."+name, "no severity has the audience %q: it is told nothing", name)
		}
		r.sinks("audiences."+name, r.policy.Audiences[name])
	}
}

// divert complains of a last resort that is none. A policy without one has its
// chats told.
func (r *review) divert(path string, sinks []string) {
	if sinks == nil {
		return
	}
	r.sinks(path, sinks)
	own := func(sink string) bool { return sinkKind(sink) == "command" || sinkKind(sink) == "webhook" }
	switch {
	case len(sinks) == 0:
		r.add(path, "a page that its sink does not take is told to nobody else")
	case !slices.ContainsFunc(sinks, own):
		r.add(path, "when PagerDuty and Slack are both down nobody is reached: let it end with command:NAME or webhook:NAME")
	}
}

// order complains of rules that can never be the first that matches.
func (r *review) order() {
	for i, later := range r.policy.Declare {
		earlier := slices.IndexFunc(r.policy.Declare[:i], func(d DeclareRule) bool { return d.covers(later) })
		if earlier >= 0 {
			r.add(fmt.Sprintf("declare[%d]", i), "this rule never matches: declare[%d] is wider and comes before it", earlier)
		}
	}
	for i, later := range r.policy.Services {
		earlier := slices.IndexFunc(r.policy.Services[:i], func(s ServiceRule) bool { return s.covers(later) })
		if earlier >= 0 {
			r.add(fmt.Sprintf("services[%d]", i), "this rule never matches: services[%d] is wider and comes before it", earlier)
		}
	}
}

// covers says whether every alert that other matches matches d too.
func (d DeclareRule) covers(other DeclareRule) bool {
	for name, value := range d.Match {
		if theirs, ok := other.Match[name]; !ok || theirs != value {
			return false
		}
	}
	return true
}

func (r *review) quiet() {
	monday := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	var complained []incident.Severity
	for i, q := range r.policy.QuietHours {
		path := fmt.Sprintf("quiet_hours[%d].severities", i)
		for _, sev := range q.Severities {
			if slices.Contains(complained, sev) {
				continue
			}
			if quietUntil(r.policy.QuietHours, sev, monday).Sub(monday) >= longestQuiet {
				complained = append(complained, sev)
				r.add(path, "the quiet hours of %s never end: it calls nobody unless a person asks for it", sev)
			} else if sev == incident.Sev2 {
				complained = append(complained, sev)
				r.add(path, "%s has quiet hours: nobody is called for one until %s %s", sev, q.To, q.Timezone)
			}
		}
	}
}

func (r *review) gameDay() {
	if r.policy.GameDay == nil {
		return
	}
	r.wakes()
	named := slices.Concat(append(slices.Collect(maps.Values(r.policy.Audiences)), r.policy.Divert)...)
	for _, s := range r.policy.Services {
		named = append(named, s.Divert...)
	}
	for _, rungs := range r.policy.Ladders {
		for _, rung := range rungs {
			named = append(named, rung.Notify...)
		}
	}
	notify := r.policy.GameDay.Notify
	for _, sink := range slices.Sorted(maps.Keys(notify)) {
		if !slices.Contains(named, sink) {
			r.add("game_day.notify", "no ladder and no audience names %s: nothing takes its place", sink)
		}
	}
	for _, sink := range slices.Sorted(maps.Keys(notify)) {
		if to := notify[sink]; sinkKind(to) == "command" {
			r.add("game_day.notify", "a drill runs %s in the place of %s: if it writes to real telephones, a drill does too (SITREP_DRILL is true then)", to, sink)
		}
	}
	r.sinks("game_day.notify", slices.Sorted(maps.Values(notify)))
}

// wakes complains of a last level for drills that no ladder has.
func (r *review) wakes() {
	last := r.policy.GameDay.WakesUpTo
	if last == WakesNobody {
		return
	}
	highest := 0
	for _, rungs := range r.policy.Ladders {
		if levelIndex(rungs, last) >= 0 {
			return
		}
		highest = max(highest, len(rungs))
	}
	r.add("game_day.wakes_up_to", "no ladder has %s: a drill calls every level through its own sinks, up to L%d", last, highest)
}
