package chart

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// What may still change is a ring at its height in the newest cell, and is marked
// wherever it is written; without it the picture is what it was.
func TestTheValueOfTheMomentIsMarked(t *testing.T) {
	spec := func(now Moment) *Spec {
		return &Spec{
			Title: safe.Const("load"), Start: t0, Step: time.Minute, Y: YAxis{HasMin: true, HasMax: true, Max: 10},
			Series: []Series{{Name: safe.Const("a"), Values: slices.Repeat([]float64{1}, 60), Now: now}, {Name: safe.Const("b"), Values: slices.Repeat([]float64{2}, 60)}},
		}
	}
	for _, set := range []theme.Glyphs{theme.Braille, theme.ASCII} {
		ring := "◦"
		if set == theme.ASCII {
			ring = "o"
		}
		th, err := theme.New(theme.Options{Glyphs: set, Profile: theme.Colour16})
		require.NoError(t, err)
		draw := func(s *Spec) []string {
			f := frame.New(61, 14, th)
			Draw(f, s)
			return strings.Split(f.Plain(), "\n")
		}
		settled := draw(spec(Moment{}))
		require.NotContains(t, strings.Join(settled[1:12], "\n"), ring)
		got := draw(spec(Moment{At: t0.Add(59*time.Minute + 30*time.Second), Value: 10}))
		require.Contains(t, got[0], "10 "+ring)
		require.Equal(t, ring, string([]rune(got[1])[59:]), "at the top, in the newest cell")
		require.Contains(t, got[13], "a 10 "+ring)
		require.Equal(t, settled[2:12], got[2:12], "nothing else has changed")
		pointed := spec(Moment{At: t0.Add(59*time.Minute + 30*time.Second), Value: 10})
		pointed.Crosshair = t0.Add(30 * time.Minute)
		require.NotContains(t, draw(pointed)[13], ring, "at the crosshair is a settled value")
	}
}

// Without colour every series has a shape, in the legend and on its line; with
// colours there is none, and a line alone needs none.
func TestSeriesAreToldWithoutColour(t *testing.T) {
	values := func(v float64) []float64 { return slices.Repeat([]float64{v}, 200) }
	spec := &Spec{Title: safe.Const("load"), Start: t0, Step: time.Second, Series: []Series{
		{Name: safe.Const("a"), Values: values(2)}, {Name: safe.Const("b"), Values: values(5)}, {Name: safe.Const("c"), Values: values(9)},
	}}
	draw := func(o theme.Options, s *Spec) (plot, legend string) {
		th, err := theme.New(o)
		require.NoError(t, err)
		f := frame.New(81, 16, th)
		Draw(f, s)
		lines := strings.Split(f.Plain(), "\n")
		return strings.Join(lines[1:14], "\n"), lines[15]
	}
	for _, o := range []theme.Options{{}, {Name: "colour-blind", Profile: theme.TrueColour}, {Name: "high-contrast", Profile: theme.Colour16}} {
		plot, legend := draw(o, spec)
		for i, shape := range []string{"●", "■", "◆"} {
			require.Contains(t, legend, shape+" "+spec.Series[i].Name.String())
			require.GreaterOrEqual(t, strings.Count(plot, shape), 4)
		}
	}
	plot, legend := draw(theme.Options{Profile: theme.Colour16}, spec)
	require.NotContains(t, plot, "■")
	require.Equal(t, 3, strings.Count(legend, "●"))
	alone := *spec
	alone.Series = alone.Series[:1]
	plot, _ = draw(theme.Options{}, &alone)
	require.NotContains(t, plot, "●")
	plot, legend = draw(theme.Options{Glyphs: theme.ASCII}, spec)
	require.Contains(t, legend, "b b")
	require.Contains(t, plot, "c")
}
