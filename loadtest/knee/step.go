package knee

import (
	"fmt"
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// Verdict is of one step.
type Verdict string

// The verdicts of a step. Unsure is too close to tell in that time, void is one in which
// the generator was the bottleneck: it says nothing about the service.
const (
	Passed Verdict = "passed"
	Failed Verdict = "failed"
	Unsure Verdict = "unsure"
	Void   Verdict = "void"
)

// Step is a rate that was held for a while.
type Step struct {
	Rate    float64            `json:"rate"` // per second
	Seconds float64            `json:"seconds"`
	Verdict Verdict            `json:"verdict"`
	Why     string             `json:"why"`
	Share   float64            `json:"share"` // of the requests, beyond the limit that is closest to being broken
	Error   float64            `json:"error"` // its standard error
	Limit   float64            `json:"limit"` // what the share may be
	Got     float64            `json:"got"`   // per second, that were sent
	Latency loadtest.Latency   `json:"latency_seconds"`
	Uses    map[string]float64 `json:"uses,omitempty"` // what each resource was used to at its end
}

const (
	sure      = 1.645 // standard errors: 95 % on one side
	leastGot  = 0.97  // of the rate, that must be sent for it to be that rate
	collapsed = 0.2   // share of errors at which nothing has to be measured any more
)

// judge says whether a result holds the thresholds, and how sure that is.
func judge(rate float64, r loadtest.Result, thresholds []loadtest.Threshold) Step {
	s := Step{Rate: rate, Seconds: r.DurationSeconds, Got: r.AchievedRate, Latency: r.Latency, Verdict: Passed, Why: "every threshold holds"}
	switch {
	case r.Requests == 0:
		s.Verdict, s.Why = Failed, "nothing was answered"
		return s
	case r.Generator == loadtest.GeneratorInvalid:
		s.Verdict, s.Why = Void, first(r.Reasons)
		return s
	case r.ErrorRatio > collapsed:
		s.Verdict, s.Why, s.Share = Failed, fmt.Sprintf("%.0f %% errors", 100*r.ErrorRatio), r.ErrorRatio
		return s
	case r.RequestedRate > 0 && r.AchievedRate < leastGot*r.RequestedRate:
		s.Verdict, s.Why = Failed, fmt.Sprintf("only %.1f %% of the rate could be sent in time", 100*r.AchievedRate/r.RequestedRate)
		return s
	}
	worst := math.Inf(-1)
	for _, t := range thresholds {
		share, err, limit, ok := beyond(t, r)
		if !ok {
			continue
		}
		near := (share - limit) / max(err, 1e-9)
		if near > worst {
			worst, s.Share, s.Error, s.Limit = near, share, err, limit
		}
		v := sides(share, err, limit)
		if v == Failed || v == Unsure && s.Verdict == Passed {
			s.Verdict, s.Why = v, fmt.Sprintf("%s: %.2f ± %.2f %% beyond it, %.2g %% may be", t.Expr, 100*share, 100*err, 100*limit)
		}
	}
	return s
}

// sides says on which side of the limit a share is.
func sides(share, err, limit float64) Verdict {
	switch {
	case share+sure*err <= limit:
		return Passed
	case share-sure*err > limit:
		return Failed
	}
	return Unsure
}

// quantiles of the thresholds that speak of one: how many requests may be slower.
var quantiles = map[string]float64{"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01, "p99.9": 0.001}

// mayBe is the share of requests that a threshold allows to be beyond it.
func mayBe(t loadtest.Threshold) (share float64, ok bool) {
	if t.Metric == "errors" {
		return t.Limit, true
	}
	share, ok = quantiles[t.Metric]
	return share, ok
}

// beyond is the share of the requests that a threshold does not want, its standard error,
// and what it may be. A threshold that is about no share (the mean, the rate) says nothing
// here but whether it holds.
func beyond(t loadtest.Threshold, r loadtest.Result) (share, err, limit float64, ok bool) {
	if limit, ok = quantiles[t.Metric]; ok {
		share, err = overRows(r, func(h *loadtest.Histogram, _ loadtest.Row) float64 {
			return float64(slower(h, t.Limit))
		})
		return share, err, limit, true
	}
	switch t.Metric {
	case "errors":
		share, err = overRows(r, func(_ *loadtest.Histogram, row loadtest.Row) float64 { return float64(row.Errors) })
		return share, err, t.Limit, true
	case "max", "mean":
		if t.Evaluate(r.Totals).OK {
			return 0, 0, 1, true
		}
		return 1, 0, 0, true
	}
	return 0, 0, 0, false // a rate is what is looked for
}

// slower is how many took longer than the limit, in seconds.
func slower(h *loadtest.Histogram, limit float64) (n int64) {
	for d, count := range h.Counts() {
		if d > time.Duration(limit*float64(time.Second)) {
			n += count
		}
	}
	return n
}

// overRows is the share of requests that of counts, and its standard error: that of
// independent requests, or what the seconds differ by from each other if that is more,
// which it is where requests wait for each other (a ratio estimator over clusters,
// Cochran 1977, section 2.11).
func overRows(r loadtest.Result, of func(*loadtest.Histogram, loadtest.Row) float64) (share, err float64) {
	type second struct{ hit, all float64 }
	var seconds []second
	var hit, all float64
	for _, row := range r.Rows {
		if row.Warmup || row.Requests == 0 {
			continue
		}
		h, derr := loadtest.DecodeHistogram(row.Response)
		if derr != nil {
			continue // of this process, a moment ago
		}
		x := second{of(h, row), float64(row.Requests)}
		seconds = append(seconds, x)
		hit, all = hit+x.hit, all+x.all
	}
	if all == 0 {
		return 1, 0
	}
	share = hit / all
	smooth := (hit + 1) / (all + 2) // not even none of many is never
	err = math.Sqrt(smooth * (1 - smooth) / all)
	if n := float64(len(seconds)); n > 1 {
		var squares float64
		for _, x := range seconds {
			squares += (x.hit - share*x.all) * (x.hit - share*x.all)
		}
		err = max(err, math.Sqrt(squares*n/(n-1))/all)
	}
	return share, err
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
