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
			if !done[i] && !slices.ContainsFunc(b.needs(&b.Variables[i]), func(n string) bool { j, ok := at[n]; return ok && !done[j] && j != i }) {
				done[i], order = true, append(order, i)
			}
		}
		if len(order) == before {
			break
		}
	}
	for i, v := range b.Variables {
		if !done[i] || slices.Contains(b.needs(&v), v.Name) {
			ring = append(ring, v.Name)
		}
		if !done[i] {
			order = append(order, i)
		}
	}
	return order, ring
}

// needs are the words behind a $ in what a variable's options depend on, the
// source that it is asked of among them.
func (b *Board) needs(v *Variable) (names []string) {
	for _, m := range reference.FindAllStringSubmatch(v.Query+" "+v.Regex+" "+b.askedOf(v), -1) {
		names = append(names, m[1]+m[2]+m[4])
	}
	return names
}

// askedOf is the source that a variable's options are asked of, as it is written:
// its own, else the board's; nothing for one that asks nobody.
func (b *Board) askedOf(v *Variable) string {
	if v.Type != QueryVariable {
		return v.Source
	}
	return cmp.Or(v.Source, b.Source)
}

// Assumed are choices for every variable without asking anybody: what the file
// says, and "x" for what only a server knows.
func (b *Board) Assumed() Choices {
	c := Choices{}
	for i := range b.Variables {
		v := &b.Variables[i]
		o := Offer{Options: v.options()}
		if v.Type == QueryVariable || v.Type == SourceVariable {
			o.Options = nil
		}
		if o.Chosen = v.choose(&o, nil); len(o.Options) == 0 && (len(o.Chosen) == 0 || o.Chosen[0] == AllOptions && v.AllValue == "") {
			o.Chosen = []string{"x"}
		}
		c[v.Name] = v.choice(&o, b.Range)
	}
	return c
}

// Choose asks for the options of the board's variables, one after the other, and
// gives each its first value. A variable whose options could not be had is in
// failed by its name, and stands for its value in the file, or for nothing.
func (s Sources) Choose(ctx context.Context, b *Board, now time.Time) (choices Choices, failed map[string]error) {
	r := newResolver(s, 1)
	offers, choices := r.resolve(ctx, b, nil, Window{Step: time.Minute, Span: b.Range, End: now})
	failed = map[string]error{}
	for i := range offers {
		if err := offers[i].Err; err != nil {
			failed[b.Variables[i].Name] = err
		}
	}
	return choices, failed
}

// autoOption is the value of an interval that follows the range.
const autoOption = "$__auto"

// options are those that stand in the file.
func (v *Variable) options() []Option {
	options := slices.Clone(v.Options)
	for i, o := range options {
		options[i].Text = cmp.Or(o.Text, o.Value)
	}
	if v.Auto > 0 {
		options = append(options, Option{Text: "auto", Value: autoOption})
	}
	return options
}

// auto is what the option of that name stands for in a window so long: a step of
// the ladder, so that it does not change with every second of a range.
func (v *Variable) auto(span time.Duration) string {
	least := max(span/time.Duration(max(v.Auto, 1)), v.AutoMin.D(), time.Second)
	for _, s := range ladder() {
		if step := time.Duration(s) * time.Second; step >= least {
			return strictyaml.FormatDuration(step)
		}
	}
	return strictyaml.FormatDuration(least.Round(time.Second))
}

// choose is what v stands for, given what a person chose last, and what is offered
// now: of that what is still there, else what the file says, else All, else the
// first option. While nobody knows the options, what was chosen stays.
func (v *Variable) choose(o *Offer, chosen []string) []string {
	switch v.Type {
	case ConstantVariable:
		chosen = nil
	case TextVariable:
		if len(chosen) == 0 {
			chosen = v.first()
		}
		if len(chosen) == 0 {
			chosen = []string{""}
		}
		return chosen[:1]
	}
	for _, want := range [][]string{chosen, v.first()} {
		if left := v.offered(o, want); len(left) > 0 {
			return left
		}
	}
	switch {
	case v.All:
		return []string{AllOptions}
	case len(o.Options) > 0:
		return []string{o.Options[0].Value}
	}
	return nil
}

// first is what the file chooses.
func (v *Variable) first() []string {
	if len(v.Value) == 1 && v.Auto > 0 && strings.HasPrefix(v.Value[0], "$__auto") {
		return []string{autoOption} // Grafana's is $__auto_interval_NAME
	}
	return v.Value
}

// offered is what of the values can be chosen.
func (v *Variable) offered(o *Offer, values []string) []string {
	if slices.Contains(values, AllOptions) {
		if v.All {
			return []string{AllOptions}
		}
		values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == AllOptions })
	}
	if len(o.Options) > 0 && !o.More && v.Type != ConstantVariable {
		have := make(map[string]bool, len(o.Options))
		for _, option := range o.Options {
			have[option.Value] = true
		}
		values = slices.DeleteFunc(slices.Clone(values), func(s string) bool { return !have[s] })
	}
	if !v.Multi && len(values) > 1 {
		values = values[:1]
	}
	return values
}

// choice is what the chosen options put into an expression, in a window so long.
func (v *Variable) choice(o *Offer, span time.Duration) Choice {
	c := Choice{Many: v.Multi || v.All}
	if len(o.Chosen) == 1 && o.Chosen[0] == AllOptions {
		c.All, c.Texts = true, []string{"All"}
		for _, option := range o.Options {
			c.Values = append(c.Values, option.Value)
		}
		switch {
		case v.AllValue != "":
			c.Values, c.Each, c.Raw = []string{v.AllValue}, c.Values, true
		case len(c.Values) == 0:
			c.Values, c.Raw = []string{".+"}, true
		}
		return c
	}
	texts := make(map[string]string, len(o.Options))
	for _, option := range o.Options {
		texts[option.Value] = option.Text
	}
	for _, value := range o.Chosen {
		text := cmp.Or(texts[value], value)
		if value == autoOption && v.Auto > 0 {
			value = v.auto(span)
			text += " " + value
		}
		c.Values, c.Texts = append(c.Values, value), append(c.Texts, text)
	}
	return c
}

// keep applies the variable's regex and order to what was found.
func (v *Variable) keep(found []string, choices Choices) Offer {
	text := v.Regex
	if v.Type == SourceVariable {
		text = "" // it chose among the sources already
	}
	pattern, err := regexp.Compile(strings.Trim(choices.Title(text), "/"))
	if err != nil {
		return Offer{Err: fmt.Errorf("its regex cannot be read: %w", err)}
	}
	var o Offer
	seen := map[string]bool{}
	for _, one := range found {
		option, ok := captured(pattern, one)
		if !ok || seen[option.Value] {
			continue
		}
		if len(o.Options) == maxOptions {
			o.More = true
			break
		}
		seen[option.Value] = true
		o.Options = append(o.Options, option)
	}
	if order := v.Sort.compare(); order != nil {
		slices.SortStableFunc(o.Options, func(a, b Option) int { return order(a.Text, b.Text) })
	}
	return o
}

// captured is the option that a pattern takes out of a text: its groups named text
// and value, else its first group, else all.
func captured(pattern *regexp.Regexp, found string) (Option, bool) {
	m := pattern.FindStringSubmatch(found)
	if m == nil {
		return Option{}, false
	}
	i, j := pattern.SubexpIndex("text"), pattern.SubexpIndex("value")
	switch {
	case i > 0 && j > 0:
		return Option{Text: cmp.Or(m[i], m[j]), Value: cmp.Or(m[j], m[i])}, m[i] != "" || m[j] != ""
	case i > 0:
		return Option{Text: m[i], Value: m[i]}, m[i] != ""
	case j > 0:
		return Option{Text: m[j], Value: m[j]}, m[j] != ""
	case len(m) > 1 && m[1] != "":
		return Option{Text: m[1], Value: m[1]}, true
	}
	return Option{Text: found, Value: found}, true
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

// resultTexts is Grafana's form of a sample, for a regex to take apart:
// name{label="value"} value time.
func resultTexts(samples []Sample) []string {
	texts := make([]string, len(samples))
	for i, s := range samples {
		labels := maps.Clone(s.Labels)
		name := labels[model.MetricNameLabel]
		delete(labels, model.MetricNameLabel)
		texts[i] = fmt.Sprintf("%s%s %s %d", name, labels.String(), cell{s.Value, s.Histogram}.text(), s.At.UnixMilli())
	}
	return texts
}

// CheckExpr parses an expression of the board, and returns the first fault or nil.
// Its variables may be whatever makes sense where they stand.
func (b *Board) CheckExpr(expr string) *Fault {
	variables := map[string]*Variable{}
	for i := range b.Variables {
		variables[b.Variables[i].Name] = &b.Variables[i]
	}
	return checkExpr(expr, variables)
}
