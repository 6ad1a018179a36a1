package query

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
)

// Choice is what one variable stands for.
type Choice struct {
	Values []string // in a board's order; none leaves the variable where it stands
	Texts  []string // what a person sees of them; nil are the values
	// Raw is an all_value: it goes in as it is, whatever the format.
	Raw bool
	// Many is a variable that is multi or has All: it is used in =~, and its
	// values are escaped for that.
	Many bool
	All  bool     // all of its options
	Each []string // what repeats stand for, where Values are an all_value; nil are the values
}

// Choices are the values of a board's variables by their names.
type Choices map[string]Choice

// reference is Grafana's own: $name, [[name:format]], ${name.field:format}. A name
// is as long as its letters go, so that $nodename never is $node and "name".
var reference = regexp.MustCompile(`\$(\w+)|\[\[(\w+)(?:\.[^:^\]]+)?(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}`)

// Title puts the values into a text for people.
func (c Choices) Title(text string) string {
	return c.replace(text, func(v Choice, form string) string {
		switch {
		case form == "":
			return textForm(v)
		case v.Raw && form != "text" && form != "queryparam":
			return strings.Join(v.Values, "|")
		}
		return v.as(form)
	})
}

// as writes the values in one of Grafana's formats; an unknown one is glob, as
// there.
func (c Choice) as(form string) string {
	switch form {
	case "regex":
		return listOf(c.Values, "|", "(", ")", literally)
	case "pipe":
		return strings.Join(c.Values, "|")
	case "csv", "raw":
		return strings.Join(c.Values, ",")
	case "json":
		return jsonForm(c.Values)
	case "text":
		return textForm(c)
	case "doublequote":
		return mapped(c.Values, func(v string) string { return `"` + strings.ReplaceAll(v, `"`, `\"`) + `"` })
	case "singlequote":
		return mapped(c.Values, func(v string) string { return "'" + strings.ReplaceAll(v, "'", `\'`) + "'" })
	case "percentencode":
		return percentEncoded(listOf(c.Values, ",", "{", "}", func(v string) string { return v }))
	}
	return listOf(c.Values, ",", "{", "}", func(v string) string { return v })
}

func textForm(c Choice) string {
	if len(c.Texts) > 0 {
		return strings.Join(c.Texts, " + ")
	}
	return strings.Join(c.Values, " + ")
}

// listOf is one value alone, and several between open and end.
func listOf(values []string, between, open, end string, form func(string) string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = form(v)
	}
	if len(all) == 1 {
		return all[0]
	}
	return open + strings.Join(all, between) + end
}

func mapped(values []string, form func(string) string) string {
	return listOf(values, ",", "", "", form)
}

func jsonForm(values []string) string {
	var one any = values
	if len(values) == 1 {
		one = values[0]
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(one); err != nil {
		return "" // strings always can be
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// percentEncoded leaves only what RFC 3986 calls unreserved.
func percentEncoded(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
