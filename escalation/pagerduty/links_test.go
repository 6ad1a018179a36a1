package pagerduty

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// What there is to open stands in the page; what is none, or has a password, does
// not.
func TestAPageLinksToWhatThereIs(t *testing.T) {
	srv := newServer(t, key)
	s := sender(t, srv.URL)
	s.config.Links = []Link{{"board", "https://grafana.example.com/d/x?var-service={service}&inc={incident}"}, {"region", "https://x/{severity}"}}
	s.config.Images = []Image{{"errors", "https://grafana.example.com/render?service={service}"}, {"plain", "http://grafana.example.com/render.png"}}
	s.config.More = func(context.Context, incident.Incident) []Link { return []Link{{"chat", "https://chat.example.com/1"}} }
	inc := checkout()
	inc.Service, inc.RunbookURL = "check out&x", "https://wiki.example.com/runbook"
	inc.Labels = map[string]string{
		"generatorURL": "http://prometheus:9090/graph?g0.expr=up", "chart": "https://cdn.example.com/p95.PNG?x=1", "team": "payments",
		"again": "https://wiki.example.com/runbook", "script": "javascript:alert(1)", "secret": "https://u:p@h/x", "bad": "https://h/\x1b[2J", "none": "https://",
		"long": "https://h/" + strings.Repeat("x", 3000),
	}
	require.Equal(t, escalation.Done, s.Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), inc).Class)
	got := srv.last()
	require.Equal(t, []map[string]string{
		{"href": "https://wiki.example.com/runbook", "text": "runbook"},
		{"href": "https://grafana.example.com/d/x?var-service=check+out%26x&inc=INC-7", "text": "board"},
		{"href": "https://x/SEV-1", "text": "region"},
		{"href": "https://chat.example.com/1", "text": "chat"},
		{"href": "https://cdn.example.com/p95.PNG?x=1", "text": "chart"},
		{"href": "http://prometheus:9090/graph?g0.expr=up", "text": "generatorURL"},
	}, got.Links)
	require.Equal(t, []map[string]string{
		{"src": "https://grafana.example.com/render?service=check+out%26x", "href": "https://grafana.example.com/render?service=check+out%26x", "alt": "errors"},
		{"src": "https://cdn.example.com/p95.PNG?x=1", "href": "https://cdn.example.com/p95.PNG?x=1", "alt": "chart"},
	}, got.Images)

	inc.Service, inc.RunbookURL, inc.Labels = "", "", map[string]string{}
	for i := range 100 {
		inc.Labels[fmt.Sprint(i)] = fmt.Sprintf("https://h/%d.png", i)
	}
	require.Equal(t, escalation.Done, s.Send(t.Context(), page(escalation.OpTrigger, escalation.Content{}), inc).Class)
	require.Len(t, srv.last().Links, maxLinks)
	require.Len(t, srv.last().Images, 18, "two of the links are no pictures")
	require.Equal(t, "https://x/SEV-1", srv.last().Links[0]["href"], "a link to the board of no service leads nowhere")
}

// What is too large loses its details first, then its links, and never its summary.
func TestAnEventIsMadeToFit(t *testing.T) {
	whole := func() *pagerduty.V2Event {
		return &pagerduty.V2Event{
			RoutingKey: key, Action: "trigger", DedupKey: "k", ClientURL: "https://h/" + strings.Repeat("c", 100),
			Links: []any{linkJSON{Href: "https://h/" + strings.Repeat("l", 500)}}, Images: []any{imageJSON{Src: "https://h/i.png"}},
			Payload: &pagerduty.V2Payload{Summary: "SEV-1 INC-7", Source: "s", Severity: "critical", Details: strings.Repeat("d", 1000)},
		}
	}
	size := func(e *pagerduty.V2Event) int {
		raw, err := json.Marshal(e)
		require.NoError(t, err)
		return len(raw)
	}
	e := whole()
	fit(e, maxEvent)
	require.Equal(t, whole(), e)
	fit(e, 1200)
	require.Nil(t, e.Payload.Details)
	require.NotEmpty(t, e.Links)
	fit(e, 500)
	require.Empty(t, e.Links)
	require.Empty(t, e.Images)
	require.NotEmpty(t, e.ClientURL)
	fit(e, 200)
	require.LessOrEqual(t, size(e), 200)
	require.Equal(t, "SEV-1 INC-7", e.Payload.Summary)
}
