package loadtest

import (
	"fmt"
	"strings"
	"time"
)

// kind is a preset: what a test is called, and the stages that it has.
type kind struct {
	name  string
	peak  float64       // how many times the rate it goes to, if nothing is said
	usual time.Duration // how long, if nothing is said
	make  func(k shape) []Stage
}

// shape is what stages are made of.
type shape struct {
	rate, peak float64
	length     time.Duration
	ramp       time.Duration // of load and endurance; 0: the preset's own
}

var kinds = []kind{
	{"load", 1, 5 * time.Minute, func(s shape) []Stage { return s.plateau(s.length / 10) }},
	{"stress", 2, 5 * time.Minute, func(s shape) []Stage { return s.steps(5) }},
	{"spike", 5, 2 * time.Minute, shape.spike},
	{"endurance", 1, time.Hour, func(s shape) []Stage { return s.plateau(min(s.length/10, time.Minute)) }},
	{"scalability", 8, 4 * time.Minute, shape.doublings},
}

// plateau is a ramp to the rate, and the rate.
func (s shape) plateau(ramp time.Duration) []Stage {
	if s.ramp > 0 {
		ramp = s.ramp
	}
	return []Stage{{0, s.rate, ramp}, {s.rate, s.rate, s.length - ramp}}
}

// steps go from the rate to the peak, all of them as long and as high.
func (s shape) steps(n int) (out []Stage) {
	for i := range n {
		r := s.rate + (s.peak-s.rate)*float64(i)/float64(n-1)
		out = append(out, Stage{r, r, s.length / time.Duration(n)})
	}
	return out
}

// spike is a sudden peak with the rate before and after it.
func (s shape) spike() []Stage {
	edge := min(2*time.Second, s.length/20)
	calm, high := 2*s.length/5, s.length/5-2*edge
	return []Stage{{s.rate, s.rate, calm}, {s.rate, s.peak, edge}, {s.peak, s.peak, high}, {s.peak, s.rate, edge}, {s.rate, s.rate, s.length - calm - high - 2*edge}}
}

// doublings are the rate, twice it, and so on to the peak.
func (s shape) doublings() (out []Stage) {
	for r := s.rate; r <= s.peak*1.0001 && len(out) < 20 && r > 0; r *= 2 {
		out = append(out, Stage{r, r, 0})
	}
	for i := range out {
		out[i].For = s.length / time.Duration(len(out))
	}
	return out
}

// preset makes the stages of a plan that has none of its own.
func (f planFile) preset(p *Plan) *fault {
	if f.Kind == "" && f.Rate == nil && f.Users == nil {
		return nil // validate says that there are no stages
	}
	s := shape{length: f.For.D(), ramp: f.Ramp.D()}
	switch {
	case f.Rate != nil && f.Users != nil:
		return faultf("users", "a plan has either rate (open: they come by themselves), or users (closed: they wait for their answers)")
	case f.Rate != nil:
		s.rate = f.Rate.v
	case f.Users != nil:
		s.rate = *f.Users
	default:
		return faultf("kind", "kind: %s needs rate, or users", f.Kind)
	}
	if !(s.rate > 0) {
		return faultf("rate", "the rate is %v; it must be more than 0", s.rate)
	}
	if f.Kind == "" {
		if f.For == 0 {
			return faultf("for", "a plan with rate or users needs for, such as for: 1m")
		}
		return s.plain(p)
	}
	var names []string
	for _, k := range kinds {
		if names = append(names, k.name); k.name == f.Kind {
			return k.fill(f, s, p)
		}
	}
	return faultf("kind", "kind is %q; want one of %s", f.Kind, strings.Join(names, ", "))
}

// plain is the rate, after a ramp if there is one.
func (s shape) plain(p *Plan) *fault {
	if s.ramp >= s.length {
		return faultf("ramp", "the ramp lasts %v of %v: nothing is left", s.ramp, s.length)
	}
	p.Stages = []Stage{{s.rate, s.rate, s.length}}
	if s.ramp > 0 {
		p.Stages = s.plateau(s.ramp)
	}
	return nil
}

func (k kind) fill(f planFile, s shape, p *Plan) *fault {
	if s.length == 0 {
		s.length = k.usual
	}
	s.peak = s.rate * k.peak
	switch {
	case f.Peak != nil && k.peak == 1:
		return faultf("peak", "kind: %s has no peak", k.name)
	case f.Peak != nil && !(f.Peak.v > s.rate):
		return faultf("peak", "the peak is %v; it must be more than the rate, %v", f.Peak.v, s.rate)
	case f.Peak != nil:
		s.peak = f.Peak.v
	}
	if s.ramp > 0 && k.peak != 1 {
		return faultf("ramp", "kind: %s has its own ramps", k.name)
	}
	if s.length < time.Second || s.ramp >= s.length {
		return faultf("for", "kind: %s in %v: want a second or more, and more than the ramp", k.name, s.length)
	}
	p.Stages = k.make(s)
	return nil
}

// Describe is a stage in words: "400/s", "50 to 100 users", "1x to 10x".
func (p Plan) Describe(s Stage) string {
	form := "%g/s"
	switch {
	case p.Closed:
		form = "%g users"
	case p.Baseline != "":
		form = "%gx of the baseline"
	}
	if s.From == s.To {
		return fmt.Sprintf(form, s.From)
	}
	return fmt.Sprintf("%g to "+form, s.From, s.To)
}
