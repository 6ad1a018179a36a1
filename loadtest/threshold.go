package loadtest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

var thresholdForm = regexp.MustCompile(`^([a-z][a-z0-9.]*)\s*(<=|>=|<|>)\s*(\S.*)$`)

// Threshold is one condition on the totals of a run, such as "p95 < 200ms".
type Threshold struct {
	Expr   string        // as written
	Metric string        // p50 p90 p95 p99 p99.9 max mean errors achieved rate
	Op     string        // < <= > >=
	Limit  float64       // seconds, a ratio (errors, achieved) or per second (rate)
	Abort  bool          // ends the run when the last five seconds do not hold it
	After  time.Duration // of the run, warm-up included, before it can
}

// ThresholdResult is what became of a Threshold; Value has the unit of its
// Limit.
type ThresholdResult struct {
	Expr  string  `json:"expr"`
	Value float64 `json:"value"`
	OK    bool    `json:"ok"`
}

// ParseThreshold reads a condition: p50, p90, p95, p99, p99.9, max or mean
// (response time) against a duration; errors (share of the requests) or
// achieved (share of the requested rate) against a percentage; rate (achieved,
// in total) against a number such as 1000/s.
func ParseThreshold(expr string) (Threshold, error) {
	m := thresholdForm.FindStringSubmatch(strings.TrimSpace(expr))
	if m == nil {
		return Threshold{}, fmt.Errorf("threshold %q cannot be read; write for example \"p95 < 200ms\" or \"errors < 1%%\"", expr)
	}
	t := Threshold{Expr: strings.TrimSpace(expr), Metric: m[1], Op: m[2]}
	if t.Metric == "p999" {
		t.Metric = "p99.9"
	}
	var err error
	switch t.Metric {
	case "p50", "p90", "p95", "p99", "p99.9", "max", "mean":
		t.Limit, err = parseSeconds(m[3])
	case "errors", "achieved":
		t.Limit, err = parseSuffixed(m[3], "%", 100)
	case "rate":
		t.Limit, err = parseSuffixed(m[3], "/s", 1)
	default:
		err = fmt.Errorf("%q is not measured; use p50, p90, p95, p99, p99.9, max, mean, errors, achieved or rate", m[1])
	}
	if err != nil {
		return Threshold{}, fmt.Errorf("threshold %q: %w", expr, err)
	}
	return t, nil
}

func parseSeconds(s string) (float64, error) {
	d, err := strictyaml.ParseDuration(s)
	return d.Seconds(), err
}

// parseSuffixed reads a number that carries its unit: a bare number is refused
// because 1 could be one percent or all of them.
func parseSuffixed(s, unit string, scale float64) (float64, error) {
	number, ok := strings.CutSuffix(s, unit)
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(v >= 0 && v <= 1e9) {
		return 0, fmt.Errorf("%q is no number with the unit %s", s, unit)
	}
	return v / scale, nil
}

// Evaluate judges the totals of a run. Nothing measured is not held: a
// threshold on no requests fails.
func (t Threshold) Evaluate(totals Totals) ThresholdResult {
	v := totals.Figure(t.Metric)
	r := ThresholdResult{Expr: t.Expr, Value: v}
	switch t.Op {
	case "<":
		r.OK = v < t.Limit
	case "<=":
		r.OK = v <= t.Limit
	case ">":
		r.OK = v > t.Limit
	case ">=":
		r.OK = v >= t.Limit
	}
	r.OK = r.OK && totals.Requests > 0
	return r
}

// Figure is what a threshold of that metric is about: seconds, a ratio, or per second.
func (t Totals) Figure(metric string) float64 {
	switch l := t.Latency; metric {
	case "p50":
		return l.P50.Seconds()
	case "p90":
		return l.P90.Seconds()
	case "p95":
		return l.P95.Seconds()
	case "p99":
		return l.P99.Seconds()
	case "p99.9":
		return l.P999.Seconds()
	case "max":
		return l.Max.Seconds()
	case "mean":
		return l.Mean.Seconds()
	case "errors":
		return t.ErrorRatio
	case "achieved":
		return ratio(t.AchievedRate, t.RequestedRate)
	default:
		return t.AchievedRate
	}
}

func ratio(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}
