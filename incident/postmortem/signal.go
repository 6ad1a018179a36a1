package postmortem

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/incident"
)

// What is read of one event's evidence: so many signals, each with so many
// points.
const (
	maxSignals = 40
	maxSpark   = 240
)

// reading is one signal as an event froze it. Absent numbers are NaN.
type reading struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Value     number  `json:"value"`
	Threshold *number `json:"threshold"`
	State     string  `json:"state"`
	Spark     samples `json:"spark"`
	Range     samples `json:"spark_range"` // the least and the largest of a spark line that was taken away
	Query     string  `json:"query"`
	Step      number  `json:"step_seconds"`
}

// number is a float64 for which null, infinities and anything that is no
// number are NaN: not a reason to lose the other numbers.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	var v float64
	*n = number(math.NaN())
	if string(b) != "null" && json.Unmarshal(b, &v) == nil {
		*n = number(v)
	}
	return nil
}

// samples is a list of numbers; anything else is an empty one.
type samples []number

func (s *samples) UnmarshalJSON(b []byte) error {
	var all []number
	if json.Unmarshal(b, &all) != nil {
		all = nil
	}
	*s = all[:min(len(all), maxSpark)]
	return nil
}

// readings decodes evidence: a list of signals, or {"signals": list}. What
// cannot be read is no evidence.
func readings(evidence json.RawMessage) []reading {
	var raw []json.RawMessage
	if json.Unmarshal(evidence, &raw) != nil {
		var wrapped struct {
			Signals []json.RawMessage `json:"signals"`
		}
		if json.Unmarshal(evidence, &wrapped) != nil {
			return nil
		}
		raw = wrapped.Signals
	}
	var out []reading
	for _, one := range raw[:min(len(raw), maxSignals)] {
		r := reading{Value: number(math.NaN()), Step: number(math.NaN())}
		if json.Unmarshal(one, &r) != nil {
			continue
		}
		if plain(r.Name) == "" {
			r.Name = "unnamed"
		}
		out = append(out, r)
	}
	return out
}

// Signal is one signal over the incident, from the values frozen into the
// timeline. A nil number is "no data".
type Signal struct {
	Name      string     `json:"name"`
	Unit      string     `json:"unit,omitempty"`
	Query     string     `json:"query"`
	Step      *float64   `json:"step_seconds"`
	Threshold *float64   `json:"threshold,omitempty"`
	Min       *float64   `json:"min"`
	Max       *float64   `json:"max"`
	AtDeclare *float64   `json:"at_declare"`
	AtResolve *float64   `json:"at_resolve"`
	Before    []*float64 `json:"spark_at_declare,omitempty"` // the window that ended when it was declared
	After     []*float64 `json:"spark_at_resolve,omitempty"` // the window that ended when it was resolved
	Bad       bool       `json:"crossed_threshold"`          // in warn or crit at any event, or in the kept series
	Kept      *Course    `json:"kept_series"`                // nil if none were kept
}

// signals gathers what the events froze, in the order of first appearance.
// Events are in the order of happening. Of several resolutions the last counts,
// of several declarations the first. What was frozen before the incident began
// belongs to something else.
func signals(events []incident.Event, begin, end time.Time) []Signal {
	out := []Signal{}
	index := map[string]int{}
	for _, e := range events {
		if e.At.Before(begin) || !end.IsZero() && e.At.After(end) {
			continue // neither the evening before nor the morning after says anything about the night
		}
		for _, r := range readings(e.Evidence) {
			i, known := index[r.Name]
			if !known {
				i, index[r.Name] = len(out), len(out)
				out = append(out, Signal{Name: plain(r.Name), Unit: plain(r.Unit)})
			}
			out[i].add(e.Kind, r)
		}
	}
	return out
}

func (s *Signal) add(kind incident.Kind, r reading) {
	s.Query, s.Step = plain(r.Query), known(r.Step)
	if r.Threshold != nil {
		s.Threshold = known(*r.Threshold)
	}
	s.Bad = s.Bad || r.State == "warn" || r.State == "crit"
	for _, v := range slices.Concat(r.Spark, r.Range, samples{r.Value}) {
		if p := known(v); p != nil {
			if s.Min == nil || *p < *s.Min {
				s.Min = p
			}
			if s.Max == nil || *p > *s.Max {
				s.Max = p
			}
		}
	}
	switch {
	case kind == incident.Declared && s.Before == nil:
		s.AtDeclare, s.Before = known(r.Value), points(r.Spark)
	case kind == incident.Resolved:
		s.AtResolve, s.After = known(r.Value), points(r.Spark)
	}
}

func known(n number) *float64 {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return &v
	}
	return nil
}

func points(s samples) []*float64 {
	if len(s) == 0 {
		return nil
	}
	out := make([]*float64, len(s))
	for i, v := range s {
		out[i] = known(v)
	}
	return out
}

// text is the value of a signal, or "no data".
func (s Signal) text(v *float64) string {
	if v == nil {
		return noData
	}
	return value(s.Unit, *v)
}

// step is " (step 5s)", the resolution that the numbers were asked with.
func (s Signal) step() string {
	if s.Step == nil || *s.Step <= 0 || *s.Step > 1e9 {
		return ""
	}
	return fmt.Sprintf(" (step %s)", span(time.Duration(*s.Step*float64(time.Second))))
}

// sparkline draws v between lo and hi in eight heights; a point without data
// is a dot, so that a gap is never mistaken for zero.
func sparkline(v []*float64, lo, hi *float64) string {
	if lo == nil || hi == nil {
		return ""
	}
	heights := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, p := range v {
		switch {
		case p == nil:
			b.WriteRune('·')
		case *hi == *lo:
			b.WriteRune(heights[0])
		default:
			part := (*p/2 - *lo/2) / (*hi/2 - *lo/2) // halves: the range of two floats may overflow
			b.WriteRune(heights[min(max(0, int(part*float64(len(heights)))), len(heights)-1)])
		}
	}
	return b.String()
}

// signalBlock is the signals as one code block, and how to ask again.
func (f *facts) signalBlock() string {
	all := f.signals
	if len(all) == 0 {
		return "No data: no signal was frozen into the timeline. _Which graph shows it best? Link it here._"
	}
	wide := 0
	for _, s := range all {
		wide = max(wide, utf8.RuneCountInString(inBlock(s.Name)))
	}
	wide = min(wide, 40)
	// Every line is indented: no name can look like a heading, not even to a
	// reader who does not know code blocks.
	var block, queries strings.Builder
	for _, s := range all {
		name := inBlock(s.Name)
		fmt.Fprintf(&queries, "\n- %s: %s%s", escape(s.Name), code(s.Query), s.step())
		if s.Kept != nil {
			fmt.Fprintf(&queries, "; kept series%s", s.Kept.origin(f.when))
		}
		if s.Max == nil && (s.Kept == nil || s.Kept.Peak == nil) {
			fmt.Fprintf(&block, "  %-*s  %s\n", wide, name, noData)
			continue
		}
		fmt.Fprintf(&block, "  %-*s  min %s, max %s, at declare %s, at resolve %s", wide, name, inBlock(s.text(s.Min)), inBlock(s.text(s.Max)), inBlock(s.text(s.AtDeclare)), inBlock(s.text(s.AtResolve)))
		if s.Threshold != nil {
			fmt.Fprintf(&block, ", threshold %s", inBlock(s.text(s.Threshold)))
		}
		block.WriteByte('\n')
		if s.Kept != nil {
			fmt.Fprintf(&block, "    kept series     %s\n", inBlock(s.Kept.text(s, f.when)))
		}
		for _, w := range []struct {
			label string
			v     []*float64
		}{{"until declared", s.Before}, {"until resolved", s.After}} {
			if line := sparkline(w.v, s.Min, s.Max); line != "" {
				fmt.Fprintf(&block, "    %s  %s\n", w.label, line)
			} else {
				fmt.Fprintf(&block, "    %s  %s\n", w.label, noData)
			}
		}
	}
	return "Each line is the window that ended at that moment, the worst value in each piece, on one scale per signal; a dot is \"no data\". " +
		f.source() + "\n\n```text\n" +
		block.String() + "```\n\nTo ask Prometheus for them again:\n" + queries.String()
}
