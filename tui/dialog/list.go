package dialog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Item is a row of a List. One whose Value ends with a space is a command that
// wants more words after it. One without a Value is a heading, or with a Key a line of a
// legend, which enter does nothing with.
type Item struct {
	Value string
	Name  safe.Text
	Note  safe.Text
	Key   safe.Text
}

func (i Item) heading() bool { return i.Value == "" && i.Key.Width() == 0 }

func (i Item) takesWords() bool { return strings.HasSuffix(i.Value, " ") }

// List is searched by typing, and Enter runs the row that is chosen. It is the
// palette and the help.
type List struct {
	title safe.Text
	items []Item
	more  []Item // what a ? changes the list to and back; nil for none
	line  line
	at    int
	top   int
	shown []Item // items that match
	exact string // the answer
}

// NewList shows items; more, if any, are shown instead after a ?.
func NewList(title safe.Text, items, more []Item, past []string) *List {
	l := &List{title: title, items: items, more: more, line: newLine("", past)}
	l.match()
	return l
}

// Scope implements Dialog.
func (l *List) Scope() keys.Scope { return keys.Input }

// Press implements Dialog.
func (l *List) Press(k Press) Verdict {
	typed := l.line.value()
	switch {
	case k.Action == keys.Cancel:
		return Closed
	case k.Action == keys.Submit:
		return l.submit()
	case k.Action == keys.Complete:
		if item, ok := l.chosen(); ok && typed != item.Value {
			l.line.set(item.Value)
		}
	case k.Action == keys.OlderEntry && typed != "" && l.line.back == 0:
		l.move(-1)
		return Stays
	case k.Action == keys.NewerEntry && l.line.back == 0:
		l.move(+1)
		return Stays
	case k.Action == keys.OlderEntry && (l.at > l.first() || len(l.line.past) == 0):
		l.move(-1)
		return Stays
	case k.Key.String() == "?" && l.more != nil && typed == "":
		l.items, l.more = l.more, l.items
	default:
		l.line.press(k)
	}
	l.match()
	return Stays
}

// submit answers with the chosen row, or with what was typed after a command;
// a command that still wants words is completed instead.
func (l *List) submit() Verdict {
	typed := l.line.value()
	if c, ok := l.command(typed); ok && strings.TrimSpace(typed) != strings.TrimSpace(c.Value) {
		l.exact = typed
		return Answered
	}
	item, ok := l.chosen()
	switch {
	case !ok:
		return Stays
	case item.takesWords():
		l.line.set(item.Value)
		l.match()
		return Stays
	}
	l.exact = item.Value
	return Answered
}

// command is the item whose words are being typed.
func (l *List) command(typed string) (Item, bool) {
	for _, i := range l.items {
		if i.takesWords() && strings.HasPrefix(strings.ToLower(typed), i.Value) {
			return i, true
		}
	}
	return Item{}, false
}

func (l *List) chosen() (Item, bool) {
	if l.at < 0 || l.at >= len(l.shown) || l.shown[l.at].Value == "" {
		return Item{}, false
	}
	return l.shown[l.at], true
}

// match finds the items that what was typed may mean, best first; an empty
// line shows all under their headings.
func (l *List) match() {
	typed := l.line.value()
	l.top = 0
	if c, ok := l.command(typed); ok {
		l.shown, l.at = []Item{c}, 0
		return
	}
	if strings.TrimSpace(typed) == "" {
		l.shown = l.items
		l.at = l.first()
		return
	}
	type hit struct {
		item  Item
		score int
	}
	var hits []hit
	for _, i := range l.items {
		if s, ok := score(typed, i); ok && !i.heading() {
			hits = append(hits, hit{i, s})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.score, a.score) })
	l.shown, l.at = make([]Item, len(hits)), 0
	for i, h := range hits {
		l.shown[i] = h.item
	}
}

// first is the first row that is no heading.
func (l *List) first() int {
	return max(slices.IndexFunc(l.shown, func(i Item) bool { return !i.heading() }), 0)
}

func (l *List) move(by int) {
	for at := l.at + by; at >= 0 && at < len(l.shown); at += by {
		if !l.shown[at].heading() {
			l.at = at
			return
		}
	}
}

// score says how well an item fits what was typed: its key above all, then the
// beginning of its name, the beginning of a word, letters in a row, letters
// with gaps; and last what stands in its note.
func score(typed string, i Item) (int, bool) {
	if typed == i.Key.String() {
		return 1000, true
	}
	typed = strings.ToLower(strings.TrimSpace(typed))
	name, note := strings.ToLower(i.Name.String()), strings.ToLower(i.Note.String())
	switch at := strings.Index(name, typed); {
	case at == 0:
		return 500 - len(name), true
	case at > 0 && name[at-1] == ' ':
		return 300 - len(name), true
	case at > 0:
		return 200 - len(name), true
	case scattered(typed, name):
		return 100 - len(name), true
	case strings.Contains(note, typed):
		return 0, true
	}
	return 0, false
}

// scattered says that the letters stand in text in this order.
func scattered(letters, text string) bool {
	for _, r := range letters {
		at := strings.IndexRune(text, r)
		if at < 0 {
			return false
		}
		text = text[at+len(string(r)):]
	}
	return true
}

// Paste implements Dialog.
func (l *List) Paste(text string) {
	l.line.paste(text)
	l.match()
}

// Answer implements Dialog: a Value, or what was typed after a command.
func (l *List) Answer() string { return l.exact }

// Draw implements Dialog.
func (l *List) Draw(f *frame.Frame, m keys.Map) Cursor {
	w := open(f, l.title, border(false), min(f.Width()-8, 92), min(f.Height()-6, len(l.items)+3))
	w.Rune(0, 0, theme.Accent, '>')
	x := l.line.draw(w.Frame, 2, 0, w.Width()-2)
	rows := w.Height() - 2
	if rows < 1 {
		return w.at(x, 0)
	}
	l.scroll(rows)
	names := 14
	for _, i := range l.items {
		if i.Value != "" && i.Note.Width() > 0 {
			names = max(names, min(i.Name.Width(), w.Width()/3))
		}
	}
	for y := range min(rows, len(l.shown)-l.top) {
		i := l.shown[l.top+y]
		if i.heading() {
			w.PutFit(0, 1+y, w.Width(), theme.Title, i.Name)
			continue
		}
		const noteAt, gap = 12, 2
		w.PutFit(0, 1+y, noteAt-1, theme.Key, i.Key)
		if i.Note.Width() == 0 {
			w.PutFit(noteAt, 1+y, w.Width()-noteAt, theme.Plain, i.Name)
		} else {
			w.PutFit(noteAt, 1+y, names, theme.Plain, i.Name)
			w.PutFit(noteAt+names+gap, 1+y, w.Width()-noteAt-names-gap, theme.Dim, i.Note)
		}
		if l.top+y == l.at {
			w.Restyle(frame.Rect{X: 0, Y: 1 + y, W: w.Width(), H: 1}, theme.Selected)
		}
	}
	if len(l.shown) == 0 {
		w.PutFit(0, 1, w.Width(), theme.Warn, safe.Const("nothing is called that"))
	}
	list := []Hint{{keys.Submit, safe.Const("run")}, {keys.OlderEntry, safe.Const("up")}, {keys.NewerEntry, safe.Const("down")}, {keys.Cancel, safe.Const("leave")}}
	hints(w, m, keys.Input, list...)
	if l.more != nil {
		w.PutRight(w.Width(), w.Height()-1, theme.Dim, safe.Const("? more or less"))
	}
	return w.at(x, 0)
}

func (l *List) scroll(rows int) {
	l.top = min(max(l.top, l.at-rows+1), l.at)
	if l.at <= l.first() {
		l.top = 0
	}
	l.top = max(min(l.top, len(l.shown)-rows), 0)
}
