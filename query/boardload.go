package query

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

type boardFile struct {
	Title   string              `yaml:"title"`
	Range   strictyaml.Duration `yaml:"range"`
	Refresh strictyaml.Duration `yaml:"refresh"`
	Panels  []panelFile         `yaml:"panels"`
}

type panelFile struct {
	Title      string          `yaml:"title"`
	Type       string          `yaml:"type"`
	Unit       string          `yaml:"unit"`
	Decimals   *int            `yaml:"decimals"`
	Min        *float64        `yaml:"min"`
	Max        *float64        `yaml:"max"`
	Signal     bool            `yaml:"signal"`
	Better     string          `yaml:"better"`
	Queries    []queryFile     `yaml:"queries"`
	PromQL     string          `yaml:"promql"` // the short form of one query
	Legend     string          `yaml:"legend"`
	Thresholds []thresholdFile `yaml:"thresholds"`
}

type queryFile struct {
	Expr   string `yaml:"expr"`
	Legend string `yaml:"legend"`
}

type thresholdFile struct {
	Value *float64 `yaml:"value"`
	State string   `yaml:"state"`
}

// Bounds of a board: more panels than a screen has cells, or queries than a
// server likes, are a mistake in the file.
const (
	maxPanels  = 100
	maxQueries = 20
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
	l := loader{doc: doc, src: src}
	b := Board{
		Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), Title: f.Title,
		Range: f.Range.D(), Refresh: f.Refresh.D(),
	}
	switch {
	case len(f.Panels) == 0:
		return Board{}, doc.Errorf("panels", "a board needs at least one panel")
	case len(f.Panels) > maxPanels:
		return Board{}, doc.Errorf("panels", "%d panels: a board has at most %d", len(f.Panels), maxPanels)
	case b.Range != 0 && b.Range < 10*time.Second:
		return Board{}, doc.Errorf("range", "the range must be 10s or longer")
	case b.Range > 5*365*24*time.Hour:
		return Board{}, doc.Errorf("range", "the range must be at most 5 years")
	case b.Refresh != 0 && b.Refresh < time.Second:
		return Board{}, doc.Errorf("refresh", "the refresh must be 1s or longer")
	}
	if b.Title == "" {
		b.Title = b.Name
	}
	if b.Range == 0 {
		b.Range = time.Hour
	}
	if b.Refresh == 0 {
		b.Refresh = 5 * time.Second
	}
	for i, pf := range f.Panels {
		p, err := l.panel(fmt.Sprintf("panels[%d]", i), pf)
		if err != nil {
			return Board{}, err
		}
		b.Panels = append(b.Panels, p)
	}
	return b, nil
}

type loader struct {
	doc *strictyaml.Doc
	src []byte
}

func (l loader) panel(path string, f panelFile) (Panel, error) {
	fail := func(key, format string, args ...any) (Panel, error) {
		return Panel{}, l.doc.Errorf(path+key, format, args...)
	}
	p := Panel{
		Title: f.Title, Type: PanelType(f.Type), Unit: f.Unit, Decimals: f.Decimals,
		Min: f.Min, Max: f.Max, Signal: f.Signal, Better: Better(f.Better),
	}
	if p.Type == "" {
		p.Type = TimeSeries
	}
	if p.Better == "" {
		p.Better = Lower
	}
	switch {
	case strings.TrimSpace(p.Title) == "":
		return fail("", "this panel has no title")
	case p.Type != TimeSeries && p.Type != Stat:
		return fail(".type", "panel type %q is not known; known are timeseries and stat", f.Type)
	case p.Better != Lower && p.Better != Higher:
		return fail(".better", "better is lower or higher, not %q", f.Better)
	case p.Decimals != nil && (*p.Decimals < 0 || *p.Decimals > 9):
		return fail(".decimals", "decimals are 0 to 9, not %d", *p.Decimals)
	case !finite(p.Min):
		return fail(".min", "min must be a finite number")
	case !finite(p.Max):
		return fail(".max", "max must be a finite number")
	case p.Min != nil && p.Max != nil && *p.Min >= *p.Max:
		return fail(".max", "max (%v) must be above min (%v)", *p.Max, *p.Min)
	}
	var err error
	if p.Queries, err = l.queries(path, f); err != nil {
		return Panel{}, err
	}
	for i, t := range f.Thresholds {
		at := fmt.Sprintf(".thresholds[%d]", i)
		switch {
		case t.Value == nil || !finite(t.Value):
			return fail(at, "a threshold needs a value, a finite number")
		case State(t.State) != Warn && State(t.State) != Crit:
			return fail(at+".state", "the state of a threshold is warn or crit, not %q", t.State)
		}
		p.Thresholds = append(p.Thresholds, Threshold{Value: *t.Value, State: State(t.State)})
	}
	return p, nil
}

func (l loader) queries(path string, f panelFile) ([]Query, error) {
	switch {
	case f.PromQL != "" && len(f.Queries) > 0:
		return nil, l.doc.Errorf(path+".promql", "write promql or queries, not both")
	case f.Legend != "" && len(f.Queries) > 0:
		return nil, l.doc.Errorf(path+".legend", "write the legend beside the expr of its query")
	case len(f.Queries) > maxQueries:
		return nil, l.doc.Errorf(path+".queries", "%d queries: a panel has at most %d", len(f.Queries), maxQueries)
	case f.PromQL != "":
		if err := l.promql(path+".promql", f.PromQL); err != nil {
			return nil, err
		}
		return []Query{{Expr: strings.TrimSpace(f.PromQL), Legend: f.Legend}}, nil
	case len(f.Queries) == 0:
		return nil, l.doc.Errorf(path, "this panel has no query; write promql: EXPR, or queries: [{expr: EXPR, legend: TEXT}]")
	}
	var queries []Query
	for i, q := range f.Queries {
		at := fmt.Sprintf("%s.queries[%d]", path, i)
		if strings.TrimSpace(q.Expr) == "" {
			return nil, l.doc.Errorf(at, "this query has no expr")
		}
		if err := l.promql(at+".expr", q.Expr); err != nil {
			return nil, err
		}
		queries = append(queries, Query{Expr: strings.TrimSpace(q.Expr), Legend: q.Legend})
	}
	return queries, nil
}

// promql checks expr and points at the very character of a fault where the
// file holds the text as it is; escaped or folded text is pointed at as a whole.
func (l loader) promql(path, expr string) error {
	fault := CheckExpr(expr)
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

func finite(v *float64) bool { return v == nil || !math.IsNaN(*v) && !math.IsInf(*v, 0) }
