package embedded

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// alerting is the memory of an alerting rule: which label sets are active, and
// since when.
type alerting struct {
	hold, keep time.Duration // for, keep_firing_for
	active     map[uint64]*alert
}

// alert is one active label set.
type alert struct {
	labels      labels.Labels
	annotations map[string]string
	value       float64
	activeAt    time.Time
	firing      bool
	clearSince  time.Time // firing only because of keep_firing_for, since then
}

func (a *alert) state() string {
	if a.firing {
		return "firing"
	}
	return "pending"
}

// step is one evaluation, by Prometheus' rules: a label set in vec is pending,
// then firing once it has been active for hold; one that is no longer in vec
// stops at once, or after keep. The result are the ALERTS and ALERTS_FOR_STATE
// samples.
func (r *alerting) step(vec promql.Vector, now time.Time, expand func(promql.Sample) (labels.Labels, map[string]string)) (promql.Vector, error) {
	present := make(map[uint64]*alert, len(vec))
	for _, smp := range vec {
		lset, annotations := expand(smp)
		h := lset.Hash()
		if present[h] != nil {
			return nil, fmt.Errorf("two results have the same labels after applying the alert's: %s", lset)
		}
		present[h] = &alert{labels: lset, annotations: annotations, value: smp.F, activeAt: now}
	}
	for h, a := range present {
		if old := r.active[h]; old != nil {
			old.value, old.annotations, old.clearSince = a.value, a.annotations, time.Time{}
			continue
		}
		r.active[h] = a
	}
	for h, a := range r.active {
		if present[h] == nil && !r.keeps(a, now) {
			delete(r.active, h)
			continue
		}
		if !a.firing && now.Sub(a.activeAt) >= r.hold {
			a.firing = true
		}
	}
	return r.samples(now), nil
}

// keeps says whether an alert whose condition is gone fires on.
func (r *alerting) keeps(a *alert, now time.Time) bool {
	if !a.firing || r.keep == 0 {
		return false
	}
	if a.clearSince.IsZero() {
		a.clearSince = now
	}
	return now.Sub(a.clearSince) < r.keep
}

func (r *alerting) samples(now time.Time) promql.Vector {
	var out promql.Vector
	at := timestamp.FromTime(now)
	for _, a := range r.active {
		b := labels.NewBuilder(a.labels)
		b.Set(model.MetricNameLabel, "ALERTS_FOR_STATE")
		out = append(out, promql.Sample{Metric: b.Labels(), T: at, F: float64(a.activeAt.Unix())})
		b.Set(model.MetricNameLabel, "ALERTS")
		b.Set("alertstate", a.state())
		out = append(out, promql.Sample{Metric: b.Labels(), T: at, F: 1})
	}
	return out
}

// expand makes the labels and annotations of an alert from one result: the
// rule's texts are templates that see $labels and $value.
func (s *Server) expand(ctx context.Context, r *rule, smp promql.Sample, now time.Time) (labels.Labels, map[string]string) {
	data := template.AlertTemplateData(smp.Metric.Map(), *s.external.Load(), s.cfg.ExternalURL, smp)
	text := func(t string) string {
		const names = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
		out, err := template.NewTemplateExpander(ctx, names+t, "__alert_"+r.name, data,
			model.Time(timestamp.FromTime(now)), s.instant, s.externalURL, nil).Expand()
		if err != nil {
			return fmt.Sprintf("<error expanding template: %s>", err)
		}
		return out
	}
	b := labels.NewBuilder(smp.Metric)
	b.Del(model.MetricNameLabel)
	for k, v := range r.labels {
		b.Set(k, text(v))
	}
	b.Set(model.AlertNameLabel, r.name)
	annotations := make(map[string]string, len(r.annotations))
	for k, v := range r.annotations {
		annotations[k] = text(v)
	}
	return b.Labels(), annotations
}
