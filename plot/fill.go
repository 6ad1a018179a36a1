package plot

import (
	"image/color"
	"math"
)

// Form is how a series of a picture is drawn.
type Form uint8

// The forms.
const (
	Line Form = iota
	Area
	Pillars
	Points
	Steps
)

// Look is how one series of a Chart is drawn; the zero value is a line.
type Look struct {
	Form     Form
	Stacked  bool // on those of before that are stacked, too
	Percent  bool // stacked, and all together are 1
	Negative bool // drawn below zero
	Behind   bool // what was before, to compare with: dim, and never stacked
}

// look is that of series i.
func (c *Chart) look(i int) Look {
	if i < len(c.Looks) {
		return c.Looks[i]
	}
	return Look{}
}

// standing is a series as it stands in a picture; a nil floor is the axis.
type standing struct{ top, floor []float64 }

// stand works out where the series stand, those that are drawn.
func (c *Chart) stand() []standing {
	all := make([]standing, min(len(c.Series), mostSeries))
	n := 0
	for i := range all {
		n = max(n, len(c.Series[i]))
	}
	var above, below, wholeAbove, wholeBelow []float64
	if len(c.Looks) > 0 {
		above, below = make([]float64, n), make([]float64, n)
		wholeAbove, wholeBelow = c.whole(n, false), c.whole(n, true)
	}
	for i := range all {
		look, values := c.look(i), c.Series[i]
		all[i].top = values
		if !look.Negative && !look.Stacked {
			continue
		}
		top := make([]float64, len(values))
		pile, whole, sign := above, wholeAbove, 1.0
		if look.Negative {
			pile, whole, sign = below, wholeBelow, -1
		}
		for k, v := range values {
			top[k] = sign * v
		}
		all[i].top = top
		if !look.Stacked || look.Behind {
			continue
		}
		floor := append([]float64(nil), pile[:len(values)]...)
		for k, v := range top {
			if v-v != 0 {
				continue // a hole stands on nothing and carries nothing
			}
			if look.Percent && whole[k] > 0 {
				v /= whole[k]
			}
			pile[k] += v
			top[k] = pile[k]
		}
		all[i].floor = floor
	}
	return all
}

// whole is the sum of what is stacked on one side of zero, at every point.
func (c *Chart) whole(n int, negative bool) []float64 {
	sum := make([]float64, n)
	for i, values := range c.Series[:min(len(c.Series), mostSeries)] {
		if look := c.look(i); !look.Percent || look.Behind || look.Negative != negative {
			continue
		}
		for k, v := range values {
			if v-v == 0 {
				sum[k] += math.Abs(v)
			}
		}
	}
	return sum
}

// What is filled is seen through, so that the grid and what lies behind are.
const (
	areaShade  = 0x38
	stackShade = 0xa0
)

// draw draws series i in its form.
func (v canvas) draw(c *Chart, i int, s standing, x func(int) float64, y Scale) {
	look, p := c.look(i), penOf(i)
	if look.Behind {
		p.ink = behind
	}
	switch look.Form {
	case Area:
		shade := uint8(areaShade)
		if s.floor != nil {
			shade = stackShade
		}
		v.area(s, x, y, color.NRGBA{p.ink.R, p.ink.G, p.ink.B, shade})
		v.series(s.top, x, y, p)
	case Pillars:
		v.pillars(s, x, y, p.ink)
	case Points:
		for k := range s.top {
			if at := v.y(y, s.top[k]); at-at == 0 {
				v.fill([]point{{x(k) - 1.5, at - 1.5}, {x(k) + 1.5, at - 1.5}, {x(k) + 1.5, at + 1.5}, {x(k) - 1.5, at + 1.5}}, p.ink)
			}
		}
	case Steps:
		values, at := stepped(s.top, x)
		v.series(values, at, y, p)
	default:
		v.series(s.top, x, y, p)
	}
}

// stepped has every value twice: it holds until the next.
func stepped(values []float64, x func(int) float64) ([]float64, func(int) float64) {
	twice := make([]float64, 0, 2*len(values))
	for _, v := range values {
		twice = append(twice, v, v)
	}
	return twice, func(k int) float64 { return x((k + 1) / 2) }
}

// base is the height that a series stands on at a point, within the chart.
func (v canvas) base(s standing, k int, y Scale) float64 {
	floor := 0.0
	if s.floor != nil {
		floor = s.floor[k]
	}
	return min(max(v.y(y, floor), float64(v.box.Min.Y)), float64(v.box.Max.Y))
}

// area fills what lies between a series and what it stands on, without the holes.
func (v canvas) area(s standing, x func(int) float64, y Scale, ink color.Color) {
	var top, floor []point
	flush := func() {
		if len(top) > 1 {
			for i := len(floor) - 1; i >= 0; i-- {
				top = append(top, floor[i])
			}
			v.fill(top, ink)
		}
		top, floor = nil, nil
	}
	for k := range s.top {
		at := v.y(y, s.top[k])
		if at-at != 0 {
			flush()
			continue
		}
		top, floor = append(top, point{x(k), at}), append(floor, point{x(k), v.base(s, k, y)})
	}
	flush()
}

// pillars draws a bar for every value, as wide as there is room for.
func (v canvas) pillars(s standing, x func(int) float64, y Scale, ink color.Color) {
	half := max((x(1)-x(0))*0.4, 0.5)
	for k := range s.top {
		if at := v.y(y, s.top[k]); at-at == 0 {
			base := v.base(s, k, y)
			left, right := max(x(k)-half, float64(v.box.Min.X)), min(x(k)+half, float64(v.box.Max.X))
			v.fill([]point{{left, at}, {right, at}, {right, base}, {left, base}}, ink)
		}
	}
}
