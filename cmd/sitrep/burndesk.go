package main

import (
	"context"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/query/slo"
)

// declares says what an alert opens, and whether by itself: what the policy says, and
// of a burn that is only looked into, about which it says nothing, a SEV-3.
func (d *alertDesk) declares(a alert.Alert) (incident.Severity, bool) {
	severity, auto, ok := d.policy.DeclareFor(a.Labels)
	if !ok && a.From == alert.FromSLO && a.Labels["severity"] == slo.Warning {
		return incident.Sev3, true
	}
	return severity, auto
}

// takeBurn is take for a burn; one within the blast radius of a drill belongs to that.
func (d *alertDesk) takeBurn(ctx context.Context, r alert.Report, drill incident.ID, now time.Time) error {
	d.mu.Lock()
	d.drills = map[string]incident.ID{r.Alert.Fingerprint: drill}
	d.mu.Unlock()
	return d.take(ctx, []alert.Report{r}, now)
}

// burning is the burn with these labels that the timeline knows as firing.
func (d *alertDesk) burning(ctx context.Context, fingerprint string) (alert.Alert, bool, error) {
	list, err := d.firing(ctx, alert.FromSLO)
	i := slices.IndexFunc(list, func(a alert.Alert) bool { return a.Fingerprint == fingerprint })
	if err != nil || i < 0 {
		return alert.Alert{}, false, err
	}
	return list[i], true, nil
}

// burns are all burns that fire, as far as the timeline was read.
func (d *alertDesk) burns() []alert.Alert { return d.fires(alert.FromSLO) }

// drill is the open drill that a burn belongs to.
func (s *sitting) drill(a alert.Alert) (incident.Incident, bool) {
	id := s.desk.drills[a.Fingerprint]
	if a.From != alert.FromSLO || id == "" {
		return incident.Incident{}, false
	}
	inc, err := s.look.Incident(id)
	if err != nil || !inc.Drill || inc.Status.Over() {
		return incident.Incident{}, false
	}
	s.open[id] = inc
	return inc, true
}
