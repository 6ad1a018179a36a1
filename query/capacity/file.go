package capacity

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Resource is something that may run out, as a file states it.
type Resource struct {
	Name     string
	Service  string
	Source   string // of both expressions
	Unit     Unit
	Usage    string // PromQL; a series each for what runs out by itself, such as a disk
	Limit    Limit
	Paid     string // PromQL of what is paid for: requested, provisioned; "" is what is used
	Price    string // which price of the price file counts; "" is none
	Daily    Daily
	Headroom float64 // the share of the limit that is to stay free
	History  time.Duration
	File     string

	doc *strictyaml.Doc // of the file; nil of one that was made here
	at  string          // where it stands there
}

// errorf is an error about one of its keys, at its place in the file.
func (r *Resource) errorf(key, format string, args ...any) error {
	if r.doc == nil {
		return fmt.Errorf("resource %s: %w", r.Name, fmt.Errorf(format, args...))
	}
	return r.doc.Errorf(r.at+"."+key, format, args...)
}

// Limit is what a usage must not reach: one of the three.
type Limit struct {
	Number float64 // 0 is none
	Query  string  // PromQL; matched with the usage by its labels, unless it is one series
	Load   string  // the highest rate that a load run of this plan reached and held
}

// Daily is how a day becomes a number.
type Daily string

// The ways: for a limit, or for a cost.
const (
	Peak   Daily = "peak"   // Peaks
	Median Daily = "median" // Medians
)

type (
	resourceFile struct {
		Resources []resourceEntry `yaml:"resources"`
	}
	resourceEntry struct {
		Name     string              `yaml:"name"`
		Service  string              `yaml:"service"`
		Source   string              `yaml:"source"`
		Unit     Unit                `yaml:"unit"`
		Usage    string              `yaml:"usage"`
		Limit    limitEntry          `yaml:"limit"`
		Paid     string              `yaml:"paid"`
		Price    string              `yaml:"price"`
		Daily    Daily               `yaml:"daily"`
		Headroom strictyaml.Share    `yaml:"headroom"`
		History  strictyaml.Duration `yaml:"history"`
	}
	// limitEntry is a number, PromQL, or {load: PLAN}.
	limitEntry struct{ Limit }
)

// UnmarshalYAML reads one of the three.
func (l *limitEntry) UnmarshalYAML(n ast.Node) error {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		v, err := strconv.ParseFloat(n.GetToken().Value, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			return &yaml.SyntaxError{Message: fmt.Sprintf("a limit is above 0, not %s", n.GetToken().Value), Token: n.GetToken()}
		}
		l.Number = v
		return nil
	case *ast.StringNode:
		l.Query = n.Value
		return nil
	case *ast.LiteralNode:
		l.Query = n.Value.Value
		return nil
	case *ast.MappingNode:
		if len(n.Values) == 1 && n.Values[0].Key.GetToken().Value == "load" {
			if plan, ok := n.Values[0].Value.(*ast.StringNode); ok && plan.Value != "" {
				l.Load = plan.Value
				return nil
			}
		}
	}
	return &yaml.SyntaxError{Message: "a limit is a number, PromQL, or {load: PLAN}", Token: n.GetToken()}
}

// Bounds of a resource.
const (
	usualHistory    = 90 * 24 * time.Hour
	leastHistory    = leastDays * 24 * time.Hour
	longestHistory  = 400 * 24 * time.Hour
	mostResources   = 200
	mostHeadroom    = 0.9
	mostExpressions = 16 << 10 // bytes
)

var named = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$`)

// Load reads src, the content of file, and checks all that can be checked without a
// server. Errors are *strictyaml.Error.
func Load(file string, src []byte) ([]Resource, error) {
	var f resourceFile
	doc, err := strictyaml.Decode(file, src, &f)
	if err != nil {
		return nil, err
	}
	switch {
	case len(f.Resources) == 0:
		return nil, doc.Errorf("resources", "there are no resources: write one such as {name: disk, usage: …, limit: …}")
	case len(f.Resources) > mostResources:
		return nil, doc.Errorf("resources", "%d resources are more than %d", len(f.Resources), mostResources)
	}
	seen := map[string]bool{}
	list := make([]Resource, 0, len(f.Resources))
	for i, e := range f.Resources {
		at := fmt.Sprintf("resources[%d]", i)
		r, err := e.resource(doc, at)
		if err != nil {
			return nil, err
		}
		if seen[r.Name] {
			return nil, doc.Errorf(at+".name", "there are two resources %q", r.Name)
		}
		seen[r.Name] = true
		r.File = filepath.Base(file)
		list = append(list, r)
	}
	return list, nil
}

func (e resourceEntry) resource(doc *strictyaml.Doc, at string) (Resource, error) {
	r := Resource{
		Name: e.Name, Service: e.Service, Source: e.Source, Unit: e.Unit, Usage: e.Usage, Limit: e.Limit.Limit, Paid: e.Paid, Price: e.Price,
		Daily: cmp.Or(e.Daily, Peak), Headroom: float64(e.Headroom), History: cmp.Or(e.History.D(), usualHistory),
		doc: doc, at: at,
	}
	switch {
	case !named.MatchString(r.Name):
		return r, doc.Errorf(at+".name", "%q is no name: letters, digits, _ . and -, at most 100", r.Name)
	case r.Usage == "":
		return r, doc.Errorf(at, "usage is missing: PromQL of how much is used")
	case r.Daily != Peak && r.Daily != Median:
		return r, doc.Errorf(at+".daily", "daily is peak or median, not %q", r.Daily)
	case r.History < leastHistory || r.History > longestHistory:
		return r, doc.Errorf(at+".history", "the history is from 14d to 400d, not %s", strictyaml.FormatDuration(r.History))
	case r.Headroom > mostHeadroom:
		return r, doc.Errorf(at+".headroom", "a headroom of more than 90%% leaves nothing to be used")
	case r.Limit == (Limit{}) && r.Price == "":
		return r, doc.Errorf(at, "neither a limit nor a price: there is nothing to say about %s", r.Name)
	case !known(r.Unit):
		return r, doc.Errorf(at+".unit", "%q is none of the units: %s", r.Unit, units())
	}
	for key, expr := range map[string]string{"usage": r.Usage, "paid": r.Paid, "limit": r.Limit.Query} {
		if err := checkExpression(expr); err != nil {
			return r, doc.Errorf(at+"."+key, "%v", err)
		}
	}
	return r, nil
}

func checkExpression(expr string) error {
	if expr == "" {
		return nil
	}
	if len(expr) > mostExpressions {
		return fmt.Errorf("the expression has more than %d KiB", mostExpressions>>10)
	}
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return fmt.Errorf("this is no PromQL: %w", err)
	}
	if t := tree.Type(); t != parser.ValueTypeVector && t != parser.ValueTypeScalar {
		return fmt.Errorf("the expression gives a %s, and a number at a time is needed: put rate() or max_over_time() around it", t)
	}
	return nil
}
