package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// KeepAnswer keeps what somebody outside answered to a question at a moment, in
// place of an older answer; a newer one stays. It is not exported: it may hold
// telephone numbers.
func (db *DB) KeepAnswer(ctx context.Context, name string, at time.Time, body json.RawMessage) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO answer (name, at, body) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET at = excluded.at, body = excluded.body WHERE excluded.at >= answer.at`, name, at.UnixMicro(), string(body))
		return explain(db.path, err)
	})
}

// Answer is the newest answer to a question and when it was given; the zero time if
// there is none.
func (db *DB) Answer(ctx context.Context, name string) (body json.RawMessage, at time.Time, err error) {
	var micro int64
	var text string
	err = db.readers.QueryRowContext(ctx, `SELECT body, at FROM answer WHERE name = ?`, name).Scan(&text, &micro)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, explain(db.path, err)
	}
	return json.RawMessage(text), fromMicro(micro), nil
}

// Heard is the moment up to which the log of an incident elsewhere was read for one
// of ours; zero if it was not.
func (db *DB) Heard(ctx context.Context, id string, of incident.ID) (time.Time, error) {
	var micro int64
	err := db.readers.QueryRowContext(ctx, `SELECT at FROM heard WHERE id = ? AND incident = ?`, id, string(of)).Scan(&micro)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, explain(db.path, err)
	}
	return fromMicro(micro), nil
}

// SetHeard notes that the log of an incident elsewhere was read up to a moment; it
// never goes back.
func (db *DB) SetHeard(ctx context.Context, id string, of incident.ID, at time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO heard (id, incident, at) VALUES (?, ?, ?)
			ON CONFLICT (id, incident) DO UPDATE SET at = max(at, excluded.at)`, id, string(of), at.UnixMicro())
		return explain(db.path, err)
	})
}

// HeardOf is the incidents of ours that the log of one elsewhere was read for, the
// newest first.
func (db *DB) HeardOf(ctx context.Context, id string) ([]incident.ID, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT incident FROM heard WHERE id = ? ORDER BY at DESC, incident`, id)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (of incident.ID, err error) { return of, rows.Scan(&of) })
}
