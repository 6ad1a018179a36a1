package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/health"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// checkNight is a desk, and checks whose standing the test says.
type checkNight struct {
	*nightDesk
	standings []health.Standing
	silences  []alert.Silence
}

func newCheckNight(t *testing.T, names ...string) *checkNight {
	n := &checkNight{nightDesk: newNightDesk(t)}
	n.has(names...)
	return n
}

// has is a configuration with these checks, which nobody has looked at yet.
func (n *checkNight) has(names ...string) {
	n.standings = nil
	for _, name := range names {
		c := &health.Check{
			Name: name, Service: "checkout", Type: health.HTTP, Target: "https://shop.example.com/", Every: 30 * time.Second,
			Runbook: "https://wiki.example.com/shop", Alerting: health.Alerting{For: time.Minute, Severity: "critical"},
		}
		n.standings = append(n.standings, health.Standing{Check: c})
	}
}

func (n *checkNight) well(i int) {
	n.standings[i].Looked, n.standings[i].Trouble = true, health.Trouble{}
}

// fails is that check i has failed for so long.
func (n *checkNight) fails(i int, since time.Duration) {
	s := &n.standings[i]
	s.Looked = true
	s.Trouble = health.Trouble{
		Alert: health.CheckFailed, Severity: s.Check.Alerting.Severity, Since: n.now.Add(-since), Looks: 1 + int(since/s.Check.Every),
		Last: health.Result{Check: s.Check, Status: health.Unhealthy, Reason: "503 Service Unavailable", At: n.now},
	}
}

func (n *checkNight) turn() {
	n.t.Helper()
	require.NoError(n.t, n.desk.takeChecks(n.t.Context(), n.now, false, func(firing []alert.Alert) ([]alert.Report, bool) {
		return checkReports(n.standings, firing, n.silences, n.now), true
	}))
}

// restart is another process, which has looked at nothing.
func (n *checkNight) restart(names ...string) {
	n.desk = deskOn(n.t, n.db)
	n.has(names...)
}

// told is how many events of alerts there are, and the text of the last that ended.
func (n *checkNight) told() (fired, resolved int, last string) {
	ended := n.events(incident.AlertResolved)
	if len(ended) > 0 {
		last = ended[len(ended)-1].Text
	}
	return len(n.events(incident.AlertFired)), len(ended), last
}

func TestAFailingCheckOpensOneIncident(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop", "api")
	n.fails(0, 30*time.Second)
	n.turn()
	require.Empty(t, n.incidents(), "half a minute is an accident")
	n.now = n.now.Add(time.Minute)
	n.fails(0, time.Minute)
	n.turn()
	n.turn()
	list := n.incidents()
	require.Len(t, list, 1)
	require.Equal(t, "shop fails: 503 Service Unavailable", list[0].Title)
	require.Equal(t, "checkout", list[0].Service)
	require.Equal(t, "https://wiki.example.com/shop", list[0].RunbookURL)
	require.Equal(t, map[string]string{"alertname": "CheckFailed", "check": "shop", "service": "checkout", "severity": "critical", "type": "http"}, list[0].Labels)
	require.Equal(t, n.now.Add(-time.Minute).UTC(), list[0].Clocks.Detected)

	// What Prometheus says of the service, and another check, join it.
	n.fires(n.about("HighErrors", "service=checkout"))
	n.fails(1, time.Minute)
	n.turn()
	require.Len(t, n.incidents(), 1)
	require.Equal(t, 3, n.incidents()[0].Alerts)
	n.well(0)
	n.turn()
	fired, resolved, last := n.told()
	require.Equal(t, []int{3, 1}, []int{fired, resolved})
	require.Equal(t, "CheckFailed resolved on checkout", last)
}

// A restart, a reload with other labels and a clock that was set tell nothing twice and
// page nobody twice.
func TestChecksThatFireThroughARestart(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop")
	n.fails(0, time.Minute)
	n.turn()
	n.now = n.now.Add(time.Hour)
	n.restart("shop")
	n.turn()
	fired, resolved, _ := n.told()
	require.Equal(t, []int{1, 0}, []int{fired, resolved}, "nobody has looked yet")
	n.fails(0, time.Second)
	n.turn()
	fired, resolved, _ = n.told()
	require.Equal(t, []int{1, 0}, []int{fired, resolved}, "it goes on, and waits for nothing")

	n.now = n.now.Add(-30 * time.Minute) // the clock is set back
	n.fails(0, time.Minute)
	n.turn()
	n.now = n.now.Add(2 * time.Hour)
	n.fails(0, 2*time.Minute)
	n.turn()
	fired, resolved, _ = n.told()
	require.Equal(t, []int{1, 0}, []int{fired, resolved})

	n.restart("shop")
	n.standings[0].Check.Alerting.Severity = "page"
	n.fails(0, time.Second)
	n.turn()
	fired, resolved, _ = n.told()
	require.Equal(t, []int{2, 1}, []int{fired, resolved}, "another severity is another alert")
	require.Len(t, n.incidents(), 1, "of the same incident, whose people were called")
	require.Equal(t, incident.Sev1, n.incidents()[0].Severity)
	n.well(0)
	n.turn()
	_, resolved, _ = n.told()
	require.Equal(t, 2, resolved)
}

func TestChecksThatGo(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop", "api")
	n.fails(0, time.Minute)
	n.fails(1, time.Minute)
	n.turn()
	n.restart("api")
	n.turn()
	_, resolved, last := n.told()
	require.Equal(t, 1, resolved)
	require.Equal(t, "CheckFailed resolved on checkout: check removed", last)
	n.standings[0].Check.Alerting.Off = true
	n.turn()
	_, resolved, last = n.told()
	require.Equal(t, 2, resolved)
	require.Contains(t, last, "the check's alerts are off")
}

// A check that comes and goes belongs to the incident that is open for it, and opens no
// other before it has lasted.
func TestAFlappingCheck(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop")
	for range 8 {
		n.fails(0, time.Minute)
		n.turn()
		n.now = n.now.Add(6 * time.Minute) // later than the window of a storm
		n.well(0)
		n.turn()
		n.now = n.now.Add(time.Minute)
	}
	require.Len(t, n.incidents(), 1)
	fired := n.events(incident.AlertFired)
	require.Len(t, fired, 8)
	require.Contains(t, fired[7].Text, "flaps")
}

// A silence of Alertmanager's hides checks too, though it does not know of them.
func TestASilencedCheckTellsNobody(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop")
	ms, err := alert.ParseMatchers([]string{"service=checkout"})
	require.NoError(t, err)
	n.silences = []alert.Silence{{ID: "s1", Matchers: ms, StartsAt: n.now.Add(-time.Hour), EndsAt: n.now.Add(time.Hour), State: alert.SilenceActive}}
	n.fails(0, time.Minute)
	n.turn()
	require.Empty(t, n.incidents())
	n.now = n.now.Add(2 * time.Hour)
	n.fails(0, 2*time.Hour)
	n.turn()
	require.Len(t, n.incidents(), 1, "and when that is over, it fires")
}

// Whoever does not run the ladder tells nothing, and learns what was told.
func TestOneProcessTellsOfChecks(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop")
	n.fails(0, time.Minute)
	other := deskOn(t, n.db)
	look := func() {
		require.NoError(t, other.takeChecks(t.Context(), n.now, false, func(firing []alert.Alert) ([]alert.Report, bool) {
			return checkReports(n.standings, firing, nil, n.now), false
		}))
	}
	look()
	require.Empty(t, n.incidents())
	n.turn()
	look()
	require.Len(t, other.fires(alert.FromChecks), 1)
	require.Len(t, n.incidents(), 1)
}

// said is a source whose answers the test sets.
type said struct {
	mu   sync.Mutex
	list []query.RawAlert
	err  error
}

func (s *said) set(err error, list ...query.RawAlert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.err = list, err
}

func (s *said) Alerts(context.Context) ([]query.RawAlert, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list, s.err
}

func (s *said) Rules(context.Context) ([]query.RawRule, error) { return nil, errNoRules }

// A server that does not answer ends none of its alerts and hides nobody else's; what two
// tell is one, and ends when neither does.
func TestServersAreHeardEachByItself(t *testing.T) {
	t.Parallel()
	n := newNightDesk(t)
	first, eu := &said{}, &said{}
	began := time.Now().Add(-time.Hour)
	raw := func(name string, at time.Time) query.RawAlert {
		return query.RawAlert{State: alert.Firing, ActiveAt: at, Labels: query.Labels{"alertname": name, "service": "shop", "severity": "critical"}}
	}
	first.set(nil, raw("Both", began), raw("First", began))
	eu.set(nil, raw("Both", began.Add(30*time.Second)), raw("Eu", began))
	var mu sync.Mutex
	var news alertNews
	w := &alertWatch{
		desk:    n.desk,
		servers: []*alertServer{{source: first, every: 10 * time.Millisecond}, {name: "eu", source: eu, every: 10 * time.Millisecond}},
		tell: func(x alertNews) {
			mu.Lock()
			defer mu.Unlock()
			news = x
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.ErrorIs(t, <-ended, context.Canceled) })
	until := func(why string, fired, resolved int, holds func(alertNews) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(n.events(incident.AlertFired)) == fired && len(n.events(incident.AlertResolved)) == resolved && holds(news)
		}, time.Minute, 20*time.Millisecond, why)
	}
	until("each once", 3, 0, func(x alertNews) bool { return len(x.list) == 3 && x.err == nil })
	require.Len(t, n.incidents(), 1)

	eu.set(fmt.Errorf("connection refused"))
	first.set(nil, raw("Both", began))
	until("eu is silent, and says so", 3, 1, func(x alertNews) bool {
		return len(x.list) == 2 && len(x.tellers) == 2 && x.tellers[0].Err == nil && x.tellers[1].Name == "eu" && x.tellers[1].Err != nil && strings.Contains(x.err.Error(), "eu: connection refused")
	})
	eu.set(nil, raw("Both", began.Add(30*time.Second)))
	until("eu is back without its own alert", 3, 2, func(x alertNews) bool { return len(x.list) == 1 })
	first.set(nil)
	eu.set(nil, raw("Both", began.Add(30*time.Second)), raw("Later", began))
	until("who told of it first does not any more, but the other does", 4, 2, func(x alertNews) bool { return len(x.list) == 2 })
	eu.set(nil)
	until("now it is over", 4, 4, func(x alertNews) bool { return len(x.list) == 0 })
	require.Len(t, n.incidents(), 1)
}

// Something that keeps samples and has no alerts is not silent; a server that had some
// and answers 404 is.
func TestAServerWithoutAlerts(t *testing.T) {
	t.Parallel()
	missing := &query.Error{Status: http.StatusNotFound, Msg: "not found"}
	s := &said{}
	m := &maybeAlerts{Source: s}
	s.set(missing)
	_, err := m.Alerts(t.Context())
	require.NoError(t, err)
	s.set(nil)
	_, err = m.Alerts(t.Context())
	require.NoError(t, err)
	s.set(missing)
	_, err = m.Alerts(t.Context())
	require.ErrorIs(t, err, missing)
}

// With an Alertmanager, what another server tells waits until that one had time to list
// it, and what is silenced there stays silent.
func TestOtherServersWaitForAlertmanager(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, err := alert.NewManager([]string{"http://127.0.0.1:1"}, query.Config{})
		require.NoError(t, err)
		of := func(name string) alert.Alert {
			l := query.Labels{"alertname": name}
			return alert.Alert{Name: name, State: alert.Firing, Labels: l, Fingerprint: alert.Fingerprint(l)}
		}
		hidden := of("Hidden")
		hidden.Silenced = []string{"s"}
		s := &alertServer{name: "eu"}
		w := &alertWatch{manager: m, managed: []alert.Alert{hidden}, answered: time.Now()}
		s.says([]alert.Alert{of("Hidden"), of("Own")}, nil, time.Now())
		waits := func(name string) bool { return w.waitsForManager(s, time.Now())(of(name)) }
		require.True(t, waits("Own"))
		time.Sleep(managerPatience)
		w.answered = time.Now()
		require.False(t, waits("Own"), "it tells another Alertmanager, or none")
		require.True(t, waits("Hidden"))
		require.True(t, w.waitsForManager(&alertServer{}, time.Now())(of("Own")), "the first server has Alertmanager speak for it")
		time.Sleep(managerPatience)
		require.False(t, waits("Hidden"), "and who does not answer is not waited for")
	})
}

// The doctor says what becomes of each check's alerts.
func TestTheDoctorFollowsChecksToThePolicy(t *testing.T) {
	t.Parallel()
	n := newCheckNight(t, "shop", "api", "quiet")
	checks := []health.Check{*n.standings[0].Check, *n.standings[1].Check, *n.standings[2].Check}
	checks[1].Alerting.Severity = "warning"
	checks[2].Alerting.Off = true
	found := examineChecks(checks, n.desk.policy)
	require.Equal(t, []finding{
		{"checks", true, "3"},
		{"alerts of checks", true, "shop: after 1m, critical opens a SEV-2"},
		{"alerts of checks", true, "api: after 1m, warning is listed, for a person to declare a SEV-3"},
		{"alerts of checks", true, "quiet: no alerts"},
	}, found)
	p := n.desk.policy
	p.Declare = nil
	found = examineChecks(checks[:1], p)
	require.False(t, found[1].OK)
	require.Contains(t, found[1].Detail, "add a rule to declare in the policy")
}

// A Prometheus that is killed and a page that fails: the check opens an incident, and
// somebody is called. After a restart nobody is called again.
func TestChecksTellWithoutPrometheus(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var looks atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		looks.Add(1)
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(page.Close)
	var pages atomic.Int64
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pages.Add(1) }))
	t.Cleanup(sink.Close)
	o := newOutage(t, fmt.Sprintf(`
daemon: {listen: 127.0.0.1:%d}
checks: [checks.yaml]
policy: policy.yaml
webhooks: {local: {url: %q}}
`, freePort(t), sink.URL))
	o.write("policy.yaml", `
ladders:
  default: [{level: L1, respond_within: 1h, repeat_every: 2h, until: resolved, notify: ["webhook:local"], who: [ana]}]
severities: {SEV-2: {respond_within: 1h, resolve_within: 4h, page: error, ladder: default, reaches: L1, scale: 1}}
declare: [{match: {severity: critical}, severity: SEV-2, auto: true}]
`)
	o.write("checks.yaml", fmt.Sprintf("checks:\n  - {name: shop, service: checkout, http: %q, every: 1s, alert: {for: 2s}}\n", page.URL))
	kill := o.begin(binary, "--config", o.config, "--db", o.path, "daemon")
	o.learned()
	o.killPrometheus()
	down.Store(true)
	open := func() []incident.Incident {
		list, err := o.db.Incidents(t.Context(), true, 0)
		require.NoError(t, err)
		return list
	}
	require.Eventually(t, func() bool { return len(open()) == 1 && pages.Load() > 0 }, 2*time.Minute, 50*time.Millisecond)
	require.Equal(t, "shop fails: 503 Service Unavailable", open()[0].Title)
	out, err := exec.Command(binary, "--config", o.config, "--db", o.path, "alert", "list").CombinedOutput()
	require.Contains(t, string(out), "CheckFailed", "%v", err)
	require.Contains(t, string(out), "INC-1")

	sent := pages.Load()
	kill()
	kill = o.begin(binary, "--config", o.config, "--db", o.path, "daemon")
	before := looks.Load()
	require.Eventually(t, func() bool {
		lease, err := o.db.Lease(t.Context())
		return err == nil && lease.Live(time.Now()) && looks.Load() >= before+6
	}, time.Minute, 50*time.Millisecond, "it has failed for as long as the first time")
	require.Equal(t, sent, pages.Load(), "who was called is not called again")
	require.Len(t, open(), 1)
	fired, err := o.db.OfKinds(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), incident.AlertFired, incident.AlertResolved)
	require.NoError(t, err)
	require.Len(t, fired, 1)

	kill()
	require.NoError(t, os.WriteFile(filepath.Join(o.dir, "checks.yaml"), []byte("checks: [{name: room, disk: /, below: 100%}]\n"), 0o600))
	o.begin(binary, "--config", o.config, "--db", o.path, "daemon")
	require.Eventually(t, func() bool { return lastResolved(t, o.db) != "" }, time.Minute, 50*time.Millisecond)
	require.True(t, strings.HasSuffix(lastResolved(t, o.db), ": check removed"), lastResolved(t, o.db))
}

func lastResolved(t *testing.T, db *store.DB) string {
	events, err := db.OfKinds(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), incident.AlertResolved)
	require.NoError(t, err)
	if len(events) == 0 {
		return ""
	}
	return events[len(events)-1].Text
}

// A finding is one line of a table: it says where, and does not show the file around it.
func TestTheDoctorSaysAFaultOfAFileInOneLine(t *testing.T) {
	t.Parallel()
	var into struct{ Name string }
	_, err := strictyaml.Decode("policy.yaml", []byte("name: [a]\n"), &into)
	require.Equal(t, finding{"policy", false, "policy.yaml:1:7: want text; this is a list"}, check("policy", "", err))
}
