package pane

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// readyShop is how ready the shop is: one service that is well, one that is not, one of
// which little is known, and a routine of which some is done.
func readyShop(now time.Time) *Readiness {
	ago := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	standing := func(name string, sli, budget float64) readiness.Standing {
		return readiness.Standing{Name: name, Measure: readiness.Availability, Target: 0.999, SLI: sli, Budget: budget}
	}
	facts := readiness.Facts{
		Moments: map[readiness.Proof]time.Time{readiness.Loaded: ago(10), readiness.Chaos: ago(40), readiness.Drilled: ago(3), readiness.Checked: now.Add(-time.Minute)},
		States: map[readiness.Proof]readiness.Mark{
			readiness.HasObjectives: {State: readiness.OK, Why: "3 are defined"}, readiness.HasRunbooks: {State: readiness.OK, Why: "there are 2"},
			readiness.HasOnCall: {State: readiness.Bad, Why: "nobody is told at L4"}, readiness.HasMetrics: {State: readiness.OK, Why: "Prometheus answers"},
		},
		Plans: []readiness.Plan{{Name: "checkout-day", Next: now.Add(23 * time.Hour)}, {Name: "network-day", Last: now.Add(-2 * time.Hour)}, {Name: "far-day", Next: now.Add(800 * time.Hour)}},
		Signed: map[string]readiness.Signed{
			"rollback": {By: "ana", At: ago(5), Until: ago(-85), Note: "v41 to v40 in 3 min"}, "slo-review": {By: "bob", At: ago(20), Until: ago(13)},
			"capacity-planning": {By: "carol", At: ago(30), Until: ago(-61)},
		},
	}
	of := func(e readiness.Evidence) readiness.Card { return readiness.Assess(e, now) }
	return &Readiness{
		At: now.Add(-2 * time.Minute), Told: now.Add(-2 * time.Minute), Due: readiness.Review(facts, now),
		Cards: []readiness.Card{
			of(readiness.Evidence{Service: "checkout", Standings: []readiness.Standing{standing("checkout-availability", 0.9995, 0.5)}, Alerts: 3, Runbooks: 1, LoadPassed: ago(10), ChaosHeld: ago(40), Restored: ago(3), ItemsOpen: 2}),
			of(readiness.Evidence{Service: "payments", Standings: []readiness.Standing{standing("payments", 0.992, -1.4)}, Alerts: 1, ItemsOpen: 3, ItemsOverdue: 1}),
			of(readiness.Evidence{Service: "search", Standings: []readiness.Standing{standing("search-latency", math.NaN(), math.NaN())}, AlertsUnknown: true, Runbooks: 1}),
		},
	}
}

func readyWorld(testing.TB) *World { return &World{Readiness: readyShop(night)} }

// readyAndCalm is the rich world without what is on fire.
func readyAndCalm(t testing.TB) *World {
	w := richWorld(t)
	w.Incidents, w.Alerts.List, w.Readiness = w.Incidents[2:], nil, readyShop(night)
	return w
}

func TestScorecardPictures(t *testing.T) {
	t.Parallel()
	for _, size := range sizes() {
		shows := func(name string, w *World, press ...keys.Action) {
			v, s := &scorecard{due: &dueSpot{}}, screenOf(w, "")
			picture(v, s, size[0], size[1])
			for _, a := range press {
				v.Press(a, s)
			}
			golden(t, fmt.Sprintf("%s_%dx%d", name, size[0], size[1]), picture(v, s, size[0], size[1]).Plain())
		}
		shows("scorecard", readyWorld(t))
		shows("scorecard_due", readyWorld(t), keys.WhatIsDue, keys.Down)
		silent := readyWorld(t)
		silent.Readiness.Err, silent.Readiness.Told = errors.New("connection refused"), night.Add(-17*time.Minute)
		shows("scorecard_silent", silent, keys.Down)
		shows("scorecard_empty", &World{})
	}
}

// What is due is told on the first screen while nothing is on fire, and only then.
func TestDueOnTheFirstScreen(t *testing.T) {
	t.Parallel()
	for _, size := range sizes() {
		golden(t, fmt.Sprintf("now_due_%dx%d", size[0], size[1]), picture(Views()[0], screenOf(readyAndCalm(t), ""), size[0], size[1]).Plain())
	}
	said := func(change func(*World)) bool {
		w := readyAndCalm(t)
		change(w)
		return len(calmlyDue(screenOf(w, ""), &filter{})) > 0
	}
	require.True(t, said(func(*World) {}))
	require.False(t, said(func(w *World) {
		w.Incidents = append(w.Incidents, incident.Incident{ID: "INC-9", Status: incident.StatusOpen})
	}), "an incident is open")
	require.False(t, said(func(w *World) {
		w.Alerts.List = []alert.Alert{{Name: "x", State: alert.Firing, Labels: query.Labels{}}}
	}), "an alert fires")
	require.False(t, said(func(w *World) { w.Readiness = nil }))
	require.False(t, said(func(w *World) { w.Unread = true }))
	require.False(t, said(func(w *World) {
		done := *w.Readiness
		done.Due = nil
		w.Readiness = &done
	}))
}

// The line on the first screen leads to its duty, which is signed there.
func TestADutyIsOpenedAndSigned(t *testing.T) {
	t.Parallel()
	views, s := Views(), screenOf(readyAndCalm(t), "")
	first, cards := views[0], views[len(views)-1]
	opened := func() Effect {
		picture(first, s, 119, 34)
		for first.(*now).panes.focus != "due" {
			require.True(t, first.Press(keys.NextPane, s).Handled)
		}
		require.Equal(t, keys.ViewScorecard, first.Press(keys.Detail, s).Act)
		picture(cards, s, 119, 34)
		return cards.Press(keys.Sign, s)
	}
	e := opened()
	require.Nil(t, e.Form)
	require.Equal(t, "checkout-day is done when it is held: sitrep gameday run checkout-day", e.Toast, "what begins soon comes first")
	first.Press(keys.Down, s)
	first.Press(keys.Down, s)
	e = opened()
	require.NotNil(t, e.Form)
	require.Equal(t, "Sign slo-review", e.Form.Title, "the second of those that are longest overdue")

	wrong := e.Form.Then([]string{"by hand", "soon"})
	require.Contains(t, wrong.Toast, `sign slo-review: "soon" is no time up to a year`)
	require.Equal(t, "by hand", wrong.Form.Fields[0].Initial, "what was typed comes back")
	require.Empty(t, wrong.Orders)
	require.Equal(t, []Order{Sign{Duty: "slo-review", Note: "by hand", Holds: 14 * 24 * time.Hour}}, e.Form.Then([]string{" by hand ", "2w"}).Orders)
	require.Equal(t, []Order{Sign{Duty: "slo-review", Holds: 7 * 24 * time.Hour}}, e.Form.Then([]string{"", ""}).Orders)

	s.ReadOnly = true
	e = cards.Press(keys.Sign, s)
	require.Nil(t, e.Form)
	require.Contains(t, e.Toast, "is read-only")
}

func TestDueText(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"load-test": "due 3d, last load run 10d ago", "slo-review": "due 13d, last signed 20d ago by bob", "metrics-review": "never done",
		"rollback": "due again in 85d, signed 5d ago by ana", "health-checks": "due again in 23h59m, checks 1m ago", "response-team": "nobody is told at L4", "alerting": "not known",
		"gameday:checkout-day": "game day begins in 23h00m", "gameday:network-day": "game day not held 2h00m ago", "gameday:far-day": "game day in 33d",
	}
	for _, d := range readyShop(night).Due {
		if text, ok := want[d.ID]; ok {
			require.Equal(t, text, dueText(d, night), d.ID)
			delete(want, d.ID)
		}
	}
	require.Empty(t, want)
}

// readinesses are what nobody has gathered yet.
func readinesses() *rapid.Generator[*Readiness] {
	return rapid.Custom(func(t *rapid.T) *Readiness {
		if rapid.IntRange(0, 4).Draw(t, "none") == 0 {
			return nil
		}
		r := &Readiness{At: when().Draw(t, "gathered"), Told: when().Draw(t, "told")}
		if rapid.Bool().Draw(t, "silent") {
			r.Err = errors.New(hostile().Draw(t, "trouble"))
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "services") {
			r.Cards = append(r.Cards, readiness.Assess(readiness.Evidence{
				Service: fmt.Sprint(i, hostile().Draw(t, "service")), ItemsOpen: rapid.IntRange(0, 3).Draw(t, "items"), LoadPassed: when().Draw(t, "passed"),
				Standings: []readiness.Standing{{Name: hostile().Draw(t, "objective"), Measure: readiness.Latency, SLI: number64().Draw(t, "sli"), Budget: number64().Draw(t, "budget")}},
			}, night))
		}
		signed := map[string]readiness.Signed{}
		for _, id := range rapid.SliceOfN(rapid.SampledFrom([]string{"restore", "load-test", "chaos", "training"}), 0, 4).Draw(t, "signed") {
			signed[id] = readiness.Signed{By: hostile().Draw(t, "by"), Note: hostile().Draw(t, "note"), At: when().Draw(t, "signed at"), Until: when().Draw(t, "until")}
		}
		r.Due = readiness.Review(readiness.Facts{Moments: map[readiness.Proof]time.Time{readiness.Loaded: when().Draw(t, "loaded")}, Signed: signed, Plans: []readiness.Plan{
			{Name: hostile().Draw(t, "day"), Last: when().Draw(t, "last"), Next: when().Draw(t, "next"), Held: when().Draw(t, "held")},
		}}, night)
		return r
	})
}
