package main

import (
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/query"
)

// serviceConfig is what is known of a service besides its name.
type serviceConfig struct {
	Impact impactConfig `yaml:"impact"`
}

// impactConfig is how to find out what an incident of a service meant: PromQL that is
// asked over the incident when it is resolved.
type impactConfig struct {
	Users    string `yaml:"users"`                    // how many could not do what they wanted, at a moment
	Money    string `yaml:"money_per_failed_request"` // in the currency
	Currency string `yaml:"currency"`                 // of the money, as it is written after it: EUR
}

// checkServices refuses questions that no server would understand.
func (c *config) checkServices() error {
	for name, s := range c.Services {
		for key, expr := range map[string]string{"users": s.Impact.Users, "money_per_failed_request": s.Impact.Money} {
			if expr == "" {
				continue
			}
			if fault := query.CheckExpr(expr); fault != nil {
				return c.doc.Errorf(fmt.Sprintf("services.%s.impact.%s", name, key), "%s: %v", key, fault)
			}
		}
	}
	return nil
}

// impactBoard is the questions about the impact of a moment; false where there is
// nothing to ask. They are those of a resolution alone: before that nobody knows.
func impactBoard(services map[string]serviceConfig, m incident.Moment) (query.Board, bool) {
	ask := services[m.Service].Impact
	b := query.Board{Name: postmortem.ImpactBoard, Title: "Impact of " + m.Service, Range: time.Hour, Refresh: 5 * time.Second}
	for _, p := range []struct{ title, expr, unit string }{
		{postmortem.ImpactUsers, ask.Users, ""}, {postmortem.ImpactMoney, ask.Money, ask.Currency},
	} {
		if p.expr != "" {
			b.Panels = append(b.Panels, query.Panel{
				Title: p.title, Type: query.TimeSeries, Signal: true, Field: query.Field{Unit: p.unit}, Queries: []query.Query{{Expr: p.expr}},
			})
		}
	}
	return b, m.Kind == incident.Resolved && len(b.Panels) > 0
}
