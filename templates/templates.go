// Package templates holds the defaults that every sitrep carries: each file
// here can be replaced by one of the user's own.
package templates

import (
	"embed"
	"fmt"
)

// FS is the embedded files, by name: "policy.yaml", "postmortem.md", and under
// "lab" everything that the demo writes; there a name that ends in .tmpl is
// rendered first and loses that ending.
//
//go:embed *.md *.yaml lab
var FS embed.FS

// Read is the content of an embedded file. The error names the file; it means
// that this binary was built without it.
func Read(name string) ([]byte, error) {
	src, err := FS.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("embedded template %s: %w", name, err)
	}
	return src, nil
}
