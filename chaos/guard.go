package chaos

import (
	"context"
	"math"
	"time"
)

// Prober answers a PromQL query with one number.
type Prober interface {
	// Probe evaluates promql at a time. ok is false when there is no data; several
	// series are an error, because nobody could say which one is meant. It must
	// return soon after ctx ends and is called from several goroutines.
	Probe(ctx context.Context, promql string, at time.Time) (value float64, ok bool, err error)
}

// guardCount is a guard's memory: breaches in a row.
type guardCount struct {
	Guard
	row int
}

// step takes one evaluation; nil is no data. It says whether it counts as a
// breach and whether it is the one that ends the run.
func (g *guardCount) step(value *float64) (breached, tripped bool) {
	switch {
	case value != nil:
		breached = g.AbortWhen.Holds(*value)
	case g.NoData == NoDataHold:
		return false, false
	case g.NoData != NoDataIgnore:
		breached = true
	}
	if !breached {
		g.row = 0
		return false, false
	}
	g.row++
	return true, g.row >= g.For
}

// measure asks the prober once. An error, a timeout and NaN (0/0: no requests)
// are no data; the error says which. An infinity (1/0) becomes the largest
// number, which satisfies the same conditions: JSON has no word for it, and a
// report that cannot be written is lost.
func measure(ctx context.Context, p Prober, promql string, patience time.Duration) (*float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, ok, err := p.Probe(ctx, promql, time.Now())
	if err != nil || !ok || math.IsNaN(v) {
		return nil, err
	}
	v = max(-math.MaxFloat64, min(v, math.MaxFloat64))
	return &v, nil
}
