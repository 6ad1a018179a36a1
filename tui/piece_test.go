package tui

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// Whatever there is to say, a line fits its width unless a single piece does
// not, says the dearest, and says more the wider it is.
func TestALineFitsAndSaysTheDearest(t *testing.T) {
	text := rapid.StringN(1, 30, -1)
	rapid.Check(t, func(t *rapid.T) {
		var pieces []piece
		dearest := -1
		for range rapid.IntRange(1, 8).Draw(t, "pieces") {
			p := say(rapid.IntRange(0, 11).Draw(t, "dear"), theme.Plain)
			for at := 40; at > 0; at -= rapid.IntRange(1, 30).Draw(t, "shorter") {
				p.words = append(p.words, safe.New(text.Draw(t, "words")+"                                        ", at))
			}
			dearest = max(dearest, p.dear)
			pieces = append(pieces, p)
		}
		width := rapid.IntRange(0, 200).Draw(t, "width")
		list := fitted(pieces, 3, width)
		total, found := -3, false
		for _, p := range list {
			require.Len(t, p.words, 1)
			total += p.words[0].Width() + 3
			found = found || p.dear == dearest
		}
		require.True(t, found)
		require.True(t, total <= width || len(list) == 1)
		require.GreaterOrEqual(t, len(fitted(pieces, 3, width+500)), len(list))
	})
}
