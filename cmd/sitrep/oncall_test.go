package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// What PagerDuty does not say now is shown as what it said, with its age, each target
// for itself; a key of no service is told as such.
func TestWhoIsOnCallIsNeverOlderThanItSays(t *testing.T) {
	fault := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault != "" && strings.HasPrefix(r.URL.Path, fault) {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		switch {
		case r.URL.Path == "/services":
			fmt.Fprint(w, `{"services":[{"id":"PS1","name":"first","escalation_policy":{"id":"PE1"},"integrations":[{"integration_key":"key-primary"},{"integration_key":null}]}]}`)
		case r.URL.Path == "/oncalls":
			for _, id := range r.URL.Query()["escalation_policy_ids[]"] {
				require.Contains(t, []string{"PE1", "PE2"}, id)
			}
			fmt.Fprint(w, `{"oncalls":[{"user":{"id":"PU1","name":"Bob"},"escalation_policy":{"id":"PE1"},"escalation_level":1},{"user":{"id":"PU2","name":"Eve\u001b[2J"},"escalation_policy":{"id":"PE2"},"escalation_level":1}]}`)
		default:
			fmt.Fprint(w, `{"contact_methods":[{"type":"phone_contact_method","address":"4155550100","country_code":1}]}`)
		}
	}))
	defer srv.Close()
	t.Setenv("PD_TOKEN", "u+s3cretToken20chars")
	t.Setenv("PD_PRIMARY", "key-primary")
	t.Setenv("PD_ORCHESTRATION", "key-of-no-service")
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	c := &config{
		dir: ".", People: map[string]personConfig{"bob": {PagerDuty: "PU1", Phone: "+1 (415) 555-0100"}, "eve": {Phone: "+49 30 1", PagerDuty: "PU2"}, "ann": {Phone: "112"}},
		PagerDuty: pagerdutyConfig{
			APIURL: srv.URL, APIToken: "env:PD_TOKEN", Policies: map[string]string{"lead": "PE2"},
			RoutingKeys: map[string]secret{"primary": "env:PD_PRIMARY", "lead": "env:PD_ORCHESTRATION", "other": "env:PD_ORCHESTRATION", "unset": "env:PD_UNSET"},
		},
	}
	rungs := []escalation.LevelRule{
		{Level: "L1", Notify: []string{"pagerduty:primary", "slack:#incidents"}, Who: []incident.Person{"bob", "ann"}},
		{Level: "L2", Notify: []string{"pagerduty:lead"}, Who: []incident.Person{"senior or lead"}},
	}
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	show := func(r roster) (lines []string) {
		for _, c := range r.contacts {
			lines = append(lines, fmt.Sprintf("%s %s %q %s %s", c.Level, c.Label(), c.Name, strings.Join(c.Phones, "|"), stamp(c.AskedAt)))
		}
		return lines
	}
	l := c.onCall(db)
	r := l.roster(t.Context(), rungs, noon)
	require.Empty(t, r.faults)
	want := []string{
		`L1 bob "Bob" +1 4155550100 2026-11-27 12:00:00Z`, `L1 ann "" 112 -`,
		`L2 eve "Eve\x1b[2J" +1 4155550100|+49 30 1 2026-11-27 12:00:00Z`, `L2 senior or lead ""  -`,
	}
	require.Equal(t, want, show(r))

	fault = "/services" // only what the configuration does not know is missing
	r = l.roster(t.Context(), rungs, noon.Add(3*time.Hour))
	require.Len(t, r.faults, 1)
	require.Contains(t, r.faults[0], "pagerduty:primary: shown is what PagerDuty said 3h00m ago (2026-11-27 12:00:00Z)")
	require.Equal(t, want[0], show(r)[0])
	require.Equal(t, `L2 eve "Eve\x1b[2J" +1 4155550100|+49 30 1 2026-11-27 15:00:00Z`, show(r)[2])
	require.False(t, r.missing)

	fault = "/" // all of it
	r = l.roster(t.Context(), rungs, noon.Add(4*time.Hour))
	require.Len(t, r.faults, 2)
	require.Contains(t, r.faults[1], "pagerduty:lead: shown is what PagerDuty said 1h00m ago")

	fault = ""
	all := l.ask(t.Context(), []string{"other", "unset", "nobody"}, noon)
	require.ErrorContains(t, all["other"].err, "pagerduty.routing_keys.other is the key of no service: give the ID of its escalation policy as pagerduty.escalation_policies.other")
	require.ErrorContains(t, all["unset"].err, "PD_UNSET")
	require.ErrorContains(t, all["nobody"].err, "the configuration has no pagerduty.routing_keys.nobody")

	c.PagerDuty.APIToken = ""
	r = c.onCall(db).roster(t.Context(), rungs, noon)
	require.Equal(t, []string{"pagerduty.api_token is not set: only what the configuration knows is shown"}, r.faults)
	require.Equal(t, []string{`L1 bob "" +1 (415) 555-0100 -`, `L1 ann "" 112 -`, `L2 senior or lead ""  -`}, show(r))
}
