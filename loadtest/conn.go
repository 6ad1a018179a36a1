package loadtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
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

// timeouts are those of one request; connect is 0 where only the whole counts.
type timeouts struct{ whole, connect time.Duration }

// conn carries one request at a time to one endpoint over a connection that it
// keeps alive and reopens. Only cut may be called from another goroutine.
type conn struct {
	end  endpoint
	dial dialFunc
	timeouts
	in *responseReader

	mu       sync.Mutex
	nc       net.Conn // nil when there is none
	isCut    bool
	answered bool      // this connection has carried a response
	idle     time.Time // since when it has nothing to do
}

func newConn(end endpoint, dial dialFunc, t timeouts) *conn {
	return &conn{end: end, dial: dial, timeouts: t, in: newResponseReader(nil)}
}

// errCut is returned for a request that the end of the run cut off.
var errCut = errors.New("cut off by the end of the run")

// exchange sends one request at now and reads its response to the last byte.
// A kept-alive connection that the server has closed while it was idle is no
// error: it is reopened, and a request on which it died before any answer is
// sent once more, if its method allows that (RFC 9110, section 9.2.2). Done is
// when the exchange was over, however it ended.
func (c *conn) exchange(ctx context.Context, req *request, wire []byte, now time.Time) (a answer, done time.Time, err error) {
	deadline := now.Add(c.whole)
	if c.nc != nil && now.Sub(c.idle) > idleCheck && disturbed(c.nc) {
		c.close()
	}
	for {
		reused := c.nc != nil && c.answered
		a, err = c.once(ctx, req, wire, deadline)
		done = time.Now()
		if err == nil {
			c.idle = done
			return a, done, nil
		}
		c.close()
		if !reused || !req.idempotent || c.in.got > 0 || !hungUp(err) {
			return answer{}, done, err
		}
	}
}

func (c *conn) once(ctx context.Context, req *request, wire []byte, deadline time.Time) (answer, error) {
	if c.nc == nil {
		c.in.got = 0
		if err := c.open(ctx, deadline); err != nil {
			return answer{}, err
		}
	}
	if err := c.nc.SetDeadline(deadline); err != nil {
		return answer{}, err
	}
	if c.wasCut() {
		return answer{}, errCut
	}
	_, sendErr := c.nc.Write(wire)
	// A server may refuse a request before it has read all of it, so the answer
	// is looked for even when sending failed.
	c.in.keep = req.keep
	resp, err := c.in.read(req.head)
	if err != nil {
		if sendErr != nil && c.in.got == 0 {
			err = sendErr
		}
		return answer{}, err
	}
	c.answered = true
	if resp.close || sendErr != nil {
		c.close()
	}
	return answer{resp.status, resp.body, c.in.head, c.in.kept}, nil
}

// open dials the endpoint's addresses in order until one answers.
func (c *conn) open(ctx context.Context, deadline time.Time) error {
	if c.connect > 0 {
		if at := time.Now().Add(c.connect); at.Before(deadline) {
			deadline = at
		}
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	addrs, first := c.end.find(ctx)
	for _, addr := range addrs {
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
