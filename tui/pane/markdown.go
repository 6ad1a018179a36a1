package pane

import (
	"regexp"
	"strings"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// prose is Markdown laid out for a width: headings, lists, tables, code and the
// inline marks that post-mortems use. Anything else is shown as it is written.
type prose struct {
	lines []proseLine
}

// proseLine is a row on the screen, and the line of the source it comes from
// (from 1).
type proseLine struct {
	pieces []piece
	source int
	rule   bool // the line below the title
}

var (
	headingMark = regexp.MustCompile(`^(#{1,6}) +(.*)$`)
	listMark    = regexp.MustCompile(`^( *)([-*+]|\d{1,3}[.)]) +(.*)$`)
	boxMark     = regexp.MustCompile(`^\[([ xX])\] +(.*)$`)
	tableDashes = regexp.MustCompile(`^\|[ :|-]+\|?$`)
	inlineMark  = regexp.MustCompile("`[^`]+`|\\*\\*[^*]+\\*\\*|\\b_[^_]+_\\b|\\[[^\\]]+\\]\\([^)]+\\)")
	escapedMark = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")
)

// newProse lays source out in lines of at most width cells.
func newProse(source string, width int) prose {
	w := proseWriter{width: max(width, 1)}
	all := strings.Split(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	for i := 0; i < len(all); {
		i += w.block(all[i:], i+1)
	}
	return prose{w.lines}
}

type proseWriter struct {
	width  int
	source int
	fenced bool
	lines  []proseLine
}

func (w *proseWriter) add(pieces ...piece) {
	w.lines = append(w.lines, proseLine{pieces: pieces, source: w.source})
}

// block writes what begins at the first of these lines and returns how many
// it took.
func (w *proseWriter) block(lines []string, number int) int {
	w.source = number
	line := lines[0]
	trimmed := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~"):
		w.fenced = !w.fenced
		return 1
	case w.fenced:
		w.add(piece{safe.Const("  "), theme.Plain}, piece{safe.New(line, safe.Line), theme.Plain})
		return 1
	case strings.HasPrefix(trimmed, "|"):
		return w.table(lines)
	case strings.HasPrefix(trimmed, "<!--"):
		w.wrap(trimmed, theme.Faint, 0, 0)
		return 1
	}
	if m := headingMark.FindStringSubmatch(line); m != nil {
		w.heading(len(m[1]), m[2])
		return 1
	}
	if m := listMark.FindStringSubmatch(line); m != nil {
		w.item(len(m[1]), m[2], m[3])
		return 1
	}
	indent := len(line) - len(strings.TrimLeft(line, " "))
	w.wrap(trimmed, theme.Plain, min(indent, 12), min(indent, 12))
	return 1
}

func (w *proseWriter) heading(level int, text string) {
	style := theme.Bright
	if level <= 2 {
		style = theme.Title
	}
	w.wrap(text, style, 0, 0)
	if level == 1 {
		w.lines = append(w.lines, proseLine{source: w.source, rule: true})
	}
}

// item writes a row of a list; its further lines stand below its text.
func (w *proseWriter) item(indent int, mark, text string) {
	if mark == "-" || mark == "*" || mark == "+" {
		mark = "•"
	}
	style := theme.Plain
	if m := boxMark.FindStringSubmatch(text); m != nil {
		mark, text = "["+m[1]+"]", m[2]
		if m[1] != " " {
			style = theme.Dim
		}
	}
	indent = min(indent, 12)
	lead := safe.Sprintf("%*s%s ", indent, "", mark)
	at := len(w.lines)
	w.wrap(text, style, lead.Width(), lead.Width())
	if at < len(w.lines) && len(w.lines[at].pieces) > 0 {
		w.lines[at].pieces[0] = piece{lead, theme.Dim}
	}
}

// table writes rows of cells in columns of equal width, and returns how many
// lines it took.
func (w *proseWriter) table(lines []string) int {
	var cells [][]safe.Text
	var sources []int
	n := 0
	for n < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[n]), "|") {
		if row := strings.TrimSpace(lines[n]); !tableDashes.MatchString(row) {
			var texts []safe.Text
			for _, c := range strings.Split(strings.Trim(row, "|"), "|") {
				texts = append(texts, safe.New(unescape(strings.Trim(strings.TrimSpace(c), "`*")), safe.Line))
			}
			cells, sources = append(cells, texts), append(sources, w.source+n)
		}
		n++
	}
	var widths []int
	for _, row := range cells {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], c.Width())
		}
	}
	for y, row := range cells {
		style := theme.Plain
		if y == 0 {
			style = theme.Dim
		}
		var pieces []piece
		for i, c := range row {
			pieces = append(pieces, piece{safe.Sprintf("%s%*s", c, widths[i]-c.Width()+2, ""), style})
		}
		w.lines = append(w.lines, proseLine{pieces: pieces, source: sources[y]})
	}
	return n
}

// wrap writes text with its inline marks in lines of the width, the first one
// and the others indented. An empty text is an empty line.
func (w *proseWriter) wrap(text string, style theme.Style, first, others int) {
	blank := func(n int) piece { return piece{safe.Sprintf("%*s", n, ""), theme.Plain} }
	line, used := []piece{blank(first)}, first
	for _, word := range broken(words(text, style), max(w.width-others, 1)) {
		width := widthOf(word)
		if used > others && used > first && used+1+width > w.width {
			w.add(line...)
			line, used = []piece{blank(others)}, others
		} else if used > first || used > others {
			line, used = append(line, blank(1)), used+1
		}
		line, used = append(line, word...), used+width
	}
	w.add(line...)
}

// broken cuts the words that are longer than a line into pieces of one.
func broken(words [][]piece, width int) [][]piece {
	var out [][]piece
	for _, word := range words {
		for widthOf(word) > width {
			head, tail := cut(word, width)
			if len(head) == 0 {
				break // one double-width character in a column of one cell
			}
			out, word = append(out, head), tail
		}
		out = append(out, word)
	}
	return out
}

// cut divides a word at a cell.
func cut(word []piece, at int) (head, tail []piece) {
	for i, p := range word {
		if at <= 0 {
			return head, append(tail, word[i:]...)
		}
		first, rest := p.text.Split(at)
		at -= p.text.Width()
		if first.Width() > 0 {
			head = append(head, piece{first, p.style})
		}
		if rest.Width() > 0 {
			tail = append(tail, piece{rest, p.style})
		}
	}
	return head, tail
}

// words are the pieces of a text, put together where no space divides them.
func words(text string, style theme.Style) [][]piece {
	var out [][]piece
	open := false // the last word goes on
	put := func(raw string, style theme.Style) {
		for i, part := range strings.Split(raw, " ") {
			if i > 0 {
				open = false
			}
			if part == "" {
				continue
			}
			t := piece{safe.New(part, safe.Line), style}
			if open {
				out[len(out)-1] = append(out[len(out)-1], t)
			} else {
				out = append(out, []piece{t})
			}
			open = true
		}
	}
	at := 0
	for _, m := range inlineMark.FindAllStringIndex(text, -1) {
		if m[0] > 0 && text[m[0]-1] == '\\' {
			continue
		}
		put(unescape(text[at:m[0]]), style)
		put(inline(text[m[0]:m[1]], style))
		at = m[1]
	}
	put(unescape(text[at:]), style)
	return out
}

// inline is the text of an inline mark, and how it looks.
func inline(mark string, style theme.Style) (string, theme.Style) {
	switch mark[0] {
	case '`':
		return mark[1 : len(mark)-1], theme.Key
	case '*':
		return unescape(mark[2 : len(mark)-2]), theme.Bright
	case '_':
		return unescape(mark[1 : len(mark)-1]), theme.Dim
	}
	label, target, _ := strings.Cut(mark[1:len(mark)-1], "](")
	if label == target {
		return target, theme.Link
	}
	return unescape(label) + " <" + target + ">", style // the address is shown in full: a label may say anything
}

func unescape(s string) string { return escapedMark.ReplaceAllString(s, "$1") }

// draw writes the lines from top on, and a mark before those whose source is
// among the marked.
func (p prose) draw(f *frame.Frame, top int, marked map[int]bool) {
	before := -1
	for y := range f.Height() {
		if top+y < 0 || top+y >= len(p.lines) {
			break
		}
		line := p.lines[top+y]
		if line.rule {
			f.HLine(2, y, f.Width()-2, theme.Border)
			continue
		}
		x := 2
		for _, one := range line.pieces {
			x = f.PutFit(x, y, max(f.Width()-x, 0), one.style, one.text)
		}
		if marked[line.source] && line.source != before {
			f.Rune(0, y, theme.Warn, '!')
		}
		before = line.source
	}
}
