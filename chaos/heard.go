package chaos

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

var (
	// terminalOrders are the escape sequences of ECMA-48: with parameters (CSI), with a text
	// (OSC, DCS, SOS, PM, APC), and the short ones.
	terminalOrders = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x{9d}\x{90}\x{98}\x{9e}\x{9f}])[^\x07\x1b\x{9c}]*(?:\x07|\x1b\\|\x{9c})?|\x1b[ -/]*[0-~]`)
	// toldSecrets are values of what is called like a secret.
	toldSecrets = regexp.MustCompile(`(?i)(["']?\b[\w.-]*(?:token|secret|passw|passphrase|credential|api[_-]?key|private[_-]?key)[\w.-]*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;}\]]+)`)
)

// heard is what a program has written, fit for evidence that others read: one line, without
// what a terminal obeys, and without what is a secret by its shape or by what it is called.
func heard(text string) string {
	text = terminalOrders.ReplaceAllString(text, " ")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r): // of the second some turn text around
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	return toldSecrets.ReplaceAllString(strictyaml.Hide(text), "${1}…")
}
