package postmortem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// trigger is what the record holds nearest before the detection.
func (f *facts) trigger() string {
	const ask = "_What set it off?_"
	if e, ok := f.onset(); ok {
		d, _ := between(e.At, f.inc.Clocks.Detected)
		return fmt.Sprintf("%s %s: %s (%s before the detection)", f.when(e.At), happened(e.Kind), escape(e.Text), span(d))
	}
	before := f.before()
	if len(before) == 0 {
		return fmt.Sprintf("Nothing is on the record in the %s before the detection. %s", span(lookBack), ask)
	}
	e := before[len(before)-1]
	d, _ := between(e.At, f.inc.Clocks.Detected)
	return fmt.Sprintf("The nearest on the record: %s %s: %s (%s before the detection; that is no proof). %s", f.when(e.At), happened(e.Kind), escape(e.Text), span(d), ask)
}

// responders is who had which role, and who else acknowledged.
func (f *facts) responders() string {
	items := f.roles()
	var joined []string
	for _, e := range f.acks {
		who := escape(e.Who())
		if !slices.Contains(joined, who) {
			joined = append(joined, who)
		}
	}
	if len(joined) > 0 {
		items = append(items, "acknowledged: "+list(joined))
	}
	if len(items) == 0 {
		return "No data: nobody had a role. _Who worked on it?_"
	}
	return bullets("On the record:", items)
}

// timeInSeverities is how long it was of which severity, until its end.
func (f *facts) timeInSeverities() string {
	at, severity := f.inc.Clocks.Declared, cmp.Or(f.declaration.Severity, f.inc.Severity)
	if at.IsZero() || severity == "" {
		return noData
	}
	var order []incident.Severity
	length := map[incident.Severity]time.Duration{}
	until := func(end time.Time) {
		if !slices.Contains(order, severity) {
			order = append(order, severity)
		}
		length[severity] += max(0, end.Sub(at))
	}
	for _, s := range f.severities {
		if s.at.After(f.end) {
			break
		}
		until(s.at)
		at, severity = s.at, s.data.To
	}
	until(f.end)
	var parts []string
	for _, s := range order {
		parts = append(parts, fmt.Sprintf("%s %s", escape(string(s)), span(length[s])))
	}
	return list(parts)
}

// messages is what was said while it lasted, to people beside the responders.
func (f *facts) messages() string {
	var items []string
	for _, e := range f.events {
		if e.Kind == incident.UpdateSent || e.Kind == incident.StatusChanged {
			items = append(items, fmt.Sprintf("%s %s: %s", f.when(e.At), happened(e.Kind), escape(e.Text)))
		}
	}
	return bullets("_What do customers and colleagues hear now that it is over?_"+recorded(items), items)
}

// loadRun is the end of a load run as its event tells it.
type loadRun struct {
	Run       string   `json:"run"`
	Plan      string   `json:"plan"`
	Verdict   string   `json:"verdict"`
	Reasons   []string `json:"reasons"`
	Requested *float64 `json:"requested_rate"`
	Achieved  *float64 `json:"achieved_rate"`
	Errors    *float64 `json:"error_ratio"`
	Latency   struct {
		P50 *float64 `json:"p50"`
		P95 *float64 `json:"p95"`
		P99 *float64 `json:"p99"`
	} `json:"latency_seconds"`
	Duration   *float64 `json:"duration_seconds"`
	Thresholds []struct {
		Expr string `json:"expr"`
		OK   bool   `json:"ok"`
	} `json:"thresholds"`
}

// mostLoads is how many load runs are told.
const mostLoads = 20

// loadRuns is a row for every load run that ended, with its verdict; empty without any.
func (f *facts) loadRuns() string {
	known := func(unit string, v *float64) string {
		if v = finiteOf(v); v == nil {
			return noData
		}
		return escape(value(unit, *v))
	}
	var b strings.Builder
	n := 0
	for _, e := range f.loads {
		var r loadRun
		if e.Kind == incident.LoadStarted || e.Payload(&r) != nil || r.Run == "" {
			continue // damaged: the event itself is listed
		}
		if n++; n > mostLoads {
			continue
		}
		if n == 1 {
			b.WriteString("| ended | run | plan | lasted | rate, of asked | p50 | p95 | p99 | errors | verdict |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
		}
		verdict := cmp.Or(escape(strings.ReplaceAll(r.Verdict, "_", " ")), noData)
		var why []string
		for _, t := range r.Thresholds {
			if !t.OK && len(why) < 4 {
				why = append(why, code(t.Expr)+" not held")
			}
		}
		for _, reason := range r.Reasons[:min(len(r.Reasons), 3)] {
			why = append(why, escape(reason))
		}
		if len(why) > 0 {
			verdict += ": " + strings.Join(why, "; ")
		}
		lasted := noData
		if d := finiteOf(r.Duration); d != nil && *d >= 0 && *d < 1e9 {
			lasted = span(time.Duration(*d * float64(time.Second)))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s of %s | %s | %s | %s | %s | %s |\n", f.when(e.At), cell(r.Run), cell(r.Plan), lasted, known("reqps", r.Achieved), known("reqps", r.Requested),
			known("s", r.Latency.P50), known("s", r.Latency.P95), known("s", r.Latency.P99), known("ratio", r.Errors), verdict)
	}
	if n > mostLoads {
		fmt.Fprintf(&b, "\n%s more, under Every event.", count(n-mostLoads, "run"))
	}
	return strings.TrimRight(b.String(), "\n")
}

// cell is text from outside in a table; what is empty is no data.
func cell(s string) string { return cmp.Or(escape(s), noData) }
