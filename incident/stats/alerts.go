package stats

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Verdict is what a person says of a firing.
type Verdict string

// The verdicts; empty is none.
const (
	Noise  Verdict = "noise"
	Useful Verdict = "useful"
)

// Firing is one firing of an alert, as the timeline tells it.
type Firing struct {
	Name     string
	Incident incident.ID // that it was declared as, or joined; empty if it was only listed
	Flapping bool
	Began    time.Time
	Ended    time.Time // zero while it fires
	Mark     Verdict   // of this firing alone
}

// Precision is how often an alert of that name was worth having.
type Precision struct {
	Name     string
	Firings  int
	Attached int // belong to an incident
	Acted    int // of those: a person acknowledged it, or did something about it
	Open     int // of those: it is open, and nobody has yet
	Flapping int
	Noise    int // marked as noise, or part of a storm that was
	Useful   int // marked as useful, or part of a storm that was
	Night    int // began at night, by Night

	// Worth of Judged were worth having. A mark judges: useful is worth it, noise is
	// not. Without one a firing is judged by its incident: it was worth having if a
	// person acted on that, and was not if that ended without. What is open still, and
	// what was only listed (it woke nobody), is not judged, unless it is marked.
	// Samples is from how many incidents those are (a marked one without an incident
	// counts alone): ten pods that fail together are one reason to wake somebody.
	Worth, Judged, Samples int

	Median time.Duration // how long it fired; of those that have ended
	Ended  int           // how many those are
}

// fewest is of how few samples no ratio is told: two of three say nothing.
const fewest = 5

// Share is the precision, from 0 to 1; false while it is of fewer than five samples, for
// a ratio of so few would be read as more than it says.
//
//	precision = Worth / Judged
func (p Precision) Share() (share float64, known bool) {
	if p.Samples < fewest {
		return 0, false
	}
	return float64(p.Worth) / float64(p.Judged), true
}

// MostlyNoise says that less than half of the firings are worth having, and that this
// is no accident of few samples: the upper end of the 95 % interval lies below a half.
// Source of the interval: E. B. Wilson, Probable Inference (JASA 22, 1927).
func (p Precision) MostlyNoise() bool {
	share, known := p.Share()
	if !known {
		return false
	}
	const z = 1.96
	n := float64(p.Samples)
	middle := share + z*z/(2*n)
	spread := z * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return (middle+spread)/(1+z*z/n) < 0.5
}

// Night says whether people sleep at that hour, on the clock of t's zone: from 22 to 7.
func Night(t time.Time) bool { return t.Hour() >= 22 || t.Hour() < 7 }

// Precise counts firings by name; what fires most comes first. Storms are the
// verdicts on incidents as a whole, zone tells when it is night (nil is UTC).
func Precise(firings []Firing, storms map[incident.ID]Verdict, incidents []incident.Incident, zone *time.Location) []Precision {
	if zone == nil {
		zone = time.UTC
	}
	c := counting{by: make(map[incident.ID]*incident.Incident, len(incidents)), storms: storms, zone: zone, all: map[string]*Precision{}, lengths: map[string][]time.Duration{}, seen: map[sample]bool{}}
	for i := range incidents {
		c.by[incidents[i].ID] = &incidents[i]
	}
	for i := range firings {
		c.count(&firings[i])
	}
	out := make([]Precision, 0, len(c.all))
	for name, p := range c.all {
		if lengths := c.lengths[name]; len(lengths) > 0 {
			slices.Sort(lengths)
			p.Ended, p.Median = len(lengths), (lengths[(len(lengths)-1)/2]+lengths[len(lengths)/2])/2
		}
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b Precision) int {
		return cmp.Or(b.Firings-a.Firings, strings.Compare(a.Name, b.Name))
	})
	return out
}

// counting is the work of Precise.
type counting struct {
	by      map[incident.ID]*incident.Incident
	storms  map[incident.ID]Verdict
	zone    *time.Location
	all     map[string]*Precision
	lengths map[string][]time.Duration
	seen    map[sample]bool
}

// sample is the firings of one name in one incident.
type sample struct {
	name string
	in   incident.ID
}

// judge counts a firing that was worth having, or was not.
func (c *counting) judge(p *Precision, inc *incident.Incident, worth bool) {
	p.Judged++
	if worth {
		p.Worth++
	}
	if inc == nil {
		p.Samples++
		return
	}
	if s := (sample{p.Name, inc.ID}); !c.seen[s] {
		c.seen[s] = true
		p.Samples++
	}
}

func (c *counting) count(f *Firing) {
	p := c.all[f.Name]
	if p == nil {
		p = &Precision{Name: f.Name}
		c.all[f.Name] = p
	}
	p.Firings++
	if f.Flapping {
		p.Flapping++
	}
	if Night(f.Began.In(c.zone)) {
		p.Night++
	}
	if !f.Ended.IsZero() && !f.Ended.Before(f.Began) {
		c.lengths[f.Name] = append(c.lengths[f.Name], f.Ended.Sub(f.Began))
	}
	inc, mark := c.home(f)
	wasActed, isOpen := inc != nil && acted(*inc), inc != nil && !inc.Status.Over()
	switch {
	case inc == nil:
	case wasActed:
		p.Attached, p.Acted = p.Attached+1, p.Acted+1
	case isOpen:
		p.Attached, p.Open = p.Attached+1, p.Open+1
	default:
		p.Attached++
	}
	switch {
	case mark == Noise:
		p.Noise++
		c.judge(p, inc, false)
	case mark == Useful:
		p.Useful++
		c.judge(p, inc, true)
	case wasActed:
		c.judge(p, inc, true)
	case inc != nil && !isOpen:
		c.judge(p, inc, false)
	}
}

// home is the incident that a firing belongs to, where it was merged the first on the
// way that somebody acted on, else the last; and what holds of the firing: its own
// mark, else that of the nearest of these that has one.
func (c *counting) home(f *Firing) (*incident.Incident, Verdict) {
	mark := f.Mark
	inc := c.by[f.Incident]
	for range len(c.by) { // a circle of merges would be a damaged store
		if inc == nil {
			break
		}
		mark = cmp.Or(mark, c.storms[inc.ID])
		into := c.by[inc.MergedInto]
		if into == nil || acted(*inc) {
			break
		}
		inc = into
	}
	return inc, mark
}

// acted says that somebody took an incident for real.
func acted(inc incident.Incident) bool {
	return !inc.Clocks.FirstAck.IsZero() || !inc.Clocks.Mitigated.IsZero() || len(inc.Actions) > 0
}
