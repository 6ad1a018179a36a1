package escalation

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Rules are what of a policy holds for one incident: with what its service
// replaces, and with the sinks of a game day if it is a drill. The zero Rules
// call nobody.
type Rules struct {
	severities map[incident.Severity]Response
	ladders    map[string][]LevelRule
	audiences  map[string][]string
	divert     []string // nil: every chat of the ladders
	quiet      []QuietHours
	gameDay    *GameDay // nil: no drill
}

// For is the rules for inc: by its service, and by whether it was declared a drill.
func (p Policy) For(inc incident.Incident) Rules {
	r := Rules{severities: p.forService(inc.Service), ladders: p.Ladders, audiences: p.Audiences, divert: p.divertFor(inc.Service), quiet: p.QuietHours}
	if inc.Drill {
		r.gameDay = p.GameDay
	}
	return r
}

// Response is what sev asks for; an unknown severity is treated as the worst,
// because nobody knows how bad it is.
func (r Rules) Response(sev incident.Severity) Response {
	if resp, ok := r.severities[sev]; ok {
		return resp
	}
	return r.severities[incident.Sev1]
}

// Ladder is the rungs that the incident may climb under severity sev, lowest
// first.
func (r Rules) Ladder(sev incident.Severity) []LevelRule {
	return r.gameDay.ladder(r.ladders[r.Response(sev).Ladder])
}

// AudienceSinks is where updates about the incident go under severity sev,
// without doubles, in the policy's order.
func (r Rules) AudienceSinks(sev incident.Severity) []string {
	var all []string
	for _, name := range r.Response(sev).Audience {
		for _, sink := range r.gameDay.told(r.audiences[name]) {
			if !slices.Contains(all, sink) {
				all = append(all, sink)
			}
		}
	}
	return all
}

// PageSinks lists every sink that a ladder may call for the incident, sorted.
func (r Rules) PageSinks() []string {
	var all []string
	for _, rungs := range r.ladders {
		for _, rung := range r.gameDay.ladder(rungs) {
			all = append(all, rung.Notify...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// QuietUntil is when the quiet hours of sev that now lies in are over; zero if it
// lies in none.
func (r Rules) QuietUntil(sev incident.Severity, now time.Time) time.Time {
	if end := r.quietUntil(sev, now); end.After(now) {
		return end
	}
	return time.Time{}
}

// Wakes is the last level that the ladder calls through anything under sev; a
// drill leaves out whom it does not wake. Empty is none.
func (r Rules) Wakes(sev incident.Severity) (last incident.Level) {
	for _, rung := range r.Ladder(sev) {
		if len(rung.Notify) > 0 {
			last = rung.Level
		}
	}
	return last
}

// quietUntil is when the quiet hours of sev that now lies in are over; now
// itself if it lies in none.
func (r Rules) quietUntil(sev incident.Severity, now time.Time) time.Time {
	return quietUntil(r.quiet, sev, now)
}
