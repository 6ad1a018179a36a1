package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/incident"
)

// Open declares a new incident: decide gets the next free ID and answers with
// the events that open it. It is incident.Timeline's.
func (db *DB) Open(ctx context.Context, decide func(incident.ID) ([]incident.Event, error)) (inc incident.Incident, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		id, err := db.nextID(ctx, tx)
		if err != nil {
			return err
		}
		events, err := decide(id)
		if err != nil {
			return err
		}
		if err := db.refuse(ctx, tx, events); err != nil {
			return err
		}
		inc, _, err = db.appendTx(ctx, tx, incident.Incident{}, events)
		return err
	})
	return inc, err
}

func (db *DB) nextID(ctx context.Context, q queryer) (incident.ID, error) {
	var last int
	err := q.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM incident`).Scan(&last)
	return incident.NumberedID(last + 1), explain(db.path, err)
}

// Decide runs decide on the incident as every committed event makes it, and
// appends what it returns. It is incident.Timeline's.
func (db *DB) Decide(ctx context.Context, id incident.ID, decide func(incident.Incident) ([]incident.Event, error)) (inc incident.Incident, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		if inc, err = db.foldTx(tx, id); err != nil {
			return err
		}
		events, err := decide(inc)
		if err != nil {
			return err
		}
		if err := db.refuse(ctx, tx, events); err != nil {
			return err
		}
		inc, _, err = db.appendTx(ctx, tx, inc, events)
		return err
	})
	return inc, err
}

// Append records events outside any incident, or about one but without a
// decision on its state. An event whose Once is on the timeline already is left
// out. It returns those that were written, with their Seq.
func (db *DB) Append(ctx context.Context, events ...incident.Event) (written []incident.Event, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		written = nil
		for _, e := range events {
			if err := e.Check(); err != nil {
				return err
			}
		}
		for rest := events; len(rest) > 0; {
			about, n := rest[0].Incident, 1
			for n < len(rest) && rest[n].Incident == about {
				n++
			}
			var inc incident.Incident
			if about != "" {
				if inc, err = db.foldTx(tx, about); err != nil {
					return err
				}
			}
			_, fresh, err := db.appendTx(ctx, tx, inc, rest[:n])
			if err != nil {
				return err
			}
			written, rest = append(written, fresh...), rest[n:]
		}
		return nil
	})
	return written, err
}

// refuse says why events are not recorded: too large, or there already.
func (db *DB) refuse(ctx context.Context, tx *sql.Tx, events []incident.Event) error {
	for _, e := range events {
		if err := e.Check(); err != nil {
			return err
		}
		if e.Once == "" {
			continue
		}
		var id incident.ID
		err := tx.QueryRowContext(ctx, `SELECT incident FROM event WHERE once = ?`, e.Once).Scan(&id)
		if err == nil {
			return &incident.DuplicateError{Cause: e.Once, Incident: id}
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return explain(db.path, err)
		}
	}
	return nil
}

// appendTx writes events, folds them into inc and keeps the cached fold in
// step. Events that stand already (Once) are left out.
func (db *DB) appendTx(ctx context.Context, tx *sql.Tx, inc incident.Incident, events []incident.Event) (incident.Incident, []incident.Event, error) {
	now, in := time.Now(), db.inserts.in(tx)
	written := make([]incident.Event, 0, len(events))
	for _, e := range events {
		if e.ID == "" {
			e.ID = ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String()
		}
		e.At, e.Recorded = toMicro(e.At), toMicro(now)
		if e.At.IsZero() {
			e.At = e.Recorded
		}
		fresh, err := db.insert(in, &e)
		if err != nil {
			return inc, nil, err
		}
		if fresh {
			written = append(written, e)
			if e.Incident != "" {
				inc = inc.Apply(e)
			}
		}
	}
	if len(written) == 0 {
		return inc, written, nil
	}
	if written[len(written)-1].Seq/indexEvery > (written[0].Seq-1)/indexEvery {
		db.behind.Store(true)
	}
	if !inc.Declared() {
		return inc, written, nil
	}
	return inc, written, db.remember(in.state, inc)
}

func (db *DB) insert(in inserts, e *incident.Event) (fresh bool, err error) {
	result, err := in.event.Exec(
		e.ID, string(e.Incident), e.At.UnixMicro(), e.Recorded.UnixMicro(), string(e.Kind), string(e.Actor), e.Claimed, e.Via, e.Source, e.Text,
		nullJSON(e.Data), sql.NullString{String: e.Once, Valid: e.Once != ""})
	if err != nil {
		return false, explain(db.path, fmt.Errorf("record %s: %w", e.Kind, err))
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if e.Seq, err = result.LastInsertId(); err != nil {
		return false, err
	}
	if len(e.Evidence) > 0 {
		if _, err := in.evidence.Exec(e.Seq, string(e.Evidence)); err != nil {
			return false, explain(db.path, fmt.Errorf("record the evidence of %s: %w", e.Kind, err))
		}
	}
	return true, nil
}

func (db *DB) remember(save *sql.Stmt, inc incident.Incident) error {
	state, err := json.Marshal(inc)
	if err != nil {
		return fmt.Errorf("remember %s: %w", inc.ID, err)
	}
	_, err = save.Exec(string(inc.ID), inc.Status.Over(), string(state), inc.Seq)
	return explain(db.path, err)
}

// foldTx is the incident as its events make it, for a decision in tx.
func (db *DB) foldTx(tx *sql.Tx, id incident.ID) (incident.Incident, error) {
	return db.folded(id, tx.Stmt(db.inserts.fold).QueryRow(string(id)))
}

// stateOf asks for the cache that every append keeps in step.
const stateOf = `SELECT state FROM incident WHERE id = ?`

// saveState writes that cache.
const saveState = `INSERT INTO incident (number, id, over, state, seq) VALUES (CAST(substr(?1, 5) AS INTEGER), ?1, ?2, ?3, ?4)
	ON CONFLICT (id) DO UPDATE SET over = ?2, state = ?3, seq = ?4`

// folded is the incident that the answer to stateOf holds.
func (db *DB) folded(id incident.ID, row *sql.Row) (inc incident.Incident, err error) {
	var state string
	err = row.Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return inc, fmt.Errorf("%s: %w (sitrep incident list shows them)", id, incident.ErrUnknown)
	}
	if err != nil {
		return inc, explain(db.path, err)
	}
	if err := json.Unmarshal([]byte(state), &inc); err != nil {
		return inc, fmt.Errorf("store %s: the cached state of %s cannot be read: %w", db.path, id, err)
	}
	return inc, nil
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func toMicro(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

func nullJSON(b json.RawMessage) sql.NullString {
	return sql.NullString{String: string(b), Valid: len(b) > 0}
}
