package runbook

import (
	"bytes"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// How much a file may hold. A checklist that is longer is read by nobody, and
// the parser's time grows with the depth of what is nested.
const (
	mostSize  = 64 << 10 // bytes: a parser of Markdown takes the square of some texts, here below a second
	mostSteps = 200
	mostDepth = 20
	longestID = 48
)

// Load reads a runbook from src, the content of file. Errors are of type
// *strictyaml.Error: file:line:column, and the line.
func Load(file string, src []byte) (Runbook, error) {
	src = bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	r := reader{src: src, book: Runbook{File: file, Name: nameOf(file)}, ids: map[string]int{}}
	if err := r.checkText(); err != nil {
		return Runbook{}, err
	}
	body, err := r.frontMatter()
	if err != nil {
		return Runbook{}, err
	}
	r.src = body
	if err := r.checkDepth(); err != nil {
		return Runbook{}, err
	}
	// Blocks alone: what is within a line is laid out where it is shown.
	tree := parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...)).Parse(text.NewReader(body))
	if err := r.document(tree); err != nil {
		return Runbook{}, err
	}
	if len(r.book.Steps) == 0 {
		return Runbook{}, r.fault(0, "there is no step in it: write steps as \"- [ ] text\" or as \"1. text\"")
	}
	if r.book.Title == "" {
		r.book.Title = r.book.Name
	}
	return r.book, nil
}

func nameOf(file string) string {
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// reader goes through a file once.
type reader struct {
	src     []byte
	book    Runbook
	boxes   bool // task list items are the steps; else numbered ones
	titled  bool
	group   string
	pending []Block        // prose since the last step
	ids     map[string]int // how often each was wanted
}

// fault is an error at a byte of the file.
func (r *reader) fault(at int, format string, args ...any) error {
	at = min(max(at, 0), len(r.src))
	line := bytes.Count(r.src[:at], []byte("\n")) + 1
	from := bytes.LastIndexByte(r.src[:at], '\n') + 1
	to := len(r.src)
	if i := bytes.IndexByte(r.src[from:], '\n'); i >= 0 {
		to = from + i
	}
	const shown = 120
	whole := strings.ToValidUTF8(string(r.src[from:min(to, from+shown)]), "�")
	column := r.column(at)
	e := &strictyaml.Error{File: r.book.File, Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
	if whole != "" && column <= shown {
		gutter := fmt.Sprintf("> %2d | ", line)
		e.Excerpt = gutter + whole + "\n" + strings.Repeat(" ", len(gutter)+column-1) + "^"
	}
	return e
}

// checkText refuses what is no text, or too much of it.
func (r *reader) checkText() error {
	switch i := bytes.IndexByte(r.src, 0); {
	case len(r.src) > mostSize:
		return &strictyaml.Error{File: r.book.File, Message: fmt.Sprintf("the file is larger than %d KiB, the most that is read; is it the right one?", mostSize>>10)}
	case i >= 0:
		return r.fault(i, "not a text file: it contains a NUL byte")
	}
	for i := 0; i < len(r.src); {
		c, size := utf8.DecodeRune(r.src[i:])
		if c == utf8.RuneError && size == 1 {
			return r.fault(i, "not a text file: this is not UTF-8")
		}
		i += size
	}
	return nil
}

// nested are the marks at the beginning of a line that open one block within
// another.
var nested = regexp.MustCompile(`^[ \t]*(?:(?:>|[-+*]|\d{1,9}[.)])[ \t]*)+`)

// checkDepth refuses a line that opens more blocks than anybody reads: they cost
// the parser their square.
func (r *reader) checkDepth() error {
	at := 0
	for line := range bytes.Lines(r.src) {
		marks := bytes.Fields(bytes.ReplaceAll(nested.Find(line), []byte(">"), []byte("> ")))
		indent := len(line) - len(bytes.TrimLeft(line, " \t"))
		if len(marks) > mostDepth && !ruler(line) || indent > 40*mostDepth {
			return r.fault(at, "this is nested deeper than %d levels", mostDepth)
		}
		at += len(line)
	}
	return nil
}

// ruler is a line of one mark alone, which divides and nests nothing.
func ruler(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] != '>' && len(bytes.Trim(line, string(line[0])+" \t")) == 0
}

func (r *reader) document(tree ast.Node) error {
	for n := tree.FirstChild(); n != nil; n = n.NextSibling() {
		if list, ok := n.(*ast.List); ok {
			for item := list.FirstChild(); item != nil; item = item.NextSibling() {
				r.boxes = r.boxes || r.box(item)
			}
		}
	}
	for n := tree.FirstChild(); n != nil; n = n.NextSibling() {
		if err := r.top(n); err != nil {
			return err
		}
	}
	r.book.After = r.pending
	return nil
}

// top reads a block that stands in no other.
func (r *reader) top(n ast.Node) error {
	switch n := n.(type) {
	case *ast.Heading:
		words := r.words(n)
		if n.Level == 1 && !r.titled {
			r.titled = true
			if r.book.Title == "" {
				r.book.Title = words
			}
			return nil
		}
		r.group = words
		return nil
	case *ast.List:
		number := n.Start
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			step := r.box(item) || !r.boxes && n.IsOrdered()
			if !step {
				if err := r.item(&r.pending, item, marker(n, number), 0); err != nil {
					return err
				}
			} else if err := r.step(item); err != nil {
				return err
			}
			number++
		}
		return nil
	}
	return r.blocks(&r.pending, n, 0)
}

var (
	boxMark = regexp.MustCompile(`^\[[ xX]\][ \t]+`)
	idMark  = regexp.MustCompile(`[ \t]*\{#([^{}]*)\}[ \t]*$`)
	goodID  = regexp.MustCompile(`^\pL[\pL\pN_.-]*$`)
)

// box says whether an item of a list is one of a task list.
func (r *reader) box(item ast.Node) bool {
	first := item.FirstChild()
	return isText(first) && boxMark.MatchString(r.words(first)+" ")
}

func isText(n ast.Node) bool {
	if n == nil {
		return false
	}
	return n.Kind() == ast.KindTextBlock || n.Kind() == ast.KindParagraph
}

// step reads an item as a step.
func (r *reader) step(item ast.Node) error {
	if len(r.book.Steps) == mostSteps {
		return r.fault(start(item), "more than %d steps: nobody follows that; make it several runbooks", mostSteps)
	}
	s := Step{Number: len(r.book.Steps) + 1, Group: r.group, Before: r.pending, Line: r.line(start(item))}
	r.pending = nil
	rest := item.FirstChild()
	if isText(rest) {
		s.Text = strings.TrimSpace(boxMark.ReplaceAllString(r.words(rest)+" ", ""))
		rest = rest.NextSibling()
	}
	if m := idMark.FindStringSubmatch(s.Text); m != nil {
		s.ID, s.Text = m[1], idMark.ReplaceAllString(s.Text, "")
		if !goodID.MatchString(s.ID) || utf8.RuneCountInString(s.ID) > longestID {
			return r.fault(start(item), "{#%s}: the name of a step is a letter and then letters, digits, - _ or ., at most %d of them", s.ID, longestID)
		}
		if r.ids[s.ID] > 0 {
			return r.fault(start(item), "{#%s} is the name of another step already", s.ID)
		}
	}
	for ; rest != nil; rest = rest.NextSibling() {
		if err := r.blocks(&s.Body, rest, 0); err != nil {
			return err
		}
	}
	if s.Text == "" && len(s.Body) > 0 {
		s.Text, _, _ = strings.Cut(strings.TrimSpace(s.Body[0].Text), "\n")
	}
	if s.Text == "" {
		return r.fault(start(item), "a step without words")
	}
	if s.ID == "" {
		s.ID = r.slug(s.Text)
	}
	r.ids[s.ID]++
	r.book.Steps = append(r.book.Steps, s)
	return nil
}

// slug is a name made of a step's letters and digits: case, marks, numbers of
// items and what stands below may change without losing a tick.
func (r *reader) slug(words string) string {
	var b strings.Builder
	n, gap := 0, false
	for _, c := range strings.ToLower(words) {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			gap = b.Len() > 0
			continue
		}
		if n >= longestID {
			break
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		b.WriteRune(c)
		n++
	}
	id := b.String()
	if id == "" || strings.Trim(id, "0123456789") == "" { // a number is the place of a step
		id = strings.TrimSuffix("step-"+id, "-")
	}
	for base, n := id, 2; r.ids[id] > 0; n++ {
		id = fmt.Sprintf("%s-%d", base, n)
	}
	return id
}

// blocks reads a block, and those within it, as prose and code.
func (r *reader) blocks(to *[]Block, n ast.Node, depth int) error {
	if depth > mostDepth {
		return r.fault(start(n), "this is nested deeper than %d levels", mostDepth)
	}
	switch n := n.(type) {
	case *ast.FencedCodeBlock:
		*to = append(*to, r.code(n))
	case *ast.CodeBlock:
		*to = append(*to, Block{Code: true, Text: strings.TrimRight(r.lines(n), "\n"), Line: r.line(start(n)), Col: r.column(start(n))})
	case *ast.List:
		number := n.Start
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			if err := r.item(to, item, marker(n, number), depth); err != nil {
				return err
			}
			number++
		}
	case *ast.Blockquote:
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			if err := r.blocks(to, c, depth+1); err != nil {
				return err
			}
		}
	case *ast.HTMLBlock:
		if words := strings.TrimSpace(r.lines(n)); !strings.HasPrefix(words, "<!--") { // a comment is for who edits
			*to = append(*to, Block{Text: words, Depth: depth, Line: r.line(start(n))})
		}
	case *ast.ThematicBreak:
	default:
		if words := r.words(n); words != "" {
			*to = append(*to, Block{Text: words, Depth: depth, Line: r.line(start(n))})
		}
	}
	return nil
}

// item reads an item of a list that is no step.
func (r *reader) item(to *[]Block, item ast.Node, mark string, depth int) error {
	first := true
	for c := item.FirstChild(); c != nil; c = c.NextSibling() {
		if first && isText(c) {
			*to = append(*to, Block{Text: mark + " " + r.words(c), Depth: depth, Line: r.line(start(c))})
		} else if err := r.blocks(to, c, depth+1); err != nil {
			return err
		}
		first = false
	}
	return nil
}

func marker(list *ast.List, number int) string {
	if list.IsOrdered() {
		return fmt.Sprintf("%d.", number)
	}
	return "-"
}

// code reads fenced code; behind its language may stand unit=NAME.
func (r *reader) code(n *ast.FencedCodeBlock) Block {
	b := Block{Code: true, Text: strings.TrimRight(r.lines(n), "\n"), Line: r.line(start(n)), Col: r.column(start(n))}
	if n.Info == nil {
		return b
	}
	for i, word := range strings.Fields(string(n.Info.Segment.Value(r.src))) {
		unit, is := strings.CutPrefix(word, "unit=")
		switch {
		case i == 0:
			b.Lang = strings.ToLower(word)
		case is:
			b.Unit = unit
		}
	}
	return b
}

// lines are the lines of a block as they are written.
func (r *reader) lines(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		at := n.Lines().At(i)
		b.Write(at.Value(r.src))
	}
	return b.String()
}

// words are the lines of a paragraph as one.
func (r *reader) words(n ast.Node) string {
	return strings.Join(strings.Fields(r.lines(n)), " ")
}

// start is the first byte of a block's text.
func start(n ast.Node) int {
	for c := n; c != nil; c = c.FirstChild() {
		if c.Type() == ast.TypeBlock && c.Lines().Len() > 0 {
			return c.Lines().At(0).Start
		}
	}
	return max(n.Pos(), 0)
}

func (r *reader) column(at int) int {
	at = min(at, len(r.src))
	return utf8.RuneCount(r.src[bytes.LastIndexByte(r.src[:at], '\n')+1:at]) + 1
}

func (r *reader) line(at int) int { return bytes.Count(r.src[:min(at, len(r.src))], []byte("\n")) + 1 }
