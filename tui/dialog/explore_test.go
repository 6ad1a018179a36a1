package dialog

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// What was asked is the newest of before; a line that is changed is a new one.
func TestExploreGoesThroughWhatWasAsked(t *testing.T) {
	e := NewExplore("", []string{"one", "two"}, time.Hour, time.UTC)
	up, down := Press{Action: keys.OlderEntry}, Press{Action: keys.NewerEntry}
	typed := func(r rune) Press { return Press{Key: tea.KeyPressMsg{Code: r, Text: string(r)}} }
	e.Set("three")
	e.Ask()
	e.Press(down)
	require.Equal(t, "three", e.Expr(), "nothing is newer")
	e.Press(up)
	require.Equal(t, "two", e.Expr(), "the one before what was just asked")
	e.Press(up)
	require.Equal(t, "one", e.Expr())
	e.Press(down)
	e.Press(down)
	require.Equal(t, "three", e.Expr())
	e.Press(up)
	e.Press(typed('x'))
	require.Equal(t, "twox", e.Expr())
	e.Press(up)
	require.Equal(t, "three", e.Expr(), "the newest before a new line")
	e.Press(down)
	require.Equal(t, "twox", e.Expr(), "what was typed is not lost")
	e.Set(" secret")
	e.Ask()
	e.Press(up)
	require.Equal(t, "three", e.Expr(), "what begins with a space is not remembered")
}

// Words of the list do not cover the answer while one goes through earlier questions.
func TestEarlierQuestionsOpenNoList(t *testing.T) {
	e := NewExplore("", []string{"up"}, time.Hour, time.UTC)
	e.Press(Press{Action: keys.OlderEntry})
	e.Suggest(e.Spot(), []query.Suggestion{{Text: "upper"}, {Text: "up_too"}}, nil)
	f := frame.New(60, 12, theme.Default())
	e.Draw(f, keys.Default())
	require.False(t, strings.Contains(f.Plain(), "upper"))
}
