package plot

import (
	"bytes"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A line is where its values are, in its colour; what is no value is no line.
func TestPictureShowsValues(t *testing.T) {
	start := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	values := make([]float64, 60)
	for i := range values {
		values[i] = 10
		if i >= 30 {
			values[i] = math.NaN()
		}
	}
	raw, err := PNG([]Chart{{Title: "p95", Start: start, Step: time.Minute, Series: [][]float64{values}, Mark: start.Add(45 * time.Minute)}})
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Equal(t, pictureWidth, img.Bounds().Dx())
	require.Equal(t, chartHeight, img.Bounds().Dy())
	blue := func(x int) (found bool) {
		for y := marginTop - 2; y < chartHeight; y++ {
			r, g, b, _ := img.At(x, y).RGBA()
			found = found || b > r+0x4000 && b > g+0x2000
		}
		return found
	}
	width := pictureWidth - marginLeft - marginRight
	require.True(t, blue(marginLeft+width/4))
	require.False(t, blue(marginLeft+width*3/4), "no data is no line")
	r, g, b, _ := img.At(marginLeft+width*45/59, chartHeight/2+3).RGBA()
	require.Less(t, r+g+b, uint32(3*0xb000), "the mark")
}

// Below the chart stands which line is which, and no two lines look the same.
func TestPictureNamesItsLines(t *testing.T) {
	c := Chart{Start: time.Unix(0, 0), Step: time.Minute}
	pens := map[pen]bool{}
	for i := range mostSeries {
		c.Series, c.Names = append(c.Series, []float64{1, 2}), append(c.Names, "line")
		pens[penOf(i)] = true
	}
	require.Len(t, pens, mostSeries)
	placed := c.layNames()
	require.Len(t, placed, mostSeries)
	for i, n := range placed[1:] {
		require.True(t, n.line > placed[i].line || n.x > placed[i].x)
	}
	raw, err := PNG([]Chart{c, {Title: "without"}})
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	require.Equal(t, 2*chartHeight+nameHeight*c.nameLines(), img.Bounds().Dy())
	c.Series, c.Names = append(c.Series, nil), append(c.Names, "one more")
	placed = c.layNames()
	require.Equal(t, "and 1 more, not drawn", placed[len(placed)-1].text)
}

func TestDashesAreOfTheirLength(t *testing.T) {
	parts := pen{on: 8, off: 4}.cut([]point{{0, 0}, {5, 0}, {30, 0}})
	require.Equal(t, [][]point{{{0, 0}, {5, 0}, {8, 0}}, {{12, 0}, {20, 0}}, {{24, 0}, {30, 0}}}, parts)
	require.Equal(t, [][]point{{{0, 0}, {5, 0}}}, pen{}.cut([]point{{0, 0}, {5, 0}}))
}

// Whatever the values are, there is a picture.
func TestPictureOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3).Draw(t, "charts")
		var charts []Chart
		for range n {
			charts = append(charts, Chart{
				Title: rapid.String().Draw(t, "title"), Start: time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "start"), 0), Step: time.Duration(rapid.Int64Range(-5, 1e12).Draw(t, "step")),
				Series: rapid.SliceOfN(rapid.SliceOfN(rapid.Float64(), 0, 9), 0, 9).Draw(t, "values"), Names: rapid.SliceOfN(rapid.String(), 0, 9).Draw(t, "names"), Limits: rapid.SliceOfN(rapid.Float64(), 0, 3).Draw(t, "limits"),
			})
		}
		raw, err := PNG(charts)
		require.NoError(t, err)
		_, err = png.Decode(bytes.NewReader(raw))
		require.NoError(t, err)
	})
}
