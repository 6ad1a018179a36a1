package slo

import (
	"fmt"
	"slices"
	"time"
)

// Rule fires when the budget is spent so fast that Share of it would be gone within
// Long, and still is being spent so over Short, which ends it soon after the cause is
// gone. Source: The Site Reliability Workbook, chapter 5, sections 5 and 6.
type Rule struct {
	Name  string        `json:"name"` // fast, slow, ...
	Share float64       `json:"budget_share"`
	Long  time.Duration `json:"long"`
	Short time.Duration `json:"short"`
	For   time.Duration `json:"for,omitempty"` // it has to last so long
	Do    Do            `json:"do"`
}

// Do is what becomes of a burn.
type Do string

// Page wakes somebody: a fast burn declares an incident. Ticket is looked into in
// working hours.
const (
	Page   Do = "page"
	Ticket Do = "ticket"
)

// Factor is the burn rate at which the rule fires: how many times faster than what
// would spend the budget in exactly the window. 2 % of 30 days in 1 h: 14.4.
func (r Rule) Factor(w Window) float64 {
	return r.Share * float64(w.Length) / float64(r.Long)
}

// Profiles are rules by name. Default: reliability engineering's usual two. Google:
// the workbook's table 5-8. Sloth: its page and ticket windows for 30 days. Pyrra: its
// four, which scale with the window. None: the budget is shown and nothing is told.
func Profiles() []string { return []string{"default", "google", "sloth", "pyrra", "none"} }

// Profile is the rules of a profile for a window; none for a name that is not known.
func Profile(name string, w Window) []Rule {
	const m, h = time.Minute, time.Hour
	switch name {
	case "none":
		return []Rule{}
	case "", "default":
		return []Rule{
			{Name: "fast", Share: 0.02, Long: h, Short: 5 * m, Do: Page},
			{Name: "slow", Share: 0.05, Long: 6 * h, Short: 30 * m, Do: Ticket},
		}
	case "google":
		return []Rule{
			{Name: "fast", Share: 0.02, Long: h, Short: 5 * m, Do: Page},
			{Name: "medium", Share: 0.05, Long: 6 * h, Short: 30 * m, Do: Page},
			{Name: "slow", Share: 0.1, Long: 3 * day, Short: 6 * h, Do: Ticket},
		}
	case "sloth":
		return []Rule{
			{Name: "fast", Share: 0.02, Long: h, Short: 5 * m, Do: Page},
			{Name: "medium", Share: 0.05, Long: 6 * h, Short: 30 * m, Do: Page},
			{Name: "slow", Share: 0.1, Long: day, Short: 2 * h, Do: Ticket},
			{Name: "creeping", Share: 0.1, Long: 3 * day, Short: 6 * h, Do: Ticket},
		}
	case "pyrra":
		scaled := func(d time.Duration) time.Duration {
			return max(m, time.Duration(float64(d)*float64(w.Length)/float64(28*day)).Round(m))
		}
		rule := func(name string, factor float64, long, short, wait time.Duration, do Do) Rule {
			long = scaled(long)
			return Rule{Name: name, Share: factor * float64(long) / float64(w.Length), Long: long, Short: scaled(short), For: scaled(wait), Do: do}
		}
		return []Rule{
			rule("fast", 14, h, 5*m, 2*m, Page), rule("medium", 7, 6*h, 30*m, 15*m, Page),
			rule("slow", 2, day, 2*h, h, Ticket), rule("creeping", 1, 4*day, 6*h, 3*h, Ticket),
		}
	}
	return nil
}

// Burn is a rule and how things stand with it.
type Burn struct {
	Rule      Rule      `json:"rule"`
	Threshold float64   `json:"threshold"`
	Long      float64   `json:"long"`  // the burn rate over the long window
	Short     float64   `json:"short"` // and over the short one
	Bad       float64   `json:"bad"`   // events within the long window
	Known     bool      `json:"known"` // enough of both windows is known to say anything
	Over      bool      `json:"over"`  // both are above the threshold, and it is no handful of events
	Since     time.Time `json:"since"` // Over since then, as far as was looked; zero unless Over
	Firing    bool      `json:"firing"`
}

// Rate is the burn rate of a count: 1 spends the budget in exactly the window.
func (o Objective) Rate(c Count) float64 { return c.Ratio() / o.Budget() }

// knownShare is how much of a window has to be known before it says anything: the
// minutes in between may be the ones that were bad.
const knownShare = 0.5

// Judge says how every rule stands at a time, given how it stood before (by the rules'
// names; nil at first).
func (o Objective) Judge(t *Tally, before []Burn, now time.Time) []Burn {
	list := make([]Burn, len(o.Rules))
	for i, r := range o.Rules {
		long, brief := t.Sum(now.Add(-r.Long), now), t.Sum(now.Add(-r.Short), now)
		b := Burn{Rule: r, Threshold: r.Factor(o.Window), Long: o.Rate(long), Short: o.Rate(brief), Bad: long.Bad}
		calm := float64(brief.Known) >= knownShare*float64(r.Short) && b.Short <= b.Threshold // the short window alone ends a burn
		b.Known = calm || float64(long.Known) >= knownShare*float64(min(r.Long, t.age(now))) && float64(brief.Known) >= knownShare*float64(r.Short)
		b.Over = b.Known && b.Long > b.Threshold && b.Short > b.Threshold && long.Bad >= o.MinBad
		j := slices.IndexFunc(before, func(was Burn) bool { return was.Rule.Name == r.Name })
		if j >= 0 && !b.Known { // a server that does not answer ends no burn
			b.Over, b.Since, b.Firing = before[j].Over, before[j].Since, before[j].Firing
			list[i] = b
			continue
		}
		if b.Over {
			b.Since = now
			if j >= 0 && before[j].Over {
				b.Since = before[j].Since
			}
			b.Firing = now.Sub(b.Since) >= r.For
		}
		list[i] = b
	}
	return list
}

// age is for how long anything has been known.
func (t *Tally) age(now time.Time) time.Duration { return now.Sub(t.First()) }

// Change is a rule that began or ceased to fire.
type Change struct {
	Objective string
	Burn      Burn
	Recovered bool
}

// String says it for the timeline.
func (c Change) String() string {
	if c.Recovered {
		return fmt.Sprintf("%s: the %s burn is over: %s times the budget's rate in %s", c.Objective, c.Burn.Rule.Name, RateText(c.Burn.Short), short(c.Burn.Rule.Short))
	}
	return fmt.Sprintf("%s: %s burn: %s times the budget's rate in %s, %s in %s (threshold %s)", c.Objective, c.Burn.Rule.Name,
		RateText(c.Burn.Long), short(c.Burn.Rule.Long), RateText(c.Burn.Short), short(c.Burn.Rule.Short), RateText(c.Burn.Threshold))
}

// Changes are the rules that stand otherwise than was told: told are the names of
// those of which it was said that they fire.
func (o Objective) Changes(burns []Burn, told []string) (list []Change) {
	for _, b := range burns {
		if was := slices.Contains(told, b.Rule.Name); was != b.Firing {
			list = append(list, Change{Objective: o.Name, Burn: b, Recovered: was})
		}
	}
	return list
}

// seed is how the rules stood of which it was told that they fire, for whoever has
// only just begun to look.
func (o Objective) seed(told []string, now time.Time) (list []Burn) {
	for _, r := range o.Rules {
		if slices.Contains(told, r.Name) {
			list = append(list, Burn{Rule: r, Over: true, Since: now.Add(-r.For), Firing: true})
		}
	}
	return list
}

// RateText is a burn rate for people.
func RateText(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
