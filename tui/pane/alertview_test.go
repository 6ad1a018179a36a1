package pane

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

const alertsIndex = 8

// alertsWorld has alerts of every sort, silences, and a rule that is broken.
func alertsWorld(t testing.TB) *World {
	w := richWorld(t)
	list := w.Alerts.List
	list[0].Incident, list[1].Silenced = "INC-204", []string{"4d2c"}
	list[len(list)-1].Flapping = true
	ms, err := alert.ParseMatchers([]string{"alertname=" + list[1].Name})
	require.NoError(t, err)
	w.Alerts.Manager = "http://127.0.0.1:9093"
	w.Alerts.Silences = []alert.Silence{
		{ID: "4d2c", Matchers: ms, State: alert.SilenceActive, CreatedBy: "alice", Comment: "known (INC-204)", StartsAt: night.Add(-time.Hour), EndsAt: night.Add(time.Hour)},
		{ID: "77aa", Matchers: ms, State: alert.SilenceExpired, CreatedBy: "bob", Comment: "over", EndsAt: night.Add(-time.Hour)},
	}
	list[0].Recorded = list[0].Cause()
	w.Incidents[0].Alerts = 2
	w.Record = &AlertRecord{
		Rules: map[string]stats.Precision{
			list[0].Name:   {Name: list[0].Name, Firings: 12, Attached: 11, Acted: 9, Night: 4, Judged: 11, Samples: 10, Worth: 9, Noise: 1, Median: 14 * time.Minute, Ended: 11},
			"QueueBacklog": {Name: "QueueBacklog", Firings: 40, Attached: 20, Acted: 1, Night: 22, Flapping: 9, Judged: 20, Samples: 20, Worth: 1, Noise: 15, Median: 3 * time.Minute, Ended: 40},
			"DiskFillsUp":  {Name: "DiskFillsUp", Firings: 3, Attached: 3, Acted: 2, Judged: 3, Samples: 3, Worth: 2},
		},
		Week: map[string]int{list[0].Fingerprint: 3, list[1].Fingerprint: 1},
		Said: map[string]Said{list[0].Recorded: {Verdict: stats.Noise, By: "bob", At: night.Add(-time.Minute), Reason: "a deploy, as always"}}, Storms: map[incident.ID]Said{},
	}
	w.Alerts.Rules = []alert.Rule{
		{Group: "shop", Name: list[0].Name, Health: "ok", For: 2 * time.Minute, Query: `sum by (region) (rate(http_requests_total{code=~"5.."}[5m])) / sum by (region) (rate(http_requests_total[5m])) > 0.05`},
		{Group: "shop", Name: "Broken", Health: "err", LastError: "many-to-many matching not allowed", Query: "a * b"},
		{Group: "shop", Name: "Fine", Health: "ok"},
	}
	return w
}

// manyAlerts is a night in which n alerts fire.
func manyAlerts(n int) func(testing.TB) *World {
	return func(t testing.TB) *World {
		w := richWorld(t)
		w.Alerts.List = nil
		for i := range n {
			labels := query.Labels{"alertname": fmt.Sprintf("Alert%03d", i%250), "service": fmt.Sprintf("svc-%d", i%40), "instance": fmt.Sprintf("10.0.%d.%d:9100", i/250, i%250), "severity": "critical"}
			w.Alerts.List = append(w.Alerts.List, alert.Alert{
				Name: labels["alertname"], State: alert.Firing, Labels: labels, ActiveAt: night.Add(-time.Duration(i) * time.Second), Value: float64(i), Fingerprint: alert.Fingerprint(labels),
			})
		}
		return w
	}
}

// A group opens and closes, and a silence is asked for with what it would hide.
func TestSilenceFromTheAlerts(t *testing.T) {
	r := newReader(t, alertsIndex, alertsWorld(t), "INC-204", 119, 34)
	r.sees("CheckoutErrorRatio", "silences  1", "broken rules  1", "many-to-many", "INC-204", "flapping", "alice")
	e := r.view.Press(keys.Snooze, r.s)
	require.NotNil(t, e.Ask)
	require.Contains(t, e.Ask.Choices[0].Text, "hides   2", "both of the group, by all that they share")
	last := e.Ask.Choices[len(e.Ask.Choices)-1]
	next := e.Ask.Then(last.Value)
	require.NotNil(t, next.Ask, "for how long")
	done := next.Ask.Then("")
	o := done.Orders[0].(Silence)
	require.True(t, o.UntilResolved)
	require.EqualValues(t, "INC-204", o.ID)
	require.Equal(t, 24*time.Hour, o.Length)
	require.Len(t, o.Matchers.Preview(r.s.World.Alerts.List), o.Hides)

	r.press(keys.NextPane)
	e = r.view.Press(keys.EndSilence, r.s)
	require.NotNil(t, e.Ask)
	require.Equal(t, EndSilence{ID: "4d2c", Matchers: `{alertname="` + r.s.World.Alerts.List[1].Name + `"}`, Target: r.s.World.Alerts.List[1].Name}, e.Ask.Then("end").Orders[0])

	r.s.World.Alerts.Manager = ""
	require.Contains(t, r.view.Press(keys.Snooze, r.s).Toast, "alertmanager.url")
}

// A firing, or the storm that it is part of, is marked with a reason, and the mark taken back.
func TestMarkFromTheAlerts(t *testing.T) {
	w := alertsWorld(t)
	r := newReader(t, alertsIndex, w, "INC-204", 119, 34)
	r.sees("IN 7D", "PRECISION", "82 % of 11", "5 % of 20", "2 of 3", "4 at night", "noise, said bob", "rate(http_requests_total", "for 2m")
	answers := func(letters ...string) MarkAlerts {
		t.Helper()
		e := r.view.Press(keys.MarkAlert, r.s)
		for _, l := range letters {
			require.NotNil(t, e.Ask)
			e = e.Ask.Then(l)
		}
		require.Len(t, e.Orders, 1)
		return e.Orders[0].(MarkAlerts)
	}
	one := w.Alerts.List[0]
	require.Equal(t, MarkAlerts{Name: one.Name, Firings: []string{one.Recorded}, Incident: "INC-204", Verdict: stats.Useful, Reason: "it was real"}, answers("2", "it was real"))
	require.Equal(t, MarkAlerts{Name: one.Name, Firings: []string{one.Recorded}, Incident: "INC-204"}, answers("3"), "it is marked: that can be taken back")
	require.Equal(t, MarkAlerts{Storm: "INC-204", Verdict: stats.Noise}, answers("4", ""))
	r.press(keys.Bottom)
	require.Contains(t, r.view.Press(keys.MarkAlert, r.s).Toast, "has not fired")
}

// What the details say, enter says too, on a screen that has no room for them.
func TestEnterReadsWhatTheDetailsShow(t *testing.T) {
	r := newReader(t, alertsIndex, alertsWorld(t), "INC-204", 79, 18)
	r.press(keys.Detail, keys.Down)
	e := r.view.Press(keys.Detail, r.s)
	require.NotNil(t, e.Read)
	var all strings.Builder
	for _, l := range e.Read.Lines {
		fmt.Fprintln(&all, l)
	}
	for _, says := range []string{"runbook    https://", "incident   INC-204 SEV-1", "value      0.081", "fired      3 times in 7 days", "precision  82 % of 11", "mark       noise, said bob", "rule       sum by", "region=\"eu-west-1\""} {
		require.Contains(t, all.String(), says)
	}
}

func TestTenThousandAlerts(t *testing.T) {
	r := newReader(t, alertsIndex, manyAlerts(10_000)(t), "", 119, 34)
	r.sees("10000 firing", "Alert000  40 ")
	r.press(keys.Bottom)
	r.sees("Alert249")
	r.s.Filter = "svc-7[^0-9]"
	r.sees("250 firing")
	allocs := testing.AllocsPerRun(10, func() { picture(r.view, r.s, 119, 34) })
	require.Less(t, allocs, 2000.0, "only what is on the screen is written")
	now := newReader(t, 0, manyAlerts(10_000)(t), "", 119, 34)
	allocs = testing.AllocsPerRun(10, func() { picture(now.view, now.s, 119, 34) })
	require.Less(t, allocs, 20000.0, "and on the first view too")
}

// BenchmarkAlerts10k draws the view of ten thousand alerts.
func BenchmarkAlerts10k(b *testing.B) {
	v, s := Views()[alertsIndex], screenOf(manyAlerts(10_000)(b), "")
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	for b.Loop() {
		f.Clear()
		v.Draw(f, s)
	}
}

// BenchmarkAlerts10kNews is the same with a new list every time.
func BenchmarkAlerts10kNews(b *testing.B) {
	v, s := Views()[alertsIndex], screenOf(manyAlerts(10_000)(b), "")
	lists := [2][]alert.Alert{s.World.Alerts.List, append([]alert.Alert{}, s.World.Alerts.List...)}
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		world := *s.World
		world.Alerts.List, i = lists[i%2], i+1
		s.World = &world
		f.Clear()
		v.Draw(f, s)
	}
}

// Worse alerts come in above a cursor that nobody has moved, and are seen; once it is moved,
// the heading says what is above it.
func TestTheWorstAlertsAreInSight(t *testing.T) {
	w := richWorld(t)
	w.Alerts.List = nil
	w.Delivery.Policy.Declare = []escalation.DeclareRule{{Match: map[string]string{"severity": "page"}, Severity: incident.Sev1}, {Severity: incident.Sev3}}
	fires := func(name, severity string) {
		w.Alerts.List = append(w.Alerts.List, alert.Alert{Name: name, State: alert.Firing, Labels: query.Labels{"alertname": name, "severity": severity}, ActiveAt: night, Fingerprint: name})
	}
	for i := range 5 {
		fires(fmt.Sprintf("Slow%d", i), "ticket")
	}
	r := newReader(t, 0, w, "", 79, 18)
	later := *w
	w = &later
	w.Alerts.List = slices.Clone(w.Alerts.List)
	fires("Down1", "page")
	fires("Down2", "page")
	r.s.World = w
	r.sees("SEV1", "Down1", "Down2")
	r.press(keys.Bottom)
	r.sees("7 firing, 2 SEV1 above")
}
