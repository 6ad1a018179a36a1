package strictyaml

import (
	"bytes"
	"cmp"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// mostTold is how many mistakes of one file are told at once.
const mostTold = 20

// DecodeAll is Decode for a file of which everything that is wrong is to be told at once.
// Where keys or values were wrong the Doc comes beside the error, and dst is what the file
// says without them, so that the rest can be checked. Errorf of such a Doc is nil where
// something was left out: what is missing there has been told.
func DecodeAll(file string, src []byte, dst any) (*Doc, error) {
	before := reflect.ValueOf(dst).Elem()
	first := reflect.New(before.Type())
	first.Elem().Set(before)
	doc, err := Decode(file, src, first.Interface())
	if err == nil {
		before.Set(first.Elem())
		return doc, nil
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if at := (*Error)(nil); !errors.As(err, &at) || at.Line == 0 || len(src) > MaxSize || bytes.IndexByte(src, 0) >= 0 {
		return nil, err
	}
	tree, bad := parse(file, src)
	if bad != nil || len(tree.Docs) != 1 {
		return nil, err
	}
	doc = &Doc{file: file, src: source(src), ast: tree, lost: map[ast.Node]bool{}}
	var wrong []error
	for range mostTold {
		trial := reflect.New(before.Type())
		trial.Elem().Set(before)
		err := decodeTree(tree.Docs[0].Body, trial.Interface())
		if err == nil {
			before.Set(trial.Elem())
			return doc, InOrder(wrong...)
		}
		wrong = append(wrong, doc.src.place(file, err, dst))
		if !doc.leaveOut(tokenOf(err)) {
			break
		}
	}
	return nil, InOrder(wrong...)
}

func decodeTree(body ast.Node, dst any) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = errors.New("the file is not YAML that can be read: look for a ! before a value")
		}
	}()
	return yaml.NewDecoder(bytes.NewReader(nil), yaml.Strict()).DecodeFromNode(body, dst)
}

func tokenOf(err error) *token.Token {
	var w *withheld
	var ye yaml.Error
	switch {
	case errors.As(err, &w):
		return w.token
	case errors.As(err, &ye):
		return ye.GetToken()
	}
	return nil
}

// leaveOut takes the innermost entry of a mapping out in which a token stands, and says
// whether there was one.
func (d *Doc) leaveOut(t *token.Token) bool {
	if t == nil {
		return false
	}
	var in *ast.MappingNode
	var entry *ast.MappingValueNode
	ast.Walk(finder(func(n ast.Node) {
		m, is := n.(*ast.MappingNode)
		if !is {
			return
		}
		for _, v := range m.Values {
			if holds(v, t) { // an inner one is walked later
				in, entry = m, v
			}
		}
	}), d.ast.Docs[0].Body)
	if entry == nil {
		return false
	}
	in.Values = slices.DeleteFunc(in.Values, func(v *ast.MappingValueNode) bool { return v == entry })
	d.lost[in] = true
	return true
}

type finder func(ast.Node)

// Visit is ast.Visitor's.
func (f finder) Visit(n ast.Node) ast.Visitor { f(n); return f }

func holds(n ast.Node, t *token.Token) (is bool) {
	ast.Walk(finder(func(n ast.Node) {
		have := n.GetToken()
		is = is || have == t || have != nil && have.Position != nil && t.Position != nil && have.Position.Offset == t.Position.Offset
	}), n)
	return is
}

// Join is errors.Join without lists in lists. One error alone is itself.
func Join(errs ...error) error {
	all := each(errs)
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// InOrder is Join with the mistakes of a file in the order of its lines.
func InOrder(errs ...error) error {
	all := each(errs)
	slices.SortStableFunc(all, func(a, b error) int {
		var one, other *Error
		if !errors.As(a, &one) || !errors.As(b, &other) {
			return 0
		}
		return cmp.Or(cmp.Compare(one.Line, other.Line), cmp.Compare(one.Column, other.Column))
	})
	return Join(all...)
}

func each(errs []error) (all []error) {
	for _, err := range errs {
		if many, is := err.(interface{ Unwrap() []error }); is {
			all = append(all, many.Unwrap()...)
		} else if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// Text is the scalar at path as it was read, empty if there is none.
func (d *Doc) Text(path string) string {
	switch n := d.find(path).(type) {
	case nil:
		return ""
	case *ast.LiteralNode: // its own value has the | before it
		return n.Value.Value
	default:
		return scalar(n)
	}
}

// ErrorIn is Errorf at a byte of the text that path names. Where the file writes it
// otherwise than it reads (with escapes, or folded) it is at the text's beginning.
func (d *Doc) ErrorIn(path string, offset int, format string, args ...any) error {
	err := d.Errorf(path, format, args...)
	at, text := (*Error)(nil), d.Text(path)
	if !errors.As(err, &at) || at.Line == 0 || text == "" || offset > len(text) {
		return err
	}
	before := text[:offset]
	down := strings.Count(before, "\n")
	row := text[strings.LastIndexByte(before, '\n')+1:]
	into := offset - (len(text) - len(row))
	row, _, _ = strings.Cut(row, "\n")
	lines := d.src.lines()
	for start := at.Line - 1; start < min(at.Line+1, len(lines)); start++ { // a block begins on the line below
		first, _, _ := strings.Cut(text, "\n")
		skip := 0
		if start == at.Line-1 {
			skip = len(string([]rune(lines[start])[:min(at.Column-1, len([]rune(lines[start])))]))
		}
		if !strings.Contains(lines[start][skip:], first) || start+down >= len(lines) {
			continue
		}
		if down > 0 {
			skip = 0
		}
		i := strings.Index(lines[start+down][skip:], row)
		if i < 0 {
			return err
		}
		column := len([]rune(lines[start+down][:skip+i+into])) + 1
		return &Error{File: at.File, Line: start + down + 1, Column: column, Message: at.Message, Excerpt: d.src.excerpt(start+down+1, column)}
	}
	return err
}
