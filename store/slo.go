package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/query/slo"
)

// Slots are the kept events of an objective that end after a time, oldest first.
func (db *DB) Slots(ctx context.Context, key string, after time.Time) ([]slo.Slot, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT s.start, s.width, s.bad, s.total FROM slo o JOIN slo_slot s ON s.slo = o.number
		WHERE o.key = ? AND s.start > ? - 86400 AND s.start + s.width > ? ORDER BY s.start`, key, after.Unix(), after.Unix()) // no slot is wider than a day
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (s slo.Slot, err error) {
		err = rows.Scan(&s.Start, &s.Width, &s.Bad, &s.Total)
		return s, err
	})
}

// KeepSlots adds events of objectives, all of them or none. What is there is replaced.
func (db *DB) KeepSlots(ctx context.Context, kept ...slo.Kept) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		for _, k := range kept {
			if _, err := tx.ExecContext(ctx, `INSERT INTO slo (key) VALUES (?) ON CONFLICT DO NOTHING`, k.Key); err != nil {
				return explain(db.path, err)
			}
			var number int64
			if err := tx.QueryRowContext(ctx, `SELECT number FROM slo WHERE key = ?`, k.Key).Scan(&number); err != nil {
				return explain(db.path, err)
			}
			put, err := tx.PrepareContext(ctx, `INSERT OR REPLACE INTO slo_slot (slo, start, width, bad, total) VALUES (?, ?, ?, ?, ?)`)
			if err != nil {
				return explain(db.path, err)
			}
			for _, s := range k.Slots {
				if _, err := put.ExecContext(ctx, number, s.Start, s.Width, s.Bad, s.Total); err != nil {
					return explain(db.path, fmt.Errorf("keep the events of %s: %w", k.Key, err))
				}
			}
			if err := put.Close(); err != nil {
				return explain(db.path, err)
			}
		}
		return nil
	})
}

// How long slots are kept, and as fine as they were read.
const (
	slotsFine = 8 * 24 * time.Hour // a rule's long window is shorter
	slotsKept = 400 * 24 * time.Hour
	slotWide  = 300 // seconds, of those that are older than fine
)

// CoarsenSlots puts old slots together, five minutes each, and drops what is older
// than any window. Where a minute is missing the others stay as they are: nothing is
// said of more time than was known.
func (db *DB) CoarsenSlots(ctx context.Context, now time.Time) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		const groups = `SELECT slo, start / 300 * 300 AS begun, sum(bad) AS bad, sum(total) AS total FROM slo_slot
			WHERE start + width <= ? AND width < 300 GROUP BY slo, start / 300 HAVING sum(width) = 300`
		before := now.Add(-slotsFine).Unix() / slotWide * slotWide
		for _, step := range []struct {
			sql  string
			args []any
		}{
			{`CREATE TEMP TABLE IF NOT EXISTS coarse (slo INTEGER, begun INTEGER, bad REAL, total REAL)`, nil},
			{`DELETE FROM coarse`, nil},
			{`INSERT INTO coarse ` + groups, []any{before}},
			{`DELETE FROM slo_slot WHERE width < 300 AND (slo, start / 300 * 300) IN (SELECT slo, begun FROM coarse)`, nil},
			{`INSERT INTO slo_slot (slo, start, width, bad, total) SELECT slo, begun, 300, bad, total FROM coarse`, nil},
			{`DELETE FROM slo_slot WHERE start < ?`, []any{now.Add(-slotsKept).Unix()}},
			{`DELETE FROM slo WHERE NOT EXISTS (SELECT 1 FROM slo_slot WHERE slo = number)`, nil},
			{`DROP TABLE coarse`, nil},
		} {
			if _, err := tx.ExecContext(ctx, step.sql, step.args...); err != nil {
				return explain(db.path, fmt.Errorf("put old events of objectives together: %w", err))
			}
		}
		return nil
	})
}
