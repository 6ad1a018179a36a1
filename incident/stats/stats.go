// Package stats counts over incidents: how long they took to be detected,
// acknowledged, mitigated and resolved, how many there were, who found them and
// what is left to be done. It is pure: incidents and a moment in, figures out.
//
// Every figure says of how many incidents it is made, and one that too few are
// known for is not given: an incident that is still open has no time to resolve,
// and one that a person noticed no known time to detect.
package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Grouping is what incidents are grouped by.
type Grouping string

// The groupings. A month is that of the declaration, in UTC.
const (
	BySeverity Grouping = "severity"
	ByService  Grouping = "service"
	ByMonth    Grouping = "month"
)

// ParseGrouping reads severity, service or month.
func ParseGrouping(s string) (Grouping, error) {
	if g := Grouping(strings.ToLower(s)); g == BySeverity || g == ByService || g == ByMonth {
		return g, nil
	}
	return "", fmt.Errorf("%q is none of severity, service and month", s)
}

// Question is what is asked. A zero Since asks for all incidents.
type Question struct {
	Since, Now time.Time
	By         Grouping
	Drills     bool // drills too
}

// Report is the answer. Groups are in the order of severity, name or month.
type Report struct {
	From, To   time.Time // what it is about; From is zero without any incident
	All        Group
	Groups     []Group
	DrillsLeft int     // drills that were left out
	ByHuman    int     // incidents that a person found before an alert did
	PerWeek    float64 // incidents; only if HasPerWeek
	HasPerWeek bool    // not for less than a week, which says nothing about others
	Items      Items
}

// Group is the incidents that have something in common; its Name is empty for
// those without a service.
type Group struct {
	Name                                   string
	Incidents, Open                        int
	Detect, Acknowledge, Mitigate, Resolve Spread
}

// Spread is how long something took in N incidents. Median is nothing with N 0,
// P90 with N below 2: one time has no spread.
type Spread struct {
	N           int
	Median, P90 time.Duration
}

// Items are the action items that are open at the moment of the question, by the
// time since they were added: those of older incidents too, the oldest are the
// ones to know of.
type Items struct {
	Open, Overdue int
	Oldest        time.Duration
	Ages          []Age
}

// Age counts the open items younger than Below, and as old as the one before
// it or older; Below is 0 for the last, which has no end.
type Age struct {
	Below time.Duration
	N     int
}

const week = 7 * 24 * time.Hour

// Of answers a question about incidents.
func Of(incidents []incident.Incident, q Question) Report {
	r := Report{From: q.Since, To: q.Now, All: Group{Name: "all"}}
	var counted, whenever []incident.Incident
	for _, inc := range incidents {
		at := inc.Clocks.Declared
		asked := q.about(at)
		if inc.Drill && !q.Drills {
			r.DrillsLeft += bit(asked)
			continue
		}
		whenever = append(whenever, inc)
		if asked && inc.MergedInto == "" { // a duplicate is counted where it went
			counted = append(counted, inc)
			r.ByHuman += bit(inc.Clocks.DetectedBy == "")
			if r.From.IsZero() || q.Since.IsZero() && at.Before(r.From) {
				r.From = at
			}
		}
	}
	if span := r.To.Sub(r.From); !r.From.IsZero() && span >= week {
		r.PerWeek, r.HasPerWeek = float64(len(counted))/(float64(span)/float64(week)), true
	}
	r.All, r.Groups, r.Items = group("all", counted), groups(counted, q.By), items(whenever, q.Now)
	return r
}

// about says whether a declaration at that moment is asked about.
func (q Question) about(at time.Time) bool {
	return !at.IsZero() && !at.Before(q.Since) && !at.After(q.Now)
}

// Week is how many incidents were declared in the week that begins at Start, a
// Monday, 00:00 UTC.
type Week struct {
	Start     time.Time
	Incidents int
}

// Weeks counts incidents by week, those without any too. The first and the last
// one are not whole, unless the question begins and ends with a week. Without
// incidents there are none.
func Weeks(incidents []incident.Incident, q Question) []Week {
	in := map[time.Time]int{}
	first := monday(q.Since)
	for _, inc := range incidents {
		if at := inc.Clocks.Declared; q.about(at) && inc.MergedInto == "" && (q.Drills || !inc.Drill) {
			in[monday(at)]++
			if q.Since.IsZero() && (first.IsZero() || monday(at).Before(first)) {
				first = monday(at)
			}
		}
	}
	var out []Week
	for at := first; len(in) > 0 && !at.After(q.Now); at = at.AddDate(0, 0, 7) {
		out = append(out, Week{at, in[at]})
	}
	return out
}

// monday is the beginning of the week of t; the zero time stays what it is.
func monday(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	t = t.UTC()
	back := (int(t.Weekday()) + 6) % 7 // Sunday is 0
	return time.Date(t.Year(), t.Month(), t.Day()-back, 0, 0, 0, 0, time.UTC)
}

func groups(incidents []incident.Incident, by Grouping) []Group {
	of := map[string][]incident.Incident{}
	for _, inc := range incidents {
		name := string(inc.Severity)
		switch by {
		case ByService:
			name = inc.Service
		case ByMonth:
			name = inc.Clocks.Declared.UTC().Format("2006-01")
		}
		of[name] = append(of[name], inc)
	}
	all := make([]Group, 0, len(of))
	for name, list := range of {
		all = append(all, group(name, list))
	}
	slices.SortFunc(all, func(a, b Group) int {
		if by == BySeverity {
			if c := cmp.Compare(incident.Severity(a.Name).Rank(), incident.Severity(b.Name).Rank()); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return all
}

func group(name string, list []incident.Incident) Group {
	g := Group{Name: name, Incidents: len(list)}
	for _, inc := range list {
		g.Open += bit(!inc.Status.Over())
	}
	g.Detect = spread(list, TimeToDetect)
	g.Acknowledge = spread(list, incident.Incident.TimeToAcknowledge)
	g.Mitigate = spread(list, incident.Incident.TimeToMitigate)
	g.Resolve = spread(list, incident.Incident.TimeToResolve)
	return g
}

// TimeToDetect is from when the alert's condition became true to the
// declaration. It is not known of an incident that no alert found: when its
// users' pain began is in nobody's record.
func TimeToDetect(inc incident.Incident) (time.Duration, bool) {
	c := inc.Clocks
	if c.DetectedBy == "" || c.Detected.IsZero() || c.Declared.IsZero() {
		return 0, false
	}
	return max(0, c.Declared.Sub(c.Detected)), true
}

func spread(list []incident.Incident, took func(incident.Incident) (time.Duration, bool)) Spread {
	var times []time.Duration
	for _, inc := range list {
		if d, known := took(inc); known {
			times = append(times, d)
		}
	}
	slices.Sort(times)
	s := Spread{N: len(times)}
	if s.N > 0 {
		s.Median = quantile(times, 0.5)
	}
	if s.N > 1 {
		s.P90 = quantile(times, 0.9)
	}
	return s
}

// quantile is the p-quantile of times, which are in order and not empty, by
// linear interpolation between the two nearest:
//
//	h = (n - 1) p,  Q = x[floor h] + (h - floor h) (x[floor h + 1] - x[floor h])
//
// Source: definition 7 of Hyndman and Fan, Sample Quantiles in Statistical
// Packages, The American Statistician 50 (1996), which R, NumPy and spreadsheets
// use unless told otherwise.
func quantile(times []time.Duration, p float64) time.Duration {
	h := float64(len(times)-1) * p
	i := int(math.Floor(h))
	if i+1 >= len(times) {
		return times[len(times)-1]
	}
	return times[i] + time.Duration(math.Round((h-float64(i))*float64(times[i+1]-times[i])))
}

func items(list []incident.Incident, now time.Time) Items {
	all := Items{Ages: []Age{{Below: week}, {Below: 4 * week}, {Below: 12 * week}, {}}}
	for _, inc := range list {
		for _, it := range inc.Items {
			if !it.Closed.IsZero() {
				continue
			}
			age := max(0, now.Sub(it.Added))
			all.Open++
			all.Oldest = max(all.Oldest, age)
			if !it.Due.IsZero() && !now.Before(it.Due.AddDate(0, 0, 1)) { // due on a day is until its end
				all.Overdue++
			}
			i := slices.IndexFunc(all.Ages, func(a Age) bool { return a.Below == 0 || age < a.Below })
			all.Ages[i].N++
		}
	}
	return all
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}
