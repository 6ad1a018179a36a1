package slo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Imported is an objective of somebody else's format, as a file of ours.
type Imported struct {
	Name    string
	Format  string // OpenSLO, Sloth, Pyrra, slo_configs
	Line    int    // where it begins in their file
	Column  int
	YAML    string       // empty if it is refused
	Refused string       // why there is no file of it; else empty
	Notes   []ImportNote // what is not carried over, or otherwise than it stood
}

// ImportNote is something of a file that is not carried over as it stands.
type ImportNote struct {
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Key    string `json:"key,omitempty"`
	Text   string `json:"text"`
}

func noteAt(at *token.Token, key, format string, args ...any) ImportNote {
	n := ImportNote{Key: key, Text: strictyaml.Hide(fmt.Sprintf(format, args...))}
	if at != nil && at.Position != nil {
		n.Line, n.Column = at.Position.Line, at.Position.Column
	}
	return n
}

// mostImported bounds the objectives of a file.
const mostImported = 1000

// Import makes objectives of a file of OpenSLO (v1, v1alpha), Sloth (its own form and
// Kubernetes'), Pyrra, or slo_configs, of one or several documents. Notes are about
// what belongs to no objective. Everything of the file is in an objective or in a note.
func Import(file string, src []byte) (list []Imported, notes []ImportNote, err error) {
	docs, err := documents(file, src)
	if err != nil {
		return nil, nil, err
	}
	indicators := indicatorsOf(docs)
	for _, doc := range docs {
		in := &importing{read: map[*ast.MappingValueNode]bool{}, opened: map[ast.Node]bool{}}
		root := in.root(doc)
		drafts, known := root.drafts(indicators)
		if !known {
			kind := strings.Trim(peek(doc, "apiVersion")+" "+cmp.Or(peek(doc, "kind"), peek(doc, "version")), " ")
			notes = append(notes, noteAt(tokenOf(doc), "", "a document of %s is not carried over: it is no objective of OpenSLO, Sloth, Pyrra or slo_configs", cmp.Or(kind, "no kind that is known")))
			continue
		}
		in.rest(doc, "")
		if len(drafts) == 0 {
			notes = append(notes, in.notes...)
			continue
		}
		for i, d := range drafts {
			one := d.finish(file)
			if i == 0 { // what is about the document stands with its first objective
				one.Notes = append(one.Notes, in.notes...)
			}
			slices.SortStableFunc(one.Notes, func(a, b ImportNote) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
			list = append(list, one)
		}
		if len(list) > mostImported {
			return nil, nil, &strictyaml.Error{File: file, Message: fmt.Sprintf("there are more than %d objectives in it", mostImported)}
		}
	}
	rename(list)
	return list, notes, nil
}

// foreign is the error of a file of somebody else's format that was taken for one of
// ours; nil of any other.
func foreign(file string, src []byte) error {
	docs, err := documents(file, src)
	if err != nil {
		return nil // whoever reads it says what is wrong with it
	}
	for _, doc := range docs {
		version := peek(doc, "apiVersion")
		in := &importing{read: map[*ast.MappingValueNode]bool{}, opened: map[ast.Node]bool{}}
		format := ""
		switch {
		case strings.HasPrefix(version, "openslo"):
			format = "OpenSLO"
		case strings.HasPrefix(version, "sloth.slok.dev/"), strings.HasPrefix(peek(doc, "version"), "prometheus/"):
			format = "Sloth"
		case strings.HasPrefix(version, "pyrra.dev/"):
			format = "Pyrra"
		case in.root(doc).get("slo_configs").there():
			format = "slo_configs"
		default:
			continue
		}
		at := noteAt(tokenOf(doc), "", "")
		return &strictyaml.Error{File: file, Line: at.Line, Column: 1, Message: fmt.Sprintf("this is a file of %s: sitrep slo import %s makes objectives of it", format, file)}
	}
	return nil
}

// peek is a scalar of a document that nobody counts as read.
func peek(doc ast.Node, key string) string {
	in := &importing{read: map[*ast.MappingValueNode]bool{}, opened: map[ast.Node]bool{}}
	return in.root(doc).get(key).text()
}

// drafts are the objectives of a document; false of a kind that has none.
func (b branch) drafts(indicators map[string]ast.Node) (list []*draft, known bool) {
	version, kind := b.get("apiVersion").text(), b.get("kind").text()
	switch {
	case strings.HasPrefix(version, "openslo") && kind == "SLO":
		return b.openSLO(indicators), true
	case strings.HasPrefix(version, "openslo") && kind == "SLI":
		_ = b.get("metadata").get("name")
		b.get("spec").consume() // whoever names it reads it
		return nil, true
	case strings.HasPrefix(version, "sloth.slok.dev/") && kind == "PrometheusServiceLevel":
		return b.get("spec").sloth(), true
	case strings.HasPrefix(version, "pyrra.dev/") && kind == "ServiceLevelObjective":
		return b.pyrra(), true
	case strings.HasPrefix(b.get("version").text(), "prometheus/"):
		return b.sloth(), true
	case b.get("slo_configs").there():
		return b.get("slo_configs").configs(), true
	}
	return nil, false
}

// consume marks all below as read: it is read elsewhere.
func (b branch) consume() {
	for _, one := range b.each() {
		one.consume()
	}
	for _, one := range b.list() {
		one.consume()
	}
}

// rename makes the names of a file's objectives unique.
func rename(list []Imported) {
	seen := map[string]bool{}
	for i := range list {
		name := list[i].Name
		for n := 2; seen[list[i].Name]; n++ {
			list[i].Name = fmt.Sprintf("%s-%d", name, n)
		}
		if seen[list[i].Name] = true; list[i].Name != name {
			list[i].YAML = strings.Replace(list[i].YAML, "name: "+quoted(name)+"\n", "name: "+quoted(list[i].Name)+"\n", 1)
			list[i].Notes = append(list[i].Notes, ImportNote{Line: list[i].Line, Column: list[i].Column, Text: fmt.Sprintf("another objective is called %s too: this one is %s now", name, list[i].Name)})
		}
	}
}
