package pagerduty

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// A policy of PagerDuty's becomes one of ours, and says what it lost.
func TestAPolicyIsImported(t *testing.T) {
	policy := `{"id":"PEP1234","type":"escalation_policy","name":"Checkout","num_loops":3,"description":"who\nis called","services":[{"id":"S","summary":"checkout"}],"teams":[],"on_call_handoff_notifications":"always",
		"escalation_rules":[{"escalation_delay_in_minutes":15,"targets":[{"id":"PU1","type":"user_reference","summary":"Bob"},{"id":"PS1","type":"schedule_reference","summary":"Rota: \"A\""}],"escalation_rule_assignment_strategy":{"type":"round_robin"}},
		{"escalation_delay_in_minutes":0,"targets":[]},{"escalation_delay_in_minutes":20,"targets":[{"id":"PU2","type":"user_reference","summary":null}]}]}`
	a := account(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/escalation_policies/PEP1234":
			says(200, `{"escalation_policy":`+policy+`}`)(w, r)
		case r.URL.Path != "/escalation_policies":
			says(404, `{"error":{"message":"Not Found","code":2100}}`)(w, r)
		case r.URL.Query().Get("query") == "DOUBLE":
			says(200, `{"escalation_policies":[{"id":"P1","name":"Double"},{"id":"P2","name":"double"}]}`)(w, r)
		default:
			says(200, `{"escalation_policies":[{"id":"PEP1235","name":"Checkout EU"},`+policy+`]}`)(w, r)
		}
	})
	for _, name := range []string{"PEP1234", "checkout", "CHECKOUT"} {
		p, err := a.Policy(t.Context(), name)
		require.NoError(t, err, name)
		require.Equal(t, "PEP1234", p.ID)
	}
	_, err := a.Policy(t.Context(), "DOUBLE")
	require.ErrorContains(t, err, `2 escalation policies are called "DOUBLE"; give the ID of one, such as P1`)
	_, err = a.Policy(t.Context(), "Check")
	require.ErrorContains(t, err, `no escalation policy is called "Check"; nearest: Checkout EU (PEP1235), Checkout (PEP1234)`)

	p, err := a.Policy(t.Context(), "PEP1234")
	require.NoError(t, err)
	text, err := p.YAML(func(id string) string { return map[string]string{"PU1": "bob"}[id] })
	require.NoError(t, err)
	for _, lost := range []string{
		`rotation of L1, "schedule Rota: \"A\""`, "L1 calls its targets by the strategy round_robin", "L2 has no delay in PagerDuty; it has 30m here",
		"after L3 PagerDuty begins again with L1, 3 times", "its description: who is called", "the services that use it: checkout", "told of a hand-over",
	} {
		require.Contains(t, text, lost)
	}
	got, err := escalation.LoadPolicy("p.yaml", []byte(text))
	require.NoError(t, err, text)
	rungs := got.For(incident.Incident{}).Ladder(incident.Sev1)
	require.Len(t, rungs, 3)
	require.Equal(t, 15*time.Minute, rungs[0].EscalateAfter.D())
	require.Equal(t, []incident.Person{"bob", `schedule Rota: "A"`}, rungs[0].Who)
	require.Equal(t, []string{"pagerduty:primary"}, rungs[0].Notify)
	require.Equal(t, 30*time.Minute, rungs[1].EscalateAfter.D())
	require.Equal(t, 20*time.Minute, rungs[2].RepeatEvery.D())
	require.Equal(t, []incident.Person{"PU2"}, rungs[2].Who)
	for _, r := range rungs {
		require.Equal(t, escalation.UntilAcknowledged, r.Until)
	}
	_, err = EscalationPolicy{Name: "none"}.YAML(nil)
	require.ErrorContains(t, err, `"none" has no rules`)
}

// Whatever a policy is called there and whoever stands in it, the file can be read,
// and nothing of it gives orders to a terminal.
func TestAnyPolicyMakesAFile(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"a\nladders: {}", "\x1b[2J", "\u202e", "\u0085x", "'\"\\", "#", "{{x}}", "\u2028", "\xff", strings.Repeat("é", 3000)}))
	rapid.Check(t, func(t *rapid.T) {
		p := EscalationPolicy{ID: word.Draw(t, "id"), Name: word.Draw(t, "name"), Description: word.Draw(t, "description"), Loops: rapid.IntRange(-1, 9).Draw(t, "loops"), Handoff: word.Draw(t, "handoff"), Services: []string{word.Draw(t, "service")}}
		for range rapid.IntRange(1, 20).Draw(t, "rules") {
			p.Rules = append(p.Rules, Rule{Delay: time.Duration(rapid.Int64Range(-1, int64(time.Hour)*24*365*3).Draw(t, "delay")), Strategy: word.Draw(t, "strategy"), Targets: []Target{
				{word.Draw(t, "id"), word.Draw(t, "name"), rapid.SampledFrom([]string{"user", "schedule", ""}).Draw(t, "kind")},
			}})
		}
		text, err := p.YAML(func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := escalation.LoadPolicy("p.yaml", []byte(text)); err != nil || len(got.For(incident.Incident{}).Ladder(incident.Sev1)) != len(p.Rules) {
			t.Fatalf("%v\n%s", err, text)
		}
		if strings.ContainsAny(text, "\x1b\u202e\u0085") {
			t.Fatalf("%q", text)
		}
	})
}
