package strictyaml

import (
	"bytes"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Cut is a mapping of src as a file of its own in which it stands where it stood:
// whoever reads it finds the lines and columns of src. For UnmarshalYAML.
func Cut(src []byte, n ast.Node) []byte {
	first, last := edges(n)
	if first == nil {
		return []byte(n.String()) // as the parser understood it; lines count from 1
	}
	lines := source(bytes.TrimPrefix(src, []byte("\ufeff"))).lines()
	from, to := first.Position.Line, len(lines)
	if last != nil {
		to = min(to, last.Position.Line)
	} else {
		to = blockEnd(lines, from, first.Position.Column)
	}
	if from > to {
		return []byte(n.String())
	}
	out := make([]string, to)
	copy(out[from-1:], lines[from-1:to])
	if end := []rune(out[to-1]); last != nil {
		out[to-1] = string(end[:min(len(end), last.Position.Column)])
	}
	begin := []rune(out[from-1])
	before := min(len(begin), first.Position.Column-1)
	out[from-1] = strings.Repeat(" ", before) + string(begin[before:])
	return []byte(strings.Join(out, "\n") + "\n")
}

// edges is where a mapping starts and, if it is in braces, ends.
func edges(n ast.Node) (first, last *token.Token) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle && n.Start != nil && n.End != nil {
			return n.Start, n.End
		}
		if !n.IsFlowStyle {
			return start(n), nil
		}
	case *ast.MappingValueNode:
		return start(n), nil
	}
	return nil, nil
}

// blockEnd is the last line of a block mapping whose keys start at column.
func blockEnd(lines []string, from, column int) int {
	for i := from; i < len(lines); i++ {
		depth, rest := indentOf(lines[i])
		if depth < column-1 && rest != "" && rest[0] != '#' {
			return i
		}
	}
	return len(lines)
}
