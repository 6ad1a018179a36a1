package slo

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// importing is a file of somebody else's that is being read. It remembers which keys
// were read: every other one is told at the end, so that nothing is left out in
// silence.
type importing struct {
	read   map[*ast.MappingValueNode]bool
	opened map[ast.Node]bool
	notes  []ImportNote
}

// branch is a value of the file, or the place of one that is not there.
type branch struct {
	in   *importing
	n    ast.Node // nil: it is not there
	key  string   // by which it was reached: spec.service
	at   *token.Token
	pair *ast.MappingValueNode
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
		return key
	}
	return path + "." + key
}

// get is the value of the first of these keys that is there; formats spell some keys in
// two ways.
func (b branch) get(keys ...string) branch {
	for _, key := range keys {
		for _, p := range pairs(b.n) {
			if keyOf(p) != key {
				continue
			}
			b.in.opened[b.n], b.in.read[p] = true, true
			return branch{in: b.in, n: plain(p.Value), key: below(b.key, key), at: p.Key.GetToken(), pair: p}
		}
	}
	if b.n != nil {
		b.in.opened[b.n] = true
	}
	return branch{in: b.in, key: below(b.key, keys[0]), at: b.at}
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
		b.note("an alias (*%s) is not followed; write the value out", t.Value.GetToken().Value)
		return ""
	}
	return strings.TrimSpace(b.n.GetToken().Value)
}

func (b branch) yes() bool { return strings.EqualFold(b.text(), "true") }

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

// name is the last key of the path.
func (b branch) name() string { return b.pair.Key.GetToken().Value }

// note says that something is not carried over as it stands.
func (b branch) note(format string, args ...any) {
	b.in.notes = append(b.in.notes, noteAt(b.at, b.key, format, args...))
}

// rest notes every key that nobody has read.
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
			in.notes = append(in.notes, noteAt(p.Key.GetToken(), at, "not carried over"))
		}
	}
}

// documents are those of a file.
func documents(file string, src []byte) (list []ast.Node, err error) {
	tree, err := strictyaml.Tree(file, src)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Docs {
		if d != nil && plain(d.Body) != nil {
			if _, comment := d.Body.(*ast.CommentGroupNode); !comment {
				list = append(list, d.Body)
			}
		}
	}
	if len(list) == 0 {
		return nil, &strictyaml.Error{File: file, Message: "the file is empty"}
	}
	return list, nil
}
