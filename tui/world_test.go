package tui

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// desk is an operator that writes down what it was asked for, and answers as it
// was told to.
type desk struct {
	mu     sync.Mutex
	orders []pane.Order
	answer func(pane.Order) (pane.Receipt, error)
}

func (d *desk) Do(_ context.Context, o pane.Order) (pane.Receipt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.orders = append(d.orders, o)
	if d.answer != nil {
		return d.answer(o)
	}
	return pane.Receipt{}, nil
}

// taken is what was asked for since the last call, without the board's windows and
// without what the rules were asked.
func (d *desk) taken() []pane.Order {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []pane.Order
	for _, o := range d.orders {
		switch o.(type) {
		case pane.Window, pane.JudgeChaos:
		default:
			out = append(out, o)
		}
	}
	d.orders = nil
	return out
}

// shopPolicy names people on the first two rungs.
func shopPolicy(t testing.TB) escalation.Policy {
	p, err := escalation.LoadPolicy("policy.yaml", []byte(`
ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:primary", "slack:#incidents"], who: [alice]}
    - {level: L2, respond_within: 15m, escalate_after: 30m, until: resolved, notify: ["pagerduty:lead", "slack:#incidents"], who: [bob]}
    - {level: L3, respond_within: 30m, escalate_after: 1h, until: resolved, notify: ["pagerduty:manager", "slack:#incidents"], who: [sre-lead]}
    - {level: L4, respond_within: 1h, repeat_every: 2h, until: resolved, notify: ["pagerduty:executive", "slack:#incidents"], who: [cto]}
`))
	require.NoError(t, err)
	return p
}

// story builds incidents by the very commands that make them.
type story struct {
	t      testing.TB
	policy escalation.Policy
	events map[incident.ID][]incident.Event
	seq    int64
}

func (s *story) add(id incident.ID, events ...incident.Event) incident.Incident {
	for _, e := range events {
		s.seq++
		e.Seq, e.ID, e.Recorded = s.seq, string(id)+e.At.Format("150405"), e.At
		s.events[id] = append(s.events[id], e)
	}
	return incident.Fold(s.events[id]...)
}

func (s *story) must(events []incident.Event, err error) []incident.Event {
	require.NoError(s.t, err)
	return events
}

// climb lets the ladder run until then.
func (s *story) climb(inc incident.Incident, until time.Time) incident.Incident {
	at := inc.Clocks.Declared
	for {
		due, next := escalation.Next(inc, s.policy.For(inc), at)
		for _, step := range due {
			inc = s.add(inc.ID, step.Event(inc, at))
		}
		if len(due) > 0 {
			continue
		}
		if next.IsZero() || next.After(until) {
			return inc
		}
		at = next
	}
}

// declare opens an incident.
func (s *story) declare(id incident.ID, at time.Time, sev incident.Severity, title, service string) incident.Incident {
	by := incident.By{Actor: incident.Sitrep, Source: "alert", At: at}
	e, err := incident.Declare(by, id, incident.Declaration{
		Title: title, Severity: sev, Service: service, DetectedAt: at.Add(-time.Minute), DetectedBy: "alert HighErrorRate",
		Labels: map[string]string{"alertname": "HighErrorRate", "service": service}, Policy: s.policy.Frozen(service),
	})
	return s.add(id, s.must([]incident.Event{e}, err)...)
}

// shopWorld is a bad night at the shop, at now: one incident that nobody has
// acknowledged, one that alice has, one that is over; alerts, charts, chaos,
// load, pages and a draft.
func shopWorld(t testing.TB, now time.Time) *pane.World {
	s := &story{t: t, policy: shopPolicy(t), events: map[incident.ID][]incident.Event{}}
	alice := func(ago time.Duration) incident.By {
		return incident.By{Actor: "alice", Source: "tui", At: now.Add(-ago)}
	}
	one := s.declare("INC-204", now.Add(-14*time.Minute-32*time.Second), incident.Sev1, "checkout 5xx ratio > 5%", "checkout")
	one = s.climb(one, now)
	one = s.add("INC-204", s.must(one.Note(alice(9*time.Minute), "suspect the pool size of payments"))...)
	one = s.add("INC-204", s.must(one.Tick(alice(8*time.Minute), incident.Step{Runbook: "checkout-5xx", Step: "board", Text: "confirm on the board", Result: "7.24% eu, 2.1% us", Queries: []string{"errors"}, Asked: now.Add(-8 * time.Minute)}))...)
	two := s.declare("INC-203", now.Add(-40*time.Minute), incident.Sev3, "queue backlog", "inventory")
	two = s.climb(two, now.Add(-38*time.Minute))
	two = s.add("INC-203", s.must(two.Acknowledge(alice(38*time.Minute)))...)
	past := s.declare("INC-202", now.Add(-5*time.Hour), incident.Sev2, "search slow", "search")
	past = s.climb(past, now.Add(-298*time.Minute))
	past = s.add("INC-202", s.must(past.Acknowledge(alice(298*time.Minute)))...)
	past = s.add("INC-202", s.must(past.Resolve(alice(200*time.Minute), "index rebuilt"))...)
	s.add("", incident.Event{At: now.Add(-17 * time.Minute), Kind: incident.ChangeRecorded, Actor: "carol", Source: "pipeline", Text: "deploy checkout v1.42.0 a1b2c3d"},
		incident.Event{At: now.Add(-25 * time.Minute), Kind: incident.ChangeRecorded, Actor: "dave", Source: "pipeline", Text: "flag new-tax-engine 0% -> 25%"})
	w := &pane.World{
		Incidents: []incident.Incident{one, two, past},
		Events:    s.events,
		Drafts:    map[incident.ID]pane.Draft{"INC-202": {ID: "PM-1", Markdown: "# Post-Mortem: search slow\n\n## Incident Summary\n- **Severity**: SEV-2\n", Findings: []string{"12 owner-missing: name who does it"}, EditedBy: "alice", EditedAt: now.Add(-time.Hour)}},
		Delivery: pane.Delivery{
			Holder: "ana@bastion 4711", Policy: s.policy,
			Messages: []escalation.Message{
				{Seq: 1, ID: "m1", Incident: "INC-204", Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 1, State: escalation.Accepted, Attempts: 1, QueuedAt: now.Add(-14 * time.Minute), AcceptedAt: now.Add(-14*time.Minute + 4*time.Second)},
				{Seq: 2, ID: "m2", Incident: "INC-204", Sink: "slack:#incidents", Operation: escalation.OpPost, State: escalation.Accepted, Attempts: 1, QueuedAt: now.Add(-14 * time.Minute), AcceptedAt: now.Add(-14*time.Minute + time.Second)},
			},
			Sinks: []pane.Sink{{Name: "pagerduty", State: "ok"}, {Name: "slack", State: "ok"}},
		},
		Board: shopBoard(now), Alerts: shopAlerts(now), Runbooks: shopRunbooks(t),
		Chaos: pane.Chaos{Experiments: []chaos.Experiment{experiment("payments-latency", "http.latency", "payments", "F5"), experiment("payments-kill", "process.kill", "payments", "")}},
		Load:  pane.Load{Plans: []loadtest.Plan{{Name: "smoke", Pin: "F7", Targets: []loadtest.Target{{URL: "http://127.0.0.1:8080/"}}, Stages: []loadtest.Stage{{From: 400, To: 400, For: 10 * time.Second}}, Thresholds: []loadtest.Threshold{{Expr: "p95 < 200ms"}}}}},
	}
	w.Signals, w.Figures = query.Signals(w.Board), pane.FiguresOf(w.Incidents, now)
	return w
}

func experiment(name, fault, service, pin string) chaos.Experiment {
	return chaos.Experiment{
		Name: name, Pin: pin, Targets: chaos.Selection{Select: map[string]string{"service": service}, Max: 1, Percent: 100},
		Guards: []chaos.Guard{{Name: "errors", AbortWhen: chaos.Condition{Op: ">", Value: 0.05}}},
		Method: []chaos.Step{{Fault: fault, Duration: strictyaml.Duration(30 * time.Second)}},
	}
}

// shopRunbooks are one that fits the first incident and one that fits none.
func shopRunbooks(t testing.TB) []runbook.Runbook {
	one, err := runbook.Load("checkout-5xx.md", []byte(`---
title: Checkout answers with errors
match: {service: checkout}
---
Whoever is called sees the errors of those behind it.

## Narrow
- [ ] confirm on the **board** {#board}

  `+"```promql unit=percentunit"+`
  errors
  `+"```"+`
- [ ] check the pool of payments {#pool}

  Above 90 % in use it is the pool. Then go on with the flag:

  - it doubles what checkout asks of payments
  - it was switched on at 25 %

  `+"```promql unit=percentunit"+`
  max by (instance) (pool_in_use{service="payments"})
    / max by (instance) (pool_size{service="payments"})
  `+"```"+`

## Mitigate
- [ ] disable the flag new-tax-engine {#flag}

  `+"```sh"+`
  flagctl set new-tax-engine 0
  `+"```"+`
- [ ] roll back checkout
- [ ] scale payments
- [ ] page payments on call

Then verify with the load check.
`))
	require.NoError(t, err)
	other, err := runbook.Load("disk-full.md", []byte("# The disk is full\n1. look\n2. delete\n"))
	require.NoError(t, err)
	return []runbook.Runbook{one, other}
}

func shopAlerts(now time.Time) pane.Alerts {
	one := func(name, service, region, summary string, age time.Duration) alert.Alert {
		l := query.Labels{"alertname": name, "service": service, "region": region, "severity": "critical"}
		return alert.Alert{Name: name, State: alert.Firing, Labels: l, Annotations: query.Labels{"summary": summary, "runbook_url": "https://runbooks.example.com/" + name}, ActiveAt: now.Add(-age), Value: 0.08, Fingerprint: alert.Fingerprint(l)}
	}
	return pane.Alerts{At: now.Add(-3 * time.Second), List: []alert.Alert{
		one("CheckoutErrorRatio", "checkout", "eu-west-1", "checkout 5xx ratio > 5%", 15*time.Minute),
		one("CheckoutErrorRatio", "checkout", "us-east-1", "checkout 5xx ratio > 5%", 14*time.Minute),
		one("PaymentsPoolExhausted", "payments", "eu-west-1", "payments pool exhausted", 12*time.Minute),
	}}
}

// shopBoard has twelve panels of two series; the first gets worse.
func shopBoard(now time.Time) *query.Snapshot {
	grid := query.Align(now, time.Hour, 160)
	b := &query.Board{Name: "shop", Title: "shop", Range: time.Hour, Refresh: 5 * time.Second}
	s := &query.Snapshot{Board: b, At: now, Grid: grid, Source: "http://127.0.0.1:9090"}
	for i, p := range []struct{ title, unit string }{
		{"5xx ratio", "percentunit"},
		{"p99 latency", "s"},
		{"rps by region", "reqps"},
		{"cpu saturation", "percentunit"},
		{"db pool in use", "short"},
		{"queue depth", "short"},
		{"memory", "bytes"},
		{"restarts", "short"},
		{"cache hits", "percentunit"},
		{"kafka lag", "short"},
		{"threads", "short"},
		{"errors by code", "reqps"},
	} {
		panel := query.Panel{Title: p.title, Type: query.TimeSeries, Field: query.Field{Unit: p.unit}, Queries: []query.Query{{Expr: "x"}}, Signal: i < 2, Better: query.Lower}
		scale := 1.0
		if p.unit == "percentunit" {
			scale = 0.1
			panel.Thresholds = []query.Threshold{{Value: 0.05, State: query.Crit}}
		}
		f := query.Frame{Grid: grid, At: now.Add(-3 * time.Second), Took: 12 * time.Millisecond}
		for k := range 2 {
			values := make([]float64, grid.N)
			for j := range values {
				x := float64(j) / float64(grid.N)
				values[j] = scale * (0.3 + 0.1*math.Sin(9*x+float64(i+k)) + 0.02*math.Sin(61*x+float64(3*i)) + 0.4*x*x*x)
			}
			f.Series = append(f.Series, query.Series{Labels: query.Labels{"region": []string{"eu", "us"}[k]}, Legend: []string{"eu", "us"}[k], Expr: "x", Values: values})
		}
		b.Panels = append(b.Panels, panel)
		s.Panels = append(s.Panels, query.PanelData{Frame: f, At: now.Add(-3 * time.Second), Took: 12 * time.Millisecond})
	}
	return s
}

var errDown = errors.New("database is locked: another sitrep holds it; try again")
