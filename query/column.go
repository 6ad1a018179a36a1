package query

import (
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"time"
)

// held is what a Cache knows of one expression at one step: columns of values
// over one window of grid points, and which of them are settled. Whoever has
// taken its turn may use it, nobody else.
//
// The arrays of the columns are shared with the frames that were handed out: a
// cell that was shown is never written to again. New points are appended behind
// what others see; a shown value that changes makes a copy of its column.
type held struct {
	expr    string
	step    int64 // ms
	window  span  // that every column covers; empty at first
	settled spans // asked when nothing could change any more
	columns []*heldColumn
	byHash  map[uint64][]*heldColumn
	seed    maphash.Seed
	infos   []string
}

// heldColumn is one series.
type heldColumn struct {
	labels Labels
	legend string
	hash   uint64
	values []float64
	// histograms are nil until one is known; then they are as long as values, and
	// what holds for those holds for them.
	histograms []*Histogram
	shown      int // cells from the start that a frame may have; -1: the array is new, and nobody's yet
	in         int // its place in the answer that is merged, +1
	now        Point
}

func newHeld(expr string, step int64) *held {
	return &held{expr: expr, step: step, window: span{0, -1}, byHash: map[uint64][]*heldColumn{}, seed: maphash.MakeSeed()}
}

// forget drops everything.
func (h *held) forget() {
	h.window, h.settled, h.columns = span{0, -1}, nil, nil
	clear(h.byHash)
}

// unsettle takes back what cannot be settled yet: a clock was set back, or samples may
// come later than was thought.
func (h *held) unsettle(until int64) {
	if n := len(h.settled); n > 0 && h.settled[n-1].hi > until {
		h.settled = h.settled.within(span{h.settled[0].lo, until})
	}
}

// reach makes room for s in every column, within most points: what is farthest
// away from s is dropped for it.
func (h *held) reach(s span, most int64) {
	w := h.window
	if w.len() <= 0 || s.lo > w.hi+most || s.hi < w.lo-most {
		h.forget()
		h.window = s
		return
	}
	to := span{min(w.lo, s.lo), max(w.hi, s.hi)}
	if to.len() > most {
		if s.hi > w.hi || s.lo >= w.lo { // it went on: drop the past
			to.lo = min(s.lo, to.hi-most+1)
		} else {
			to.hi = max(s.hi, to.lo+most-1)
		}
	}
	if to.len() > most { // s within a wide window: its own neighbourhood
		to.hi = max(s.hi, to.lo+most-1)
	}
	if to == w {
		return
	}
	for _, c := range h.columns {
		c.stretch(w, to)
	}
	h.window = to
	h.settled = h.settled.within(to)
}

// stretch moves a column from window w to window to.
func (c *heldColumn) stretch(w, to span) {
	if to.lo < w.lo || to.hi < w.hi {
		c.values, c.shown = copied(c.values, Absent(), w, to), -1
		if c.histograms != nil {
			c.histograms = copied(c.histograms, nil, w, to)
		}
		return
	}
	cut := max(min(to.lo-w.lo, int64(len(c.values))), 0)
	if c.shown >= 0 {
		c.shown = max(0, c.shown-int(cut))
	}
	c.values = lengthened(c.values[cut:], Absent(), to.len())
	if c.histograms != nil {
		c.histograms = lengthened(c.histograms[cut:], nil, to.len())
	}
}

// copied is what window to has of the cells of window w.
func copied[T any](cells []T, blank T, w, to span) []T {
	fresh := lengthened(make([]T, 0, to.len()+to.len()/4), blank, to.len())
	if lo, hi := max(to.lo, w.lo), min(to.hi, w.hi); lo <= hi {
		copy(fresh[lo-to.lo:], cells[lo-w.lo:hi-w.lo+1])
	}
	return fresh
}

// lengthened is cells with blank ones behind them, n in all.
func lengthened[T any](cells []T, blank T, n int64) []T {
	for int64(len(cells)) < n {
		cells = append(cells, blank)
	}
	return cells
}

// cell is what a series has at one point.
type cell struct {
	v float64
	h *Histogram // then v is Absent
}

func (s *Series) cell(i int) cell { return cell{s.Values[i], s.Histogram(i)} }

func (x cell) absent() bool { return x.h == nil && IsAbsent(x.v) }

// text is the cell with everything that it holds.
func (x cell) text() string {
	if x.h != nil {
		return x.h.String()
	}
	return exact(x.v)
}

func (x cell) agrees(o cell) bool { return agrees(x.v, o.v) && x.h.agrees(o.h) }

func (c *heldColumn) cell(i int64) cell {
	if c.histograms == nil {
		return cell{v: c.values[i]}
	}
	return cell{c.values[i], c.histograms[i]}
}

// set writes a cell, into a copy if a frame has it.
func (c *heldColumn) set(i int, x cell) {
	if was := c.cell(int64(i)); same(was.v, x.v) && was.h.same(x.h) {
		return
	}
	if c.shown >= 0 && i < c.shown {
		c.values = append(make([]float64, 0, len(c.values)+len(c.values)/4), c.values...)
		if c.histograms != nil {
			c.histograms = append(make([]*Histogram, 0, len(c.values)+len(c.values)/4), c.histograms...)
		}
		c.shown = -1
	}
	c.values[i] = x.v
	if x.h != nil && c.histograms == nil {
		c.histograms = make([]*Histogram, len(c.values), cap(c.values))
	}
	if c.histograms != nil {
		c.histograms[i] = x.h
	}
}

// empty reports whether the column knows nothing.
func (c *heldColumn) empty() bool {
	return empty(c.values) && !slices.ContainsFunc(c.histograms, isThere)
}

// hash is that of a set of labels, in whatever order a map gives them.
func (h *held) hash(l Labels) uint64 {
	sum := uint64(len(l))
	for k, v := range l {
		sum += maphash.String(h.seed, k)*0x9e3779b97f4a7c15 ^ maphash.String(h.seed, v)
	}
	return sum
}

// column is the one of these labels, nil if there is none.
func (h *held) column(l Labels) *heldColumn {
	for _, c := range h.byHash[h.hash(l)] {
		if maps.Equal(c.labels, l) {
			return c
		}
	}
	return nil
}

// open is column, which makes it if need be.
func (h *held) open(s *Series) *heldColumn {
	if c := h.column(s.Labels); c != nil {
		return c
	}
	c := &heldColumn{labels: s.Labels, legend: s.Legend, hash: h.hash(s.Labels), shown: -1}
	c.values = make([]float64, h.window.len(), h.window.len()+h.window.len()/4)
	for i := range c.values {
		c.values[i] = Absent()
	}
	h.byHash[c.hash] = append(h.byHash[c.hash], c)
	at, _ := slices.BinarySearchFunc(h.columns, s.Labels, func(x *heldColumn, l Labels) int { return x.labels.compare(l) })
	h.columns = slices.Insert(h.columns, at, c)
	return c
}

// match tells every column where it stands in the answer.
func (h *held) match(series []Series) {
	for i := range series {
		// Answers are sorted as the columns are: mostly it is the next one.
		if i < len(h.columns) && maps.Equal(h.columns[i].labels, series[i].Labels) {
			h.columns[i].in = i + 1
		} else if c := h.column(series[i].Labels); c != nil {
			c.in = i + 1
		}
	}
}

// audit compares an answer over s with what is settled there: how many points
// were looked at, and how many differ. It must follow match.
func (h *held) audit(s span, series []Series, known int) (looked, differ int) {
	for _, part := range h.settled.within(s) {
		for k := part.lo; k <= part.hi; k++ {
			l, d := h.auditPoint(k, int(k-s.lo), series, known)
			looked, differ = looked+l, differ+d
		}
	}
	return looked, differ
}

func (h *held) auditPoint(k int64, at int, series []Series, known int) (looked, differ int) {
	for _, c := range h.columns {
		was, is := c.cell(k-h.window.lo), cell{v: Absent()}
		if c.in > 0 {
			is = series[c.in-1].cell(at)
		}
		if was.absent() && is.absent() {
			continue
		}
		looked++
		if !was.agrees(is) {
			differ++
		}
	}
	if known == len(series) {
		return looked, differ
	}
	for i := range series { // those that are new
		if !series[i].cell(at).absent() && h.column(series[i].Labels) == nil {
			looked, differ = looked+1, differ+1
		}
	}
	return looked, differ
}

// agrees allows the last digits to differ: backends sum in any order.
func agrees(a, b float64) bool {
	switch {
	case IsAbsent(a) || IsAbsent(b):
		return IsAbsent(a) && IsAbsent(b)
	case math.IsNaN(a) || math.IsNaN(b):
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return a == b || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}

// most of the looked at points may differ before an entry is dropped.
const mostDiffering = 0.05

// merge puts an answer over s into the columns. It returns false, with nothing
// changed, if the answer contradicts what is settled. A partial answer only
// fills what is not settled, and settles nothing; a whole one settles what is
// not younger than until.
func (h *held) merge(s span, f *Frame, partial bool, until int64) bool {
	for _, c := range h.columns {
		c.in = 0
	}
	h.match(f.Series)
	known := 0
	for _, c := range h.columns {
		if c.in > 0 {
			known++
		}
	}
	if looked, differ := h.audit(s, f.Series, known); !partial && float64(differ) > mostDiffering*float64(looked) {
		return false
	}
	if known < len(f.Series) {
		for i := range f.Series {
			h.open(&f.Series[i]).in = i + 1
		}
	}
	parts := spans{s}
	if partial {
		parts = h.settled.gaps(s)
	}
	for _, c := range h.columns {
		for _, p := range parts {
			for k := p.lo; k <= p.hi; k++ {
				x := cell{v: Absent()}
				if c.in > 0 {
					x = f.Series[c.in-1].cell(int(k - s.lo))
				}
				c.set(int(k-h.window.lo), x)
			}
		}
	}
	if !partial {
		h.infos = f.Infos
		h.settled = h.settled.add(span{s.lo, min(s.hi, until)})
	}
	return true
}

// sweep drops the columns in which nothing is left.
func (h *held) sweep() {
	h.columns = slices.DeleteFunc(h.columns, func(c *heldColumn) bool {
		if !c.empty() {
			return false
		}
		same := slices.DeleteFunc(h.byHash[c.hash], func(o *heldColumn) bool { return o == c })
		if h.byHash[c.hash] = same; len(same) == 0 {
			delete(h.byHash, c.hash)
		}
		return true
	})
}

func empty(values []float64) bool {
	for _, v := range values {
		if !IsAbsent(v) {
			return false
		}
	}
	return true
}

// frame is the window s as an answer. Its values are the columns' own cells.
func (h *held) frame(g Grid, s span) Frame {
	f := Frame{Grid: g, Infos: h.infos, Series: make([]Series, 0, len(h.columns))}
	from, to := s.lo-h.window.lo, s.hi-h.window.lo+1
	end := g.End()
	for _, c := range h.columns {
		values := c.values[from:to:to]
		one := Series{Labels: c.labels, Legend: c.legend, Expr: h.expr, Values: values}
		if c.histograms != nil && slices.ContainsFunc(c.histograms[from:to], isThere) {
			one.Histograms = c.histograms[from:to:to]
		}
		if one.Histograms == nil && empty(values) {
			continue
		}
		// The array behind what is shown stays ours to append to.
		c.shown = max(c.shown, int(to))
		if after := c.now.At.Sub(end); after > 0 && after < g.Step {
			one.Now = c.now
		}
		f.Series = append(f.Series, one)
	}
	return f
}

// provisional keeps the values of one moment off the grid.
func (h *held) provisional(at time.Time, f *Frame) {
	for _, c := range h.columns {
		c.now = Point{}
	}
	for i := range f.Series {
		if c := h.column(f.Series[i].Labels); c != nil && !IsAbsent(f.Series[i].Values[0]) {
			c.now = Point{At: at, Value: f.Series[i].Values[0]}
		}
	}
}

// thin fills the columns from those of a finer step, where one stretch of what
// is settled there covers the beginning of s. What is left of s is asked for,
// which audits what was taken.
func (h *held) thin(from *held, s span) {
	times := h.step / from.step
	for _, part := range from.settled {
		if part.lo > s.lo*times || part.hi < s.lo*times {
			continue
		}
		got := span{s.lo, min(s.hi, part.hi/times)}
		h.forget()
		h.window = s
		for _, c := range from.columns {
			one := Series{Labels: c.labels, Legend: c.legend}
			to := h.open(&one)
			for k := got.lo; k <= got.hi; k++ {
				to.set(int(k-s.lo), c.cell(k*times-from.window.lo))
			}
		}
		h.settled = h.settled.add(got)
		h.infos = from.infos
		h.sweep()
		return
	}
}

// bytes is about what it holds in memory.
func (h *held) bytes() int64 {
	n := int64(len(h.expr)) + 256
	for _, c := range h.columns {
		n += int64(cap(c.values))*8 + 160 + int64(len(c.legend)) + int64(cap(c.histograms))*8
		for _, one := range c.histograms {
			n += one.bytes()
		}
		for k, v := range c.labels {
			n += int64(len(k)+len(v)) + 32
		}
	}
	return n
}
