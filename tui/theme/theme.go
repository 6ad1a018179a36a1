// Package theme says what things look like: semantic styles as terminal colour
// sequences, computed once per theme and colour profile, and which glyphs a
// terminal can show.
//
// A pane names what a thing means (Crit, Dim, Series(2)); only this package
// knows which colour that is. No meaning is carried by colour alone: a severity
// is always also a word or a glyph.
package theme

import (
	"fmt"
	"slices"
	"strings"
)

// Style is what a piece of the screen means. The zero value is Plain.
type Style uint8

// The styles. Accent is the one colour for what needs the reader now;
// severities and states have theirs to themselves, everything else is two greys.
const (
	Plain    Style = iota
	Bright         // figures that are read first
	Dim            // secondary text
	Faint          // lines, axes, ticks: may vanish without loss
	Accent         // needs you
	Title          // pane headings
	Key            // a key that can be pressed
	Selected       // the row under the cursor
	Border
	Danger // the frame and the words of what cannot be taken back
	OK
	Warn
	Crit
	Sev1
	Sev2
	Sev3
	Sev4
	Tag1 // the severity as a filled tag
	Tag2
	Tag3
	Tag4
	Link
	Input     // what is being typed
	Crosshair // the shared instant on the charts
	Threshold // the line that should not be crossed
	Wrong     // the part of a text that cannot be read
	firstSeries
)

// MaxSeries is how many series have a style of their own; Series repeats after.
const MaxSeries = 8

// HeatLevels is how many shades a heat map has.
const HeatLevels = 7

const (
	firstHeat = firstSeries + MaxSeries
	numStyles = int(firstHeat) + HeatLevels
)

// shade is a bit beside the style: the same, on a background that marks an
// interval (where the theme has one).
const shade Style = 0x80

// Series is the style of the nth series of a chart, from 0.
func Series(n int) Style {
	if n < 0 {
		n = -n
	}
	return firstSeries + Style(n%MaxSeries)
}

// Heat is the style of the nth shade of a heat map, 0 the least. In few colours it
// needs glyphs of growing weight beside it.
func Heat(n int) Style { return firstHeat + Style(min(max(n, 0), HeatLevels-1)) }

// IsSeries says that the style is that of a series, which colours ink alone: a
// blank in it looks like any other.
func (s Style) IsSeries() bool { return s >= firstSeries && s < firstSeries+MaxSeries }

// Sev is the style of severity n (1 to 4) as text, Tag as a filled tag.
func Sev(n int) Style { return Sev1 + Style(min(max(n, 1), 4)-1) }

// Tag is the style of severity n (1 to 4) as a filled tag.
func Tag(n int) Style { return Tag1 + Style(min(max(n, 1), 4)-1) }

// Shaded is the style on the background that marks an interval on a chart.
func (s Style) Shaded() Style { return s | shade }

// Profile is how many colours the terminal shows.
type Profile uint8

// The profiles, from none (weights and reverse video only) to 24 bits.
const (
	NoColour Profile = iota
	Colour16
	Colour256
	TrueColour
)

// Glyphs is the set of characters the terminal can show.
type Glyphs uint8

// The glyph sets: Braille has 2x4 dots in a cell, Block 2x2, ASCII draws with
// the characters of a typewriter and folds every other symbol to one of them.
const (
	Braille Glyphs = iota
	Block
	ASCII
)

// Names lists the themes. auto is sixteen colours of the terminal's own palette.
func Names() []string {
	return []string{"auto", "light", "dark", "high-contrast", "colour-blind"}
}

// Options choose a theme. The zero value is auto, without colour, for a light
// background, in braille; FromEnv gives what a terminal can do.
type Options struct {
	Name    string // one of Names; empty is auto
	Profile Profile
	Dark    bool // the terminal's background; light and dark themes bring their own answer
	Glyphs  Glyphs
}

// Theme is immutable and safe for concurrent use.
type Theme struct {
	options Options
	openers [2 * numStyles]string
}

// New computes a theme. An unknown name is an error that lists the known ones.
func New(o Options) (*Theme, error) {
	if o.Name == "" {
		o.Name = "auto"
	}
	if !slices.Contains(Names(), o.Name) {
		return nil, fmt.Errorf("theme %q: no such theme; known are %s", o.Name, strings.Join(Names(), ", "))
	}
	t := &Theme{options: o}
	pal := paletteOf(o)
	for i := range numStyles {
		t.openers[i] = pal.opener(Style(i), o.Profile, false)
		t.openers[numStyles+i] = pal.opener(Style(i), o.Profile, true)
	}
	return t, nil
}

// Default is auto with sixteen colours on a dark background, in braille.
func Default() *Theme {
	t, err := New(Options{Profile: Colour16, Dark: true})
	if err != nil {
		panic(err) // the name is ours
	}
	return t
}

// Options are what the theme was made from.
func (t *Theme) Options() Options { return t.options }

// Glyphs is the set that may be drawn.
func (t *Theme) Glyphs() Glyphs { return t.options.Glyphs }

// Open is the escape sequence that starts s, from whatever came before: it
// begins with a reset. Plain is the bare reset.
func (t *Theme) Open(s Style) string {
	i := int(s &^ shade)
	if i >= numStyles {
		i = 0
	}
	if s&shade != 0 {
		i += numStyles
	}
	return t.openers[i]
}

// Shapes says that series are to be told by more than their colours: there are none,
// or the reader sees few.
func (t *Theme) Shapes() bool {
	return t.options.Profile == NoColour || t.options.Name == "colour-blind" || t.options.Name == "high-contrast"
}
