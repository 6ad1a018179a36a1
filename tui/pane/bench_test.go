package pane

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// BenchmarkBoard is a full redraw of twelve charts at 200x60: target 1 ms.
func BenchmarkBoard(b *testing.B) {
	v, s := Views()[1], screenOf(richWorld(b), "INC-204")
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	for b.Loop() {
		f.Clear()
		v.Draw(f, s)
	}
}

// BenchmarkBoardNews is the same with a new snapshot every time.
func BenchmarkBoardNews(b *testing.B) {
	v, s := Views()[1], screenOf(richWorld(b), "INC-204")
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	for b.Loop() {
		world, board := *s.World, *s.World.Board
		world.Board = &board
		s.World = &world
		f.Clear()
		v.Draw(f, s)
	}
}

// BenchmarkNow is the first view, the whole of it.
func BenchmarkNow(b *testing.B) {
	v, s := Views()[0], screenOf(richWorld(b), "INC-204")
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	for b.Loop() {
		f.Clear()
		v.Draw(f, s)
	}
}

// longNight has an incident of n events.
func longNight(t testing.TB, n int) *World {
	w := richWorld(t)
	list := w.Events["INC-204"]
	for i := range n {
		list = append(list, incident.Event{
			Seq: int64(1000 + i), ID: fmt.Sprintf("%026d", i), Incident: "INC-204", At: night.Add(time.Duration(i) * time.Second), Kind: incident.NoteAdded,
			Actor: incident.Person(fmt.Sprint("p", i%7)), Text: fmt.Sprintf("line %d of a very long night", i),
		})
	}
	w.Events["INC-204"] = list
	return w
}

// BenchmarkTimeline10k draws the end of ten thousand events; everything is in
// its place already.
func BenchmarkTimeline10k(b *testing.B) {
	v, s := Views()[2], screenOf(longNight(b, 10_000), "INC-204")
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	for b.Loop() {
		f.Clear()
		v.Draw(f, s)
	}
}

// BenchmarkTimeline10kNews is what a new event costs there, with a filter.
func BenchmarkTimeline10kNews(b *testing.B) {
	v, s := Views()[2], screenOf(longNight(b, 10_000), "INC-204")
	s.Filter = "line .*7 of"
	f := frame.New(200, 54, theme.Default())
	b.ReportAllocs()
	for b.Loop() {
		world := *s.World
		s.World = &world
		f.Clear()
		v.Draw(f, s)
	}
}

func TestTenThousandEvents(t *testing.T) {
	r := newReader(t, 2, longNight(t, 10_000), "INC-204", 119, 34)
	r.sees("10016 events", "line 9999 of a very long night")
	r.press(keys.Top)
	r.sees("LT-6 smoke")
	r.s.Filter = "@p3 line 99"
	r.sees("17 of 10016 events", "line 9915")
	allocs := testing.AllocsPerRun(10, func() { picture(r.view, r.s, 119, 34) })
	require.Less(t, allocs, 1000.0, "only what is on the screen is written")
}

// BenchmarkLoadCourse is what a second of a run costs a screen that shows an hour of it.
func BenchmarkLoadCourse(b *testing.B) {
	seconds := someSeconds(3600)
	for b.Loop() {
		LoadBoard(time.Unix(0, 0), time.Unix(3600, 0), seconds)
	}
	b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N), "%-of-a-CPU-at-1Hz")
}
