package fault

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"
)

// suffer lets faults have their way with a request before it goes on. answered says that
// it does not.
func (c *passage) suffer(h head, x *exchange, blows []*liveHurt) (answered bool, err error) {
	for _, b := range blows {
		switch b.Kind {
		case "http.latency":
			b.touched.Add(1)
			if !c.wait(b, b.delay()) {
				return false, net.ErrClosed
			}
		case "http.abort":
			b.touched.Add(1)
			_ = c.server.conn.Close() // it has done nothing
			return true, errAborted
		case "http.error":
			if b.ctx.Err() == nil { // another may have taken its time
				b.touched.Add(1)
				return true, c.refuse(h, b.hurt)
			}
		case "http.truncate":
			x.cut = b
		case "http.throttle":
			b.touched.Add(1)
			x.slow = &pace{fault: b}
		}
	}
	return false, nil
}

// wait is false when the connection has ended meanwhile. The end of the fault is that of
// the wait.
func (c *passage) wait(b *liveHurt, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-b.ctx.Done():
	case <-c.ended:
		return false
	}
	return true
}

// mostDrained is how much of a request's body is read before its error, so that the
// connection can go on. net/http does as much.
const mostDrained = 256 << 10

// refuse answers a request in the server's place.
func (c *passage) refuse(h head, f hurt) error {
	b := requestBody(h)
	whole := !h.expects && !h.chunked && b.left <= mostDrained
	closes := !whole || h.closes || h.old
	text := fmt.Sprintf("HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nX-Sitrep-Fault: %s\r\n",
		f.Status, http.StatusText(f.Status), time.Now().UTC().Format(http.TimeFormat), len(f.Body), f.ID)
	if closes {
		text += "Connection: close\r\n"
	}
	text += "\r\n"
	if string(h.method) != "HEAD" {
		text += f.Body
	}
	n := len(h.raw)
	if whole {
		if err := c.client.forward(nowhere{}, n, b); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(c.client.conn, text); err != nil {
		return err
	}
	if !closes {
		return nil
	}
	_ = c.client.conn.CloseWrite() // what is still on its way would reset what it is to read
	_ = c.client.conn.SetReadDeadline(time.Now().Add(lingeringClose))
	_, _ = io.Copy(io.Discard, c.client.conn)
	c.finish(false)
	return net.ErrClosed
}

// lingeringClose is how long a client may take to read an answer after which it is not
// listened to any more.
const lingeringClose = 500 * time.Millisecond

// nowhere is where a body goes that nobody wants.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error)         { return len(b), nil }
func (nowhere) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// truncate passes the head of an answer on and a part of its body, then resets the
// client's connection. Of a body whose length is not known at least its last byte is
// missing.
func (c *passage) truncate(f *liveHurt, n int, b body, length int64) error {
	if f.ctx.Err() != nil {
		return c.server.forward(c.client.conn, n, b)
	}
	keep := f.Keep
	if length > 0 && keep >= length {
		keep = length - 1
	}
	if keep < 0 {
		keep = length / 2
	}
	for {
		if c.server.r+n == c.server.w {
			if err := c.server.fillBehind(n); err != nil {
				return err
			}
		}
		taken, over, err := b.take(c.server.buf[c.server.r+n : c.server.w])
		if err != nil {
			return err
		}
		if length < 0 && f.Keep < 0 {
			keep, over = int64(taken/2), true
		}
		part := min(int64(taken), keep)
		if over && part == int64(taken) {
			part--
		}
		if _, err := c.client.conn.Write(c.server.buf[c.server.r : c.server.r+n+int(part)]); err != nil {
			return err
		}
		c.server.r, n, keep = c.server.r+n+taken, 0, keep-part
		if over || keep <= 0 {
			f.touched.Add(1)
			c.flush(f)
			return errAborted
		}
	}
}

// fillBehind reads more behind n bytes that are kept.
func (s *stream) fillBehind(n int) error {
	if n == 0 {
		return s.await()
	}
	return s.fill()
}

// flushTime is how long the other side may take nothing of what was sent to it: one that is
// slow has all of it, one that has stopped reading is not waited for. A reset throws away
// what is still waiting.
const (
	flushTime  = time.Second
	flushEvery = 2 * time.Millisecond
)

// flush waits until the other side has all that was written, or until the fault ends.
func (c *passage) flush(b *liveHurt) {
	raw, err := c.client.conn.SyscallConn()
	if err != nil {
		return
	}
	least, since := math.MaxInt, time.Now()
	for time.Since(since) < flushTime && b.ctx.Err() == nil {
		waiting := 0
		err := raw.Control(func(fd uintptr) { waiting, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		if err != nil || waiting == 0 {
			return
		}
		if waiting < least {
			least, since = waiting, time.Now()
		}
		if !c.wait(b, flushEvery) {
			return
		}
	}
}
