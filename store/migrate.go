package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schema lists the migrations; a store's user_version counts those it has had.
func schema() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// migrate brings the schema up to date in one transaction; processes that
// start at once wait for the first.
func migrate(ctx context.Context, db *sql.DB, names []string) (err error) {
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil || have == len(names) {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	// Again, because another process may have been here since look.
	h, err := readHeader(ctx, tx)
	if err == nil {
		err = h.check(len(names))
	}
	if err != nil {
		return err
	}
	for _, name := range names[h.version:] {
		ddl, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(ddl)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(names))); err != nil {
		return err
	}
	return tx.Commit()
}
