package escalation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/templates"
)

// surprises are the warnings about a policy, with their lines.
func surprises(t *testing.T, src string) string {
	t.Helper()
	_, found, err := escalation.CheckPolicy("p.yaml", []byte(src), escalation.Surroundings{Unknown: unknown, Lacks: func(sink string) string {
		if sink == "pagerduty:unknown" {
			return "pagerduty.routing_keys.unknown"
		}
		return ""
	}})
	require.NoError(t, err)
	var lines []string
	for _, w := range found {
		require.Equal(t, "p.yaml", w.File)
		require.Positive(t, w.Line)
		lines = append(lines, strings.SplitN(w.Error(), "\n", 2)[0])
	}
	return strings.Join(lines, "\n")
}

// The policy that comes with sitrep surprises nobody.
func TestDefaultSurprisesNobody(t *testing.T) {
	src, err := templates.Read("policy.yaml")
	require.NoError(t, err)
	require.Empty(t, surprises(t, string(src)))
}

// What may surprise, one policy each.
// unknown knows one person, without a number.
func unknown(who incident.Person) string {
	if who == "ana" {
		return "the configuration has no people.ana.phone"
	}
	return ""
}

func TestSurprises(t *testing.T) {
	for want, src := range map[string]string{
		`L1 of a SEV-1 is called with low urgency (info): the first who is woken is L2`:                             "severities: {SEV-1: {page: info}}\n",
		`SEV-2 pages with low urgency only (warning, and it climbs no further than L1): PagerDuty wakes nobody for`: "severities: {SEV-2: {page: warning, reaches: L1}}\n",
		`a SEV-1 does not page L1: the first who is woken is L2`:                                                    "severities: {SEV-1: {page: none}}\n",
		`a SEV-1 pages nobody`:                      "severities: {SEV-1: {page: none, reaches: L1}}\n",
		`a SEV-1 tells only chats: nobody is woken`: `ladders: {default: [{level: L1, until: resolved, repeat_every: 1h, notify: ["slack:#a"]}]}`,
		`pagerduty:unknown leads nowhere: the configuration has no pagerduty.routing_keys.unknown`:                     `ladders: {default: [{level: L1, until: resolved, repeat_every: 1h, notify: ["pagerduty:unknown"]}]}`,
		`SEV-2 has quiet hours: nobody is called for one until 07:00 UTC`:                                              `quiet_hours: [{severities:       [SEV-2], from: "22:00", to: "07:00", timezone: UTC}]`,
		`the quiet hours of SEV-3 never end: it calls nobody unless a person asks for it`:                              `quiet_hours: [{severities: [SEV-3], from: "22:00", to: "07:00", timezone: UTC}, {severities: [SEV-3], from: "06:00", to: "23:00", timezone: UTC}]`,
		`this rule never matches: services[0] is wider and comes before it`:                                            "services:\n - match: [\"pay*\"]\n   severities: {SEV-1: {scale: 2}}\n - {match: [payments, \"pay-*\"], severities: {SEV-1: {scale: 3}}}\n",
		`SEV-3 pages with low urgency only (info`:                                                                      `services: [{severities: {SEV-3: {page: info, reaches: L1}}, match: [a]}]`,
		`no level that a SEV-1 reaches names a sink: nobody is called, and no chat is told`:                            `ladders: {default: [{level: L1, until: resolved, repeat_every: 1h, notify: []}]}`,
		`no ladder has L9: a drill calls every level through its own sinks, up to L4`:                                  `game_day: {wakes_up_to: L9}`,
		`a drill runs command:sms in the place of slack:#incidents: if it writes to real telephones, a drill does too`: `game_day: {notify: {"slack:#incidents": "command:sms"}}`,
		`slack:incidents is neither a channel (slack:#incidents), nor an ID`:                                           `ladders: {default: [{level: L1, until: resolved, repeat_every: 1h, notify: ["slack:incidents"]}]}`,
		`command:sms gets no telephone number for ana: the configuration has no people.ana.phone`:                      `ladders: {default: [{level: L1, until: resolved, repeat_every: 1h, notify: ["command:sms"], who: [ana, bob]}]}`,
		`no ladder and no audience names slack:#typo: nothing takes its place`:                                         `game_day: {notify: {"slack:#typo": "slack:#game-day"}}`,
	} {
		require.Contains(t, surprises(t, src), want, src)
	}
	for name, src := range map[string]string{
		"a later rule that is wider":     "declare: [{match: {severity: critical, team: a}, severity: SEV-1}, {match: {severity: critical}, severity: SEV-2}]\n",
		"a later service that is wider":  "services: [{match: [payments], severities: {SEV-1: {scale: 2}}}, {match: [\"pay*\"], severities: {SEV-1: {scale: 2}}}]\n",
		"? is not as wide as *":          "services: [{match: [\"pay-?\"], severities: {SEV-1: {scale: 2}}}, {match: [\"pay-*\"], severities: {SEV-1: {scale: 2}}}]\n",
		"quiet nights":                   `quiet_hours: [` + nights + "]\n",
		"audiences that are all told":    "audiences: {all stakeholders: [\"slack:#a\"], status page: [\"statuspage:s\"], engineering: [\"slack:#e\"], product: [\"slack:#p\"]}\n",
		"an absent label and a present":  "declare: [{match: {page: \"\"}, severity: SEV-3}, {match: {team: a}, severity: SEV-2}]\n",
		"a sink in its own place":        "game_day: {notify: {\"slack:#incidents\": \"slack:#incidents\"}}\n",
		"a severity that reaches L1 and": "severities: {SEV-3: {page: error, reaches: L1}}\n",
	} {
		require.Empty(t, surprises(t, src), name)
	}
}
