package query

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// YAML is the board as a file that LoadBoard reads back: what has its default is
// left out, one query is written in its short form, small things stand on one
// line. The board's name is the file's, and not in it. It is an error if the
// file would be larger than what is read.
func (b *Board) YAML() ([]byte, error) {
	f := boardFile{
		Title: b.Title, Description: b.Description, Source: b.Source, Presets: b.Presets, Links: b.Links,
		Variables: slices.Clone(b.Variables),
	}
	if b.Range != time.Hour {
		f.Range = strictyaml.Duration(b.Range)
	}
	if b.Refresh != 5*time.Second {
		f.Refresh = strictyaml.Duration(b.Refresh)
	}
	for i := range f.Variables {
		if v := &f.Variables[i]; v.Type == QueryVariable {
			v.Type = ""
		}
	}
	free := len(b.Panels)
	if len(b.Rows) > 0 {
		free = b.Rows[0].From
	}
	f.Panels = panelFiles(b.Panels[:free])
	for _, r := range b.Rows {
		f.Rows = append(f.Rows, rowFile{Title: r.Title, Collapsed: r.Collapsed, Repeat: r.Repeat, Panels: panelFiles(b.Panels[r.From:r.To])})
	}
	var w yamlWriter
	w.mapping(nodeOf(reflect.ValueOf(f)), 0)
	if w.Len() > strictyaml.MaxSize {
		return nil, fmt.Errorf("board %s: its file would have %d KiB, and at most %d KiB are read; make two boards of it", b.Name, w.Len()>>10, strictyaml.MaxSize>>10)
	}
	return []byte(w.String()), nil
}

// panelFiles takes out what LoadBoard puts in.
func panelFiles(panels []Panel) []panelFile {
	if len(panels) == 0 {
		return nil
	}
	files := make([]panelFile, len(panels))
	for i, p := range panels {
		f := &files[i]
		f.Panel = p
		if p.Type == TimeSeries {
			f.Type = ""
		}
		if p.Better == Lower {
			f.Better = ""
		}
		if len(p.Queries) == 1 && p.Type.Asks() {
			if q := p.Queries[0]; reflect.DeepEqual(q, Query{Expr: q.Expr, Legend: q.Legend}) {
				f.Queries, f.PromQL, f.LegendText = nil, q.Expr, q.Legend
			}
		}
	}
	return files
}

// node is a value of the file: a mapping, a list or a scalar.
type node struct {
	keys []string // of a mapping, beside kids
	kids []node
	text string // of a scalar, as it is
	form nodeForm
	long bool // never on one line: a list whose items have lines of their own, a panel
}

type nodeForm int

const (
	scalarNode nodeForm = iota // a string, which may need quotes
	literalNode
	mappingNode
	listNode
)

// nodeOf makes a tree of what encoding/json would write of v, in the order of
// its fields.
func nodeOf(v reflect.Value) node {
	if v.CanInterface() {
		if d, ok := v.Interface().(strictyaml.Duration); ok {
			return node{text: d.String(), form: literalNode}
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		return nodeOf(v.Elem())
	case reflect.Struct:
		n := node{form: mappingNode}
		n.fields(v)
		switch v.Interface().(type) {
		case panelFile, rowFile, boardFile:
			n.long = true
			n.promqlFirst()
		}
		return n
	case reflect.Slice:
		n := node{form: listNode}
		for i := range v.Len() {
			n.kids = append(n.kids, nodeOf(v.Index(i)))
		}
		return n
	case reflect.Map:
		n := node{form: mappingNode}
		for _, k := range v.MapKeys() {
			n.keys = append(n.keys, k.String())
		}
		slices.Sort(n.keys)
		for _, k := range n.keys {
			n.kids = append(n.kids, nodeOf(v.MapIndex(reflect.ValueOf(k))))
		}
		return n
	case reflect.String:
		return node{text: v.String()}
	case reflect.Bool:
		return node{text: strconv.FormatBool(v.Bool()), form: literalNode}
	case reflect.Int:
		return node{text: strconv.FormatInt(v.Int(), 10), form: literalNode}
	case reflect.Float64:
		return node{text: strconv.FormatFloat(v.Float(), 'g', -1, 64), form: literalNode}
	}
	return node{} // no board has another
}

func (n *node) fields(v reflect.Value) {
	for i := range v.NumField() {
		field, at := v.Type().Field(i), v.Field(i)
		if strings.Contains(field.Tag.Get("yaml"), "inline") {
			n.fields(at)
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if options != "" && at.IsZero() { // an empty list may say that there is none
			continue
		}
		child := nodeOf(at)
		child.long = len(child.kids) > 0 && slices.Contains([]string{"panels", "rows", "variables", "queries", "overrides", "transforms", "presets"}, name)
		n.keys, n.kids = append(n.keys, name), append(n.kids, child)
	}
}

// promqlFirst puts the expression and its legend before the rest of a panel, where
// a person looks first; as the last fields of the struct they come after it.
func (n *node) promqlFirst() {
	at := slices.Index(n.keys, "promql")
	if at < 0 {
		return
	}
	to := 0
	for _, before := range []string{"title", "description", "type", "place", "source"} {
		if i := slices.Index(n.keys, before); i >= 0 {
			to = max(to, i+1)
		}
	}
	keys, kids := slices.Clone(n.keys[at:]), slices.Clone(n.kids[at:])
	n.keys = slices.Insert(n.keys[:at:at], to, keys...)
	n.kids = slices.Insert(n.kids[:at:at], to, kids...)
}
