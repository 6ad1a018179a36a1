package escalation

import (
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// answeredAt is when somebody answered page t, while the incident is
// acknowledged: by the acknowledgement, if it came after the page, or by joining
// later, if the page was for whoever joined. Zero is not yet.
func (c Case) answeredAt(t Message, r Rules) time.Time {
	inc, content := c.Incident, t.Content()
	if !inc.Acknowledged() {
		return time.Time{}
	}
	if !content.AckedAt.Equal(inc.Clocks.Acknowledged) {
		return inc.Clocks.Acknowledged
	}
	for _, j := range inc.Joins[min(content.Joins, len(inc.Joins)):] {
		if c.calls(t, j.Who, r) {
			return j.At
		}
	}
	return time.Time{}
}

// calls says whether page t is for a person who joined: it names them, or its
// level does. Whoever no level names answers for the one that was called last, as
// anybody's acknowledgement answers for the first.
func (c Case) calls(t Message, who incident.Person, r Rules) bool {
	if slices.Contains(t.Content().Who, who) {
		return true
	}
	named := false
	for _, rung := range r.Ladder(c.Incident.Severity) {
		if slices.Contains(rung.Who, who) {
			if rung.Level == t.Level {
				return true
			}
			named = true
		}
	}
	return !named && t.Level == c.Incident.Rung.Level
}
