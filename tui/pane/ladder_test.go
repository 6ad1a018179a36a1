package pane

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// climbed is the incident on its ladder after so long, acknowledged by who.
func climbed(t *testing.T, after time.Duration, who incident.Person) *World {
	c := &scribe{t: t, policy: policyOf(t), events: map[incident.ID][]incident.Event{}}
	inc := c.climb(c.declare("INC-9", night.Add(-after), incident.Sev1, "checkout 5xx", "checkout", nil), night)
	if who != "" {
		inc = c.add("INC-9", c.must(inc.Acknowledge(by(who, night.Add(-time.Second))))...)
	}
	return &World{Incidents: []incident.Incident{inc}, Events: c.events, Delivery: Delivery{Holder: "ana@bastion 4711", Policy: c.policy}}
}

// line holds that the row with one text has another.
func (r *reader) line(one, other string) {
	r.t.Helper()
	for _, l := range strings.Split(r.sees(one), "\n") {
		if strings.Contains(l, one) {
			require.Contains(r.t, l, other)
		}
	}
}

// The acknowledgement stands on the row of whoever gave it, or on one of its own.
func TestTheAcknowledgementIsThatOfAPerson(t *testing.T) {
	for _, size := range [][2]int{{79, 18}, {119, 34}, {199, 54}} {
		r := newReader(t, 0, climbed(t, 50*time.Minute, "alice"), "INC-9", size[0], size[1])
		r.sees("acked by alice 03:12:43")
		r.line("acked by", "L1  alice")
		r = newReader(t, 0, climbed(t, 50*time.Minute, "dora"), "INC-9", size[0], size[1])
		r.sees("acked by dora 03:12:43")
		r.line("acked by", "acked by dora")
	}
}

// A low pane keeps who has it and who is called next, and says how many are not
// shown.
func TestALowLadderKeepsWhatMatters(t *testing.T) {
	r := newReader(t, 0, climbed(t, 50*time.Minute, ""), "INC-9", 79, 18)
	r.sees("+1 done", "L2  bob", "L3  sre-lead", "round 1, again in", "L4  cto")
	r = newReader(t, 0, climbed(t, 50*time.Minute, "alice"), "INC-9", 79, 18)
	r.sees("L1  alice", "L3  sre-lead", "L4  cto", "unless resolved", "+1 done")
}

// Which process runs the ladder is said whatever else there is to say.
func TestWhoRunsTheLadderIsNamed(t *testing.T) {
	for _, size := range [][2]int{{79, 18}, {119, 34}, {199, 54}} {
		for _, who := range []incident.Person{"", "alice"} {
			r := newReader(t, 0, climbed(t, 20*time.Minute, who), "INC-9", size[0], size[1])
			r.sees("run by ana@bastion 4711")
			r.s.World = with(r.s.World, func(w *World) { w.Delivery.Mine = true })
			r.sees("run by this process")
		}
	}
}
