package health

import (
	"maps"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Describe is prometheus.Collector's; the labels are the file's, so nothing is fixed
// before.
func (r *Runner) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's. A check that has not been looked at has no
// metrics, one that cannot be looked at has no success. The names of the first three
// are those of the blackbox exporter, whose dashboards and alerts go on working.
func (r *Runner) Collect(out chan<- prometheus.Metric) {
	for _, s := range r.standings() {
		if s.At.IsZero() {
			continue
		}
		m := metric{s.Check, out}
		if s.Status != Unknown {
			m.send("probe_success", "1 if the latest look was a good one.", prometheus.GaugeValue, truth(s.Status == Healthy))
		}
		m.send("probe_duration_seconds", "How long the latest look took.", prometheus.GaugeValue, s.Took.Seconds())
		if !math.IsNaN(s.Value) {
			switch {
			case s.Check.Type == TLS:
				m.send("probe_ssl_earliest_cert_expiry", "When the certificate ends, as Unix time.", prometheus.GaugeValue, float64(s.At.UnixNano())/1e9+s.Value)
			case s.Check.Type.Unit() == Ratio:
				m.send("sitrep_check_usage_ratio", "Of this host: the share in use, or of packets with an error.", prometheus.GaugeValue, s.Value)
			}
		}
		m.send("sitrep_check_looks_total", "Looks, by whether they were good ones.", prometheus.CounterValue, float64(s.good), "result", "good")
		m.send("sitrep_check_looks_total", "Looks, by whether they were good ones.", prometheus.CounterValue, float64(s.bad), "result", "bad")
	}
}

// metric sends the metrics of one check, with its labels.
type metric struct {
	check *Check
	out   chan<- prometheus.Metric
}

func (m metric) send(name, help string, kind prometheus.ValueType, v float64, more ...string) {
	names := append(slices.Sorted(maps.Keys(m.check.Labels)), "check", "service", "type")
	values := make([]string, 0, len(names)+1)
	for _, n := range names[:len(names)-3] {
		values = append(values, m.check.Labels[n])
	}
	values = append(values, m.check.Name, m.check.Service, string(m.check.Type))
	if len(more) == 2 {
		names, values = append(names, more[0]), append(values, more[1])
	}
	m.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
