package incident_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

func TestServiceIsSetLater(t *testing.T) {
	by := incident.By{Actor: "ana", Source: "test", At: time.Unix(0, 0)}
	declared, err := incident.Declare(by, "INC-1", incident.Declaration{Title: "Checkout 5xx", Severity: incident.Sev1, Policy: json.RawMessage(`{"of":"before"}`)})
	require.NoError(t, err)
	inc := incident.Fold(declared)
	reroute := func(_ incident.Incident, service string) (json.RawMessage, bool) {
		return json.RawMessage(`{"of":"` + service + `"}`), true
	}
	events, err := inc.SetService(by, "  search\n edge ", reroute)
	require.NoError(t, err)
	require.Equal(t, incident.ServiceSet, events[0].Kind)
	require.Equal(t, "service: search edge", events[0].Text)
	inc = inc.Apply(events[0])
	require.Equal(t, "search edge", inc.Service)
	require.JSONEq(t, `{"of":"search edge"}`, string(inc.Policy))
	require.False(t, inc.Rung.Recall, "nobody was called yet, and whoever is will be the right one")

	inc = inc.Apply(incident.Event{Incident: "INC-1", At: time.Unix(1, 0), Kind: incident.EscalationEntered, Data: incident.Payload(incident.Escalation{Level: "L1", Round: 1, Severity: incident.Sev1})})
	events, err = inc.SetService(by, "payments", reroute)
	require.NoError(t, err)
	require.Equal(t, "service: payments, not search edge", events[0].Text)
	inc = inc.Apply(events[0])
	require.True(t, inc.Rung.Recall)
	inc = inc.Apply(incident.Event{Incident: "INC-1", At: time.Unix(2, 0), Kind: incident.EscalationEntered, Data: incident.Payload(incident.Escalation{Level: "L1", Round: 2, Severity: incident.Sev1})})
	require.False(t, inc.Rung.Recall)

	_, err = inc.SetService(by, "payments", reroute)
	require.ErrorIs(t, err, incident.ErrNoChange)
	_, err = inc.SetService(by, " ", reroute)
	require.ErrorIs(t, err, incident.ErrMissing)
	_, err = inc.SetService(by, strings.Repeat("x", 201), reroute)
	require.ErrorIs(t, err, incident.ErrUnfit)
}
