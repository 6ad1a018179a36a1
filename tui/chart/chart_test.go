package chart

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

var update = flag.Bool("update", false, "write the goldens anew")

var t0 = time.Date(2026, 3, 14, 2, 50, 0, 0, time.UTC)

// wave is a calm signal that climbs from sample `from` on, with one dip.
func wave(n, from int, base, high float64, phase float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		x := float64(i)
		out[i] = base * (1 + 0.25*math.Sin(x/9+phase) + 0.1*math.Sin(x/2.3+2*phase))
		if i > from {
			out[i] += (high - base) * (1 - math.Exp(-float64(i-from)/12))
		}
	}
	return out
}

// checkout is an incident on one chart: errors climb after a deploy, an alert
// fires, someone acknowledges, an experiment ran before.
func checkout() *Spec {
	at := func(minutes float64) time.Time { return t0.Add(time.Duration(minutes * float64(time.Minute))) }
	return &Spec{
		Title: safe.Const("5xx ratio"),
		Start: t0, Step: 15 * time.Second,
		Series:     []Series{{Name: safe.Const("checkout"), Values: wave(240, 160, 0.004, 0.081, 0)}},
		Format:     plot.Percent,
		Thresholds: []Threshold{{Value: 0.05, Level: Crit}},
		Marks: []Mark{
			{At: at(10), Until: at(16), Kind: Chaos},
			{At: at(39.5), Kind: Deploy},
			{At: at(43), Kind: Alert},
			{At: at(46), Kind: Ack},
		},
	}
}

func regions() *Spec {
	s := checkout()
	s.Title = safe.Const("requests by region")
	s.Format, s.Thresholds = plot.Short, nil
	s.Series = nil
	for i, name := range []string{"eu-west-1", "us-east-1", "ap-south-1", "sa-east-1", "af-south-1"} {
		s.Series = append(s.Series, Series{Name: safe.New(name, 40), Values: wave(240, 300, 90*float64(i+1), 0, float64(i)*1.7)})
	}
	s.Marks = []Mark{{At: t0.Add(20 * time.Minute), Kind: Note}, {At: t0.Add(20 * time.Minute), Kind: Alert}}
	return s
}

func broken() *Spec {
	s := checkout()
	s.Title = safe.Const("p99 latency")
	s.Format = plot.Seconds
	s.Thresholds = []Threshold{{Value: 0.5}}
	values := wave(240, 400, 0.25, 0, 0.4)
	for i := 90; i < 120; i++ {
		values[i] = math.NaN()
	}
	s.Series = []Series{{Name: safe.Const("p99"), Values: values}}
	s.State = State{Stale: 95 * time.Second, Partial: true}
	return s
}

func specs() map[string]func() *Spec {
	return map[string]func() *Spec{
		"checkout": checkout,
		"regions":  regions,
		"stale":    broken,
		"crosshair": func() *Spec {
			s := regions()
			s.Crosshair = t0.Add(33*time.Minute + 15*time.Second)
			return s
		},
		"empty": func() *Spec { s := checkout(); s.Series = nil; return s },
		"error": func() *Spec {
			s := checkout()
			s.Series = nil
			s.State.Error = safe.Const("connection refused")
			return s
		},
		"loading": func() *Spec { s := checkout(); s.Series = nil; s.State.Loading = true; return s },
		"log": func() *Spec {
			s := checkout()
			s.Y.Log = true
			return s
		},
	}
}

func newTheme(t testing.TB, g theme.Glyphs) *theme.Theme {
	th, err := theme.New(theme.Options{Profile: theme.Colour16, Dark: true, Glyphs: g})
	require.NoError(t, err)
	return th
}

func render(t testing.TB, s *Spec, w, h int, g theme.Glyphs) string {
	f := frame.New(w+1, h, newTheme(t, g)) // one more for the spare column
	Draw(f, s)
	return f.Plain()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// The pictures in testdata are the specification of how charts look.
func TestPictures(t *testing.T) {
	for name, spec := range specs() {
		for _, size := range [][2]int{{40, 8}, {36, 11}, {80, 16}} {
			t.Run(fmt.Sprintf("%s/%dx%d", name, size[0], size[1]), func(t *testing.T) {
				golden(t, fmt.Sprintf("%s_%dx%d", name, size[0], size[1]), render(t, spec(), size[0], size[1], theme.Braille))
			})
		}
	}
	golden(t, "checkout_80x16_block", render(t, checkout(), 80, 16, theme.Block))
	golden(t, "checkout_80x16_ascii", render(t, checkout(), 80, 16, theme.ASCII))
}

func TestSmallPictures(t *testing.T) {
	f := frame.New(41, 14, newTheme(t, theme.Braille))
	values := wave(300, 200, 3, 9, 0)
	f.Put(0, 0, theme.Plain, Sparkline(values, 30, theme.Braille))
	f.Put(0, 1, theme.Plain, Sparkline(values, 30, theme.Block))
	f.Put(0, 2, theme.Plain, Sparkline(values, 30, theme.ASCII))
	for i, r := range []float64{0, 0.001, 0.38, 0.5, 1, 7, math.NaN()} {
		Gauge(f, 0, 3+i, 20, r, theme.OK)
	}
	Stat{Title: safe.Const("error budget"), Value: safe.Const("38.2%"), Note: safe.Const("gone in 52 m"), Values: values}.Draw(f.Sub(frame.Rect{X: 22, Y: 3, W: 18, H: 6}))
	golden(t, "small", f.Plain())
}

// A panel whose source is stood in for says so, before anything else is read off it.
func TestAPanelSaysWhoStandsIn(t *testing.T) {
	text, style := State{StandIn: safe.Const("direct 3/12 targets (9 unreachable) · window 40 % full")}.badge(60)
	require.Equal(t, "direct 3/12 targets (9 unreachable) · window 40 % full", text.String())
	require.Equal(t, theme.Warn, style)
}
