package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Relation is another incident that may help, and what the two have in common.
type Relation struct {
	Incident Incident
	Why      []string // never empty; what says most comes first
}

// Related finds among all those that have something in common with inc, the
// newest first.
func (inc Incident) Related(all []Incident) []Relation {
	var found []Relation
	for _, other := range all {
		if other.ID == inc.ID {
			continue
		}
		if why := inc.inCommon(other); len(why) > 0 {
			found = append(found, Relation{other, why})
		}
	}
	slices.SortStableFunc(found, func(a, b Relation) int {
		return cmp.Or(b.Incident.Clocks.Declared.Compare(a.Incident.Clocks.Declared), cmp.Compare(b.Incident.Seq, a.Incident.Seq))
	})
	return found
}

// inCommon is what two incidents have in common, in words.
func (inc Incident) inCommon(other Incident) (why []string) {
	switch {
	case other.MergedInto == inc.ID:
		why = append(why, "merged into this one")
	case inc.MergedInto == other.ID:
		why = append(why, "this one was merged into it")
	case other.SplitFrom == inc.ID:
		why = append(why, "split from this one")
	case inc.SplitFrom == other.ID:
		why = append(why, "this one was split from it")
	}
	shared := shared(inc.Labels, other.Labels)
	if name := inc.alert(); name != "" && name == other.alert() {
		if len(inc.Labels) > 0 && maps.Equal(inc.Labels, other.Labels) { // what an alert's fingerprint is made of
			return append(why, fmt.Sprintf("same alert %s with the same labels", name))
		}
		why = append(why, "same alert "+name)
	}
	if inc.Service != "" && inc.Service == other.Service {
		why = append(why, "same service "+inc.Service)
	}
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		why = append(why, fmt.Sprintf("label %s=%s", name, shared[name]))
	}
	return why
}

// alert is the name of the alert that found it; empty if a person did.
func (inc Incident) alert() string { return cmp.Or(inc.Labels["alertname"], inc.Clocks.DetectedBy) }

// shared is the labels that two incidents have in common, but for those that
// say what is compared by itself, or no more than how loud an alert is.
func shared(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range a {
		if other, has := b[name]; has && other == value && value != "" {
			out[name] = value
		}
	}
	for _, name := range []string{"alertname", "service", "severity"} {
		delete(out, name)
	}
	return out
}
