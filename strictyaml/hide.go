package strictyaml

import (
	"regexp"
	"strings"
)

const hidden = "…"

// Hide takes out of a text what is a secret by its shape, wherever it stands:
// the user and password of a URL, the tokens of Slack, an Authorization header.
func Hide(text string) string {
	text = userinfo.ReplaceAllString(text, "://"+hidden+"@")
	return shapes.ReplaceAllString(text, "${1}"+hidden)
}

var (
	userinfo = regexp.MustCompile(`://[^\s"']*@`)
	shapes   = regexp.MustCompile(`(?i)(\bxox[a-z]-|\bxapp-|\bbearer\s+|\bbasic\s+)[^\s"',}\]]+`)

	word = `["']?[\w.-]*(?:token|key|secret|passw|bearer|credential|authorization)[\w.-]*["']?`
	// Where a key is expected a secret one may have lost its colon; anywhere
	// else the colon makes it a key.
	secretKey = regexp.MustCompile(`(?i)(?:^[\s?-]*|[{\[,]\s*)` + word + `(?:[\s:=]+|$)|` + word + `\s*:(?:\s+|$)`)
	// What a secret should be: where it is found.
	reference = regexp.MustCompile(`^["']?(?:env|file|cmd):[^\s,}\]]+`)
	onlyRef   = regexp.MustCompile(`^["']?(?:env|file|cmd):[^,}\]]*$`)
	entry     = regexp.MustCompile(`^\s*(?:- +)?["']?[\w.-]+["']?\s*:\s+`)
)

// hideSecrets takes the values of keys that sound like a secret out of the
// lines of a file, too. It looks at text alone, for the file may not be YAML,
// and hides rather too much than too little.
func hideSecrets(lines []string) []string {
	shown := make([]string, len(lines))
	var in section
	for i, line := range lines {
		if in.holds(line) {
			shown[i] = in.hide(line)
			continue
		}
		shown[i], in = hideLine(line)
		shown[i] = Hide(shown[i])
	}
	return shown
}

// section is the lines below a secret's key that belong to it.
type section struct {
	open     bool
	indent   int  // of the key
	mapping  bool // nothing stood beside the key: names and secrets may follow
	brackets int  // that are still open
}

func (s *section) holds(line string) bool {
	if !s.open || strings.TrimSpace(line) == "" {
		return s.open
	}
	depth, rest := indentOf(line)
	s.open = s.brackets > 0 || depth > s.indent || s.mapping && depth == s.indent && strings.HasPrefix(rest, "-")
	return s.open
}

func (s *section) hide(line string) string {
	s.brackets += brackets(line)
	depth, rest := indentOf(line)
	switch key := entry.FindString(line); {
	case rest == "", onlyRef.MatchString(rest):
		return line
	case !s.mapping || key == "":
		return strings.Repeat(" ", depth) + hidden
	case onlyRef.MatchString(line[len(key):]):
		return line
	default:
		return key + hidden
	}
}

// hideLine hides from the first secret to the end of the line, and says what
// goes on below it.
func hideLine(line string) (string, section) {
	for from := 0; ; {
		at := secretKey.FindStringIndex(line[from:])
		if at == nil {
			return line, section{}
		}
		value := from + at[1]
		rest := line[value:]
		if ref := reference.FindString(rest); ref != "" {
			from = value + len(ref)
			continue
		}
		below := section{open: true, mapping: rest == "" || rest[0] == '#', brackets: max(0, brackets(rest))}
		below.indent, _ = indentOf(line)
		if start := from + at[0]; strings.Trim(line[:start], " -?") == "" { // in a list the key starts behind the dash
			below.indent = start + len(line[start:value]) - len(strings.TrimLeft(line[start:value], " \t-?"))
		}
		if below.mapping {
			return line, below
		}
		return line[:value] + hidden, below
	}
}

func indentOf(line string) (int, string) {
	rest := strings.TrimLeft(line, " \t")
	return len(line) - len(rest), rest
}

func brackets(s string) int {
	return strings.Count(s, "{") + strings.Count(s, "[") - strings.Count(s, "}") - strings.Count(s, "]")
}
