package imports

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// importing is a document that is being read. It remembers which keys were read: every
// other one is told at the end, so that nothing is left out in silence.
type importing struct {
	read   map[*ast.MappingValueNode]bool
	opened map[ast.Node]bool
	notes  []Note
}

// branch is a value of the document, or the place of one that is not there.
type branch struct {
	in  *importing
	n   ast.Node // nil: it is not there
	key string   // by which it was reached: spec.duration
	own string   // the last part of it
	at  *token.Token
}

func (in *importing) root(n ast.Node) branch { return branch{in: in, n: plain(n), at: tokenOf(n)} }

// plain is a node without its anchor and tag.
func plain(n ast.Node) ast.Node {
	for {
		switch t := n.(type) {
		case *ast.AnchorNode:
			n = t.Value
		case *ast.TagNode:
			n = t.Value
		case *ast.NullNode:
			return nil
		default:
			return n
		}
	}
}

// pairs are the entries of a mapping.
func pairs(n ast.Node) []*ast.MappingValueNode {
	switch t := n.(type) {
	case *ast.MappingNode:
		return t.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{t}
	}
	return nil
}

func tokenOf(n ast.Node) *token.Token {
	if list := pairs(n); len(list) > 0 {
		return list[0].Key.GetToken()
	}
	if n == nil {
		return nil
	}
	return n.GetToken()
}

func keyOf(p *ast.MappingValueNode) string { return p.Key.GetToken().Value }

func below(path, key string) string {
	if path == "" {
		return cut(key)
	}
	return path + "." + cut(key)
}

// get is the value of a key.
func (b branch) get(key string) branch {
	if b.n != nil {
		b.in.opened[b.n] = true
	}
	for _, p := range pairs(b.n) {
		if keyOf(p) == key {
			b.in.read[p] = true
			return branch{in: b.in, n: plain(p.Value), key: below(b.key, key), own: key, at: p.Key.GetToken()}
		}
	}
	return branch{in: b.in, key: below(b.key, key), own: key, at: b.at}
}

// there says that the key is there and has a value.
func (b branch) there() bool { return b.n != nil }

// text is a scalar as it is written, without the space around it.
func (b branch) text() string {
	switch t := b.n.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		return strings.TrimSpace(t.Value)
	case *ast.LiteralNode:
		return strings.TrimSpace(t.Value.Value)
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		b.note("a text was expected here; it is not carried over")
		return ""
	case *ast.AliasNode:
		b.note("an alias is not followed; write the value out")
		return ""
	}
	return strings.TrimSpace(b.n.GetToken().Value)
}

// number is a finite number, and whether it is one.
func (b branch) number() (float64, bool) { return numberOf(b.text()) }

func numberOf(text string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	return v, err == nil && v-v == 0 // neither NaN nor endless
}

// list is the items of a sequence.
func (b branch) list() (list []branch) {
	seq, is := b.n.(*ast.SequenceNode)
	if !is {
		return nil
	}
	for _, v := range seq.Values {
		list = append(list, branch{in: b.in, n: plain(v), key: b.key + "[]", at: tokenOf(v)})
	}
	return list
}

// each is the entries of a mapping, in the order of the file.
func (b branch) each() (list []branch) {
	for _, p := range pairs(b.n) {
		list = append(list, b.get(keyOf(p)))
	}
	return list
}

// consume marks all below as read: a note of its own tells what becomes of it.
func (b branch) consume() branch {
	for _, one := range b.each() {
		one.consume()
	}
	for _, one := range b.list() {
		one.consume()
	}
	return b
}

// note says that something is not carried over as it stands.
func (b branch) note(format string, args ...any) {
	b.in.notes = append(b.in.notes, noteAt(b, format, args...))
}

func noteAt(b branch, format string, args ...any) Note {
	n := Note{Key: b.key, Text: strictyaml.Hide(fmt.Sprintf(format, args...))}
	if b.at != nil && b.at.Position != nil {
		n.Line, n.Column = b.at.Position.Line, b.at.Position.Column
	}
	return n
}

// rest notes every key that nobody has read. Values are not repeated: they may be
// secrets.
func (in *importing) rest(n ast.Node, path string) {
	n = plain(n)
	if seq, is := n.(*ast.SequenceNode); is {
		for _, v := range seq.Values {
			in.rest(v, path+"[]")
		}
		return
	}
	if !in.opened[n] {
		return
	}
	for _, p := range pairs(n) {
		at := below(path, keyOf(p))
		switch {
		case in.read[p]:
			in.rest(p.Value, at)
		case plain(p.Value) != nil:
			branch{in: in, key: at, at: p.Key.GetToken()}.note("not carried over")
		}
	}
}

// cut keeps a text of somebody else's short enough for a line.
func cut(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// isTemplate says whether somebody else is to put a value there.
func isTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "${") || strings.Contains(text, "<YOUR")
}

// durationOf reads 30s, 1h30m, a number of seconds, or PT5M.
func durationOf(text string) (time.Duration, bool) {
	if v, ok := numberOf(text); ok && v >= 0 && v < 1e6 {
		return time.Duration(v * float64(time.Second)), true
	}
	if rest, iso := strings.CutPrefix(text, "PT"); iso {
		text = strings.ToLower(rest)
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}
