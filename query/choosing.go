package query

import (
	"fmt"
	"slices"
	"strings"
)

// mostTyped is how long a value may be that a person types.
const mostTyped = 64 << 10

// Choosing checks what a person wants to choose, given what is offered now (nil:
// that is not known), and returns it as Values has it: a name is found without its
// case, a value by its text too, and all stands for AllOptions. No value at all is
// the first choice again.
func (b *Board) Choosing(want Values, offers []Offer) (Values, error) {
	chosen := Values{}
	for name, values := range want {
		i := slices.IndexFunc(b.Variables, func(v Variable) bool { return v.Name == name })
		if i < 0 {
			i = slices.IndexFunc(b.Variables, func(v Variable) bool { return strings.EqualFold(v.Name, name) })
		}
		if i < 0 {
			return nil, fmt.Errorf("board %s has no variable %q; %s", b.Name, cut(oneLine(name), maxLegend), b.variableNames())
		}
		v := &b.Variables[i]
		var o Offer
		if i < len(offers) {
			o = offers[i]
		}
		if len(o.Options) == 0 && v.Type != QueryVariable && v.Type != SourceVariable {
			o.Options = v.options()
		}
		one, err := v.choosing(values, &o)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		chosen[v.Name] = one
	}
	return chosen, nil
}

func (b *Board) variableNames() string {
	var names []string
	for _, v := range b.Variables {
		names = append(names, v.Name)
	}
	if len(names) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(names, ", ")
}

// choosing is one variable's part of Choosing.
func (v *Variable) choosing(values []string, o *Offer) (chosen []string, err error) {
	switch {
	case v.Type == ConstantVariable:
		return nil, fmt.Errorf("it is a constant")
	case len(values) > 1 && !v.Multi:
		return nil, fmt.Errorf("it has one value at a time")
	}
	for _, value := range values {
		known, ok := v.option(value, o)
		switch {
		case len(value) > mostTyped:
			return nil, fmt.Errorf("a value is at most %d KiB long", mostTyped>>10)
		case known == AllOptions:
			return []string{AllOptions}, nil
		case !ok:
			return nil, fmt.Errorf("%q is not offered%s", cut(oneLine(value), maxLegend), someOf(o.Options))
		}
		if !slices.Contains(chosen, known) {
			chosen = append(chosen, known)
		}
	}
	return chosen, nil
}

// option is the value that a person means.
func (v *Variable) option(said string, o *Offer) (value string, ok bool) {
	if v.Type == TextVariable {
		return said, true
	}
	if slices.ContainsFunc(o.Options, func(option Option) bool { return option.Value == said }) {
		return said, true
	}
	if v.All && (said == AllOptions || strings.EqualFold(said, "all")) {
		return AllOptions, true
	}
	for _, option := range o.Options {
		if option.Text == said || strings.EqualFold(option.Value, said) {
			return option.Value, true
		}
	}
	return said, len(o.Options) == 0 || o.More // nobody knows better
}

// someOf names a few options.
func someOf(options []Option) string {
	const few = 8
	var names []string
	for _, o := range options[:min(len(options), few)] {
		names = append(names, cut(oneLine(o.Value), 40))
	}
	switch {
	case len(names) == 0:
		return ""
	case len(options) > few:
		return fmt.Sprintf("; there are %s and %d more", strings.Join(names, ", "), len(options)-few)
	}
	return "; there are " + strings.Join(names, ", ")
}
