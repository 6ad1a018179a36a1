package query

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

type (
	boardFile struct {
		Title       string              `json:"title"`
		Description string              `json:"description,omitempty"`
		Range       strictyaml.Duration `json:"range,omitempty"`
		Refresh     strictyaml.Duration `json:"refresh,omitempty"`
		Source      string              `json:"source,omitempty"`
		Variables   []Variable          `json:"variables,omitempty"`
		Panels      []panelFile         `json:"panels,omitempty"`
		Rows        []rowFile           `json:"rows,omitempty"`
		Presets     []Preset            `json:"presets,omitempty"`
		Links       []Link              `json:"links,omitempty"`
	}
	rowFile struct {
		Title     string      `json:"title"`
		Collapsed bool        `json:"collapsed,omitempty"`
		Repeat    string      `json:"repeat,omitempty"`
		Panels    []panelFile `json:"panels,omitempty"`
	}
	panelFile struct {
		Panel      `yaml:",inline"`
		PromQL     string `json:"promql,omitempty"` // the short form of one query
		LegendText string `json:"legend,omitempty"`
	}
)

// Bounds of a board: more panels than a screen has cells, or queries than a
// server likes, are a mistake in the file.
const (
	maxPanels    = 500
	maxQueries   = 50
	maxVariables = 100
)

// LoadBoard reads src, the content of file, and checks everything that can be
// checked without a server, PromQL included. Errors are *strictyaml.Error at
// the line and column of the fault; file also gives the board its name.
func LoadBoard(file string, src []byte) (Board, error) {
	var f boardFile
	doc, err := strictyaml.Decode(file, src, &f)
	if err != nil {
		return Board{}, err
	}
	l := loader{doc: doc, src: src, variables: map[string]*Variable{}}
	b := Board{
		Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), Title: f.Title, Description: f.Description,
		Range: f.Range.D(), Refresh: f.Refresh.D(), Source: f.Source, Variables: f.Variables, Presets: f.Presets, Links: f.Links,
	}
	panels := len(f.Panels)
	for _, r := range f.Rows {
		panels += len(r.Panels)
	}
	switch {
	case panels == 0:
		return Board{}, doc.Errorf("panels", "a board needs at least one panel")
	case panels > maxPanels:
		return Board{}, doc.Errorf("panels", "%d panels: a board has at most %d", panels, maxPanels)
	case b.Range != 0 && b.Range < 10*time.Second:
		return Board{}, doc.Errorf("range", "the range must be 10s or longer")
	case b.Range > longestRange:
		return Board{}, doc.Errorf("range", "the range must be at most 5 years")
	case b.Refresh != 0 && b.Refresh < time.Second:
		return Board{}, doc.Errorf("refresh", "the refresh must be 1s or longer")
	}
	b.Title = cmp.Or(b.Title, b.Name)
	b.Range = cmp.Or(b.Range, time.Hour)
	b.Refresh = cmp.Or(b.Refresh, 5*time.Second)
	if err := l.declare(b.Variables); err != nil {
		return Board{}, err
	}
	b.Panels = l.panels("panels", f.Panels, b.Panels)
	for i, r := range f.Rows {
		at := fmt.Sprintf("rows[%d]", i)
		if err := l.repeats(at+".repeat", r.Repeat); err != nil {
			l.wrong = append(l.wrong, err)
		}
		row := Row{Title: r.Title, Collapsed: r.Collapsed, Repeat: r.Repeat, From: len(b.Panels)}
		b.Panels = l.panels(at+".panels", r.Panels, b.Panels)
		row.To = len(b.Panels)
		b.Rows = append(b.Rows, row)
	}
	if err := l.faults(); err != nil {
		return Board{}, err
	}
	return b, l.presets(b.Presets)
}

const longestRange = 5 * 365 * 24 * time.Hour

type loader struct {
	doc       *strictyaml.Doc
	src       []byte
	variables map[string]*Variable
	wrong     []error // the first fault of each panel and row
}

// mostFaults are told of one file: who has more mends the first ones first.
const mostFaults = 10

// faults are those of the panels and rows, together: whoever wrote them is not sent
// round once for each.
func (l *loader) faults() error {
	if more := len(l.wrong) - mostFaults; more > 0 {
		l.wrong = append(l.wrong[:mostFaults], fmt.Errorf("and %d panels more are wrong", more))
	}
	if len(l.wrong) == 1 {
		return l.wrong[0]
	}
	return errors.Join(l.wrong...)
}

// panels appends those of one list of the file to all.
func (l *loader) panels(path string, files []panelFile, all []Panel) []Panel {
	for i := range files {
		p, err := l.panel(fmt.Sprintf("%s[%d]", path, i), &files[i])
		if err != nil {
			l.wrong = append(l.wrong, err)
			continue
		}
		all = append(all, p)
	}
	return all
}

func (l *loader) presets(presets []Preset) error {
	seen := map[string]bool{}
	for i, p := range presets {
		at := fmt.Sprintf("presets[%d]", i)
		switch {
		case p.Name == "":
			return l.doc.Errorf(at, "this preset has no name")
		case seen[p.Name]:
			return l.doc.Errorf(at+".name", "there are two presets %q", p.Name)
		case p.Range != 0 && (p.Range.D() < 10*time.Second || p.Range.D() > longestRange):
			return l.doc.Errorf(at+".range", "the range is 10s to 5 years")
		}
		seen[p.Name] = true
		for name := range p.Values {
			if l.variables[name] == nil {
				return l.doc.Errorf(at+".values", "the board has no variable %q", name)
			}
		}
	}
	return nil
}

func (l *loader) queries(path string, f *panelFile) ([]Query, error) {
	switch {
	case f.PromQL != "" && len(f.Queries) > 0:
		return nil, l.doc.Errorf(path+".promql", "write promql or queries, not both")
	case f.LegendText != "" && len(f.Queries) > 0:
		return nil, l.doc.Errorf(path+".legend", "write the legend beside the expr of its query")
	case len(f.Queries) > maxQueries:
		return nil, l.doc.Errorf(path+".queries", "%d queries: a panel has at most %d", len(f.Queries), maxQueries)
	case !f.Type.Asks() && f.Type != NotDrawn && (f.PromQL != "" || len(f.Queries) > 0):
		return nil, l.doc.Errorf(path+".type", "a panel of type %s has no queries", f.Type)
	case f.PromQL != "":
		if err := l.promql(path+".promql", f.PromQL); err != nil {
			return nil, err
		}
		return []Query{{Expr: strings.TrimSpace(f.PromQL), Legend: f.LegendText}}, nil
	case len(f.Queries) == 0 && f.Type.Asks():
		return nil, l.doc.Errorf(path, "this panel has no query; write promql: EXPR, or queries: [{expr: EXPR, legend: TEXT}]")
	}
	refs := map[string]bool{}
	for i := range f.Queries {
		q, at := &f.Queries[i], fmt.Sprintf("%s.queries[%d]", path, i)
		switch {
		case strings.TrimSpace(q.Expr) == "":
			return nil, l.doc.Errorf(at, "this query has no expr")
		case q.Ref != "" && refs[q.Ref]:
			return nil, l.doc.Errorf(at+".ref", "there are two queries %q in this panel", q.Ref)
		case q.Format != "" && q.Format != AsSeries && q.Format != AsTable && q.Format != AsHeatmap:
			return nil, l.doc.Errorf(at+".format", "the format is %s, not %q", oneOf(AsSeries, AsTable, AsHeatmap), q.Format)
		}
		refs[q.Ref] = true
		if f.Type != NotDrawn { // whose queries may be in another language
			if err := l.promql(at+".expr", q.Expr); err != nil {
				return nil, err
			}
		}
		if err := l.step(at+".min_step", q.MinStep); err != nil {
			return nil, err
		}
		q.Expr = strings.TrimSpace(q.Expr)
	}
	return f.Queries, nil
}

// promql checks expr and points at the very character of a fault where the
// file holds the text as it is; escaped or folded text is pointed at as a whole.
func (l *loader) promql(path, expr string) error {
	fault := checkExpr(expr, l.variables)
	if fault == nil {
		return nil
	}
	err := l.doc.Errorf(path, "PromQL: %s", fault.Msg)
	e, ok := err.(*strictyaml.Error)
	if !ok || e.Line == 0 {
		return err
	}
	line, column, text, ok := locate(strings.Split(string(l.src), "\n"), e.Line, e.Column, expr, fault.Pos)
	if !ok {
		e.Message += fmt.Sprintf(" (at %q)", near(expr, fault.Pos))
		return e
	}
	e.Line, e.Column = line, column
	gutter := fmt.Sprintf("> %2d | ", line)
	e.Excerpt = gutter + text + "\n" + strings.Repeat(" ", len(gutter)+column-1) + "^"
	return e
}

// locate finds where byte pos of expr stands in a file whose value starts at
// line and column (from 1).
func locate(lines []string, line, column int, expr string, pos int) (int, int, string, bool) {
	before := expr[:min(pos, len(expr))]
	k := strings.Count(before, "\n")
	want := strings.Split(strings.TrimRight(expr, "\n"), "\n")
	if k >= len(want) { // the fault is the end of the text
		k = len(want) - 1
		before = strings.Join(want, "\n")
	}
	offset := len(before) - strings.LastIndexByte(before, '\n') - 1
	// One line: the text stands on the line of the value, perhaps in quotes.
	// A block (|) starts on the line below.
	for _, first := range []int{line, line + 1} {
		at := first + k
		if at < 1 || at > len(lines) || (len(want) > 1 && first == line) {
			continue
		}
		from := 0
		if at == line {
			from = min(max(0, column-1), len(lines[at-1]))
		}
		text := strings.TrimRight(lines[at-1], "\r")
		if i := strings.Index(text[min(from, len(text)):], want[k]); i >= 0 {
			return at, min(from, len(text)) + i + offset + 1, text, true
		}
	}
	return 0, 0, "", false
}

func near(expr string, pos int) string {
	rest := expr[min(max(0, pos), len(expr)):]
	if rest == "" {
		return "the end"
	}
	return oneLine(rest[:min(len(rest), 40)])
}
