package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sitrep-dev/sitrep/incident"
)

// LookBack is what a decision that keeps abreast sees.
type LookBack struct {
	view
	Fresh []incident.Event // of the kinds that were asked for, in the order of recording
}

// Recorded is the incident of the event that stands for a cause (Event.Once), and
// whether there is one.
func (l LookBack) Recorded(once string) (id incident.ID, is bool, err error) {
	err = l.tx.QueryRowContext(l.ctx, `SELECT incident FROM event WHERE once = ?`, once).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return id, err == nil, explain(l.db.path, err)
}

// Abreast is for whoever keeps a picture of some kinds of events in mind and
// decides by it: decide gets those with a Seq above after, and what it answers is
// recorded in the same transaction, so that nothing lies between the picture and
// the decision. Events may be of several incidents or of none; one whose Once is
// there already is left out. It returns the Seq up to which the caller has seen,
// and the incidents after the events.
func (db *DB) Abreast(ctx context.Context, after int64, kinds []incident.Kind, decide func(LookBack) ([]incident.Event, error)) (seen int64, list []incident.Incident, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+withoutEvidence+` FROM event e WHERE e.seq > ? AND e.kind IN (SELECT value FROM json_each(?)) ORDER BY e.seq`,
			after, string(incident.Payload(kinds)))
		if err != nil {
			return explain(db.path, err)
		}
		fresh, err := collect(rows, scanEvent)
		if err != nil {
			return explain(db.path, err)
		}
		events, err := decide(LookBack{view: view{ctx, db, tx}, Fresh: fresh})
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := e.Check(); err != nil {
				return err
			}
		}
		if list, err = db.appendToEach(ctx, tx, events); err != nil {
			return err
		}
		return explain(db.path, tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM event`).Scan(&seen))
	})
	return seen, list, err
}
