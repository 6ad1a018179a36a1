package alert_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

func TestMatchers(t *testing.T) {
	shop := query.Labels{"service": "shop", "pod": "web-1", "quote": `a"b`}
	for text, matches := range map[string]bool{
		"service=shop": true, ` service = "shop" `: true, "service=sho": false, "service!=shop": false, "service!=x": true,
		"service=~sh.*": true, "service=~h": false, `pod!~"web-.*"`: false, "absent=": true, "absent!=": false, "absent=~.+": false, `quote="a\"b"`: true,
	} {
		m, err := alert.ParseMatcher(text)
		require.NoError(t, err, text)
		require.Equal(t, matches, m.Matches(shop), text)
		again, err := alert.ParseMatcher(m.String())
		require.NoError(t, err, m.String())
		require.Equal(t, m.String(), again.String())
		wire, err := json.Marshal(m)
		require.NoError(t, err)
		var back alert.Matcher
		require.NoError(t, json.Unmarshal(wire, &back))
		require.Equal(t, matches, back.Matches(shop), string(wire))
	}
	for text, says := range map[string]string{
		"": "is not a matcher", "service": "is not a matcher", "5x=1": "is not a matcher", `a="b`: "the quotes are not closed", "a=~(": "cannot be read",
	} {
		_, err := alert.ParseMatcher(text)
		require.ErrorContains(t, err, says, text)
	}
	_, err := alert.ParseMatchers([]string{"a=~.*", "b!=c"})
	require.ErrorContains(t, err, "nearly all")
	_, err = alert.ParseMatchers(nil)
	require.ErrorContains(t, err, "needs a matcher")
	var old alert.Matcher
	require.NoError(t, json.Unmarshal([]byte(`{"name": "a", "value": "b", "isRegex": false}`), &old), "before 0.22")
	require.Equal(t, `a="b"`, old.String())
	list := []alert.Alert{{Labels: query.Labels{"alertname": "A", "pod": "1"}}, {Labels: query.Labels{"alertname": "A", "pod": "2"}}}
	require.Equal(t, `{alertname="A"}`, alert.MatchersFor(list).String())
	require.Len(t, alert.MatchersFor(list[:1]).Preview(list), 1)
}

func TestMerge(t *testing.T) {
	of := func(silenced string, labels query.Labels) alert.Alert {
		a := alert.Alert{Name: labels["alertname"], State: alert.Firing, Labels: labels, Fingerprint: alert.Fingerprint(labels)}
		if silenced != "" {
			a.Silenced = []string{silenced}
		}
		return a
	}
	here := []alert.Alert{of("", query.Labels{"alertname": "A", "pod": "1"}), of("", query.Labels{"alertname": "A", "pod": "2"})}
	there := []alert.Alert{of("s1", query.Labels{"alertname": "A", "pod": "2", "replica": "a"}), of("", query.Labels{"alertname": "B", "replica": "a"})}
	got := alert.Merge(here, there)
	require.Len(t, got, 3)
	require.Empty(t, here[1].Silenced, "what was given is left alone")
	for _, a := range got {
		switch {
		case a.Name == "B":
			require.Equal(t, alert.FromManager, a.From)
		default:
			require.Equal(t, a.Labels["pod"] == "2", a.Hidden(), a.Labels)
		}
	}
}

// What a person has to type is about the silence, and can be typed.
func TestWhatASilenceIsAbout(t *testing.T) {
	for want, texts := range map[string][]string{
		"shop":    {"alertname=Down", "service=shop"},
		"Down":    {"region!=eu", "alertname=Down"},
		"eu":      {"region=eu", "service!=shop"},
		"silence": {"service=\x1b[2J", "alertname=two words"},
	} {
		ms, err := alert.ParseMatchers(texts)
		require.NoError(t, err)
		require.Equal(t, want, ms.Target())
	}
	require.Equal(t, "silence", alert.Matchers{}.Target())
}
