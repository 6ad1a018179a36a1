package incident

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Relation is another incident that may help, and what the two have in common.
type Relation struct {
	Incident Incident
	Why      []string // never empty; what says most comes first
	weight   int
}

// What two incidents have in common, by how much it says.
const (
	byLabels = iota
	byService
	byWords
	byAlert
	byRecord // one was merged into the other, or split from it
)

// Related finds among all those that have something in common with inc: first
// those that the record ties to it, then the same alert, then those that speak of
// the same things (alike, see Alike), then the same service, then the same labels.
// Of equals the newest come first.
func (inc Incident) Related(all []Incident, alike map[ID][]string) []Relation {
	var found []Relation
	for _, other := range all {
		if other.ID == inc.ID {
			continue
		}
		if r := inc.inCommon(other, alike[other.ID]); len(r.Why) > 0 {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b Relation) int {
		return cmp.Or(a.aside()-b.aside(), b.weight-a.weight, b.Incident.Clocks.Declared.Compare(a.Incident.Clocks.Declared), cmp.Compare(b.Incident.Seq, a.Incident.Seq))
	})
	return found
}

// aside puts what can teach something first: an incident that is over and was none
// of practice, or that the record itself ties to this one; then what is open now,
// and drills last.
func (r Relation) aside() int {
	switch {
	case r.weight >= byRecord:
		return 0
	case r.Incident.Drill:
		return 2
	case !r.Incident.Status.Over():
		return 1
	}
	return 0
}

// inCommon is what two incidents have in common, in words.
func (inc Incident) inCommon(other Incident, words []string) Relation {
	r := Relation{Incident: other}
	add := func(weight int, why string) {
		r.weight, r.Why = max(r.weight, weight), append(r.Why, why)
	}
	switch {
	case other.MergedInto == inc.ID:
		add(byRecord, "merged into this one")
	case inc.MergedInto == other.ID:
		add(byRecord, "this one was merged into it")
	case other.SplitFrom == inc.ID:
		add(byRecord, "split from this one")
	case inc.SplitFrom == other.ID:
		add(byRecord, "this one was split from it")
	}
	if name := inc.alert(); name != "" && name == other.alert() {
		if len(inc.Labels) > 0 && maps.Equal(inc.Labels, other.Labels) { // what an alert's fingerprint is made of
			add(byAlert, fmt.Sprintf("same alert %s with the same labels", name))
			return r
		}
		add(byAlert, "same alert "+name)
	}
	if len(words) > 0 {
		add(byWords, "same words "+strings.Join(words, ", "))
	}
	if inc.Service != "" && inc.Service == other.Service {
		add(byService, "same service "+inc.Service)
	}
	shared := shared(inc.Labels, other.Labels)
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		add(byLabels, fmt.Sprintf("label %s=%s", name, shared[name]))
	}
	return r
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
