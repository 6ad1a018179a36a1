package query

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A panel that was kept may be anything: what no file could say is drawn somehow, and
// does not end the program.
func TestAPanelOfAnyKindIsShaped(t *testing.T) {
	for _, text := range []string{
		`{"type":"x","decimals":2000000000,"min":1e308,"max":-1e308,"log":-7,"top":-1}`,
		`{"type":"heatmap","log":1}`, `{"type":"table","transforms":[{},{"limit":-1},{"rename":{"regex":"((("}},{"columns":{"regex":"["}},{"join":{}},{"calculate":{}},{"group_by":{}},{"where":{"if":[{"regex":"("}]}},{"convert":{}},{"sort":{}},{"merge":{},"join":{}}]}`,
		`{"type":"topn","top":-5,"reduce":"x"}`, `{"type":"bargauge","top":-5,"every":true}`, `{"type":"state-timeline","mappings":[{"regex":"("},{}]}`,
		`{"overrides":[{},{"match":{"regex":"("},"set":{"decimals":-9}}],"compare":["-1h"]}`,
	} {
		t.Run(text, func(t *testing.T) {
			var p Panel
			if json.Unmarshal([]byte(text), &p) != nil {
				return // it is refused
			}
			p.Queries = []Query{{}}
			for _, n := range []int{0, 1, 3} {
				f := Frame{Grid: Grid{Start: time.Unix(1e9, 0), Step: time.Minute, N: n}}
				for _, le := range []string{"1", "+Inf", ""} {
					f.Series = append(f.Series, Series{Labels: Labels{"le": le}, Values: []float64{1, Absent(), -3}[:n]})
				}
				s := &Snapshot{Board: &Board{Panels: []Panel{p}}, Panels: []PanelData{{Frame: f}}, Grid: f.Grid}
				body, err := s.Encode()
				require.NoError(t, err)
				got, err := Decode(body)
				require.NoError(t, err)
				got.Board.Panels[0].Shape(&got.Panels[0].Frame)
				field := got.Board.Panels[0].Field
				require.Less(t, len(field.Format(1e9)), 4096)
			}
		})
	}
}
