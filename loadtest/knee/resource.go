package knee

import (
	"cmp"
	"slices"
)

// Resource is something that the service uses up, such as the CPU.
type Resource struct {
	Name   string  `json:"name"`
	FullAt float64 `json:"full_at,omitempty"` // the lowest rate at which it was full; 0: it never was
	AtKnee float64 `json:"at_knee"`           // how far it was used at the rate that held, as a share
}

// full is how far a resource can be used without making others wait.
const full = 0.9

// rank puts the resource first that was full at the lowest rate; those that never were
// come after, the most used first.
func rank(steps []Step, knee float64) []Resource {
	found := map[string]*Resource{}
	for _, s := range steps {
		for name, used := range s.Uses {
			r := found[name]
			if r == nil {
				r = &Resource{Name: name}
				found[name] = r
			}
			if used >= full && (r.FullAt == 0 || s.Rate < r.FullAt) {
				r.FullAt = s.Rate
			}
			if s.Rate <= knee {
				r.AtKnee = max(r.AtKnee, used)
			}
		}
	}
	var all []Resource
	for _, r := range found {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Resource) int {
		if (a.FullAt == 0) != (b.FullAt == 0) {
			return cmp.Compare(b.FullAt, a.FullAt)
		}
		return cmp.Or(cmp.Compare(a.FullAt, b.FullAt), cmp.Compare(b.AtKnee, a.AtKnee), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Headroom is how many times the observed peak the service can take, with what must be
// kept free left out; it is enough from EnoughHeadroom on.
func (k Knee) Headroom(peak float64) float64 { return k.Ceiling / peak }

// EnoughHeadroom is what a service should have over its highest load.
const EnoughHeadroom = 1.5
