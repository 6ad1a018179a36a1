package postmortem

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is how much of one text from outside is printed, in characters: a
// label of 40 kB must not bury the document.
const longest = 500

// plain makes one visible line of text from outside: no line breaks, no
// control, no characters that are invisible or turn the direction of reading.
func plain(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError, unicode.IsControl(r), r >= 0xe000 && r <= 0xf8ff:
			r = utf8.RuneError
		case unicode.Is(unicode.Cf, r), r >= 0xe0000 && r <= 0xe0fff, r == 0x3164:
			continue
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		if n++; n > longest {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escape is text from outside for the middle of a Markdown line: it reads as
// it was written and is neither markup nor HTML, in GFM and in what GFM is
// turned into. Plain words stay as they are.
func escape(s string) string {
	runes := []rune(plain(s))
	var b strings.Builder
	marker := listMarker(runes)
	for i, r := range runes {
		if i == marker {
			b.WriteByte('\\')
		}
		switch r {
		case '&':
			b.WriteString("&amp;")
			continue
		case '<': // "< 0.25" begins no tag (CommonMark 6.6) and reads better as it is
			if i == len(runes)-1 || runes[i+1] != ' ' {
				b.WriteString("&lt;")
				continue
			}
		case '>': // a quotation at the start; elsewhere nothing without its other half
			if i == 0 {
				b.WriteString("&gt;")
				continue
			}
		case '\\', '`', '*', '[', ']', '~', '|', '$':
			b.WriteByte('\\')
		case '_': // http_requests_total is no emphasis
			if !wordAt(runes, i-1) || !wordAt(runes, i+1) {
				b.WriteByte('\\')
			}
		case '#':
			if i == 0 || i == len(runes)-1 {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// listMarker is the place of what would make a text that stands first in its line
// an item of a list, or a rule; -1 if nothing does.
func listMarker(runes []rune) int {
	i := 0
	for i < len(runes) && i < 9 && runes[i] >= '0' && runes[i] <= '9' {
		i++
	}
	marks := ".)"
	if i == 0 {
		marks = "-+"
	}
	if i < len(runes) && strings.ContainsRune(marks, runes[i]) && (i+1 == len(runes) || runes[i+1] == ' ' || runes[i+1] == '-') {
		return i
	}
	return -1
}

func wordAt(runes []rune, i int) bool {
	return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
}

// code is text from outside as a code span, verbatim but for line breaks: the
// delimiter is longer than any run of backticks within (CommonMark 6.1).
func code(s string) string {
	s = plain(s)
	if s == "" {
		return "no data"
	}
	longestRun, run := 0, 0
	for _, r := range s {
		if run++; r != '`' {
			run = 0
		}
		longestRun = max(longestRun, run)
	}
	fence := strings.Repeat("`", longestRun+1)
	if longestRun > 0 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// inBlock is text from outside for a line of a fenced code block, where no escape is
// known: what stands there is read. A backtick could end the block. "< 0.4" is a tag
// nowhere, not even where a reader does not know fences; what could begin one gets a blank.
func inBlock(s string) string {
	runes := []rune(plain(s))
	var b strings.Builder
	for i, r := range runes {
		if r == '`' {
			r = '\''
		}
		b.WriteRune(r)
		if r == '<' && (i == len(runes)-1 || runes[i+1] != ' ') {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
