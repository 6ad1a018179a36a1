package alert_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// A million empty alerts fit into a notification, and are not made.
func TestACrowdIsNoNotification(t *testing.T) {
	_, err := alert.ReadNotification([]byte(`{"alerts":[` + strings.Repeat("{},", 2_000_000) + `{}]}`))
	require.ErrorIs(t, err, alert.ErrTooMany)
	n, err := alert.ReadNotification([]byte(`{"alerts":[` + strings.Repeat("{},", 50_000) + `{}]}`))
	require.NoError(t, err)
	require.Empty(t, n.Alerts)
	require.Len(t, n.LeftOut, 21)
	require.Equal(t, "and 49981 more", n.LeftOut[20])
}

// What a server lists may have any time and any size: it can be written down, whole
// or cut, and is still the same alert.
func TestAlertsOfALyingServerCanBeWrittenDown(t *testing.T) {
	labels := query.Labels{"alertname": strings.Repeat("n", 1<<20), "x": strings.Repeat("y", 1<<20)}
	words, err := json.Marshal(labels)
	require.NoError(t, err)
	list := `[{"labels": ` + string(words) + `, "startsAt": "9999-12-31T23:59:59-23:00", "status": {"state": "active"}}, {"labels": {}, "startsAt": "0000-01-01T00:00:00Z", "status": {"state": "active"}}]`
	url, _ := managerAt(t, says(200, list))
	m, err := alert.NewManager([]string{url}, query.Config{})
	require.NoError(t, err)
	managed, err := m.Alerts(t.Context())
	require.NoError(t, err)
	at := managed[0].ActiveAt
	raw := alert.From([]query.RawAlert{{Labels: labels, State: alert.Firing, ActiveAt: at}, {State: alert.Firing}})
	for _, got := range [][]alert.Alert{managed, raw} {
		require.Len(t, got, 2)
		b, err := json.Marshal(got)
		require.NoError(t, err)
		require.Less(t, len(b), 16<<10)
		require.Contains(t, []string{got[0].Fingerprint, got[1].Fingerprint}, alert.Fingerprint(labels), "of the whole")
	}
}

// A silence for ever is one, as far as JSON goes.
func TestASilenceForEverCanBeWrittenDown(t *testing.T) {
	url, _ := managerAt(t, says(200, strings.NewReplacer("2026-11-24T05:00:00Z", "9999-12-31T23:59:59-23:00", "2026-11-24T03:00:00Z", "0000-01-01T00:00:00Z").Replace(oneSilence)))
	m, err := alert.NewManager([]string{url}, query.Config{})
	require.NoError(t, err)
	list, err := m.Silences(t.Context())
	require.NoError(t, err)
	b, err := json.Marshal(list)
	require.NoError(t, err)
	require.Contains(t, string(b), "9999-12-31T23:59:59Z")
}

// One time that nobody can read hides no other alert and no other silence: whoever may
// post to Alertmanager can have it tell the year 10000.
func TestATimeThatNobodyCanReadHidesNothing(t *testing.T) {
	for text, ends := range map[string]string{
		`"10000-01-01T00:58:59.000Z"`: "9999-12-31T23:59:59Z", `"+292277026596-12-04T15:30:07Z"`: "9999-12-31T23:59:59Z",
		`"never"`: "0001-01-01T00:00:00Z", `""`: "0001-01-01T00:00:00Z", `7`: "0001-01-01T00:00:00Z", `null`: "0001-01-01T00:00:00Z", `{}`: "0001-01-01T00:00:00Z",
	} {
		url, _ := managerAt(t,
			says(200, `[{"labels":{"alertname":"odd"},"startsAt":`+text+`,"endsAt":`+text+`,"status":{"state":"active"}},{"labels":{"alertname":"other"},"startsAt":"2026-11-24T03:00:00Z","status":{"state":"active"}}]`),
			says(200, `[{"id":"a","matchers":[],"startsAt":"2026-11-24T03:00:00Z","endsAt":`+text+`,"status":{"state":"active"}},{"id":"b","matchers":[],"startsAt":"2026-11-24T03:00:00Z","endsAt":"2026-11-24T05:00:00Z","status":{"state":"active"}}]`))
		m, err := alert.NewManager([]string{url}, query.Config{})
		require.NoError(t, err)
		alerts, err := m.Alerts(t.Context())
		require.NoError(t, err, text)
		require.Len(t, alerts, 2)
		silences, err := m.Silences(t.Context())
		require.NoError(t, err, text)
		require.Len(t, silences, 2)
		for _, s := range silences {
			if s.ID == "a" {
				require.Equal(t, ends, s.EndsAt.Format(time.RFC3339), text)
			}
		}
		n, err := alert.ReadNotification([]byte(`{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"odd"},"startsAt":` + text + `,"endsAt":` + text + `},{"status":"firing","labels":{"alertname":"other"}}]}`))
		require.NoError(t, err, text)
		require.Len(t, n.Alerts, 2)
	}
}

// What is no ID of a silence is asked for nowhere: ".." led to another place of the API,
// which was deleted.
func TestAnIDThatLeadsElsewhere(t *testing.T) {
	url, asked := managerAt(t, says(200, `{"id":"x","matchers":[],"status":{"state":"active"}}`))
	m, err := alert.NewManager([]string{url}, query.Config{})
	require.NoError(t, err)
	for _, id := range []string{"", ".", "..", "../../-/reload", "a/b", "a?b=c", "a#b", "a%2fb", "\x1b[31m", "a\nb", strings.Repeat("x", 300)} {
		require.ErrorIs(t, m.ExpireSilence(t.Context(), id), alert.ErrNoSilence, id)
		_, err := m.Silence(t.Context(), id)
		require.ErrorIs(t, err, alert.ErrNoSilence, id)
	}
	require.Zero(t, asked.Load())
	require.NoError(t, m.ExpireSilence(t.Context(), "1cf3ec5b-ac9c-4fd4-9f23-2bd3a9ff2a7c"))
}

// Of a silence with a hundred thousand matchers as many are kept as anybody writes, and
// as many shown as anybody reads; an expression that cannot be read is tried once.
func TestASilenceOfManyMatchers(t *testing.T) {
	one := `{"name":"a","value":"[","isRegex":true}`
	url, _ := managerAt(t, says(200, `[{"id":"a","matchers":[`+strings.Repeat(one+",", 100_000)+one+`],"startsAt":"2026-11-24T03:00:00Z","endsAt":"2026-11-24T05:00:00Z","status":{"state":"active"}}]`))
	m, err := alert.NewManager([]string{url}, query.Config{})
	require.NoError(t, err)
	list, err := m.Silences(t.Context())
	require.NoError(t, err)
	require.Len(t, list[0].Matchers, 1000)
	require.True(t, strings.HasSuffix(list[0].Matchers.Shown(), `a=~"[", … and 980 more}`), list[0].Matchers.Shown())
	require.Equal(t, `{a=~"[", a=~"["}`, list[0].Matchers[:2].Shown())
	labels := query.Labels{"a": "["}
	require.Zero(t, testing.AllocsPerRun(100, func() { list[0].Matchers[0].Matches(labels) }))
	require.False(t, list[0].Matchers.Match(labels))
}
