package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

func (s *Server) apiQuery(r *http.Request) (answer, error) {
	ts, err := timeParam(r, "time", time.Now())
	if err != nil {
		return answer{}, err
	}
	ctx, opts, cancel, err := queryParams(r)
	if err != nil {
		return answer{}, err
	}
	defer cancel()
	q, err := s.engine.NewInstantQuery(ctx, s.store, opts, r.Form.Get("query"), ts)
	return s.exec(ctx, r, q, err)
}

func (s *Server) apiQueryRange(r *http.Request) (answer, error) {
	start, err := requiredTime(r, "start")
	if err != nil {
		return answer{}, err
	}
	end, err := requiredTime(r, "end")
	if err != nil {
		return answer{}, err
	}
	step, err := durationParam(r, "step")
	switch {
	case err != nil:
		return answer{}, err
	case r.Form.Get("step") == "":
		return answer{}, badParam("step", errors.New(`cannot parse "" to a valid duration`))
	case end.Before(start):
		return answer{}, badParam("end", errors.New("end timestamp must not be before start time"))
	case step < time.Millisecond:
		return answer{}, badParam("step", errors.New("zero or negative query resolution step widths are not accepted. Try a positive integer"))
	case end.Sub(start)/step > maxPoints:
		return answer{}, badData(errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"))
	}
	ctx, opts, cancel, err := queryParams(r)
	if err != nil {
		return answer{}, err
	}
	defer cancel()
	q, err := s.engine.NewRangeQuery(ctx, s.store, opts, r.Form.Get("query"), start, end, step)
	return s.exec(ctx, r, q, err)
}

func requiredTime(r *http.Request, name string) (time.Time, error) {
	if r.Form.Get(name) == "" {
		return time.Time{}, badParam(name, errors.New(`cannot parse "" to a valid timestamp`))
	}
	return timeParam(r, name, time.Time{})
}

func queryParams(r *http.Request) (context.Context, promql.QueryOpts, context.CancelFunc, error) {
	timeout, err := durationParam(r, "timeout")
	if err != nil {
		return nil, nil, nil, err
	}
	back, err := durationParam(r, "lookback_delta")
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	}
	return ctx, promql.NewPrometheusQueryOpts(false, back, nil), cancel, nil
}

// exec runs a query that was made (or not: err) and encodes its result before
// the engine takes the memory back.
func (s *Server) exec(ctx context.Context, r *http.Request, q promql.Query, err error) (answer, error) {
	if err != nil {
		return answer{}, badParam("query", err)
	}
	defer q.Close()
	limit, err := limitParam(r)
	if err != nil {
		return answer{}, err
	}
	res := q.Exec(ctx)
	if res.Err != nil {
		return answer{warnings: res.Warnings}, res.Err
	}
	warnings := *annotations.New()
	warnings.Merge(res.Warnings)
	switch v := res.Value.(type) {
	case promql.Vector:
		res.Value = limited(v, limit, &warnings)
	case promql.Matrix:
		res.Value = limited(v, limit, &warnings)
	}
	data, err := encode(res.Value)
	if err != nil {
		return answer{}, fmt.Errorf("encode the result: %w", err)
	}
	return answer{data: data, warnings: warnings, query: r.Form.Get("query")}, nil
}
