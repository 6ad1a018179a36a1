package fault

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// passage is one connection of a client and the one to the server that belongs to it.
// One goroutine reads requests, another answers; there is one exchange at a time.
type passage struct {
	proxy          *proxy
	client, server stream
	current        atomic.Pointer[exchange]

	rawOnce, endOnce sync.Once
	rawed            chan struct{} // closed once what passes is not looked at any more
	ended            chan struct{} // closed with the connections

	limit clientLimit
}

// exchange is a request and its answer.
type exchange struct {
	bare    bool // the request is by HEAD: the answer has no body
	connect bool
	cut     *liveHurt
	slow    *pace
	done    chan struct{} // closed once the answer is over
}

// lingering is how long a client may take to end its side after the server has ended.
const lingering = time.Minute

// run passes requests until either side has ended.
func (c *passage) run() {
	answers := make(chan struct{})
	go func() {
		c.over(c.answers(), &c.client)
		close(answers)
	}()
	c.over(c.requests(), &c.server)
	<-answers
	c.finish(false)
}

// over passes the end of one direction on: an end is an end, a failure is one.
func (c *passage) over(err error, to *stream) {
	if err != nil && !errors.Is(err, io.EOF) {
		c.finish(true)
		return
	}
	_ = to.conn.CloseWrite()
	if to == &c.client {
		c.limit.last(c.client.conn, time.Now().Add(lingering))
	}
}

// finish closes both connections, once; hard is by a reset.
func (c *passage) finish(hard bool) {
	c.endOnce.Do(func() {
		close(c.ended)
		for _, conn := range []*net.TCPConn{c.client.conn, c.server.conn} {
			if hard {
				_ = conn.SetLinger(0)
			}
			_ = conn.Close()
		}
	})
}

// raw lets everything pass from now on without a look.
func (c *passage) raw() {
	c.rawOnce.Do(func() { close(c.rawed) })
	if x := c.current.Swap(nil); x != nil {
		close(x.done)
	}
}

func (c *passage) isRaw() bool {
	select {
	case <-c.rawed:
		return true
	default:
		return false
	}
}

// requests reads what the client says.
func (c *passage) requests() error {
	for {
		if c.isRaw() {
			return c.fromClient()
		}
		raw, err := c.nextHead()
		var h head
		if err == nil {
			h, err = parseRequest(raw)
		}
		switch {
		case errors.Is(err, errNotHTTP):
			c.foreign()
			return c.fromClient()
		case err == io.EOF:
			return c.client.rest(c.server.conn)
		case err != nil:
			return err
		}
		if !c.turn() {
			return c.fromClient()
		}
		if err := c.request(h); err != nil {
			return err
		}
	}
}

// foreign counts what nobody can look into.
func (c *passage) foreign() {
	if c.isRaw() {
		return // it was HTTP before
	}
	count := &c.proxy.foreign
	if b := c.client.kept(); len(b) > 0 && b[0] == tlsHandshake {
		count = &c.proxy.tls
	}
	count.Add(1)
	c.raw()
}

// tlsHandshake is the first byte of every TLS connection (RFC 8446, section 5.1).
const tlsHandshake = 0x16

// turn waits for the end of the exchange before, and is false where nothing is looked
// at any more.
func (c *passage) turn() bool {
	if x := c.current.Load(); x != nil {
		select {
		case <-x.done:
		case <-c.rawed:
		case <-c.ended:
		}
	}
	return !c.isRaw()
}

// request takes one on its way, with what is done to it.
func (c *passage) request(h head) error {
	x := &exchange{bare: string(h.method) == "HEAD", connect: string(h.method) == "CONNECT", done: make(chan struct{})}
	var out writer = c.server.conn
	n, b := len(h.raw), requestBody(h)
	if !b.none() {
		c.limit.none(c.client.conn) // a body takes as long as it takes
	}
	if blows := c.proxy.hurts.draw(&h); len(blows) > 0 {
		answered, err := c.suffer(h, x, blows)
		if answered || err != nil {
			return err
		}
		if x.slow != nil {
			out = x.slow.to(c.server.conn, c.ended)
		}
	}
	c.current.Store(x)
	if x.connect || h.upgrade {
		return c.mayTurn(x, n, b)
	}
	err := c.client.forward(out, n, b)
	if errors.Is(err, errNotHTTP) {
		c.raw()
		return c.fromClient()
	}
	return err
}

// mayTurn passes on a request after which both sides may speak another protocol. What
// the client says next is looked at only once the server has decided.
func (c *passage) mayTurn(x *exchange, n int, b body) error {
	c.limit.none(c.client.conn)
	if err := c.client.forward(c.server.conn, n, b); err != nil {
		return err
	}
	select {
	case <-x.done:
	case <-c.rawed:
	case <-c.ended:
	}
	return nil
}

// rest passes on what an end has left unfinished.
func (s *stream) rest(to *net.TCPConn) error {
	if s.r == s.w {
		return io.EOF
	}
	_, err := to.Write(s.kept())
	s.r, s.w = 0, 0
	if err != nil {
		return err
	}
	return io.EOF
}

// answers reads what the server says.
func (c *passage) answers() error {
	for {
		if err := c.server.await(); err != nil {
			return err
		}
		x := c.current.Load()
		if x == nil || c.isRaw() { // nobody has asked: it is not for us to understand
			c.raw()
			return c.server.tunnel(c.client.conn)
		}
		err := c.answer(x)
		if errors.Is(err, errNotHTTP) {
			c.raw()
			return c.server.tunnel(c.client.conn)
		}
		if err != nil {
			return err
		}
		c.current.Store(nil)
		close(x.done)
	}
}

// answer passes one on, after those that only say that it will come.
func (c *passage) answer(x *exchange) error {
	var out writer = c.client.conn
	if x.slow != nil {
		out = x.slow.to(c.client.conn, c.ended)
	}
	for {
		raw, err := c.server.head(couldBeResponse, nil)
		if err != nil {
			return err
		}
		h, err := parseResponse(raw)
		if err != nil {
			return err
		}
		if h.status == 101 || x.connect && h.status/100 == 2 {
			return errNotHTTP // from here on
		}
		b := responseBody(h, x.bare)
		if x.cut != nil && h.status/100 != 1 && !b.none() {
			return c.truncate(x.cut, len(h.raw), b, h.length)
		}
		if err := c.server.forward(out, len(h.raw), b); err != nil || h.status/100 != 1 {
			return err
		}
	}
}

// couldBeResponse is couldBeRequest's counterpart.
func couldBeResponse(b []byte) bool {
	const begins = "HTTP/1."
	n := min(len(b), len(begins))
	return string(b[:n]) == begins[:n]
}
