package dialog

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// The heights of the parts of an Explore.
const (
	lineRows     = 3 // of the expression, in a terminal of 24
	wordRows     = 7
	hiddenValues = 20 // cells that a value may take
)

// Draw implements Dialog: it covers all of f.
func (e *Explore) Draw(f *frame.Frame, _ keys.Map) Cursor {
	f.Fill(f.Bounds(), theme.Plain, ' ')
	if f.Height() < 1 || f.Width() < 4 {
		return Cursor{}
	}
	f.Rule(0, theme.Border, theme.Title, e.title())
	if note := e.note(); note.Width() > 0 && e.title().Width()+note.Width()+8 < f.Width() {
		f.PutRight(f.Width()-1, 0, theme.Dim, safe.Concat(safe.Const(" "), note, safe.Const(" ")))
	}
	most := max(min(lineRows+f.Height()/12, f.Height()-2), 1)
	w := max(f.Width()-3, 1)
	rows, x, y := e.line.folded(w, most)
	for i, r := range rows {
		f.Put(2, 1+i, theme.Input, r)
	}
	f.Rune(0, 1, theme.Accent, '>')
	e.underline(f, w, len(rows), most)
	cursor := Cursor{2 + x, 1 + y, 1+y < f.Height()}
	top := 1 + len(rows)
	text, bad, doubt := e.message()
	style := theme.Dim
	if bad {
		style = theme.Crit
	} else if doubt {
		style = theme.Warn
	}
	messages := wrap(texts(text), max(f.Width()-3, 1))
	for i, l := range messages[:min(len(messages), 2)] {
		f.PutFit(2, top+i, f.Width()-2, style, l)
	}
	top += max(min(len(messages), 2), 1) // the row stays when there is nothing to say
	bottom := f.Height()
	e.drawAnswer(f.Sub(frame.Rect{X: 0, Y: top, W: f.Width(), H: max(bottom-top, 0)}))
	e.drawWords(f.Sub(frame.Rect{X: 0, Y: top, W: f.Width(), H: max(bottom-top, 0)}), 2+x)
	return cursor
}

// underline marks the part that cannot be read, or that a warning is about.
func (e *Explore) underline(f *frame.Frame, w, shown, most int) {
	from, to := 0, 0
	style := theme.Wrong
	switch {
	case e.fault != nil && !e.unfinished() && e.Expr() != "":
		from, to = e.fault.Pos, e.fault.End
	case len(e.warnings) > 0:
		from, to, style = e.warnings[0].Pos, e.warnings[0].End, theme.Link
	default:
		return
	}
	expr := e.Expr()
	from = min(max(from, 0), len(expr))
	to = min(max(to, from+1), len(expr))
	hidden := e.line.hiddenRows(w, most)
	first, last := e.cell(expr[:from], w), e.cell(expr[:to], w)
	if from == to { // at the end: the cell after it
		last++
	}
	for c := first; c < last; c++ {
		if y := c/w - hidden; y >= 0 && y < shown {
			f.Restyle(frame.Rect{X: 2 + c%w, Y: 1 + y, W: 1, H: 1}, style)
		}
	}
}

// cell is how many cells a text takes, folded at w.
func (e *Explore) cell(text string, w int) int {
	rows := cut(safe.New(text, 4*maxTyped), w)
	return (len(rows)-1)*w + rows[len(rows)-1].Width()
}

// title says what is shown, and who is asked.
func (e *Explore) title() safe.Text {
	if e.Of.Width() > 0 {
		return safe.Concat(safe.Const("PromQL  "), e.Of)
	}
	switch e.form {
	case AsChart:
		return safe.Sprintf("PromQL  chart  %s", strictyaml.FormatDuration(e.Span.Round(time.Second)))
	case AsTable:
		return safe.Const("PromQL  table  now")
	case AsParts:
		return safe.Const("PromQL  parts  now")
	}
	return safe.Const("PromQL  values  now")
}

// note says how the last question went.
func (e *Explore) note() safe.Text {
	switch {
	case e.busy:
		return safe.Const("asking…")
	case e.found != nil && e.form != AsParts:
		n := max(len(e.found.Samples), len(e.found.Frame.Series))
		return safe.Sprintf("%d series in %d ms", n, e.found.Took.Milliseconds())
	}
	return safe.Text{}
}

// Hints are the keys that work here, in the order of their use, for the foot of the
// screen.
func (e *Explore) Hints() []Hint {
	return []Hint{
		{keys.Submit, safe.Const("ask")},
		{keys.Complete, safe.Const("complete")},
		{keys.NextForm, safe.Const("form")},
		{keys.Explain, safe.Const("parts")},
		{keys.Range, safe.Const("range")},
		{keys.Yank, safe.Const("copy, pin")},
		{keys.OlderEntry, safe.Const("earlier questions")},
		{keys.Cancel, safe.Const("leave")},
	}
}

// drawWords lists what may be written, below the place where it would stand.
func (e *Explore) drawWords(f *frame.Frame, x int) {
	words := e.shownWords()
	rows := min(len(words), wordRows, f.Height())
	if rows < 1 {
		return
	}
	name, kind := 8, 0
	for _, w := range words {
		name, kind = max(name, safe.New(w.Text, safe.Line).Width()), max(kind, len(w.Kind))
	}
	name, kind = min(name, max(f.Width()/2-4, 8)), min(kind, 12)
	top := max(min(e.chosen-rows+1, len(words)-rows), 0)
	for i := range rows {
		w := words[top+i]
		f.Fill(frame.Rect{X: 1, Y: i, W: f.Width() - 1, H: 1}, theme.Plain, ' ')
		f.Rune(1, i, theme.Border, '│')
		f.PutFit(3, i, name, theme.Bright, safe.New(w.Text, safe.Line))
		f.PutFit(3+name+2, i, kind, theme.Key, safe.New(w.Kind, 20))
		f.PutFit(3+name+2+kind+2, i, f.Width()-name-kind-8, theme.Dim, safe.New(w.Help, safe.Line))
		if top+i == e.chosen {
			f.Restyle(frame.Rect{X: 2, Y: i, W: f.Width() - 3, H: 1}, theme.Selected)
		}
	}
	if more := len(words) - rows; more > 0 {
		f.PutRight(f.Width()-1, rows-1, theme.Dim, safe.Sprintf(" +%d ", more))
	}
}

func (e *Explore) drawAnswer(f *frame.Frame) {
	if f.Height() < 1 {
		return
	}
	switch {
	case e.wrong != nil:
		for i, l := range safe.Wrap(e.wrong.Error(), max(f.Width()-4, 1)) {
			f.PutFit(2, i, f.Width()-3, theme.Warn, l)
		}
		return
	case e.form == AsParts:
		e.drawParts(f)
		return
	case e.found == nil:
		f.PutFit(2, 0, f.Width()-3, theme.Dim, safe.Const("Names, labels and values come from the server while you type."))
		return
	}
	y := 0
	for _, w := range e.found.Warnings[:min(len(e.found.Warnings), 2)] {
		f.PutFit(2, y, f.Width()-3, theme.Warn, safe.Sprintf("the server says: %s", w))
		y++
	}
	rest := f.Sub(frame.Rect{X: 0, Y: y, W: f.Width(), H: max(f.Height()-y, 0)})
	switch {
	case e.found.Question.Span > 0:
		e.drawChart(rest)
	case len(e.found.Samples) == 0:
		rest.PutFit(2, 0, f.Width()-3, theme.Warn, safe.Const("no data: no series has a value now; the parts of it tell which part has none"))
	case e.form == AsTable:
		e.drawTable(rest)
	default:
		e.drawValues(rest)
	}
}

// mostDrawn bounds the lines of a chart: more of them say nothing.
const mostDrawn = 200

func (e *Explore) drawChart(f *frame.Frame) {
	fr := &e.found.Frame
	if says, all := (&query.Panel{Type: query.TimeSeries}).Unfit(fr); all {
		e.drawHeat(f)
		return
	} else if says != "" && f.Height() > 1 {
		f.PutFit(2, 0, f.Width()-3, theme.Warn, safe.New(says, safe.Line))
		f = f.Sub(frame.Rect{Y: 1, W: f.Width(), H: f.Height() - 1})
	}
	series := fr.Series[:min(len(fr.Series), mostDrawn)]
	spec := chart.Spec{Start: fr.Grid.Start, Step: fr.Grid.Step, Points: fr.Grid.N, Zone: e.Zone, Title: safe.New(e.found.Question.Expr, safe.Line)}
	if len(series) > 1 { // the expression stands above; the figure is of one of them
		spec.Title = safe.New(series[0].Legend, 60)
	}
	if len(fr.Series) > mostDrawn {
		spec.Title = safe.Sprintf("the first %d of %d series", mostDrawn, len(fr.Series))
	}
	for _, s := range series {
		spec.Series = append(spec.Series, chart.Series{Name: safe.New(s.Legend, 60), Values: s.Values})
	}
	chart.Draw(f.Sub(frame.Rect{X: 1, Y: 0, W: f.Width() - 2, H: f.Height()}), &spec)
}

// rowsOf scrolls a list of n rows and says which are shown.
func (e *Explore) rowsOf(n, height int) (from, to int) {
	e.page, e.rows = max(height, 1), n
	e.top = max(min(e.top, n-e.page), 0)
	return e.top, min(e.top+e.page, n)
}

func (e *Explore) drawValues(f *frame.Frame) {
	samples := e.found.Samples
	names := query.Apart(samples)
	from, to := e.rowsOf(len(samples), f.Height())
	for i := from; i < to; i++ {
		value := valueText(&samples[i])
		name := names[i]
		if name == "" || name == "{}" {
			name = e.found.Sent
		}
		f.PutRight(f.Width()-2, i-from, theme.Bright, value)
		f.PutFit(2, i-from, f.Width()-5-value.Width(), theme.Plain, safe.New(name, safe.Line))
	}
	e.more(f, from, to, len(samples))
}

func (e *Explore) more(f *frame.Frame, from, to, n int) {
	if to-from < n && f.Height() > 0 {
		f.PutRight(f.Width()-1, f.Height()-1, theme.Dim, safe.Sprintf(" %d-%d of %d ", from+1, to, n))
	}
}

// drawTable has a column a label: first those that differ. What is the same in all
// rows stands above them.
func (e *Explore) drawTable(f *frame.Frame) {
	samples := e.found.Samples
	columns, same := columnsOf(samples)
	y := 0
	if len(same) > 0 && f.Height() > 3 {
		f.PutFit(2, 0, f.Width()-3, theme.Dim, safe.Sprintf("all: %s", strings.Join(same, "  ")))
		y = 1
	}
	const gap = 2
	values := valueColumns(samples)
	room := f.Width() - 4 - len(values)*figureCells
	widths := make([]int, 0, len(columns))
	for _, c := range columns {
		w := safe.New(c, 60).Width()
		for _, s := range samples[:min(len(samples), 200)] {
			w = max(w, safe.New(s.Labels[c], 40).Width())
		}
		w = min(w, 30)
		if room < min(w, 6)+gap {
			break
		}
		w = min(w, room-gap)
		widths, room = append(widths, w), room-w-gap
	}
	row := func(y int, style theme.Style, cell func(i int) string, value func(valueColumn) safe.Text) {
		x := 2
		for i, w := range widths {
			f.PutFit(x, y, w, style, safe.New(cell(i), 60))
			x += w + gap
		}
		for k, c := range values {
			f.PutRight(f.Width()-2-(len(values)-1-k)*figureCells, y, theme.Bright, value(c))
		}
	}
	row(y, theme.Dim, func(i int) string { return columns[i] }, func(c valueColumn) safe.Text { return safe.New(c.name, figureCells) })
	if left := len(columns) - len(widths); left > 0 {
		f.PutRight(f.Width()-len(values)*figureCells, y, theme.Faint, safe.Sprintf("+%d labels", left))
	}
	from, to := e.rowsOf(len(samples), f.Height()-y-1)
	for i := from; i < to; i++ {
		row(y+1+i-from, theme.Plain, func(k int) string { return samples[i].Labels[columns[k]] }, func(c valueColumn) safe.Text { return c.of(&samples[i]) })
	}
	e.more(f, from, to, len(samples))
}

// columnsOf are the labels in which samples differ, and those that are the same in
// all, with their value.
func columnsOf(samples []query.Sample) (differ, same []string) {
	seen := map[string]bool{}
	for _, s := range samples {
		for name := range s.Labels {
			seen[name] = true
		}
	}
	for name := range seen {
		first := samples[0].Labels[name]
		if len(samples) > 1 && !slices.ContainsFunc(samples, func(s query.Sample) bool { return s.Labels[name] != first }) {
			same = append(same, name+"="+first)
			continue
		}
		differ = append(differ, name)
	}
	slices.Sort(differ)
	slices.Sort(same)
	return differ, same
}

// drawParts is the expression as a tree: an empty part above one that is not is
// where an empty answer comes from.
func (e *Explore) drawParts(f *frame.Frame) {
	if len(e.parts) == 0 {
		return
	}
	from, to := e.rowsOf(len(e.parts), f.Height())
	for i := from; i < to; i++ {
		p := e.parts[i]
		count, style := partCount(p)
		y := i - from
		f.PutRight(f.Width()-2, y, style, count)
		x := 2 + 2*min(p.Depth, 10)
		x = f.PutFit(x, y, max(f.Width()-x-count.Width()-4, 0), theme.Title, safe.New(p.What, safe.Line)) + 2
		f.PutFit(x, y, max(f.Width()-x-count.Width()-4, 0), theme.Dim, safe.New(p.Expr, safe.Line))
	}
	e.more(f, from, to, len(e.parts))
}

func partCount(p query.Part) (safe.Text, theme.Style) {
	ms := p.Took.Round(time.Millisecond).Milliseconds()
	switch {
	case p.Err != nil:
		return safe.Sprintf("%v", reason(p.Err)).Fit(40), theme.Warn
	case !p.Asked:
		return safe.Const("not asked"), theme.Faint
	case p.Series == 0:
		return safe.Sprintf("no series  %4d ms", ms), theme.Warn
	case p.Type == "scalar" && !math.IsNaN(p.Value):
		return safe.Sprintf("%s  %4d ms", plot.Short(p.Value), ms), theme.Bright
	}
	return safe.Sprintf("%d series  %4d ms", p.Series, ms), theme.Bright
}
