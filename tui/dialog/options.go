package dialog

import (
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Option is a row of Options.
type Option struct {
	Value string
	Text  safe.Text
}

// Options has one or several of many rows chosen. What is typed leaves the rows
// that hold it; where several can be chosen, space chooses a row and takes it back.
type Options struct {
	title  safe.Text
	rows   []Option
	lower  []string // texts to search in
	all    string   // the row that excludes the others; "" = there is none
	multi  bool
	chosen map[string]bool
	marked bool // space was used: enter takes what is marked
	line   line
	shown  []int // rows that match
	at     int
	top    int
}

// NewOptions shows rows, of which those of the chosen values are marked. The row
// with the value all cannot be chosen beside others; it stands first, whatever is
// typed.
func NewOptions(title safe.Text, rows []Option, all string, chosen []string, multi bool) *Options {
	o := &Options{title: title, rows: rows, lower: make([]string, len(rows)), all: all, multi: multi, chosen: map[string]bool{}, line: newLine("", nil)}
	for _, v := range chosen {
		o.chosen[v] = true
	}
	for i, r := range rows {
		o.lower[i] = strings.ToLower(r.Text.String())
	}
	o.match()
	o.at = max(slices.IndexFunc(o.shown, func(i int) bool { return o.chosen[rows[i].Value] }), 0)
	return o
}

// Scope implements Dialog.
func (o *Options) Scope() keys.Scope { return keys.Input }

// Press implements Dialog.
func (o *Options) Press(k Press) Verdict {
	switch {
	case k.Action == keys.Cancel:
		return Closed
	case k.Action == keys.Submit:
		return o.submit()
	case k.Action == keys.OlderEntry:
		o.at = max(o.at-1, 0)
	case k.Action == keys.NewerEntry:
		o.at = min(o.at+1, max(len(o.shown)-1, 0))
	case o.multi && k.Key.String() == "space":
		o.toggle()
	default:
		was := o.line.value()
		o.line.press(k)
		if o.line.value() != was {
			o.match()
		}
	}
	return Stays
}

// submit takes the marked rows, or the one that the cursor is on.
func (o *Options) submit() Verdict {
	switch {
	case o.multi && o.marked && len(o.chosen) > 0:
		return Answered
	case len(o.shown) == 0:
		return Stays
	}
	o.chosen = map[string]bool{o.rows[o.shown[o.at]].Value: true}
	return Answered
}

// toggle marks the row that the cursor is on, or takes the mark back.
func (o *Options) toggle() {
	if len(o.shown) == 0 {
		return
	}
	value := o.rows[o.shown[o.at]].Value
	o.marked = true
	switch {
	case o.chosen[value]:
		delete(o.chosen, value)
		return
	case o.all != "" && value == o.all:
		clear(o.chosen)
	case o.all != "":
		delete(o.chosen, o.all)
	}
	o.chosen[value] = true
}

// match finds the rows that hold what was typed.
func (o *Options) match() {
	typed := strings.ToLower(strings.TrimSpace(o.line.value()))
	o.shown, o.at, o.top = o.shown[:0], 0, 0
	for i, text := range o.lower {
		if strings.Contains(text, typed) {
			o.shown = append(o.shown, i)
		}
	}
}

// Paste implements Dialog.
func (o *Options) Paste(text string) {
	o.line.paste(text)
	o.match()
}

// Answer implements Dialog; Chosen is all of it.
func (o *Options) Answer() string { return strings.Join(o.Chosen(), ",") }

// Chosen are the values that are marked, in the order of the rows.
func (o *Options) Chosen() (values []string) {
	for _, r := range o.rows {
		if o.chosen[r.Value] {
			values = append(values, r.Value)
		}
	}
	return values
}

// Draw implements Dialog.
func (o *Options) Draw(f *frame.Frame, m keys.Map) Cursor {
	w := open(f, o.title, border(false), min(f.Width()-8, 92), min(f.Height()-6, len(o.rows)+3))
	w.Rune(0, 0, theme.Accent, '>')
	x := o.line.draw(w.Frame, 2, 0, w.Width()-2)
	height := w.Height() - 2
	if height < 1 {
		return w.at(x, 0)
	}
	o.top = min(max(o.top, o.at-height+1), o.at)
	o.top = max(min(o.top, len(o.shown)-height), 0)
	for y := range min(height, len(o.shown)-o.top) {
		row := o.rows[o.shown[o.top+y]]
		mark := safe.Const("   ")
		switch {
		case o.chosen[row.Value] && o.multi:
			mark = safe.Const("[x]")
		case o.multi:
			mark = safe.Const("[ ]")
		case o.chosen[row.Value]:
			mark = safe.Const(" * ")
		}
		w.Put(0, 1+y, theme.Key, mark)
		w.PutFit(4, 1+y, w.Width()-4, theme.Plain, row.Text)
		if o.top+y == o.at {
			w.Restyle(frame.Rect{X: 0, Y: 1 + y, W: w.Width(), H: 1}, theme.Selected)
		}
	}
	if len(o.shown) == 0 {
		w.PutFit(0, 1, w.Width(), theme.Warn, safe.Const("nothing is called that"))
	}
	hints(w, m, keys.Input, Hint{keys.Submit, safe.Const("choose")}, Hint{keys.OlderEntry, safe.Const("up")}, Hint{keys.NewerEntry, safe.Const("down")}, Hint{keys.Cancel, safe.Const("leave")})
	if o.multi {
		w.PutRight(w.Width(), w.Height()-1, theme.Dim, safe.Sprintf("space marks; %d of %d", len(o.chosen), len(o.rows)))
	}
	return w.at(x, 0)
}
