package plot

import (
	"bytes"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is stacked stands on what came before it, holes on nothing, and what is drawn
// below zero on a pile of its own.
func TestStacksOfAPicture(t *testing.T) {
	nan := math.NaN()
	c := Chart{
		Series: [][]float64{{1, 2, nan}, {1, 2, 3}, {5, 5, 5}, {9, 9, 9}},
		Looks:  []Look{{Stacked: true}, {Stacked: true}, {Stacked: true, Negative: true}, {Behind: true, Stacked: true}},
	}
	all := c.stand()
	require.Equal(t, []float64{2, 4, 3}, all[1].top)
	require.Equal(t, []float64{1, 2, 0}, all[1].floor)
	require.Equal(t, []float64{-5, -5, -5}, all[2].top)
	require.Equal(t, []float64{9, 9, 9}, all[3].top)
	require.Nil(t, all[3].floor)

	c = Chart{Series: [][]float64{{1}, {3}}, Looks: []Look{{Stacked: true, Percent: true}, {Stacked: true, Percent: true}}}
	all = c.stand()
	require.Equal(t, []float64{0.25}, all[0].top)
	require.Equal(t, []float64{1}, all[1].top)
}

// An area is filled down to the axis, a pillar too; a line is not.
func TestFormsOfAPicture(t *testing.T) {
	inked := func(look Look) (n int) {
		raw, err := PNG([]Chart{{Title: "t", Start: time.Unix(0, 0), Step: time.Minute, Series: [][]float64{{4, 4, 4, 4}}, Looks: []Look{look}}})
		require.NoError(t, err)
		img, err := png.Decode(bytes.NewReader(raw))
		require.NoError(t, err)
		for y := range chartHeight {
			for x := range pictureWidth {
				if r, g, b, _ := img.At(x, y).RGBA(); b > r && b > g {
					n++
				}
			}
		}
		return n
	}
	line, area := inked(Look{}), inked(Look{Form: Area})
	require.Greater(t, area, 10*line)
	require.Greater(t, inked(Look{Form: Pillars}), 10*line)
	require.Greater(t, inked(Look{Form: Area, Stacked: true}), 10*line)
	require.Greater(t, inked(Look{Form: Steps}), 0)
	require.Greater(t, inked(Look{Form: Points}), 0)
	require.Less(t, inked(Look{Form: Points}), line)
}
