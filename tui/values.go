package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// runBoard shows another board, by the name of its file.
func (m *model) runBoard(name string) tea.Cmd {
	cmd := m.show(boardView)
	if name == "" {
		return cmd
	}
	if !slices.Contains(m.world.Boards, name) {
		m.complain("board %s: there is none of that name (boards: in sitrep.yaml); there are %s", name, strings.Join(m.world.Boards, ", "))
		return cmd
	}
	return tea.Batch(cmd, m.do(pane.ShowBoard{Name: name}))
}

// runVar chooses values of a variable. Words with spaces stand in double quotes.
func (m *model) runVar(line string) tea.Cmd {
	cmd := m.show(boardView)
	words := quotedWords(line)
	if len(words) == 0 {
		return tea.Batch(cmd, m.act(keys.Variables, byName))
	}
	return tea.Batch(cmd, m.do(pane.SetValues{Values: query.Values{words[0]: words[1:]}}))
}

// quotedWords splits at spaces, but for those between double quotes. A backslash
// takes the next character as it is.
func quotedWords(line string) (words []string) {
	var word strings.Builder
	open, quoted, taken := false, false, false
	for _, r := range line {
		switch {
		case taken:
			word.WriteRune(r)
			taken = false
		case r == '\\':
			taken, open = true, true
		case r == '"':
			quoted, open = !quoted, true
		case r == ' ' && !quoted:
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}

// runCompare compares what the board shows with earlier times.
func (m *model) runCompare(words string) tea.Cmd {
	cmd := m.show(boardView)
	if v, ok := m.shown().(interface {
		Compare(words string, s *pane.Screen) pane.Effect
	}); ok {
		return tea.Batch(cmd, m.apply(v.Compare(words, m.screen())))
	}
	return cmd
}
