package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// idleCheck is how long a connection may have been idle before it is looked at
// for a close that came in the meantime. Below it a look costs more than it
// finds.
const idleCheck = 50 * time.Millisecond

// dialFunc opens a connection to one address.
type dialFunc func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", addr.String())
}

// conn carries one request at a time to one endpoint over a connection that it
// keeps alive and reopens. Only cut may be called from another goroutine.
type conn struct {
	end     endpoint
	dial    dialFunc
	timeout time.Duration
	in      *responseReader

	mu       sync.Mutex
	nc       net.Conn // nil when there is none
	isCut    bool
	answered bool      // this connection has carried a response
	idle     time.Time // since when it has nothing to do
}

func newConn(end endpoint, dial dialFunc, timeout time.Duration) *conn {
	return &conn{end: end, dial: dial, timeout: timeout, in: newResponseReader(nil)}
}

// errCut is returned for a request that the end of the run cut off.
var errCut = errors.New("cut off by the end of the run")

// exchange sends one request at now and reads its response to the last byte.
// A kept-alive connection that the server has closed while it was idle is no
// error: it is reopened, and a request on which it died before any answer is
// sent once more, if its method allows that (RFC 9110, section 9.2.2). Done is
// when the exchange was over, however it ended.
func (c *conn) exchange(ctx context.Context, req *request, now time.Time) (status int, done time.Time, err error) {
	deadline := now.Add(c.timeout)
	if c.nc != nil && now.Sub(c.idle) > idleCheck && disturbed(c.nc) {
		c.close()
	}
	for {
		reused := c.nc != nil && c.answered
		status, err = c.once(ctx, req, deadline)
		done = time.Now()
		if err == nil {
			c.idle = done
			return status, done, nil
		}
		c.close()
		if !reused || !req.idempotent || c.in.got > 0 || !hungUp(err) {
			return 0, done, err
		}
	}
}

func (c *conn) once(ctx context.Context, req *request, deadline time.Time) (int, error) {
	if c.nc == nil {
		c.in.got = 0
		if err := c.open(ctx, deadline); err != nil {
			return 0, err
		}
	}
	if err := c.nc.SetDeadline(deadline); err != nil {
		return 0, err
	}
	if c.wasCut() {
		return 0, errCut
	}
	_, sendErr := c.nc.Write(req.bytes)
	// A server may refuse a request before it has read all of it, so the answer
	// is looked for even when sending failed.
	resp, err := c.in.read(req.head)
	if err != nil {
		if sendErr != nil && c.in.got == 0 {
			err = sendErr
		}
		return 0, err
	}
	c.answered = true
	if resp.close || sendErr != nil {
		c.close()
	}
	return resp.status, nil
}

// open dials the endpoint's addresses in order until one answers.
func (c *conn) open(ctx context.Context, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var first error
	for _, addr := range c.end.addrs {
		nc, err := c.dial(ctx, addr)
		if err == nil {
			return c.adopt(nc)
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func (c *conn) adopt(nc net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		return errors.Join(errCut, nc.Close())
	}
	c.nc, c.answered, c.idle = nc, false, time.Now()
	c.in.reset(nc)
	return nil
}

// close ends the connection; the next request opens another. What closing
// itself has to say no longer matters to anybody.
func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc != nil {
		_ = c.nc.Close()
		c.nc = nil
	}
}

// cut ends what the connection is doing and all it would do later.
func (c *conn) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	if c.nc != nil {
		_ = c.nc.SetDeadline(time.Unix(1, 0))
	}
}

func (c *conn) wasCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isCut
}

// hungUp holds for the ways in which a closed connection shows itself.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// classify names what went wrong; the empty class is a success.
func classify(status int, err error) Class {
	switch {
	case err == nil && status >= 500:
		return ClassServer
	case err == nil && status >= 400:
		return ClassClient
	case err == nil:
		return ""
	case errors.Is(err, errProtocol):
		return ClassProtocol
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return ClassTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return ClassRefused
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.ENOBUFS):
		return ClassLocal
	}
	return ClassReset
}

// sample is one line that shows an error to a person.
func sampleText(req *request, status int, err error) string {
	text := fmt.Sprintf("%s: status %d", req.name, status)
	if err != nil {
		text = fmt.Sprintf("%s: %v", req.name, err)
	}
	return text[:min(len(text), 300)]
}
