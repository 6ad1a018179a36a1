package store

import (
	"context"
	"database/sql"
	"errors"
)

// Mark is what SetMark noted last under a name; empty if nothing. A mark says how
// far something has come that one process does at a time, and the next goes on with.
func (db *DB) Mark(ctx context.Context, name string) (value string, err error) {
	err = db.readers.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'mark:' || ?`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return value, explain(db.path, err)
}

// SetMark notes how far something has come.
func (db *DB) SetMark(ctx context.Context, name, value string) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('mark:' || ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`, name, value)
		return explain(db.path, err)
	})
}
