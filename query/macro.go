package query

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Both spellings of Grafana: $__interval and ${__interval}. $1 of
// label_replace and $ in a regex are none of ours.
var macro = regexp.MustCompile(`\$(?:__(?:rate_interval|interval|range)(?:_ms|_s)?\b|\{__(?:rate_interval|interval|range)(?:_ms|_s)?\}|__(?:from|to)\b|\{__(?:from|to)(?::[^}]*)?\})`)

// variable is any other, at the start of a text.
var variable = regexp.MustCompile(`^\$(?:\{\w+(?::\w+)?\}|\w+)`)

// Window is what the macros of an expression stand for.
type Window struct {
	Step   time.Duration // of the grid: $__interval
	Span   time.Duration // of the whole chart: $__range
	End    time.Time     // of the chart: $__to, and $__from a span before; zero = they stay as they are
	Scrape time.Duration // interval of the scrapes; 0 = 15 s, Prometheus' usual
}

// RateInterval is the shortest range over which rate() has enough samples at
// every step:
//
//	max(step + scrape, 4 * scrape)
//
// Source: Grafana, $__rate_interval of the Prometheus data source. A scrape
// interval that is too short here shows as "no data".
func (w Window) RateInterval() time.Duration {
	scrape := w.Scrape
	if scrape <= 0 {
		scrape = 15 * time.Second
	}
	return max(w.Step+scrape, 4*scrape)
}

// Interpolate replaces $__rate_interval, $__interval and $__range, each also
// with _ms or _s (plain numbers) and in braces, and $__from and $__to, also as
// ${__from:date:FORMAT}. Everything else stays.
func Interpolate(expr string, w Window) string {
	return substitute(expr, w, func(_, value string) string { return value })
}

func substitute(expr string, w Window, as func(was, value string) string) string {
	if !strings.Contains(expr, "$") {
		return expr
	}
	return macro.ReplaceAllStringFunc(expr, func(was string) string {
		name := strings.Trim(strings.TrimPrefix(was, "$"), "{}_")
		if moment, form, ok := w.moment(name); ok {
			if moment.IsZero() {
				return as(was, was)
			}
			return as(was, momentText(moment, form))
		}
		d, rest := w.Step, ""
		switch {
		case strings.HasPrefix(name, "rate_interval"):
			d, rest = w.RateInterval(), strings.TrimPrefix(name, "rate_interval")
		case strings.HasPrefix(name, "range"):
			d, rest = w.Span, strings.TrimPrefix(name, "range")
		default:
			rest = strings.TrimPrefix(name, "interval")
		}
		ms := max(1, d.Milliseconds())
		switch {
		case rest == "_ms":
			return as(was, strconv.FormatInt(ms, 10))
		case rest == "_s":
			return as(was, strconv.FormatInt(max(1, ms/1000), 10))
		case ms%1000 == 0:
			return as(was, strconv.FormatInt(ms/1000, 10)+"s")
		}
		return as(was, strconv.FormatInt(ms, 10)+"ms")
	})
}

// Fault is what is wrong with an expression and where: Pos and End are byte
// offsets into the text as it was written.
type Fault struct {
	Msg      string
	Pos, End int
}

func (f *Fault) Error() string { return fmt.Sprintf("PromQL at character %d: %s", f.Pos+1, f.Msg) }

// CheckExpr parses PromQL, macros included, and returns the first fault or nil.
func CheckExpr(expr string) *Fault { return checkExpr(expr, nil) }

// checkExpr is CheckExpr for a board with variables: they may be whatever makes
// sense where they stand.
func checkExpr(expr string, variables map[string]*Variable) *Fault {
	if strings.TrimSpace(expr) == "" {
		return &Fault{Msg: "the expression is empty"}
	}
	if len(expr) > 64<<10 {
		return &Fault{Msg: "the expression is longer than 64 KiB"}
	}
	f := faultOf(expr)
	if len(variables) > 0 && strings.ContainsAny(expr, "$[") {
		f = probe(expr, variables)
	}
	if f == nil {
		return nil
	}
	if name := variable.FindString(expr[f.Pos:]); name != "" {
		if known, _ := parseReference(name); variables[known] == nil {
			f.Msg = fmt.Sprintf("variable %s is not known; known are $__rate_interval, $__interval and $__range", name)
			f.End = f.Pos + len(name)
		}
	}
	return f
}

// faultOf is what the parser says of an expression without variables.
func faultOf(expr string) *Fault {
	_, err := parse(expr)
	return faultIn(expr, err)
}

// CheckPlain is CheckExpr for an expression that goes to the server as it is, as those of
// experiments do: $__interval is nothing there.
func CheckPlain(expr string) *Fault {
	_, err := parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(expr)
	return faultIn(expr, err)
}

// faultIn is what the parser said, with its place.
func faultIn(expr string, err error) *Fault {
	if err == nil {
		return nil
	}
	f := &Fault{Msg: oneLine(err.Error())}
	var all parser.ParseErrors
	if errors.As(err, &all) && len(all) > 0 {
		first := all[0]
		f.Msg = oneLine(first.Err.Error())
		f.Pos = min(max(0, int(first.PositionRange.Start)), len(expr))
		f.End = min(max(f.Pos, int(first.PositionRange.End)), len(expr))
	}
	return f
}

// parse reads expr with its macros replaced by text of the same length, so that
// positions are those of the file.
func parse(expr string) (parser.Expr, error) {
	usual := Window{Step: 15 * time.Second, Span: time.Hour, End: time.Unix(1e9, 0)}
	padded := substitute(expr, usual, func(was, value string) string {
		return value + strings.Repeat(" ", max(0, len(was)-len(value)))
	})
	return parser.NewParser(parser.Options{EnableExperimentalFunctions: true}).ParseExpr(padded)
}
