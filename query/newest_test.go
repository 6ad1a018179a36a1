package query

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNewest asks for each metric once, at what there is now.
func TestNewest(t *testing.T) {
	for expr, want := range map[string]string{
		`up`:                             `min(label_replace(max(timestamp(up)), "part", "0", "", ""))`,
		`sum(rate(x{code=~"5.."}[1m]))`:  `min(label_replace(max(timestamp(x{code=~"5.."})), "part", "0", "", ""))`,
		`a / b + a offset 1h + b @ 1000`: `min(label_replace(max(timestamp(a)), "part", "0", "", "") or label_replace(max(timestamp(b)), "part", "1", "", ""))`,
	} {
		got, err := Newest(expr)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for expr, want := range map[string]string{"vector(1)": "reads no metric", "sum(": "what does \"sum(\" read"} {
		_, err := Newest(expr)
		require.ErrorContains(t, err, want)
	}
}
