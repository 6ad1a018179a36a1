package query

import "time"

// Board is a page of panels. A loaded Board is read by several goroutines and
// must not be written to.
type Board struct {
	Name    string        // the file's name without its ending
	Title   string        // what a person sees
	Range   time.Duration // of the charts at first; default 1 h
	Refresh time.Duration // between polls; default 5 s, at least 1 s
	Panels  []Panel
}

// PanelType is how a panel is drawn.
type PanelType string

// The panel types there are.
const (
	TimeSeries PanelType = "timeseries"
	Stat       PanelType = "stat"
)

// Panel is one chart or number.
type Panel struct {
	Title    string
	Type     PanelType
	Unit     string // a Grafana unit, see FormatValue; unknown ones are printed as they are
	Decimals *int   // nil = as many as the eye can use
	Min, Max *float64
	Queries  []Query

	// Thresholds are crossed upwards where lower is better, downwards where
	// higher is better.
	Thresholds []Threshold
	Signal     bool   // shown on the first screen and frozen as evidence
	Better     Better // default Lower
}

// Query is one PromQL expression of a panel. Legend may hold {{label}}, or be
// __auto, or empty for the labels in Prometheus' form.
type Query struct{ Expr, Legend string }

// Threshold is a value from which on a panel is in trouble.
type Threshold struct {
	Value float64
	State State
}

// Better tells which way is good.
type Better string

// Error rates and latencies are better low; availability and free space high.
const (
	Lower  Better = "lower"
	Higher Better = "higher"
)

// State of a value against the thresholds of its panel.
type State string

// The states, from good to bad, and the one that nothing can be said about.
const (
	OK     State = "ok"
	Warn   State = "warn"
	Crit   State = "crit"
	NoData State = "no data"
)

func (s State) rank() int {
	switch s {
	case Crit:
		return 2
	case Warn:
		return 1
	}
	return 0
}

// Format writes v in the panel's unit, with its decimals where it has any.
func (p *Panel) Format(v float64) string {
	if p.Decimals != nil {
		return FormatDecimals(p.Unit, v, *p.Decimals)
	}
	return FormatValue(p.Unit, v)
}

// Judge is the worst state whose threshold v has reached, with that threshold.
// Of a value that is fine it is OK with the threshold nearest to it, which is
// the next one to be crossed; nil if the panel has none. No value is NoData.
func (p *Panel) Judge(v float64) (State, *Threshold) {
	if v != v { // NaN, absent or computed
		return NoData, nil
	}
	var crossed, next *Threshold
	for i := range p.Thresholds {
		t := &p.Thresholds[i]
		switch {
		case !p.reached(v, t.Value):
			if next == nil || p.worse(next.Value, t.Value) {
				next = t
			}
		case crossed == nil || t.State.rank() > crossed.State.rank() ||
			t.State.rank() == crossed.State.rank() && p.worse(t.Value, crossed.Value):
			crossed = t
		}
	}
	if crossed != nil {
		return crossed.State, crossed
	}
	return OK, next
}

// reached: at the line is over it, as in Grafana, and where higher is better
// only below it.
func (p *Panel) reached(v, line float64) bool {
	if p.Better == Higher {
		return v < line
	}
	return v >= line
}

// worse reports whether a is worse than b.
func (p *Panel) worse(a, b float64) bool {
	if p.Better == Higher {
		return a < b
	}
	return a > b
}
