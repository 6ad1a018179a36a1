package alert_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

// managerAt answers every request with the next of these, the last one for ever.
func managerAt(t *testing.T, answers ...func(http.ResponseWriter, *http.Request)) (url string, asked *atomic.Int64) {
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) - 1
		answers[min(n, len(answers)-1)](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func says(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// lost takes a request and ends the connection without an answer.
func lost(w http.ResponseWriter, _ *http.Request) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = c.Close()
	}
}

const oneSilence = `[{"id": "s1", "status": {"state": "active"}, "updatedAt": "2026-11-24T03:00:00Z", "matchers": [{"name": "a", "value": "b", "isRegex": false, "isEqual": true}],
	"startsAt": "2026-11-24T03:00:00Z", "endsAt": "2026-11-24T05:00:00Z", "createdBy": "ana", "comment": "why"}]`

func silenceOfAna(t *testing.T) alert.Silence {
	ms, err := alert.ParseMatchers([]string{"a=b"})
	require.NoError(t, err)
	return alert.Silence{Matchers: ms, EndsAt: time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC), CreatedBy: "ana", Comment: "why"}
}

// A silence is created once in a cluster, whatever becomes of the answers.
func TestASilenceIsCreatedOnce(t *testing.T) {
	created := says(200, `{"silenceID": "s2"}`)
	for _, c := range []struct {
		name          string
		first, second []func(http.ResponseWriter, *http.Request)
		dead          bool
		id, says      string
		posts         int64 // that the second one has to see at most
	}{
		{name: "the first is dead", dead: true, second: []func(http.ResponseWriter, *http.Request){created}, id: "s2", posts: 1},
		{name: "the answer was lost, and it is there", first: []func(http.ResponseWriter, *http.Request){lost, lost, lost, lost}, second: []func(http.ResponseWriter, *http.Request){says(200, oneSilence)}, id: "s1", posts: 1},
		{name: "the answer was lost, and it is not there", first: []func(http.ResponseWriter, *http.Request){lost}, second: []func(http.ResponseWriter, *http.Request){says(200, `[]`)}, says: "look at sitrep alert silence list", posts: 1},
		{name: "it is refused", first: []func(http.ResponseWriter, *http.Request){says(400, `"bad matcher"`)}, second: []func(http.ResponseWriter, *http.Request){created}, says: "bad matcher", posts: 0},
		{name: "nobody is let in", first: []func(http.ResponseWriter, *http.Request){says(401, ``)}, second: []func(http.ResponseWriter, *http.Request){created}, says: "401", posts: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := "http://127.0.0.1:1"
			if !c.dead {
				one, _ = managerAt(t, c.first...)
			}
			two, asked := managerAt(t, c.second...)
			m, err := alert.NewManager([]string{one, two}, query.Config{})
			require.NoError(t, err)
			defer m.CloseIdle()
			id, err := m.PutSilence(t.Context(), silenceOfAna(t))
			require.LessOrEqual(t, asked.Load(), c.posts)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.id, id)
		})
	}
}

// What is no answer never looks like an empty list: that would end every alert.
func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		says   string
	}{
		{200, "", "Alertmanager API"},
		{200, "null", "Alertmanager API"},
		{200, "<html>login</html>", "HTML"},
		{200, "{}", "Alertmanager API"},
		{200, `[{"labels": 5}]`, "Alertmanager API"},
		{200, `[{"labels"`, "Alertmanager API"},
		{302, "", "redirects"},
		{404, "", "no Alertmanager API under this URL"},
		{403, "", "may not"},
		{500, `{"code": 500, "message": "no \u001b[2J disk"}`, "no \ufffd[2J disk"},
		{503, "", "503"},
		{200, "[" + strings.Repeat(" ", 40<<20) + "]", "larger than"},
	} {
		url, _ := managerAt(t, says(c.status, c.body))
		m, err := alert.NewManager([]string{url}, query.Config{Timeout: time.Minute})
		require.NoError(t, err)
		_, err = m.Alerts(t.Context())
		require.ErrorContains(t, err, c.says, "%d %.40s", c.status, c.body)
		require.ErrorContains(t, err, "alertmanager http://")
		require.NotContains(t, err.Error(), "Prometheus")
		m.CloseIdle()
	}
	_, err := alert.NewManager([]string{"ftp://x"}, query.Config{})
	require.ErrorContains(t, err, "alertmanager URL")
}

func TestGroupsAndExpiry(t *testing.T) {
	url, _ := managerAt(t, says(200, `[{"labels": {"alertname": "A"}, "receiver": {"name": "sitrep"}, "alerts": [{"labels": {"alertname": "A"}, "startsAt": "2026-11-24T03:00:00Z", "status": {"state": "suppressed", "silencedBy": [], "inhibitedBy": ["x"], "mutedBy": []}}]}]`))
	m, err := alert.NewManager([]string{url}, query.Config{})
	require.NoError(t, err)
	groups, err := m.Groups(t.Context())
	require.NoError(t, err)
	require.Equal(t, "sitrep", groups[0].Receiver)
	require.Contains(t, groups[0].Alerts[0].Muted, "inhibited")

	none, _ := managerAt(t, says(404, `"silence not found"`))
	m, err = alert.NewManager([]string{none}, query.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, m.ExpireSilence(t.Context(), "x/../y"), alert.ErrNoSilence)
}
