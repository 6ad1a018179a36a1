package safe

import (
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	ellipsis = "…"
	// maxMarks is how many combining marks may stand on one character. Two are
	// enough for Vietnamese and for pointed Hebrew; the towers called zalgo have dozens.
	maxMarks = 2
)

// printable counts the leading bytes of s that are printable ASCII, up to max.
func printable(s string, max int) int {
	n := min(len(s), max)
	for i := range n {
		if c := s[i]; c < 0x20 || c > 0x7e {
			return i
		}
	}
	return n
}

// clean is the slow path of New: one pass, never more than max cells kept.
func clean(raw string, max int) Text {
	b := builder{out: make([]byte, 0, min(len(raw)+len(raw)/4, 4*max)+8), max: max}
	for len(raw) > 0 {
		r, size := utf8.DecodeRuneInString(raw)
		if r == utf8.RuneError && size <= 1 {
			size = 1
		}
		if !b.add(r) {
			b.out = append(b.out[:b.cut], ellipsis...)
			b.width = b.cutWidth + 1
			break
		}
		raw = raw[size:]
	}
	return Text{string(b.out), b.width}
}

// builder collects clean characters. cut is the last place where the ellipsis
// still fits, should the text turn out to be too long.
type builder struct {
	out           []byte
	width, max    int
	cut, cutWidth int
	base          rune // the last character, 0 at the start
	baseAt        int  // where it stands in out
	marks         int  // how many marks it carries
}

// add appends what r may be drawn as, and says false when it would not fit.
func (b *builder) add(r rune) bool {
	switch {
	case r < 0x20:
		if r == '\n' || r == '\r' || r == '\t' || r == '\v' || r == '\f' {
			return b.put(' ', 1)
		}
		return b.put(0x2400+r, 1) // the picture of the control character: tampering stays visible
	case r < 0x7f:
		return b.put(r, 1)
	case r == 0x7f:
		return b.put('␡', 1)
	case r == 0x85 || r == 0x2028 || r == 0x2029: // NEL, line and paragraph separator
		return b.put(' ', 1)
	case invisible(r):
		return true
	case jamo(r):
		return b.addJamo(r)
	case isMark(r):
		return b.addMark(r)
	case unicode.Is(unicode.Zs, r):
		return b.put(' ', 1)
	case r >= 0x1f1e6 && r <= 0x1f1ff:
		// Terminals disagree about the width of flags, and a flag is its country's letters.
		return b.put('A'+r-0x1f1e6, 1)
	case r == utf8.RuneError || !unicode.IsGraphic(r): // C1, private, unassigned, invalid
		return b.put(utf8.RuneError, 1)
	}
	return b.put(r, runeWidth(r))
}

func (b *builder) put(r rune, width int) bool {
	if b.width+width > b.max {
		return false
	}
	b.base, b.baseAt, b.marks = r, len(b.out), 0
	b.out = utf8.AppendRune(b.out, r)
	b.width += width
	b.remember()
	return true
}

func (b *builder) remember() {
	if b.width < b.max {
		b.cut, b.cutWidth = len(b.out), b.width
	}
}

// addMark puts a mark on the character before it; one that stands alone gets a
// dotted circle, so that joining texts never moves a mark to a stranger.
func (b *builder) addMark(r rune) bool {
	if b.base == 0 || b.base == ' ' {
		if !b.put('◌', 1) {
			return false
		}
	}
	if b.marks < maxMarks {
		b.marks++
		b.out = utf8.AppendRune(b.out, r)
		b.remember()
	}
	return true
}

// addJamo composes conjoining Korean letters into syllables (macOS stores file
// names decomposed); those that do not compose are replaced, since alone some
// of them have no width. Source: The Unicode Standard, section 3.12.
func (b *builder) addJamo(r rune) bool {
	const lead, vowel, tail, syllable = 0x1100, 0x1161, 0x11a7, 0xac00
	switch {
	case b.marks > 0:
	case r >= vowel && r < vowel+21 && b.base >= lead && b.base < lead+19:
		return b.become(syllable + ((b.base-lead)*21+r-vowel)*28)
	case r > tail && r < tail+28 && b.base >= syllable && b.base < 0xd7a4 && (b.base-syllable)%28 == 0:
		return b.become(b.base + r - tail)
	}
	if r >= lead && r < lead+19 {
		return b.put(r, 2)
	}
	return b.put(utf8.RuneError, 1)
}

// become replaces the last character by one of the same width.
func (b *builder) become(r rune) bool {
	b.out = utf8.AppendRune(b.out[:b.baseAt], r)
	b.base = r
	b.remember()
	return true
}

func jamo(r rune) bool {
	return r >= 0x1100 && r <= 0x11ff || r >= 0xa960 && r <= 0xa97f || r >= 0xd7b0 && r <= 0xd7ff
}

// invisible reports characters that draw nothing but change what is around
// them: bidirectional controls, zero-width characters, tags, soft hyphens,
// variation selectors, fillers, emoji skin tones.
func invisible(r rune) bool {
	switch {
	case r < 0xad:
		return false
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r),
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r),
		r >= 0x1f3fb && r <= 0x1f3ff:
		return true
	}
	return false
}

func isMark(r rune) bool { return r >= 0x300 && unicode.Is(unicode.M, r) }

// runeWidth is the cells of a clean base character: 1 or 2. It follows what
// Bubble Tea's renderer assumes of a terminal until told otherwise.
func runeWidth(r rune) int {
	if r < 0x1100 || r >= 0x2500 && r < 0x25a0 || r >= 0x2800 && r < 0x2900 { // boxes, blocks, braille
		return 1
	}
	if ansi.StringWidthWc(string(r)) == 2 {
		return 2
	}
	return 1
}
