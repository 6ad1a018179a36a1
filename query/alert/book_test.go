package alert_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
)

func TestBook(t *testing.T) {
	start := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	of := func(name, service string) alert.Alert {
		l := query.Labels{"alertname": name, "service": service}
		return alert.Alert{Name: name, Labels: l, Fingerprint: alert.Fingerprint(l), ActiveAt: start, From: alert.FromManager}
	}
	r := alert.Rules{Window: 5 * time.Minute, By: []string{"service"}, Times: 2, Within: time.Hour, Hold: time.Minute}
	b := alert.NewBook()
	a := of("A", "shop")
	a.Incident = "INC-1"
	b.Fired(a, start, r.By)
	require.Equal(t, []string{"INC-1"}, b.Storm(of("B", "shop"), r, start.Add(4*time.Minute)))
	require.Empty(t, b.Storm(of("B", "shop"), r, start.Add(5*time.Minute)), "the window is over")
	require.Empty(t, b.Storm(of("B", "other"), r, start))
	require.Equal(t, []string{"INC-1"}, b.Storm(of("A", "other"), r, start), "by its name")
	unset := of("A", "shop")
	unset.ActiveAt = time.Time{}
	found, is := b.Find(unset)
	require.True(t, is, "whoever does not say when means the one that fires")
	require.Equal(t, "INC-1", found.Incident)
	b.Moved("INC-1", "INC-2")
	require.Equal(t, []string{"INC-2"}, b.Storm(of("B", "shop"), r, start))
	b.Forget("INC-2")
	require.Empty(t, b.Storm(of("B", "shop"), r, start))
	require.False(t, b.Flaps(a.Fingerprint, r, start))
	b.Ended(a)
	a.ActiveAt, a.Incident = start.Add(time.Minute), ""
	a.Flapping = true
	b.Fired(a, a.ActiveAt, r.By)
	require.True(t, b.Flaps(a.Fingerprint, r, start.Add(time.Minute)))
	require.False(t, b.Flaps(a.Fingerprint, r, start.Add(2*time.Hour)))
	require.Empty(t, b.Lasting(r, start.Add(90*time.Second)))
	require.Len(t, b.Lasting(r, start.Add(2*time.Minute)), 1)
	b.Steady(a)
	require.Empty(t, b.Lasting(r, start.Add(2*time.Minute)))
	b.Prune(start.Add(2 * time.Hour))
	require.False(t, b.Flaps(a.Fingerprint, r, start.Add(time.Minute)))
	require.Len(t, b.Firing(alert.FromManager), 1)
	require.Empty(t, b.Firing(alert.FromPrometheus))
}

// Ten thousand alerts of one rule are found again in the words of the other source
// without comparing each with each.
func BenchmarkCovered10k(b *testing.B) {
	book := alert.NewBook()
	var asked []alert.Alert
	for i := range 10_000 {
		l := query.Labels{"alertname": "A", "instance": fmt.Sprint(i)}
		asked = append(asked, alert.Alert{Name: "A", Labels: l, Fingerprint: alert.Fingerprint(l)})
		l = query.Labels{"alertname": "A", "instance": fmt.Sprint(i), "replica": "a"}
		book.Fired(alert.Alert{Name: "A", Labels: l, Fingerprint: alert.Fingerprint(l), From: alert.FromManager}, time.Time{}, nil)
	}
	for b.Loop() {
		for _, a := range asked {
			if !book.Covered(a) {
				b.Fatal("not found")
			}
		}
	}
}
