package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// measures are the metrics of a service, under the names that everybody uses;
// job and instance come from who scrapes.
type measures struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // answered, by code and method
	duration prometheus.ObserverVec   // of those
	busy     atomic.Int64             // in flight
	asked    *prometheus.CounterVec   // of peers, by peer and code
	askedFor *prometheus.HistogramVec // seconds, by peer
}

// buckets are dense where the shop's latencies are and around the alerts' limits.
func buckets() []float64 {
	return []float64{.0025, .005, .01, .015, .02, .03, .04, .05, .075, .1, .15, .25, .35, .5, .75, 1, 1.5, 2.5, 5}
}

func newMeasures() *measures {
	m := &measures{registry: prometheus.NewRegistry()}
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "How long requests took.", Buckets: buckets(),
	}, nil)
	m.duration = duration
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests answered.",
	}, []string{"code", "method"})
	// A counter that is born with its first error would hide it from rate(), and a
	// ratio without errors would be empty instead of 0.
	for _, code := range []string{"200", "500", "502", "503", "504"} {
		m.requests.WithLabelValues(code, "get")
	}
	busy := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "http_requests_in_flight", Help: "Requests being answered.",
	}, func() float64 { return float64(m.busy.Load()) })
	m.asked = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_client_requests_total", Help: "Requests to peers, by what came back.",
	}, []string{"peer", "code"})
	m.askedFor = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_client_request_duration_seconds", Help: "How long peers took to answer.", Buckets: buckets(),
	}, []string{"peer"})
	m.registry.MustRegister(duration, m.requests, busy, m.asked, m.askedFor,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// measured counts and times what h answers.
func (m *measures) measured(h http.Handler) http.Handler {
	return promhttp.InstrumentHandlerCounter(m.requests, promhttp.InstrumentHandlerDuration(m.duration, h))
}

// toil is a little work for the processor: what a signature costs.
func toil() string {
	sum := sha256.Sum256(nil)
	for range 500 {
		sum = sha256.Sum256(sum[:])
	}
	return hex.EncodeToString(sum[:4])
}
