package escalation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

const withServices = `
services:
  - match: [payments, "ledger-*"]
    severities:
      SEV-1: {ladder: payments, respond_within: 2m, audience: [bank]}
      SEV-4: {page: warning, ack_timeout: 0s}
  - match: ["*"]
    severities: {SEV-3: {scale: 1, reaches: L4, ack_timeout: 0s}}
audiences: {bank: ["webhook:bank"], engineering: ["slack:#eng"]}
ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:primary"]}
    - {level: L2, respond_within: 15m, escalate_after: 30m, until: resolved, notify: ["pagerduty:lead"]}
    - {level: L3, respond_within: 30m, escalate_after: 1h, until: resolved, notify: ["pagerduty:manager"]}
    - {level: L4, respond_within: 1h, repeat_every: 2h, until: resolved, notify: ["pagerduty:executive"]}
  payments:
    - {level: L1, respond_within: 1m, escalate_after: 3m, until: acknowledged, notify: ["pagerduty:payments"]}
    - {level: L2, respond_within: 15m, repeat_every: 1h, until: resolved, notify: ["pagerduty:payments-lead"]}
`

func load(t *testing.T, src string) escalation.Policy {
	t.Helper()
	p, err := escalation.LoadPolicy("policy.yaml", []byte(src))
	require.NoError(t, err)
	return p
}

func about(service string) incident.Incident { return incident.Incident{Service: service} }

// A service replaces some keys of some severities; the rest stays the policy's.
func TestServiceHasItsOwnRules(t *testing.T) {
	p := load(t, withServices)
	for service, want := range map[string]struct {
		ladder  string
		reaches incident.Level
		sev3    float64
		bank    []string
	}{
		"payments":    {"payments", "L2", 4, []string{"webhook:bank"}},
		"ledger-eu":   {"payments", "L2", 4, []string{"webhook:bank"}},
		"search":      {"default", "L4", 1, nil},
		"team/search": {"default", "L4", 4, nil}, // a * ends at a /
		"":            {"default", "L4", 4, nil}, // no service, no rule
	} {
		r := p.For(about(service))
		require.Equal(t, want.ladder, r.Response(incident.Sev1).Ladder, service)
		require.Equal(t, want.reaches, r.Response(incident.Sev1).Reaches, "%s: a shorter ladder is climbed to its end", service)
		require.Equal(t, want.sev3, r.Response(incident.Sev3).Scale, service)
		require.Equal(t, want.bank, r.AudienceSinks(incident.Sev1), service)
		require.Equal(t, time.Hour, r.Response(incident.Sev1).ResolveWithin.D(), service)
	}
	require.Equal(t, 2*time.Minute, p.For(about("payments")).Response(incident.Sev1).RespondWithin.D())
	require.Equal(t, escalation.PageNone, p.Severities[incident.Sev4].Page, "the policy itself is as it was")
	require.Zero(t, p.For(about("search")).Response(incident.Sev3).AckTimeout, "0 is never, and not as before")
	require.Equal(t, 8*time.Hour, p.For(about("")).Response(incident.Sev3).AckTimeout.D())
	require.Contains(t, p.Sinks(), "webhook:bank", "that only a service tells")
}

// What an incident was declared with holds for ever, for every severity that it
// may get; the rules of other services are no part of it.
func TestServiceIsFrozen(t *testing.T) {
	p := load(t, withServices)
	frozen := p.Frozen("payments")
	require.NotContains(t, string(frozen), "services")
	thawed, err := escalation.Thaw(frozen)
	require.NoError(t, err)
	for _, sev := range incident.Severities() {
		require.Equal(t, p.For(about("payments")).Response(sev), thawed.For(about("payments")).Response(sev))
		require.Equal(t, p.For(about("payments")).Response(sev), thawed.For(about("search")).Response(sev), "whatever it is about later")
	}

	n := declaredAs(t, p, incident.Declaration{Severity: incident.Sev1, Service: "ledger-us"}).until(4 * time.Minute)
	require.Equal(t, []string{"0s L1 r1 declared critical", "1m L1 r2 unanswered critical", "2m L1 r3 unanswered critical", "3m L2 r1 climbed critical"}, n.calls)
	require.Equal(t, 15*time.Minute+3*time.Minute, escalation.Upcoming(n.inc, thawed.For(n.inc), n.now)[1].Due.Sub(three))

	n = declaredAs(t, p, incident.Declaration{Severity: incident.Sev4, Service: "payments"}).until(0).do(severity(incident.Sev1)).until(0)
	require.Equal(t, []string{"0s L1 r1 declared warning", "0s L1 r2 severity critical"}, n.calls, "a severity that is raised is the service's")
}

// What older versions froze knows nothing of services, quiet hours and game days.
func TestOldFrozenPolicyMeansTheSame(t *testing.T) {
	old := string(escalation.Default().Frozen(""))
	for _, key := range []string{`,"game_day":{"wakes_up_to":"L1"}`, `,"ack_timeout":"30m"`, `,"ack_timeout":"1h"`, `,"ack_timeout":"8h"`, `,"commander_within":"5m"`, `,"commander_within":"15m"`} {
		require.Contains(t, old, key)
		old = strings.Replace(old, key, "", 1)
	}
	p, err := escalation.Thaw([]byte(old))
	require.NoError(t, err)
	require.Equal(t, old, string(p.Frozen("payments")))
	drill := incident.Incident{Drill: true, Service: "payments"}
	require.Equal(t, []string{"pagerduty:executive", "slack:#incidents"}, p.For(drill).Ladder(incident.Sev1)[3].Notify, "a drill from before calls whom it called")
	require.Zero(t, p.For(drill).Response(incident.Sev1).AckTimeout)
	require.Zero(t, p.For(drill).Response(incident.Sev1).CommanderWithin)
}
