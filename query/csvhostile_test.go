package query

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A CSV of names that mean no good turns no terminal and no spreadsheet into their
// tool; what it says otherwise stays.
func TestAHostileCSV(t *testing.T) {
	evil := "=cmd|' /C calc'!A0\x1b]52;c;cm0gLXJm\a\u202e\u009b\"\n,x"
	f := Frame{Grid: Grid{Start: time.Unix(0, 0).UTC(), Step: time.Minute, N: 1}, Series: []Series{
		{Labels: Labels{"job": evil}, Legend: evil, Values: []float64{-1}}, {Legend: "-1d", Values: []float64{2}}, {Legend: "\u652f\u6255\u3044, a=b", Values: []float64{3}},
	}}
	s := &Snapshot{Board: &Board{Name: evil, Panels: []Panel{{Title: evil, Queries: []Query{{Expr: "x"}}}}}, Grid: f.Grid, Panels: []PanelData{{Frame: f}}}
	var out bytes.Buffer
	require.NoError(t, s.WriteCSV(&out))
	require.False(t, strings.ContainsAny(out.String(), "\x1b\a\u202e\u009b"), "%q", out.String())
	rows, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	for _, row := range rows[1:] {
		for i, cell := range row[:4] {
			require.NotContains(t, []byte("=+-@"), append([]byte(cell), ' ')[0], "column %d", i)
		}
	}
	require.Equal(t, "-1", rows[1][5], "a number is a number")
	require.Equal(t, "'-1d", rows[2][2])
	require.Equal(t, "\u652f\u6255\u3044, a=b", rows[3][2])
}
