package query

import "math"

// Run is a stretch of equal values of a series: in the same words and state.
type Run struct {
	From, To int    // points, both inclusive
	Text     string // empty where there is no value
	State    State
}

// Runs are the stretches of a series, one after the other over all of its points.
func (p *Panel) Runs(line *Drawn) []Run {
	var out []Run
	for i, v := range line.Values {
		if i > 0 && same(v, line.Values[i-1]) { // most points: words cost more than numbers
			out[len(out)-1].To = i
			continue
		}
		text, state := p.inWords(&line.Field, v)
		if n := len(out); n > 0 && out[n-1].Text == text && out[n-1].State == state {
			out[n-1].To = i
			continue
		}
		out = append(out, Run{From: i, To: i, Text: text, State: state})
	}
	return out
}

// inWords is a value as a timeline tells it from the one before. Without mappings
// numbers between the same thresholds are one state, unless there are none.
func (p *Panel) inWords(f *Field, v float64) (string, State) {
	text, state := p.Say(f, v)
	switch _, _, mapped := f.Mapped(v); {
	case math.IsNaN(v) && !mapped:
		return "", NoData
	case text != "":
		return text, state
	case len(f.Thresholds) > 0 && len(f.Mappings) == 0:
		return string(state), state
	}
	return f.Format(v), state
}

// same also holds for two values that are none.
func same(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
