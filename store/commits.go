package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// pollEvery is how often somebody who waits is told of the commits of other
// processes, at the latest.
const pollEvery = 100 * time.Millisecond

// commits tells those who wait of commits. This process says by itself when it has
// committed; for the others one connection asks SQLite, on behalf of all who
// wait and only while somebody does, whether the file is another one. It looks
// into no table: a look costs about 10 µs.
type commits struct {
	readers *sql.DB

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every commit
	waiting int
	looking bool          // a goroutine looks
	ended   chan struct{} // closed with the store
	over    sync.WaitGroup

	conn    *sql.Conn // the goroutine's; data_version is only comparable on one connection
	version int64     // as of its last look; 0 is none yet
}

func newCommits(readers *sql.DB) *commits {
	return &commits{readers: readers, changed: make(chan struct{}), ended: make(chan struct{})}
}

// wait returns a channel that is closed at the next commit of any process, or a
// little later, or for no reason. Leave must be called when it is not needed
// any more.
func (c *commits) wait() (changed <-chan struct{}, leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting++
	if !c.looking && !c.isClosed() {
		c.looking = true
		c.over.Go(c.look)
	}
	return c.changed, func() {
		c.mu.Lock()
		c.waiting--
		c.mu.Unlock()
	}
}

// wake tells everybody who waits.
func (c *commits) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// look looks until nobody waits.
func (c *commits) look() {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for c.wanted() {
		if c.another() {
			c.wake()
		}
		select {
		case <-tick.C:
		case <-c.ended:
		}
	}
}

// wanted says whether somebody waits, and if not, that nobody looks any more.
func (c *commits) wanted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking = c.waiting > 0 && !c.isClosed()
	return c.looking
}

// another reports whether the file has changed since the last look. Where that
// cannot be told it has: who waits finds out why.
func (c *commits) another() bool {
	// Without a context that could end, database/sql needs no goroutine per query.
	ctx := context.Background()
	if c.conn == nil {
		conn, err := c.readers.Conn(ctx)
		if err != nil {
			return true
		}
		if !lasting(conn) {
			_ = conn.Close() // it was not used
			return true
		}
		c.conn, c.version = conn, 0
	}
	before := c.version
	if err := c.conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&c.version); err != nil {
		_ = c.conn.Close() // another one is tried
		c.conn = nil
		return true
	}
	return c.version != before
}

// lasting reports whether a connection sees what is committed after it was made.
func lasting(conn *sql.Conn) bool {
	err := conn.Raw(func(conn any) error {
		if _, still := conn.(once); still {
			return errors.New("still")
		}
		return nil
	})
	return err == nil
}

func (c *commits) isClosed() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// close ends the looking.
func (c *commits) close() error {
	c.mu.Lock()
	if !c.isClosed() {
		close(c.ended)
	}
	c.mu.Unlock()
	c.over.Wait()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}
