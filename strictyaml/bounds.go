package strictyaml

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// MaxSize is how large a file may be. Depth is bounded too: the parser's time
// and memory grow with the square of it, and 100 KB of [ would take 20 GB.
const (
	MaxSize  = 256 << 10
	maxDepth = 64
)

func tooLarge(file string) *Error {
	return &Error{File: file, Message: fmt.Sprintf("the file is larger than %d KiB, the most that is read; is it the right one?", MaxSize>>10)}
}

// checkDepth refuses what is nested too deeply, before the parser sees it.
func checkDepth(file string, src source) error {
	if t := tooDeep(lexer.Tokenize(string(src))); t != nil {
		return src.at(file, fmt.Sprintf("nested more than %d deep; nothing that sitrep reads is", maxDepth), t)
	}
	return nil
}

// tooDeep is the first token below maxDepth. Block collections nest by column,
// flow collections by bracket; the lexer knows which brackets are text.
func tooDeep(tokens token.Tokens) *token.Token {
	var columns []int
	flow, line := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(0, flow-1)
		}
		if t.Position.Line != line && flow == 0 {
			line = t.Position.Line
			columns = above(columns, t.Position.Column)
		}
		if column := t.Position.Column; flow == 0 && opens(t) && (len(columns) == 0 || columns[len(columns)-1] < column) {
			columns = append(columns, column)
		}
		if len(columns)+flow > maxDepth {
			return t
		}
	}
	return nil
}

// above is the collections that a line which starts at column is still in.
func above(columns []int, column int) []int {
	for len(columns) > 0 && columns[len(columns)-1] > column {
		columns = columns[:len(columns)-1]
	}
	return columns
}

// opens says whether a block collection can start at t.
func opens(t *token.Token) bool {
	return t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType || t.Next != nil && t.Next.Type == token.MappingValueType
}
