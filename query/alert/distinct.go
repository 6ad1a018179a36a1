package alert

import (
	"maps"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// Shared are the labels that all of list have with the same value.
func Shared(list []Alert) query.Labels {
	shared := query.Labels{}
	if len(list) == 0 {
		return shared
	}
	maps.Copy(shared, list[0].Labels)
	for i := range list[1:] {
		for k, v := range shared {
			if list[i+1].Labels[k] != v {
				delete(shared, k)
			}
		}
	}
	return shared
}

// Own is what tells an alert from others that share those labels: "instance=a pod=b".
// Where that is nothing it is all labels but its name and severity.
func (a Alert) Own(shared query.Labels) string {
	var own, all []string
	for _, k := range a.Labels.Names() {
		pair := k + "=" + a.Labels[k]
		if _, same := shared[k]; !same {
			own = append(own, pair)
		}
		if k != "alertname" && k != "severity" {
			all = append(all, pair)
		}
	}
	if len(own) == 0 {
		own = all
	}
	return strings.Join(own, " ")
}

// Apart is for every alert of list what tells it from the others of its name.
func Apart(list []Alert) []string {
	byName := map[string][]Alert{}
	for _, a := range list {
		byName[a.Name] = append(byName[a.Name], a)
	}
	shared := make(map[string]query.Labels, len(byName))
	for name, twins := range byName {
		shared[name] = Shared(twins)
	}
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.Own(shared[a.Name])
	}
	return out
}
