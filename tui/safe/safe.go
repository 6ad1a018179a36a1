// Package safe makes the only text that a screen can draw.
//
// Label values, alert annotations, Slack messages, HTTP error bodies, authors
// and host names are written by others, and a terminal obeys what it is sent.
// A Text has been through New: it holds no control, format, bidirectional or
// invisible characters, and its width in cells is known. Attempts stay visible:
// an ESC is drawn as ␛. Raw text stays where it is evidence; it is cleaned
// here, at the one place where it turns into picture.
package safe

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Line is a width that no line on a screen exceeds: the limit to give where the
// true width is decided later, by Fit or by the frame.
const Line = 1024

// Text is one line that may be drawn. The zero value is empty. Texts are
// immutable and comparable: equal Texts look equal.
type Text struct {
	s     string
	width int
}

// literal is unexported so that only constants in the program's own source
// convert to it; a string variable does not compile.
type literal string

// New cleans raw and cuts it to at most max cells, the last of which is … when
// something was cut. A max below 1 gives an empty Text. Line ends and tabs
// become spaces; use Lines or Wrap to keep lines apart.
func New(raw string, max int) Text {
	if max < 1 || raw == "" {
		return Text{}
	}
	if n := printable(raw, max); n == len(raw) {
		return Text{raw, n}
	}
	return clean(raw, max)
}

// Const is program text: it accepts constants only.
func Const(s literal) Text {
	return New(string(s), Line)
}

// Sprintf formats by a constant format. The result is cleaned as a whole, so
// arguments of any origin are as harmless as in New, and a Text stays as it is.
func Sprintf(format literal, args ...any) Text {
	return New(fmt.Sprintf(string(format), args...), Line)
}

// Int is n in decimal.
func Int(n int) Text {
	s := strconv.Itoa(n)
	return Text{s, len(s)}
}

// Lines splits raw at line feeds and cleans each line to at most max cells. A
// last line feed ends the last line. It gives at most Line lines, and then one
// more that says how many were left out.
func Lines(raw string, max int) []Text {
	raw = strings.TrimSuffix(raw, "\n")
	if raw == "" || max < 1 {
		return nil
	}
	var out []Text
	for len(out) < Line {
		line, rest, more := strings.Cut(raw, "\n")
		out = append(out, New(strings.TrimSuffix(line, "\r"), max))
		if !more {
			return out
		}
		raw = rest
	}
	return append(out, New(fmt.Sprintf("… %d more lines", 1+strings.Count(raw, "\n")), max))
}

// Concat joins parts without anything in between.
func Concat(parts ...Text) Text {
	var b strings.Builder
	width := 0
	for _, p := range parts {
		b.WriteString(p.s)
		width += p.width
	}
	return Text{b.String(), width}
}

// String is the cleaned text.
func (t Text) String() string { return t.s }

// Width is how many terminal cells the text covers.
func (t Text) Width() int { return t.width }

// Fit cuts to at most max cells, the last of which is … when something was cut.
func (t Text) Fit(max int) Text {
	if t.width <= max {
		return t
	}
	if max < 1 {
		return Text{}
	}
	head, _ := t.Split(max - 1)
	return Text{head.s + ellipsis, head.width + 1}
}

// Words cuts to at most max cells behind a word, so that no half of one says something
// else. One that is as long as an address is cut where Fit does.
func (t Text) Words(max int) Text {
	if t.width <= max {
		return t
	}
	const address = 12 // cells of a word of which a half is still read as one
	head, tail := t.Split(max - 1)
	if !strings.HasPrefix(tail.s, " ") {
		i := strings.LastIndexByte(head.s, ' ')
		half := New(head.s[i+1:], Line).width
		if i < 0 || half > address {
			return t.Fit(max)
		}
		head = Text{head.s[:i], head.width - half - 1}
	}
	head = Text{strings.TrimRight(head.s, " "), head.width - (len(head.s) - len(strings.TrimRight(head.s, " ")))}
	return Text{head.s + ellipsis, head.width + 1}
}

// Middle cuts to at most max cells, at two thirds, where … stands then: for lines
// whose end matters as their beginning does.
func (t Text) Middle(max int) Text {
	const least = 12 // cells from which on an end can be read
	if t.width <= max || max < least {
		return t.Fit(max)
	}
	head, _ := t.Split((max - 1) * 2 / 3)
	keep := max - 1 - head.width
	_, tail := t.Split(t.width - keep)
	if tail.width > keep { // a double-width character stood on the border
		_, tail = t.Split(t.width - keep + 1)
	}
	return Text{head.s + ellipsis + tail.s, head.width + 1 + tail.width}
}

// Split divides at a cell: head covers at most n cells, tail is the rest. A
// double-width character on the border belongs to the tail.
func (t Text) Split(n int) (head, tail Text) {
	if n <= 0 {
		return Text{}, t
	}
	if n >= t.width {
		return t, Text{}
	}
	if t.ASCII() {
		return Text{t.s[:n], n}, Text{t.s[n:], t.width - n}
	}
	at, width := 0, 0
	for at < len(t.s) {
		size, w := cluster(t.s[at:])
		if width+w > n {
			break
		}
		at, width = at+size, width+w
	}
	return Text{t.s[:at], width}, Text{t.s[at:], t.width - width}
}

// ASCII says that every byte is one character of one cell.
func (t Text) ASCII() bool { return len(t.s) == t.width } // everything else is longer than it is wide

// Next cuts off the first character with the marks that stand on it, and says
// how many cells it covers. An empty Text gives an empty first.
func (t Text) Next() (first string, width int, rest Text) {
	size, w := cluster(t.s)
	return t.s[:size], w, Text{t.s[size:], t.width - w}
}

// cluster measures the first base character of s and its marks.
func cluster(s string) (size, width int) {
	if s == "" {
		return 0, 0
	}
	r, size := utf8.DecodeRuneInString(s)
	for size < len(s) && s[size] >= utf8.RuneSelf {
		m, n := utf8.DecodeRuneInString(s[size:])
		if !isMark(m) {
			break
		}
		size += n
	}
	return size, runeWidth(r)
}
