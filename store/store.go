// Package store keeps everything that sitrep knows in one SQLite file, which
// any number of processes on one host may share.
//
// A DB has one writing connection and a few reading ones. Every write is one
// BEGIN IMMEDIATE transaction, so that what a command decided on is still so
// when it commits. After a commit readers are woken (Wait); the wake carries
// nothing, readers keep a cursor and read After it.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pragmas of every connection. FULL, because an incident log needs tens of
// events a second and must survive a power cut; the journal is kept below
// 64 MiB.
const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" +
	"&_pragma=journal_size_limit(67108864)&_txlock=immediate&_dqs=0"

// DB is an open store. It is safe for concurrent use.
type DB struct {
	path    string
	writer  *sql.DB // one connection
	readers *sql.DB
	commits *commits
	pulse   pulse

	preparing sync.Mutex
	inserts   inserts
	behind    atomic.Bool // so many events were recorded that the search index is to take them in
}

// Open opens the store at path, creating the file and its folder as needed,
// and brings its schema up to date. A new file is its owner's alone, or its
// group's where the folder is made for that (see place).
func Open(ctx context.Context, path string) (db *DB, err error) {
	p, err := makeFile(path)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	names, err := schema()
	if err != nil {
		return nil, err
	}
	err = p.forGroup(func() error {
		if err := p.checkStore(); err != nil {
			// Nobody is told to change the mode of another program's file.
			if _, other := peek(ctx, still(abs), len(names)); errors.Is(other, errForeign) || isNoDatabase(other) {
				return other
			}
			return err
		}
		if err := p.checkJournal(); err != nil {
			return err
		}
		found, err := look(ctx, abs, len(names))
		if err != nil {
			return err
		}
		db, err = connectPatiently(ctx, abs, p, names, found)
		return err
	})
	return db, explain(path, err)
}

// patience is how long another process is waited for; busy_timeout is as long.
const patience = 10 * time.Second

// connectPatiently connects when others who make the same store have done so:
// of two who switch a file to WAL at once SQLite lets one wait for nothing,
// whatever busy_timeout says. TestThreeUsersMakeAStoreAtOnce holds it.
func connectPatiently(ctx context.Context, abs string, p place, names []string, found header) (*DB, error) {
	for enough := time.Now().Add(patience); ; {
		db, err := connect(ctx, abs, p, names, found)
		if !isBusy(err) || time.Now().After(enough) {
			return db, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(soon):
		}
	}
}

func isBusy(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_BUSY
}

// connect opens the file at abs, whose header look has found good.
func connect(ctx context.Context, abs string, p place, names []string, found header) (_ *DB, err error) {
	dsn := (&url.URL{Scheme: "file", Path: abs}).String() + pragmas
	db := &DB{path: abs}
	if db.writer, err = sql.Open("sqlite", dsn); err != nil {
		return nil, err
	}
	db.writer.SetMaxOpenConns(1)
	if err := db.migrate(ctx, names); err != nil && !(isNoRoom(err) && found.version == len(names)) {
		return nil, errors.Join(err, db.writer.Close())
	}
	db.readers = sql.OpenDB(reading{db.writer.Driver(), p, abs, dsn + "&mode=ro&_pragma=query_only(1)"})
	db.readers.SetMaxOpenConns(5) // one of them is kept by commits
	db.readers.SetMaxIdleConns(5)
	db.commits = newCommits(abs, db.readers)
	return db, nil
}

// Path is the absolute path of the file.
func (db *DB) Path() string { return db.path }

// Close waits for running statements. Readers go first: a read-only
// connection that closed last would leave the journal behind.
func (db *DB) Close() error {
	db.pulse.end() // whoever closes the store with the lease runs no ladder any more
	return errors.Join(db.commits.close(), db.readers.Close(), db.writer.Close())
}

// Install is eight characters that tell this file from every other store;
// they are part of the keys that outside services know our pages by.
func (db *DB) Install(ctx context.Context) (string, error) {
	var id string
	err := db.readers.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'install'`).Scan(&id)
	if err == nil {
		return id, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return "", explain(db.path, err)
	}
	err = db.write(ctx, func(tx *sql.Tx) error {
		raw := make([]byte, 5)
		if _, err := rand.Read(raw); err != nil {
			return err
		}
		fresh := strings.ToLower(base32.StdEncoding.EncodeToString(raw))
		if _, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('install', ?) ON CONFLICT DO NOTHING`, fresh); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'install'`).Scan(&id)
	})
	return id, err
}

// NextRun gives out the next identifier of a series of runs: CH-1, CH-2 for
// prefix "CH". No identifier is given twice, by any process.
func (db *DB) NextRun(ctx context.Context, prefix string) (string, error) {
	var n int
	err := db.write(ctx, func(tx *sql.Tx) error {
		return explain(db.path, tx.QueryRowContext(ctx, `INSERT INTO counter (name, n) VALUES (?, 1)
			ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n`, prefix).Scan(&n))
	})
	return fmt.Sprintf("%s-%d", prefix, n), err
}

// write runs fn in one immediate transaction and wakes the readers of this
// process after the commit. Readers of other processes look for themselves.
func (db *DB) write(ctx context.Context, fn func(*sql.Tx) error) error {
	if err := db.prepare(ctx); err != nil {
		return explain(db.path, err)
	}
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return explain(db.path, err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	if err := tx.Commit(); err != nil {
		return explain(db.path, err)
	}
	db.commits.wake()
	if db.behind.Swap(false) {
		// In a transaction of its own, and without its error: a damaged index keeps
		// nothing off the record, and the next search says what is wrong with it.
		_ = db.write(ctx, db.indexRest)
	}
	return nil
}

// inserts are the statements of every event, parsed once: parsing them takes
// longer than running them.
type inserts struct{ fold, event, evidence, state *sql.Stmt }

// prepare makes the inserts at the first write, not at the start: a store on a
// full disk can be read.
func (db *DB) prepare(ctx context.Context) (err error) {
	db.preparing.Lock()
	defer db.preparing.Unlock()
	for _, s := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&db.inserts.fold, stateOf},
		{&db.inserts.event, `INSERT INTO event (id, incident, at, recorded, kind, actor, claimed, via, source, text, data, once)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (once) DO NOTHING`},
		{&db.inserts.evidence, `INSERT INTO evidence (seq, body) VALUES (?, ?)`},
		{&db.inserts.state, saveState},
	} {
		if *s.stmt == nil && err == nil {
			*s.stmt, err = db.writer.PrepareContext(ctx, s.query)
		}
	}
	return err
}

// in is the inserts in a transaction, which ends them too.
func (in inserts) in(tx *sql.Tx) inserts {
	return inserts{tx.Stmt(in.fold), tx.Stmt(in.event), tx.Stmt(in.evidence), tx.Stmt(in.state)}
}

func rollback(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// makeFile refuses what SQLite would only complain about later and in worse
// words, and creates a new file that nobody else may read, or the group alone.
func makeFile(path string) (p place, err error) {
	if path == "" {
		return p, errors.New("open store: no file given (--db FILE)")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return p, fmt.Errorf("open store %s: %w", path, err)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return p, fmt.Errorf("open store %s: it is %s; give a file with --db", path, kind(info.Mode()))
	}
	if p, err = findPlace(path); err != nil {
		return p, fmt.Errorf("open store %s: %w", path, err)
	}
	err = p.forGroup(func() error {
		f, err := os.OpenFile(p.file, os.O_RDWR|os.O_CREATE, p.mode())
		if err != nil {
			return err
		}
		return f.Close()
	})
	if errors.Is(err, fs.ErrPermission) || isReadOnlyFS(err) {
		err = p.denied()
	}
	if err != nil {
		return p, fmt.Errorf("open store %s: %w", path, err)
	}
	return p, nil
}

func isNoDatabase(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_NOTADB
}

// explain turns the driver's codes, and a refusal, into what to do about them.
func explain(path string, err error) error {
	var no refusal
	if errors.As(err, &no) {
		return fmt.Errorf("open store %s: %w", path, err)
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return err
	}
	if isNoRoom(err) {
		return fmt.Errorf("store %s: the disk is full or failing, or a limit on file sizes (ulimit -f) is reached; nothing was recorded: "+
			"make room (see df -h), or give a file on another disk with --db, and try again: %w", path, err)
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("open store %s: the file is not a sitrep store (nor any SQLite database); it was left as it is, give another with --db", path)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("store %s: the file is damaged; copy it away before anything else: %w", path, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("store %s: it cannot be written to; give another file with --db, or mend its permissions: %w", path, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("store %s: another process has held it for ten seconds; try again: %w", path, err)
	}
	return fmt.Errorf("store %s: %w", path, err)
}
