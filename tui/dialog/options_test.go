package dialog_test

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

func optionRows(values ...string) (rows []dialog.Option) {
	for _, v := range values {
		rows = append(rows, dialog.Option{Value: v, Text: safe.New(v, safe.Line)})
	}
	return rows
}

// pressAll presses keys, letters as typed text.
func pressAll(o *dialog.Options, names ...string) (last dialog.Verdict) {
	m := keys.Default()
	for _, name := range names {
		k := tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
		switch name {
		case "enter":
			k = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "space":
			k = tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}
		case "down":
			k = tea.KeyPressMsg{Code: tea.KeyDown}
		case "esc":
			k = tea.KeyPressMsg{Code: tea.KeyEscape}
		}
		last = o.Press(dialog.Press{Key: k, Action: m.Action(o.Scope(), k.String())})
	}
	return last
}

func TestOptionsAreFoundByTyping(t *testing.T) {
	o := dialog.NewOptions(safe.Const("job"), optionRows("api", "web", "db-api"), "", []string{"api"}, false)
	require.Equal(t, dialog.Answered, pressAll(o, "d", "b", "enter"))
	require.Equal(t, []string{"db-api"}, o.Chosen())
	require.Equal(t, dialog.Closed, pressAll(o, "esc"))
	none := dialog.NewOptions(safe.Const("job"), optionRows("api"), "", nil, false)
	require.Equal(t, dialog.Stays, pressAll(none, "z", "enter"))
}

func TestSeveralOptionsAreMarked(t *testing.T) {
	o := dialog.NewOptions(safe.Const("job"), optionRows("$all", "api", "web", "db"), "$all", []string{"$all"}, true)
	require.Equal(t, dialog.Answered, pressAll(o, "w", "e", "space", "enter"))
	require.Equal(t, []string{"web"}, o.Chosen(), "all is not chosen beside another")
	o = dialog.NewOptions(safe.Const("job"), optionRows("$all", "api", "web", "db"), "$all", []string{"web", "api"}, true)
	pressAll(o, "down", "down", "space")
	require.Equal(t, []string{"api", "web", "db"}, o.Chosen())
	pressAll(o, "space")
	require.Equal(t, []string{"api", "web"}, o.Chosen())
	pressAll(o, "a", "l", "l", "space")
	require.Equal(t, []string{"$all"}, o.Chosen())
}

// Ten thousand hostile options are drawn at any size.
func TestOptionsFitAnySize(t *testing.T) {
	values := []string{"\x1b[2J", "a\nb", "\u202egnp", strings.Repeat("x", 1<<20)}
	for i := range 10_000 {
		values = append(values, fmt.Sprint("option ", i))
	}
	o := dialog.NewOptions(safe.Const("job"), optionRows(values...), "", nil, true)
	for _, size := range [][2]int{{0, 0}, {1, 1}, {20, 5}, {80, 24}, {200, 60}} {
		f := frame.New(size[0], size[1], theme.Default())
		o.Draw(f, keys.Default())
		require.NotContains(t, f.String(), "\x1b[2J")
		require.NotContains(t, f.String(), "\u202e")
	}
}
