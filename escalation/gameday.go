package escalation

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// GameDay is whom drills call: the whole ladder is climbed, with its clocks, but
// through other sinks.
type GameDay struct {
	Notify map[string]string `yaml:"notify" json:"notify,omitempty"` // a sink of the policy, and the one that takes its place
	// WakesUpTo is the last level that is called through its own sinks where
	// Notify names no other: from the next one on, and towards audiences, what
	// is not replaced is left out. WakesNobody leaves it out on L1 too.
	WakesUpTo incident.Level `yaml:"wakes_up_to" json:"wakes_up_to"`
	// Also widens the blast radius of a drill: what is done to a service may burn the
	// error budgets of these too. Everything else that burns is real.
	Also map[string][]string `yaml:"also" json:"also,omitempty"`
}

// WakesNobody keeps a drill away from every sink that Notify does not name.
const WakesNobody incident.Level = "none"

var levelSyntax = regexp.MustCompile(`^L[1-9][0-9]?$`)

// ladder is the rungs as a drill climbs them. The nil GameDay is no drill, and
// changes nothing.
func (g *GameDay) ladder(rungs []LevelRule) []LevelRule {
	if g == nil {
		return rungs
	}
	wakes := g.WakesUpTo != WakesNobody
	out := slices.Clone(rungs)
	for i, r := range rungs {
		out[i].Notify = g.replaced(r.Notify, wakes)
		wakes = wakes && r.Level != g.WakesUpTo
	}
	return out
}

// instead is the sinks that a page of a level is diverted to in a drill: those of
// the policy themselves only where the level is called through its own.
func (g *GameDay) instead(level incident.Level, sinks []string) []string {
	if g == nil {
		return sinks
	}
	return g.replaced(sinks, g.WakesUpTo != WakesNobody && levelNumber(level) <= levelNumber(g.WakesUpTo))
}

// levelNumber is that of a level, which check has seen: L2 is 2.
func levelNumber(l incident.Level) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(string(l), "L"))
	return n
}

// told is the sinks of an audience that a drill tells: none that is real.
func (g *GameDay) told(sinks []string) []string {
	if g == nil {
		return sinks
	}
	return g.replaced(sinks, false)
}

// replaced is sinks with those that Notify names in their place, each once; own
// says whether the others stay.
func (g *GameDay) replaced(sinks []string, own bool) []string {
	out := []string{}
	for _, s := range sinks {
		to, ok := g.Notify[s]
		if !ok {
			to = s
		}
		if (ok || own) && !slices.Contains(out, to) {
			out = append(out, to)
		}
	}
	return out
}

func (p Policy) checkGameDay(errorf complain) error {
	g := p.GameDay
	if g == nil {
		return nil
	}
	if g.WakesUpTo != WakesNobody && !levelSyntax.MatchString(string(g.WakesUpTo)) {
		return errorf("game_day.wakes_up_to", "wakes_up_to is %q; it can be a level such as L1, or none", g.WakesUpTo)
	}
	for _, service := range slices.Sorted(maps.Keys(g.Also)) {
		if strings.TrimSpace(service) == "" || len(g.Also[service]) == 0 || slices.Contains(g.Also[service], "") {
			return errorf("game_day.also", "also names services whose budgets a drill may burn besides that of the service that it hurts, such as also: {payments: [checkout]}")
		}
	}
	audiences := slices.Concat(slices.Collect(maps.Values(p.Audiences))...)
	for _, sink := range slices.Sorted(maps.Keys(g.Notify)) {
		to := g.Notify[sink]
		for _, s := range []string{sink, to} {
			if !sinkSyntax.MatchString(s) {
				return errorf("game_day.notify", "%q is not a sink; write pagerduty:NAME, slack:#CHANNEL, webhook:NAME, command:NAME or statuspage:NAME", s)
			}
		}
		if sinkKind(to) == "pagerduty" && slices.Contains(audiences, sink) {
			return errorf("game_day.notify", "%s is told updates, and %s wakes people; updates go to slack:#CHANNEL, webhook:NAME, command:NAME or statuspage:NAME", sink, to)
		}
	}
	return nil
}
