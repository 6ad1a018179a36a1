package theme

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestTerminals(t *testing.T) {
	for _, c := range []struct {
		getenv  func(string) string
		profile Profile
		glyphs  Glyphs
		dark    bool
	}{
		{env("TERM", "xterm-256color"), Colour256, Braille, true},
		{env("TERM", "xterm-256color", "COLORTERM", "truecolor"), TrueColour, Braille, true},
		{env("TERM", "xterm", "COLORFGBG", "0;15"), Colour16, Braille, false},
		{env("TERM", "xterm-256color", "NO_COLOR", "yes"), NoColour, Braille, true},
		{env("TERM", "xterm-256color", "NO_COLOR", "0"), NoColour, Braille, true},
		{env("TERM", "xterm-256color", "NO_COLOR", ""), Colour256, Braille, true},
		{env("TERM", "linux"), Colour16, ASCII, true},
		{env("TERM", "dumb"), NoColour, ASCII, true},
		{env(), NoColour, ASCII, true},
	} {
		o := FromEnv(c.getenv)
		require.Equal(t, []any{c.profile, c.glyphs, c.dark}, []any{o.Profile, o.Glyphs, o.Dark})
	}
}

func all(t *testing.T, try func(o Options, th *Theme)) {
	for _, name := range Names() {
		for p := NoColour; p <= TrueColour; p++ {
			for _, dark := range []bool{false, true} {
				o := Options{Name: name, Profile: p, Dark: dark}
				th, err := New(o)
				require.NoError(t, err)
				try(o, th)
			}
		}
	}
}

func TestOpenersAreColoursAndNothingElse(t *testing.T) {
	shape := regexp.MustCompile(`^\x1b\[(0(;\d+)+)?m$`)
	colour := regexp.MustCompile(`[;\[](3|4|9|10)[0-8][;m]`)
	all(t, func(o Options, th *Theme) {
		for s := range 256 {
			open := th.Open(Style(s))
			require.Regexp(t, shape, open)
			if o.Profile == NoColour {
				require.NotRegexp(t, colour, open)
			}
		}
	})
}

// What must not be overlooked differs from plain text on every terminal, with
// colour or without.
func TestUrgentNeverLooksPlain(t *testing.T) {
	all(t, func(o Options, th *Theme) {
		for _, s := range []Style{Accent, Crit, Danger, Selected, Sev(1), Tag(1), Tag(2), Tag(3), Tag(4), Warn} {
			require.NotEqual(t, th.Open(Plain), th.Open(s), "%v %d", o, s)
		}
		if o.Profile != NoColour {
			require.NotEqual(t, th.Open(OK), th.Open(Crit))
			require.NotEqual(t, th.Open(Warn), th.Open(Crit))
			require.NotEqual(t, th.Open(Series(0)), th.Open(Series(1)))
		}
	})
}

func TestUnknownTheme(t *testing.T) {
	_, err := New(Options{Name: "neon"})
	require.EqualError(t, err, `theme "neon": no such theme; known are auto, light, dark, high-contrast, colour-blind`)
}

func TestSeriesAndSeveritiesStayInside(t *testing.T) {
	for n := -20; n < 40; n++ {
		require.Less(t, int(Series(n)), numStyles)
		require.Contains(t, []Style{Sev1, Sev2, Sev3, Sev4}, Sev(n))
		require.Contains(t, []Style{Tag1, Tag2, Tag3, Tag4}, Tag(n))
	}
	require.Less(t, numStyles, int(shade))
}

func TestNearestOf256(t *testing.T) {
	require.Equal(t, 16, cube(0x000000))
	require.Equal(t, 231, cube(0xffffff))
	require.Equal(t, 196, cube(0xff0000))
	require.Equal(t, 244, cube(0x808080))
}

func TestFoldIsTypable(t *testing.T) {
	for r := rune(0x80); r < 0x3000; r++ {
		if f := Fold(r); f != r {
			require.True(t, f >= 0x20 && f < 0x7f, "%U", r)
		}
	}
	for from, to := range map[rune]rune{'─': '-', '│': '|', '┌': '+', '▲': '^', '✗': 'x', '✓': '+', '…': '~', '░': '.', '█': '#', '⣿': '*', 'é': 'é'} {
		require.Equal(t, string(to), string(Fold(from)))
	}
}
