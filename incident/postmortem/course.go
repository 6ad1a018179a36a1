package postmortem

import (
	"fmt"
	"math"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Course is what a signal did, by the series that were kept at the incident's
// moments: exact to one step, unlike the values that events froze. It stands in the
// timeline itself, and stays when the series are thinned or dropped.
type Course struct {
	Peak      *float64   `json:"peak"` // the worst value; nil is no data
	PeakAt    *time.Time `json:"peak_at"`
	Series    string     `json:"series,omitempty"` // that has it
	Threshold *float64   `json:"threshold,omitempty"`
	FirstOut  *time.Time `json:"first_out"` // the first sample beyond the threshold
	LastOut   *time.Time `json:"last_out"`
	Step      *float64   `json:"step_seconds"`
	From      *time.Time `json:"from"` // of the windows that were kept
	To        *time.Time `json:"to"`
	Source    string     `json:"source,omitempty"` // who answered

	higher bool // is better
	state  string
}

// withCourses adds what the kept series say to the signals, and signals that no
// event froze. Captures are in the order of their moments.
func withCourses(signals []Signal, captures []incident.Capture) []Signal {
	index := map[string]int{}
	for i, s := range signals {
		index[s.Name] = i
	}
	for _, c := range captures {
		for _, b := range c.Boards {
			for _, p := range b.Signals[:min(len(b.Signals), maxSignals)] {
				name := plain(p.Name)
				if name == "" {
					name = "unnamed"
				}
				i, known := index[name]
				if !known && len(signals) >= maxSignals {
					continue
				}
				if !known {
					i, index[name] = len(signals), len(signals)
					signals = append(signals, Signal{Name: name, Unit: plain(p.Unit), Query: plain(p.Query), Step: finite(p.Step), Threshold: finiteOf(p.Threshold)})
				}
				signals[i].Kept = signals[i].Kept.with(courseOf(p, b, c.Source))
			}
		}
	}
	for i := range signals {
		if k := signals[i].Kept; k != nil {
			signals[i].Bad = signals[i].Bad || k.state == "warn" || k.state == "crit"
		}
	}
	return signals
}

func courseOf(p incident.Course, b incident.CapturedBoard, source string) *Course {
	return &Course{
		From: moment(b.From), To: moment(b.To), Source: plain(source),
		Peak: finiteOf(p.Peak), PeakAt: moment(p.PeakAt), Series: plain(p.Series), Threshold: finiteOf(p.Threshold),
		FirstOut: moment(p.FirstOut), LastOut: moment(p.LastOut), Step: finite(p.Step), higher: p.Higher, state: p.State,
	}
}

// with is the course over two windows: that of the worse peak, and beyond its
// threshold from the first to the last sample of either.
func (c *Course) with(o *Course) *Course {
	switch {
	case c == nil:
		return o
	case o.Peak == nil:
		return c
	case c.Peak == nil:
		return o
	}
	worst, other := c, o
	if o.higher && *o.Peak < *c.Peak || !o.higher && *o.Peak > *c.Peak {
		worst, other = o, c
	}
	out := *worst
	if out.From == nil || other.From != nil && other.From.Before(*out.From) {
		out.From = other.From
	}
	if out.To == nil || other.To != nil && other.To.After(*out.To) {
		out.To = other.To
	}
	if out.Threshold == nil || other.Threshold == nil || *out.Threshold != *other.Threshold {
		return &out // beyond another line is another thing
	}
	if other.FirstOut != nil && (out.FirstOut == nil || other.FirstOut.Before(*out.FirstOut)) {
		out.FirstOut = other.FirstOut
	}
	if other.LastOut != nil && (out.LastOut == nil || other.LastOut.After(*out.LastOut)) {
		out.LastOut = other.LastOut
	}
	return &out
}

// worst is the worst value that the record holds of a signal, and when it was
// measured if that is known: between the events only the kept series know.
func (s Signal) worst() (v *float64, at *time.Time) {
	v = s.Max
	low := s.Threshold != nil && s.Max != nil && *s.Max < *s.Threshold // higher is better: the low end is the bad one
	if low {
		v = s.Min
	}
	k := s.Kept
	if k == nil || k.Peak == nil {
		return v, nil
	}
	if v == nil || k.higher && *k.Peak <= *v || !k.higher && *k.Peak >= *v {
		return k.Peak, k.PeakAt
	}
	return v, nil
}

// text is the course in a line: "peak 51.4% (checkout) at 03:12:10, beyond 5% from
// 03:02:15 to 03:31:00, step 15s".
func (c *Course) text(s Signal, when func(time.Time) string) string {
	if c.Peak == nil {
		return noData
	}
	line := "peak " + s.text(c.Peak)
	if c.Series != "" && c.Series != s.Name {
		line += " (" + c.Series + ")"
	}
	if c.PeakAt != nil {
		line += " at " + when(*c.PeakAt)
	}
	switch {
	case c.Threshold == nil:
	case c.FirstOut == nil || c.LastOut == nil:
		line += fmt.Sprintf(", never beyond %s", s.text(c.Threshold))
	default:
		line += fmt.Sprintf(", beyond %s from %s to %s", s.text(c.Threshold), when(*c.FirstOut), when(*c.LastOut))
	}
	return line + c.grid(when)
}

// grid is the range that was asked for, and the step: ", range 02:00:00 to 03:52:40, step 15s".
func (c *Course) grid(when func(time.Time) string) (text string) {
	if c.From != nil && c.To != nil {
		text = fmt.Sprintf(", range %s to %s", when(*c.From), when(*c.To))
	}
	if c.Step != nil && *c.Step > 0 && *c.Step < 1e9 {
		text += ", step " + span(time.Duration(*c.Step*float64(time.Second)))
	}
	return text
}

// origin is that and who answered, in Markdown.
func (c *Course) origin(when func(time.Time) string) string {
	text := escape(c.grid(when))
	if c.Source != "" {
		text += ", from " + code(c.Source)
	}
	return text
}

// source says where the kept series come from, or that there are none.
func (f *facts) source() string {
	if len(f.captures) == 0 {
		return "No series were kept of this incident: what the signals did between the events is not on the record."
	}
	var when, from []string
	seen := map[string]bool{}
	for _, c := range f.captures {
		when = append(when, fmt.Sprintf("%s (%s)", escape(c.What), f.when(c.At)))
		if c.Source != "" && !seen[c.Source] {
			seen[c.Source] = true
			from = append(from, code(c.Source))
		}
	}
	text := "Peaks are of the series that were kept when it was " + list(when)
	if len(from) > 0 {
		text += ", from " + list(from)
	}
	return text + fmt.Sprintf("; `sitrep incident evidence %s` prints them.", plain(string(f.inc.ID)))
}

// when is a time of day, with the day where that is another one.
func (f *facts) when(t time.Time) string {
	if t.UTC().Format(time.DateOnly) != f.inc.Clocks.Detected.UTC().Format(time.DateOnly) {
		return t.UTC().Format("2006-01-02 15:04:05")
	}
	return clock(t)
}

func finite(v float64) *float64 { return finiteOf(&v) }

func finiteOf(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
