package alert

import (
	"slices"

	"github.com/sitrep-dev/sitrep/query"
)

// Merge puts together what Prometheus and Alertmanager say: the alerts of
// Prometheus, with whatever hides them there, and those that only Alertmanager
// knows. Labels that no alert of that name has at Prometheus are external ones, of
// which it only tells Alertmanager.
func Merge(prometheus, manager []Alert) []Alert {
	if len(manager) == 0 {
		return prometheus
	}
	out := slices.Clone(prometheus)
	at := make(map[string]int, len(out))
	names := map[string]map[string]bool{}
	for i, a := range out {
		at[a.Fingerprint] = i
		known := names[a.Name]
		if known == nil {
			known = map[string]bool{}
			names[a.Name] = known
		}
		for k := range a.Labels {
			known[k] = true
		}
	}
	for _, a := range manager {
		i, same := at[a.Fingerprint]
		if known := names[a.Name]; !same && known != nil {
			own := query.Labels{}
			for k, v := range a.Labels {
				if known[k] {
					own[k] = v
				}
			}
			i, same = at[Fingerprint(own)]
		}
		if !same {
			a.From = FromManager
			out = append(out, a)
			continue
		}
		out[i].Silenced, out[i].Muted, out[i].managed = a.Silenced, a.Muted, a.Fingerprint
	}
	sortAlerts(out)
	return out
}
