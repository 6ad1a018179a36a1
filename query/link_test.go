package query

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func linkPlace() LinkPlace {
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	return LinkPlace{
		Service: "check out", Incident: "INC-4", From: at.Add(-time.Hour), To: at, At: at.Add(-time.Minute), Expr: `rate(x{a="b"}[5m])`,
		Labels: Labels{"pod": "p/1?x=y&z"}, Variables: map[string][]string{"region": {"eu", "us"}, "none": nil}, TraceID: "5759e988bd862e3fe1be46a994272793",
	}
}

func TestLinksAreFilled(t *testing.T) {
	for template, want := range map[string]string{
		"https://g/d/x?from=${__from}&to=${__to}&${region:queryparam}":               "https://g/d/x?from=1795572000000&to=1795575600000&var-region=eu&var-region=us",
		"https://g/x?$__url_time_range&${__all_variables}":                           "https://g/x?from=1795572000000&to=1795575600000&var-region=eu&var-region=us",
		"https://k/s/${service}?t=${__at:s}":                                         "https://k/s/check%20out?t=1795575540",
		"https://k/?from=${__from:rfc3339}":                                          "https://k/?from=2026-11-25T02%3A00%3A00.000Z",
		"https://j/trace/$trace_id?pod=${label.pod}":                                 "https://j/trace/5759e988bd862e3fe1be46a994272793?pod=p%2F1%3Fx%3Dy%26z",
		"https://x/traces/${trace_id:xray}":                                          "https://x/traces/1-5759e988-bd862e3fe1be46a994272793",
		`https://g/explore?left={"expr":"${expr:json}"}&cost=$$5&p=${__to:date:iso}`: `https://g/explore?left=%7B%22expr%22:%22rate%28x%7Ba%3D%5C%22b%5C%22%7D%5B5m%5D%29%22%7D&cost=$5&p=2026-11-25T03%3A00%3A00.000Z`,
	} {
		require.NoError(t, CheckLink(Link{"t", template}), template)
		got, err := Link{"t", template}.Fill(linkPlace())
		require.NoError(t, err, template)
		require.Equal(t, want, got)
	}
}

func TestLinksThatLeadNowhere(t *testing.T) {
	p := linkPlace()
	p.TraceID = ""
	_, err := Link{"Tempo", "https://t/${trace_id}"}.Fill(p)
	require.ErrorIs(t, err, ErrUnfilled)
	require.EqualError(t, err, `link "Tempo": ${trace_id} is not known here`)
	_, err = Link{"t", "https://t/${label.gone}"}.Fill(p)
	require.ErrorIs(t, err, ErrUnfilled)
	_, err = Link{"t", "https://t/${nothing}"}.Fill(p)
	require.ErrorIs(t, err, ErrUnfilled)
	_, err = Link{"t", "https://t/${__from:week}"}.Fill(p)
	require.ErrorContains(t, err, "no form of a time")
	for _, bad := range []string{"javascript:alert(1)", "file:///etc/passwd", "//x/y", "https://user:pass@x/", "https://", "http://[::1"} {
		require.Error(t, CheckLink(Link{"t", bad}), bad)
	}
	require.Error(t, CheckLink(Link{"", "https://x/"}))
	require.True(t, Link{"t", "https://t/${trace_id:xray}"}.NeedsTrace())
	require.False(t, Link{"t", "https://t/${label.trace_id}"}.NeedsTrace())
}

// Whatever a label says, the link leads to the host and path that were written.
func TestNoLabelLeadsElsewhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := linkPlace()
		p.Labels = Labels{"pod": rapid.StringN(1, -1, 60).Draw(rt, "value")}
		got, err := Link{"t", "https://logs.example.com/a/${label.pod}/b?q=${label.pod:json}#${label.pod}"}.Fill(p)
		require.NoError(rt, err)
		u, err := url.Parse(got)
		require.NoError(rt, err)
		require.Equal(rt, "logs.example.com", u.Host)
		require.Len(rt, u.Query(), 1)
		require.NotContains(rt, strings.SplitN(got, "#", 2)[1], "&")
		for _, r := range got {
			require.True(rt, r > ' ' && r < 0x7f, "%q", got)
		}
	})
}

func TestTheNearestTrace(t *testing.T) {
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	list := []Exemplar{{Labels: Labels{"trace_id": "a"}, At: at.Add(-time.Minute)}, {Labels: Labels{"traceID": "b"}, At: at.Add(10 * time.Second)}, {Labels: Labels{"user": "u"}, At: at}}
	require.Equal(t, "b", NearestTrace(list, at))
	require.Empty(t, NearestTrace(nil, at))
}
