package incident_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

func TestStepsAreTickedAndTakenBack(t *testing.T) {
	s := declared(t)
	s.add(s.inc.Attach(at("bob", 1), "checkout-5xx"))
	require.Equal(t, "checkout-5xx", s.inc.Runbook)
	step := incident.Step{
		Runbook: "checkout-5xx", Step: "confirm", Text: "Confirm on\nthe board", Result: "7.2% checkout",
		Queries: []string{"up"}, Asked: three.Add(2 * time.Minute),
	}
	s.add(s.inc.Tick(at("bob", 2), step))
	require.Equal(t, "Confirm on the board -> 7.2% checkout (checkout-5xx)", s.events[2].Text)
	s.add(s.inc.Tick(at("cleo", 9), incident.Step{Runbook: "checkout-5xx", Step: "pool", Text: "Look at the pool", Result: "12", Asked: three.Add(2 * time.Minute), Note: "odd"}))
	require.Equal(t, "Look at the pool -> 12, asked 03:02:00Z: odd (checkout-5xx)", s.events[3].Text)
	tick, done := s.inc.Ticked("checkout-5xx", "confirm")
	require.True(t, done)
	require.Equal(t, incident.Person("bob"), tick.By)
	require.Equal(t, three.Add(2*time.Minute), tick.At)

	_, err := s.inc.Tick(at("cleo", 10), step)
	require.EqualError(t, err, "tick a step on INC-1: nothing to change: confirm of checkout-5xx was done at 03:02:00Z by bob")
	s.add(s.inc.Untick(at("cleo", 11), "checkout-5xx", "confirm"))
	require.Equal(t, "not done after all: Confirm on the board (checkout-5xx)", s.events[4].Text)
	require.Len(t, s.inc.Ticks, 1)
	_, err = s.inc.Untick(at("cleo", 12), "checkout-5xx", "confirm")
	require.EqualError(t, err, "untick a step on INC-1: nothing to change: confirm of checkout-5xx is not ticked")
	_, err = s.inc.Attach(at("cleo", 12), "checkout-5xx")
	require.ErrorIs(t, err, incident.ErrNoChange)
	_, err = s.inc.Tick(at("cleo", 12), incident.Step{Runbook: "x"})
	require.ErrorIs(t, err, incident.ErrMissing)

	s.add(s.inc.Resolve(at("cleo", 13), "fixed"))
	s.add(s.inc.Tick(at("cleo", 14), step))
	require.Len(t, s.inc.Ticks, 2, "to verify is a step, after the end too")

	_, err = s.inc.Split(at("bob", 15), []incident.Event{s.events[2]}, "INC-2", incident.Declaration{Title: "t", Severity: incident.Sev3})
	require.ErrorIs(t, err, incident.ErrUnfit, "a tick is of this incident's checklist")
}

// Whatever a file or a server says, an event stays one that can be read.
func TestTheTextOfATickIsBounded(t *testing.T) {
	s := declared(t)
	long := strings.Repeat("日\n", 10000)
	events, err := s.inc.Tick(at("bob", 1), incident.Step{Runbook: "r", Step: "s", Text: long, Result: long})
	require.NoError(t, err)
	require.Less(t, len([]rune(events[0].Text)), 650)
	require.NotContains(t, events[0].Text, "\n")
	require.NoError(t, events[0].Check())
}
