package tui

import (
	"cmp"
	"math"
	"slices"

	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// piece is a part of a line: its wordings, the longest first, and how dear it
// is. Of a line that is too long the cheapest piece is shortened, then left out.
type piece struct {
	words []safe.Text
	style theme.Style
	dear  int
}

// say makes a piece.
func say(dear int, style theme.Style, words ...safe.Text) piece {
	return piece{words, style, dear}
}

// What is dear is shortened by one wording, but not more, to make room for what
// is cheap.
const (
	dearly = 8
	cheap  = 5
)

// fitted chooses a wording for every piece so that all fit into width with
// gap cells in between: first which pieces there is room for at all, the
// cheapest left out, then the longest wording that the rest leaves room for,
// the dearest first.
func fitted(pieces []piece, gap, width int) []piece {
	list := make([]piece, 0, len(pieces))
	for _, p := range pieces {
		if len(p.words) > 0 && p.words[0].Width() > 0 {
			list = append(list, p)
		}
	}
	short := func(p piece) int { return p.words[len(p.words)-1].Width() }
	fair := func(p piece) int {
		if p.dear >= dearly {
			return p.words[min(1, len(p.words)-1)].Width()
		}
		return short(p)
	}
	list = thinned(list, gap, width, cheap, fair)
	list = thinned(list, gap, width, math.MaxInt, short)
	total := lengthOf(list, gap, short)
	order := make([]int, len(list))
	chosen := make([]int, len(list)) // wordings
	for i := range order {
		order[i], chosen[i] = i, len(list[i].words)-1
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b].dear, list[a].dear) })
	for _, longest := range []int{1, 0} { // nobody gets all before everybody has something
		for _, i := range order {
			words := list[i].words
			for w := longest; w < chosen[i]; w++ {
				if more := words[w].Width() - words[chosen[i]].Width(); total+more <= width {
					total, chosen[i] = total+more, w
				}
			}
		}
	}
	for i, p := range list {
		list[i].words = p.words[chosen[i]:][:1]
	}
	return list
}

// thinned leaves the cheapest pieces out, up to a price, until the rest fits. A
// last one that is too long is cut when it is drawn.
func thinned(list []piece, gap, width, price int, length func(piece) int) []piece {
	for len(list) > 1 && lengthOf(list, gap, length) > width {
		least := 0
		for i, p := range list {
			if p.dear < list[least].dear {
				least = i
			}
		}
		if list[least].dear > price {
			break
		}
		list = slices.Delete(list, least, least+1)
	}
	return list
}

func lengthOf(list []piece, gap int, length func(piece) int) int {
	n := gap * (len(list) - 1)
	for _, p := range list {
		n += length(p)
	}
	return n
}

// putLine draws pieces from x on with " · " in between.
func putLine(f *frame.Frame, x, y, width int, pieces []piece) {
	dot := safe.Const(" · ")
	end := x + width
	for i, p := range fitted(pieces, dot.Width(), width) {
		if i > 0 {
			x = f.Put(x, y, theme.Faint, dot)
		}
		x = f.PutFit(x, y, end-x, p.style, p.words[0])
	}
}
