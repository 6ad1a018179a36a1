package pane

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// A board that was kept may say what no file can: places beside the grid, axes upside
// down, rules that cannot be read. It is drawn somehow, at any size.
func TestABoardThatNoFileCanSayIsDrawn(t *testing.T) {
	panels := []string{
		`{"place":{"x":-9,"y":-9,"w":0,"h":0},"decimals":2000000000}`, `{"place":{"x":1000000000,"y":1000000000,"w":1000000000,"h":1000000000}}`,
		`{"log":-7,"min":1e308,"max":-1e308,"soft_min":1e308}`, `{"log":1,"min":-5}`, `{"min":-1e308,"max":1e308,"stack":"x","draw":"x"}`,
		`{"type":"heatmap","log":1}`, `{"type":"table","transforms":[{},{"limit":-1}],"sort_by":[{}]}`, `{"type":"topn","top":-5,"reduce":"x"}`,
		`{"type":"bargauge","top":-5,"every":true,"min":5,"max":5}`, `{"type":"gauge","min":1e308,"max":-1e308,"percent_thresholds":true,"thresholds":[{"value":1e308,"state":"x"}]}`,
		`{"type":"state-timeline","mappings":[{"regex":"("},{}]}`, `{"type":"stat","spark":true,"show":"x"}`, `{"type":"nothing"}`, `{"overrides":[{},{"match":{"regex":"("},"set":{"decimals":-9}}]}`,
	}
	world := *richWorld(t)
	board := &query.Snapshot{Board: &query.Board{Title: "any", Range: time.Hour}, At: night, Grid: query.Grid{Start: night, Step: time.Minute, N: 3}, Frozen: true}
	for _, text := range panels {
		var p query.Panel
		require.NoError(t, json.Unmarshal([]byte(text), &p), text)
		p.Queries = []query.Query{{}}
		f := query.Frame{Grid: board.Grid}
		for i, v := range [][]float64{{1e308, -1e308, 5e-324}, {0, query.Absent(), -1}} {
			f.Series = append(f.Series, query.Series{Labels: query.Labels{"le": []string{"1", "+Inf"}[i]}, Values: v})
		}
		board.Board.Panels, board.Panels = append(board.Board.Panels, p), append(board.Panels, query.PanelData{Frame: f, At: night})
	}
	body, err := board.Encode()
	require.NoError(t, err)
	world.Board, err = query.Decode(body)
	require.NoError(t, err)
	for _, size := range [][2]int{{1, 1}, {3, 2}, {80, 24}, {120, 40}, {500, 200}} {
		for _, v := range Views() {
			v.Draw(frame.New(size[0], size[1], theme.Default()), screenOf(&world, "INC-204"))
		}
	}
}
