package plot

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// elements counts what a picture is made of, and fails if it is no XML.
func elements(t require.TestingT, svg []byte) (count map[string]int, words string) {
	count = map[string]int{}
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return count, words
		}
		require.NoError(t, err)
		switch tok := tok.(type) {
		case xml.StartElement:
			count[tok.Name.Local]++
			require.Contains(t, []string{"svg", "title", "style", "rect", "polyline", "polygon", "text", "g"}, tok.Name.Local)
			for _, a := range tok.Attr {
				require.NotRegexp(t, `(?i)^(on|href|src)`, a.Name.Local)
			}
		case xml.CharData:
			words += string(tok)
		}
	}
}

func drawing(title string) Chart {
	start := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	return Chart{
		Title: title, Start: start, Step: time.Minute, Series: [][]float64{{1, 2, 3, 2, 1}, {3, 2, 1, 2, 3}}, Names: []string{"a" + title, "b"}, Limits: []float64{2.5},
		Looks: []Look{{}, {Form: Area}}, Flags: []Flag{{start.Add(time.Minute), 1, title}, {start.Add(3 * time.Minute), 2, "over"}}, Zone: "UTC",
		Rug: []time.Time{start, start.Add(time.Minute)},
	}
}

// What is drawn as lines is what is drawn as pixels, whatever the words say.
func TestAPictureOfLinesIsHarmless(t *testing.T) {
	want, words := elements(t, SVG(drawing("tame"), "tame", true))
	require.Equal(t, 1, want["style"])
	for _, said := range []string{"tame", "atame", "UTC", "03:01", "over"} {
		require.Contains(t, words, said)
	}
	for _, s := range []string{`<script>alert(1)</script>`, `" onload="alert(1)`, "]]>", "</text></svg>", "&lt;", "a\x00b\x1b", "\xff", "' x='"} {
		got, _ := elements(t, SVG(drawing(s), s, true))
		require.Equal(t, want, got, "%q", s)
	}
	inPage, _ := elements(t, SVG(drawing("tame"), "tame", false))
	require.Zero(t, inPage["style"], "the page has the style once")
	nothing, words := elements(t, SVG(Chart{Title: "empty"}, "", false))
	require.Equal(t, 2, nothing["text"])
	require.Contains(t, words, "no data")
}

// Every ink has its colour for dark paper, or it would be dark on dark.
func TestEveryInkIsKnownInTheDark(t *testing.T) {
	for i, ink := range append(inks(), paper, text, grid, limit, mark, behind) {
		require.NotEmpty(t, dark()[classOf(ink)], "ink %d", i)
		require.Contains(t, SVGStyle(), ".chart .s."+classOf(ink)+"{")
	}
}

// However many moments there are and wherever: each that is within the chart has its
// number in exactly one flag, and no flag covers another.
func TestFlagsAreReadable(t *testing.T) {
	start := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		c := Chart{Start: start, Step: time.Minute, Series: [][]float64{make([]float64, 61)}}
		at := start.Add(-10 * time.Minute)
		for i, gap := range rapid.SliceOfN(rapid.IntRange(0, 600), 0, 300).Draw(t, "gaps") {
			at = at.Add(time.Duration(gap) * time.Second)
			c.Flags = append(c.Flags, Flag{At: at, Number: i + 1})
		}
		end, _ := c.end()
		seen := map[int]int{}
		boxes := c.layFlags()
		for i, p := range boxes {
			first, last, several := strings.Cut(p.text, "-")
			from, err := strconv.Atoi(first)
			require.NoError(t, err)
			to := from
			if several {
				to, err = strconv.Atoi(last)
				require.NoError(t, err)
			}
			for n := from; n <= to; n++ {
				seen[n]++
			}
			require.GreaterOrEqual(t, p.left, float64(marginLeft)-60)
			require.LessOrEqual(t, p.left+float64(7*len(p.text)+5), float64(pictureWidth))
			require.Less(t, p.row, mostRows)
			for _, q := range boxes[:i] {
				require.True(t, q.row != p.row || q.left+float64(7*len(q.text)+5) <= p.left, "%s covers %s", q.text, p.text)
			}
		}
		for _, f := range c.Flags {
			want := 1
			if f.At.Before(c.Start) || f.At.After(end.Add(c.Step)) {
				want = 0
			}
			require.Equal(t, want, seen[f.Number], "number %d", f.Number)
		}
	})
}
