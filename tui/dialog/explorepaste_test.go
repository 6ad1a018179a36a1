package dialog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The beginning of an expression may be one too: a paste that does not fit is refused
// as a whole, and says so until the line is another.
func TestAPasteThatDoesNotFitIsRefused(t *testing.T) {
	e := NewExplore("up", nil, time.Hour, time.UTC)
	e.Paste(" + " + strings.Repeat("a+", 4*maxTyped))
	require.Equal(t, "up", e.Expr())
	text, bad, _ := e.message()
	require.True(t, bad)
	require.Equal(t, "not pasted: an expression has at most 4000 characters, this had 8005", text.String())
	e.Paste(" + 1")
	require.Equal(t, "up + 1", e.Expr())
	_, bad, _ = e.message()
	require.False(t, bad)
}
