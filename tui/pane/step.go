package pane

import (
	"regexp"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// tick says that the step under the cursor is done, with the answer that stands
// below it, or that it is not.
func (v *checklist) tick(row checkRow, r runbook.Runbook, inc incident.Incident, s *Screen) Effect {
	id := row.step.ID
	if row.gone != nil {
		id = row.gone.Step.Step
	}
	if _, done := inc.Ticked(r.Name, id); done {
		return Effect{Handled: true, Orders: []Order{UntickStep{ID: inc.ID, Runbook: r.Name, Step: id}}}
	}
	return Effect{Handled: true, Orders: []Order{TickStep{ID: inc.ID, Step: row.step.Tick(r, s.World.Answers)}}}
}

// text is all of a step: what stands before it, its words, what became of it, and
// what is to be done, each query with the answer that it has.
// Asked is the lines between which its queries and their answers stand.
func (v *checklist) text(row checkRow, r runbook.Runbook, inc incident.Incident, s *Screen, width int) (text prose, asked [2]int) {
	w := stepWriter{proseWriter: proseWriter{width: width}, s: s}
	if row.gone != nil {
		w.wrap(row.gone.Text, theme.Bright, 0, 0)
		w.ticked(*row.gone)
		return prose{w.lines}, asked
	}
	w.blocks(row.step.Before, theme.Dim)
	if len(row.step.Before) > 0 {
		w.blank()
	}
	w.wrap(row.step.Text, theme.Bright, 0, 0)
	if t, done := inc.Ticked(r.Name, row.step.ID); done {
		w.ticked(t)
	}
	if len(row.step.Body) > 0 && !row.step.Body[0].Code {
		w.blank()
	}
	w.blocks(row.step.Body, theme.Plain)
	if row.step.Number == len(r.Steps) && len(r.After) > 0 {
		w.blank()
		w.blocks(r.After, theme.Dim)
	}
	return prose{w.lines}, w.asked
}

// stepWriter lays out what belongs to a step.
type stepWriter struct {
	proseWriter
	s     *Screen
	asked [2]int
}

func (w *stepWriter) blank() { w.lines = append(w.lines, proseLine{}) }

// ticked says who did it and when, and with what result.
func (w *stepWriter) ticked(t incident.Tick) {
	w.wrap("done "+t.At.In(w.s.Zone).Format("15:04:05")+" by "+literally(t.Who()), theme.OK, 0, 0)
	for _, said := range []string{t.Result, t.Note} {
		if said != "" {
			w.wrap(literally(said), theme.Plain, 2, 2)
		}
	}
}

var markUp = regexp.MustCompile("[\\\\`*_\\[\\]]")

// literally keeps what is no Markdown from being read as such.
func literally(text string) string { return markUp.ReplaceAllString(text, `\$0`) }

// itemStart is a paragraph that begins as an item of a list does.
var itemStart = regexp.MustCompile(`^(-|\d{1,9}\.) (.*)$`)

func (w *stepWriter) blocks(blocks []runbook.Block, style theme.Style) {
	for i, b := range blocks {
		indent := 2 * b.Depth
		item := itemStart.FindStringSubmatch(b.Text)
		switch {
		case b.Code:
			w.code(b)
		case item != nil:
			w.item(indent, item[1], item[2])
		default:
			if i > 0 && !blocks[i-1].Code {
				w.blank()
			}
			w.wrap(b.Text, style, min(indent, 12), min(indent, 12))
		}
	}
}

// code writes code as it is. What is asked says by which key, what is not that it
// is only shown.
func (w *stepWriter) code(b runbook.Block) {
	w.blank()
	if b.Query() && w.asked[1] == 0 {
		w.asked[0] = len(w.lines)
	}
	label := safe.New(b.Lang, 20)
	if b.Lang == "" {
		label = safe.Const("code")
	}
	does := safe.Sprintf("%s  shown, never run; %s copies it", label, w.s.Keys.Label(keys.Yank))
	if b.Query() {
		does = safe.Sprintf("%s  %s asks it", label, w.s.Keys.Label(keys.Ask))
	}
	w.add(piece{does, theme.Faint})
	for _, line := range safe.Lines(b.Text, safe.Line) {
		for _, part := range chopped(line, max(w.width-2, 1)) {
			w.add(piece{safe.Const("  "), theme.Plain}, piece{part, theme.Key})
		}
	}
	if b.Query() {
		w.answer(w.s.World.Answers[b.Text])
		w.asked[1] = len(w.lines)
	}
}

// chopped is a line in pieces of a width: code is cut where it has to be.
func chopped(line safe.Text, width int) []safe.Text {
	var out []safe.Text
	for line.Width() > width {
		head, rest := line.Split(width)
		if head.Width() == 0 {
			break // one wide character in a column of one cell
		}
		out, line = append(out, head), rest
	}
	return append(out, line)
}

// stale is from when on an answer is one of the past.
const stale = time.Minute

// answer writes what came of a query, and how old it is.
func (w *stepWriter) answer(a runbook.Answer) {
	switch {
	case a.At.IsZero():
		return
	case !a.Done:
		w.add(piece{safe.Const("  asking"), theme.Dim})
		return
	}
	age := w.s.Now.Sub(a.At)
	head := piece{safe.Sprintf("  answer, %s old", Ago(age)), theme.Dim}
	if age > stale {
		head = piece{safe.Sprintf("  answer, %s old: %s asks again", Ago(age), w.s.Keys.Label(keys.Ask)), theme.Warn}
	}
	w.add(head)
	switch {
	case a.Err != "":
		w.wrap(literally(a.Err), theme.Crit, 4, 4)
	case len(a.Values) == 0:
		w.add(piece{safe.Const("    no data"), theme.Bright})
	}
	widest := 0
	for _, v := range a.Values {
		widest = max(widest, safe.New(v.Text, 24).Width())
	}
	for _, v := range a.Values {
		text := safe.New(v.Text, 24)
		w.add(piece{safe.Sprintf("    %*s", widest-text.Width(), ""), theme.Plain}, piece{text, theme.Bright}, piece{safe.Sprintf("  %s", safe.New(v.Series, safe.Line)), theme.Plain})
	}
	if a.More > 0 {
		w.add(piece{safe.Sprintf("    and %d more", a.More), theme.Dim})
	}
	for _, warning := range a.Warnings {
		w.wrap(literally(warning), theme.Warn, 4, 4)
	}
}

// checklistSection is the runbook on the first screen: the step before the next
// one, and what is still to be done, as much as a view of height h has room for.
// There is none without a runbook that fits.
func checklistSection(inc incident.Incident, p *spot, s *Screen, h int) []section {
	m, _, ok := p.book(inc, s)
	if !ok {
		return nil
	}
	from := max(len(m.Steps)-2, 0)
	if next, open := m.Next(inc); open {
		from = max(next.Number-2, 0)
	}
	steps := m.Steps[from:]
	return []section{{
		name: "runbook", title: safe.Sprintf("runbook %s  %s", safe.New(m.Name, 40), m.Progress(inc)),
		note: piece{safe.Sprintf("%s opens it", s.Keys.Label(keys.Runbook)), theme.Dim},
		dear: 7, least: 2, want: min(len(steps), max(6, h/5)),
		rows: &rows{
			n: len(steps), id: func(i int) string { return steps[i].ID },
			draw: func(f *frame.Frame, i int) { drawStep(f, checkRow{step: steps[i]}, m.Runbook, inc, s) },
			open: func(i int, _ *Screen) Effect {
				p.step = steps[i].ID
				return Effect{Handled: true, Act: keys.Runbook}
			},
		},
	}}
}
