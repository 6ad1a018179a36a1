package postmortem_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

var update = flag.Bool("update", false, "write the goldens anew")

var three = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// night plays an incident against the clock: times are "03:07:30" of one night.
type night struct {
	t      require.TestingT
	inc    incident.Incident
	events []incident.Event
}

func at(clock string) time.Time {
	d, err := time.Parse("15:04:05", clock)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, 24, d.Hour(), d.Minute(), d.Second(), 0, time.UTC)
}

func by(who incident.Person, clock string) incident.By {
	return incident.By{Actor: who, Source: "tui", At: at(clock)}
}

func (n *night) add(events []incident.Event, err error) {
	require.NoError(n.t, err)
	for _, e := range events {
		e.Seq = int64(len(n.events) + 1)
		e.ID = fmt.Sprintf("event-%03d", e.Seq)
		if e.Recorded.IsZero() {
			e.Recorded = e.At
		}
		n.events, n.inc = append(n.events, e), n.inc.Apply(e)
	}
}

// outside is an event that belongs to no incident.
func (n *night) outside(clock string, kind incident.Kind, source, text, data string) {
	n.add([]incident.Event{{At: at(clock), Kind: kind, Actor: incident.Sitrep, Source: source, Text: text, Data: json.RawMessage(data)}}, nil)
}

func (n *night) rung(clock string, kind incident.Kind, e incident.Escalation) {
	n.add([]incident.Event{{
		Incident: n.inc.ID, At: at(clock), Kind: kind, Actor: incident.Sitrep, Source: "ladder",
		Text: fmt.Sprintf("%s, round %d", e.Level, e.Round), Data: incident.Payload(e),
	}}, nil)
}

// page is one page and how long after queueing each further step came.
func (n *night) page(clock, id string, level incident.Level, sink, failure string, steps map[incident.Kind]time.Duration) {
	data := incident.Payload(map[string]any{"message": id, "level": level, "sink": sink, "operation": "trigger", "error": failure})
	say := func(kind incident.Kind, when time.Time) {
		n.add([]incident.Event{{Incident: n.inc.ID, At: when, Kind: kind, Actor: incident.Sitrep, Source: "outbox", Text: string(kind) + " " + id, Data: data}}, nil)
	}
	say(incident.PageQueued, at(clock))
	for _, kind := range []incident.Kind{incident.PageAttempted, incident.PageAccepted, incident.PageAcknowledged, incident.PageDiverted, incident.PageFailed} {
		if d, ok := steps[kind]; ok {
			say(kind, at(clock).Add(d))
		}
	}
}

// ladder is something that the ladder says of itself, or of people.
func (n *night) ladder(clock string, kind incident.Kind, text string, data any) {
	e := incident.Event{Incident: "INC-12", At: at(clock), Kind: kind, Actor: incident.Sitrep, Source: "escalation", Text: text}
	if data != nil {
		e.Data = incident.Payload(data)
	}
	n.add([]incident.Event{e}, nil)
}

func spark(n int, shape func(int) any) (out []any) {
	for i := range n {
		out = append(out, shape(i))
	}
	return out
}

func signal(name, unit string, v, threshold any, state string, line []any, promql string) map[string]any {
	return map[string]any{"name": name, "unit": unit, "value": v, "threshold": threshold, "state": state, "trend": 1, "spark": line, "query": promql, "step_seconds": 5, "at": "2026-11-24T03:00:00Z"}
}

const (
	errorQuery   = `sum by (job) (rate(http_requests_total{job="checkout",code=~"5.."}[1m])) / sum by (job) (rate(http_requests_total{job="checkout"}[1m]))`
	latencyQuery = `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job="checkout"}[1m])))`
)

// evidence as it was at three moments of the night.
func evidence(moment string) json.RawMessage {
	switch moment {
	case "declared":
		return incident.Payload([]any{
			signal("Error ratio", "percentunit", 0.124, 0.01, "crit", spark(60, func(i int) any { return 0.002 + 0.122*max(0, float64(i-48))/11 }), errorQuery),
			signal("p95 latency", "s", 1.84, 0.5, "crit", spark(60, func(i int) any { return 0.11 + 1.73*max(0, float64(i-46))/13 }), latencyQuery),
			signal("Queue depth", "short", nil, nil, "no data", nil, "queue_depth"),
		})
	case "acknowledged":
		return incident.Payload([]any{
			signal("Error ratio", "percentunit", 0.187, 0.01, "crit", spark(60, func(int) any { return 0.187 }), errorQuery),
			signal("p95 latency", "s", 2.4, 0.5, "crit", nil, latencyQuery),
		})
	}
	return incident.Payload(map[string]any{"signals": []any{
		signal("Error ratio", "percentunit", 0.0018, 0.01, "ok", spark(60, func(i int) any {
			if i >= 20 && i < 24 {
				return nil
			}
			return 0.0018 + 0.15*max(0, float64(30-i))/30
		}), errorQuery),
		signal("p95 latency", "s", 0.131, 0.5, "ok", spark(60, func(i int) any { return 0.131 + 1.5*max(0, float64(26-i))/26 }), latencyQuery),
	}})
}

// captured is what the capturer tells of a moment.
func (n *night) captured(clock string, of incident.Kind, what, moment string, signals ...incident.Course) {
	n.add([]incident.Event{{
		Incident: n.inc.ID, At: at(clock), Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Source: "evidence", Text: "the board as it was",
		Data: incident.Payload(incident.Capture{
			Event: "at-" + moment, Kind: of, What: what, At: at(moment), Source: "http://127.0.0.1:9090",
			Boards: []incident.CapturedBoard{{Name: "shop", From: at("02:00:00"), To: at(moment), Step: 15, Panels: 2, Series: 4, Values: 900, Bytes: 4000, Signals: signals}},
		}),
	}}, nil)
}

// course is that of a signal in the kept series.
func course(name, unit, series string, peak, threshold float64, peakAt, first, last, promql string) incident.Course {
	return incident.Course{
		Name: name, Unit: unit, Query: promql, Step: 15, Series: series, Peak: &peak, PeakAt: at(peakAt), Threshold: &threshold, State: "crit",
		FirstOut: at(first), LastOut: at(last),
	}
}

// sev1 is a night with a deploy, an experiment of our own, an escalation to L2,
// a page that failed, a load check and a morning after.
func sev1(t require.TestingT) *night {
	n := &night{t: t}
	n.outside("02:41:12", incident.ChangeRecorded, "cli", "deploy checkout v1.42", `{"service":"checkout"}`)
	n.outside("02:57:50", incident.ChaosStarted, "chaos", "CH-7 payments-latency started", `{"run":"CH-7"}`)
	n.outside("02:58:01", incident.ChaosInjected, "chaos", "CH-7 http.latency 300ms on payments-2", `{"run":"CH-7"}`)
	n.outside("02:59:05", incident.AlertFired, "alert", "HighErrorRate job=checkout", "")

	b := by("ana", "03:00:02")
	b.Evidence = evidence("declared")
	e, err := incident.Declare(b, "INC-12", incident.Declaration{
		Title: "Checkout answers 5xx for one in eight", Severity: incident.Sev2, Service: "checkout",
		DetectedAt: at("02:59:05"), DetectedBy: "HighErrorRate",
	})
	n.add([]incident.Event{e}, err)
	n.captured("03:00:05", incident.Declared, "declared", "03:00:02",
		course("Error ratio", "percentunit", "checkout", 0.124, 0.01, "03:00:00", "02:58:15", "03:00:00", errorQuery))
	n.rung("03:00:03", incident.EscalationEntered, incident.Escalation{Level: "L1", Round: 1, Reason: "declared", Severity: incident.Sev2, Who: []incident.Person{"bob"}, Notify: []string{"pagerduty:primary", "slack:#incidents"}})
	n.page("03:00:03", "01P1", "L1", "pagerduty:primary", "", map[incident.Kind]time.Duration{incident.PageAttempted: 0, incident.PageAccepted: 800 * time.Millisecond})
	n.page("03:00:03", "01S1", "L1", "slack:#incidents", "429 too many requests", map[incident.Kind]time.Duration{incident.PageAttempted: 0, incident.PageFailed: 40 * time.Second})
	n.add(n.inc.ChangeSeverity(by("ana", "03:07:30"), incident.Sev1, "payments fail too"))
	n.rung("03:07:31", incident.EscalationRenotified, incident.Escalation{Level: "L1", Round: 2, Reason: "severity", Severity: incident.Sev1, Who: []incident.Person{"bob"}})
	n.page("03:07:31", "01P2", "L1", "pagerduty:primary", "", map[incident.Kind]time.Duration{incident.PageAccepted: 700 * time.Millisecond})
	n.ladder("03:14:00", incident.AuditFailed, "L1 round 2 (unanswered) was due and had not been done; it is done now", nil)
	n.ladder("03:15:02", incident.TargetMissed, "not acknowledged within the 15m that SEV-2 allows", incident.Overdue{Target: incident.TargetRespond, DueAt: at("03:15:02")})
	n.rung("03:15:03", incident.EscalationEntered, incident.Escalation{Level: "L2", Round: 1, Reason: "climbed", Severity: incident.Sev1, Who: []incident.Person{"cleo"}})
	n.page("03:15:03", "01P3", "L2", "pagerduty:lead", "", map[incident.Kind]time.Duration{incident.PageAccepted: 900 * time.Millisecond, incident.PageAcknowledged: 2*time.Minute + 10*time.Second})
	b = by("cleo", "03:17:13")
	b.Evidence = evidence("acknowledged")
	n.add(n.inc.Acknowledge(b))
	n.add(n.inc.Assign(by("cleo", "03:18:00"), incident.Commander, "cleo"))
	n.add(n.inc.Note(by("cleo", "03:19:40"), "checkout waits for payments; pool of 20 connections is full"))
	n.add(n.inc.ChangeStatus(by("cleo", "03:21:00"), incident.StatusIdentified, "connection pool to payments"))
	n.outside("03:22:10", incident.ChaosGuardTripped, "chaos", "CH-7 guard errors above 0.05", `{"run":"CH-7"}`)
	n.outside("03:22:11", incident.ChaosUndone, "chaos", "CH-7 http.latency undone on payments-2", `{"run":"CH-7"}`)
	n.outside("03:22:12", incident.ChaosFinished, "chaos", "CH-7 payments-latency aborted by a guard", `{"run":"CH-7","verdict":"aborted"}`)
	n.add(n.inc.Acknowledge(by("bob", "03:24:00")))
	n.add(n.inc.Did(by("bob", "03:26:30"), incident.Action{Text: "rolled checkout back to v1.41", Mitigates: true}))
	note, err := n.inc.Note(by("bob", "03:20:00"), "rollback started")
	note[0].Recorded = at("03:27:00")
	n.add(note, err)
	n.add(n.inc.ChangeStatus(by("cleo", "03:30:00"), incident.StatusMonitoring, ""))
	n.outside("03:41:00", incident.LoadStarted, "load", "LT-3 smoke started", `{"run":"LT-3"}`)
	n.outside("03:42:00", incident.LoadFinished, "load", "LT-3 smoke: pass: 400/s of 400/s, p50 41 ms, p95 128 ms, p99 201 ms, errors 0%", `{"run":"LT-3","plan":"smoke","verdict":"pass","duration_seconds":60,"requested_rate":400,"achieved_rate":400,"error_ratio":0,
		"latency_seconds":{"p50":0.041,"p95":0.128,"p99":0.201},"thresholds":[{"expr":"p95<500ms","value":0.128,"ok":true}]}`)
	n.outside("03:43:10", incident.AlertResolved, "alert", "HighErrorRate job=checkout", "")
	b = by("cleo", "03:52:40")
	b.Evidence = evidence("resolved")
	n.add(n.inc.Resolve(b, "rolled checkout back to v1.41, which gives connections back"))
	n.captured("03:52:43", incident.Resolved, "resolved", "03:52:40",
		course("Error ratio", "percentunit", "checkout", 0.226, 0.01, "03:11:45", "02:58:30", "03:28:00", errorQuery),
		course("p95 latency", "s", "p95", 2.61, 0.5, "03:12:15", "02:58:45", "03:27:15", latencyQuery),
		incident.Course{Name: "Queue depth", Unit: "short", Query: "queue_depth", Step: 15, State: "no data"})
	n.add(n.inc.Did(by("bob", "09:10:00"), incident.Action{Term: incident.ShortTerm, Text: "doubled the pool and set a 1s timeout on payments calls"}))
	n.add(n.inc.AddItem(by("cleo", "09:30:00"), "alert on pool saturation above 80 %", "bob", time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)))
	n.add(n.inc.AddItem(by("cleo", "09:31:00"), "run payments-latency against every release candidate", "", time.Time{}))
	return n
}

func (n *night) draft() postmortem.Document { return postmortem.Draft(n.inc, n.events, at("10:00:00")) }

func (n *night) markdown() string {
	return postmortem.Merge(postmortem.Stored{}, n.draft()).Markdown()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}
