package postmortem_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// What was ticked is a line of the record like any other, and says that there was
// a way to go by.
func TestTickedStepsAreTold(t *testing.T) {
	n := &night{t: t}
	e, err := incident.Declare(by("ana", "03:00:00"), "INC-1", incident.Declaration{Title: "Checkout is slow", Severity: incident.Sev3})
	n.add([]incident.Event{e}, err)
	events, err := n.inc.Tick(by("bob", "03:02:00"), incident.Step{Runbook: "checkout`5xx", Step: "peer", Text: "Which *peer* fails?", Result: "3.1 req/s payments-2"})
	n.add(events, err)
	events, err = n.inc.Tick(by("bob", "03:03:00"), incident.Step{Runbook: "checkout`5xx", Step: "pool", Text: "Look at the pool"})
	n.add(events, err)
	md := postmortem.Merge(postmortem.Stored{}, postmortem.Draft(n.inc, n.events, at("03:42:00"))).Markdown()
	require.Regexp(t, "The runbook .*checkout`5xx.* was followed: 2 steps ticked, the first 2m after the declaration", md)
	require.Contains(t, md, `Which \*peer\* fails? -> 3.1 req/s payments-2`)
	require.Regexp(t, `runbook\.step\\?_done, bob`, md)
}
