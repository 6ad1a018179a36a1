package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
	"github.com/sitrep-dev/sitrep/incident"
)

// What people do in PagerDuty, and what it is here.
func TestHeard(t *testing.T) {
	t.Parallel()
	three := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	c := &config{People: map[string]personConfig{"bob": {PagerDuty: "PU1"}, "eve": {Email: "eve@example.com"}}}
	bob, eve, max := pagerduty.User{ID: "PU1", Name: "Robert"}, pagerduty.User{ID: "PU2", Email: "EVE@example.com"}, pagerduty.User{ID: "PU3", Name: "bob"}
	open := incident.Incident{ID: "INC-7", Key: "K", Severity: incident.Sev1, Status: incident.StatusOpen, Clocks: incident.Clocks{Declared: three}}
	acked := open
	acked.Clocks.Acknowledged, acked.Clocks.AckBy = three.Add(time.Second), "bob"
	over, merged := acked, acked
	over.Status = incident.StatusResolved
	merged.Status, merged.MergedInto = incident.StatusResolved, "INC-1"
	const stays = "; here INC-7 stays open until somebody says what ended it (sitrep incident resolve INC-7)"
	for name, x := range map[string]struct {
		inc  incident.Incident
		e    pagerduty.Entry
		want []string
	}{
		"first":                  {open, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: bob}, []string{"incident.acknowledged bob: bob acknowledged in PagerDuty"}},
		"by e-mail":              {open, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: eve}, []string{"incident.acknowledged eve: eve acknowledged in PagerDuty"}},
		"called like another":    {open, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: max}, []string{"incident.acknowledged bob (claimed): bob acknowledged in PagerDuty"}},
		"without a name":         {open, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: pagerduty.User{ID: "PU9"}}, []string{"incident.acknowledged user PU9 (claimed): user PU9 acknowledged in PagerDuty"}},
		"second":                 {acked, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: eve}, []string{"incident.acknowledged eve: eve joined in PagerDuty; bob acknowledged first"}},
		"again, on another page": {acked, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: bob}, nil},
		"our own":                {open, pagerduty.Entry{Did: pagerduty.DidAcknowledge}, nil},
		"too late":               {over, pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: eve}, nil},
		"resolved":               {acked, pagerduty.Entry{Did: pagerduty.DidResolve, By: bob}, []string{"note.added bob: bob resolved it in PagerDuty" + stays}},
		"resolved and not acked": {open, pagerduty.Entry{Did: pagerduty.DidResolve, By: bob}, []string{"incident.acknowledged bob: bob acknowledged in PagerDuty", "note.added bob: bob resolved it in PagerDuty" + stays}},
		"resolved by us":         {acked, pagerduty.Entry{Did: pagerduty.DidResolve}, nil},
		"resolved too":           {over, pagerduty.Entry{Did: pagerduty.DidResolve, By: bob}, nil},
		"note":                   {open, pagerduty.Entry{Did: pagerduty.DidNote, By: bob, Text: " rolled back\x1b[2J "}, []string{"note.added bob: rolled back\x1b[2J"}},
		"note after the end":     {over, pagerduty.Entry{Did: pagerduty.DidNote, By: bob, Text: "x"}, []string{"note.added bob: x"}},
		"note by a machine":      {open, pagerduty.Entry{Did: pagerduty.DidNote, Text: "x"}, nil},
		"merged":                 {merged, pagerduty.Entry{Did: pagerduty.DidNote, By: bob, Text: "x"}, nil},
		"climbed":                {open, pagerduty.Entry{Did: pagerduty.DidEscalate, To: []pagerduty.User{max, {Name: "Ann"}}}, []string{"note.added pagerduty: PagerDuty escalated it to bob, Ann: nobody had acknowledged there"}},
		"escalated":              {open, pagerduty.Entry{Did: pagerduty.DidEscalate, By: bob}, []string{"note.added bob: bob escalated it in PagerDuty"}},
		"assigned as always":     {open, pagerduty.Entry{Did: pagerduty.DidAssign, To: []pagerduty.User{bob}}, nil},
		"handed over":            {open, pagerduty.Entry{Did: pagerduty.DidAssign, By: bob, To: []pagerduty.User{{Name: "Eve"}}}, []string{"note.added bob: bob reassigned it in PagerDuty to Eve"}},
		"timed out":              {acked, pagerduty.Entry{Did: pagerduty.DidUnacknowledge, Text: "due to timeout"}, []string{"note.added pagerduty: in PagerDuty it is unacknowledged again: due to timeout"}},
		"nobody":                 {open, pagerduty.Entry{Did: pagerduty.DidExhaust}, []string{"note.added pagerduty: in PagerDuty everybody was called whom its escalation policy names, and nobody acknowledged there"}},
		"snoozed":                {open, pagerduty.Entry{Did: pagerduty.DidSnooze, By: bob, Text: "Snoozed for 1h"}, []string{"note.added bob: in PagerDuty: Snoozed for 1h"}},
		"what is not known":      {open, pagerduty.Entry{By: bob, Text: "x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			x.e.At = three.Add(time.Minute)
			by := c.heardBy(x.e, three, three.Add(time.Hour))
			require.Equal(t, x.e.At, by.At)
			var got []string
			for _, e := range heard(x.inc, x.e, by, time.Time{}) {
				require.Equal(t, "pagerduty", e.Source)
				got = append(got, fmt.Sprintf("%s %s: %s", e.Kind, e.Who(), e.Text))
			}
			require.Equal(t, x.want, got)
		})
	}
	ack := pagerduty.Entry{Did: pagerduty.DidAcknowledge, By: bob, At: three.Add(time.Minute)}
	by := c.heardBy(ack, three, three.Add(time.Hour))
	require.Empty(t, heard(open, ack, by, three.Add(2*time.Minute)), "it was given back since")
	require.NotEmpty(t, heard(open, ack, by, three.Add(30*time.Second)))
	ack.Did = pagerduty.DidResolve
	require.Len(t, heard(open, ack, by, three.Add(2*time.Minute)), 1, "but a resolution is told")
	for _, odd := range []time.Time{{}, three.Add(-time.Hour), three.Add(2 * time.Hour)} {
		ack.At = odd
		require.Equal(t, three.Add(time.Hour), c.heardBy(ack, three, three.Add(time.Hour)).At)
	}
}
