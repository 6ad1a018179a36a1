package pane

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// underChaos is a calm world in which CH-4 hurts payments since five minutes, and one
// alert fires.
func underChaos(t testing.TB, a alert.Alert) *World {
	return with(richWorld(t), func(w *World) {
		w.Incidents, w.Load.Live, w.Load.Result = nil, nil, nil
		w.Alerts.List = []alert.Alert{a}
		r := w.Chaos.Runs[1]
		r.Run, r.ID, r.Experiment, r.Began = "CH-4", "01J", "payments-latency", night.Add(-5*time.Minute)
		w.Chaos.Runs, w.Chaos.Past = []ChaosRun{r}, nil
	})
}

// fired is an alert of a service that began so long ago.
func fired(service string, ago time.Duration) alert.Alert {
	l := query.Labels{"alertname": "TooSlow"}
	if service != "" {
		l["service"] = service
	}
	return alert.Alert{Name: "TooSlow", State: alert.Firing, Labels: l, ActiveAt: night.Add(-ago), Fingerprint: alert.Fingerprint(l)}
}

// What begins during a run says so, whichever service it is about: those that call the one
// that is hurt feel it too. What began before it does not.
func TestAnAlertDuringARunSaysSo(t *testing.T) {
	for _, c := range []struct {
		a    alert.Alert
		mark bool
	}{
		{fired("payments", 2*time.Minute), true},
		{fired("", 2*time.Minute), true},
		{fired("checkout", 2*time.Minute), true},
		{fired("payments", 6*time.Minute), false},
		{fired("", 6*time.Minute), false},
	} {
		for _, size := range sizes() {
			r := newReader(t, 0, underChaos(t, c.a), "", size[0], size[1])
			r.sees("CH-4 payments-latency hurts payments:", "An alert fires. D declares")
			if c.mark {
				r.sees("during CH-4")
			} else {
				r.seesNot("during")
			}
		}
	}
	r := newReader(t, 0, underChaos(t, fired("payments", 2*time.Minute)), "", 200, 60)
	r.sees("during CH-4", "An alert fires. D declares")
	alerts := newReader(t, alertsIndex, r.s.World, "", 119, 34)
	alerts.sees("during CH-4", "CH-4 payments-latency hurts payments: ^X ends it.")
}

// A run that is over counts for five minutes, and an alert that began after it says that,
// if it is not about another service.
func TestAnAlertAfterARunSaysSo(t *testing.T) {
	ended := func(ago time.Duration, faults ...chaos.FaultOutcome) *World {
		return with(underChaos(t, fired("payments", time.Minute)), func(w *World) {
			w.Chaos.Runs = nil
			w.Chaos.Past = []ChaosPast{{Run: "CH-4", ID: "01J", Experiment: "payments-latency", Began: night.Add(-10 * time.Minute), Ended: night.Add(-ago), Outcome: &chaos.Outcome{Verdict: chaos.Aborted, Faults: faults}}}
		})
	}
	hurt := chaos.FaultOutcome{Kind: "http.latency", Target: "payments-1"}
	newReader(t, 0, ended(2*time.Minute, hurt), "", 199, 54).sees("after CH-4", "CH-4 payments-latency hurt payments", "until 2m ago (aborted).")
	newReader(t, 0, ended(30*time.Second, hurt), "", 199, 54).sees("during CH-4")
	newReader(t, 0, ended(6*time.Minute, hurt), "", 199, 54).seesNot("CH-4 payments-latency hurt", "after CH-4", "during CH-4")
	newReader(t, 0, ended(2*time.Minute), "", 199, 54).seesNot("CH-4 payments-latency hurt", "after CH-4")
	other := ended(2*time.Minute, hurt)
	other.Alerts.List = []alert.Alert{fired("checkout", time.Minute)}
	newReader(t, 0, other, "", 199, 54).seesNot("CH-4 payments-latency hurt")
	other.Alerts.List = []alert.Alert{fired("", time.Minute), fired("checkout", time.Hour)}
	newReader(t, 0, other, "", 199, 54).sees("CH-4 payments-latency hurt", "1 after CH-4")
}

// What to do first begins with what is done on purpose, as it stands.
func TestTheAdviceBeginsWithWhatIsDoneOnPurpose(t *testing.T) {
	w := underChaos(t, fired("payments", 2*time.Minute))
	w.Alerts.List = nil
	r := newReader(t, 0, w, "", 199, 54)
	as := func(change func(*ChaosRun)) {
		r.s.World = with(w, func(w *World) {
			run := w.Chaos.Runs[0]
			change(&run)
			w.Chaos.Runs = []ChaosRun{run}
		})
	}
	said := func() string { return strings.Join(advice(r.s), " ") }
	require.Equal(t, "CH-4 payments-latency hurts payments: ^X ends it. When an alert fires, D declares an incident.", said())
	as(func(r *ChaosRun) { r.Faults, r.Last.Phase = nil, chaos.Baseline })
	require.Contains(t, said(), "CH-4 payments-latency is about to hurt payments: ^X stops it.")
	as(func(r *ChaosRun) { r.Last.Phase = chaos.Recovering })
	require.Contains(t, said(), "CH-4 payments-latency has hurt payments and is undone: whether that recovers is looked at.")
	as(func(r *ChaosRun) { r.Left = "its processes are dead" })
	require.Contains(t, said(), "CH-4 payments-latency is NOT UNDONE on payments: its processes are dead. sitrep chaos recover says what to do.")
	as(func(r *ChaosRun) { r.Experiment, r.Targets = "unknown-here", "db-1" })
	require.Contains(t, said(), "CH-4 unknown-here hurts db-1: ^X ends it.")
	r.s.World = with(w, func(w *World) {
		w.Chaos.Runs = nil
		w.Load.Run, w.Load.Plan, w.Load.Live = "LT-7", "smoke", &loadtest.Progress{Elapsed: time.Second}
	})
	require.Equal(t, "LT-7 smoke loads 127.0.0.1:8080: ^X ends it. When an alert fires, D declares an incident.", said())
	r.s.World = with(w, func(w *World) {
		w.Chaos.Runs, w.Chaos.Halt = nil, &chaos.HaltFile{By: "ana", Since: night.Add(-time.Minute)}
	})
	require.Equal(t, "HALT by ana, 1m: none starts: 4 says more, and how that ends.", said())
	r.s.Prod = true
	r.sees("HALT by ana")
	require.Equal(t, "4", r.s.Keys.Label(keys.ViewActions))
}
