package pane

import (
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// withValues is the title of a board with what it is about, as far as there is room
// in a heading of that width beside what else stands in it.
func withValues(title safe.Text, b *query.Board, width int) safe.Text {
	const beside = 24
	left := width - title.Width() - beside
	for _, v := range b.Shown {
		if v.Hide {
			continue
		}
		one := safe.New(valueText(v), safe.Line).Fit(max(width/3, 12))
		if left -= one.Width() + 2; left < 0 {
			return safe.Concat(title, safe.Const("  …"))
		}
		title = safe.Concat(title, safe.Const("  "), one)
	}
	return title
}

// valueText is job=api,web.
func valueText(v query.Shown) string {
	text := v.Name + "=" + strings.Join(v.Texts, ",")
	if len(v.Texts) == 0 {
		return v.Name + "=none"
	}
	if v.More > 0 {
		text += fmt.Sprintf(",+%d", v.More)
	}
	return text
}

// askVariable asks which variable is to be changed, and then for its value.
func askVariable(s *Screen) Effect {
	var choices []Choice
	if snap := s.World.Board; snap != nil && snap.Board != nil {
		for i := range snap.Board.Variables {
			v := &snap.Board.Variables[i]
			if v.Hide || v.Type == query.ConstantVariable {
				continue
			}
			choices = append(choices, Choice{Value: v.Name, Text: variableText(snap, i)})
		}
	}
	then := func(name string) Effect { return askValues(name, s) }
	switch len(choices) {
	case 0:
		return Effect{Handled: true, Toast: "this board has no variables (variables: in its file)"}
	case 1:
		return then(choices[0].Value)
	}
	return Effect{Handled: true, Ask: &Ask{Title: "Variable", Choices: choices, Then: then}}
}

// variableText is a row of the list of variables.
func variableText(snap *query.Snapshot, i int) string {
	v := &snap.Board.Variables[i]
	name := v.Label
	if name == "" {
		name = v.Name
	}
	text := name
	if i < len(snap.Board.Shown) {
		text = fmt.Sprintf("%-12s %s", name, strings.TrimPrefix(valueText(snap.Board.Shown[i]), v.Name+"="))
	}
	if i >= len(snap.Offers) {
		return text + "  (not known yet)"
	}
	if err := snap.Offers[i].Err; err != nil {
		return text + "  ! " + err.Error()
	}
	return text
}

// askValues asks for the value of a variable, or for several.
func askValues(name string, s *Screen) Effect {
	snap := s.World.Board
	at := -1
	for i := range snap.Board.Variables {
		if snap.Board.Variables[i].Name == name {
			at = i
		}
	}
	if at < 0 || at >= len(snap.Offers) {
		return Effect{Handled: true, Toast: "it is not known yet what " + name + " offers"}
	}
	v, o := &snap.Board.Variables[at], snap.Offers[at]
	set := func(values []string) Effect {
		return Effect{Handled: true, Orders: []Order{SetValues{Values: query.Values{name: values}}}}
	}
	if v.Type == query.TextVariable {
		return Effect{Handled: true, Ask: &Ask{
			Title: name, Help: "any text", Initial: strings.Join(o.Chosen, ""), Then: func(text string) Effect { return set([]string{text}) },
		}}
	}
	if len(o.Options) == 0 && !v.All {
		why := name + " offers nothing"
		if o.Err != nil {
			why = o.Err.Error()
		}
		return Effect{Handled: true, Toast: why}
	}
	p := &Pick{Title: name, Chosen: o.Chosen, Multi: v.Multi, Then: set}
	if v.All {
		p.All = query.AllOptions
		p.Options = append(p.Options, Choice{Value: query.AllOptions, Text: "All"})
	}
	for _, option := range o.Options {
		text := option.Text
		if option.Value != text && option.Value != "" && !strings.HasPrefix(option.Value, "$__") {
			text += "  " + option.Value
		}
		p.Options = append(p.Options, Choice{Value: option.Value, Text: text})
	}
	if o.More {
		p.Title += " (the first of more)"
	}
	return Effect{Handled: true, Pick: p}
}
