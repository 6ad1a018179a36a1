package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

const (
	plainColumns    = `e.seq, e.id, e.incident, e.at, e.recorded, e.kind, e.actor, e.claimed, e.via, e.source, e.text, e.data`
	withoutEvidence = plainColumns + `, NULL`
	columns         = plainColumns + `, v.body`
	eventColumns    = columns + ` FROM event e LEFT JOIN evidence v ON v.seq = e.seq`
)

// Incident is the incident as it stands; incident.ErrUnknown if there is none.
func (db *DB) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	return db.folded(id, db.readers.QueryRowContext(ctx, stateOf, string(id)))
}

// Incidents lists incidents, newest first; with openOnly those that are
// neither resolved nor closed. A limit of 0 means all.
func (db *DB) Incidents(ctx context.Context, openOnly bool, limit int) ([]incident.Incident, error) {
	if limit <= 0 {
		limit = -1
	}
	rows, err := db.readers.QueryContext(ctx, `SELECT id, state FROM incident WHERE over <= ? ORDER BY number DESC LIMIT ?`, !openOnly, limit)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (inc incident.Incident, err error) {
		var id, state string
		if err := rows.Scan(&id, &state); err != nil {
			return inc, err
		}
		if err := json.Unmarshal([]byte(state), &inc); err != nil {
			return inc, fmt.Errorf("the cached state of %s cannot be read: %w", id, err)
		}
		return inc, nil
	})
}

// After is up to limit events with a Seq above seq, in the order of recording:
// how a reader with a cursor follows the timeline.
func (db *DB) After(ctx context.Context, seq int64, limit int) ([]incident.Event, error) {
	return db.events(ctx, `SELECT `+eventColumns+` WHERE e.seq > ? ORDER BY e.seq LIMIT ?`, seq, limit)
}

// Timeline is every event of an incident, in the order of recording.
func (db *DB) Timeline(ctx context.Context, id incident.ID) ([]incident.Event, error) {
	if _, err := db.Incident(ctx, id); err != nil {
		return nil, err
	}
	return db.events(ctx, `SELECT `+eventColumns+` WHERE e.incident = ? ORDER BY e.seq`, string(id))
}

// Page is the limit events of an incident that were recorded last before the
// one with Seq before, in the order of recording; with before 0 the last of all.
func (db *DB) Page(ctx context.Context, id incident.ID, before int64, limit int) ([]incident.Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	page, err := db.events(ctx, `SELECT `+eventColumns+` WHERE e.incident = ? AND e.seq < ? ORDER BY e.seq DESC LIMIT ?`, string(id), before, limit)
	slices.Reverse(page)
	if len(page) == 0 && err == nil {
		_, err = db.Incident(ctx, id) // none left, or none there?
	}
	return page, err
}

// Between is every event that happened in [from, to], outside incidents too,
// in the order of recording, at most limit and then the latest of them.
func (db *DB) Between(ctx context.Context, from, to time.Time, limit int) ([]incident.Event, error) {
	return db.events(ctx, `SELECT * FROM (SELECT `+eventColumns+` WHERE e.at BETWEEN ? AND ? ORDER BY e.seq DESC LIMIT ?) ORDER BY seq`,
		from.UnixMicro(), to.UnixMicro(), limit)
}

// OfKinds is every event of these kinds that happened in [from, to], in the order
// of recording. It is for kinds that are few: nothing bounds it.
func (db *DB) OfKinds(ctx context.Context, from, to time.Time, kinds ...incident.Kind) ([]incident.Event, error) {
	return db.events(ctx, `SELECT `+eventColumns+` WHERE e.kind IN (SELECT value FROM json_each(?)) AND e.at BETWEEN ? AND ? ORDER BY e.seq`,
		string(incident.Payload(kinds)), from.UnixMicro(), to.UnixMicro())
}

// Happened says which of these Once keys events were recorded under.
func (db *DB) Happened(ctx context.Context, keys ...string) (map[string]bool, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT once FROM event WHERE once IN (SELECT value FROM json_each(?))`, string(incident.Payload(keys)))
	if err != nil {
		return nil, explain(db.path, err)
	}
	defer rows.Close()
	found := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, explain(db.path, err)
		}
		found[key] = true
	}
	return found, explain(db.path, rows.Err())
}

// Last is the Seq of the newest event, 0 in an empty store.
func (db *DB) Last(ctx context.Context) (seq int64, err error) {
	err = db.readers.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM event`).Scan(&seq)
	return seq, explain(db.path, err)
}

// Wait returns when the timeline holds an event above seq, written by any
// process, or with the error of ctx.
func (db *DB) Wait(ctx context.Context, seq int64) error {
	for {
		done, err := db.wait(ctx, seq)
		if done || err != nil {
			return err
		}
	}
}

// wait is one look and the wait for a reason to take another.
func (db *DB) wait(ctx context.Context, seq int64) (done bool, err error) {
	changed, leave := db.commits.wait() // before the look, or a commit between them would be missed
	defer leave()
	last, err := db.Last(ctx)
	if err != nil || last > seq {
		return true, errors.Join(err, ctx.Err())
	}
	select {
	case <-ctx.Done():
		return true, ctx.Err()
	case <-db.commits.ended:
		return true, fmt.Errorf("store %s: closed", db.path)
	case <-changed:
		return false, nil
	}
}

func (db *DB) events(ctx context.Context, query string, args ...any) ([]incident.Event, error) {
	rows, err := db.readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, scanEvent)
}

func scanEvent(rows *sql.Rows) (incident.Event, error) { return scanEventAnd(rows) }

// scanEventAnd reads the columns, and what was asked for after them into more.
func scanEventAnd(rows *sql.Rows, more ...any) (e incident.Event, err error) {
	var at, recorded int64
	var data, evidence sql.NullString
	err = rows.Scan(append([]any{&e.Seq, &e.ID, &e.Incident, &at, &recorded, &e.Kind, &e.Actor, &e.Claimed, &e.Via, &e.Source, &e.Text, &data, &evidence}, more...)...)
	e.At, e.Recorded = time.UnixMicro(at).UTC(), time.UnixMicro(recorded).UTC()
	if data.Valid {
		e.Data = json.RawMessage(data.String)
	}
	if evidence.Valid {
		e.Evidence = json.RawMessage(evidence.String)
	}
	return e, err
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) (all []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
