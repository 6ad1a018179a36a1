package escalation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// What it is about turns out later: the people of that service are called at once,
// at the level where the ladder stands, and it climbs by their clocks.
func TestServiceSetLaterCallsItsPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.run("ana@bastion 1")()
		p := load(t, withServices)
		inc := w.declareUnder(p, incident.Sev1)
		w.after(2 * time.Minute)
		set := func(service string) incident.Incident {
			t.Helper()
			inc, err := w.desk.SetService(t.Context(), w.by("ana"), inc.ID, service, p.Reroute)
			require.NoError(t, err)
			return inc
		}
		require.Equal(t, "payments", set("payments").Service)
		w.after(150 * time.Second)
		require.Equal(t, []string{"0s L1 r1 critical", "2m0s L1 r2 critical"}, w.pages())
		call := w.pd.calls(escalation.OpTrigger)[1]
		require.Equal(t, "pagerduty:payments", call.m.Sink)
		require.Equal(t, escalation.ReasonService, call.m.Content().Reason)
		w.after(6 * time.Minute)
		pages := w.pages()
		require.Equal(t, []string{"3m0s L1 r3 critical", "4m0s L1 r4 critical", "5m0s L2 r1 critical"}, pages[2:5], "again after a minute, up after three")

		set("ledger-eu") // has the same people
		w.after(7 * time.Minute)
		require.Len(t, w.pages(), len(pages))
		require.Contains(t, w.said(inc.ID, incident.ServiceSet)[1], "service: ledger-eu, not payments")
	})
}

// Who is to be called is decided by whom the two ladders call.
func TestReroute(t *testing.T) {
	p := load(t, withServices)
	at := func(service string, level incident.Level) incident.Incident {
		return incident.Incident{Severity: incident.Sev1, Service: service, Policy: p.Frozen(service), Rung: incident.Rung{Level: level}}
	}
	for name, c := range map[string]struct {
		from, to string
		level    incident.Level
		others   bool
	}{
		"another ladder":     {"", "payments", "L1", true},
		"the same ladder":    {"", "search", "L1", false},
		"and back":           {"payments", "search", "L2", true},
		"above its end":      {"", "payments", "L4", true},
		"nobody called yet":  {"", "payments", "", false},
		"two of one rule":    {"payments", "ledger-us", "L1", false},
		"of no rule, to one": {"team/search", "search", "L2", false},
	} {
		frozen, others := p.Reroute(at(c.from, c.level), c.to)
		require.Equal(t, c.others, others, name)
		require.JSONEq(t, string(p.Frozen(c.to)), string(frozen), name)
	}
}
