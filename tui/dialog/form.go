package dialog

import (
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Field is one line of a Form.
type Field struct {
	Label   safe.Text
	Hint    safe.Text // what belongs into it
	Initial string
	Former  string // what stood there last time: shown while the field is empty, taken over by a key
	Needed  bool   // without it there is no answer
}

// Form asks for several lines. Enter goes to the next one, and after the last to
// the foot. A form that reaches people says there what will happen, and only y,
// after a moment's quiet, is yes: no chord sends, because ctrl+s stops the output
// of a terminal that is not raw and belongs to the browser in one that is a web
// page. A form that stays here is done with Enter after the last field.
type Form struct {
	title   safe.Text
	help    []safe.Text
	fields  []Field
	lines   []line
	says    []safe.Text // at the foot; none: nobody outside hears of it
	yes     safe.Text
	other   safe.Text // what n does; empty: it leaves
	refused bool      // n was the answer
	at      int       // the field that is typed into; len(fields) is the foot
	missing bool
	lastAt  time.Time
}

// NewForm asks under a title, with help above the fields.
func NewForm(title safe.Text, help []safe.Text, fields ...Field) *Form {
	f := &Form{title: title, help: help, fields: fields}
	for _, field := range fields {
		f.lines = append(f.lines, newLine(field.Initial, nil))
	}
	return f
}

// Outward makes the form ask at its foot, where says stands what yes does, and to
// whom.
func (f *Form) Outward(yes safe.Text, says ...safe.Text) *Form {
	f.yes, f.says = yes, says
	return f
}

// Either makes n at the foot an answer, too, which Refused tells from yes.
func (f *Form) Either(no safe.Text) *Form {
	f.other = no
	return f
}

// Refused says that the answer was n.
func (f *Form) Refused() bool { return f.refused }

// Help puts lines in the place of those above the fields.
func (f *Form) Help(lines []safe.Text) { f.help = lines }

// Scope implements Dialog: at the foot letters are answers.
func (f *Form) Scope() keys.Scope {
	if f.foot() {
		return keys.Dialog
	}
	return keys.Input
}

func (f *Form) foot() bool { return f.at == len(f.fields) }

// Press implements Dialog.
func (f *Form) Press(k Press) Verdict {
	calm := k.At.Sub(f.lastAt) >= quiet
	f.lastAt = k.At
	if f.foot() {
		return f.pressFoot(k, calm)
	}
	switch k.Action {
	case keys.Cancel:
		return Closed
	case keys.Submit, keys.Complete, keys.NewerEntry:
		return f.next(k.Action == keys.Submit)
	case keys.OlderEntry, keys.PreviousField:
		f.at = max(f.at-1, 0)
	case keys.FormerWords:
		if former := f.fields[f.at].Former; former != "" {
			f.lines[f.at].set(former)
		}
	default:
		f.lines[f.at].press(k)
	}
	return Stays
}

// next goes on; done says that Enter was pressed, which ends a form that reaches
// nobody.
func (f *Form) next(done bool) Verdict {
	if f.at == len(f.fields)-1 && len(f.says) == 0 {
		switch {
		case !done:
			f.at = 0
		case f.complete():
			return Answered
		}
		return Stays
	}
	f.at++
	return Stays
}

func (f *Form) pressFoot(k Press, calm bool) Verdict {
	switch {
	case k.Action == keys.Up || k.Action == keys.PreviousField || k.Key.String() == "backspace": // whoever rubs out wants the words
		f.at--
	case k.Action == keys.No && f.other.Width() > 0 && k.Key.String() != "q": // which leaves, as everywhere
		if calm && f.complete() {
			f.refused = true
			return Answered
		}
	case k.Action == keys.Cancel || k.Action == keys.No:
		return Closed
	case k.Action == keys.Yes && calm && f.complete():
		return Answered
	}
	return Stays
}

// complete says whether all that is needed is there, and else goes to the first
// field that is not.
func (f *Form) complete() bool {
	for i, field := range f.fields {
		if field.Needed && strings.TrimSpace(f.lines[i].value()) == "" {
			f.at, f.missing = i, true
			return false
		}
	}
	return true
}

// Paste implements Dialog: into the field; at the foot a pasted y is no yes.
func (f *Form) Paste(text string) {
	if !f.foot() {
		f.lines[f.at].paste(text)
	}
}

// Answer implements Dialog: the first field. Values has all of them.
func (f *Form) Answer() string { return f.Values()[0] }

// Values is what stands in the fields, in their order.
func (f *Form) Values() []string {
	out := make([]string, len(f.lines))
	for i := range f.lines {
		out[i] = f.lines[i].value()
	}
	return out
}

// fieldRows is how many rows of a long text are shown at once.
const fieldRows = 3

// Draw implements Dialog. Where there is no room for all of it the help goes
// first, then the other fields; the field that is typed into stays.
func (f *Form) Draw(fr *frame.Frame, m keys.Map) Cursor {
	width := max(widest(48, 96, append(f.help, f.title)...), min(fr.Width()-12, 84))
	inner := max(min(width, fr.Width()-4), 1)
	help := wrap(f.help, inner)
	says := wrap(f.says, inner)
	var fields [][]safe.Text
	var x, y int
	rows := 0
	for i := range f.fields {
		lines, cx, cy := f.lines[i].folded(max(inner-2, 1), fieldRows)
		if i == f.at {
			x, y = cx, cy
		}
		fields = append(fields, lines)
		rows += 1 + len(lines)
	}
	foot := 1
	if len(says) > 0 {
		foot += len(says) + 1
	}
	w := open(fr, f.title, border(false), width, len(help)+1+rows+1+foot)
	room := w.Height()
	if room-1-rows < foot { // the sentences are needed where they are answered
		foot = 1
		if f.foot() && len(says) > 0 {
			foot = min(1+len(says), room)
		}
	}
	room -= foot
	top := 0
	if spare := room - rows - 1; spare > 0 {
		for top < min(len(help), spare-1) {
			w.PutFit(0, top, w.Width(), theme.Dim, help[top])
			top++
		}
		top++
	}
	if top <= 1 && room < rows {
		top = 0
	}
	cursor := f.drawFields(w, fields, top, room-top, x, y)
	f.drawFoot(w, m, says, foot)
	if f.foot() {
		return Cursor{}
	}
	return cursor
}

// drawFields draws the fields from row top on, scrolled so that the one that is
// typed into is among them.
func (f *Form) drawFields(w window, fields [][]safe.Text, top, room, x, y int) Cursor {
	at := min(f.at, len(f.fields)-1)
	need := func(from, to int) int {
		n := 0
		for i := from; i <= to; i++ {
			n += 1 + len(fields[i])
		}
		return n
	}
	first := 0
	for first < at && need(first, at) > room {
		first++
	}
	labelled := room > len(fields[at]) || first < at
	var cursor Cursor
	row := top
	end := top + room
	for i := first; i < len(fields); i++ {
		here := i == f.at
		if labelled || i > at {
			if row+1 >= end && i > at {
				break
			}
			f.drawLabel(w, row, i, here)
			row++
		}
		for n, l := range fields[i] {
			if row >= end && !(here && n == y) {
				break
			}
			style := theme.Plain
			if here {
				style = theme.Input
				w.Rune(0, row, theme.Accent, '>')
			}
			if l.Width() == 0 && f.lines[i].value() == "" && f.fields[i].Former != "" {
				l, style = safe.Sprintf("last time: %s", f.fields[i].Former), theme.Faint
			}
			w.PutFit(2, row, w.Width()-2, style, l)
			if here && n == y {
				cursor = w.at(2+x, row)
			}
			row++
		}
	}
	return cursor
}

func (f *Form) drawLabel(w window, row, i int, here bool) {
	style := theme.Dim
	if here {
		style = theme.Title
	}
	x := w.PutFit(0, row, w.Width(), style, f.fields[i].Label)
	hint, style := f.fields[i].Hint, theme.Dim
	if here && f.missing && f.fields[i].Needed {
		hint, style = safe.Concat(safe.Const("is needed: "), hint), theme.Warn
	}
	w.PutFit(x+2, row, w.Width()-x-2, style, hint)
}

// drawFoot says what will happen and which keys work.
func (f *Form) drawFoot(w window, m keys.Map, says []safe.Text, rows int) {
	y := w.Height() - rows
	if y < 0 {
		return
	}
	for i := range min(len(says), rows-1) {
		style := theme.Dim
		if f.foot() {
			style = theme.Plain
			if i == 0 {
				style = theme.Bright
			}
		}
		w.PutFit(0, y+i, w.Width(), style, says[i])
	}
	if f.foot() && f.other.Width() > 0 {
		hints(w, m, keys.Dialog, Hint{keys.Cancel, safe.Const("leave it")}, Hint{keys.Yes, f.yes}, Hint{keys.No, f.other}, Hint{keys.Up, safe.Const("back to the words")})
		return
	}
	if f.foot() {
		answers(w, m, f.yes)
		if back := safe.Sprintf("%s back to the words", Label(m, keys.Dialog, keys.Up)); back.Width()+40 < w.Width() {
			w.PutRight(w.Width(), w.Height()-1, theme.Dim, back)
		}
		return
	}
	next := safe.Const("next field, sends nothing")
	switch {
	case len(says) == 0 && f.at == len(f.fields)-1:
		next = safe.Const("done")
	case len(says) == 0:
		next = safe.Const("next field")
	}
	list := []Hint{{keys.Submit, next}, {keys.Cancel, safe.Const("leave, the words are kept")}}
	if f.fields[f.at].Former != "" {
		list = append(list, Hint{keys.FormerWords, safe.Const("last time's words")})
	}
	hints(w, m, keys.Input, append(list, Hint{keys.OlderEntry, safe.Const("back")})...)
}
