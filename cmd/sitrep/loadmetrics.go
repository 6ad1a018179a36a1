package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// loadMetrics are the metrics of a run that goes on, as it was when it was looked at last.
type loadMetrics struct {
	now atomic.Pointer[loadtest.Progress]

	requested, sent, inFlight, connections, lag, requests, failed, response *prometheus.Desc
}

func newLoadMetrics(plan string) *loadMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sitrep_load_"+name, help, labels, prometheus.Labels{"plan": plan})
	}
	return &loadMetrics{
		requested:   desc("requested_rate", "Arrivals per second that the plan asks for now."),
		sent:        desc("sent_rate", "Arrivals per second that were sent over the last second."),
		inFlight:    desc("in_flight", "Requests that wait for their answer."),
		connections: desc("connections", "Open connections."),
		lag:         desc("lag_p99_seconds", "How late the generator was, since the warm-up."),
		requests:    desc("requests_total", "Answered or given up since the warm-up."),
		failed:      desc("errors_total", "Errors since the warm-up, by class.", "class"),
		response:    desc("response_seconds", "Response times from when requests were due, of whole seconds, warm-up and all."),
	}
}

// Describe is prometheus.Collector's.
func (m *loadMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.requested, m.sent, m.inFlight, m.connections, m.lag, m.requests, m.failed, m.response} {
		to <- d
	}
}

// Collect is prometheus.Collector's.
func (m *loadMetrics) Collect(to chan<- prometheus.Metric) {
	p := m.now.Load()
	if p == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(m.requested, p.RequestedRate)
	gauge(m.sent, p.AchievedRate)
	gauge(m.inFlight, float64(p.InFlight))
	gauge(m.connections, float64(p.Connections))
	gauge(m.lag, p.Lag.P99.Seconds())
	to <- prometheus.MustNewConstMetric(m.requests, prometheus.CounterValue, float64(p.Requests))
	for c, e := range p.ErrorsByClass {
		to <- prometheus.MustNewConstMetric(m.failed, prometheus.CounterValue, float64(e.Count), string(c))
	}
	buckets, count := map[float64]uint64{}, uint64(0)
	for row, n := range p.Heat {
		count += uint64(n)
		if row < loadtest.HeatRows-1 {
			buckets[loadtest.HeatBound(row).Seconds()] = count
		}
	}
	to <- prometheus.MustNewConstHistogram(m.response, count, p.ResponseSum.Seconds(), buckets)
}

// serve answers /metrics on a loopback address until ctx ends.
func (m *loadMetrics) serve(ctx context.Context, address string) (wait func() error, err error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, usage("--metrics %q is not a loopback address with a port, such as 127.0.0.1:9400", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	return func() error {
		stop()
		err := errors.Join(server.Close(), <-served)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}, nil
}
