package fault

import (
	"io"
	"net"
	"sync"
)

// stream is what comes over a connection, with as much kept as must be looked at.
type stream struct {
	conn *net.TCPConn
	buf  []byte
	r, w int // what is kept is buf[r:w]
}

// streamBuffer is what is read at a time. A request and its answer are mostly smaller,
// and pass in one piece.
const streamBuffer = 16 << 10

var buffers = sync.Pool{New: func() any { return new([streamBuffer]byte) }}

func newStream(conn *net.TCPConn) stream {
	return stream{conn: conn, buf: buffers.Get().(*[streamBuffer]byte)[:]}
}

// release gives the buffer to the next connection. Nothing reads any more.
func (s *stream) release() {
	if len(s.buf) == streamBuffer {
		buffers.Put((*[streamBuffer]byte)(s.buf))
	}
	s.buf = nil
}

func (s *stream) kept() []byte { return s.buf[s.r:s.w] }

// fill reads more behind what is kept; io.EOF is the other side's end.
func (s *stream) fill() error {
	switch {
	case s.r == s.w:
		s.r, s.w = 0, 0
	case s.w == len(s.buf) && s.r > 0:
		s.r, s.w = 0, copy(s.buf, s.kept())
	case s.w == len(s.buf):
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	n, err := s.conn.Read(s.buf[s.w:])
	s.w += n
	if n > 0 {
		return nil
	}
	return err
}

// await returns once there is something.
func (s *stream) await() error {
	if s.r < s.w {
		return nil
	}
	return s.fill()
}

// head waits for a whole one. Nothing is taken away. could says whether what is there
// may still become one. waits, if there is one, is called before more is read, with whether
// it has begun.
func (s *stream) head(could func([]byte) bool, waits func(begun bool)) ([]byte, error) {
	for {
		if s.r < s.w && !could(s.kept()) {
			return nil, errNotHTTP
		}
		n, err := endOfHead(s.kept())
		if err != nil || n > 0 {
			return s.buf[s.r : s.r+n], err
		}
		if waits != nil {
			waits(s.r < s.w)
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// forward passes a message on: n bytes of its head, which are kept, and its body. What
// cannot be a body any more is errNotHTTP, and where the rest of it begins is kept.
func (s *stream) forward(to writer, n int, b body) error {
	over := b.none()
	for {
		var err error
		if !over {
			var taken int
			taken, over, err = b.take(s.buf[s.r+n : s.w])
			n += taken
		}
		if n > 0 {
			if _, err := to.Write(s.buf[s.r : s.r+n]); err != nil {
				return err
			}
			s.r, n = s.r+n, 0
		}
		if over || err != nil {
			return err
		}
		if b.left > streamBuffer {
			return s.splice(to, b.left)
		}
		if err := s.fill(); err != nil {
			return err
		}
	}
}

// splice passes on what is left of a long body, where that can be by the kernel alone.
func (s *stream) splice(to writer, left int64) error {
	n, err := to.ReadFrom(&io.LimitedReader{R: s.conn, N: left})
	if err == nil && n < left {
		err = io.EOF
	}
	return err
}

// tunnel passes on whatever comes until the end, which is nil.
func (s *stream) tunnel(to writer) error {
	if s.r < s.w {
		if _, err := to.Write(s.kept()); err != nil {
			return err
		}
		s.r, s.w = 0, 0
	}
	_, err := to.ReadFrom(s.conn)
	return err
}

// writer is where bytes go: a connection, or one that is slowed down.
type writer interface {
	io.Writer
	io.ReaderFrom
}
