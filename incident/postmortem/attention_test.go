package postmortem_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// What the ladder said of people and of itself is in the post-mortem as facts: of
// times and roles, never of somebody's failing.
func TestWhatTheLadderSaidIsLearntFrom(t *testing.T) {
	n := sev1(t)
	n.add(n.inc.Reopen(by("cleo", "04:00:00")))
	n.add(n.inc.Acknowledge(by("cleo", "04:01:00")))
	n.ladder("04:31:00", incident.AckQuestioned, "cleo, still on it?", incident.Question{Of: "cleo", Since: at("04:01:00")})
	n.ladder("04:32:00", incident.TargetMissed, "not resolved within the 1h that SEV-1 allows", incident.Overdue{Target: incident.TargetResolve, DueAt: at("04:32:00")})
	n.ladder("04:36:00", incident.Unacknowledged, "the acknowledgement of cleo has run out: no answer since 04:31Z", nil)
	n.ladder("04:40:00", incident.CommanderMissing, "nobody is commander yet", incident.Missing{Times: 1})
	n.ladder("04:41:00", incident.ClockSetBack, "the clock of this host was set back by 1h or more: the clocks of L1 begin anew", nil)
	md := n.markdown()
	require.Contains(t, md, "It was to be resolved by 04:32:00, and was not.")
	require.Contains(t, md, "An acknowledgement ran out at 04:36:00, because nothing had been heard since; until then the ladder stood still.")
	require.NotContains(t, md, "sitrep gave it back")
	require.Contains(t, md, "For a while nobody had the role of incident commander; the ladder asked for one from 04:40:00 on (1 time).")
	require.Contains(t, md, "The ladder itself:\n  - 03:14:00 L1 round 2 (unanswered) was due")
	require.Contains(t, md, "\n  - 04:41:00 the clock of this host was set back by 1h")
}
