package pane

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/tui/theme"
)

// plainly is prose without its styles.
func plainly(p prose) string {
	var b strings.Builder
	for _, l := range p.lines {
		var row strings.Builder
		for _, one := range l.pieces {
			row.WriteString(one.text.String())
		}
		if l.rule {
			row.WriteString("---")
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	return b.String()
}

func TestMarkdown(t *testing.T) {
	for source, want := range map[string]string{
		"# Title":                            "Title\n---\n",
		"## Chapter":                         "Chapter\n",
		"a b\n\nc":                           "a b\n\nc\n",
		"- **Label**: one two three":         "• Label: one two\n  three\n",
		"  - inner row that wraps":           "  • inner row that\n    wraps\n",
		"1. first":                           "1. first\n",
		"- [ ] open":                         "[ ] open\n",
		"- [x] done":                         "[x] done\n",
		"```go\n# no heading  here\n```":     "  # no heading  here\n",
		"| a | b |\n|---|:-:|\n| long | c |": "a     b\nlong  c\n",
		"a `code_x` and _em_ and snake_case": "a code_x and em and\nsnake_case\n",
		`\*no\* \_marks\_ 2 \< 3`:            "*no* _marks_ 2 < 3\n",
		"[l](http://x.example/y)":            "l\n<http://x.example/y>\n",
		"unclosed **bold":                    "unclosed **bold\n",
		"averyveryverylongwordthatfits not":  "averyveryverylongwor\ndthatfits not\n",
		"":                                   "",
		"\n":                                 "",
	} {
		require.Equal(t, want, plainly(newProse(source, 20)), "%q", source)
	}
	p := newProse("**b** `c` _i_", 40)
	var styles []theme.Style
	for _, one := range p.lines[0].pieces {
		if strings.TrimSpace(one.text.String()) != "" {
			styles = append(styles, one.style)
		}
	}
	require.Equal(t, []theme.Style{theme.Bright, theme.Key, theme.Dim}, styles)
}

// Whatever is written, no word of it is lost, rows keep to the width, and every
// row knows its line. Code and tables are not broken and not in here.
func TestMarkdownLaws(t *testing.T) {
	words := rapid.SampledFrom([]string{"word", "**bold**", "_em_", "`code`", "-", "#", "1.", "[x]", "a_b", "<!--", "é支", "\\*", "a-word-that-is-longer-than-many-a-line-is-wide"})
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Map(rapid.SliceOfN(words, 0, 12), func(w []string) string { return strings.Join(w, " ") }), 0, 12).Draw(t, "lines")
		width := rapid.IntRange(12, 60).Draw(t, "width")
		p := newProse(strings.Join(lines, "\n"), width)
		source := 0
		for _, l := range p.lines {
			require.GreaterOrEqual(t, l.source, source)
			require.LessOrEqual(t, l.source, len(lines))
			source = l.source
			require.LessOrEqual(t, widthOf(l.pieces), width)
		}
		whole := strings.Join(lines, " ")
		require.Equal(t, strings.Count(whole, "bold"), strings.Count(plainly(p), "bold"))
	})
}
