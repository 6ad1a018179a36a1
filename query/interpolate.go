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
}

// Choices are the values of a board's variables by their names.
type Choices map[string]Choice

// reference is Grafana's own: $name, [[name:format]], ${name.field:format}. A name
// is as long as its letters go, so that $nodename never is $node and "name".
var reference = regexp.MustCompile(`\$(\w+)|\[\[(\w+)(?:\.[^:^\]]+)?(?::(\w+))?\]\]|\$\{(\w+)(?:\.[^:^}]+)?(?::([^}]+))?\}`)

// Fill puts the values into an expression. What names no variable of c stays as it
// is: macros, the $1 of label_replace. A variable without a format is written as
// Grafana's Prometheus data source does: alone as text within quotes, and where
// several may be chosen as a regular expression.
func (c Choices) Fill(expr string) string { return c.fill(expr, promqlForm) }

// Title puts the values into a text for people.
func (c Choices) Title(text string) string { return c.fill(text, textForm) }

func (c Choices) fill(text string, usual func(Choice) string) string {
	if len(c) == 0 || !strings.ContainsAny(text, "$[") {
		return text
	}
	return reference.ReplaceAllStringFunc(text, func(was string) string {
		m := reference.FindStringSubmatch(was)
		choice, ok := c[m[1]+m[2]+m[4]]
		if !ok || len(choice.Values) == 0 {
			return was
		}
		form := m[3] + m[5]
		if choice.Raw && form != "text" && form != "queryparam" {
			return strings.Join(choice.Values, "|")
		}
		if form == "" {
			return usual(choice)
		}
		return choice.as(form)
	})
}

// as writes the values in one of Grafana's formats; an unknown one is glob, as
// there.
func (c Choice) as(form string) string {
	switch form {
	case "regex":
		return joined(c.Values, "|", "(", ")", regexp.QuoteMeta)
	case "pipe":
		return strings.Join(c.Values, "|")
	case "csv", "raw":
		return strings.Join(c.Values, ",")
	case "json":
		return jsonForm(c.Values)
	case "text":
		return textForm(c)
	case "doublequote":
		return each(c.Values, func(v string) string { return `"` + strings.ReplaceAll(v, `"`, `\"`) + `"` })
	case "singlequote":
		return each(c.Values, func(v string) string { return "'" + strings.ReplaceAll(v, "'", `\'`) + "'" })
	case "percentencode":
		return percentEncoded(joined(c.Values, ",", "{", "}", func(v string) string { return v }))
	}
	return joined(c.Values, ",", "{", "}", func(v string) string { return v })
}

func textForm(c Choice) string {
	if len(c.Texts) > 0 {
		return strings.Join(c.Texts, " + ")
	}
	return strings.Join(c.Values, " + ")
}

// promqlForm is a value within the quotes of a matcher. A backslash of the regular
// expression is two there.
func promqlForm(c Choice) string {
	if !c.Many {
		return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.Join(c.Values, ","))
	}
	return joined(c.Values, "|", "(", ")", func(v string) string {
		return strings.ReplaceAll(regexp.QuoteMeta(v), `\`, `\\`)
	})
}

// joined is one value alone, and several between open and end.
func joined(values []string, between, open, end string, form func(string) string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = form(v)
	}
	if len(all) == 1 {
		return all[0]
	}
	return open + strings.Join(all, between) + end
}

func each(values []string, form func(string) string) string {
	return joined(values, ",", "", "", form)
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
