package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/sitrep-dev/sitrep/query"
)

// mostSeries is how many series a frame has at the most, as from a Client.
const mostSeries = 1000

// Range implements query.Source without a network and without JSON.
func (s *Server) Range(ctx context.Context, expr string, g query.Grid) (query.Frame, error) {
	began := time.Now()
	if g.N < 1 || g.N > maxPoints || g.Step < time.Millisecond {
		return query.Frame{}, fmt.Errorf("range query: %d points with a step of %v: 1 to %d are answered", g.N, g.Step, maxPoints)
	}
	q, err := s.engine.NewRangeQuery(ctx, s.store, nil, expr, g.Start, g.End(), g.Step)
	if err != nil {
		return query.Frame{}, refusal(err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		if ctx.Err() != nil {
			return query.Frame{}, ctx.Err()
		}
		return query.Frame{}, refusal(res.Err)
	}
	m, err := res.Matrix()
	if err != nil {
		return query.Frame{}, refusal(err)
	}
	f := query.Frame{Grid: g}
	if len(m) > mostSeries {
		f.Warnings = append(f.Warnings, fmt.Sprintf("%d of %d series are left out: aggregate, or select fewer", len(m)-mostSeries, len(m)))
		m = m[:mostSeries]
	}
	f.Series = columns(m, expr, g)
	warnings, infos := res.Warnings.AsStrings(expr, 10, 10)
	f.Warnings, f.Infos = append(f.Warnings, warnings...), infos
	f.At = time.Now()
	f.Took = f.At.Sub(began)
	return f, nil
}

// columns copies a result, whose memory the engine takes back.
func columns(m promql.Matrix, expr string, g query.Grid) []query.Series {
	out := make([]query.Series, len(m))
	for i, series := range m {
		values := make([]float64, g.N)
		for j := range values {
			values[j] = query.Absent()
		}
		for _, p := range series.Floats {
			if j := g.Index(time.UnixMilli(p.T)); j >= 0 && j < g.N {
				values[j] = p.F
			}
		}
		out[i] = query.Series{Labels: series.Metric.Map(), Expr: expr, Values: values}
		for _, p := range series.Histograms {
			if out[i].Histograms == nil {
				out[i].Histograms = make([]*query.Histogram, g.N)
			}
			if j := g.Index(time.UnixMilli(p.T)); j >= 0 && j < g.N {
				out[i].Histograms[j] = histogramOf(p.H)
			}
		}
	}
	return out
}

func refusal(err error) error {
	return &query.Error{Server: "direct scrape", URL: Address, Kind: query.ErrQuery, Msg: err.Error()}
}

// Address is what a Client of a server in this process is given for an URL, beside
// its Transport.
const Address = "http://direct.scrape"

// Transport answers requests to the HTTP API in the process: a query.Client over it
// asks this server.
func (s *Server) Transport() http.RoundTripper { return InProcess(s.Handler()) }

// InProcess is a transport whose requests end at a handler of this process: what has
// its metrics here is scraped without a port.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	p.handler.ServeHTTP(w, r)
	if err := errors.Join(r.Body.Close(), r.Context().Err()); err != nil {
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// recorder is the answer to one request.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(code int)        { w.status = code }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }
