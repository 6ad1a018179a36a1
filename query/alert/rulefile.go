package alert

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// FileRule is an alerting rule as a file states it, with where its parts stand.
type FileRule struct {
	Group, Name, Expr   string
	For                 string // empty: not given
	Labels, Annotations query.Labels

	at, expr place
	inset    int // columns that every line of a block expression begins after
	block    bool
}

// place is a line and a column, from 1.
type place struct{ line, column int }

// ReadRules reads the alerting rules of a file of Prometheus' rules; the manifest of
// a PrometheusRule, and several documents in one file, too. Recording rules are left
// out, and so is what the file says besides.
func ReadRules(file string, src []byte) ([]FileRule, error) {
	tree, err := strictyaml.Tree(file, src)
	if err != nil {
		return nil, err
	}
	var rules []FileRule
	found := false
	for _, doc := range tree.Docs {
		groups := valueOf(doc.Body, "groups")
		if groups == nil {
			groups = valueOf(valueOf(doc.Body, "spec"), "groups")
		}
		list, ok := groups.(*ast.SequenceNode)
		if !ok {
			continue
		}
		found = true
		for _, g := range list.Values {
			name, _, _ := textOf(valueOf(g, "name"))
			one, _ := valueOf(g, "rules").(*ast.SequenceNode)
			if one == nil {
				continue
			}
			for _, r := range one.Values {
				if rule, is := fileRule(name, r); is {
					rules = append(rules, rule)
				}
			}
		}
	}
	if !found {
		return nil, fmt.Errorf("%s: there are no groups of rules in it: groups: [{name: …, rules: […]}]", file)
	}
	return rules, nil
}

func fileRule(group string, n ast.Node) (FileRule, bool) {
	name, nameAt, ok := textOf(valueOf(n, "alert"))
	if !ok {
		return FileRule{}, false
	}
	r := FileRule{Group: group, Name: name, at: nameAt, Labels: labelsOf(valueOf(n, "labels")), Annotations: labelsOf(valueOf(n, "annotations"))}
	node := valueOf(n, "expr")
	r.Expr, r.expr, _ = textOf(node)
	if l, is := node.(*ast.LiteralNode); is {
		r.block = true
		origin := strings.TrimLeft(l.Value.GetToken().Origin, "\n")
		r.inset = len(origin) - len(strings.TrimLeft(origin, " "))
	}
	if r.expr.line == 0 {
		r.expr = nameAt
	}
	r.For, _, _ = textOf(valueOf(n, "for"))
	return r, true
}

// within is where the byte at offset of the expression stands in the file. Of a
// folded or quoted expression only the line of its beginning is known.
func (r FileRule) within(offset int) place {
	before := r.Expr[:min(max(offset, 0), len(r.Expr))]
	lines := strings.Count(before, "\n")
	last := before[strings.LastIndexByte(before, '\n')+1:]
	switch {
	case r.block:
		return place{r.expr.line + 1 + lines, r.inset + 1 + len([]rune(last))}
	case lines == 0:
		return place{r.expr.line, r.expr.column + len([]rune(last))}
	}
	return r.expr
}

// valueOf is the value of a key of a mapping; nil if there is none.
func valueOf(n ast.Node, key string) ast.Node {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	case *ast.AnchorNode:
		return valueOf(n.Value, key)
	}
	for _, v := range values {
		if name, _, ok := textOf(v.Key); ok && name == key {
			return v.Value
		}
	}
	return nil
}

// textOf is what a scalar says, and where it begins.
func textOf(n ast.Node) (string, place, bool) {
	switch n := n.(type) {
	case nil:
		return "", place{}, false
	case *ast.LiteralNode:
		return n.Value.Value, placeOf(n.Start), true
	case *ast.StringNode:
		p := placeOf(n.GetToken())
		if t := n.GetToken().Type; t == token.SingleQuoteType || t == token.DoubleQuoteType {
			p.column++
		}
		return n.Value, p, true
	case *ast.AnchorNode:
		return textOf(n.Value)
	case *ast.NullNode:
		return "", placeOf(n.GetToken()), false
	case ast.ScalarNode:
		return fmt.Sprint(n.GetValue()), placeOf(n.GetToken()), true
	}
	return "", place{}, false
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

func labelsOf(n ast.Node) query.Labels {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	}
	l := query.Labels{}
	for _, v := range values {
		if name, _, ok := textOf(v.Key); ok {
			l[name], _, _ = textOf(v.Value)
		}
	}
	return l
}
