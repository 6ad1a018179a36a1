package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
)

// addPanel adds a panel to the file of a board, which is made where there is none.
// What a person wrote in it stays as it is. A file that would not be a board any
// more is left alone.
func addPanel(file, title, expr string) error {
	panel := fmt.Sprintf("  - title: %s\n    queries:\n      - {expr: %s, legend: __auto}\n", quotedYAML(title), quotedYAML(expr))
	fail := func(err error) error { return fmt.Errorf("pin to %s: %w", file, err) }
	src, err := readConfig(file)
	count := 0
	switch {
	case errors.Is(err, fs.ErrNotExist):
		src = []byte("title: Scratch\npanels:\n")
	case err != nil:
		return fail(err)
	default:
		board, err := query.LoadBoard(file, src)
		if err != nil {
			return fail(err)
		}
		count = len(board.Panels)
		if n := len(src); n > 0 && src[n-1] != '\n' {
			src = append(src, '\n')
		}
	}
	text := append(src, panel...)
	if board, err := query.LoadBoard(file, text); err != nil || len(board.Panels) != count+1 {
		return fail(fmt.Errorf("its panels are not the last of it, so one cannot be added at its end; add by hand:\n%s", panel))
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fail(err)
	}
	if err := writeNew(file, text); err != nil {
		return fail(err)
	}
	return nil
}

// quotedYAML is a text as a scalar in double quotes.
func quotedYAML(text string) string {
	q := strconv.QuoteToASCII(strings.ToValidUTF8(text, "?"))
	return q
}
