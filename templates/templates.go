// Package templates holds the defaults that every sitrep carries: each file
// here can be replaced by one of the user's own.
package templates

import (
	"embed"
	"fmt"
	"io/fs"
)

// FS is the embedded files, by name: "policy.yaml", "postmortem.md", and under
// "lab" everything that the demo writes; there a name that ends in .tmpl is
// rendered first and loses that ending. Under "examples/checkout" is one of every
// file that a person writes, as Examples has them.
//
//go:embed *.md *.yaml lab examples/checkout
var FS embed.FS

// Examples are the files of a team that runs a checkout: a sitrep.yaml, and what it
// names, at the paths by which it does. Each has a comment near its top that says what
// it is.
func Examples() (fs.FS, error) {
	dir, err := fs.Sub(FS, "examples/checkout")
	if err != nil {
		return nil, fmt.Errorf("embedded examples: %w", err)
	}
	return dir, nil
}

// Read is the content of an embedded file. The error names the file; it means
// that this binary was built without it.
func Read(name string) ([]byte, error) {
	src, err := FS.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("embedded template %s: %w", name, err)
	}
	return src, nil
}
