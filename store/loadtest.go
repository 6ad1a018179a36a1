package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// SaveRun keeps the result of a load run under r.Run, with its rows, in one
// transaction. It is loadtest.Archive's.
func (db *DB) SaveRun(ctx context.Context, r loadtest.Result) error {
	if r.Run == "" {
		return errors.New("save load run: the result has no ID; ask NextRun for one")
	}
	rows := r.Rows
	r.Rows = nil
	summary, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save load run %s: %w", r.Run, err)
	}
	return db.write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO load_run (id, started, summary) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			r.Run, r.StartedAt.UnixMicro(), string(summary))
		if err != nil {
			return explain(db.path, err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return explain(db.path, err)
		} else if n == 0 {
			return fmt.Errorf("save load run %s: a result of that ID is in the archive already", r.Run)
		}
		return db.saveRows(ctx, tx, r.Run, rows)
	})
}

func (db *DB) saveRows(ctx context.Context, tx *sql.Tx, run string, rows []loadtest.Row) (err error) {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO load_row (run, second, stage, warmup, requests, errors, response, service, lag)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return explain(db.path, err)
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for _, w := range rows {
		if _, err := insert.ExecContext(ctx, run, w.Second, w.Stage, w.Warmup, w.Requests, w.Errors, w.Response, w.Service, w.Lag); err != nil {
			return fmt.Errorf("save load run %s, second %d: %w", run, w.Second, explain(db.path, err))
		}
	}
	return nil
}

// LoadRun returns a result with its rows, ErrNoRun if there is none of that
// ID. It is loadtest.Archive's.
func (db *DB) LoadRun(ctx context.Context, id string) (loadtest.Result, error) {
	var r loadtest.Result
	var summary string
	err := db.readers.QueryRowContext(ctx, `SELECT summary FROM load_run WHERE id = ?`, id).Scan(&summary)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("load run %s: %w", id, loadtest.ErrNoRun)
	}
	if err != nil {
		return r, explain(db.path, err)
	}
	if r, err = decodeRun(summary); err != nil {
		return r, fmt.Errorf("load run %s: %w", id, err)
	}
	rows, err := db.readers.QueryContext(ctx, `SELECT second, stage, warmup, requests, errors, response, service, lag
		FROM load_row WHERE run = ? ORDER BY second, stage, warmup DESC`, id)
	if err != nil {
		return r, explain(db.path, err)
	}
	r.Rows, err = collect(rows, scanLoadRow)
	if err != nil {
		return r, fmt.Errorf("load run %s: %w", id, explain(db.path, err))
	}
	return r, nil
}

// Runs returns the latest results without their rows, newest first. It is
// loadtest.Archive's.
func (db *DB) Runs(ctx context.Context, limit int) ([]loadtest.Result, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT summary FROM load_run ORDER BY started DESC, rowid DESC LIMIT ?`, max(limit, 0))
	if err != nil {
		return nil, explain(db.path, err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (loadtest.Result, error) {
		var summary string
		if err := rows.Scan(&summary); err != nil {
			return loadtest.Result{}, err
		}
		return decodeRun(summary)
	})
	if err != nil {
		return nil, fmt.Errorf("list load runs: %w", explain(db.path, err))
	}
	return all, nil
}

func decodeRun(summary string) (r loadtest.Result, err error) {
	err = json.Unmarshal([]byte(summary), &r)
	return r, err
}

func scanLoadRow(rows *sql.Rows) (w loadtest.Row, err error) {
	err = rows.Scan(&w.Second, &w.Stage, &w.Warmup, &w.Requests, &w.Errors, &w.Response, &w.Service, &w.Lag)
	return w, err
}
