package embedded

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
)

// Of the pages that come in at once, however many targets there are, few may take much
// memory: a large one waits for its turn before it is read on, and each for one to be
// parsed. Those of the usual size do not wait for the large.

const (
	largePage  = 256 << 10 // from here on a page waits
	mostLarge  = 2         // that are read, so that one which trickles does not hold up all
	mostParsed = 2         // of the usual size; of the large it is one

	hugePage = 4 << 20 // the memory of such a one is given back before the next takes as much
)

// errCrowded is that of a page that had no turn in time.
var errCrowded = errors.New("its page is large, and those of other targets were before it until the time for a scrape was over")

// pageTurns are those of one server.
type pageTurns struct{ large, parseLarge, parseUsual chan struct{} }

func newPageTurns() pageTurns {
	return pageTurns{make(chan struct{}, mostLarge), make(chan struct{}, 1), make(chan struct{}, mostParsed)}
}

// pageTurn is that of one page, from when it comes in until it is stored.
type pageTurn struct {
	all  pageTurns
	held []chan struct{}
	size int
}

func (p pageTurns) begin() *pageTurn { return &pageTurn{all: p} }

// end gives everything back.
func (t *pageTurn) end() {
	if t.size >= hugePage {
		runtime.GC()
	}
	for _, turn := range t.held {
		<-turn
	}
	t.held = nil
}

func (t *pageTurn) take(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		t.held = append(t.held, turn)
		return nil
	case <-ctx.Done():
		return errCrowded
	}
}

// read is the whole of r.
func (t *pageTurn) read(ctx context.Context, r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, largePage); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return b.Bytes(), err
	}
	if err := t.take(ctx, t.all.large); err != nil {
		return nil, err
	}
	_, err := b.ReadFrom(r)
	t.size = b.Len()
	return b.Bytes(), err
}

// parse waits until the page may be parsed.
func (t *pageTurn) parse(ctx context.Context) error {
	if len(t.held) == 0 {
		return t.take(ctx, t.all.parseUsual)
	}
	err := t.take(ctx, t.all.parseLarge)
	if t.size >= hugePage {
		runtime.GC() // of what reading it took
	}
	return err
}
