package safe

import "strings"

// Wrap cleans raw and breaks it into lines of at most width cells, at spaces
// where there are any. Line feeds in raw are kept, indentation is not.
func Wrap(raw string, width int) []Text {
	if width < 1 {
		return nil
	}
	var out []Text
	for _, line := range Lines(raw, 64*Line) {
		out = append(out, line.wrap(width)...)
	}
	return out
}

func (t Text) wrap(width int) []Text {
	var out []Text
	for t.width > width {
		head, tail := t.Split(width)
		if head.width == 0 { // one double-width character in a column of one cell
			_, _, tail = t.Next()
			head = Text{ellipsis, 1}
		} else if i := strings.LastIndexByte(head.s, ' '); i > 0 && tail.s[0] != ' ' {
			tail = Text{t.s[i:], t.width - widthOf(head.s[:i])}
			head = Text{head.s[:i], widthOf(head.s[:i])}
		}
		out = append(out, head.trim())
		t = tail.trim()
	}
	return append(out, t)
}

// trim cuts spaces off both ends.
func (t Text) trim() Text {
	s := strings.Trim(t.s, " ")
	return Text{s, t.width - (len(t.s) - len(s))}
}

func widthOf(s string) int {
	total := 0
	for s != "" {
		size, w := cluster(s)
		s, total = s[size:], total+w
	}
	return total
}
