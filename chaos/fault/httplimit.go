package fault

import (
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// headTime is how long the head of a request may take from its first byte: a client
	// that sends one byte now and then would hold its connection for ever.
	headTime = 10 * time.Second
	// idleTime is how long a client may say nothing while nobody answers it. It is longer
	// than servers keep a connection, so that they end it as they do without a proxy.
	idleTime = 10 * time.Minute
)

// clientLimit is until when a client must have said something. Its methods may be called
// from both directions of a passage.
type clientLimit struct {
	mu      sync.Mutex
	until   time.Time // zero is no limit
	lingers bool      // the server has ended: the limit stays
}

// set gives the client until then, no time at all where that is zero.
func (l *clientLimit) set(conn *net.TCPConn, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lingers && !l.until.Equal(until) {
		l.until = until
		_ = conn.SetReadDeadline(until)
	}
}

// none lets the client take its time.
func (l *clientLimit) none(conn *net.TCPConn) { l.set(conn, time.Time{}) }

// last is the limit of a client whose server has ended.
func (l *clientLimit) last(conn *net.TCPConn, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lingers = true
	_ = conn.SetReadDeadline(until)
}

// nextHead waits for the head of a request. One that takes too long fails; a client that is
// silent for too long has ended, as far as anybody knows. Neither counts while what passes
// is not looked at, nor the silence while an answer is on its way.
func (c *passage) nextHead() ([]byte, error) {
	for {
		begins := time.Time{}
		raw, err := c.client.head(couldBeRequest, func(begun bool) {
			switch {
			case !begun:
				c.limit.set(c.client.conn, time.Now().Add(cmp.Or(c.proxy.idle, idleTime)))
			case begins.IsZero():
				begins = time.Now()
				c.limit.set(c.client.conn, begins.Add(cmp.Or(c.proxy.slow, headTime)))
			}
		})
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.limit.lasts():
			return raw, err
		case c.isRaw():
			return nil, errNotHTTP
		case c.client.r < c.client.w:
			return nil, err
		case c.current.Load() == nil:
			return nil, io.EOF
		}
	}
}

// lasts says whether the server has ended.
func (l *clientLimit) lasts() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lingers
}

// fromClient passes on whatever the client says from now on, without a look.
func (c *passage) fromClient() error {
	c.limit.none(c.client.conn)
	return c.client.tunnel(c.server.conn)
}
