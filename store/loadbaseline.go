package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest/knee"
)

// LoadBaseline is the run that later ones of a plan are compared with.
type LoadBaseline struct {
	Plan  string    `json:"plan"`
	Run   string    `json:"run"`
	Actor string    `json:"actor"`
	At    time.Time `json:"at"`
}

// SetBaseline makes a run the one to compare with; there is one for each plan.
func (db *DB) SetBaseline(ctx context.Context, b LoadBaseline) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO load_baseline (plan, run, actor, at) VALUES (?, ?, ?, ?)
			ON CONFLICT (plan) DO UPDATE SET run = excluded.run, actor = excluded.actor, at = excluded.at`, b.Plan, b.Run, b.Actor, b.At.UnixMicro())
		return explain(db.path, err)
	})
}

// ClearBaseline leaves a plan without one; false says that it had none.
func (db *DB) ClearBaseline(ctx context.Context, plan string) (had bool, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM load_baseline WHERE plan = ?`, plan)
		if err != nil {
			return explain(db.path, err)
		}
		n, err := done.RowsAffected()
		had = n > 0
		return explain(db.path, err)
	})
	return had, err
}

// Baselines are those of all plans, by name.
func (db *DB) Baselines(ctx context.Context) ([]LoadBaseline, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT plan, run, actor, at FROM load_baseline ORDER BY plan`)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (LoadBaseline, error) {
		var b LoadBaseline
		var at int64
		err := rows.Scan(&b.Plan, &b.Run, &b.Actor, &at)
		b.At = time.UnixMicro(at).UTC()
		return b, err
	})
}

// FoundKnee is what a search has found, the run that confirmed it, and when.
type FoundKnee struct {
	Run string    `json:"run"`
	At  time.Time `json:"at"`
	knee.Knee
}

// SaveKnee keeps what a search has found. Its run must be in the archive.
func (db *DB) SaveKnee(ctx context.Context, k FoundKnee) error {
	summary, err := json.Marshal(k.Knee)
	if err != nil {
		return fmt.Errorf("save the knee of %s: %w", k.Plan, err)
	}
	return db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO load_knee (run, plan, at, summary) VALUES (?, ?, ?, ?)`, k.Run, k.Plan, k.At.UnixMicro(), string(summary))
		return explain(db.path, err)
	})
}

// Knees are those that were found last, of each plan one, by the plan's name.
func (db *DB) Knees(ctx context.Context) ([]FoundKnee, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT run, max(at), summary FROM load_knee GROUP BY plan ORDER BY plan`)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (FoundKnee, error) {
		var k FoundKnee
		var at int64
		var summary string
		if err := rows.Scan(&k.Run, &at, &summary); err != nil {
			return k, err
		}
		k.At = time.UnixMicro(at).UTC()
		if err := json.Unmarshal([]byte(summary), &k.Knee); err != nil {
			return k, fmt.Errorf("the knee of run %s: %w", k.Run, err)
		}
		return k, nil
	})
}
