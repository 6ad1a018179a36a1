package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// proxy stands between clients and one server, and hurts requests on their way. What it
// does not hurt passes to the byte: every client's connection has one of its own to the
// server, both end alike, and a message is looked at only as far as it takes to find the
// next one. What is not HTTP/1 passes without a look.
type proxy struct {
	hurts     hurts
	encrypted bool // the connections are TLS: they are hurt, as there are no requests to be seen
	dial      func(ctx context.Context, address string) (*net.TCPConn, error)
	origin    func(*net.TCPConn) (address string, err error) // where a client wanted to go

	most int64             // connections at a time, 0 is mostConnections
	idle time.Duration     // that a client may be silent between requests, 0 is idleTime
	slow time.Duration     // that the head of a request may take, 0 is headTime
	tell func(text string) // what whoever runs it should know; nil where nobody reads it

	tls, foreign  atomic.Int64 // connections that were passed without a look
	open, refused atomic.Int64 // connections that are there, and that were too many
	told          atomic.Int64 // when it was last told that there is no room, in seconds since 1970

	mu    sync.Mutex
	conns map[*passage]struct{} // nil once it is over
	wg    sync.WaitGroup
}

// serve works until ctx ends, or a listener fails, which is the error. Then every
// connection is closed, and all have ended when it returns.
func (p *proxy) serve(ctx context.Context, listeners ...*net.TCPListener) error {
	p.mu.Lock()
	p.conns = map[*passage]struct{}{}
	p.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, l := range listeners {
		p.wg.Go(func() { cancel(p.accept(ctx, l)) })
	}
	<-ctx.Done()
	for _, l := range listeners {
		_ = l.Close()
	}
	p.mu.Lock()
	for c := range p.conns {
		c.finish(false)
	}
	p.conns = nil
	p.mu.Unlock()
	p.wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (p *proxy) accept(ctx context.Context, l *net.TCPListener) error {
	for {
		conn, err := l.AcceptTCP()
		if busy(err) {
			p.full(fmt.Sprintf("no room for a connection: %v; trying again", err))
			select {
			case <-ctx.Done():
				return context.Canceled
			case <-time.After(acceptPause):
			}
			continue
		}
		if err != nil {
			return err
		}
		if most := cmp.Or(p.most, mostConnections); p.open.Load() >= most {
			refused := p.refused.Add(1) // before its client knows
			reset(conn)
			p.full(fmt.Sprintf("%d connections are open, which is the most at a time: %d more were reset so far", most, refused))
			continue
		}
		p.open.Add(1)
		p.wg.Go(func() {
			defer p.open.Add(-1)
			p.pass(ctx, conn)
		})
	}
}

// mostConnections is how many clients a proxy has at a time. Each costs two descriptors and
// two buffers, of 64 KiB each where somebody sends heads that do not end: half a GiB at the
// worst, and far more than the servers that one experiment is about have clients.
const mostConnections = 4096

// fullEvery is how often it is told that there is no room.
const fullEvery = 10 * time.Second

// full tells that clients are kept out, now and then.
func (p *proxy) full(text string) {
	now, last := time.Now().Unix(), p.told.Load()
	if p.tell != nil && now-last >= int64(fullEvery/time.Second) && p.told.CompareAndSwap(last, now) {
		p.tell(text)
	}
}

// acceptPause is how long a proxy waits that has no room for a connection.
const acceptPause = 20 * time.Millisecond

// busy says whether there is no room now, or a client has changed its mind: no reason to
// leave those who are connected.
func busy(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// pass takes one connection through its life.
func (p *proxy) pass(ctx context.Context, client *net.TCPConn) {
	var blows []*liveHurt
	if p.encrypted {
		blows = p.hurts.drawBlind()
	}
	server, err := p.reach(ctx, client, blows)
	if err != nil {
		reset(client) // as where nobody listens
		return
	}
	c := &passage{proxy: p, client: newStream(client), server: newStream(server), rawed: make(chan struct{}), ended: make(chan struct{})}
	p.mu.Lock()
	over := p.conns == nil
	if !over {
		p.conns[c] = struct{}{}
	}
	p.mu.Unlock()
	if over {
		c.finish(false)
	} else if p.encrypted {
		c.runBlind(blows)
	} else {
		c.run()
	}
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
	c.client.release()
	c.server.release()
}

// errAborted is of a connection that a fault ends.
var errAborted = errors.New("the fault resets it")

// reach connects to where the client wanted to go.
func (p *proxy) reach(ctx context.Context, client *net.TCPConn, blows []*liveHurt) (*net.TCPConn, error) {
	address, err := p.origin(client)
	if err != nil {
		return nil, err
	}
	for _, b := range blows {
		if b.Kind == "http.abort" {
			b.touched.Add(1)
			return nil, errAborted
		}
	}
	return p.dial(ctx, address)
}

// reset ends a connection as a crash does: what the other side reads or writes next
// fails.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}
