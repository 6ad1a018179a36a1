package pane

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	w.Alerts.Rules = []alert.Rule{{Group: "shop", Name: "Broken", Health: "err", LastError: "many-to-many matching not allowed", Query: "a * b"}, {Group: "shop", Name: "Fine", Health: "ok"}}
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

func TestTenThousandAlerts(t *testing.T) {
	r := newReader(t, alertsIndex, manyAlerts(10_000)(t), "", 119, 34)
	r.sees("10000 firing", "Alert000", "×40")
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
