package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/util/annotations"
)

// engineVersion is the Prometheus release whose engine this is: v0.316 of the
// module is release 3.16.
const engineVersion = "3.16.0"

// maxPoints is Prometheus' own limit of points in a range query's series.
const maxPoints = 11_000

// maxForm bounds the body of a POST in bytes.
const maxForm = 1 << 20

// Handler is the Prometheus HTTP API: what a dashboard, client_golang's api/v1
// and a probe ask for. It answers before Run, then with no data.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	both := func(path string, f endpoint) {
		mux.Handle("GET "+path, f)
		mux.Handle("POST "+path, f)
	}
	both("/api/v1/query", s.apiQuery)
	both("/api/v1/query_range", s.apiQueryRange)
	both("/api/v1/series", s.apiSeries)
	both("/api/v1/labels", s.apiLabels)
	mux.Handle("GET /api/v1/label/{name}/values", endpoint(s.apiLabelValues))
	mux.Handle("GET /api/v1/metadata", endpoint(s.apiMetadata))
	mux.Handle("GET /api/v1/alerts", endpoint(s.apiAlerts))
	mux.Handle("GET /api/v1/rules", endpoint(s.apiRules))
	mux.Handle("GET /api/v1/targets", endpoint(s.apiTargets))
	mux.Handle("GET /api/v1/status/buildinfo", endpoint(apiBuildinfo))
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Prometheus Server is Ready.")
	})
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Prometheus Server is Healthy.")
	})
	return mux
}

// answer is what an endpoint found; data is anything that encodes as JSON.
type answer struct {
	data     any
	warnings annotations.Annotations
	query    string // for the positions in warnings
}

// endpoint answers one request; the error is put into Prometheus' envelope.
type endpoint func(*http.Request) (answer, error)

type envelope struct {
	Status    string   `json:"status"`
	Data      any      `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`
}

func (f endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	out, code := envelope{Status: "success"}, http.StatusOK
	a, err := answer{}, error(nil)
	if perr := r.ParseForm(); perr != nil {
		err = badData(fmt.Errorf("error parsing form values: %w", perr))
	} else {
		a, err = f(r)
	}
	if err != nil {
		out.Status, out.Error = "error", err.Error()
		out.ErrorType, code = classify(err)
	}
	out.Data = a.data
	out.Warnings, out.Infos = a.warnings.AsStrings(a.query, 10, 10)
	body, err := json.Marshal(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(body) // a client that left is nobody's error
}

// badRequest is an error in the parameters.
type badRequest struct{ error }

func (b badRequest) Unwrap() error { return b.error }

func badData(err error) error { return badRequest{err} }

func badParam(name string, err error) error {
	return badData(fmt.Errorf("invalid parameter %q: %w", name, err))
}

// classify gives the errorType and the HTTP status that Prometheus gives.
func classify(err error) (kind string, code int) {
	var (
		bad      badRequest
		canceled promql.ErrQueryCanceled
		timeout  promql.ErrQueryTimeout
		stored   promql.ErrStorage
	)
	switch {
	case errors.As(err, &bad):
		return "bad_data", http.StatusBadRequest
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return "canceled", 499
	case errors.As(err, &timeout):
		return "timeout", http.StatusServiceUnavailable
	case errors.As(err, &stored):
		return "internal", http.StatusInternalServerError
	}
	return "execution", http.StatusUnprocessableEntity
}

func apiBuildinfo(*http.Request) (answer, error) {
	return answer{data: map[string]string{
		"version": engineVersion, "revision": "embedded", "branch": "sitrep",
		"buildUser": "sitrep", "buildDate": "", "goVersion": runtime.Version(),
	}}, nil
}

// timeParam reads Unix seconds or RFC 3339; def if the parameter is left out.
func timeParam(r *http.Request, name string, def time.Time) (time.Time, error) {
	v := r.Form.Get(name)
	if v == "" {
		return def, nil
	}
	t, err := parseTime(v)
	if err != nil {
		return t, badParam(name, err)
	}
	return t, nil
}

func parseTime(v string) (time.Time, error) {
	if sec, err := strconv.ParseFloat(v, 64); err == nil && math.Abs(sec) < math.MaxInt64/1e9 {
		whole, frac := math.Modf(sec)
		return time.Unix(int64(whole), int64(math.Round(frac*1000)*1e6)).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("cannot parse %q to a valid timestamp", v)
}

// durationParam reads seconds or a Prometheus duration; 0 if left out.
func durationParam(r *http.Request, name string) (time.Duration, error) {
	v := r.Form.Get(name)
	if v == "" {
		return 0, nil
	}
	if sec, err := strconv.ParseFloat(v, 64); err == nil {
		if ns := sec * 1e9; !math.IsNaN(ns) && math.Abs(ns) < math.MaxInt64 {
			return time.Duration(ns), nil
		}
		return 0, badParam(name, fmt.Errorf("cannot parse %q to a valid duration", v))
	}
	d, err := model.ParseDuration(v)
	if err != nil {
		return 0, badParam(name, fmt.Errorf("cannot parse %q to a valid duration", v))
	}
	return time.Duration(d), nil
}

// limitParam is the most entries wanted; 0 is all.
func limitParam(r *http.Request) (int, error) {
	v := r.Form.Get("limit")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, badParam("limit", errors.New("limit must be a non-negative number"))
	}
	return n, nil
}

// limited cuts a list and says so.
func limited[L ~[]T, T any](list L, limit int, warnings *annotations.Annotations) L {
	if limit > 0 && len(list) > limit {
		warnings.Add(errors.New("results truncated due to limit"))
		return list[:limit]
	}
	return list
}
