package pane

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/stats"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// hostileAlerts are names, labels and silences as nobody would write them who means well.
func hostileAlerts(t testing.TB, alerts, matchers int) *World {
	w := alertsWorld(t)
	evil := "x\x1b]52;c;cm0gLXJm\a\x1b[2J\u202egnp\u200b\u200d\ufeff\u009b31m\r\n\x00"
	long := evil + strings.Repeat("支払い\u200b", 64<<10/12)
	w.Alerts.List = nil
	for i := range alerts {
		labels := query.Labels{"alertname": fmt.Sprint(evil, i%7, long), "service": long, "sev\x1b[2J": long, "severity": evil}
		w.Alerts.List = append(w.Alerts.List, alert.Alert{
			Name: labels["alertname"], State: alert.Firing, Labels: labels, Annotations: query.Labels{"summary": long, evil: evil, "runbook_url": "https://" + long},
			ActiveAt: night.Add(-time.Duration(i) * time.Second), Fingerprint: fmt.Sprint(i), Recorded: fmt.Sprint(i), Silenced: []string{"a/b" + evil}, Muted: long, Group: long,
		})
		w.Record.Rules[labels["alertname"]] = stats.Precision{Name: labels["alertname"], Firings: 1 << 40, Judged: 1 << 40, Samples: 1 << 40, Median: 1<<63 - 1, Ended: 1}
		w.Record.Said[fmt.Sprint(i)] = Said{Verdict: stats.Noise, By: incident.Person(long), Reason: long}
	}
	var ms alert.Matchers
	for i := range matchers {
		ms = append(ms, alert.Matcher{Name: fmt.Sprint("l", i), Value: evil, Regex: i%2 == 0, Not: i%3 == 0})
	}
	w.Alerts.Silences = nil
	for i, end := range []time.Time{{}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), night.Add(time.Hour)} {
		w.Alerts.Silences = append(w.Alerts.Silences, alert.Silence{ID: fmt.Sprint("a/b", i, evil), Matchers: ms, State: []string{alert.SilenceActive, evil, ""}[i], CreatedBy: long, Comment: long, EndsAt: end})
	}
	w.Alerts.Rules = []alert.Rule{{Group: long, Name: long, Health: "err" + evil, LastError: long, Query: long}}
	return w
}

// styles are the frame's own.
var styles = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// Alerts and silences of whoever means no good move no cursor, turn no text around and
// say nothing that is not seen, wherever one goes in the view.
func TestHostileAlertsOnTheScreen(t *testing.T) {
	for _, size := range [][2]int{{119, 34}, {40, 10}, {200, 60}} {
		r := newReader(t, alertsIndex, hostileAlerts(t, 50, 1000), "INC-204", size[0], size[1])
		for _, k := range []keys.Action{keys.Down, keys.Detail, keys.NextPane, keys.Down, keys.Bottom, keys.NextPane, keys.Top, keys.Detail} {
			r.press(k)
			text := styles.ReplaceAllString(picture(r.view, r.s, size[0], size[1]).String(), "")
			require.False(t, strings.ContainsAny(text, "\x1b\x00\a\r\u202e\u200b\ufeff\u009b"), "after %s", k)
		}
		for _, k := range []keys.Action{keys.Snooze, keys.EndSilence, keys.MarkAlert, keys.Detail} {
			r.view.Press(k, r.s)
		}
	}
}
