package chart

import (
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// entry is one series in the legend.
type entry struct {
	series int
	text   safe.Text
}

// legend lists the series with their newest value (or that at the crosshair)
// and, where there is room for all, their highest. What is left out is counted;
// the series whose value the title shows is never left out.
func legend(f *frame.Frame, s *Spec, w plot.Window) {
	const widest, narrowest = 24, 8
	const beside = 2 + 5 // its bullet, and how many more there are
	at := func(nameWidth int, withMax bool) (entries []entry, fits int) {
		entries = make([]entry, len(s.Series))
		names := s.Names(nameWidth)
		for i := range s.Series {
			at := s.listed(i)
			entries[i] = entry{at, s.entry(at, names[at], withMax, f.Width()-beside)}
		}
		return entries, flow(f, entries, nil)
	}
	entries, fits := at(widest, true)
	if fits < len(entries) {
		_, most := at(narrowest, false)
		for width := widest; width >= narrowest; width -= 4 { // names are cut only where it lets more of them in
			if entries, fits = at(width, false); fits >= most {
				break
			}
		}
	}
	if lead := s.place(s.focus()); fits < len(entries) && lead >= fits {
		entries = slices.Concat(entries[lead:lead+1], entries[:lead], entries[lead+1:])
	}
	flow(f, entries, s)
}

// listed is the series at place i of the legend, place where a series stands in it.
func (s *Spec) listed(i int) int {
	if len(s.Order) == len(s.Series) {
		return s.Order[i]
	}
	return i
}

func (s *Spec) place(series int) int {
	if at := slices.Index(s.Order, series); at >= 0 && len(s.Order) == len(s.Series) {
		return at
	}
	return series
}

// Names are those of the series, each in at most so many cells. Those of one width are kept: a
// picture follows another, and names stay.
func (s *Spec) Names(width int) []safe.Text {
	if kept, ok := s.named[width]; ok && len(kept) == len(s.Series) {
		return kept
	}
	all := make([]safe.Text, len(s.Series))
	for i := range s.Series {
		all[i] = s.Series[i].Name
	}
	if s.named == nil {
		s.named = map[int][]safe.Text{}
	}
	s.named[width] = Names(all, width)
	return s.named[width]
}

// entry is the text of one series without its bullet.
func (s *Spec) entry(i int, name safe.Text, withMax bool, room int) safe.Text {
	series := s.Series[i]
	if s.Calc && s.Crosshair.IsZero() {
		return series.figured(name, room)
	}
	text := safe.Concat(name, safe.Const(" "))
	v, now := s.at(i)
	if math.IsNaN(v) {
		text = safe.Concat(text, safe.Const("-"))
	} else {
		text = safe.Concat(text, safe.New(s.formatOf(i, v), 16))
	}
	if now {
		text = safe.Concat(text, provisional())
	}
	if _, hi, ok := plot.Range(series.Values); ok && withMax {
		text = safe.Concat(text, safe.Const(" max "), safe.New(s.formatOf(i, hi), 16))
	}
	return text
}

// figured is a name with as many of its figures as there is room for, whole: half a
// number is another number.
func (s *Series) figured(name safe.Text, room int) safe.Text {
	for _, figure := range s.Figures {
		with := safe.Concat(name, safe.Const(" "), figure)
		if with.Width() > room {
			break
		}
		name = with
	}
	return name
}

// flow lays entries out in rows and returns how many fit. It draws when s is given.
func flow(f *frame.Frame, entries []entry, s *Spec) int {
	x, y := 0, 0
	for i, e := range entries {
		need, reserve := 2+e.text.Width(), 0
		if y == f.Height()-1 && i < len(entries)-1 {
			reserve = 5 // for "+12" and its gap
		}
		if x > 0 && x+need+reserve > f.Width() {
			if y == f.Height()-1 {
				if s != nil {
					more := safe.Sprintf("+%d", len(entries)-i)
					x = min(x, f.Width()-more.Width())
					f.Fill(frame.Rect{X: x - 1, Y: y, W: more.Width() + 1, H: 1}, theme.Plain, ' ')
					f.Put(x, y, theme.Dim, more)
				}
				return i
			}
			x, y = 0, y+1
		}
		if s != nil {
			s.drawEntry(f, x, y, e.series, e.text)
		}
		x += need + 2
	}
	return len(entries)
}

func (s *Spec) drawEntry(f *frame.Frame, x, y, i int, t safe.Text) {
	bullet, style := Bullet(f.Theme(), i), theme.Plain
	switch {
	case s.Series[i].Hidden:
		bullet, style = '○', theme.Dim
	case i == s.focus():
		style = theme.Bright
	}
	ink := theme.Series(i)
	if s.Series[i].Behind {
		bullet, ink, style = '◌', theme.Dim, theme.Dim
	}
	f.Rune(x, y, ink, bullet)
	f.PutFit(x+2, y, f.Width()-x-2, style, t)
}
