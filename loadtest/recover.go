package loadtest

import (
	"fmt"
	"time"
)

// Head is what is kept of a run when it begins: Unfinished makes a result of it and of the
// seconds that were kept, should its end never come.
func (p Plan) Head(run string, at time.Time) Result {
	r := Result{
		Run: run, Plan: p.Name, PlanHash: p.Hash(), Target: p.Host(), StartedAt: at.UTC(), Kind: p.Kind, Model: "open", Verdict: Running,
		Thresholds: []ThresholdResult{}, Stages: make([]Totals, len(p.Stages)), Generator: GeneratorOK,
		PlannedSeconds: p.Duration().Seconds(),
	}
	if p.Closed {
		r.Model = "closed"
	}
	for _, t := range p.Thresholds {
		r.Thresholds = append(r.Thresholds, ThresholdResult{Expr: t.Expr})
	}
	return r
}

// Unfinished is the result of a run whose end is not known, by the seconds and rows that
// were kept of it. Dead says that there will be none: its process is gone. Rates are those of
// whole seconds, and who waited for a connection is not known any more, so that what the
// generator is judged by is its lag alone.
func (r Result) Unfinished(seconds []Second, rows []Row, dead bool) (Result, error) {
	seconds, err := Filled(seconds, rows)
	if err != nil {
		return r, err
	}
	response, service, lag, err := MergeRows(rows)
	if err != nil {
		return r, err
	}
	measured := 0
	for _, s := range seconds {
		if !s.Warmup {
			measured++
			r.RequestedRate += s.Requested
			r.AchievedRate += float64(s.Sent)
		}
	}
	n := float64(measured)
	r.RequestedRate, r.AchievedRate, r.DurationSeconds = ratio(r.RequestedRate, n), ratio(r.AchievedRate, n), n
	for _, row := range rows {
		if !row.Warmup {
			r.Requests += row.Requests
			r.Errors += row.Errors
		}
	}
	r.ErrorRatio = ratio(float64(r.Errors), float64(r.Requests))
	r.Latency, r.Service, r.Lag = response.Latency(), service.Latency(), lag.Latency()
	if r.Stages, err = stagesOf(rows, len(r.Stages)); err != nil {
		return r, err
	}
	r.ErrorsByClass = classes(seconds)
	for i, t := range r.Thresholds {
		if th, err := ParseThreshold(t.Expr); err == nil && dead {
			r.Thresholds[i] = th.Evaluate(r.Totals)
		}
	}
	if r.Engine == "" { // of another's generator all that is known is in the head
		r.Generator, r.Reasons = generatorFacts{totals: Totals{Requests: r.Requests, Latency: r.Latency}, lag: r.Lag, local: r.ErrorsByClass[ClassLocal].Count}.judge()
	}
	until := 0
	if len(seconds) > 0 {
		until = seconds[len(seconds)-1].Second + 1
	}
	why := fmt.Sprintf("it goes on: these are its first %d s", until)
	if dead {
		r.Verdict = Aborted
		why = fmt.Sprintf("its process died: these are its first %d s, and nothing is known of what came after", until)
	}
	r.Reasons = append([]string{why}, r.Reasons...)
	r.Seconds, r.Rows = seconds, rows
	return r, nil
}

// stagesOf sums up the measured rows of each stage. Its rate is of the seconds that have a row of it.
func stagesOf(rows []Row, n int) ([]Totals, error) {
	out := make([]Totals, n)
	for i := range out {
		h, seconds := NewHistogram(), 0
		t := &out[i]
		for _, row := range rows {
			if row.Stage != i || row.Warmup {
				continue
			}
			if err := h.Add(row.Response); err != nil {
				return nil, secondError(row.Second, err)
			}
			t.Requests += row.Requests
			t.Errors += row.Errors
			seconds++
		}
		t.AchievedRate = ratio(float64(t.Requests), float64(seconds))
		t.RequestedRate = t.AchievedRate // what was asked of a stage is not kept
		t.ErrorRatio, t.Latency = ratio(float64(t.Errors), float64(t.Requests)), h.Latency()
	}
	return out, nil
}
