package query

import (
	"bytes"
	"fmt"
	"io"
)

// maxStreamed is how many series an answer may have before the rest of it is not
// even read: a screen shows a thousand of them at the most.
const maxStreamed = 10_000

// flood counts the series of an answer as it comes in, and ends it with an error
// when they are too many. It looks for the key "metric", which cannot stand in a
// string: there its quotes are escaped.
type flood struct {
	io.ReadCloser
	shown string
	seen  int
	tail  [len(seriesKey) - 1]byte // the end of what was read
}

const seriesKey = `"metric":`

func (f *flood) Read(p []byte) (int, error) {
	if f.seen > maxStreamed {
		return 0, f.tooMany()
	}
	n, err := f.ReadCloser.Read(p)
	f.count(p[:n])
	if f.seen > maxStreamed {
		return n, f.tooMany()
	}
	return n, err
}

// count looks at a piece, and across the seam to the piece before.
func (f *flood) count(piece []byte) {
	var seam [2 * len(f.tail)]byte
	n := copy(seam[:], f.tail[:])
	n += copy(seam[n:], piece)
	f.seen += bytes.Count(seam[:n], []byte(seriesKey)) // either one across the seam
	if len(piece) > len(f.tail) {
		f.seen += bytes.Count(piece, []byte(seriesKey))
		// Those that lie in the seam's second half would count twice; as a key is
		// longer than that half, there are none.
	}
	keep := seam[:n]
	if len(piece) >= len(f.tail) {
		keep = piece
	}
	copy(f.tail[:], keep[len(keep)-len(f.tail):])
}

func (f *flood) tooMany() error {
	return &Error{
		URL: f.shown, Kind: ErrTooLarge,
		Msg: fmt.Sprintf("the answer has more than %d series: aggregate with sum by (...) or topk, or select fewer", maxStreamed),
	}
}
