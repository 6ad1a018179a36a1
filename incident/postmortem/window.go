package postmortem

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// outside is from when to when, by the series that were kept, anything was beyond its
// threshold.
type outside struct {
	from, to time.Time
	signals  []string // in words
	measured bool     // a series with a threshold was kept at all
}

// outOfBand is the impact by the metrics: the first sample beyond a threshold of any
// kept signal, to the last.
func (f *facts) outOfBand() (o outside) {
	for _, s := range f.signals {
		k := s.Kept
		if k == nil || k.Peak == nil || k.Threshold == nil {
			continue
		}
		o.measured = true
		if k.FirstOut == nil || k.LastOut == nil {
			continue
		}
		if o.from.IsZero() || k.FirstOut.Before(o.from) {
			o.from = *k.FirstOut
		}
		if k.LastOut.After(o.to) {
			o.to = *k.LastOut
		}
		o.signals = append(o.signals, escape(s.Name)+" beyond "+escape(s.text(k.Threshold)))
	}
	return o
}

// impactWindow is that window beside the one that people declared.
func (f *facts) impactWindow() string {
	o := f.outOfBand()
	declared := noData
	if c := f.inc.Clocks; !c.Declared.IsZero() {
		declared = f.when(c.Declared) + " until now"
		if !c.Resolved.IsZero() {
			declared = fmt.Sprintf("%s to %s (%s)", f.when(c.Declared), f.when(c.Resolved), span(c.Resolved.Sub(c.Declared)))
		}
	}
	switch {
	case !o.measured:
		return "Impact window by the metrics: " + noData + ", no series with a threshold was kept; declared: " + declared
	case o.from.IsZero():
		return "Impact window by the metrics: no kept signal was beyond its threshold; declared: " + declared
	}
	return fmt.Sprintf("Impact window by the metrics: %s to %s (%s; %s); declared: %s", f.when(o.from), f.when(o.to), span(o.to.Sub(o.from)), list(o.signals), declared)
}

// began is when it began, for all that the record holds: the first sample beyond a
// threshold, or the detection if that was sooner.
func (f *facts) began() time.Time {
	if o := f.outOfBand(); !o.from.IsZero() && o.from.Before(f.inc.Clocks.Detected) {
		return o.from
	}
	return f.inc.Clocks.Detected
}

// impactBoard is where the answers to a service's impact queries are kept, and under
// which titles.
const (
	ImpactBoard = "impact"
	ImpactUsers = "users affected"
	ImpactMoney = "money per failed request"
)

// impactOf is what an impact query answered, nil if there is none on the record, and
// whether one was asked.
func (f *facts) impactOf(title string) (answer *Signal, asked bool) {
	for _, c := range f.captures {
		for _, left := range c.LeftOut {
			asked = asked || strings.HasPrefix(left, ImpactBoard+":")
		}
		for _, b := range c.Boards {
			if b.Name != ImpactBoard {
				continue
			}
			asked = true
			for _, p := range b.Signals {
				if p.Name != title || finiteOf(p.Peak) == nil {
					continue
				}
				answer = &Signal{Name: title, Unit: plain(p.Unit), Query: plain(p.Query), Kept: courseOf(p, b, c.Source)}
			}
		}
	}
	return answer, asked
}

// measured is the worst answer, with when, query, range, step and source.
func (s *Signal) measured(f *facts) string {
	text := escape(s.text(s.Kept.Peak))
	if s.Kept.PeakAt != nil {
		text += " at " + f.when(*s.Kept.PeakAt)
	}
	return text + " (" + code(s.Query) + s.Kept.origin(f.when) + ")"
}

// bill is the money that the failed requests were, as far as both are on the record.
func (f *facts) bill() string {
	price, asked := f.impactOf(ImpactMoney)
	if price == nil {
		if asked {
			return "Revenue, contracts, reputation: no data, the query of the service's impact had no answer."
		}
		return "Revenue, contracts, reputation: no data."
	}
	var worst *incident.Cost
	for i, c := range f.inc.Costs {
		if worst == nil || c.Events > worst.Events {
			worst = &f.inc.Costs[i]
		}
	}
	each := "At most " + price.measured(f) + " for each failed request"
	if worst == nil || worst.Events <= 0 {
		return each + "; requests failed: no data, no objective counted them."
	}
	return fmt.Sprintf("%s; %s failed by the objective %s, at most %s.", each, digits(worst.Events), code(worst.Objective), escape(value(price.Unit, *price.Kept.Peak*worst.Events)))
}
