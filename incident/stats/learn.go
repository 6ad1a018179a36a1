package stats

import (
	"cmp"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Lessons are what incidents teach together: what comes again, what was promised, what
// cost most, and whether those who were woken were woken for something.
type Lessons struct {
	Incidents int
	Factors   []Factor // that two incidents or more have, the most frequent first
	Owners    []Owner  // of open action items, who has the oldest first
	Costs     []Dear   // the dearest first
	Woken     Woken
}

// Factor is what several incidents have in common.
type Factor struct {
	What      string // "alert HighErrorRate"
	Incidents []incident.ID
}

// Owner is whose open action items these are; the name is empty for nobody's.
type Owner struct {
	Name          incident.Person
	Open, Overdue int
	Oldest        time.Duration
	OldestItem    string // "INC-4 AI-2"
}

// Dear is what an incident took of a budget.
type Dear struct {
	Incident incident.ID
	Title    string
	incident.Cost
}

// Woken is how often a signal was out of its band when somebody was called. Known of
// Incidents are those of which it was kept what the signals did (at least one with a
// threshold); Out of them had one out within the five minutes before.
type Woken struct {
	Incidents, Known, Out int
	Not                   []incident.ID // that had none out
}

// justBefore is how long before a call a signal may have come back and still be what the
// call was about: an alert's own condition looks back about so far.
const justBefore = 5 * time.Minute

// Learn reads incidents declared since q.Since; events are those of the kinds
// EvidenceCaptured and EscalationEntered. Drills teach only if they are asked for, and
// what another store recorded teaches, but woke nobody here.
func Learn(incidents []incident.Incident, events []incident.Event, q Question) Lessons {
	var l Lessons
	factors := map[string][]incident.ID{}
	owners := map[incident.Person]*Owner{}
	called := calledFor(events)
	for _, inc := range incidents {
		if inc.Drill && !q.Drills {
			continue
		}
		for _, it := range inc.Items {
			if it.Closed.IsZero() {
				own(owners, inc.ID, it, q.Now)
			}
		}
		if !q.about(inc.Clocks.Declared) || inc.MergedInto != "" {
			continue
		}
		l.Incidents++
		for _, f := range factorsOf(inc) {
			factors[f] = append(factors[f], inc.ID)
		}
		for _, c := range inc.Costs {
			if c.Ratio > 0 {
				l.Costs = append(l.Costs, Dear{inc.ID, inc.Title, c})
			}
		}
		if c := called[inc.ID]; c.any && inc.Imported == "" {
			l.Woken.Incidents++
			switch {
			case c.out:
				l.Woken.Known, l.Woken.Out = l.Woken.Known+1, l.Woken.Out+1
			case c.known:
				l.Woken.Known++
				l.Woken.Not = append(l.Woken.Not, inc.ID)
			}
		}
	}
	for what, ids := range factors {
		if len(ids) > 1 {
			l.Factors = append(l.Factors, Factor{what, ids})
		}
	}
	slices.SortFunc(l.Factors, func(a, b Factor) int { return cmp.Or(len(b.Incidents)-len(a.Incidents), cmp.Compare(a.What, b.What)) })
	for _, o := range owners {
		l.Owners = append(l.Owners, *o)
	}
	slices.SortFunc(l.Owners, func(a, b Owner) int { return cmp.Or(cmp.Compare(b.Oldest, a.Oldest), cmp.Compare(a.Name, b.Name)) })
	slices.SortStableFunc(l.Costs, func(a, b Dear) int { return cmp.Compare(b.Ratio, a.Ratio) })
	return l
}

// factorsOf are what of an incident may come again, as far as the record knows it.
func factorsOf(inc incident.Incident) (list []string) {
	if name := cmp.Or(inc.Labels["alertname"], inc.Clocks.DetectedBy); name != "" {
		list = append(list, "alert "+name)
	} else {
		list = append(list, "a person found it before an alert did")
	}
	if inc.Service != "" {
		list = append(list, "service "+inc.Service)
	}
	if inc.Severity.Rank() <= incident.Sev2.Rank() && inc.Roles[incident.Commander] == "" {
		list = append(list, "nobody was commander")
	}
	if inc.Clocks.FirstAck.IsZero() {
		list = append(list, "nobody acknowledged it")
	}
	if inc.Rung.Level != "" && inc.Rung.Level != "L1" {
		list = append(list, "the first level of the ladder was not enough")
	}
	return list
}

func own(owners map[incident.Person]*Owner, id incident.ID, it incident.OpenItem, now time.Time) {
	o := owners[it.Owner]
	if o == nil {
		o = &Owner{Name: it.Owner, Oldest: -1}
		owners[it.Owner] = o
	}
	o.Open++
	o.Overdue += bit(!it.Due.IsZero() && !now.Before(it.Due.AddDate(0, 0, 1)))
	if age := max(0, now.Sub(it.Added)); age > o.Oldest {
		o.Oldest, o.OldestItem = age, string(id)+" "+it.Item.Item
	}
}

// call is whether somebody was called for an incident, and what the signals did then.
type call struct{ any, known, out bool }

func calledFor(events []incident.Event) map[incident.ID]call {
	all := map[incident.ID]call{}
	for _, e := range events {
		c := all[e.Incident]
		var asked incident.Escalation
		var kept incident.Capture
		switch {
		case e.Kind == incident.EscalationEntered && e.Payload(&asked) == nil:
			c.any = c.any || len(asked.Notify) > 0
		case e.Kind == incident.EvidenceCaptured && e.Payload(&kept) == nil && kept.Kind == incident.Declared:
			for _, b := range kept.Boards {
				for _, s := range b.Signals {
					c.known = c.known || s.Threshold != nil && s.Peak != nil
					c.out = c.out || !s.LastOut.IsZero() && !s.LastOut.Before(kept.At.Add(-justBefore))
				}
			}
		}
		all[e.Incident] = c
	}
	return all
}
