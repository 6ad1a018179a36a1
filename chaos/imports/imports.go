// Package imports makes experiments of files that others' tools read: Chaos Toolkit,
// LitmusChaos, Chaos Mesh, AWS Fault Injection Service and toxiproxy. It reads, and
// runs nothing of what they say. Everything of a file is in an experiment or in a note;
// secrets are in neither.
package imports

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Imported is what came of one document.
type Imported struct {
	Name    string `json:"name"`
	Format  string `json:"format"` // Chaos Toolkit, LitmusChaos, Chaos Mesh, AWS FIS, toxiproxy
	Line    int    `json:"line"`   // where it begins
	Column  int    `json:"column"`
	YAML    string `json:"yaml,omitempty"`    // of the experiment; empty if it is refused
	Missing string `json:"missing,omitempty"` // what `chaos check` says as long as nobody has filled in what is missing
	Refused string `json:"refused,omitempty"` // why there is no experiment
	Notes   []Note `json:"notes"`             // what is carried over otherwise than it stood, or not at all
}

// Note is something of a file that a person should know.
type Note struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"text"`
}

// mostImported bounds the documents of a file.
const mostImported = 100

// Import makes experiments of a file of one or several documents. faults are those that
// experiments may name. The error is that of a file that cannot be read; its place is in
// it. A file may hold anything.
func Import(file string, src []byte, faults []chaos.Fault) ([]Imported, error) {
	docs, err := documents(file, src)
	if err != nil {
		return nil, err
	}
	if len(docs) > mostImported {
		return nil, &strictyaml.Error{File: file, Message: fmt.Sprintf("there are %d documents in it; the most is %d", len(docs), mostImported)}
	}
	var list []Imported
	for _, doc := range docs {
		in := &importing{read: map[*ast.MappingValueNode]bool{}, opened: map[ast.Node]bool{}}
		root := in.root(doc)
		d := root.draft()
		if d.refused == "" { // of what is refused nothing is carried over
			in.rest(doc, "")
		}
		d.notes = append(d.notes, in.notes...)
		slices.SortStableFunc(d.notes, func(a, b Note) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
		list = append(list, d.finish(file, faults))
	}
	rename(list)
	return list, nil
}

// draft reads a document of whatever format it is.
func (b branch) draft() *draft {
	version, kind := b.get("apiVersion").text(), b.get("kind").text()
	switch {
	case strings.HasPrefix(version, "litmuschaos.io/"):
		return b.litmus(kind)
	case strings.HasPrefix(version, "chaos-mesh.org/"):
		return b.chaosMesh(kind)
	case b.get("method").there() && b.get("title").there():
		return b.chaosToolkit()
	case b.get("actions").there() && (b.get("stopConditions").there() || b.get("roleArn").there()):
		return b.fis()
	case b.get("experimentTemplate").get("actions").there(): // as `aws fis get-experiment-template` prints it
		return b.get("experimentTemplate").fis()
	case len(b.list()) > 0 && b.list()[0].get("upstream").there():
		return b.toxiproxy()
	}
	d := &draft{format: "unknown", at: b}
	what := strings.TrimSpace(version + " " + kind)
	if what != "" {
		what = fmt.Sprintf("it is %q: ", cut(what))
	}
	d.refuse(b, "%sno experiment of Chaos Toolkit, LitmusChaos, Chaos Mesh, AWS FIS or toxiproxy", what)
	return d
}

// rename makes the names of a file's experiments unique.
func rename(list []Imported) {
	seen := map[string]bool{}
	for i := range list {
		name := list[i].Name
		for n := 2; seen[list[i].Name]; n++ {
			list[i].Name = fmt.Sprintf("%s-%d", name, n)
		}
		if seen[list[i].Name] = true; list[i].Name != name {
			list[i].YAML = strings.Replace(list[i].YAML, "\nname: "+quoted(name)+"\n", "\nname: "+quoted(list[i].Name)+"\n", 1)
		}
	}
}

// documents are those of a file.
func documents(file string, src []byte) (list []ast.Node, err error) {
	tree, err := strictyaml.Tree(file, untabbed(src))
	if err != nil {
		if bytes.Contains(src, []byte("{{")) {
			err = fmt.Errorf("%w\nit looks like a template: render it first (helm template, envsubst)", err)
		}
		return nil, err
	}
	for _, d := range tree.Docs {
		if d == nil || plain(d.Body) == nil {
			continue
		}
		if _, comment := d.Body.(*ast.CommentGroupNode); !comment {
			list = append(list, d.Body)
		}
	}
	if len(list) == 0 {
		return nil, &strictyaml.Error{File: file, Message: "the file is empty"}
	}
	return list, nil
}

// untabbed is JSON as YAML can be read, which has no tabs before a line: one space for
// each, so that places stay what they are.
func untabbed(src []byte) []byte {
	if start := bytes.TrimLeft(src, "\ufeff \t\r\n"); len(start) == 0 || start[0] != '{' && start[0] != '[' {
		return src
	}
	lines := bytes.SplitAfter(src, []byte("\n"))
	for i, l := range lines {
		n := len(l) - len(bytes.TrimLeft(l, " \t"))
		lines[i] = append(bytes.Repeat([]byte(" "), n), l[n:]...)
	}
	return bytes.Join(lines, nil)
}
