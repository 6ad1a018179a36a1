package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// nightDesk is a desk on a store of its own, at a time that the test moves.
type nightDesk struct {
	t    testing.TB
	db   *store.DB
	desk *alertDesk
	now  time.Time
}

func newNightDesk(t testing.TB) *nightDesk {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // a test may have closed it
	return &nightDesk{t: t, db: db, desk: deskOn(t, db), now: time.Now().Add(-6 * time.Hour).Truncate(time.Second)}
}

// deskOn is the desk of one more process.
func deskOn(t testing.TB, db *store.DB) *alertDesk {
	t.Helper()
	p, err := escalation.LoadPolicy("policy.yaml", []byte(`declare: [{match: {severity: page}, severity: SEV-1, auto: true}, {match: {severity: critical}, severity: SEV-2, auto: true}, {match: {severity: warning}, severity: SEV-3}]`))
	require.NoError(t, err)
	return &alertDesk{db: db, policy: p, rules: defaultAlerts().rules(), source: "test", freeze: func() json.RawMessage { return nil }}
}

// about is an alert with these labels, name first.
func (n *nightDesk) about(name string, pairs ...string) alert.Alert {
	labels := query.Labels{"alertname": name, "severity": "critical"}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		labels[k] = v
	}
	return alert.Alert{Name: name, State: alert.Firing, Labels: labels, ActiveAt: n.now.UTC(), Fingerprint: alert.Fingerprint(labels), From: alert.FromManager}
}

func (n *nightDesk) fires(list ...alert.Alert) { n.says(false, list...) }
func (n *nightDesk) ends(list ...alert.Alert)  { n.says(true, list...) }

func (n *nightDesk) says(ended bool, list ...alert.Alert) {
	n.t.Helper()
	reports := make([]alert.Report, len(list))
	for i, a := range list {
		reports[i] = alert.Report{Alert: a, Ended: ended}
	}
	require.NoError(n.t, n.desk.take(n.t.Context(), reports, n.now))
}

func (n *nightDesk) incidents() []incident.Incident {
	n.t.Helper()
	list, err := n.db.Incidents(n.t.Context(), false, 0)
	require.NoError(n.t, err)
	return list
}

func (n *nightDesk) events(kinds ...incident.Kind) []incident.Event {
	n.t.Helper()
	list, err := n.db.OfKinds(n.t.Context(), n.now.Add(-30*24*time.Hour), time.Now().Add(time.Hour), kinds...)
	require.NoError(n.t, err)
	return list
}

func TestAStormIsOneIncident(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	for i := range 200 { // in a minute
		n.fires(n.about(fmt.Sprintf("Alert%d", i%7), fmt.Sprintf("service=svc-%d", i%50), "cluster=eu", fmt.Sprintf("pod=p%d", i)))
		n.now = n.now.Add(300 * time.Millisecond)
	}
	list := n.incidents()
	require.Len(t, list, 1)
	require.Equal(t, 200, list[0].Alerts)
	require.Len(t, n.events(incident.AlertFired), 200, "each stands on the timeline")
	attached := n.events(incident.AlertAttached)
	require.Contains(t, attached[len(attached)-1].Text, "(200 in all)")

	n.fires(n.about("Other", "service=elsewhere", "cluster=us"))
	require.Len(t, n.incidents(), 2, "what shares nothing is another one")
	n.now = n.now.Add(time.Hour)
	n.fires(n.about("Late", "service=svc-1", "cluster=eu"))
	require.Len(t, n.incidents(), 3, "and so is what comes an hour later")
	require.NoError(t, n.desk.look(t.Context(), n.now))
}

func TestAStormInOneNotification(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	var all []alert.Alert
	for i := range 10_000 {
		all = append(all, n.about("TargetDown", "job=node", fmt.Sprintf("instance=10.0.0.%d", i)))
	}
	n.fires(all...)
	n.fires(all...)
	require.Len(t, n.incidents(), 1)
	require.Equal(t, 10_000, n.incidents()[0].Alerts)
	n.ends(all...)
	require.Len(t, n.events(incident.AlertResolved), 10_000)
}

// Two processes, and an Alertmanager that sends twice: once is once.
func TestOnceForAllProcesses(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	all := []alert.Alert{n.about("A", "service=a"), n.about("B", "service=b"), n.about("C", "service=a")}
	reports := make([]alert.Report, len(all))
	for i, a := range all {
		reports[i].Alert = a
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			d := deskOn(t, n.db)
			for range 3 {
				if err := d.take(t.Context(), reports, n.now); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Len(t, n.incidents(), 2)
	require.Len(t, n.events(incident.AlertFired), 3)
	ended := all[0]
	n.ends(ended, n.about("Unheard", "service=x"))
	n.fires(ended) // told late, by a peer
	require.Len(t, n.events(incident.AlertResolved), 1, "what nobody heard firing does not end")
	require.Len(t, n.events(incident.AlertFired), 3)
}

func TestAWorseAlertMakesItWorse(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	n.fires(n.about("Slow", "service=shop"))
	n.fires(n.about("Down", "service=shop", "severity=page"))
	list := n.incidents()
	require.Len(t, list, 1)
	require.Equal(t, incident.Sev1, list[0].Severity)
	n.fires(n.about("Warned", "service=shop", "severity=warning"))
	require.Equal(t, 2, n.incidents()[0].Alerts, "what would open nothing joins nothing by chance")
	grouped := n.about("Grouped", "service=other", "severity=warning")
	first := n.about("First", "service=third")
	first.Group, grouped.Group = "{}:{a=b}", "{}:{a=b}"
	n.fires(first)
	n.fires(grouped)
	require.Equal(t, 2, n.incidents()[0].Alerts, "but with its group it does")
}

func TestNothingRealJoinsADrillOrWhatIsOver(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	desk := incident.NewDesk(n.db)
	drill, err := desk.Declare(t.Context(), incident.By{Actor: "ana", Source: "cli", At: n.now}, "", incident.Declaration{Title: "Practice", Severity: incident.Sev1, Service: "shop", Drill: true, Policy: n.desk.policy.Frozen("")})
	require.NoError(t, err)
	n.fires(n.about("Slow", "service=shop"))
	require.Len(t, n.incidents(), 2)
	require.Zero(t, drill.Alerts)
	real := n.incidents()[0]
	_, err = desk.Resolve(t.Context(), incident.By{Actor: "ana", Source: "cli", At: n.now}, real.ID, "over")
	require.NoError(t, err)
	n.fires(n.about("Slower", "service=shop"))
	require.Len(t, n.incidents(), 3)
	into, err := desk.Declare(t.Context(), incident.By{Actor: "ana", Source: "cli", At: n.now}, "", incident.Declaration{Title: "All of it", Severity: incident.Sev1, Policy: n.desk.policy.Frozen("")})
	require.NoError(t, err)
	_, _, err = desk.Merge(t.Context(), incident.By{Actor: "ana", Source: "cli", At: n.now}, n.incidents()[1].ID, into.ID)
	require.NoError(t, err)
	n.fires(n.about("Slowest", "service=shop"))
	require.Equal(t, 1, n.incidents()[0].Alerts, "it joins what the merged one goes on as")
}

func TestAFlappingAlertOpensOne(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	desk := incident.NewDesk(n.db)
	for i := range 8 {
		a := n.about("Flaps", "service=shop")
		n.fires(a)
		for _, inc := range n.incidents() {
			if !inc.Status.Over() {
				_, err := desk.Resolve(t.Context(), incident.By{Actor: "ana", Source: "cli", At: n.now}, inc.ID, "again")
				require.NoError(t, err)
			}
		}
		n.now = n.now.Add(30 * time.Second)
		if i < 7 {
			n.ends(a)
		}
		n.now = n.now.Add(30 * time.Second)
	}
	require.Len(t, n.incidents(), 4, "four firings in an hour are enough")
	require.NoError(t, n.desk.look(t.Context(), n.now))
	require.Len(t, n.incidents(), 4)
	n.now = n.now.Add(n.desk.rules.Hold)
	require.NoError(t, n.desk.look(t.Context(), n.now), "the last firing lasts, so it is no flap")
	require.Len(t, n.incidents(), 5)
	require.NoError(t, deskOn(t, n.db).look(t.Context(), n.now))
	require.Len(t, n.incidents(), 5, "for every process")
	f, err := readFirings(t.Context(), n.db, n.now.Add(-time.Hour))
	require.NoError(t, err)
	list := f.precise(n.incidents(), nil)
	require.Equal(t, 8, list[0].Firings)
	require.Equal(t, 4, list[0].Flapping)
}

// A person's verdict is an event, the last one holds, and it can be taken back.
func TestMarks(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	for i := range 3 {
		n.fires(n.about("Slow", "service=shop", fmt.Sprintf("pod=p%d", i)))
	}
	by := incident.By{Actor: "ana", Source: "cli", At: n.now}
	precise := func() (int, int) {
		f, err := readFirings(t.Context(), n.db, n.now.Add(-time.Hour))
		require.NoError(t, err)
		p := f.precise(n.incidents(), nil)[0]
		return p.Worth, p.Judged
	}
	says := func(which string, v stats.Verdict, reason string) string {
		t.Helper()
		m, _, err := aim(t.Context(), n.db, which, n.now)
		require.NoError(t, err)
		m.verdict, m.reason = v, reason
		text, err := mark(t.Context(), n.db, by, m)
		require.NoError(t, err)
		return text
	}
	require.Equal(t, "Slow was noise: a test", says("Slow", stats.Noise, "a test"))
	worth, judged := precise()
	require.Equal(t, []int{0, 1}, []int{worth, judged}, "the incident is open: the others are not judged")
	require.Equal(t, "the storm of 3 alerts in INC-1 was worth having", says("inc-1", stats.Useful, ""))
	worth, judged = precise()
	require.Equal(t, []int{2, 3}, []int{worth, judged}, "its own mark beats that of the storm")
	_, said, err := aim(t.Context(), n.db, "Slow", n.now)
	require.NoError(t, err)
	require.Equal(t, pane.Said{Verdict: stats.Noise, By: "ana", At: n.now.UTC(), Reason: "a test"}, said)
	says("Slow", "", "")
	worth, judged = precise()
	require.Equal(t, []int{3, 3}, []int{worth, judged})
	require.Equal(t, "the mark of the storm of 3 alerts in INC-1 is taken back", says("INC-1", "", ""))
	_, judged = precise()
	require.Zero(t, judged)

	events := n.events(incident.AlertNoise, incident.AlertUseful, incident.AlertUnmarked)
	require.Len(t, events, 4, "all of it stands on the timeline")
	require.EqualValues(t, "INC-1", events[0].Incident)
	_, _, err = aim(t.Context(), n.db, "Nothing", n.now)
	require.ErrorContains(t, err, "no alert of the name")
	_, _, err = aim(t.Context(), n.db, "INC-9", n.now)
	require.ErrorIs(t, err, incident.ErrUnknown)
}

// Marks of older versions name an alert, and mean its last firing before them.
func TestMarksOfOlderVersions(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	a := n.about("Slow", "service=shop")
	n.fires(a)
	_, err := n.db.Append(t.Context(), incident.Event{At: n.now, Kind: incident.AlertNoise, Actor: "ana", Source: "cli", Text: "Slow was noise", Data: incident.Payload(map[string]string{"name": "Slow"})})
	require.NoError(t, err)
	n.ends(a)
	n.now = n.now.Add(time.Minute)
	n.fires(n.about("Slow", "service=shop"))
	f, err := readFirings(t.Context(), n.db, n.now.Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, []stats.Verdict{stats.Noise, ""}, []stats.Verdict{f.list[0].Mark, f.list[1].Mark})
	f.forget(n.now)
	require.Len(t, f.list, 1)
}

// Which incident an alert belongs to is known whoever lists it.
func TestAnnotationsOfBothSources(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	told := n.about("Slow", "service=shop", "replica=a")
	told.ActiveAt = n.now.Add(time.Minute).UTC()
	n.fires(told)
	mine := n.about("Slow", "service=shop")
	list := alert.Merge([]alert.Alert{mine}, []alert.Alert{told})
	require.Len(t, list, 1)
	n.desk.annotate(list)
	require.Equal(t, "INC-1", list[0].Incident)
	require.Equal(t, told.Cause(), list[0].Recorded)
}

// Prometheus says it without its external labels, and Alertmanager with them.
func TestTheSameFromBothSourcesIsOne(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	here, there := n.about("Slow", "service=shop"), n.about("Slow", "service=shop", "replica=a")
	here.From, there.ActiveAt = alert.FromPrometheus, n.now.Add(time.Minute)
	n.fires(here)
	n.fires(there)
	require.Len(t, n.events(incident.AlertFired), 1)
	n.ends(here)
	n.fires(there)
	require.Len(t, n.events(incident.AlertFired), 2, "until it ended")
	n.fires(here)
	require.Len(t, n.events(incident.AlertFired), 2)
}

// post sends a body to a webhook and answers with what came.
func post(t *testing.T, url, kind, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", kind)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestHostileNotifications(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	pokes := 0
	in := webhookIn{desk: n.desk, poke: func() { pokes++ }, large: make(chan struct{}, 2), busy: make(chan struct{}, 2), now: time.Now}
	server := httptest.NewServer(in)
	defer server.Close()
	one := func(fields string) string {
		return `{"version": "4", "groupKey": "g", "alerts": [{"status": "firing", "startsAt": "2026-11-24T02:53:00Z", ` + fields + `}]}`
	}
	for _, c := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"nothing", "", 400, "no notification"},
		{"HTML", "<html>", 400, "no notification"},
		{"a list", "[]", 400, "no notification"},
		{"no alerts", `{"version": "4"}`, 400, "it has no alerts"},
		{"another version", `{"version": "5", "alerts": []}`, 400, "only version 4"},
		{"wrong types", `{"version": "4", "alerts": [{"status": 7}]}`, 400, "no notification"},
		{"labels that are numbers", one(`"labels": {"alertname": 5}`), 400, "no notification"},
		{"deep", strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), 400, "no notification"},
		{"cut off", one(`"labels": {"alertname": "x"`)[:60], 400, "no notification"},
		{"10 MB", `{"version": "4", "alerts": [], "x": "` + strings.Repeat("x", 10<<20) + `"}`, 413, "at most"},
		{"no labels", one(`"labels": {}`), 200, "left out: alert 1 has no labels"},
		{"an unknown status", strings.Replace(one(`"labels": {"alertname": "x"}`), "firing", "maybe", 1), 200, "left out"},
		{"NUL and escape codes", one(`"labels": {"alertname": "\u0000\u001b[2J\u001b]52;c;x\u0007", "severity": "critical"}, "annotations": {"summary": "a\u0000b\u001b[31m"}`), 200, "1 alert recorded"},
		{"long labels", one(`"labels": {"alertname": "Long", "severity": "critical", "x": "` + strings.Repeat("x", 1<<20) + `"}, "annotations": {"summary": "` + strings.Repeat("y", 1<<20) + `"}`), 200, "1 alert recorded"},
		{"no beginning", `{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Timeless", "severity": "critical"}}]}`, 200, "1 alert recorded"},
		{"the same again", `{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Timeless", "severity": "critical"}}]}`, 200, "1 alert recorded"},
		{"far times", `{"version": "4", "alerts": [{"status": "firing", "startsAt": "9999-12-31T23:59:59Z", "labels": {"alertname": "Far", "severity": "critical"}}]}`, 200, "1 alert recorded"},
		{"truncated", `{"version": "4", "truncatedAlerts": 18446744073709551615, "alerts": []}`, 200, "0 alerts recorded"},
	} {
		status, text := post(t, server.URL, "application/json", "", c.body)
		require.Equal(t, c.status, status, "%s: %.200s", c.name, text)
		require.Contains(t, text, c.says, c.name)
	}
	require.Equal(t, 2, pokes, "what was too large, and what was left out")
	status, _ := post(t, server.URL, "text/plain", "", `{"version": "4", "alerts": []}`)
	require.Equal(t, http.StatusUnsupportedMediaType, status, "no web page may post here")
	require.Len(t, n.events(incident.AlertFired), 4)
	for _, e := range n.events(incident.AlertFired) {
		require.Less(t, len(e.Text)+len(e.Data), 64<<10, "no more is kept than is read")
	}

	in.token = func(context.Context) (string, error) { return "s3cret", nil }
	guarded := httptest.NewServer(in)
	defer guarded.Close()
	good := `{"version": "4", "alerts": []}`
	for _, c := range []struct {
		url, token string
		status     int
	}{{"", "", 401}, {"", "s3cre", 401}, {"", "s3cret", 200}, {"/s3cret", "", 200}, {"/other", "", 401}} {
		status, text := post(t, guarded.URL+c.url, "application/json", c.token, good)
		require.Equal(t, c.status, status, "%v: %s", c, text)
		require.NotContains(t, text, "s3cret")
	}
	require.NoError(t, n.db.Close())
	status, text := post(t, server.URL, "application/json", "", one(`"labels": {"alertname": "x"}`))
	require.Equal(t, http.StatusServiceUnavailable, status, "Alertmanager is to send it again: %s", text)
}
