package stats

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// Firing is one firing of an alert, as the timeline tells it.
type Firing struct {
	Name     string
	Incident incident.ID // that it was declared as, or joined; empty if it was only listed
	Flapping bool
}

// Precision is how often an alert of that name was worth having.
type Precision struct {
	Name    string
	Firings int
	// Acted of them led to an incident that a person acknowledged, or did something
	// about. Open ones may still.
	Acted, Open int
	Listed      int // were only listed: no rule opens anything for them
	Flapping    int
	Noise       int // a person called noise; never more than Firings
}

// Share is the part of the decided firings that were acted on and not noise; false
// if none is decided.
func (p Precision) Share() (share float64, known bool) {
	decided := p.Firings - p.Open
	if decided <= 0 {
		return 0, false
	}
	return float64(max(0, p.Acted-p.Noise)) / float64(decided), true
}

// Precise counts firings and marks by name; what fires most comes first.
func Precise(firings []Firing, marks []string, incidents []incident.Incident) []Precision {
	by := map[incident.ID]incident.Incident{}
	for _, inc := range incidents {
		by[inc.ID] = inc
	}
	all := map[string]*Precision{}
	for _, f := range firings {
		p := all[f.Name]
		if p == nil {
			p = &Precision{Name: f.Name}
			all[f.Name] = p
		}
		p.Firings++
		if f.Flapping {
			p.Flapping++
		}
		inc, known := by[f.Incident]
		for known && inc.MergedInto != "" && !acted(inc) {
			inc, known = by[inc.MergedInto]
		}
		switch {
		case !known:
			p.Listed++
		case acted(inc):
			p.Acted++
		case !inc.Status.Over():
			p.Open++
		}
	}
	for _, name := range marks {
		if p := all[name]; p != nil {
			p.Noise = min(p.Noise+1, p.Firings)
		}
	}
	out := make([]Precision, 0, len(all))
	for _, p := range all {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Precision) int {
		return cmp.Or(b.Firings-a.Firings, strings.Compare(a.Name, b.Name))
	})
	return out
}

// acted says that somebody took an incident for real.
func acted(inc incident.Incident) bool {
	return !inc.Clocks.FirstAck.IsZero() || !inc.Clocks.Mitigated.IsZero() || len(inc.Actions) > 0
}
