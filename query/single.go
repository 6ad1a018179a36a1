package query

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Single is one value that a stat, a gauge or a bar shows.
type Single struct {
	Name   string
	Value  float64
	Text   string // a mapping's words; empty: the value in the field's unit
	State  State
	Line   *Threshold // that the value has reached, or the next
	Field  *Field
	Values []float64 // the past of a series; nil of a table
}

// mostSingles bounds the values of one panel.
const mostSingles = 500

// Singles are the values of a shape: one a series, one a column of numbers, or
// with Every one a row.
func (p *Panel) Singles(s *Shape) []Single {
	var out []Single
	for i := range s.Lines {
		line := &s.Lines[i]
		if line.Field.Hidden || line.Ago != 0 {
			continue
		}
		out = append(out, p.single(line.Legend, p.reduced(line), &line.Field, line.Values))
	}
	for i := range s.Sheet.Columns {
		c := &s.Sheet.Columns[i]
		switch {
		case c.Kind != NumberKind:
		case !p.Every:
			out = append(out, p.single(c.Name, p.Reduce.Of(c.Numbers), &c.Field, nil))
		default:
			for row := range c.Len() {
				out = append(out, p.single(s.Sheet.rowName(row, c.Name), c.Numbers[row], &c.Field, nil))
			}
		}
	}
	return out[:min(len(out), mostSingles)]
}

// reduced is what a series comes to. The newest value may be a few steps old, and
// no more: what ended an hour ago is not so now.
func (p *Panel) reduced(line *Drawn) float64 {
	if p.Reduce == ReduceLast || p.Reduce == "" {
		v, _ := line.Last(recent)
		return v
	}
	return p.Reduce.Of(line.Values)
}

func (p *Panel) single(name string, v float64, f *Field, values []float64) Single {
	s := Single{Name: name, Value: v, Field: f, Values: values}
	s.Text, s.State = p.Say(f, v)
	_, s.Line = p.JudgeBy(f, v)
	return s
}

// rowName is the texts of a row, or what it is called without any.
func (t *Sheet) rowName(row int, otherwise string) string {
	var parts []string
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Kind == TextKind && c.Texts[row] != "" {
			parts = append(parts, c.Texts[row])
		}
	}
	return cmp.Or(strings.Join(parts, " "), otherwise)
}

// usualTop is how many bars there are before the rest are folded.
const usualTop = 10

// Largest are the largest values, and how many others there are with the largest of
// those. Values that there are none of come last.
func (p *Panel) Largest(s *Shape) (top []Single, others int, largest float64) {
	all := p.Singles(s)
	slices.SortStableFunc(all, func(a, b Single) int {
		if math.IsNaN(a.Value) || math.IsNaN(b.Value) {
			return truthNumber(math.IsNaN(a.Value)) - truthNumber(math.IsNaN(b.Value))
		}
		return cmp.Compare(b.Value, a.Value)
	})
	n := cmp.Or(p.Top, usualTop)
	if len(all) <= n {
		return all, 0, Absent()
	}
	return all[:n], len(all) - n, all[n].Value
}
