package chart

import "math"

// stacks is the values of all series as they stand on their axes.
type stacks struct {
	drawn   []drawn
	percent bool      // all that is on the left is parts of a whole
	arena   []float64 // scratch of the values that are not those of the series
}

// drawn is a series as it stands: below zero, with its holes filled, on top of
// those under it. A nil floor is the axis.
type drawn struct{ top, floor []float64 }

// pile is where the next series of a kind stands.
type pile struct{ height, whole []float64 }

// stack works out where the series stand. A hidden one leaves no room.
func (p *Painter) stack(s *Spec) {
	n := s.points()
	p.arena, p.percent = p.arena[:0], false
	if cap(p.drawn) < len(s.Series) {
		p.drawn = make([]drawn, len(s.Series))
	}
	p.drawn = p.drawn[:len(s.Series)]
	var piles [4]pile // what is above zero and below it, at the left and at the right
	for i := range s.Series {
		series := &s.Series[i]
		p.drawn[i] = drawn{top: series.Values}
		if series.Hidden || series.Stack == Alone && series.Nulls != Zero && !series.Negative {
			continue
		}
		values := p.scratch(n)
		for k := range values {
			v := math.NaN()
			if k < len(series.Values) {
				v = series.Values[k]
			}
			if v-v != 0 && series.Nulls == Zero {
				v = 0
			}
			if series.Negative {
				v = -v
			}
			values[k] = v
		}
		p.drawn[i].top = values
		if series.Stack != Alone && !series.Behind {
			p.pile(&p.drawn[i], &piles[pileOf(series)], n, s, series)
		}
	}
}

// pileOf is which of the piles a series stands on.
func pileOf(s *Series) (i int) {
	if s.Negative {
		i++
	}
	if s.Right {
		i += 2
	}
	return i
}

// pile puts a series on those of its kind that came before.
func (p *Painter) pile(d *drawn, on *pile, n int, s *Spec, series *Series) {
	if on.height == nil {
		on.height = p.scratch(n)
	}
	if series.Stack == Percent && on.whole == nil {
		on.whole = p.whole(s, pileOf(series), n)
	}
	p.percent = p.percent || series.Stack == Percent && !series.Right
	d.floor = p.scratch(n)
	copy(d.floor, on.height)
	for k, v := range d.top {
		if v-v != 0 {
			continue // a hole stands on nothing and carries nothing
		}
		if series.Stack == Percent {
			if v = v / on.whole[k]; v-v != 0 {
				v = 0
			}
		}
		on.height[k] += v
		d.top[k] = on.height[k]
	}
}

// whole is the sum of what is stacked on a pile, at every point.
func (p *Painter) whole(s *Spec, on, n int) []float64 {
	sum := p.scratch(n)
	for i := range s.Series {
		series := &s.Series[i]
		if series.Hidden || series.Behind || series.Stack != Percent || pileOf(series) != on {
			continue
		}
		for k, v := range series.Values[:min(n, len(series.Values))] {
			if v-v == 0 {
				sum[k] += math.Abs(v)
			}
		}
	}
	return sum
}

// scratch is n zeros that live until the next chart.
func (p *Painter) scratch(n int) []float64 {
	if cap(p.arena)-len(p.arena) < n {
		p.arena = make([]float64, 0, max(2*cap(p.arena), 8*n)) // what was given out stays with whoever has it
	}
	at := len(p.arena)
	p.arena = p.arena[:at+n]
	clear(p.arena[at:])
	return p.arena[at : at+n : at+n]
}
