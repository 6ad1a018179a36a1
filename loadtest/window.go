package loadtest

import (
	"fmt"
	"slices"
	"time"
)

// lookBack is how many whole seconds a threshold that aborts looks at: one that is met by
// the whole run so far would take the longer to notice an outage the longer all was well.
const lookBack = 5

// past is the measured part of one second.
type past struct {
	second           int
	response         *Histogram
	requests, errors int64
}

// remember adds a row that is being closed to the seconds that are looked back at.
func (r *recorder) remember(second int, c *cell) {
	if !r.aborts || c.warmup {
		return
	}
	if n := len(r.recent); n == 0 || r.recent[n-1].second != second {
		r.recent = append(r.recent, past{second: second, response: NewHistogram()})
	}
	last := &r.recent[len(r.recent)-1]
	last.response.Merge(c.response)
	last.requests += c.requests
	last.errors += c.errors
	for len(r.recent) > 0 && r.recent[0].second <= second-lookBack {
		r.recent = r.recent[1:]
	}
}

// broken is the threshold that ends the run, in words, or empty. It is looked at when a
// second is closed, and there are as many of them measured as it looks back at.
func (r *recorder) broken() string {
	if !r.aborts || r.oldest == r.looked {
		return ""
	}
	r.looked = r.oldest
	from := time.Duration(r.oldest-lookBack) * time.Second
	if from < r.plan.Warmup {
		return ""
	}
	totals := r.lately(from)
	for _, t := range r.plan.Thresholds {
		if !t.Abort || time.Duration(r.oldest)*time.Second < t.After || totals.Requests == 0 {
			continue
		}
		if out := t.Evaluate(totals); !out.OK {
			return fmt.Sprintf("threshold %s: %s over the last %d s", t.Expr, out.measured(totals.Requests), lookBack)
		}
	}
	return ""
}

// lately is what was answered since from, in whole seconds.
func (r *recorder) lately(from time.Duration) Totals {
	h := NewHistogram()
	out := Totals{RequestedRate: (r.schedule.Arrivals(from+lookBack*time.Second) - r.schedule.Arrivals(from)) / lookBack}
	for _, p := range r.recent {
		if time.Duration(p.second)*time.Second >= from {
			h.Merge(p.response)
			out.Requests += p.requests
			out.Errors += p.errors
		}
	}
	out.Latency, out.ErrorRatio = h.Latency(), ratio(float64(out.Errors), float64(out.Requests))
	out.AchievedRate = float64(out.Requests) / lookBack
	return out
}

// Lately sums up the last seconds of a run, as they were kept; warm-up counts. The rates
// are of all that is given, whether or not something was answered in each.
func Lately(seconds []Second, rows []Row) (Totals, error) {
	h, out := NewHistogram(), Totals{}
	for _, row := range rows {
		if err := h.Add(row.Response); err != nil {
			return out, secondError(row.Second, err)
		}
		out.Requests += row.Requests
		out.Errors += row.Errors
	}
	for _, s := range seconds {
		out.RequestedRate += s.Requested / float64(len(seconds))
	}
	out.Latency, out.ErrorRatio = h.Latency(), ratio(float64(out.Errors), float64(out.Requests))
	out.AchievedRate = ratio(float64(out.Requests), float64(len(seconds)))
	return out, nil
}

func anyAborts(list []Threshold) bool {
	return slices.ContainsFunc(list, func(t Threshold) bool { return t.Abort })
}
