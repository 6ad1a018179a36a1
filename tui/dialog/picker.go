package dialog

import (
	"time"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Choice is a row of a Picker.
type Choice struct {
	Value  string
	Text   safe.Text
	Note   safe.Text // a line of its own below the rows, while the row is chosen
	Warn   safe.Text // another one, why it cannot be picked now; the row is dim then
	Letter rune      // 0: the next letter that is free
	Digit  rune      // picks it as its letter does; 0: none
	Key    string    // so does this one, such as f5, at any time: it is no part of a word
}

// Picker has a few rows, each with a letter that picks it at once.
type Picker struct {
	title, help safe.Text
	choices     []Choice
	at, top     int
	byLetter    bool
	careful     bool // a letter counts only after a moment's quiet
	lastAt      time.Time
}

// Careful makes letters count only after a moment without keys, from at on: a
// word that was meant for somewhere else must not pick what its letters name.
func (p *Picker) Careful(at time.Time) *Picker {
	p.careful, p.lastAt = true, at
	return p
}

// NewPicker gives a letter to every choice that has none, leaving out those
// that the table needs in dialogs. At is the value to begin at.
func NewPicker(title, help safe.Text, m keys.Map, choices []Choice, at string) *Picker {
	p := &Picker{title: title}
	p.Say(help, m, choices)
	for i, c := range choices {
		if c.Value == at {
			p.at = i
		}
	}
	return p
}

// Say puts rows in the place of those that were there; the chosen one stays chosen by
// its place.
func (p *Picker) Say(help safe.Text, m keys.Map, choices []Choice) {
	p.help, p.choices = help, nil
	taken := map[rune]bool{}
	for _, c := range choices {
		taken[c.Letter] = true
	}
	next := 'a'
	for _, c := range choices {
		for c.Letter == 0 && next <= 'z' {
			if !taken[next] && m.Action(keys.Dialog, string(next)) == "" {
				c.Letter = next
			}
			next++
		}
		p.choices = append(p.choices, c)
	}
	p.at = max(min(p.at, len(p.choices)-1), 0)
}

// Scope implements Dialog.
func (p *Picker) Scope() keys.Scope { return keys.Dialog }

// Press implements Dialog.
func (p *Picker) Press(k Press) Verdict {
	if len(p.choices) == 0 {
		return Closed
	}
	calm := !p.careful || k.At.Sub(p.lastAt) >= quiet
	p.lastAt = k.At
	last := len(p.choices) - 1
	switch k.Action {
	case keys.Cancel, keys.No:
		return Closed
	case keys.Choose:
		p.byLetter = false
		return Answered
	case keys.Up:
		p.at = max(p.at-1, 0)
	case keys.Down:
		p.at = min(p.at+1, last)
	case keys.PageUp:
		p.at = max(p.at-10, 0)
	case keys.PageDown:
		p.at = min(p.at+10, last)
	}
	if k.Action != "" {
		return Stays
	}
	for i, c := range p.choices {
		if c.Key != "" && c.Key == k.Key.String() {
			p.at, p.byLetter = i, true
			return Answered
		}
	}
	if !calm {
		return Stays
	}
	r, size := utf8.DecodeRuneInString(k.Key.String())
	for i, c := range p.choices {
		if (c.Letter == r || c.Digit == r) && size == len(k.Key.String()) && r != 0 {
			p.at, p.byLetter = i, true
			return Answered
		}
	}
	return Stays
}

// Paste implements Dialog: there is nothing to paste into.
func (p *Picker) Paste(string) {}

// Answer implements Dialog: the value of the chosen row.
func (p *Picker) Answer() string {
	if p.at >= len(p.choices) {
		return ""
	}
	return p.choices[p.at].Value
}

// ByLetter says that the answer was picked by its own letter, which nobody
// presses by holding a key down; Enter is not enough for what reaches out.
func (p *Picker) ByLetter() bool { return p.byLetter }

// Draw implements Dialog.
func (p *Picker) Draw(f *frame.Frame, m keys.Map) Cursor {
	const letters = 3
	width := widest(32, 110, p.title, p.help)
	for _, c := range p.choices {
		width = widest(width, 110, c.Text, c.Note, c.Warn)
	}
	width += letters
	inner := max(min(width, f.Width()-4), 1)
	help := wrap(texts(p.help), inner)
	var notes int // rows, one of them empty
	for _, c := range p.choices {
		if n := len(wrap(texts(c.Note, c.Warn), inner)); n > 0 {
			notes = max(notes, n+1)
		}
	}
	w := open(f, p.title, border(false), width, len(p.choices)+notes+len(help)+2)
	foot := 0 // the line of keys
	if w.Height() >= 4 {
		foot = 1
	}
	const least = 3 // rows that a list needs
	rows := min(len(p.choices), max(w.Height()-foot-1-notes-len(help), min(least, w.Height()-foot)))
	p.scroll(max(rows, 1))
	for i := range rows {
		p.row(w, i, p.choices[p.top+i], p.top+i == p.at)
	}
	below := w.Height() - foot - rows
	note, warn := p.said(inner)
	if len(note)+len(warn) > below { // why not comes before what it would be
		note = note[:max(below-len(warn), 0)]
		warn = warn[:min(len(warn), below)]
	}
	gap := 0
	if said := len(note) + len(warn); said > 0 {
		gap = min(1, below-said)
	}
	help = help[:max(min(len(help), below-gap-len(note)-len(warn)), 0)]
	y := rows + gap
	for _, part := range []struct {
		lines []safe.Text
		style theme.Style
	}{{note, theme.Plain}, {warn, theme.Warn}} {
		for _, l := range part.lines {
			w.PutFit(0, y, w.Width(), part.style, l)
			y++
		}
	}
	y = max(min(rows+notes, w.Height()-foot-len(help)), y)
	for i, l := range help {
		w.PutFit(0, y+i, w.Width(), theme.Dim, l)
	}
	if foot > 0 {
		hints(w, m, keys.Dialog, Hint{keys.Up, safe.Const("up")}, Hint{keys.Down, safe.Const("down")}, Hint{keys.Choose, safe.Const("choose")}, Hint{keys.Cancel, safe.Const("leave")})
		if rows < len(p.choices) {
			w.PutRight(w.Width(), w.Height()-1, theme.Dim, safe.Sprintf("%d-%d of %d", p.top+1, p.top+rows, len(p.choices)))
		}
	}
	return Cursor{}
}

// said is what there is to say of the chosen row.
func (p *Picker) said(width int) (note, warn []safe.Text) {
	if len(p.choices) == 0 {
		return nil, nil
	}
	c := p.choices[p.at]
	return wrap(texts(c.Note), width), wrap(texts(c.Warn), width)
}

func (p *Picker) row(w window, y int, c Choice, chosen bool) {
	letter := safe.Text{}
	if c.Letter != 0 {
		letter = safe.New(string(c.Letter), 1)
	}
	w.Put(0, y, theme.Key, letter)
	style := theme.Plain
	if c.Warn.Width() > 0 {
		style = theme.Dim
	}
	w.Put(3, y, style, c.Text.Middle(w.Width()-3))
	if chosen {
		w.Restyle(frame.Rect{X: 0, Y: y, W: w.Width(), H: 1}, theme.Selected)
	}
}

func (p *Picker) scroll(rows int) {
	p.top = min(max(p.top, p.at-rows+1), p.at)
	p.top = max(min(p.top, len(p.choices)-rows), 0)
}
