package pane

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/keys"
)

// night is the moment of all pictures.
var night = time.Date(2026, 11, 24, 3, 12, 44, 0, time.UTC)

func policyOf(t testing.TB) escalation.Policy {
	p, err := escalation.LoadPolicy("policy.yaml", []byte(`
ladders:
  default:
    - {level: L1, respond_within: 5m, escalate_after: 15m, until: acknowledged, notify: ["pagerduty:primary", "slack:#incidents"], who: [alice]}
    - {level: L2, respond_within: 15m, escalate_after: 30m, until: resolved, notify: ["pagerduty:lead", "slack:#incidents"], who: [bob]}
    - {level: L3, respond_within: 30m, escalate_after: 1h, until: resolved, notify: ["pagerduty:manager", "slack:#incidents"], who: [sre-lead]}
    - {level: L4, respond_within: 1h, repeat_every: 2h, until: resolved, notify: ["pagerduty:executive", "slack:#incidents"], who: [cto]}
declare:
  - {match: {alertname: CheckoutErrorRatio}, severity: SEV-1}
  - {match: {severity: critical}, severity: SEV-2}
  - {match: {severity: warning}, severity: SEV-3}
`))
	require.NoError(t, err)
	return p
}

// scribe writes timelines by the very commands that make them.
type scribe struct {
	t      testing.TB
	policy escalation.Policy
	events map[incident.ID][]incident.Event
	seq    int64
}

func (c *scribe) add(id incident.ID, events ...incident.Event) incident.Incident {
	for _, e := range events {
		c.seq++
		e.Seq, e.ID, e.Recorded = c.seq, "01J"+string(id)+e.At.Format("150405")+string(e.Kind), e.At
		e.Incident = id
		c.events[id] = append(c.events[id], e)
	}
	return incident.Fold(c.events[id]...)
}

func (c *scribe) must(events []incident.Event, err error) []incident.Event {
	require.NoError(c.t, err)
	return events
}

func (c *scribe) declare(id incident.ID, at time.Time, sev incident.Severity, title, service string, evidence []byte) incident.Incident {
	e, err := incident.Declare(incident.By{Actor: incident.Sitrep, Source: "alert", At: at, Evidence: evidence}, id, incident.Declaration{
		Title: title, Severity: sev, Service: service, DetectedAt: at.Add(-time.Minute), DetectedBy: "alert CheckoutErrorRatio",
		Labels: map[string]string{"alertname": "CheckoutErrorRatio", "service": service}, Policy: c.policy.Frozen(service),
	})
	return c.add(id, c.must([]incident.Event{e}, err)...)
}

// climb lets the ladder run until then.
func (c *scribe) climb(inc incident.Incident, until time.Time) incident.Incident {
	at := inc.Clocks.Declared
	for {
		due, next := escalation.Next(inc, c.policy.For(inc), at)
		for _, step := range due {
			inc = c.add(inc.ID, step.Event(inc, at))
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

func by(who incident.Person, at time.Time) incident.By {
	return incident.By{Actor: who, Source: "tui", At: at}
}

// outside is an event that belongs to no incident.
func outside(at time.Time, kind incident.Kind, who incident.Person, text string, data any) incident.Event {
	e := incident.Event{At: at, Kind: kind, Actor: who, Source: "cli", Text: text}
	if data != nil {
		e.Data = incident.Payload(data)
	}
	return e
}

// richWorld is a bad night: one incident that is called and not answered, one
// that alice has, one that is over and written up; an experiment and load that
// run; alerts, pages in every state, promises, and the lab's ledger.
func richWorld(t testing.TB) *World {
	ago := func(d time.Duration) time.Time { return night.Add(-d) }
	board := shopBoard(night)
	signals := query.Signals(board)
	c := &scribe{t: t, policy: policyOf(t), events: map[incident.ID][]incident.Event{}}
	one := c.declare("INC-204", ago(14*time.Minute+32*time.Second), incident.Sev1, "checkout 5xx ratio > 5%", "checkout", incident.Payload(signals))
	one = c.climb(one, night)
	one = c.add("INC-204", c.must(one.Note(by("alice", ago(9*time.Minute)), "payments pool exhausted?"))...)
	one = c.add("INC-204", c.must(one.AddItem(by("alice", ago(8*time.Minute)), "alert on pool saturation above 80 %", "bob", ago(-72*time.Hour)))...)
	one = c.add("INC-204", append(c.must(one.AddItem(by("alice", ago(7*time.Minute)), "give the pool a timeout", "", time.Time{})),
		incident.Event{At: ago(34 * time.Second), Kind: "metric.left_band", Actor: incident.Sitrep, Source: "query", Text: "5xx ratio 8.1% (was 6.4% 5m ago)"})...)
	two := c.declare("INC-203", ago(40*time.Minute), incident.Sev3, "queue backlog", "inventory", nil)
	two = c.climb(two, ago(38*time.Minute))
	two = c.add("INC-203", c.must(two.Acknowledge(by("alice", ago(38*time.Minute))))...)
	past := c.declare("INC-202", ago(5*time.Hour), incident.Sev2, "search slow", "search", nil)
	past = c.climb(past, ago(298*time.Minute))
	past = c.add("INC-202", c.must(past.Acknowledge(by("carol", ago(298*time.Minute))))...)
	past = c.add("INC-202", c.must(past.AddItem(by("carol", ago(250*time.Minute)), "rebuild the index before it is too large", "carol", ago(24*time.Hour+30*time.Minute)))...)
	past = c.add("INC-202", c.must(past.Resolve(by("carol", ago(200*time.Minute)), "index rebuilt"))...)
	c.add("", outside(ago(31*time.Minute), incident.LoadStarted, "alice", "LT-6 smoke: 200 requests/s for 10s", map[string]string{"run": "LT-6"}),
		outside(ago(30*time.Minute), incident.LoadFinished, "alice", "LT-6 smoke: pass", map[string]string{"run": "LT-6"}),
		outside(ago(26*time.Minute), incident.ChaosInjected, "alice", "CH-3 payments-latency: 200 ms on payments-2", map[string]string{"run": "CH-3"}),
		outside(ago(25*time.Minute), incident.ChangeRecorded, "dave", "flag new-tax-engine 0% -> 25%", map[string]string{"type": "flag"}),
		outside(ago(22*time.Minute), incident.ChaosUndone, "alice", "CH-3 payments-latency: gone from payments-2", map[string]string{"run": "CH-3"}),
		outside(ago(17*time.Minute), incident.ChangeRecorded, "carol", "deploy checkout v1.42.0 a1b2c3d", map[string]string{"type": "deploy", "service": "checkout"}),
		outside(ago(15*time.Minute+30*time.Second), incident.AlertFired, incident.Sitrep, "CheckoutErrorRatio fired: checkout 5xx ratio > 5%", nil),
		outside(ago(40*time.Second), incident.ChaosInjected, "alice", "CH-4 payments-pause: stopped payments-1", map[string]string{"run": "CH-4"}))
	w := &World{
		Incidents: []incident.Incident{one, two, past}, Events: c.events, Board: board, Signals: signals,
		Drafts: map[incident.ID]Draft{"INC-202": {ID: "PM-1", Markdown: draft, Findings: []string{
			`14 hindsight: obviously: drop the word: it was not obvious then`,
			"33 owner-missing: a timeout: name who does it", "33 due-missing: a timeout: say until when",
		}, EditedBy: "carol", EditedAt: ago(time.Hour)}},
		Delivery: Delivery{Holder: "ana@bastion 4711", Policy: c.policy, Messages: messages(ago), Sinks: []Sink{{Name: "pagerduty", State: "ok"}, {Name: "slack", State: "waiting", Why: "asked to wait 30 s"}}},
		Alerts:   shopAlerts(ago), Chaos: shopChaos(ago), Load: shopLoad(ago),
		Ledger: []LedgerEntry{
			{At: ago(14*time.Minute + 28*time.Second), Service: "pagerduty", Path: "/v2/enqueue", Summary: "trigger INC-204 L1 r1 critical: checkout 5xx ratio > 5%", Status: 202},
			{At: ago(14*time.Minute + 27*time.Second), Service: "slack", Path: "/api/chat.postMessage", Summary: "#incidents: SEV-1 INC-204 checkout 5xx ratio > 5%", Status: 200},
			{At: ago(9 * time.Minute), Service: "slack", Path: "/api/chat.postMessage", Summary: "#incidents: alice: payments pool exhausted?", Status: 429},
		},
	}
	w.Related = map[incident.ID][]incident.Relation{"INC-204": {
		{Incident: incident.Incident{
			ID: "INC-117", Title: "payments pool exhausted", Severity: incident.Sev2, Status: incident.StatusClosed, Service: "payments",
			Clocks: incident.Clocks{Declared: ago(21 * 24 * time.Hour), Mitigated: ago(21*24*time.Hour - 34*time.Minute)}, Resolution: "a query without an index held connections",
			Actions: []incident.Action{{Term: incident.Immediate, Text: "raised the pool to 64", Mitigates: true}},
		}, Why: []string{"same words payments, pool"}},
		{Incident: incident.Incident{ID: "INC-88", Title: "checkout 5xx ratio > 5%", Status: incident.StatusClosed, Clocks: incident.Clocks{Declared: ago(90 * 24 * time.Hour)}, Resolution: "rolled back v1.31"}, Why: []string{"same alert CheckoutErrorRatio"}},
	}}
	return w
}

// messages is one in every state that a message can be in.
func messages(ago func(time.Duration) time.Time) []escalation.Message {
	queued := ago(14*time.Minute + 31*time.Second)
	again := ago(4*time.Minute + 32*time.Second)
	return []escalation.Message{
		{Seq: 1, ID: "m1", Incident: "INC-204", Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 1, State: escalation.Accepted, Attempts: 1, QueuedAt: queued, AcceptedAt: queued.Add(4 * time.Second), DedupKey: "sitrep/x/INC-204/L1/r1", Payload: []byte(`{"text":"checkout 5xx ratio > 5%","page":"critical"}`)},
		{Seq: 2, ID: "m2", Incident: "INC-204", Sink: "slack:#incidents", Operation: escalation.OpPost, State: escalation.Accepted, Attempts: 1, QueuedAt: queued, AcceptedAt: queued.Add(900 * time.Millisecond), Payload: []byte(`{"headline":true,"text":"SEV-1 INC-204"}`)},
		{Seq: 3, ID: "m3", Incident: "INC-204", Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 3, State: escalation.Ambiguous, Attempts: 2, QueuedAt: again, NotBefore: night.Add(11 * time.Second), Error: "pagerduty:primary: timeout: it may have been accepted"},
		{Seq: 4, ID: "m4", Incident: "INC-204", Sink: "slack:#incidents", Operation: escalation.OpPost, Level: "L1", Round: 3, State: escalation.Failed, Attempts: 3, QueuedAt: again, Error: "slack:#incidents: status 404: channel_not_found: invite the bot"},
		{Seq: 5, ID: "m5", Incident: "INC-203", Sink: "pagerduty:primary", Operation: escalation.OpTrigger, Level: "L1", Round: 1, State: escalation.Accepted, Attempts: 1, QueuedAt: ago(40 * time.Minute), AcceptedAt: ago(39*time.Minute + 55*time.Second), AcknowledgedAt: ago(38 * time.Minute)},
		{Seq: 6, ID: "m6", Incident: "INC-203", Sink: "slack:#incidents", Operation: escalation.OpUpdate, State: escalation.Superseded, Attempts: 0, QueuedAt: ago(38 * time.Minute), Error: "resolved before it was sent"},
		{Seq: 7, ID: "m7", Incident: "INC-203", Sink: "slack:#incidents", Operation: escalation.OpPost, State: escalation.Pending, QueuedAt: ago(2 * time.Second)},
		{Seq: 8, ID: "m8", Incident: "INC-203", Sink: "slack:#incidents", Operation: escalation.OpPost, State: escalation.Sending, Attempts: 1, QueuedAt: ago(time.Second)},
	}
}

func shopAlerts(ago func(time.Duration) time.Time) Alerts {
	one := func(name, service, region, severity, state, summary string, age time.Duration) alert.Alert {
		l := query.Labels{"alertname": name, "service": service, "region": region, "severity": severity}
		return alert.Alert{Name: name, State: state, Labels: l, Annotations: query.Labels{"summary": summary, "runbook_url": "https://runbooks.example.com/" + name}, ActiveAt: ago(age), Value: 0.081, Fingerprint: alert.Fingerprint(l)}
	}
	return Alerts{At: ago(3 * time.Second), List: []alert.Alert{
		one("CheckoutErrorRatio", "checkout", "eu-west-1", "critical", alert.Firing, "checkout 5xx ratio > 5%", 15*time.Minute+30*time.Second),
		one("CheckoutErrorRatio", "checkout", "us-east-1", "critical", alert.Firing, "checkout 5xx ratio > 5%", 14*time.Minute),
		one("PaymentsPoolExhausted", "payments", "eu-west-1", "critical", alert.Firing, "payments pool exhausted", 12*time.Minute),
		one("QueueBacklog", "inventory", "us-east-1", "warning", alert.Firing, "queue backlog", 41*time.Minute),
		one("DiskFillsUp", "search", "eu-west-1", "none", alert.Pending, "disk full in 4 h", 2*time.Minute),
	}}
}

func experiment(name, fault, service, pin, hypothesis string) chaos.Experiment {
	return chaos.Experiment{
		Name: name, Pin: pin, Hypothesis: hypothesis, Targets: chaos.Selection{Select: map[string]string{"service": service}, Max: 1, Percent: 100},
		SteadyState: []chaos.Probe{
			{Name: "storefront 5xx ratio", PromQL: `sum(rate(http_requests_total{code=~"5.."}[5s]))`, Expect: chaos.Condition{Op: "<", Value: 0.01}},
			{Name: "storefront p95", PromQL: `histogram_quantile(0.95, sum by (le) (rate(x_bucket[5s])))`, Expect: chaos.Condition{Op: "<", Value: 0.25}},
		},
		Guards:   []chaos.Guard{{Name: "checkout errors", PromQL: `sum(rate(errors_total[5s]))`, AbortWhen: chaos.Condition{Op: ">", Value: 0.9}, Interval: strictyaml.Duration(time.Second), For: 3, NoData: chaos.NoDataAbort}},
		Method:   []chaos.Step{{Fault: fault, With: chaos.With{"latency": "1500ms"}, Duration: strictyaml.Duration(time.Minute)}},
		Recovery: strictyaml.Duration(30 * time.Second),
	}
}

func shopChaos(ago func(time.Duration) time.Time) Chaos {
	score, v, p95, injected := 0.83, 0.034, 0.18, ago(38*time.Second)
	return Chaos{
		Experiments: []chaos.Experiment{
			experiment("payments-latency", "http.latency", "payments", "F5", "With one of two payments instances slow, customers still buy."),
			experiment("payments-pause", "process.pause", "payments", "F6", "A payments process that hangs is noticed within ten seconds."),
			experiment("inventory-errors", "http.error", "inventory", "", ""),
		},
		Runs: []ChaosRun{
			{Run: "CH-3", Experiment: "payments-latency", Targets: "payments-2", Outcome: &chaos.Outcome{
				Run: "CH-3", Verdict: chaos.Deviated, Reason: "storefront p95 left its band", Score: &score,
				Probes: []chaos.ProbeOutcome{{Name: "storefront p95", Expect: "< 0.25", Before: &p95, During: &v, Evaluations: 60, Within: 50}},
			}},
			{
				Run: "CH-4", Experiment: "payments-pause", Targets: "payments-1", Began: ago(40 * time.Second), Ends: ago(-22 * time.Second), Said: "holding",
				Faults:  []chaos.FaultOutcome{{ID: "01j-1", Kind: "process.pause", Target: "payments-1", Tier: "D", InjectedAt: &injected}},
				Trail:   map[string][]float64{"probe storefront 5xx ratio": {0, 0, 0.004, 0.02, 0.034}, "probe storefront p95": {0.1, 0.12, 0.19, 0.18}},
				Last:    chaos.Report{Run: "CH-4", ID: "01J", Experiment: "payments-pause", Kind: chaos.KindProbe, Phase: chaos.Holding, Text: "storefront 5xx ratio 0.034 (expected < 0.01)", At: ago(time.Second)},
				Samples: map[string]chaos.Sample{"probe storefront 5xx ratio": {Name: "storefront 5xx ratio", Value: &v}, "probe storefront p95": {Name: "storefront p95", Value: &p95, OK: true}, "guard checkout errors": {Name: "checkout errors", Limit: "> 0.9", Row: 2, For: 3}},
			},
		},
	}
}

func shopLoad(ago func(time.Duration) time.Time) Load {
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	lat := loadtest.Latency{P50: ms(12.4), P90: ms(41), P95: ms(83.2), P99: ms(412), P999: ms(1250), Max: ms(1480), Mean: ms(19)}
	th, err := loadtest.ParseThreshold("p95 < 200ms")
	th2, err2 := loadtest.ParseThreshold("errors < 1%")
	if err != nil || err2 != nil {
		panic(errors.Join(err, err2)) // they are constants
	}
	plan := func(name, pin string, rate float64) loadtest.Plan {
		return loadtest.Plan{Name: name, Pin: pin, Targets: []loadtest.Target{{URL: "http://127.0.0.1:8080/"}}, Stages: []loadtest.Stage{{From: rate, To: rate, For: 10 * time.Second}}, Thresholds: []loadtest.Threshold{th, th2}}
	}
	return Load{
		Plans: []loadtest.Plan{plan("smoke", "F7", 200), plan("peak", "F8", 1200)}, Run: "LT-7",
		Live: &loadtest.Progress{
			Elapsed: 6 * time.Second, Remaining: 4 * time.Second, Stages: 1, RequestedRate: 200, AchievedRate: 188.4, Requests: 1180, Errors: 14,
			ErrorsByClass: map[loadtest.Class]loadtest.ErrorCount{loadtest.ClassServer: {Count: 12, Sample: "503"}, loadtest.ClassTimeout: {Count: 2, Sample: "10s"}},
			LastSecond:    lat, Latency: lat, Lag: loadtest.Latency{P50: ms(0.01), P99: ms(0.2), Max: ms(1.1)}, InFlight: 9, Connections: 64,
		},
		Result: &loadtest.Result{
			Run: "LT-6", Plan: "smoke", StartedAt: ago(31 * time.Minute), DurationSeconds: 10,
			Totals:     loadtest.Totals{RequestedRate: 200, AchievedRate: 199.9, Requests: 2000, Errors: 31, ErrorRatio: 0.0155, Latency: lat},
			Thresholds: []loadtest.ThresholdResult{{Expr: "p95 < 200ms", Value: 0.0832, OK: true}, {Expr: "errors < 1%", Value: 0.0155}},
			Generator:  loadtest.GeneratorOK, Verdict: loadtest.Fail, Reasons: []string{"errors < 1% does not hold: 1.55%"},
		},
	}
}

// shopBoard has a chart in every state: two signals that get worse, several
// series, a hole, an error, one that loads, a figure.
func shopBoard(at time.Time) *query.Snapshot {
	grid := query.Align(at, time.Hour, 120)
	b := &query.Board{Name: "shop", Title: "Shop", Range: time.Hour, Refresh: 5 * time.Second}
	s := &query.Snapshot{Board: b, At: at.Add(-time.Second), Grid: grid, Source: "http://127.0.0.1:9090"}
	add := func(title, unit string, signal bool, thresholds []query.Threshold, f func(x float64, series int) float64, legends ...string) *query.PanelData {
		b.Panels = append(b.Panels, query.Panel{Title: title, Type: query.TimeSeries, Queries: []query.Query{{Expr: "sum(" + unit + ")"}}, Signal: signal, Field: query.Field{Unit: unit, Thresholds: thresholds}, Better: query.Lower})
		frame := query.Frame{Grid: grid, At: at.Add(-3 * time.Second), Took: 12 * time.Millisecond}
		for k, legend := range legends {
			values := make([]float64, grid.N)
			for j := range values {
				values[j] = f(float64(j)/float64(grid.N), k)
			}
			frame.Series = append(frame.Series, query.Series{Labels: query.Labels{"job": legend}, Legend: legend, Expr: "sum(" + unit + ")", Values: values})
		}
		s.Panels = append(s.Panels, query.PanelData{Frame: frame, At: at.Add(-3 * time.Second), Took: 12 * time.Millisecond})
		return &s.Panels[len(s.Panels)-1]
	}
	rise := func(base, high float64) func(float64, int) float64 {
		return func(x float64, k int) float64 {
			v := base * (1 + 0.3*math.Sin(40*x+float64(k)) + 0.1*math.Sin(171*x))
			if x > 0.75 {
				v += high * (1 - math.Exp(-(x-0.75)*18)) / float64(k+1)
			}
			return v
		}
	}
	wave := func(base float64) func(float64, int) float64 {
		return func(x float64, k int) float64 {
			return base * float64(k+1) * (1 + 0.15*math.Sin(12*x+float64(k)) + 0.05*math.Sin(88*x))
		}
	}
	crit := func(v float64) []query.Threshold { return []query.Threshold{{Value: v, State: query.Crit}} }
	add("5xx ratio", "percentunit", true, crit(0.05), rise(0.004, 0.08), "checkout", "storefront")
	add("p99 latency", "s", true, []query.Threshold{{Value: 0.25, State: query.Warn}, {Value: 0.5, State: query.Crit}}, rise(0.12, 0.5), "checkout")
	add("requests", "reqps", false, nil, wave(210), "storefront", "checkout", "payments", "inventory", "search")
	add("cpu", "percentunit", false, crit(0.8), wave(0.11), "payments-1", "payments-2")
	add("db pool in use", "none", false, []query.Threshold{{Value: 20, State: query.Crit}}, rise(4, 16), "payments")
	hole := add("queue depth", "short", false, nil, wave(1400), "orders")
	for j := grid.N / 3; j < grid.N/2; j++ {
		hole.Frame.Series[0].Values[j] = query.Absent()
	}
	down := add("memory", "bytes", false, nil, wave(90<<20), "payments-1", "payments-2")
	down.Err, down.At = errors.New("prometheus http://127.0.0.1:9090: connection refused"), at.Add(-95*time.Second)
	loading := add("restarts", "short", false, nil, wave(1))
	loading.At = time.Time{}
	add("cache hits", "percentunit", false, nil, func(x float64, k int) float64 { return 0.97 - 0.02*math.Sin(9*x) }, "search")
	late := add("kafka lag", "short", false, nil, wave(12), "orders")
	for j := grid.N - 9; j < grid.N; j++ {
		late.Frame.Series[0].Values[j] = query.Absent()
	}
	partial := add("threads", "none", false, nil, wave(41), "payments-1")
	partial.Frame.Warnings = []string{"one store did not answer"}
	add("processes up", "none", false, []query.Threshold{{Value: 5, State: query.Crit}}, func(x float64, _ int) float64 {
		if x > 0.98 {
			return 4
		}
		return 5
	}, "up")
	last := &b.Panels[len(b.Panels)-1]
	last.Type, last.Better = query.Stat, query.Higher
	return s
}

// screenOf is what alice sees of a world.
func screenOf(w *World, id incident.ID) *Screen {
	return &Screen{World: w, Now: night, Zone: time.UTC, Incident: id, Actor: "alice", Context: "lab", Keys: keys.Default()}
}

// draft is a post-mortem with everything that drafts are made of.
const draft = "# Post-Mortem: search slow\n\n## Incident Summary\n- **Date/Time**: 2026-11-23 22:11:44 UTC (detected), declared 22:12:44\n- **Duration**: 1h 41m from detection to resolution\n- **Severity**: SEV-2\n- **Impact**: Service `search`. Worst values: p99 latency 2.4 s (threshold 500 ms). _How many users could not do what, and what did it cost?_\n\n## Timeline\n- **Detection**: SearchSlow fired at 22:11:44; 1m later the incident was declared.\n- **Response**: Acknowledged by carol at 22:14:44, 2m after the declaration.\n  - 22:20:00 carol is commander\n\nThe index was obviously too large; see [the graph](https://grafana.example.com/d/1).\n\n### In numbers\n| what | measured | target |\n| --- | --- | --- |\n| time to acknowledge | 2m | 15m |\n| time to resolve | 1h 41m | 4h |\n\n### Signals\n```text\n  p99 latency  min 110 ms, max 2.4 s, at declare 1.84 s\n    until declared  ▁▁▁▁▁▁▁▁▁▁▁▁▁▂▂▃▃▄▄▅▅▆▆▇\n```\n\n## Root Cause Analysis\n- **What happened**: a snake\\_case name with \\*stars\\* stays as it was written\n\n## Action Items\n- [x] AI-1: rebuild the index - carol - 2026-12-01\n- [ ] AI-2: a timeout - _owner_ - _due date_\n"
