package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schema lists the migrations; a store's user_version counts those it has had.
func schema() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// migrate brings the schema up to date in one transaction; processes that
// start at once wait for the first. A store that holds something is copied
// before, to a file beside it, and the cached states are made anew, for the fold
// may have changed with the schema. A change that fails leaves the store as it was,
// and no copy.
func (db *DB) migrate(ctx context.Context, names []string) (err error) {
	var have int
	if err := db.writer.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil || have == len(names) {
		return err
	}
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	// Again, because another process may have been here since look.
	h, err := readHeader(ctx, tx)
	if err == nil {
		err = h.check(len(names))
	}
	if err != nil || h.version == len(names) {
		return err
	}
	if h.version == 0 {
		if err := db.apply(ctx, tx, names, 0); err != nil {
			return err
		}
		return tx.Commit()
	}
	made, err := db.backupBefore(ctx, h.version, len(names))
	if err != nil {
		return err
	}
	if err := db.apply(ctx, tx, names, h.version); err != nil {
		return errors.Join(fmt.Errorf("the change of its schema from %d to %d fails, and it was left as it was: a sitrep built from other sources may have made it, "+
			"and still opens it; for a new one give another file with --db: %w", h.version, len(names), err), os.Remove(made))
	}
	return tx.Commit() // after an error here the copy stays: nobody knows what stands
}

// apply does the migrations after the first have of them, and what follows of that.
func (db *DB) apply(ctx context.Context, tx *sql.Tx, names []string, have int) error {
	for _, name := range names[have:] {
		ddl, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(ddl)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(names))); err != nil || have == 0 {
		return err
	}
	_, err := db.rebuildTx(ctx, tx)
	return err
}

// backupBefore copies the store while the caller holds its lock: what others
// have committed is in the copy, and nobody commits meanwhile. It gives the copy's name.
func (db *DB) backupBefore(ctx context.Context, from, to int) (name string, err error) {
	reader, err := sql.Open("sqlite", readOnly(db.path))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	name = fmt.Sprintf("%s.schema-%d.%s", db.path, from, time.Now().UTC().Format("20060102T150405Z"))
	if err := copyInto(ctx, reader, name); err != nil {
		return "", fmt.Errorf("the store has schema %d, this sitrep wants %d, and the copy that is made before the change failed; nothing was changed: %w", from, to, err)
	}
	return name, nil
}
