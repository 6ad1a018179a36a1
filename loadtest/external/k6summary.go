package external

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// k6Summary is the end of a run as `--summary-export` or handleSummary writes it. The
// former has the values beside the thresholds, and true for a threshold that was crossed;
// the latter has them apart, and {ok: true} for one that holds.
type k6Summary struct {
	Metrics map[string]k6Metric `json:"metrics"`
	State   struct {
		Milliseconds float64 `json:"testRunDurationMs"`
	} `json:"state"`
}

type k6Metric struct {
	values     map[string]float64
	thresholds map[string]bool // that hold
}

// UnmarshalJSON reads either form.
func (m *k6Metric) UnmarshalJSON(src []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(src, &all); err != nil {
		return err
	}
	m.values, m.thresholds = map[string]float64{}, map[string]bool{}
	if nested, ok := all["values"]; ok {
		if err := json.Unmarshal(nested, &m.values); err != nil {
			return err
		}
	}
	var thresholds map[string]json.RawMessage
	if src, ok := all["thresholds"]; ok {
		if err := json.Unmarshal(src, &thresholds); err != nil {
			return err
		}
	}
	delete(all, "values")
	delete(all, "thresholds")
	for key, src := range all {
		var v float64
		if json.Unmarshal(src, &v) == nil { // of handleSummary the rest are words
			m.values[key] = v
		}
	}
	for expr, src := range thresholds {
		var crossed bool
		var now struct {
			OK bool `json:"ok"`
		}
		if json.Unmarshal(src, &crossed) == nil {
			m.thresholds[expr] = !crossed
		} else if err := json.Unmarshal(src, &now); err != nil {
			return err
		} else {
			m.thresholds[expr] = now.OK
		}
	}
	return nil
}

func readK6Summary(src []byte) (s k6Summary, err error) {
	if err = json.Unmarshal(src, &s); err != nil {
		return s, err
	}
	if len(s.Metrics) == 0 {
		err = errors.New("it is JSON, but neither lines of k6 nor a summary of it: there are no metrics")
	}
	return s, err
}

// k6Aggregate is what a threshold of k6 looks at: "p(95)" of "p(95)<500".
var k6Aggregate = regexp.MustCompile(`^\s*([a-z]+(?:\([0-9.]+\))?)\s*[<>=!]`)

// results are the thresholds of all metrics. What a metric counts is in its own unit:
// milliseconds, or a share.
func (s k6Summary) results() []loadtest.ThresholdResult {
	out := []loadtest.ThresholdResult{}
	for _, metric := range slices.Sorted(maps.Keys(s.Metrics)) {
		m := s.Metrics[metric]
		for _, expr := range slices.Sorted(maps.Keys(m.thresholds)) {
			r := loadtest.ThresholdResult{Expr: metric + " " + expr, OK: m.thresholds[expr]}
			if of := k6Aggregate.FindStringSubmatch(expr); of != nil {
				r.Value = m.value(of[1])
			}
			out = append(out, r)
		}
	}
	return out
}

// value is that of an aggregate. The rate of a rate is called value in one of the forms.
func (m k6Metric) value(aggregate string) float64 {
	if v, ok := m.values[aggregate]; ok || aggregate != "rate" {
		return v
	}
	return m.values["value"]
}

// into makes a result of nothing but a summary: there are no seconds in it, and of the
// response times what k6 was asked to keep.
func (s k6Summary) into(r *loadtest.Result) error {
	d, ok := s.Metrics["http_req_duration"]
	if !ok || s.Metrics["http_reqs"].values["count"] < 1 {
		return errors.New("there is no request of HTTP in it")
	}
	requests := s.Metrics["http_reqs"].values
	r.Requests, r.AchievedRate = int64(requests["count"]), requests["rate"]
	r.DurationSeconds = s.State.Milliseconds / 1000
	if r.DurationSeconds == 0 && r.AchievedRate > 0 {
		r.DurationSeconds = float64(r.Requests) / r.AchievedRate
	}
	// Of a rate of failures a pass is a request that failed.
	failed := s.Metrics["http_req_failed"]
	r.Errors = int64(failed.values["passes"])
	r.ErrorRatio = float64(r.Errors) / float64(r.Requests)
	if r.Errors > 0 {
		r.ErrorsByClass[loadtest.ClassExpect] = loadtest.ErrorCount{Count: r.Errors, Sample: "a summary does not say by what they failed"}
	}
	r.Latency = d.latency(r)
	r.Service = r.Latency
	r.Stages = []loadtest.Totals{r.Totals}
	r.Thresholds = s.results()
	r.Notes = append(r.Notes, "a summary of k6 has no seconds: there is no course of the run, and nothing to compare; k6 run --out json=FILE keeps them")
	(&k6Points{dropped: int64(s.Metrics["dropped_iterations"].values["count"])}).into(r)
	return nil
}

// latency is the response times. A percentile that was not kept is at most the next one
// that was, which stands for it.
func (m k6Metric) latency(r *loadtest.Result) (l loadtest.Latency) {
	at := func(key string) time.Duration {
		return time.Duration(m.values[key] * float64(time.Millisecond))
	}
	l.Mean, l.Max = at("avg"), at("max")
	var missing []string
	known := l.Max
	for _, p := range []struct {
		key, name string
		to        *time.Duration
	}{{"p(99.9)", "p99.9", &l.P999}, {"p(99)", "p99", &l.P99}, {"p(95)", "p95", &l.P95}, {"p(90)", "p90", &l.P90}, {"med", "p50", &l.P50}} {
		if _, ok := m.values[p.key]; ok {
			known = at(p.key)
		} else {
			missing = append(missing, p.name)
		}
		*p.to = known
	}
	if len(missing) > 0 {
		slices.Reverse(missing)
		r.Reasons = append(r.Reasons, fmt.Sprintf("%s: not in the summary; the next that is, at last the maximum, stands there", strings.Join(missing, ", ")))
	}
	return l
}
