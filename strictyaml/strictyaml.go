// Package strictyaml reads configuration files the way the person who wrote
// them would like to be read: a key that nothing knows is an error that names
// the nearest known one, and every error carries file:line:column and the line.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is a fault in a file, at the place where it can be mended. Line and
// Column count from 1; both are 0 where the fault has no place (an empty file).
type Error struct {
	File         string
	Line, Column int
	Message      string
	Excerpt      string // the lines around the fault with a caret, no trailing newline
}

// Error is one line, file:line:column: message, with the excerpt below it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": " + e.Message)
	if e.Excerpt != "" {
		b.WriteString("\n" + e.Excerpt)
	}
	return b.String()
}

// Doc remembers where the values of a decoded file stood, so that a rule that
// is checked after decoding can still point at the line (Errorf).
type Doc struct {
	file string
	src  source
	ast  *ast.File
	lost map[ast.Node]bool // mappings from which an entry was left out: see DecodeAll
}

// Decode reads src, the content of file, into dst (a pointer to a struct with
// yaml tags). Unknown and duplicate keys, wrong types and a second document are
// errors of type *Error. File is only used in messages. Messages and excerpts
// do not repeat what looks like a secret.
func Decode(file string, src []byte, dst any) (*Doc, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff")) // some editors put it there
	if len(src) > MaxSize {
		return nil, tooLarge(file)
	}
	if len(bytes.TrimSpace(src)) == 0 {
		return nil, &Error{File: file, Message: "the file is empty"}
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return nil, &Error{File: file, Line: 1 + bytes.Count(src[:i], []byte("\n")), Column: 1, Message: "not a text file: it contains a NUL byte"}
	}
	tree, err := parse(file, src)
	if err != nil {
		return nil, err
	}
	doc := &Doc{file: file, src: source(src), ast: tree}
	if err := decode(src, dst); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{File: file, Message: "the file holds only comments"}
		}
		return nil, doc.src.place(file, err, dst)
	}
	if len(tree.Docs) > 1 {
		return nil, &Error{File: file, Line: tree.Docs[1].GetToken().Position.Line, Column: 1, Message: "a second document starts here; only one is read: put it into a file of its own"}
	}
	return doc, nil
}

// Tree is a file that others wrote and that has more in it than is read here: its
// nodes, of every document, within the bounds of Decode.
func Tree(file string, src []byte) (*ast.File, error) {
	if len(src) > MaxSize {
		return nil, tooLarge(file)
	}
	return parse(file, bytes.TrimPrefix(src, []byte("\ufeff")))
}

func parse(file string, src []byte) (*ast.File, error) {
	if err := checkDepth(file, source(src)); err != nil {
		return nil, err
	}
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, source(src).place(file, err, nil)
	}
	return tree, nil
}

// decode survives the library's faults: it panics on some odd tags, such as a
// scalar with an unknown one where a list belongs.
func decode(src []byte, dst any) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = errors.New("the file is not YAML that can be read: look for a ! before a value")
		}
	}()
	return yaml.NewDecoder(bytes.NewReader(src), yaml.Strict()).Decode(dst)
}

// Errorf is an *Error at the value that path names, such as
// "stages[0].rate" or "targets". A path that is not in the file (a key left
// out) is reported at the nearest parent that is. See DecodeAll for when it is nil.
func (d *Doc) Errorf(path, format string, args ...any) error {
	msg := fmt.Sprintf(format, args...)
	for p := path; ; p = parent(p) {
		node := d.find(p)
		if node == nil {
			if p == "" {
				return &Error{File: d.file, Message: Hide(msg)}
			}
			continue
		}
		if d.lost[node] {
			return nil
		}
		return d.src.at(d.file, msg, start(node))
	}
}

// Has reports whether the file has a value at path.
func (d *Doc) Has(path string) bool { return d.find(path) != nil }

func (d *Doc) find(path string) ast.Node {
	if d == nil || d.ast == nil {
		return nil
	}
	expr := "$"
	if path != "" {
		expr = "$." + path
	}
	p, err := yaml.PathString(expr)
	if err != nil {
		return nil
	}
	node, err := p.FilterFile(d.ast)
	if err != nil {
		return nil
	}
	return node
}

// start is the token a person would point at: for a mapping its first key, not
// the colon that the parser keeps.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	case *ast.SequenceNode:
		if len(n.Values) > 0 {
			return start(n.Values[0])
		}
	}
	return n.GetToken()
}

func parent(path string) string {
	if i := strings.LastIndexAny(path, ".["); i > 0 {
		return path[:i]
	}
	return ""
}

// at is an error at a token of the file.
func (s source) at(file, msg string, t *token.Token) *Error {
	e := &Error{File: file, Message: Hide(msg)}
	if t == nil || t.Position == nil {
		return e
	}
	e.Line, e.Column = t.Position.Line, t.Position.Column
	e.Excerpt = s.excerpt(e.Line, e.Column)
	return e
}

// Withhold is an error at a value which must not be repeated, in a message or
// an excerpt: a secret that somebody wrote into a file. For UnmarshalYAML.
func Withhold(n ast.Node, msg string) error { return &withheld{msg, n.GetToken()} }

type withheld struct {
	msg   string
	token *token.Token
}

func (w *withheld) Error() string { return w.msg }

// place turns an error of the YAML library into an *Error.
func (s source) place(file string, err error, dst any) error {
	var w *withheld
	if errors.As(err, &w) {
		e := s.at(file, w.msg, w.token)
		e.Excerpt = ""
		return e
	}
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return &Error{File: file, Message: Hide(err.Error())}
	}
	return s.at(file, words(ye, dst), ye.GetToken())
}
