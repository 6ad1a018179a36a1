package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// Backup writes a copy of the store, as one moment of it, to a new file at path
// that nobody else may read. Others go on writing meanwhile. The file appears
// whole and on the disk, or not at all; an existing one is never replaced.
func (db *DB) Backup(ctx context.Context, path string) error {
	if err := copyInto(ctx, db.readers, path); err != nil {
		return fmt.Errorf("back up %s: %w", db.path, explain(path, err))
	}
	return nil
}

func copyInto(ctx context.Context, from *sql.DB, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists: give the copy another name", path)
	}
	// Made by us, for SQLite would let the umask decide who may read it.
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part.Name()))
		}
	}()
	defer func() { err = errors.Join(err, part.Close()) }()
	if err := copyPages(ctx, from, part.Name()); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	// Link refuses a name that is taken, which rename would not.
	if err := os.Link(part.Name(), path); err != nil {
		return err
	}
	if err := os.Remove(part.Name()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyPages copies every page in one look, by SQLite's own backup: VACUUM INTO
// needs a connection that may write.
func copyPages(ctx context.Context, from *sql.DB, path string) (err error) {
	conn, err := from.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(c any) error {
		source, ok := c.(interface {
			NewBackup(dst string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("%T cannot be copied", c)
		}
		b, err := source.NewBackup(path)
		if err != nil {
			return err
		}
		_, err = b.Step(-1)
		return errors.Join(err, b.Finish())
	})
}

func syncDir(path string) (err error) {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	return dir.Sync()
}
