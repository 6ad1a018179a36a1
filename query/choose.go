package query

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// lookup is one question of a query variable.
type lookup struct {
	kind  string // label_values, label_names, metrics, query_result
	match string // a selector; "" is everything
	arg   string // the label, the pattern or the expression
}

var (
	lookupForm  = regexp.MustCompile(`(?s)^\s*(label_names|label_values|metrics|query_result)\(\s*(.*?)\s*\)\s*$`)
	labelValues = regexp.MustCompile(`(?s)^(?:(.+?)\s*,\s*)?([a-zA-Z_$][\w${}:\[\]]*)$`)
)

// parseLookup reads the query of a variable; false if it is none that is known.
func parseLookup(text string) (lookup, bool) {
	m := lookupForm.FindStringSubmatch(text)
	if m == nil {
		return lookup{}, false
	}
	switch m[1] {
	case "label_names":
		return lookup{kind: m[1], match: m[2]}, true
	case "label_values":
		parts := labelValues.FindStringSubmatch(m[2])
		if parts == nil {
			return lookup{}, false
		}
		return lookup{kind: m[1], match: parts[1], arg: parts[2]}, true
	}
	return lookup{kind: m[1], arg: m[2]}, m[2] != "" || m[1] == "metrics"
}

// IsLookup reports whether the query of a variable is one that can be asked.
func IsLookup(text string) bool {
	_, ok := parseLookup(text)
	return ok
}

// Order is the board's variables such that each comes after those that its query
// names, as indexes into Variables; and the names of those that name each other in
// a ring, which stand at the end.
func (b *Board) Order() (order []int, ring []string) {
	at := map[string]int{}
	for i, v := range b.Variables {
		at[v.Name] = i
	}
	done := make([]bool, len(b.Variables))
	for len(order) < len(b.Variables) {
		before := len(order)
		for i := range b.Variables {
			if !done[i] && !slices.ContainsFunc(b.Variables[i].names(), func(n string) bool { j, ok := at[n]; return ok && !done[j] && j != i }) {
				done[i], order = true, append(order, i)
			}
		}
		if len(order) == before {
			break
		}
	}
	for i, v := range b.Variables {
		if !done[i] || slices.Contains(v.names(), v.Name) {
			ring = append(ring, v.Name)
		}
		if !done[i] {
			order = append(order, i)
		}
	}
	return order, ring
}

// names are the words behind a $ in what a variable's options depend on.
func (v *Variable) names() (names []string) {
	for _, m := range reference.FindAllStringSubmatch(v.Query+" "+v.Regex, -1) {
		names = append(names, m[1]+m[2]+m[4])
	}
	return names
}

// Assumed are choices for every variable without asking anybody: what the file
// says, and "x" for what only a server knows.
func (b *Board) Assumed() Choices {
	c := Choices{}
	for i := range b.Variables {
		v := &b.Variables[i]
		c[v.Name] = v.first(v.options(b.Range), "x")
	}
	return c
}

// Choose asks c for the options of the board's variables, one after the other, and
// gives each its first value. A variable whose options could not be had is in
// failed by its name, and stands for its value in the file, or for nothing.
func (c *Client) Choose(ctx context.Context, b *Board, now time.Time) (choices Choices, failed map[string]error) {
	choices, failed = Choices{}, map[string]error{}
	order, _ := b.Order()
	for _, i := range order {
		v := &b.Variables[i]
		options := v.options(b.Range)
		if v.Type == QueryVariable {
			found, err := c.options(ctx, choices.Fill(v.Query), now.Add(-b.Range), now)
			if err == nil {
				options, err = v.keep(found, choices)
			}
			if err != nil {
				failed[v.Name] = fmt.Errorf("variable %s: %w", v.Name, err)
			}
		}
		choices[v.Name] = v.first(options, "")
	}
	return choices, failed
}

// options are those that stand in the file.
func (v *Variable) options(span time.Duration) []Option {
	options := slices.Clone(v.Options)
	for i, o := range options {
		options[i].Text = cmp.Or(o.Text, o.Value)
	}
	if v.Auto > 0 {
		auto := max(span/time.Duration(v.Auto), v.AutoMin.D(), time.Second).Round(time.Second)
		options = append(options, Option{Text: "auto", Value: strictyaml.FormatDuration(auto)})
	}
	return options
}

// first is what v stands for before anybody chose: its value in the file, else
// All, else the first option, else fallback.
func (v *Variable) first(options []Option, fallback string) Choice {
	c := Choice{Many: v.Multi || v.All}
	values := v.Value
	if len(values) == 1 && (values[0] == "$__auto" || strings.HasPrefix(values[0], "$__auto_interval")) && v.Auto > 0 {
		values = []string{options[len(options)-1].Value}
	}
	if len(values) == 0 && v.All || slices.Contains(values, AllOptions) {
		c.Texts = []string{"All"}
		switch {
		case v.AllValue != "":
			c.Values, c.Raw = []string{v.AllValue}, true
		case len(options) > 0:
			for _, o := range options {
				c.Values = append(c.Values, o.Value)
			}
		case fallback != "":
			c.Values = []string{fallback}
		default:
			c.Values, c.Raw = []string{".+"}, true
		}
		return c
	}
	switch {
	case len(values) > 0:
		c.Values = values
	case len(options) > 0:
		c.Values, c.Texts = []string{options[0].Value}, []string{cmp.Or(options[0].Text, options[0].Value)}
	case fallback != "":
		c.Values = []string{fallback}
	}
	return c
}

// keep applies the variable's regex and order to what a server answered.
func (v *Variable) keep(found []string, choices Choices) ([]Option, error) {
	pattern, err := regexp.Compile(strings.Trim(choices.Fill(v.Regex), "/"))
	if err != nil {
		return nil, fmt.Errorf("its regex cannot be read: %w", err)
	}
	var options []Option
	for _, text := range found {
		m := pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		o := Option{Text: text, Value: text}
		if i, j := pattern.SubexpIndex("text"), pattern.SubexpIndex("value"); v.Regex != "" && (i > 0 || j > 0) {
			if i > 0 {
				o.Text, o.Value = m[i], m[i]
			}
			if j > 0 {
				o.Value = m[j]
			}
		} else if v.Regex != "" && len(m) > 1 && m[1] != "" {
			o = Option{Text: m[1], Value: m[1]}
		}
		if !slices.ContainsFunc(options, func(have Option) bool { return have.Value == o.Value }) {
			options = append(options, o)
		}
	}
	if order := v.Sort.compare(); order != nil {
		slices.SortStableFunc(options, func(a, b Option) int { return order(a.Text, b.Text) })
	}
	return options, nil
}

// compare is nil for options that stay as they come.
func (s Sort) compare() func(a, b string) int {
	forward := func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
	switch s {
	case "":
		return nil
	case SortNumber, SortNumberDesc, SortNatural, SortNaturalDesc:
		forward = natural
	}
	if strings.HasSuffix(string(s), "_desc") {
		return func(a, b string) int { return forward(b, a) }
	}
	return forward
}

var numberRuns = regexp.MustCompile(`\d+|\D+`)

// natural orders texts with numbers in them by the numbers.
func natural(a, b string) int {
	as, bs := numberRuns.FindAllString(a, -1), numberRuns.FindAllString(b, -1)
	for i := range min(len(as), len(bs)) {
		x, y := strings.TrimLeft(as[i], "0"), strings.TrimLeft(bs[i], "0")
		isNumber := as[i][0] >= '0' && as[i][0] <= '9' && bs[i][0] >= '0' && bs[i][0] <= '9'
		if isNumber && len(x) != len(y) {
			return cmp.Compare(len(x), len(y))
		}
		if d := strings.Compare(strings.ToLower(x), strings.ToLower(y)); d != 0 {
			return d
		}
	}
	return cmp.Compare(len(as), len(bs))
}

// options asks what a variable's query asks, between two times.
func (c *Client) options(ctx context.Context, text string, from, to time.Time) ([]string, error) {
	ask, ok := parseLookup(text)
	if !ok {
		return nil, fmt.Errorf("its query %q is none of label_values(metric, label), label_values(label), label_names(), metrics(regex) and query_result(expr)", oneLine(text))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var match []string
	if ask.match != "" {
		match = []string{ask.match}
	}
	switch ask.kind {
	case "label_names":
		names, _, _, err := c.meta.LabelNames(ctx, match, from, to)
		if err != nil {
			return nil, c.readable(err)
		}
		return textsOf(names), nil
	case "query_result":
		samples, _, err := c.Instant(ctx, Interpolate(ask.arg, Window{Step: time.Minute, Span: to.Sub(from)}), to)
		if err != nil {
			return nil, err
		}
		return resultTexts(samples), nil
	case "metrics":
		pattern, err := regexp.Compile(ask.arg)
		if err != nil {
			return nil, fmt.Errorf("metrics(%s): %w", oneLine(ask.arg), err)
		}
		names, err := c.labelValues(ctx, model.MetricNameLabel, nil, from, to)
		return slices.DeleteFunc(names, func(n string) bool { return !pattern.MatchString(n) }), err
	}
	return c.labelValues(ctx, ask.arg, match, from, to)
}

func (c *Client) labelValues(ctx context.Context, label string, match []string, from, to time.Time) ([]string, error) {
	values, _, _, err := c.meta.LabelValues(ctx, label, match, from, to)
	if err != nil {
		return nil, c.readable(err)
	}
	return textsOf(values), nil
}

func textsOf[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

// resultTexts is Grafana's form of a sample, for a regex to take apart:
// name{label="value"} value time.
func resultTexts(samples []Sample) []string {
	texts := make([]string, len(samples))
	for i, s := range samples {
		labels := maps.Clone(s.Labels)
		name := labels[model.MetricNameLabel]
		delete(labels, model.MetricNameLabel)
		texts[i] = fmt.Sprintf("%s%s %v %d", name, labels.String(), s.Value, s.At.UnixMilli())
	}
	return texts
}

// CheckExpr parses an expression of the board, and returns the first fault or nil.
// One that holds a variable is not parsed.
func (b *Board) CheckExpr(expr string) *Fault {
	variables := map[string]*Variable{}
	for i := range b.Variables {
		variables[b.Variables[i].Name] = &b.Variables[i]
	}
	return checkExpr(expr, variables)
}
