package escalation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/templates"
)

// anybody is the rules for an incident that names no service.
func anybody(p escalation.Policy) escalation.Rules { return p.For(incident.Incident{}) }

// The two tables of the design.
func TestDefaultIsTheTable(t *testing.T) {
	p := escalation.Default()
	var rows []string
	for _, sev := range incident.Severities() {
		r := anybody(p).Response(sev)
		rows = append(rows, fmt.Sprintf("%s | %s | %s | %s | x%g | %s | %s | %s | %s", sev, r.RespondWithin, r.ResolveWithin, r.Page, r.Scale, r.Ladder, r.Reaches, strings.Join(r.Audience, ", "), r.UpdateEvery))
	}
	require.Equal(t, []string{
		"SEV-1 | 5m | 1h | critical | x1 | default | L4 | all stakeholders, status page | 20m",
		"SEV-2 | 15m | 4h | error | x1 | default | L4 | engineering, product | 30m",
		"SEV-3 | 1h | 1d | warning | x4 | default | L2 | engineering | 4h",
		"SEV-4 | 4h | 1w | none | x1 | default | L1 | engineering | 1d",
	}, rows)
	rows = nil
	for _, r := range anybody(p).Ladder(incident.Sev1) {
		rows = append(rows, fmt.Sprintf("%s | %s | %s | %s | %s | %s", r.Level, r.Who[0], r.RespondWithin, r.EscalateAfter, r.RepeatEvery, r.Until))
	}
	require.Equal(t, []string{
		"L1 | primary on call | 5m | 15m | 0s | acknowledged",
		"L2 | senior or lead | 15m | 30m | 0s | resolved",
		"L3 | manager or architect | 30m | 1h | 0s | resolved",
		"L4 | CTO / VP | 1h | 0s | 2h | resolved",
	}, rows)
	require.Equal(t, []string{"pagerduty:executive", "pagerduty:lead", "pagerduty:manager", "pagerduty:primary", "slack:#incidents"}, p.Sinks())
}

// short is a policy of one rung, of which the cases change a line.
const short = `severities:
  SEV-1: {respond_within: 5m, page: critical, ladder: default, reaches: L2, scale: 1}
ladders:
  default:
    - level: L1
      respond_within: 5m
      escalate_after: 15m
      until: acknowledged
      notify: ["pagerduty:primary", "slack:#incidents"]
    - level: L2
      until: resolved
      repeat_every: 2h
      notify: []
declare:
  - match: {severity: critical}
    severity: SEV-2
`

// Every complaint, at the line where it can be mended.
func TestLoadPolicyComplains(t *testing.T) {
	for name, c := range map[string]struct {
		edit []string // old, new, old, new
		want string
	}{
		"empty":                {[]string{short, ""}, "p.yaml: the file is empty"},
		"unknown key":          {[]string{"reaches", "reache"}, `p.yaml:2:64: unknown key "reache"; did you mean "reaches"?`},
		"no duration":          {[]string{"respond_within: 5m\n", "respond_within: 5\n"}, `p.yaml:6:23: "5" is not a duration`},
		"unknown severity":     {[]string{"  SEV-1:", "  SEV-7:"}, `p.yaml:2:11: "SEV-7" is not a severity: SEV-1, SEV-2, SEV-3 or SEV-4`},
		"impatient":            {[]string{"{respond_within: 5m", "{respond_within: 300ms"}, "p.yaml:2:27: respond_within is 300ms; the shortest is 1s"},
		"patient":              {[]string{"{respond_within: 5m", "{resolve_within: 2000d"}, "p.yaml:2:27: resolve_within is 2000d; the longest is 52w"},
		"page":                 {[]string{"page: critical", "page: loud"}, `p.yaml:2:37: page is "loud"; it can be critical, error, warning, info or none`},
		"scale too small":      {[]string{"scale: 1}", "scale: 0.001}"}, "p.yaml:2:84: scale is 0.001; it can be 0.01 to 1000"},
		"scale below nothing":  {[]string{"scale: 1}", "scale: -1}"}, "p.yaml:2:84: scale is -1; it can be 0.01 to 1000"},
		"scale not a number":   {[]string{"scale: 1}", "scale: .nan}"}, "p.yaml:2:84: scale is NaN; it can be 0.01 to 1000"},
		"no such ladder":       {[]string{"ladder: default", "ladder: night"}, `p.yaml:2:55: there is no ladder "night"; there is ["default"]`},
		"left-out ladder":      {[]string{"  default:", "  night:"}, `p.yaml:2:55: there is no ladder "default"; there is ["night"]`},
		"reaches too far":      {[]string{"reaches: L2", "reaches: L9"}, `p.yaml:2:73: reaches is "L9", which ladder "default" does not have; its last level is L2`},
		"notified at once":     {[]string{"scale: 1}", "scale: 0.01}", "escalate_after: 15m", "escalate_after: 1d", "respond_within: 5m\n", "respond_within: 1s\n"}, "p.yaml:2:84: with scale 0.01 level L1 would be notified again after 10ms; the shortest is 1s"},
		"repeats at once":      {[]string{"repeat_every: 2h", "repeat_every: 1s", "scale: 1}", "scale: 0.5}"}, "p.yaml:2:84: with scale 0.5 level L2 would call again after 500ms; the shortest is 1s"},
		"climbs never":         {[]string{"scale: 1}", "scale: 1000}", "escalate_after: 15m", "escalate_after: 5w"}, "p.yaml:2:84: with scale 1000 level L1 would climb after more than a year (1000 times 5w); the longest is 52w"},
		"empty ladder":         {[]string{short, "ladders: {default: []}\n"}, "p.yaml:1:20: a ladder needs at least one level"},
		"level out of order":   {[]string{"level: L2", "level: L3"}, `p.yaml:10:14: level is "L3"; here comes L2 (levels are L1, L2, ... without a gap)`},
		"never climbs":         {[]string{"      escalate_after: 15m\n", ""}, "p.yaml:5:7: escalate_after of L1 is missing: when does it climb?"},
		"climbs too soon":      {[]string{"escalate_after: 15m", "escalate_after: 999ms"}, "p.yaml:7:23: escalate_after is 999ms; the shortest is 1s"},
		"repeats in the midst": {[]string{"escalate_after: 15m", "escalate_after: 15m\n      repeat_every: 1h"}, "p.yaml:8:21: only the last level repeats; L1 climbs instead"},
		"until when":           {[]string{"until: acknowledged", "until: tomorrow"}, `p.yaml:8:14: until is "tomorrow"; it can be acknowledged or resolved`},
		"until is missing":     {[]string{"      until: acknowledged\n", ""}, `p.yaml:5:7: until is ""; it can be acknowledged or resolved`},
		"no sink":              {[]string{`"pagerduty:primary"`, `"carrier pigeon"`}, `p.yaml:9:16: "carrier pigeon" is not a sink; write pagerduty:NAME, slack:#CHANNEL, webhook:NAME, command:NAME or statuspage:NAME`},
		"the sink twice":       {[]string{`"slack:#incidents"`, `"pagerduty:primary"`}, "p.yaml:9:37: pagerduty:primary stands here twice; once is enough"},
		"notifies nobody":      {[]string{"      notify: [\"pagerduty:primary\", \"slack:#incidents\"]\n", ""}, "p.yaml:5:7: level L1 notifies nobody; write notify: [] if that is meant"},
		"declares what":        {[]string{"    severity: SEV-2\n", "    severity: SEV-9\n"}, `p.yaml:16:15: "SEV-9" is not a severity: SEV-1, SEV-2, SEV-3 or SEV-4`},
		"declares everything":  {[]string{"{severity: critical}", "{}"}, "p.yaml:15:5: a rule without match would declare every alert; name at least one label"},
		"no time of day":       {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3], from: 0700, to: "08:00", timezone: UTC}]` + "\ndeclare:\n"}, `p.yaml:14:43: from: "448" is not a time of day; write for example "22:00", in quotes`},
		"no such zone":         {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3], from: "22:00", to: "07:00", timezone: Europe/Nowhere}]` + "\ndeclare:\n"}, `p.yaml:14:75: timezone: there is no time zone "Europe/Nowhere"`},
		"whose clock":          {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3], from: "22:00", to: "07:00", timezone: Local}]` + "\ndeclare:\n"}, `p.yaml:14:75: timezone: whose clock? Write a name such as Europe/Berlin, or UTC`},
		"no time at all":       {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3], from: "22:00", to: "22:00", timezone: UTC}]` + "\ndeclare:\n"}, `p.yaml:14:56: from and to are both 22:00; a whole day is from "00:00" to "24:00"`},
		"a late beginning":     {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3], from: "24:00", to: "22:00", timezone: UTC}]` + "\ndeclare:\n"}, `p.yaml:14:43: from: a day begins at "00:00"`},
		"a quiet SEV-1":        {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3, SEV-1], from: "22:00", to: "07:00", timezone: UTC}]` + "\ndeclare:\n"}, "p.yaml:14:36: SEV-1 has no quiet hours: it is for what cannot wait until the morning; what can wait is a SEV-3"},
		"quiet for whom":       {[]string{"declare:\n", `quiet_hours: [{from: "22:00", to: "07:00", timezone: UTC}]` + "\ndeclare:\n"}, "p.yaml:14:16: severities is missing: for which are these hours quiet?"},
		"no such day":          {[]string{"declare:\n", `quiet_hours: [{severities: [SEV-3], from: "22:00", to: "07:00", timezone: UTC, days: [mon, monday]}]` + "\ndeclare:\n"}, `p.yaml:14:92: "monday" is not a day; write mon, tue, wed, thu, fri, sat or sun`},
		"no service":           {[]string{"declare:\n", "services: [{severities: {SEV-1: {scale: 2}}}]\ndeclare:\n"}, "p.yaml:14:13: a rule without match is for no service; name at least one, such as payments or payments-*"},
		"no pattern":           {[]string{"declare:\n", "services: [{match: ['pay[ments'], severities: {SEV-1: {scale: 2}}}]\ndeclare:\n"}, `p.yaml:14:21: "pay[ments" is no service and no pattern: a [ is not closed, or a \ ends it`},
		"replaces nothing":     {[]string{"declare:\n", "services: [{match: [payments]}]\ndeclare:\n"}, "p.yaml:14:13: the rule replaces nothing: severities is missing"},
		"a service's ladder":   {[]string{"declare:\n", "services: [{match: [payments], severities: {SEV-1: {ladder: payments}}}]\ndeclare:\n"}, `p.yaml:14:61: there is no ladder "payments"; there is ["default"]`},
		"a service's severity": {[]string{"declare:\n", "services: [{match: [payments], severities: {SEV-0: {scale: 2}}}]\ndeclare:\n"}, `p.yaml:14:53: "SEV-0" is not a severity: SEV-1, SEV-2, SEV-3 or SEV-4`},
		"a game day's level":   {[]string{"declare:\n", "game_day: {wakes_up_to: level one}\ndeclare:\n"}, `p.yaml:14:25: wakes_up_to is "level one"; it can be a level such as L1, or none`},
		"a game day's sink":    {[]string{"declare:\n", "game_day: {notify: {\"pagerduty:primary\": sandbox}}\ndeclare:\n"}, `p.yaml:14:21: "sandbox" is not a sink`},
		"a stakeholder's bed":  {[]string{"declare:\n", "audiences: {eng: [\"slack:#eng\"]}\ngame_day: {notify: {\"slack:#eng\": \"pagerduty:sandbox\"}}\ndeclare:\n"}, `p.yaml:15:21: slack:#eng is told updates, and pagerduty:sandbox wakes people`},
		"asked at once":        {[]string{"scale: 1}", "scale: 1, ack_timeout: 10ms}"}, "p.yaml:2:100: ack_timeout is 10ms; the shortest is 1s"},
		"nobody waits":         {[]string{"scale: 1}", "scale: 1, commander_within: 2000d}"}, "p.yaml:2:105: commander_within is 2000d; the longest is 52w"},
		"a target of nothing":  {[]string{"{respond_within: 5m", "{respond_within: 0s"}, "p.yaml:2:27: respond_within is 0s; the shortest is 1s"},
		"a scale of nothing":   {[]string{"scale: 1}", "scale: 0}"}, "p.yaml:2:84: scale is 0; it can be 0.01 to 1000"},
		"a second document":    {[]string{"declare:\n", "---\ndeclare:\n"}, "p.yaml:15:1: a second document starts here; only one is read: put it into a file of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.NewReplacer(c.edit...).Replace(short)
			require.NotEqual(t, short, src)
			_, err := escalation.LoadPolicy("p.yaml", []byte(src))
			var e *strictyaml.Error
			require.ErrorAs(t, err, &e)
			line, _, _ := strings.Cut(err.Error(), "\n")
			require.Contains(t, line, c.want)
			if e.Excerpt != "" {
				require.Contains(t, e.Excerpt, fmt.Sprintf(">%3d | ", e.Line))
			}
		})
	}
}

// What a file leaves out has the value of the policy that comes with sitrep.
func TestLoadPolicyFillsIn(t *testing.T) {
	d := escalation.Default()
	p, err := escalation.LoadPolicy("p.yaml", []byte("severities: {SEV-2: {page: critical}}\n"))
	require.NoError(t, err)
	want := anybody(d).Response(incident.Sev2)
	want.Page = escalation.PageCritical
	require.Equal(t, want, anybody(p).Response(incident.Sev2))
	require.Equal(t, anybody(d).Response(incident.Sev3), anybody(p).Response(incident.Sev3))
	require.Equal(t, d.Ladders, p.Ladders)
	require.Equal(t, d.Declare, p.Declare)

	p, err = escalation.LoadPolicy("p.yaml", []byte(short))
	require.NoError(t, err)
	require.Equal(t, incident.Level("L2"), anybody(p).Response(incident.Sev1).Reaches)
	require.Equal(t, incident.Level("L2"), anybody(p).Response(incident.Sev2).Reaches, "the default reaches L4, this ladder ends before")
	require.Equal(t, incident.Level("L1"), anybody(p).Response(incident.Sev4).Reaches)
	require.Equal(t, time.Hour, anybody(p).Response(incident.Sev1).ResolveWithin.D())
	require.Equal(t, []string{"all stakeholders", "status page"}, anybody(p).Response(incident.Sev1).Audience)
}

// To call nobody, and to declare nothing, are choices.
func TestEmptyListsStayEmpty(t *testing.T) {
	src := strings.Replace(short, short[strings.Index(short, "declare:"):], "declare: []\n", 1)
	p, err := escalation.LoadPolicy("p.yaml", []byte(src))
	require.NoError(t, err)
	require.Empty(t, p.Declare)
	_, _, ok := p.DeclareFor(map[string]string{"severity": "critical"})
	require.False(t, ok)
	require.NotNil(t, p.Ladders["default"][1].Notify)
	require.Empty(t, p.Ladders["default"][1].Notify)
	thawed, err := escalation.Thaw(p.Frozen(""))
	require.NoError(t, err, "and survive the freezing")
	require.Equal(t, p.Ladders, thawed.Ladders)

	n := declared(t, p, incident.Sev1).until(16 * time.Minute)
	require.Equal(t, "15m L2 r1 climbed none", n.calls[len(n.calls)-1])
	due, _ := escalation.Next(n.inc, anybody(p), n.now.Add(2*time.Hour))
	require.Equal(t, "L2 entered, nobody paged: still not resolved, late by 1m", due[0].Event(n.inc, n.now).Text)
}

func TestFrozenPolicyThaws(t *testing.T) {
	p := escalation.Default()
	thawed, err := escalation.Thaw(p.Frozen(""))
	require.NoError(t, err)
	require.Equal(t, p, thawed)
	require.Contains(t, string(p.Frozen("")), `"escalate_after":"15m"`, "it reads like the file")
}

func TestThawRefusesWhatIsDamaged(t *testing.T) {
	spoilt := func(old, new string) string {
		return strings.Replace(string(escalation.Default().Frozen("")), old, new, 1)
	}
	for src, want := range map[string]string{
		"":                             "the incident carries no escalation policy",
		"null":                         "frozen escalation policy: severities: SEV-1 is missing",
		"{}":                           "frozen escalation policy: severities: SEV-1 is missing",
		"[":                            "frozen escalation policy: unexpected end of JSON input",
		`{"ladders": 3}`:               "frozen escalation policy: json: cannot unmarshal",
		spoilt(`"15m"`, `"soon"`):      `frozen escalation policy: "soon" is not a duration`,
		spoilt(`"15m"`, `15`):          `frozen escalation policy: duration 15: want a string`,
		spoilt(`"acknowledged"`, `""`): `frozen escalation policy: ladders.default[0].until: until is ""; it can be acknowledged or resolved`,
		spoilt(`"reaches":"L4"`, `"reaches":"L44"`): `frozen escalation policy: severities.SEV-1.reaches: reaches is "L44"`,
	} {
		_, err := escalation.Thaw([]byte(src))
		require.ErrorContains(t, err, want)
	}
}

func TestDeclareFor(t *testing.T) {
	p := escalation.Policy{Declare: []escalation.DeclareRule{
		{Match: map[string]string{"severity": "critical", "team": "payments"}, Severity: incident.Sev1, Auto: true},
		{Match: map[string]string{"severity": "critical"}, Severity: incident.Sev2},
		{Match: map[string]string{"page": ""}, Severity: incident.Sev3},
	}}
	for _, c := range []struct {
		labels map[string]string
		sev    incident.Severity
		auto   bool
		ok     bool
	}{
		{map[string]string{"severity": "critical", "team": "payments", "pod": "p-1"}, incident.Sev1, true, true},
		{map[string]string{"severity": "critical", "team": "search"}, incident.Sev2, false, true},
		{map[string]string{"severity": "warning", "page": "yes"}, "", false, false},
		{map[string]string{"severity": "warning"}, incident.Sev3, false, true}, // as in Alertmanager, an empty label is one that is not there
		{nil, incident.Sev3, false, true},
	} {
		sev, auto, ok := p.DeclareFor(c.labels)
		require.Equal(t, c.sev, sev, c.labels)
		require.Equal(t, c.auto, auto, c.labels)
		require.Equal(t, c.ok, ok, c.labels)
	}
	_, _, ok := escalation.Policy{}.DeclareFor(map[string]string{"severity": "critical"})
	require.False(t, ok, "no rule: listed only")
	sev, auto, ok := escalation.Default().DeclareFor(map[string]string{"severity": "critical"})
	require.True(t, ok && auto)
	require.Equal(t, incident.Sev2, sev)
}

func TestSinks(t *testing.T) {
	p, err := escalation.LoadPolicy("p.yaml", []byte(short))
	require.NoError(t, err)
	require.Equal(t, []string{"pagerduty:primary", "slack:#incidents"}, p.Sinks(), "each once, sorted")
	require.Empty(t, escalation.Policy{}.Sinks())
}

// Whatever a file holds, it is refused with a place or makes a policy that the
// ladder can be run with, and that survives being frozen.
func FuzzLoadPolicy(f *testing.F) {
	src, err := templates.Read("policy.yaml")
	require.NoError(f, err)
	f.Add(src)
	f.Add([]byte(short))
	f.Add([]byte("severities: {SEV-1: {scale: 1e308}}\n"))
	f.Add([]byte("ladders: {default: [{level: L1, until: resolved, notify: []}]}\n"))
	f.Add([]byte(withServices))
	f.Add([]byte("quiet_hours: [" + nights + "]\n"))
	f.Add([]byte("ladders:\n  a.b[0]: []\n"))
	f.Add([]byte("ladders: {default: [{level: L1, notify: !x}]}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := escalation.LoadPolicy("p.yaml", src)
		if err != nil {
			var e *strictyaml.Error
			if !errors.As(err, &e) || e.File != "p.yaml" || e.Message == "" {
				t.Fatalf("no place: %v", err)
			}
			return
		}
		frozen := p.Frozen("")
		thawed, err := escalation.Thaw(frozen)
		if err != nil || string(thawed.Frozen("")) != string(frozen) {
			t.Fatalf("it does not thaw: %v\n%s", err, frozen)
		}
		if !json.Valid(frozen) {
			t.Fatalf("not JSON: %s", frozen)
		}
		if len(p.QuietHours) > 0 {
			return // nobody may be called within a day
		}
		for _, sev := range incident.Severities() {
			calls := explain(p, sev, escalation.Script{}, 24*time.Hour)
			if len(calls) == 0 {
				t.Fatalf("%s: the ladder is not even entered", sev)
			}
			for i := 1; i < len(calls); i++ {
				if gap := calls[i].After - calls[i-1].After; gap < time.Second {
					t.Fatalf("%s: %s only %s after %s", sev, calls[i], gap, calls[i-1])
				}
			}
		}
	})
}
