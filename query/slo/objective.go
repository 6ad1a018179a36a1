// Package slo keeps service level objectives: how much may go wrong (the error
// budget), how much has, and how fast it is being spent.
//
// An Objective is what a file states. Its SLI says which questions Prometheus is
// asked (Questions); the answers become slots of good and bad events (Slots), which
// are kept. Everything shown is arithmetic on sums of those slots (Tally, Standing),
// never a ratio of ratios: one NaN, a restarted server, a shorter retention or a
// changed objective spoil nothing that was kept before. The burn of a budget is
// judged by Step. All of it is pure; whoever asks and keeps is elsewhere.
//
// Formulas: Google, The Site Reliability Workbook, chapter 5, Alerting on SLOs.
package slo

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

// Objective is a promise about a service: of all events in a window, so large a
// share is good.
type Objective struct {
	Name        string            `json:"name"`
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	Service     string            `json:"service,omitempty"`
	Target      float64           `json:"target"` // the share of good events, between 0 and 1: 0.999
	Window      Window            `json:"window"`
	SLI         SLI               `json:"sli"`
	Source      string            `json:"source,omitempty"` // which Prometheus, by name; "" = the first one
	Labels      map[string]string `json:"labels,omitempty"`
	Rules       []Rule            `json:"rules"`
	MinBad      float64           `json:"min_bad_events"` // fewer bad events within the long window of a rule never fire it
	Slot        time.Duration     `json:"slot,omitempty"` // how wide its slots are, where that is less than a minute; 0 = see Width
	File        string            `json:"file,omitempty"`
}

// Budget is the share of events that may be bad.
func (o Objective) Budget() float64 { return 1 - o.Target }

// Percent is the objective as people write it: 99.9.
func (o Objective) Percent() string {
	return strconv.FormatFloat(o.Target*100, 'g', 10, 64) + "%"
}

// Key names what is kept of the objective: its name and what is measured, not how
// good it has to be. A changed objective or window goes on with the events that are
// kept, a changed SLI begins anew.
func (o Objective) Key() string {
	return o.Name + "@" + o.measured(o.Source)
}

// measured is a short name of what is measured, by that and nothing else: two SLIs that
// ask the same of the same source have the same one.
func (o Objective) measured(source string) string {
	h := fnv.New64a()
	q := o.SLI.Questions(time.Minute)
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%v", source, q.Bad, q.Good, q.Total, q.Ratio, q.Rate, q.Least)
	return fmt.Sprintf("%016x", h.Sum64())
}

// Width is how wide its slots are where what it measures is scraped so often (0 = nobody
// knows): its own, if that is wide enough for the increase of a counter to be seen in it.
func (o Objective) Width(scrape time.Duration) time.Duration {
	if o.Slot > 0 && 4*scrape <= o.Slot {
		return o.Slot
	}
	return Width(scrape)
}

// Remarks are what is odd about an objective and no mistake: a rule that cannot fire.
func (o Objective) Remarks() (list []string) {
	for _, r := range o.Rules {
		if most := 1 / o.Budget(); r.Factor(o.Window) >= most {
			list = append(list, fmt.Sprintf("the rule over %s fires above %s times the budget's rate, and %s is all requests failing: it never fires; give alerts.rules of your own",
				short(r.Long), RateText(r.Factor(o.Window)), RateText(most)))
		}
	}
	return list
}

// Find is the objective of a name.
func Find(list []Objective, name string) (Objective, bool) {
	i := slices.IndexFunc(list, func(o Objective) bool { return o.Name == name })
	if i < 0 {
		return Objective{}, false
	}
	return list[i], true
}

func trimmed(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
