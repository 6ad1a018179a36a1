package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// stillRunning is a condition on load_run: of those that were begun and not ended.
const stillRunning = `summary ->> 'verdict' = 'running'`

// BeginRun keeps the head of a run that begins (loadtest.Plan.Head), so that what
// KeepSeconds is given has a place, and says that this process is at it until let go is
// called, or the process dies.
func (db *DB) BeginRun(ctx context.Context, head loadtest.Result) (letGo func(), err error) {
	if head.Run == "" {
		return nil, errors.New("begin load run: it has no ID; ask NextRun for one")
	}
	if letGo, err = db.HoldRun(head.Run); err != nil {
		return nil, fmt.Errorf("begin load run %s: %w", head.Run, err)
	}
	err = db.write(ctx, func(tx *sql.Tx) error { return db.insertRun(ctx, tx, head) })
	if err != nil {
		letGo()
		return nil, err
	}
	return letGo, nil
}

// KeepSeconds adds seconds and their rows to a run that was begun, in one transaction. It
// is loadtest.SecondLog's.
func (db *DB) KeepSeconds(ctx context.Context, run string, seconds []loadtest.Second, rows []loadtest.Row) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		return errors.Join(db.saveSeconds(ctx, tx, run, seconds), db.saveRows(ctx, tx, run, rows))
	})
}

// SaveRun keeps the result of a load run under r.Run, with its seconds and rows, in one
// transaction. It is loadtest.Archive's.
func (db *DB) SaveRun(ctx context.Context, r loadtest.Result) error {
	if r.Run == "" {
		return errors.New("save load run: the result has no ID; ask NextRun for one")
	}
	return db.write(ctx, func(tx *sql.Tx) error {
		ended, err := db.endRun(ctx, tx, r)
		if err == nil && !ended {
			err = db.insertRun(ctx, tx, r)
		}
		return errors.Join(err, db.saveSeconds(ctx, tx, r.Run, r.Seconds), db.saveRows(ctx, tx, r.Run, r.Rows))
	})
}

// endRun gives a run that was begun its end, if there is one of that ID.
func (db *DB) endRun(ctx context.Context, tx *sql.Tx, r loadtest.Result) (bool, error) {
	summary, err := encodeRun(r)
	if err != nil {
		return false, err
	}
	done, err := tx.ExecContext(ctx, `UPDATE load_run SET started = ?, summary = ? WHERE id = ? AND `+stillRunning, r.StartedAt.UnixMicro(), summary, r.Run)
	if err != nil {
		return false, explain(db.path, err)
	}
	n, err := done.RowsAffected()
	return n > 0, explain(db.path, err)
}

func (db *DB) insertRun(ctx context.Context, tx *sql.Tx, r loadtest.Result) error {
	summary, err := encodeRun(r)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, `INSERT INTO load_run (id, started, summary) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, r.Run, r.StartedAt.UnixMicro(), summary)
	if err != nil {
		return explain(db.path, err)
	}
	if n, err := done.RowsAffected(); err != nil {
		return explain(db.path, err)
	} else if n == 0 {
		return fmt.Errorf("save load run %s: a result of that ID is in the archive already", r.Run)
	}
	return nil
}

func (db *DB) saveSeconds(ctx context.Context, tx *sql.Tx, run string, seconds []loadtest.Second) (err error) {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO load_second (run, second, requested, sent, in_flight, connections, errors) VALUES (?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return explain(db.path, err)
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for _, s := range seconds {
		classes := ""
		if len(s.ErrorsByClass) > 0 {
			text, err := json.Marshal(s.ErrorsByClass)
			if err != nil {
				return fmt.Errorf("save load run %s, second %d: %w", run, s.Second, err)
			}
			classes = string(text)
		}
		if _, err := insert.ExecContext(ctx, run, s.Second, s.Requested, s.Sent, s.InFlight, s.Connections, classes); err != nil {
			return fmt.Errorf("save load run %s, second %d: %w", run, s.Second, explain(db.path, err))
		}
	}
	return nil
}

func (db *DB) saveRows(ctx context.Context, tx *sql.Tx, run string, rows []loadtest.Row) (err error) {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO load_row (run, second, stage, warmup, requests, errors, response, service, lag)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return explain(db.path, err)
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for _, w := range rows {
		service := w.Service
		if bytes.Equal(service, w.Response) {
			service = nil // nobody waited: a third of the bytes
		}
		if _, err := insert.ExecContext(ctx, run, w.Second, w.Stage, w.Warmup, w.Requests, w.Errors, w.Response, service, w.Lag); err != nil {
			return fmt.Errorf("save load run %s, second %d: %w", run, w.Second, explain(db.path, err))
		}
	}
	return nil
}

// LoadRun returns a result with its seconds and rows, ErrNoRun if there is none of that
// ID. Of a run that goes on, or whose process has died, it is what was kept until now. It is
// loadtest.Archive's.
func (db *DB) LoadRun(ctx context.Context, id string) (loadtest.Result, error) {
	r, err := db.runHead(ctx, id)
	if err != nil {
		return r, err
	}
	if r.Verdict == loadtest.Running {
		return db.unfinished(ctx, r)
	}
	seconds, rows, err := db.runParts(ctx, id)
	if err != nil {
		return r, err
	}
	if r.Seconds, err = loadtest.Filled(seconds, rows); err != nil {
		return r, fmt.Errorf("load run %s: %w", id, err)
	}
	r.Rows = rows
	return r, nil
}

func (db *DB) runHead(ctx context.Context, id string) (r loadtest.Result, err error) {
	var summary string
	err = db.readers.QueryRowContext(ctx, `SELECT summary FROM load_run WHERE id = ?`, id).Scan(&summary)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("load run %s: %w", id, loadtest.ErrNoRun)
	}
	if err != nil {
		return r, explain(db.path, err)
	}
	if r, err = decodeRun(summary); err != nil {
		return r, fmt.Errorf("load run %s: %w", id, err)
	}
	return r, nil
}

// runParts are the seconds and rows of a run, as they were kept.
func (db *DB) runParts(ctx context.Context, id string) ([]loadtest.Second, []loadtest.Row, error) {
	return db.runPartsFrom(ctx, id, 0)
}

func (db *DB) runPartsFrom(ctx context.Context, id string, from int) ([]loadtest.Second, []loadtest.Row, error) {
	found, err := db.readers.QueryContext(ctx, `SELECT second, requested, sent, in_flight, connections, errors FROM load_second WHERE run = ? AND second >= ? ORDER BY second`, id, from)
	if err != nil {
		return nil, nil, explain(db.path, err)
	}
	seconds, err := collect(found, scanSecond)
	if err != nil {
		return nil, nil, fmt.Errorf("load run %s: %w", id, explain(db.path, err))
	}
	found, err = db.readers.QueryContext(ctx, `SELECT second, stage, warmup, requests, errors, response, coalesce(service, response), lag
		FROM load_row WHERE run = ? AND second >= ? ORDER BY second, stage, warmup DESC`, id, from)
	if err != nil {
		return nil, nil, explain(db.path, err)
	}
	rows, err := collect(found, scanLoadRow)
	if err != nil {
		return nil, nil, fmt.Errorf("load run %s: %w", id, explain(db.path, err))
	}
	return seconds, rows, nil
}

// RunningLoad is the latest run that goes on, in whatever process, of a plan by its name or
// ("") of any, with its last whole seconds and their rows. Without one the error is
// loadtest.ErrNoRun.
func (db *DB) RunningLoad(ctx context.Context, plan string, last int) (head loadtest.Result, seconds []loadtest.Second, rows []loadtest.Row, err error) {
	all, err := db.RunningLoads(ctx)
	if err != nil {
		return head, nil, nil, err
	}
	for _, head := range all {
		if plan != "" && head.Plan != plan {
			continue
		}
		var end int
		if err := db.readers.QueryRowContext(ctx, `SELECT coalesce(max(second), 0) FROM load_second WHERE run = ?`, head.Run).Scan(&end); err != nil {
			return head, nil, nil, explain(db.path, err)
		}
		seconds, rows, err = db.runPartsFrom(ctx, head.Run, end-last+1)
		return head, seconds, rows, err
	}
	return head, nil, nil, fmt.Errorf("load run that goes on: %w", loadtest.ErrNoRun)
}

// RunningLoads are the heads of the runs that go on, in whatever process, newest first.
func (db *DB) RunningLoads(ctx context.Context) ([]loadtest.Result, error) {
	if !db.anyRunHeld() {
		return nil, nil // screens ask every second
	}
	found, err := db.readers.QueryContext(ctx, `SELECT summary FROM load_run WHERE `+stillRunning+` ORDER BY started DESC, rowid DESC`)
	if err != nil {
		return nil, explain(db.path, err)
	}
	all, err := collect(found, func(rows *sql.Rows) (loadtest.Result, error) {
		var summary string
		if err := rows.Scan(&summary); err != nil {
			return loadtest.Result{}, err
		}
		return decodeRun(summary)
	})
	if err != nil {
		return nil, fmt.Errorf("load runs that go on: %w", explain(db.path, err))
	}
	return slices.DeleteFunc(all, func(r loadtest.Result) bool { return !db.RunHeld(r.Run) }), nil
}

// unfinished is a run that was begun and not ended, by what was kept of it. The first who
// finds its process dead says so for all who come later.
func (db *DB) unfinished(ctx context.Context, head loadtest.Result) (loadtest.Result, error) {
	// Before the seconds are read: one that ends meanwhile is not dead with less than it had.
	dead := !db.RunHeld(head.Run)
	if dead {
		again, err := db.runHead(ctx, head.Run)
		if err != nil {
			return head, err
		}
		if again.Verdict != loadtest.Running {
			return db.LoadRun(ctx, head.Run)
		}
	}
	seconds, rows, err := db.runParts(ctx, head.Run)
	if err != nil {
		return head, err
	}
	r, err := head.Unfinished(seconds, rows, dead)
	if err != nil {
		return r, fmt.Errorf("load run %s: %w", head.Run, err)
	}
	if dead {
		bare := r
		bare.Seconds, bare.Rows = nil, nil
		// Without its error: on a full disk the next who reads works it out again.
		_ = db.write(ctx, func(tx *sql.Tx) error { _, err := db.endRun(ctx, tx, bare); return err })
	}
	return r, nil
}

// Runs returns the latest results without their seconds and rows, newest first. It is
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
	for i, r := range all {
		if r.Verdict != loadtest.Running || db.RunHeld(r.Run) {
			continue
		}
		if all[i], err = db.unfinished(ctx, r); err != nil {
			return nil, fmt.Errorf("list load runs: %w", err)
		}
		all[i].Seconds, all[i].Rows = nil, nil
	}
	return all, nil
}

// encodeRun is a result in JSON without its seconds and rows.
func encodeRun(r loadtest.Result) (string, error) {
	r.Seconds, r.Rows = nil, nil
	summary, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("save load run %s: %w", r.Run, err)
	}
	return string(summary), nil
}

func decodeRun(summary string) (r loadtest.Result, err error) {
	err = json.Unmarshal([]byte(summary), &r)
	return r, err
}

func scanSecond(rows *sql.Rows) (s loadtest.Second, err error) {
	var classes string
	if err := rows.Scan(&s.Second, &s.Requested, &s.Sent, &s.InFlight, &s.Connections, &classes); err != nil || classes == "" {
		return s, err
	}
	err = json.Unmarshal([]byte(classes), &s.ErrorsByClass)
	return s, err
}

func scanLoadRow(rows *sql.Rows) (w loadtest.Row, err error) {
	err = rows.Scan(&w.Second, &w.Stage, &w.Warmup, &w.Requests, &w.Errors, &w.Response, &w.Service, &w.Lag)
	return w, err
}
