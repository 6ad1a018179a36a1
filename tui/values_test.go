package tui

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// varied gives the world's board variables.
func varied(p *player) {
	p.world(func(w *pane.World) {
		snap, board := *w.Board, *w.Board.Board
		board.Variables = []query.Variable{
			{Name: "job", Type: query.QueryVariable, Multi: true, All: true},
			{Name: "dc", Type: query.CustomVariable},
			{Name: "text", Type: query.TextVariable},
			{Name: "gone", Type: query.QueryVariable},
		}
		board.Shown = []query.Shown{{Name: "job", Texts: []string{"api", "we\x1b[2Jb"}}, {Name: "dc", Texts: []string{"east"}}, {Name: "text", Texts: []string{"t"}}}
		snap.Board = &board
		snap.Offers = []query.Offer{
			{Options: []query.Option{{Text: "api", Value: "api"}, {Text: "web", Value: "web"}}, Chosen: []string{"api"}},
			{Options: []query.Option{{Text: "East", Value: "east"}, {Text: "West", Value: "west"}}, Chosen: []string{"east"}},
			{Chosen: []string{"t"}},
			{Err: query.ErrQuery},
		}
		w.Board = &snap
		w.Boards = []string{"shop", "nodes"}
	})
}

func TestVariablesAreChosenByKeys(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		varied(p)
		p.press("2")
		p.desk.taken()
		p.sees("job=api,we␛[2Jb", "dc=east")
		p.press("v")
		p.sees("Variable", "gone")
		p.press("enter", "down", "down", "space", "enter")
		require.Equal(t, []pane.Order{pane.SetValues{Values: query.Values{"job": {"api", "web"}}}}, p.desk.taken())
		p.press("v", "down", "enter", "w", "enter")
		require.Equal(t, []pane.Order{pane.SetValues{Values: query.Values{"dc": {"west"}}}}, p.desk.taken())
	})
}

func TestVariablesAndBoardsAreChosenByName(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		varied(p)
		p.press("2")
		p.desk.taken()
		p.press(":")
		p.typed(`var job api "a b"`)
		p.press("enter")
		require.Equal(t, []pane.Order{pane.SetValues{Values: query.Values{"job": {"api", "a b"}}}}, p.desk.taken())
		p.press(":")
		p.typed("board nodes")
		p.press("enter")
		require.Equal(t, []pane.Order{pane.ShowBoard{Name: "nodes"}}, p.desk.taken())
		p.press(":")
		p.typed("board nowhere")
		p.press("enter")
		require.Empty(t, p.desk.taken())
		p.sees("there is none of that name")
	})
}
