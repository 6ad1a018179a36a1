package strictyaml

import (
	"fmt"
	"strings"
)

// Around the line of a fault so many are shown, each of at most so many
// characters.
const (
	around   = 3
	maxShown = 160
)

// source is the content of a file, for showing lines of it.
type source string

// excerpt is the lines around a fault with a caret below it, without secrets.
func (s source) excerpt(line, column int) string {
	lines := s.lines()
	if line < 1 || line > len(lines) {
		return ""
	}
	lines = hideSecrets(lines)
	first, last := max(1, line-around), min(len(lines), line+around)
	for first < line && strings.TrimSpace(lines[first-1]) == "" {
		first++
	}
	for last > line && strings.TrimSpace(lines[last-1]) == "" {
		last--
	}
	// All of them are cut alike, so that the caret stays below its character.
	skip := max(0, column-maxShown/2)
	if skip < maxShown/4 {
		skip = 0
	}
	var b strings.Builder
	for n := first; n <= last; n++ {
		mark := " "
		if n == line {
			mark = ">"
		}
		gutter := fmt.Sprintf("%s %2d | ", mark, n)
		b.WriteString(strings.TrimRight(gutter+cut(lines[n-1], skip), " ") + "\n")
		if n == line {
			b.WriteString(strings.Repeat(" ", len(gutter)+max(0, column-1-skip)) + "^\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func (s source) lines() []string {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(s))
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// cut is the part of a line that is shown; a tab is as wide as the caret's line
// thinks it is.
func cut(line string, skip int) string {
	runes := []rune(strings.ReplaceAll(line, "\t", " "))
	runes = runes[min(skip, len(runes)):]
	if len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return string(runes)
}
