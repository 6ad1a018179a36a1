package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

// mark is the application_id of a store, "strp"; migration 5 sets it.
const mark = 0x73747270

// unmarked is the last schema that was made without the mark.
const unmarked = 4

// header is what tells whose a database is and how far its schema got.
type header struct {
	application, version int
	tables, ours         int // ours: those of the first migration
}

func readHeader(ctx context.Context, q queryer) (h header, err error) {
	// Asked together, so that no other process changes one between two.
	err = q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version), count(*),
		count(*) FILTER (WHERE type = 'table' AND name IN ('event', 'evidence', 'incident', 'counter', 'meta')) FROM sqlite_schema`).
		Scan(&h.application, &h.version, &h.tables, &h.ours)
	return h, err
}

// fresh is a database that nobody has used yet.
func (h header) fresh() bool { return h == header{} }

// check refuses a database that sitrep did not make, and one whose schema this
// sitrep, which knows the first known ones, cannot have.
func (h header) check(known int) error {
	if h.fresh() {
		return nil
	}
	whole := h.ours == 5
	switch {
	case h.application != mark && !(h.application == 0 && whole):
		return errForeign
	case h.version > known:
		return refusal(fmt.Sprintf("the store has schema %d, this sitrep knows %d: it was written by a newer sitrep, use that one", h.version, known))
	case h.version < 1 || !whole || h.application == 0 && h.version > unmarked:
		return refusal(fmt.Sprintf("the store's schema (user_version %d) is none that any sitrep wrote: another program has changed the file; it was left as it is, restore a copy or give another with --db", h.version))
	}
	return nil
}

// refusal is why a file is not opened; explain adds which.
type refusal string

func (r refusal) Error() string { return string(r) }

const errForeign = refusal("the file is an SQLite database of another program, not a sitrep store; it was left as it is, give another with --db")

// look checks whose the database is before anything is opened that could write
// to it: even the switch to WAL would.
func look(ctx context.Context, path string, known int) (header, error) {
	if !hasJournal(path) {
		// Another process may start to write at this moment, and half of it
		// look damaged: then look again.
		if h, err := peek(ctx, still(path), known); err == nil || errors.Is(err, errForeign) {
			return h, err
		}
	}
	readonly := &url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
	return peek(ctx, readonly.String(), known)
}

// still reads a file that has no journal: there is nothing to share with
// anybody, and nothing is put beside the file.
func still(path string) string {
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&immutable=1&_pragma=query_only(1)&_dqs=0"}).String()
}

func peek(ctx context.Context, dsn string, known int) (h header, err error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if h, err = readHeader(ctx, db); err == nil {
		err = h.check(known)
	}
	return h, err
}

// hasJournal says whether some of what was written may not be in the file
// itself yet.
func hasJournal(path string) bool {
	for _, suffix := range []string{"-wal", "-journal"} {
		if info, err := os.Stat(path + suffix); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// kind is what a path that is no regular file is, in words.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "no regular file"
}
