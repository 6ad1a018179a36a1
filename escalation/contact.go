package escalation

import (
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Contact is somebody who answers for a level of the ladder now, and how to reach
// them when nothing else works. It holds personal data: it is shown, and never
// recorded on the timeline.
type Contact struct {
	Level     incident.Level  // empty for a service that was asked for
	Sink      string          // that calls them: "pagerduty:primary"; empty for somebody whom the policy names
	Person    incident.Person // as the configuration or the policy calls them; empty if neither does
	Name      string          // as PagerDuty does
	Phones    []string
	Email     string
	Schedule  string    // of the rotation
	Rule      int       // level of PagerDuty's escalation policy; 1 is called first, 0 is none
	Until     time.Time // zero: no end is known
	AskedAt   time.Time // when PagerDuty said so; zero for what the configuration says
	Automatic bool      // PagerDuty names them, and not only the policy
}

// Label is the shortest name that tells who it is.
func (c Contact) Label() string {
	switch {
	case c.Person != "":
		return string(c.Person)
	case c.Name != "":
		return c.Name
	}
	return c.Email
}
