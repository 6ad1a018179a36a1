package alert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
)

// The states of an alert.
const (
	Pending = "pending"
	Firing  = "firing"
)

// Alert is one alert of Prometheus' rules.
type Alert struct {
	Name                string // label alertname
	State               string // pending or firing
	Labels, Annotations query.Labels
	ActiveAt            time.Time // when its expression became true
	Value               float64
	Fingerprint         string // of Labels

	Silenced []string // IDs of the silences that hide it
	Muted    string   // why Alertmanager tells nobody of it, if not for a silence

	From     string   // FromPrometheus (also if empty), FromManager, FromSLO, FromChecks or FromServer
	Group    string   // Alertmanager's key of the group that it was told in; of a burn its objective
	Incident string   // that it was declared as, or attached to
	Flapping bool     // it had fired too often before: nothing was declared for it
	Also     []string `json:",omitempty"` // who else lists it, in the words of From
	Recorded string   // Cause of the firing on the timeline that this is; empty: there is none, or nobody asked

	managed string // its Fingerprint at Alertmanager, which has external labels too
}

// Cause names one firing of one alert: what is recorded of it has a Once that begins so.
func (a Alert) Cause() string {
	return fmt.Sprintf("alert/%s/%d", a.Fingerprint, a.ActiveAt.Unix())
}

// Whom an alert was heard from.
const (
	FromPrometheus = "prometheus"
	FromManager    = "alertmanager"
	FromSLO        = "slo"    // sitrep's own watch over objectives
	FromChecks     = "checks" // what sitrep looks at itself
)

// FromServer is another Prometheus than the first, by its name among the sources.
func FromServer(name string) string { return "sources." + name }

// Teller is whom the alert was heard from, as people call it.
func (a Alert) Teller() string { return strings.TrimPrefix(source(a), "sources.") }

// Known is the fingerprint that the timeline knows an alert by: that of its recorded
// firing, in which the labels may be more.
func (a Alert) Known() string {
	if parts := strings.Split(a.Recorded, "/"); len(parts) == 3 {
		return parts[1]
	}
	return a.Fingerprint
}

// Hidden says that Alertmanager tells nobody of it.
func (a Alert) Hidden() bool { return len(a.Silenced) > 0 || a.Muted != "" }

// Change is a transition that was seen: Fired, or else resolved.
type Change struct {
	Alert Alert
	Fired bool
}

// Rule is the health of an alerting rule.
type Rule = query.RawRule

// id of one firing of one alert. Prometheus restores ActiveAt after its restart
// in whole seconds, so finer parts do not count.
type id struct {
	fingerprint string
	active      int64
}

func (a Alert) id() id { return id{a.Fingerprint, a.ActiveAt.Unix()} }

// memory is what has been reported as firing, and in how many polls since it
// was missing.
type memory map[id]remembered

type remembered struct {
	alert   Alert
	missing int
}

func remember(known []Alert) memory {
	m := memory{}
	for _, a := range known {
		if a.Fingerprint == "" {
			a.Fingerprint = Fingerprint(a.Labels)
		}
		m[a.id()] = remembered{alert: a}
	}
	return m
}

// absences is in how many polls in a row an alert must be missing before it is
// resolved: one empty answer of a load balancer or a reload proves nothing.
const absences = 2

// step compares a successful answer with what is known. It returns what has
// changed and what is known once that is reported; m itself stays as it is.
//
// An alert is resolved when it was missing twice, its condition is not true
// again (pending), and its rule can tell: a rule that has not been evaluated
// since the server's start, or whose evaluation fails, says nothing. A nil
// rules means that the rules could not be read, and the two polls decide alone.
func (m memory) step(now []Alert, rules []Rule) ([]Change, memory) {
	next := memory{}
	var changes []Change
	condition := map[string]bool{}
	firing := map[string]bool{}
	for _, a := range now {
		condition[a.Fingerprint] = true
		if a.State != Firing {
			continue
		}
		firing[a.Fingerprint] = true
		if _, twice := next[a.id()]; twice {
			continue
		}
		if _, known := m[a.id()]; !known {
			changes = append(changes, Change{Alert: a, Fired: true})
		}
		next[a.id()] = remembered{alert: a}
	}
	mute := silentRules(rules)
	for k, r := range m {
		if _, still := next[k]; still {
			continue
		}
		switch {
		case firing[k.fingerprint]: // it fires again: the old firing is over
			changes = append(changes, Change{Alert: r.alert})
		case condition[k.fingerprint], mute[r.alert.Name]:
			next[k] = remembered{alert: r.alert}
		case r.missing+1 < absences:
			next[k] = remembered{alert: r.alert, missing: r.missing + 1}
		default:
			changes = append(changes, Change{Alert: r.alert})
		}
	}
	slices.SortFunc(changes, compareChanges)
	return changes, next
}

// putOff has changes come again with the next answer that still says so.
func (m memory) putOff(changes []Change) {
	for _, c := range changes {
		if c.Fired {
			delete(m, c.Alert.id())
		} else {
			m[c.Alert.id()] = remembered{alert: c.Alert, missing: absences - 1}
		}
	}
}

// silentRules are the names of rules that cannot say whether they are true.
func silentRules(rules []Rule) map[string]bool {
	mute := map[string]bool{}
	for _, r := range rules {
		if r.Health == "err" || r.LastEvaluation.Year() <= 1 {
			mute[r.Name] = true
		}
	}
	return mute
}

// compareChanges: what ended before what began, then by time and name, so that
// a report reads the same every time.
func compareChanges(a, b Change) int {
	switch {
	case a.Fired != b.Fired && b.Fired:
		return -1
	case a.Fired != b.Fired:
		return 1
	case !a.Alert.ActiveAt.Equal(b.Alert.ActiveAt):
		return a.Alert.ActiveAt.Compare(b.Alert.ActiveAt)
	}
	return compareNames(a.Alert, b.Alert)
}

// From names and fingerprints the alerts of a server.
func From(raw []query.RawAlert) []Alert {
	alerts := make([]Alert, 0, len(raw))
	for _, r := range raw {
		alerts = append(alerts, Alert{
			Name: cut(r.Labels["alertname"], longestKey), State: r.State, Labels: bounded(r.Labels), Annotations: bounded(r.Annotations),
			ActiveAt: query.Plausible(r.ActiveAt), Value: r.Value, Fingerprint: Fingerprint(r.Labels),
		})
	}
	sortAlerts(alerts)
	return alerts
}

// sortAlerts puts firing before pending, and older before younger.
func sortAlerts(list []Alert) {
	slices.SortFunc(list, func(a, b Alert) int {
		return cmp.Or(strings.Compare(a.State, b.State), a.ActiveAt.Compare(b.ActiveAt), compareNames(a, b))
	})
}

func compareNames(a, b Alert) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Fingerprint, b.Fingerprint))
}
