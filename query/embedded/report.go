package embedded

import (
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
)

// report writes what Prometheus writes about every scrape. These series are
// exempt from the series limit, and end only when the target leaves.
func (s *Server) report(t *target, at int64, took time.Duration, up bool, scraped, kept, added int) {
	values := []float64{0, took.Seconds(), float64(scraped), float64(kept), float64(added)}
	if up {
		values[0] = 1
	}
	if t.reports == nil {
		for _, name := range []string{
			"up", "scrape_duration_seconds", "scrape_samples_scraped",
			"scrape_samples_post_metric_relabeling", "scrape_series_added",
		} {
			b := labels.NewBuilder(t.labels)
			b.Set(model.MetricNameLabel, name)
			t.reports = append(t.reports, sample{labels: b.Labels(), exempt: true})
		}
	}
	for i := range t.reports {
		t.reports[i].t, t.reports[i].v = at, values[i]
	}
	s.store.commit(t.reports)
}

// reportSelf writes the server's own numbers, so that a refusal is seen on a
// chart and not only by what is missing.
func (s *Server) reportSelf(now time.Time) {
	series, chunks, bytes, refused, rejected := s.store.stats()
	at := timestamp.FromTime(now)
	var batch []sample
	for name, v := range map[string]float64{
		"prometheus_tsdb_head_series":                    float64(series),
		"prometheus_tsdb_head_chunks":                    float64(chunks),
		"prometheus_tsdb_head_chunks_storage_size_bytes": float64(bytes),
		"prometheus_tsdb_out_of_order_samples_total":     float64(rejected),
		"sitrep_embedded_series_limit":                   float64(s.cfg.MaxSeries),
		"sitrep_embedded_samples_refused_total":          float64(refused),
	} {
		l := labels.FromStrings(model.MetricNameLabel, name, model.JobLabel, "prometheus", model.InstanceLabel, "embedded")
		batch = append(batch, sample{labels: l, t: at, v: v, exempt: true})
	}
	s.store.commit(batch)
}

// metadata is what HELP, TYPE and UNIT lines said last, by metric family.
type metadata struct {
	mu     sync.Mutex
	family map[string]meta
}

type meta struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// maxFamilies bounds the memory that endpoints can fill with names.
const maxFamilies = 20_000

func (m *metadata) set(name []byte, change func(*meta)) {
	if len(name) > mostName {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, known := m.family[string(name)]
	if !known && len(m.family) >= maxFamilies {
		return
	}
	if m.family == nil {
		m.family = map[string]meta{}
	}
	if !known {
		old.Type = string(model.MetricTypeUnknown)
	}
	changed := old
	change(&changed)
	if changed != old || !known {
		m.family[string(name)] = changed
	}
}

// all is a copy, or only the family named.
func (m *metadata) all(name string) map[string][]meta {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]meta{}
	for family, v := range m.family {
		if name == "" || name == family {
			out[family] = []meta{v}
		}
	}
	return out
}
