package tui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// storm is n alerts of 50 rules, as a source would give them.
func storm(n int, now time.Time) []alert.Alert {
	list := make([]alert.Alert, n)
	for i := range list {
		labels := query.Labels{
			"alertname": fmt.Sprintf("Rule%02d", i%50), "severity": "critical", "service": []string{"payments", "checkout"}[i%2],
			"instance": fmt.Sprintf("10.0.%d.%d:9100", i/250, i%250), "region": fmt.Sprintf("eu-%d", i%3),
		}
		list[i] = alert.Alert{
			Name: labels["alertname"], State: alert.Firing, Labels: labels, Annotations: query.Labels{"summary": fmt.Sprintf("host %d is ill", i)},
			ActiveAt: now.Add(-time.Duration(i) * time.Millisecond), Fingerprint: alert.Fingerprint(labels),
		}
	}
	return list
}

func stormy(n int) func(*Options) {
	return with(func(w *pane.World, now time.Time) { w.Alerts.List, w.Alerts.At = storm(n, now), now })
}

// Ten thousand alerts are gone through when they come, not for every picture: one
// takes no more memory than with a hundred of the same rules.
func TestAPictureCostsTheSameWithTenThousandAlerts(t *testing.T) {
	for _, view := range []string{"1", "2", "8"} {
		allocated := func(n int) float64 {
			m := still(t, 120, 40, []string{view}, stormy(n))
			m.View()
			return testing.AllocsPerRun(5, func() {
				m.picture.stale = true
				m.View()
			})
		}
		few, many := allocated(100), allocated(10_000)
		// A count of three digits takes memory where one of two takes none, in each row.
		const rows, figures = 40, 3
		require.LessOrEqual(t, many, few+rows*figures, "view %s", view)
	}
}

// Keys go on being answered while such lists come in, and what they do is about the
// alert that was chosen.
func TestTenThousandAlertsDoNotFreezeAnything(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("8")
		for turn := range 2 {
			p.world(func(w *pane.World) { w.Alerts.List, w.Alerts.At = storm(10_000, p.m.now), p.m.now })
			p.press("down", "down", "up")
			p.sees("10000 firing", fmt.Sprintf("Rule%02d", turn))
			p.press("1", "8")
			p.sees("10000 firing")
		}
		p.press("G")
		p.sees("Rule49")
		p.world(func(w *pane.World) { w.Alerts.List = slices.Clone(w.Alerts.List[:1]) })
		p.sees("1 firing")
	})
}

// BenchmarkTenThousandAlerts draws everything anew; BenchmarkRedraw is without them.
func BenchmarkTenThousandAlerts(b *testing.B) {
	for _, view := range []string{"1", "2", "8"} {
		b.Run("view"+view, func(b *testing.B) {
			m := still(b, 120, 40, []string{view}, stormy(10_000))
			b.ReportAllocs()
			for b.Loop() {
				m.picture.stale = true
				m.View()
			}
		})
	}
	b.Run("the same list again", func(b *testing.B) {
		m := still(b, 120, 40, []string{"1"}, stormy(10_000))
		b.ReportAllocs()
		for b.Loop() {
			m.heard.take(m.world)
		}
	})
}
