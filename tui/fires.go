package tui

import (
	"cmp"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// fires is what fires in the newest list, gone through once a list: ten thousand
// alerts are not looked at for every picture. What it gives is read only.
type fires struct {
	of      []alert.Alert // the list it was made of
	made    bool
	list    []alert.Alert // those that fire, in the order of their source
	related map[string]relation

	world *pane.World // that worst is of
	worst alert.Alert // that no open incident was declared from
	found bool
}

// relation is what fires of a service.
type relation struct {
	list            []alert.Alert
	regions, groups []string
}

// same says that two lists are the same memory: a list is never written to.
func same(a, b []alert.Alert) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// firing are the alerts that fire.
func (m *model) firing() []alert.Alert {
	f := &m.fires
	if list := m.world.Alerts.List; !f.made || !same(list, f.of) {
		*f = fires{of: list, made: true, related: map[string]relation{}}
		for i := range list {
			if list[i].State == alert.Firing {
				f.list = append(f.list, list[i])
			}
		}
	}
	return f.list
}

// related are the firing alerts of the incident's service (all of them, if it
// names none), with the places and the rules they are about.
func (m *model) related(inc incident.Incident) (list []alert.Alert, regions, groups []string) {
	all := m.firing()
	r, known := m.fires.related[inc.Service]
	if !known {
		for _, a := range all {
			if inc.Service != "" && serviceOf(a) != inc.Service && a.Labels["job"] != inc.Service {
				continue
			}
			r.list = append(r.list, a)
			r.regions = append(r.regions, cmp.Or(a.Labels["region"], a.Labels["zone"]))
			r.groups = append(r.groups, a.Name)
		}
		r.regions, r.groups = distinct(r.regions), distinct(r.groups)
		m.fires.related[inc.Service] = r
	}
	return r.list, r.regions, r.groups
}

// undeclared is the firing alert that an incident would be declared from: the
// worst by the policy's rules that no open incident was declared from yet, and
// of equals the newest.
func (m *model) undeclared() (alert.Alert, bool) {
	all := m.firing()
	f := &m.fires
	if f.world == m.world {
		return f.worst, f.found
	}
	f.world, f.worst, f.found = m.world, alert.Alert{}, false
	covered, policy, least := m.world.OpenFor(), today(m.world), 0
	for i := range all {
		a := &all[i]
		if covered[a.Fingerprint] != "" {
			continue
		}
		severity, _, _ := policy.DeclareFor(a.Labels)
		rank := severity.Rank()
		if !f.found || rank < least || rank == least && a.ActiveAt.After(f.worst.ActiveAt) {
			f.worst, f.found, least = *a, true, rank
		}
	}
	return f.worst, f.found
}
