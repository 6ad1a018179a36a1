package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The pauses between two looks. SQLite writes a commit to its journal first and
// makes it visible a moment later: a write there asks for looks soon, which then
// become rarer again. Where nobody tells of writes, looks are as frequent as a
// person needs them.
const (
	soon   = 5 * time.Millisecond
	seldom = time.Second
	deaf   = 100 * time.Millisecond
)

// commits tells those who wait of commits. This process says by itself when it has
// committed; for the others one connection asks SQLite, on behalf of all who
// wait and only while somebody does, whether the file is another one. It looks
// into no table: a look costs about 10 µs.
type commits struct {
	path    string // of the store
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

func newCommits(path string, readers *sql.DB) *commits {
	return &commits{path: path, readers: readers, changed: make(chan struct{}), ended: make(chan struct{})}
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
	writes, stop := c.writes()
	defer stop()
	longest := seldom
	if writes == nil {
		longest = deaf
	}
	pause := soon
	timer := time.NewTimer(0)
	defer timer.Stop()
	for c.wanted() {
		select {
		case <-writes:
			if pause > soon {
				pause = soon
				timer.Reset(pause)
			}
		case <-timer.C:
			if c.another() {
				c.wake()
			}
			timer.Reset(pause)
			pause = min(2*pause, longest)
		case <-c.ended:
		}
	}
}

// writes tells of writes to the journal, and of some other things. Nil where this
// host does not tell.
func (c *commits) writes() (told <-chan struct{}, stop func()) {
	path, err := filepath.EvalSymlinks(c.path) // SQLite puts the journal beside the file itself
	if err != nil {
		return nil, func() {}
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, func() {}
	}
	if err := w.Add(filepath.Dir(path)); err != nil { // not the journal: it comes and goes
		_ = w.Close()
		return nil, func() {}
	}
	tell := make(chan struct{}, 1)
	c.over.Go(func() {
		for {
			select {
			case e, open := <-w.Events:
				if !open {
					return
				}
				if e.Name != path+"-wal" {
					continue
				}
			case _, open := <-w.Errors: // something was missed
				if !open {
					return
				}
			}
			select {
			case tell <- struct{}{}:
			default:
			}
		}
	})
	return tell, func() { _ = w.Close() }
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
