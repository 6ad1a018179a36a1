package query

import (
	"bufio"
	"bytes"
	"compress/flate"
	varint "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// A snapshot as bytes is `SRS`, a version, and a DEFLATE stream of
//
//	length of the head, head, columns
//
// The head is JSON: everything but the values, so that a later version may add a
// field. The columns are the series in the order of the head. A column is the
// lengths of its runs with and without values, in turns, and then the values in one
// of three forms, after a number that says which:
//
// 0 stands for many. Each value is XORed with the one before; the first bytes of all
// come together, then the second bytes, and so on. Neighbours share sign, exponent
// and the first digits, so the first planes are nearly empty.
//
// 1 to 256 is how many distinct ones there are, as counters and what stands still have
// few: those in the order of their bits, as above, and then for each value the
// difference of its place among them to the place of the one before, a byte each.
//
// 257 are decimals, the shortest that mean the values, a line each, after their
// length: what was measured with few digits has few. Which form is the smallest is
// tried for each panel, for all of its columns.
//
// BenchmarkCodec measures it against JSON with gzip.
//
// Version 2 is what holds native histograms, see appendHistograms; all else is still
// written as version 1, for older sitreps to read.
const (
	codecMagic      = "SRS"
	codecVersion    = 1
	codecHistograms = 2
)

// What one snapshot may hold: enough for a board of a hundred panels with hundreds
// of series, and no more than a small machine has when the bytes mean no good.
const (
	mostHead    = 8 << 20        // bytes
	mostValues  = 8 << 20        // of all series
	mostSeries  = 500_000        // as many as panels may have, drawn by nobody
	mostColumns = 9 * mostValues // bytes
)

// ErrCodec says that bytes are no snapshot that this version can read.
var ErrCodec = errors.New("these bytes are no snapshot of a board")

type (
	headJSON struct {
		Name    string            `json:"name"`
		Title   string            `json:"title"`
		Range   int64             `json:"range"`
		Refresh int64             `json:"refresh"`
		At      time.Time         `json:"at"`
		Grid    gridJSON          `json:"grid"`
		Source  string            `json:"source,omitempty"`
		Shown   []Shown           `json:"shown,omitempty"`
		Panels  []json.RawMessage `json:"panels"` // of panelJSON: their number is looked at first
	}
	gridJSON struct {
		Start time.Time `json:"start"`
		Step  int64     `json:"step"`
		N     int       `json:"n"`
	}
	panelJSON struct {
		Panel

		Err      string       `json:"err,omitempty"`
		At       time.Time    `json:"at,omitzero"`
		Grid     gridJSON     `json:"grid"`
		Warnings []string     `json:"warnings,omitempty"`
		Series   []seriesJSON `json:"series,omitempty"`
	}
	seriesJSON struct {
		Labels Labels `json:"labels,omitempty"`
		Legend string `json:"legend"`
		Expr   string `json:"expr,omitempty"`
		Ref    string `json:"ref,omitempty"`
		Ago    int64  `json:"ago,omitempty"`
		Native bool   `json:"histograms,omitempty"` // it has native histograms, in columns of their own
	}
)

// Encode is the snapshot as bytes: the board as far as it is needed to draw and to
// ask again, and every value bit for bit. What went wrong with a panel is kept in
// words. A series must have as many values as its frame's grid has points.
func (s *Snapshot) Encode() ([]byte, error) {
	head := headJSON{
		Name: s.Board.Name, Title: s.Board.Title, Range: int64(s.Board.Range), Refresh: int64(s.Board.Refresh),
		At: s.At, Grid: gridOf(s.Grid), Source: s.Source, Shown: s.Board.Shown, Panels: []json.RawMessage{},
	}
	var columns []byte
	values, version := 0, byte(codecVersion)
	for i := range s.Board.Panels {
		panel, err := json.Marshal(panelOf(&s.Board.Panels[i], &s.Panels[i]))
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", s.Board.Name, err)
		}
		head.Panels = append(head.Panels, panel)
		for _, series := range s.Panels[i].Frame.Series {
			if n := s.Panels[i].Frame.Grid.N; len(series.Values) != n {
				return nil, fmt.Errorf("encode %s, %s: %d values on a grid of %d points", s.Board.Name, series.Legend, len(series.Values), n)
			}
			values += len(series.Values)
		}
		if values > mostValues { // before it is packed, which takes several times its memory
			return nil, tooMuch(s.Board.Name, values)
		}
		columns = append(columns, smallest(s.Panels[i].Frame.Series)...)
		more := 0
		if columns, more = appendHistograms(columns, s.Panels[i].Frame.Series, mostValues-values); more > 0 {
			values, version = values+more, codecHistograms
		}
		if values > mostValues {
			return nil, tooMuch(s.Board.Name, values)
		}
	}
	text, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", s.Board.Name, err)
	}
	if len(text) > mostHead || len(columns) > mostColumns {
		return nil, fmt.Errorf("encode %s: %d bytes of labels and %d values are more than a snapshot holds", s.Board.Name, len(text), values)
	}
	var out bytes.Buffer
	out.WriteString(codecMagic)
	out.WriteByte(version)
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	for _, part := range [][]byte{varint.AppendUvarint(nil, uint64(len(text))), text, columns} {
		if _, err := w.Write(part); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

func tooMuch(board string, values int) error {
	return fmt.Errorf("encode %s: %d values are more than the %d that a snapshot holds", board, values, mostValues)
}

// Decode reads what Encode wrote; the result is Frozen. Bytes from anywhere give an
// error that is ErrCodec, and never make it hold more than they could mean.
func Decode(body []byte) (*Snapshot, error) {
	rest, ours := bytes.CutPrefix(body, []byte(codecMagic))
	if !ours || len(rest) == 0 {
		return nil, ErrCodec
	}
	if rest[0] != codecVersion && rest[0] != codecHistograms {
		return nil, fmt.Errorf("%w of version %d: it was written by a newer sitrep", ErrCodec, rest[0])
	}
	r := bufio.NewReader(flate.NewReader(bytes.NewReader(rest[1:])))
	size, err := varint.ReadUvarint(r)
	if err != nil || size > mostHead {
		return nil, fmt.Errorf("%w: it cannot be unpacked", ErrCodec)
	}
	text := make([]byte, min(size, uint64(len(body))*mostRatio))
	if size > uint64(len(text)) {
		return nil, fmt.Errorf("%w: its head cannot be that long", ErrCodec)
	}
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("%w: its head is cut short", ErrCodec)
	}
	var head headJSON
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("%w: its head cannot be read: %w", ErrCodec, err)
	}
	columns, err := io.ReadAll(io.LimitReader(r, mostColumns+1))
	if err != nil || len(columns) > mostColumns {
		return nil, fmt.Errorf("%w: its values cannot be unpacked", ErrCodec)
	}
	s, err := head.snapshot(columns)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCodec, err)
	}
	return s, nil
}

// mostRatio is how much longer than its packed form DEFLATE can make anything.
const mostRatio = 1032

func gridOf(g Grid) gridJSON { return gridJSON{g.Start, int64(g.Step), g.N} }

// grid refuses an axis that no query has: a chart divides by it.
func (g gridJSON) grid() (Grid, error) {
	if g.N < 0 || g.N > maxPoints || g.Step < 0 || g.N > 1 && g.Step == 0 || g.N > 0 && g.Step > math.MaxInt64/int64(g.N) {
		return Grid{}, fmt.Errorf("a grid of %d points with a step of %d", g.N, g.Step)
	}
	return Grid{Start: g.Start.UTC(), Step: time.Duration(g.Step), N: g.N}, nil
}

func panelOf(p *Panel, d *PanelData) panelJSON {
	out := panelJSON{Panel: *p, At: d.At, Grid: gridOf(d.Frame.Grid), Warnings: d.Frame.Warnings}
	if d.Err != nil {
		out.Err = d.Err.Error()
	}
	for _, series := range d.Frame.Series {
		out.Series = append(out.Series, seriesJSON{series.Labels, series.Legend, series.Expr, series.Ref, int64(series.Ago), series.hasHistograms()})
	}
	return out
}

// snapshot puts the columns in their places.
func (h headJSON) snapshot(columns []byte) (*Snapshot, error) {
	grid, err := h.Grid.grid()
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		Board:  &Board{Name: h.Name, Title: h.Title, Range: time.Duration(h.Range), Refresh: time.Duration(h.Refresh), Shown: h.Shown},
		At:     h.At,
		Grid:   grid,
		Source: h.Source, Frozen: true,
	}
	if len(h.Panels) > maxPanels {
		return nil, fmt.Errorf("it has %d panels", len(h.Panels))
	}
	values, series := 0, 0
	for _, raw := range h.Panels {
		var p panelJSON
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, fmt.Errorf("a panel cannot be read: %w", err)
		}
		panel, data, err := p.panel()
		if err != nil {
			return nil, err
		}
		if series += len(p.Series); series > mostSeries {
			return nil, fmt.Errorf("it has more than %d series", mostSeries)
		}
		for _, one := range p.Series {
			if values += data.Frame.Grid.N; values > mostValues {
				return nil, fmt.Errorf("it has more than %d values", mostValues)
			}
			series := Series{Labels: one.Labels, Legend: one.Legend, Expr: one.Expr, Ref: one.Ref, Ago: time.Duration(one.Ago)}
			if series.Values, columns, err = readColumn(columns, data.Frame.Grid.N); err != nil {
				return nil, fmt.Errorf("%.40q, %.40q: %w", p.Title, one.Legend, err)
			}
			data.Frame.Series = append(data.Frame.Series, series)
		}
		for k, one := range p.Series {
			if !one.Native {
				continue
			}
			more := 0
			if columns, more, err = readHistograms(columns, &data.Frame.Series[k], mostValues-values); err != nil {
				return nil, fmt.Errorf("%.40q, %.40q: %w", p.Title, one.Legend, err)
			}
			values += more
		}
		s.Board.Panels, s.Panels = append(s.Board.Panels, panel), append(s.Panels, data)
	}
	if len(columns) > 0 {
		return nil, fmt.Errorf("%d bytes belong to no series", len(columns))
	}
	return s, nil
}

func (p panelJSON) panel() (Panel, PanelData, error) {
	grid, err := p.Grid.grid()
	if err != nil {
		return Panel{}, PanelData{}, err
	}
	panel := p.Panel
	panel.tame()
	if len(panel.Queries) == 0 {
		panel.Queries = []Query{{}} // signals ask for the first
	}
	data := PanelData{At: p.At, Frame: Frame{Grid: grid, Warnings: p.Warnings, At: p.At}}
	if p.Err != "" {
		data.Err = errors.New(p.Err)
	}
	return panel, data, nil
}

// form is how columns are written.
type form func(to []byte, values []uint64) []byte

// smallest is the columns of a panel in the form that packs best.
func smallest(all []Series) (best []byte) {
	if len(all) == 0 {
		return nil
	}
	size := -1
	var counted counter
	w, err := flate.NewWriter(&counted, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is ours
	}
	for _, f := range []form{appendPlanes, appendDistinct, appendDecimals} {
		var columns []byte
		for _, series := range all {
			columns = appendColumn(columns, series.Values, f)
		}
		counted = 0
		w.Reset(&counted)
		_, writeErr := w.Write(columns)
		if errors.Join(writeErr, w.Close()) == nil && (size < 0 || int(counted) < size) {
			best, size = columns, int(counted)
		}
	}
	return best
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// appendColumn adds the values of one series.
func appendColumn(to []byte, values []float64, f form) []byte {
	var have []uint64
	absent, run := false, 0
	for _, v := range values {
		if IsAbsent(v) != absent {
			to = varint.AppendUvarint(to, uint64(run))
			absent, run = !absent, 0
		}
		run++
		if !absent {
			have = append(have, math.Float64bits(v))
		}
	}
	to = varint.AppendUvarint(to, uint64(run))
	return f(to, have)
}

const (
	mostDistinct = 256
	inDecimals   = mostDistinct + 1
)

// appendDistinct writes few distinct values; of many it writes planes.
func appendDistinct(to []byte, values []uint64) []byte {
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	if len(distinct) > mostDistinct || 2*len(distinct) > len(values) {
		return appendPlanes(to, values)
	}
	to = planes(varint.AppendUvarint(to, uint64(len(distinct))), distinct)
	last := 0
	for _, v := range values {
		at, _ := slices.BinarySearch(distinct, v)
		to = append(to, byte(at-last))
		last = at
	}
	return to
}

// appendDecimals writes decimals; of a column with a NaN that no decimal means it
// writes planes.
func appendDecimals(to []byte, values []uint64) []byte {
	var text []byte
	for _, bits := range values {
		v := math.Float64frombits(bits)
		if math.IsNaN(v) && bits != math.Float64bits(math.NaN()) {
			return appendPlanes(to, values)
		}
		text = append(strconv.AppendFloat(text, v, 'g', -1, 64), '\n')
	}
	to = varint.AppendUvarint(varint.AppendUvarint(to, inDecimals), uint64(len(text)))
	return append(to, text...)
}

func appendPlanes(to []byte, values []uint64) []byte { return planes(append(to, 0), values) }

func planes(to []byte, values []uint64) []byte {
	for shift := 56; shift >= 0; shift -= 8 {
		last := uint64(0)
		for _, v := range values {
			to = append(to, byte((v^last)>>shift))
			last = v
		}
	}
	return to
}

// readPlanes reads n values; there must be as many.
func readPlanes(planes []byte, n int) []uint64 {
	values, last := make([]uint64, n), uint64(0)
	for i := range values {
		for plane := range 8 {
			values[i] = values[i]<<8 | uint64(planes[plane*n+i])
		}
		values[i] ^= last
		last = values[i]
	}
	return values
}

var errColumn = errors.New("its values are cut short")

// readColumn takes n values from the head of columns.
func readColumn(columns []byte, n int) (values []float64, rest []byte, err error) {
	var gaps []int // indexes at which values begin and end, in turns
	have := 0
	for at, absent := 0, false; ; absent = !absent {
		run, size := varint.Uvarint(columns)
		if size <= 0 || run > uint64(n-at) || run == 0 && (at > 0 || absent) && n > 0 {
			return nil, nil, errColumn
		}
		columns = columns[size:]
		if !absent {
			gaps, have = append(gaps, at, at+int(run)), have+int(run)
		}
		if at += int(run); at == n {
			break
		}
	}
	known, columns, err := readValues(columns, have)
	if err != nil {
		return nil, nil, err
	}
	values = make([]float64, n)
	for i := range values {
		values[i] = Absent()
	}
	for g := 0; g < len(gaps); g += 2 {
		for i := gaps[g]; i < gaps[g+1]; i++ {
			values[i], known = math.Float64frombits(known[0]), known[1:]
		}
	}
	return values, columns, nil
}

// readValues takes n values in any form.
func readValues(columns []byte, n int) (values []uint64, rest []byte, err error) {
	d, size := varint.Uvarint(columns)
	if size <= 0 || d > inDecimals {
		return nil, nil, errColumn
	}
	columns = columns[size:]
	if d == inDecimals {
		return readDecimals(columns, n)
	}
	if d == 0 {
		if len(columns) < 8*n {
			return nil, nil, errColumn
		}
		return readPlanes(columns, n), columns[8*n:], nil
	}
	if len(columns) < 8*int(d)+n {
		return nil, nil, errColumn
	}
	distinct := readPlanes(columns, int(d))
	columns = columns[8*d:]
	values = make([]uint64, n)
	last := byte(0)
	for i := range values {
		if last += columns[i]; uint64(last) >= d {
			return nil, nil, errColumn
		}
		values[i] = distinct[last]
	}
	return values, columns[n:], nil
}

// readDecimals reads n lines.
func readDecimals(columns []byte, n int) (values []uint64, rest []byte, err error) {
	length, size := varint.Uvarint(columns)
	if size <= 0 || length > uint64(len(columns)-size) {
		return nil, nil, errColumn
	}
	text, rest := columns[size:size+int(length)], columns[size+int(length):]
	values = make([]uint64, 0, min(n, len(text)))
	for line := range bytes.Lines(text) {
		v, err := strconv.ParseFloat(string(bytes.TrimSuffix(line, []byte("\n"))), 64)
		if err != nil || len(values) == n {
			return nil, nil, errColumn
		}
		values = append(values, math.Float64bits(v))
	}
	if len(values) != n {
		return nil, nil, errColumn
	}
	return values, rest, nil
}

// Thin is the snapshot with at most points values a series. The window is cut
// into pieces, and of each its least and its largest value stay, in the order in
// which they came: no peak is lost, and its time is right to one piece. A snapshot
// that is as thin already is returned as it is.
func (s *Snapshot) Thin(points int) *Snapshot {
	out := *s
	out.Panels = slices.Clone(s.Panels)
	out.Grid, _ = s.Grid.thin(points)
	for i := range out.Panels {
		frame := &out.Panels[i].Frame
		grid, piece := frame.Grid.thin(points)
		if piece <= 1 {
			continue
		}
		series := slices.Clone(frame.Series)
		for j := range series {
			series[j].Values, series[j].Histograms = thin(series[j].Values, piece), thinHistograms(series[j].Histograms, piece)
			for at, h := range series[j].Histograms {
				if h != nil && !IsAbsent(series[j].Values[at]) { // in a piece of both kinds the numbers stay
					series[j].Histograms[at] = nil
				}
			}
		}
		frame.Grid, frame.Series = grid, series
	}
	return &out
}

// thin is the grid of the thinned values, and how many values make a piece of
// two; 1 leaves all as it is.
func (g Grid) thin(points int) (Grid, int) {
	if g.N <= max(points, 2) {
		return g, 1
	}
	pieces := max(points/2, 1)
	piece := (g.N + pieces - 1) / pieces
	pieces = (g.N + piece - 1) / piece
	return Grid{Start: g.Start, Step: g.Step * time.Duration(piece) / 2, N: 2 * pieces}, piece
}

func thin(values []float64, piece int) []float64 {
	var out []float64
	for part := range slices.Chunk(values, piece) {
		lo, hi := -1, -1
		for i, v := range part {
			if math.IsNaN(v) {
				continue
			}
			if lo < 0 || v < part[lo] {
				lo = i
			}
			if hi < 0 || v > part[hi] {
				hi = i
			}
		}
		switch {
		case lo < 0: // nothing, or nothing but NaN, which says more than no sample
			v := Absent()
			for _, p := range part {
				if !IsAbsent(p) {
					v = p
				}
			}
			out = append(out, v, v)
		default:
			out = append(out, part[min(lo, hi)], part[max(lo, hi)])
		}
	}
	return out
}

// Values is how many values the snapshot holds, and of how many series.
func (s *Snapshot) Values() (series, values int) {
	for _, p := range s.Panels {
		series += len(p.Frame.Series)
		for _, one := range p.Frame.Series {
			for i := range one.Values {
				if one.Knows(i) {
					values++
				}
			}
		}
	}
	return series, values
}
