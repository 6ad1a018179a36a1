package alert_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// What two servers list is one alert, whoever adds labels of its own to it, and fires
// if one of them says so.
func TestUnion(t *testing.T) {
	of := func(from, state string, labels query.Labels) alert.Alert {
		return alert.Alert{Name: labels["alertname"], State: state, Labels: labels, Fingerprint: alert.Fingerprint(labels), From: from}
	}
	first := []alert.Alert{
		of("", alert.Firing, query.Labels{"alertname": "Slow", "service": "shop"}),
		of("", alert.Pending, query.Labels{"alertname": "Full", "service": "db"}),
	}
	eu := []alert.Alert{
		of(alert.FromServer("eu"), alert.Firing, query.Labels{"alertname": "Slow", "service": "shop", "replica": "b"}),
		of(alert.FromServer("eu"), alert.Firing, query.Labels{"alertname": "Full", "service": "db"}),
		of(alert.FromServer("eu"), alert.Firing, query.Labels{"alertname": "Slow", "service": "cart", "replica": "b"}),
	}
	checks := []alert.Alert{of(alert.FromChecks, alert.Firing, query.Labels{"alertname": "CheckFailed", "check": "shop"})}
	got := map[string]alert.Alert{}
	for _, a := range alert.Union(first, nil, eu, checks) {
		got[a.Name+" "+a.Labels["service"]] = a
	}
	require.Len(t, got, 4)
	require.Equal(t, "prometheus", got["Slow shop"].Teller())
	require.Equal(t, []string{"sources.eu"}, got["Slow shop"].Also)
	require.Equal(t, alert.Firing, got["Full db"].State, "one of them says that it fires")
	require.Equal(t, "eu", got["Full db"].Teller())
	require.Equal(t, []string{"prometheus"}, got["Full db"].Also)
	require.Equal(t, "eu", got["Slow cart"].Teller())
	require.Equal(t, "checks", got["CheckFailed "].Teller())
	require.Equal(t, alert.Pending, first[1].State, "what was given is left alone")
	require.Len(t, alert.Union(nil, first), 2)
	require.Empty(t, alert.Union())
}

// A book knows the same alert whoever of any number of sources told it.
func TestCoveredByAnySource(t *testing.T) {
	b := alert.NewBook()
	of := func(from string, labels query.Labels) alert.Alert {
		return alert.Alert{Name: labels["alertname"], Labels: labels, Fingerprint: alert.Fingerprint(labels), From: from}
	}
	labels := query.Labels{"alertname": "Slow", "service": "shop"}
	eu, us := of(alert.FromServer("eu"), labels), of(alert.FromServer("us"), labels)
	require.False(t, b.Covered(us))
	b.Fired(eu, time.Now(), nil)
	require.True(t, b.Covered(us))
	require.False(t, b.Covered(eu), "nobody covers for itself")
	require.True(t, b.Covered(of("", labels)))
	b.Ended(eu)
	require.False(t, b.Covered(us), "and it is over when it is")
}
