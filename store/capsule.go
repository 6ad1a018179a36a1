package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// AddCapsule keeps a stretch of recorded samples with an incident. The event tells of
// all that one recorder keeps with it, and is written with the first: its Once says
// which. An incident that has limit bytes already, or would have more, gets no more:
// ErrFull.
func (db *DB) AddCapsule(ctx context.Context, e incident.Event, c incident.Capsule, limit int64) error {
	if e.Kind != incident.EvidenceRecorded || e.Incident == "" || e.Once == "" {
		return fmt.Errorf("samples are kept with %s of an incident, once", incident.EvidenceRecorded)
	}
	if err := e.Check(); err != nil {
		return err
	}
	return db.write(ctx, func(tx *sql.Tx) error {
		var have int64
		err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(length(c.chunks)), 0) FROM event e JOIN capsule c ON c.seq = e.seq
			WHERE e.incident = ? AND e.kind = ?`, string(e.Incident), string(e.Kind)).Scan(&have)
		if err != nil {
			return explain(db.path, err)
		}
		if have+int64(len(c.Chunks)) > limit {
			return fmt.Errorf("the samples recorded of %s: %w: it has %d of %d bytes", e.Incident, incident.ErrCapsuleFull, have, limit)
		}
		inc, err := db.foldTx(tx, e.Incident)
		if err != nil {
			return err
		}
		if _, _, err = db.appendTx(ctx, tx, inc, []incident.Event{e}); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `INSERT INTO capsule (seq, since, until, series, samples, chunks)
			SELECT seq, ?, ?, ?, ?, ? FROM event WHERE once = ?`, c.From.UnixMicro(), c.To.UnixMicro(), c.Series, c.Samples, c.Chunks, e.Once); err != nil {
			return explain(db.path, fmt.Errorf("keep the samples recorded of %s: %w", e.Incident, err))
		}
		return nil
	})
}

// CapsuleUntil is up to when samples were kept with an incident; zero if there are none.
func (db *DB) CapsuleUntil(ctx context.Context, id incident.ID) (time.Time, error) {
	var micro sql.NullInt64
	err := db.readers.QueryRowContext(ctx, `SELECT max(c.until) FROM event e JOIN capsule c ON c.seq = e.seq WHERE e.incident = ? AND e.kind = ?`,
		string(id), string(incident.EvidenceRecorded)).Scan(&micro)
	if err != nil || !micro.Valid {
		return time.Time{}, explain(db.path, err)
	}
	return fromMicro(micro.Int64), nil
}

// Capsules are the samples that were recorded of an incident, in order of time; none
// if there are none, or none any more.
func (db *DB) Capsules(ctx context.Context, id incident.ID) ([]incident.Capsule, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT c.since, c.until, c.series, c.samples, c.chunks FROM event e JOIN capsule c ON c.seq = e.seq
		WHERE e.incident = ? AND e.kind = ? ORDER BY c.since, c.number`, string(id), string(incident.EvidenceRecorded))
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (c incident.Capsule, err error) {
		var from, to int64
		err = rows.Scan(&from, &to, &c.Series, &c.Samples, &c.Chunks)
		c.From, c.To = fromMicro(from), fromMicro(to)
		return c, err
	})
}
