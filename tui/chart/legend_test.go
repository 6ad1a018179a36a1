package chart

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/theme"
)

// The legend has every kind of mark once, each with a sign of its own also where there
// are only letters, and docs/boards.md says the same.
func TestTheLegendIsWhole(t *testing.T) {
	page, err := os.ReadFile("../../docs/boards.md")
	require.NoError(t, err)
	glyphs, folded, kinds := map[rune]bool{}, map[rune]bool{}, map[MarkKind]bool{}
	for _, k := range MarkKinds() {
		require.False(t, glyphs[k.Glyph()] || folded[theme.Fold(k.Glyph())] || kinds[k], string(k.Glyph()))
		glyphs[k.Glyph()], folded[theme.Fold(k.Glyph())], kinds[k] = true, true, true
		require.Contains(t, string(page), "| `"+string(k.Glyph())+"` | "+k.Means()+" |")
	}
	for k := Deploy; k <= Shift; k++ {
		require.True(t, kinds[k], "kind %d", k)
	}
	for _, s := range Signs() {
		require.Contains(t, string(page), "| `"+s.Glyph+"` | "+s.Means+" |")
	}
}
