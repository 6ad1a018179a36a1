package embedded

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

type alertJSON struct {
	Labels          labels.Labels     `json:"labels"`
	Annotations     map[string]string `json:"annotations"`
	State           string            `json:"state"`
	ActiveAt        time.Time         `json:"activeAt"`
	KeepFiringSince *time.Time        `json:"keepFiringSince,omitempty"`
	Value           string            `json:"value"`
}

type groupJSON struct {
	Name           string    `json:"name"`
	File           string    `json:"file"`
	Rules          []any     `json:"rules"`
	Interval       float64   `json:"interval"` // seconds
	Limit          int       `json:"limit"`
	EvaluationTime float64   `json:"evaluationTime"` // seconds
	LastEvaluation time.Time `json:"lastEvaluation"`
}

// ruleJSON is what both kinds of rule tell.
type ruleJSON struct {
	Name           string            `json:"name"`
	Query          string            `json:"query"`
	Labels         map[string]string `json:"labels"`
	Health         string            `json:"health"`
	LastError      string            `json:"lastError,omitempty"`
	EvaluationTime float64           `json:"evaluationTime"` // seconds
	LastEvaluation time.Time         `json:"lastEvaluation"`
	Type           string            `json:"type"`
}

type alertingJSON struct {
	ruleJSON
	State         string            `json:"state"`
	Duration      float64           `json:"duration"`      // seconds
	KeepFiringFor float64           `json:"keepFiringFor"` // seconds
	Annotations   map[string]string `json:"annotations"`
	Alerts        []alertJSON       `json:"alerts"`
}

func (s *Server) apiAlerts(*http.Request) (answer, error) {
	all := []alertJSON{}
	for _, g := range s.ruleGroups() {
		g.mu.Lock()
		for _, r := range g.rules {
			if r.alert != nil {
				all = append(all, r.alert.list()...)
			}
		}
		g.mu.Unlock()
	}
	return answer{data: map[string]any{"alerts": all}}, nil
}

func (s *Server) apiRules(r *http.Request) (answer, error) {
	kind := r.Form.Get("type")
	groups := []groupJSON{}
	for _, g := range s.ruleGroups() {
		groups = append(groups, g.json(kind != "record", kind != "alert"))
	}
	return answer{data: map[string]any{"groups": groups}}, nil
}

func (g *group) json(alerts, records bool) groupJSON {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := groupJSON{
		Name: g.name, File: g.file, Rules: []any{}, Interval: g.interval.Seconds(), Limit: g.limit,
		EvaluationTime: g.took.Seconds(), LastEvaluation: g.at,
	}
	for _, r := range g.rules {
		switch {
		case r.alert != nil && alerts:
			out.Rules = append(out.Rules, alertingJSON{
				ruleJSON: r.json("alerting"), State: r.alert.state(), Duration: r.alert.hold.Seconds(),
				KeepFiringFor: r.alert.keep.Seconds(), Annotations: orEmpty(r.annotations), Alerts: r.alert.list(),
			})
		case r.alert == nil && records:
			out.Rules = append(out.Rules, r.json("recording"))
		}
	}
	return out
}

func (r *rule) json(kind string) ruleJSON {
	out := ruleJSON{
		Name: r.name, Query: r.query, Labels: orEmpty(r.labels), Health: "ok", Type: kind,
		EvaluationTime: r.took.Seconds(), LastEvaluation: r.at,
	}
	switch {
	case r.held:
		out.Health, out.LastError = "unknown", fmt.Sprintf("it waits until %v are known: it looks back so far", r.reach)
	case r.err != nil:
		out.Health, out.LastError = "err", r.err.Error()
	case r.at.IsZero():
		out.Health = "unknown"
	}
	return out
}

// state is the worst state of the rule's alerts.
func (r *alerting) state() string {
	worst := "inactive"
	for _, a := range r.active {
		if a.firing {
			return "firing"
		}
		worst = "pending"
	}
	return worst
}

// list is the active alerts in the order of their labels.
func (r *alerting) list() []alertJSON {
	out := make([]alertJSON, 0, len(r.active))
	for _, a := range r.active {
		one := alertJSON{
			Labels: a.labels, Annotations: orEmpty(a.annotations), State: a.state(), ActiveAt: a.activeAt,
			Value: strconv.FormatFloat(a.value, 'e', -1, 64),
		}
		if !a.clearSince.IsZero() {
			since := a.clearSince
			one.KeepFiringSince = &since
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b alertJSON) int { return labels.Compare(a.Labels, b.Labels) })
	return out
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
