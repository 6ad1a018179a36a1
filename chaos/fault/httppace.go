package fault

import (
	"io"
	"net"
	"time"
)

// pace slows down what is written, to the rate of a fault and for as long as that.
type pace struct{ fault *liveHurt }

// paceSlices is in how many parts a second is cut.
const paceSlices = 20

// slowed is a connection that is written to slowly.
type slowed struct {
	conn  *net.TCPConn
	fault *liveHurt
	ended <-chan struct{}
}

func (p *pace) to(conn *net.TCPConn, ended <-chan struct{}) writer {
	return slowed{conn, p.fault, ended}
}

// Write is io.Writer's.
func (s slowed) Write(b []byte) (n int, err error) {
	slice := int(max(1, s.fault.Rate/paceSlices))
	for n < len(b) && s.fault.ctx.Err() == nil {
		part := min(slice, len(b)-n)
		m, err := s.conn.Write(b[n : n+part])
		if n += m; err != nil {
			return n, err
		}
		if !s.wait(time.Duration(part) * time.Second / time.Duration(s.fault.Rate)) {
			return n, net.ErrClosed
		}
	}
	m, err := s.conn.Write(b[n:])
	return n + m, err
}

func (s slowed) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.fault.ctx.Done():
	case <-s.ended:
		return false
	}
	return true
}

// ReadFrom is io.ReaderFrom's.
func (s slowed) ReadFrom(r io.Reader) (total int64, err error) {
	b := make([]byte, min(streamBuffer, max(1, int(s.fault.Rate))))
	for {
		n, err := r.Read(b)
		if n > 0 {
			m, err := s.Write(b[:n])
			if total += int64(m); err != nil {
				return total, err
			}
		}
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}
