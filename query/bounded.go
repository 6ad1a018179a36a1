package query

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// largeBody is from where on an answer waits for its turn: of the requests that are
// under way at once only one may fill its memory up to the limit.
const largeBody = 4 << 20

// bounded ends a body that is larger than its limit with an error, before it
// fills the memory.
type bounded struct {
	io.ReadCloser
	ctx         context.Context // of the request
	left, limit int64
	shown       string
	turn        chan struct{} // of large bodies; all of a client share it

	mu          sync.Mutex
	has, closed bool
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.tooLarge()
	}
	if b.limit-b.left > largeBody {
		if err := b.wait(); err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, b.tooLarge()
	}
	return n, err
}

// wait waits for the turn, if the body does not have it yet.
func (b *bounded) wait() error {
	b.mu.Lock()
	has := b.has
	b.mu.Unlock()
	if has {
		return nil
	}
	select {
	case b.turn <- struct{}{}:
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed { // meanwhile
		<-b.turn
		return net.ErrClosed
	}
	b.has = true
	return nil
}

// Close gives the turn to another one.
func (b *bounded) Close() error {
	b.mu.Lock()
	if b.has && !b.closed {
		<-b.turn
	}
	b.closed = true
	b.mu.Unlock()
	return b.ReadCloser.Close()
}

func (b *bounded) tooLarge() error {
	return &Error{
		URL: b.shown, Kind: ErrTooLarge,
		Msg: fmt.Sprintf("the answer is larger than %d MiB: aggregate the query (sum by, topk) or take a larger step", b.limit>>20),
	}
}
