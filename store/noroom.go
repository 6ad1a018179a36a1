package store

import (
	"context"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// isNoRoom says whether err is what a full disk, a quota or a limit on the size
// of files comes out as. SQLITE_FULL is only one of them: the shared index of
// the journal fails first, on opening.
func isNoRoom(err error) bool {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code() {
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE,
		sqlite3.SQLITE_IOERR_SHMOPEN, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP:
		return true
	}
	return se.Code()&0xff == sqlite3.SQLITE_FULL
}

// reading connects readers, on a full disk too: what happened must not be
// hidden because nothing more can be recorded.
type reading struct {
	driver driver.Driver
	place  place
	path   string
	dsn    string
}

func (r reading) Driver() driver.Driver { return r.driver }

// Connect falls back to the file as it stands where there is no room for the
// shared index. Then no other process has the store open either (the index
// would be there), and without a journal every commit is in the file.
func (r reading) Connect(context.Context) (conn driver.Conn, err error) {
	err = r.place.forGroup(func() error {
		conn, err = r.driver.Open(r.dsn)
		return err
	})
	if err == nil || !isNoRoom(err) || hasJournal(r.path) {
		return conn, err
	}
	if conn, fault := r.driver.Open(still(r.path)); fault == nil {
		return once{conn}, nil
	}
	return nil, err
}

// once is a connection that is not used again: it would not see what is
// recorded when there is room again.
type once struct{ driver.Conn }

func (once) IsValid() bool { return false }
