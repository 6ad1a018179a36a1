package query

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"
)

// What one answer may make us hold. A board that needs more needs sum by ().
const (
	maxRangeSeries    = 1_000
	maxInstantSamples = 10_000
	maxWarnings       = 20
	maxLabels         = 64 << 10 // bytes of the labels of one series
	maxBuckets        = 1 << 19  // of all native histograms: 16 MiB
)

// isPartial says what VictoriaMetrics has no warning for.
const isPartial = "the answer is partial: a part of the storage did not answer"

// answer is the body of query and query_range. Everything but Samples and
// Series is optional in the wild.
type answer struct {
	status, errType, errMsg string
	kind                    string // resultType
	warnings, infos         []string
	series                  []Series // range
	samples                 []Sample // instant
	seen, over              int      // series in the body, and those beyond the bounds
	offGrid, outside        int      // points between the steps, and those of another time than was asked for
	buckets                 int
	crowded, hollow         int  // native histograms whose buckets were too many, and buckets in which no number lies
	doubles, large          int  // series of the same labels, and with too much of them
	text                    bool // a string, which is no number
	partial                 bool // the server says so, without a warning
}

// decoder fills an answer; with a grid it makes columns, without one samples.
type decoder struct {
	*scanner
	grid *Grid
	out  answer

	scratch []Bucket // of the histogram that is being read
}

// decodeRange reads the body of query_range into columns on g.
func decodeRange(body []byte, g Grid) (answer, error) {
	d := decoder{scanner: newScanner(body), grid: &g}
	err := d.envelope()
	d.sort()
	d.out.warnings = append(d.out.warnings, d.remarks()...)
	return d.out, err
}

// sort puts the series in order and joins those of the same labels, which is
// what a proxy makes of two replicas that it does not tell apart.
func (d *decoder) sort() {
	slices.SortStableFunc(d.out.series, func(a, b Series) int { return a.Labels.compare(b.Labels) })
	kept := d.out.series[:0]
	for _, s := range d.out.series {
		if n := len(kept); n == 0 || !maps.Equal(kept[n-1].Labels, s.Labels) {
			kept = append(kept, s)
			continue
		}
		d.out.doubles++
		first := &kept[len(kept)-1]
		for i, v := range s.Values {
			switch {
			case first.Knows(i):
			case s.Histogram(i) != nil:
				first.put(i, s.Histogram(i))
			default:
				first.Values[i] = v
			}
		}
	}
	d.out.series = kept
}

// decodeInstant reads the body of query.
func decodeInstant(body []byte) (answer, error) {
	d := decoder{scanner: newScanner(body)}
	err := d.envelope()
	d.out.warnings = append(d.out.warnings, d.remarks()...)
	return d.out, err
}

func (d *decoder) envelope() error {
	err := d.object(func(key []byte) (err error) {
		switch string(key) {
		case "status":
			d.out.status, err = d.maybeText()
		case "errorType":
			d.out.errType, err = d.maybeText()
		case "error":
			d.out.errMsg, err = d.maybeText()
		case "warnings":
			err = d.warn(&d.out.warnings)
		case "infos":
			err = d.warn(&d.out.infos)
		case "isPartial": // VictoriaMetrics
			if d.peek() == 't' {
				d.out.partial = true
			}
			err = d.skip(0)
		case "data":
			err = d.data()
		default:
			err = d.skip(0)
		}
		return err
	})
	if err != nil {
		return err
	}
	if d.peek() != 0 || d.out.status == "" {
		return errJSON
	}
	return nil
}

// remarks says what was in the body and is not in the result.
func (d *decoder) remarks() []string {
	var says []string
	if d.out.partial {
		says = append(says, isPartial)
	}
	if d.out.over > 0 {
		says = append(says, fmt.Sprintf("%d series; only the first %d are kept: aggregate with sum by (...) or topk", d.out.seen, d.out.seen-d.out.over))
	}
	if d.out.crowded > 0 {
		says = append(says, fmt.Sprintf("%d native histograms are left out, an answer may hold %d buckets: aggregate with sum by (...), or ask for a shorter time", d.out.crowded, maxBuckets))
	}
	if d.out.hollow > 0 {
		says = append(says, fmt.Sprintf("%d buckets of native histograms are left out: no number lies between their bounds, so a program that is scraped counts them wrongly", d.out.hollow))
	}
	if d.out.doubles > 0 {
		says = append(says, fmt.Sprintf("%d series have the same labels as another one and were joined with it: several servers answer as one", d.out.doubles))
	}
	if d.out.large > 0 {
		says = append(says, fmt.Sprintf("%d series with more than %d KiB of labels are left out: drop the label with sum without (...)", d.out.large, maxLabels>>10))
	}
	if d.out.outside > 0 {
		says = append(says, fmt.Sprintf("%d points lie before or after the time that was asked for and are left out: the server asks for another window (align_queries_with_step?)", d.out.outside))
	}
	if d.out.offGrid > 0 {
		says = append(says, fmt.Sprintf("%d points were between the steps and moved to the nearest", d.out.offGrid))
	}
	return says
}

func (d *decoder) warn(to *[]string) error {
	if d.peek() == 'n' {
		return d.skip(0)
	}
	return d.array(func() error {
		text, err := d.name()
		if err == nil && len(*to) < maxWarnings {
			*to = append(*to, text)
		}
		return err
	})
}

func (d *decoder) data() error {
	if d.peek() != '{' {
		return d.skip(0)
	}
	return d.object(func(key []byte) (err error) {
		switch string(key) {
		case "resultType":
			d.out.kind, err = d.maybeText()
		case "result":
			err = d.result()
		default:
			err = d.skip(0)
		}
		return err
	})
}

// result is a list of series, or one bare pair for a scalar or a string. The
// first byte of the list tells which, so resultType may also come after it.
func (d *decoder) result() error {
	if d.peek() != '[' {
		return d.skip(0)
	}
	at := d.i
	d.i++
	first := d.peek()
	d.i = at
	if first == '{' || first == ']' {
		return d.array(d.one)
	}
	ms, v, err := d.pair()
	if err != nil {
		d.i = at
		d.out.text = true
		return d.skip(0)
	}
	d.out.seen++
	col := column{d: d, labels: Labels{}}
	col.point(ms, v)
	col.keep()
	return nil
}

// one series: {"metric": {...}, "values": [[t,"v"],...]} or "value": [t,"v"].
func (d *decoder) one() error {
	d.out.seen++
	col := column{d: d}
	large := false
	err := d.object(func(key []byte) (err error) {
		switch string(key) {
		case "metric":
			col.labels, err = d.labels()
			large = col.labels == nil
		case "values":
			err = d.array(func() error {
				ms, v, err := d.pair()
				col.point(ms, v)
				return err
			})
		case "value":
			var ms int64
			var v float64
			ms, v, err = d.pair()
			col.point(ms, v)
		case "histograms":
			err = d.array(func() error { return d.histogramAt(&col) })
		case "histogram":
			err = d.histogramAt(&col)
		default:
			err = d.skip(0)
		}
		return err
	})
	if err != nil {
		return err
	}
	if large {
		d.out.large++
		return nil
	}
	col.keep()
	return nil
}

func (d *decoder) labels() (Labels, error) {
	l := make(Labels, 8)
	began := d.i
	err := d.object(func(key []byte) error {
		k, ok := d.intern[string(key)]
		if !ok {
			k = string(bytes.ToValidUTF8(key, []byte("\ufffd")))
			if len(d.intern) < 1<<16 {
				d.intern[string(key)] = k
			}
		}
		v, err := d.name()
		if d.i-began <= maxLabels { // what is left out takes no memory
			l[k] = v
		}
		return err
	})
	if d.i-began > maxLabels {
		return nil, err
	}
	return l, err
}

// column collects the points of one series.
type column struct {
	d          *decoder
	labels     Labels
	values     []float64
	histograms []*Histogram // nil without any
	points     []Sample
	over       bool // beyond the bounds
}

func (c *column) point(ms int64, v float64) {
	if c.d.grid == nil {
		if c.over = len(c.d.out.samples)+len(c.points) >= maxInstantSamples; !c.over {
			c.points = append(c.points, Sample{Value: v, At: time.UnixMilli(ms).UTC()})
		}
		return
	}
	if i := c.place(ms); i >= 0 {
		c.values[i] = v
	}
}

// histogram is point for a native histogram.
func (c *column) histogram(ms int64, h *Histogram) {
	if c.d.grid == nil {
		if c.over = len(c.d.out.samples)+len(c.points) >= maxInstantSamples; !c.over {
			c.points = append(c.points, Sample{Value: Absent(), At: time.UnixMilli(ms).UTC(), Histogram: h})
		}
		return
	}
	if i := c.place(ms); i >= 0 {
		if c.histograms == nil {
			c.histograms = make([]*Histogram, len(c.values))
		}
		c.values[i], c.histograms[i] = Absent(), h
	}
}

// place is where on the grid a time belongs, with the column made for it; -1 is
// nowhere.
func (c *column) place(ms int64) int64 {
	if c.over = len(c.d.out.series) >= maxRangeSeries; c.over {
		return -1
	}
	g := c.d.grid
	step := max(1, g.Step.Milliseconds())
	off := ms - g.Start.UnixMilli()
	i := off / step
	if r := off % step; r != 0 {
		c.d.out.offGrid++
		i = (off + step/2) / step
	}
	if off < 0 || i >= int64(g.N) {
		if off%step == 0 { // the others are counted
			c.d.out.outside++
		}
		return -1
	}
	if c.values == nil {
		c.values = make([]float64, g.N)
		for j := range c.values {
			c.values[j] = Absent()
		}
	}
	return i
}

func (c *column) keep() {
	if c.labels == nil {
		c.labels = Labels{}
	}
	if c.over {
		c.d.out.over++
	}
	for i, h := range c.histograms {
		if h != nil { // whoever sends a number too contradicts itself
			c.values[i] = Absent()
		}
	}
	if c.values != nil {
		c.d.out.series = append(c.d.out.series, Series{Labels: c.labels, Legend: c.labels.String(), Values: c.values, Histograms: c.histograms})
	}
	for _, p := range c.points {
		p.Labels = c.labels
		c.d.out.samples = append(c.d.out.samples, p)
	}
}
