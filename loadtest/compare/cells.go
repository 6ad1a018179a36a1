package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// cell is what was answered in a stretch of one stage: how often each response time of
// the scale came.
type cell struct {
	at       []int32 // places in the scale, in order
	n        []int64
	requests int64
	errors   int64
	seconds  float64
}

// run is a result as it is drawn from: the cells of each stage, in the order of time.
// Stages are kept apart, because half of a run is no run of half its load.
type run struct {
	stages [][]cell
	rate   float64 // of an open plan: its schedule's, which no draw changes; 0: what was answered in its seconds
}

// most is how many cells a stage is divided into at the most: longer ones have cells of
// several seconds, which the blocks make no worse.
const most = 600

// prepare reads the rows of runs, warm-up left out, into cells over one scale of response
// times in seconds, in order. A run without a second that was measured is an error.
func prepare(results ...loadtest.Result) (runs []run, scale []float64, err error) {
	type counted struct {
		values []float64
		n      []int64
		row    loadtest.Row
	}
	read := make([][]counted, len(results))
	seen := map[float64]struct{}{}
	for i, r := range results {
		for _, row := range r.Rows {
			if row.Warmup || row.Requests == 0 {
				continue
			}
			h, err := loadtest.DecodeHistogram(row.Response)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: second %d: %w", r.Run, row.Second, err)
			}
			c := counted{row: row}
			for d, n := range h.Counts() {
				c.values, c.n = append(c.values, d.Seconds()), append(c.n, n)
				seen[d.Seconds()] = struct{}{}
			}
			read[i] = append(read[i], c)
		}
		if len(read[i]) == 0 {
			return nil, nil, fmt.Errorf("%s: %w", r.Run, ErrNothingMeasured)
		}
	}
	for v := range seen {
		scale = append(scale, v)
	}
	slices.Sort(scale)
	place := make(map[float64]int32, len(scale))
	for i, v := range scale {
		place[v] = int32(i)
	}
	for i, cells := range read {
		slices.SortStableFunc(cells, func(a, b counted) int { return a.row.Second - b.row.Second })
		stages := map[int][]cell{}
		for _, c := range cells {
			at := make([]int32, len(c.values))
			for i, v := range c.values {
				at[i] = place[v]
			}
			stages[c.row.Stage] = append(stages[c.row.Stage], cell{at: at, n: c.n, requests: c.row.Requests, errors: c.row.Errors, seconds: 1})
		}
		r := newRun(stages, len(scale))
		if results[i].Model != "closed" {
			r.rate = results[i].AchievedRate
		}
		runs = append(runs, r)
	}
	return runs, scale, nil
}

// ErrNothingMeasured is of a run without a second in which something was answered after
// its warm-up.
var ErrNothingMeasured = errors.New("nothing was measured, there is nothing to compare")

func newRun(stages map[int][]cell, places int) run {
	var r run
	var order []int
	for s := range stages {
		order = append(order, s)
	}
	slices.Sort(order)
	for _, s := range order {
		r.stages = append(r.stages, coarser(stages[s], places))
	}
	return r
}

// coarser puts neighbours together until there are few enough.
func coarser(cells []cell, places int) []cell {
	each := (len(cells) + most - 1) / most
	if each <= 1 {
		return cells
	}
	var out []cell
	for group := range slices.Chunk(cells, each) {
		t := newTally(places)
		for i := range group {
			t.add(&group[i])
		}
		c := cell{requests: t.requests, errors: t.errors, seconds: t.seconds}
		for i, n := range t.n {
			if n > 0 {
				c.at, c.n = append(c.at, int32(i)), append(c.n, n)
			}
		}
		out = append(out, c)
	}
	return out
}

// whole is everything that a run has.
func (r run) whole(t *tally) {
	t.reset()
	for _, cells := range r.stages {
		for i := range cells {
			t.add(&cells[i])
		}
	}
}

// figures are those of what was drawn of the run.
func (r run) figures(t *tally, scale []float64) [metricCount]float64 {
	f := t.figures(scale)
	if r.rate > 0 {
		f[rate] = r.rate
	}
	return f
}

// tally is a sum of cells.
type tally struct {
	n        []int64 // by place in the scale
	counted  int64
	requests int64
	errors   int64
	seconds  float64
}

func newTally(places int) *tally { return &tally{n: make([]int64, places)} }

func (t *tally) reset() {
	clear(t.n)
	*t = tally{n: t.n}
}

func (t *tally) add(c *cell) {
	for i, at := range c.at {
		t.n[at] += c.n[i]
		t.counted += c.n[i]
	}
	t.requests += c.requests
	t.errors += c.errors
	t.seconds += c.seconds
}

// figures are what is compared, in the order of metrics.
func (t *tally) figures(scale []float64) [metricCount]float64 {
	var f [metricCount]float64
	var seen int64
	var sum float64
	wants := [...]struct {
		m metric
		q float64
	}{{p50, 0.50}, {p95, 0.95}, {p99, 0.99}}
	next := 0
	for i, n := range t.n {
		if n == 0 {
			continue
		}
		seen += n
		sum += float64(n) * scale[i]
		for next < len(wants) && seen >= int64(math.Ceil(wants[next].q*float64(t.counted))) {
			f[wants[next].m] = scale[i]
			next++
		}
	}
	f[mean] = sum / float64(t.counted)
	f[errorRatio] = float64(t.errors) / float64(t.requests)
	f[rate] = float64(t.requests) / t.seconds
	return f
}
