package alert

import (
	"slices"

	"github.com/sitrep-dev/sitrep/query"
)

// Merge puts together what Prometheus and Alertmanager say: the alerts of
// Prometheus, with whatever hides them there, and those that only Alertmanager
// knows.
func Merge(prometheus, manager []Alert) []Alert {
	if len(manager) == 0 {
		return prometheus
	}
	out := slices.Clone(prometheus)
	known := newListing(out)
	for _, a := range manager {
		i, same := known.find(a)
		if !same {
			a.From = FromManager
			out = append(out, a)
			continue
		}
		out[i].Silenced, out[i].Muted, out[i].managed = a.Silenced, a.Muted, a.Fingerprint
		out[i].Also = append(slices.Clip(out[i].Also), FromManager)
	}
	sortAlerts(out)
	return out
}

// Union puts together what several servers list. An alert that more than one of them
// lists is one: it is as the first tells it that calls it firing, and Also says who
// else does.
func Union(lists ...[]Alert) []Alert {
	lists = slices.DeleteFunc(slices.Clone(lists), func(list []Alert) bool { return len(list) == 0 })
	if len(lists) < 2 {
		return slices.Concat(lists...)
	}
	out := slices.Clone(lists[0])
	for _, list := range lists[1:] {
		known := newListing(out)
		for _, a := range list {
			i, same := known.find(a)
			if !same {
				out = append(out, a)
				continue
			}
			first, also := out[i], source(a)
			if first.State != Firing && a.State == Firing {
				out[i], also = a, source(first)
			}
			out[i].Also = append(slices.Clip(first.Also), also)
		}
	}
	sortAlerts(out)
	return out
}

// listing finds the alerts of a list in the words of another server. Labels that no
// alert of that name has in the list are external ones, which a server tells only
// others.
type listing struct {
	at    map[string]int             // by fingerprint
	names map[string]map[string]bool // of labels, by the alerts' name
}

func newListing(list []Alert) listing {
	l := listing{make(map[string]int, len(list)), map[string]map[string]bool{}}
	for i, a := range list {
		l.at[a.Fingerprint] = i
		known := l.names[a.Name]
		if known == nil {
			known = map[string]bool{}
			l.names[a.Name] = known
		}
		for k := range a.Labels {
			known[k] = true
		}
	}
	return l
}

// find is where in the list an alert stands.
func (l listing) find(a Alert) (int, bool) {
	i, same := l.at[a.Fingerprint]
	if known := l.names[a.Name]; !same && known != nil {
		own := query.Labels{}
		for k, v := range a.Labels {
			if known[k] {
				own[k] = v
			}
		}
		i, same = l.at[Fingerprint(own)]
	}
	return i, same
}
