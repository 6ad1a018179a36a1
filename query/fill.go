package query

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Fill puts the values into an expression, so that whatever a value is, it stays
// one: within quotes it is escaped for them, and as a regular expression where
// several may be chosen, as Grafana's Prometheus data source does. What names no
// variable of c stays as it is: macros, the $1 of label_replace.
func (c Choices) Fill(expr string) string {
	if len(c) == 0 || !strings.ContainsAny(expr, "$[") {
		return expr
	}
	var b strings.Builder
	for rest := expr; rest != ""; {
		var piece string
		piece, rest = cutLiteral(rest)
		b.WriteString(c.fillPiece(piece))
	}
	return b.String()
}

// cutLiteral takes from the front of an expression a string with its quotes, a
// comment, or all up to the next of them.
func cutLiteral(expr string) (piece, rest string) {
	quote := expr[0]
	switch quote {
	case '#':
		if end := strings.IndexByte(expr, '\n'); end >= 0 {
			return expr[:end], expr[end:]
		}
		return expr, ""
	case '"', '\'', '`':
		for i := 1; i < len(expr); i++ {
			switch {
			case expr[i] == '\\' && quote != '`':
				i++
			case expr[i] == quote:
				return expr[:i+1], expr[i+1:]
			}
		}
		return expr, "" // it never ends; the parser says so
	}
	if end := strings.IndexAny(expr, "\"'`#"); end >= 0 {
		return expr[:end], expr[end:]
	}
	return expr, ""
}

// fillPiece fills in a piece that cutLiteral gave.
func (c Choices) fillPiece(piece string) string {
	quote := piece[0]
	switch quote {
	case '"', '\'':
		return c.replace(piece, func(v Choice, form string) string { return v.quoted(form, quote) })
	case '`':
		inside := strings.Trim(piece, "`")
		filled := c.replace(inside, func(v Choice, form string) string { return v.pattern(form) })
		if strings.Count(piece, "`") == 2 && (strings.ContainsAny(filled, "`\ufffd") || !utf8.ValidString(filled)) {
			return `"` + withinQuotes(filled, '"') + `"` // a raw string cannot hold it
		}
		return strings.Replace(piece, inside, filled, 1)
	}
	return c.replace(piece, func(v Choice, form string) string {
		switch {
		case form == "" && !v.Raw:
			return strings.Join(v.Values, ",")
		case v.Raw && form != "text" && form != "queryparam":
			return strings.Join(v.Values, "|")
		}
		return v.as(form)
	})
}

// pattern is the values where nothing has to be escaped for quotes.
func (c Choice) pattern(form string) string {
	switch {
	case c.Raw && form != "text" && form != "queryparam":
		return strings.Join(c.Values, "|")
	case form == "" && c.Many:
		return listOf(c.Values, "|", "(", ")", literally)
	case form == "":
		return strings.Join(c.Values, ",")
	}
	return c.as(form)
}

// literally is a regular expression that matches a value. Bytes that are no text
// cannot stand in one.
func literally(value string) string { return strings.ToValidUTF8(regexp.QuoteMeta(value), ".") }

// quoted is the values between quotes of that kind. A regular expression that was
// made here is escaped whole. What was written as it is by a person (an all_value,
// ${x:raw}) only cannot end the quotes.
func (c Choice) quoted(form string, quote byte) string {
	text := c.pattern(form)
	if !c.Raw && (form == "" || form == "regex") {
		return withinQuotes(text, quote)
	}
	return contained(text, quote)
}

// withinQuotes is text as it is written between quotes of that kind.
func withinQuotes(text string, quote byte) string {
	q := strconv.Quote(text)
	q = strings.ReplaceAll(q[1:len(q)-1], "\ufffd", `\ufffd`) // PromQL takes it for a fault of the encoding
	if quote == '\'' {
		q = strings.NewReplacer(`\\`, `\\`, `\"`, `"`, `'`, `\'`).Replace(q)
	}
	return q
}

// contained escapes of text what would end the quotes, or may not stand in them.
func contained(text string, quote byte) string {
	var b strings.Builder
	open := false // a backslash waits for what it escapes
	for i, width := 0, 0; i < len(text); i += width {
		var r rune
		r, width = utf8.DecodeRuneInString(text[i:])
		plain := r != utf8.RuneError && r >= 0x20 && r != 0x7f
		switch {
		case open && !plain, r == rune(quote) && !open:
			b.WriteByte('\\')
		}
		switch {
		case plain:
			b.WriteRune(r)
		case width == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		open = r == '\\' && !open
	}
	if open {
		b.WriteByte('\\')
	}
	return b.String()
}

// replace gives every reference to a variable of c that has values what as makes
// of it and of the format that the reference asks for.
func (c Choices) replace(text string, as func(v Choice, form string) string) string {
	if !strings.ContainsAny(text, "$[") {
		return text
	}
	return reference.ReplaceAllStringFunc(text, func(was string) string {
		name, form := parseReference(was)
		choice, ok := c[name]
		if !ok || len(choice.Values) == 0 {
			return was
		}
		return as(choice, form)
	})
}

// parseReference is the name and the format of what reference has matched.
func parseReference(was string) (name, form string) {
	m := reference.FindStringSubmatch(was)
	return m[1] + m[2] + m[4], m[3] + m[5]
}

// URL puts the values into an address: escaped, and several as var-name=a&var-name=b
// after ${name:queryparam}.
func (c Choices) URL(address string) string {
	if len(c) == 0 || !strings.ContainsAny(address, "$[") {
		return address
	}
	return reference.ReplaceAllStringFunc(address, func(was string) string {
		name, form := parseReference(was)
		choice, ok := c[name]
		if !ok || len(choice.Values) == 0 {
			return was
		}
		switch form {
		case "queryparam":
			values := choice.Values
			if choice.All {
				values = []string{AllOptions}
			}
			pairs := make([]string, len(values))
			for i, v := range values {
				pairs[i] = "var-" + name + "=" + percentEncoded(v)
			}
			return strings.Join(pairs, "&")
		case "", "percentencode":
			return percentEncoded(strings.Join(choice.Values, ","))
		}
		return percentEncoded(choice.as(form))
	})
}
