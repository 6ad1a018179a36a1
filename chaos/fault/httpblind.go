package fault

import "sync/atomic"

// runBlind passes what nobody can look into, hurt as a connection: slowed down, or
// delayed each time the client speaks after the server has.
func (c *passage) runBlind(blows []*liveHurt) {
	var to, from writer = c.server.conn, c.client.conn
	var late *liveHurt
	for _, b := range blows {
		b.touched.Add(1)
		switch b.Kind {
		case "http.latency":
			late = b
		case "http.throttle":
			p := pace{b}
			to, from = p.to(c.server.conn, c.ended), p.to(c.client.conn, c.ended)
		}
	}
	var turn atomic.Bool // the server has spoken since
	turn.Store(true)
	answers := make(chan struct{})
	go func() {
		c.over(c.speak(&c.server, from, func() bool { turn.Store(true); return true }, late), &c.client)
		close(answers)
	}()
	c.over(c.speak(&c.client, to, func() bool { return !turn.Swap(false) || c.wait(late, late.delay()) }, late), &c.server)
	<-answers
	c.finish(false)
}

// speak passes one direction on; before each piece it asks, if something is late.
func (c *passage) speak(s *stream, to writer, before func() bool, late *liveHurt) error {
	if late == nil {
		return s.tunnel(to)
	}
	for {
		if err := s.await(); err != nil {
			return err
		}
		if !before() {
			return errAborted
		}
		if _, err := to.Write(s.kept()); err != nil {
			return err
		}
		s.r, s.w = 0, 0
	}
}
