package query

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Suggestion is a word that completes an expression. What a server says may be in
// any of its texts.
type Suggestion struct {
	Text   string // what a person sees
	Insert string // what takes the place of Spot.From to Spot.To
	Kind   string // counter, gauge, function, label, ...
	Help   string // one line
}

// Signature is a function's or aggregation's name with its arguments, and the place
// of argument arg in it; empty for what is neither.
func Signature(name string, arg int) (text string, from, to int) {
	args, result := argumentsOf(name)
	if args == nil {
		return "", 0, 0
	}
	text = name + "("
	for i, a := range args {
		if i > 0 {
			text += ", "
		}
		start := len(text)
		text += a
		if i == arg || i == len(args)-1 && arg > i {
			from, to = start, len(text)
		}
	}
	return text + ") " + result, from, to
}

// argumentsOf are the types of arguments, nil for what is no function.
func argumentsOf(name string) (args []string, result string) {
	if slices.Contains(aggregations(), name) {
		switch name {
		case "topk", "bottomk", "limitk":
			return []string{"k scalar", "instant-vector"}, "instant-vector"
		case "limit_ratio":
			return []string{"ratio scalar", "instant-vector"}, "instant-vector"
		case "quantile":
			return []string{"φ scalar", "instant-vector"}, "instant-vector"
		case "count_values":
			return []string{"label string", "instant-vector"}, "instant-vector"
		}
		return []string{"instant-vector"}, "instant-vector"
	}
	f := parser.Functions[name]
	if f == nil {
		return nil, ""
	}
	args = []string{}
	for i, t := range f.ArgTypes {
		a := typeName(t)
		if f.Variadic != 0 && i >= len(f.ArgTypes)-max(f.Variadic, 1) {
			a = "[" + a + "]"
			if f.Variadic < 0 {
				a += "…"
			}
		}
		args = append(args, a)
	}
	return args, typeName(f.ReturnType)
}

func typeName(t parser.ValueType) string {
	switch t {
	case parser.ValueTypeVector:
		return "instant-vector"
	case parser.ValueTypeMatrix:
		return "range-vector"
	}
	return string(t)
}

func aggregations() []string {
	return []string{"avg", "bottomk", "count", "count_values", "group", "limitk", "limit_ratio", "max", "min", "quantile", "stddev", "stdvar", "sum", "topk"}
}

// functions are all functions and aggregations that begin with word; those that are
// experimental come last.
func functions(word string) []Suggestion {
	word = strings.ToLower(word)
	var list []Suggestion
	for _, name := range aggregations() {
		if strings.HasPrefix(name, word) {
			list = append(list, ofFunction(name, "aggregation"))
		}
	}
	var later []Suggestion
	for _, name := range slices.Sorted(maps.Keys(parser.Functions)) {
		switch f := parser.Functions[name]; {
		case !strings.HasPrefix(name, word):
		case f.Experimental:
			later = append(later, ofFunction(name, "experimental"))
		default:
			list = append(list, ofFunction(name, "function"))
		}
	}
	return append(list, later...)
}

func ofFunction(name, kind string) Suggestion {
	help, _, _ := Signature(name, -1)
	return Suggestion{Text: name, Insert: name + "(", Kind: kind, Help: help}
}

func wordsOf(kind string, list ...string) []Suggestion {
	out := make([]Suggestion, 0, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		out = append(out, Suggestion{Text: list[i], Insert: list[i], Kind: kind, Help: list[i+1]})
	}
	return out
}

// fixed are the words that no server has to be asked for.
func fixed(s Spot) []Suggestion {
	var list []Suggestion
	switch s.Want {
	case WantExpression:
		if s.Word == "" {
			return nil
		}
		return functions(s.Word)
	case WantGrouping:
		list = wordsOf("keyword", "by", "keep these labels", "without", "drop these labels")
	case WantModifier:
		if s.Word == "" {
			return nil
		}
		list = wordsOf("keyword",
			"and", "series that the other side has too", "or", "all of both sides", "unless", "series that the other side has not", "atan2", "arc tangent of both sides",
			"by", "keep these labels", "without", "drop these labels", "offset", "so long ago", "on", "match by these labels", "ignoring", "match without these labels",
			"group_left", "many to one", "group_right", "one to many", "bool", "0 or 1 instead of a filter")
	case WantDuration:
		list = wordsOf("duration", "5m", "five minutes", "1m", "one minute", "$__rate_interval", "fits the step and the scrape interval",
			"15m", "a quarter of an hour", "30m", "half an hour", "1h", "one hour", "6h", "six hours", "1d", "one day", "7d", "a week", "$__range", "all that is shown", "$__interval", "one step")
	default:
		return nil
	}
	return slices.DeleteFunc(list, func(w Suggestion) bool { return !strings.HasPrefix(w.Text, s.Word) || w.Text == s.Word })
}

// Complete puts a suggestion into an expression; the cursor stands at byte offset at
// then.
func Complete(expr string, s Spot, w Suggestion) (text string, at int) {
	from, to := min(max(s.From, 0), len(expr)), min(max(s.To, s.From, 0), len(expr))
	put, rest := w.Insert, expr[to:]
	switch s.Want {
	case WantValue:
		put = quotedFor(w.Insert, s.Quote)
		switch {
		case rest == "" || !strings.ContainsRune("|)", rune(rest[0])) && rest[0] != s.Quote:
			put += string(rune(s.Quote))
		case rest[0] == s.Quote:
			rest, put = rest[1:], put+rest[:1]
		}
	case WantLabel:
		if !legacyName(put) || strings.Contains(put, ":") {
			put = fmt.Sprintf("%q", put)
		}
		if s.InBraces && (rest == "" || !strings.ContainsAny(rest[:1], "=!")) {
			put += `="`
		}
	case WantDuration:
		if rest == "" || rest[0] != ']' && rest[0] != ':' {
			put += "]"
		}
	case WantExpression:
		if strings.HasSuffix(put, "(") && strings.HasPrefix(rest, "(") {
			put = strings.TrimSuffix(put, "(")
		}
	}
	return expr[:from] + put + rest, from + len(put)
}

// quotedFor writes a value so that it means itself between quotes.
func quotedFor(value string, quote byte) string {
	switch quote {
	case '`':
		return strings.ReplaceAll(value, "`", "") // nothing escapes there
	case '\'':
		q := fmt.Sprintf("%q", value)
		return strings.ReplaceAll(strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`), `'`, `\'`)
	}
	q := fmt.Sprintf("%q", value)
	return q[1 : len(q)-1]
}
