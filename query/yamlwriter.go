package query

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// yamlWriter writes nodes so that a person likes to read them: on one line what
// fits on one, in a block what is long or has lines of its own.
type yamlWriter struct{ strings.Builder }

// widest is how long a line may become that could be several.
const widest = 120

// mapping writes n in lines; the first is where the writer stands, and the others
// are indented.
func (w *yamlWriter) mapping(n node, indent int) {
	for i, key := range n.keys {
		if i > 0 {
			w.WriteString(strings.Repeat(" ", indent))
		}
		w.WriteString(scalarText(key, true) + ":")
		w.value(n.kids[i], indent, indent+len(key)+2)
	}
}

// value writes what stands behind a key whose line began at indent.
func (w *yamlWriter) value(n node, indent, column int) {
	one, fits := n.oneLine(column)
	switch {
	case fits:
		w.WriteString(" " + one + "\n")
	case n.form == mappingNode:
		w.WriteString("\n" + strings.Repeat(" ", indent+2))
		w.mapping(n, indent+2)
	case n.form == listNode:
		w.WriteString("\n")
		for _, kid := range n.kids {
			w.WriteString(strings.Repeat(" ", indent+2) + "-")
			w.item(kid, indent+4)
		}
	case blockFits(n.text):
		w.literal(n.text, indent+2)
	default:
		w.WriteString(" " + one + "\n")
	}
}

// item writes what stands behind the dash of a list.
func (w *yamlWriter) item(n node, indent int) {
	if _, fits := n.oneLine(indent); !fits && n.form == mappingNode {
		w.WriteString(" ")
		w.mapping(n, indent)
		return
	}
	w.value(n, indent-2, indent)
}

// literal writes text as it is, on lines of its own.
func (w *yamlWriter) literal(text string, indent int) {
	mark := " |-\n"
	if strings.HasSuffix(text, "\n") {
		mark = " |\n"
	}
	w.WriteString(mark)
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if line != "" {
			w.WriteString(strings.Repeat(" ", indent) + line)
		}
		w.WriteString("\n")
	}
}

// oneLine is n on a line that has come to column, and whether it should be there.
func (n *node) oneLine(column int) (string, bool) {
	if n.form == scalarNode {
		text := scalarText(n.text, false)
		quoted := text != n.text
		long := strings.Contains(n.text, "\n") || quoted && column+len(text) > widest || quoted && text[0] == '\'' && strings.Contains(n.text, "'")
		return text, !long || !blockFits(n.text)
	}
	if n.long {
		return "", false
	}
	text, ok := n.flow()
	return text, ok && column+utf8.RuneCountInString(text) <= widest
}

// flow is n in braces and brackets, unless something in it has lines.
func (n *node) flow() (string, bool) {
	switch n.form {
	case literalNode:
		return n.text, true
	case scalarNode:
		return scalarText(n.text, true), !strings.Contains(n.text, "\n") || !blockFits(n.text)
	}
	parts := make([]string, len(n.kids))
	for i, length := 0, 0; i < len(n.kids); i++ {
		text, ok := n.kids[i].flow()
		if length += utf8.RuneCountInString(text); !ok || length > widest {
			return "", false
		}
		parts[i] = text
		if n.form == mappingNode {
			parts[i] = scalarText(n.keys[i], true) + ": " + text
		}
	}
	all := strings.Join(parts, ", ")
	if n.form == mappingNode {
		return "{" + all + "}", true
	}
	return "[" + all + "]", true
}

// blockFits reports whether text can stand in a block as it is.
func blockFits(text string) bool {
	body := strings.TrimSuffix(text, "\n")
	if body == "" || strings.HasSuffix(body, "\n") {
		return false
	}
	for i, line := range strings.Split(body, "\n") {
		trimmed := strings.TrimSpace(line)
		if !printable(line) || trimmed == "" && line != "" || i == 0 && line != strings.TrimLeft(line, " ") || line == "" && i == 0 ||
			line != strings.TrimRight(line, " ") {
			return false
		}
	}
	return true
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

var (
	// plainText needs no quotes anywhere, and plainBlock none outside of braces.
	plainText  = regexp.MustCompile(`^[A-Za-z_$][\w ./()+*%=<>$^~-]*$`)
	plainBlock = regexp.MustCompile(`^[A-Za-z_$(][\w ./()+*%=<>$^~"'{}\[\],!:|@&?;-]*$`)
	plainTime  = regexp.MustCompile(`^\d+(ms|s|m|h|d|w)$`)
	// otherThings are words that are no strings where nothing quotes them.
	otherThings = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|nan|inf)$`)
)

// scalarText is a string as it is, in quotes if it needs them.
func scalarText(text string, flow bool) string {
	plain := plainText.MatchString(text) || plainTime.MatchString(text) ||
		!flow && plainBlock.MatchString(text) && !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") && !strings.Contains(text, "{{")
	switch {
	case plain && !otherThings.MatchString(text) && !strings.HasSuffix(text, " "):
		return text
	case printable(text):
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return escaped(text)
}

// escaped is text in double quotes.
func escaped(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
