package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sitrep-dev/sitrep/incident"
)

// Together is incident.Timeline's.
func (db *DB) Together(ctx context.Context, decide func(incident.Look) ([]incident.Event, error)) (list []incident.Incident, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		events, err := decide(view{ctx, db, tx})
		if err != nil {
			return err
		}
		if err := db.refuse(ctx, tx, events); err != nil {
			return err
		}
		list, err = db.appendToEach(ctx, tx, events)
		return err
	})
	return list, err
}

// appendToEach writes events of several incidents in their order, and answers
// with the incidents in the order in which they are named first.
func (db *DB) appendToEach(ctx context.Context, tx *sql.Tx, events []incident.Event) ([]incident.Incident, error) {
	var order []incident.ID
	named := map[incident.ID]incident.Incident{}
	for _, e := range events {
		inc, known := named[e.Incident]
		if !known && e.Incident != "" {
			var err error
			if inc, err = db.foldTx(tx, e.Incident); err != nil && !(e.Kind == incident.Declared && errors.Is(err, incident.ErrUnknown)) {
				return nil, err
			}
			order = append(order, e.Incident)
		}
		inc, _, err := db.appendTx(ctx, tx, inc, []incident.Event{e})
		if err != nil {
			return nil, err
		}
		named[e.Incident] = inc
	}
	list := make([]incident.Incident, 0, len(order))
	for _, id := range order {
		list = append(list, named[id])
	}
	return list, nil
}

// view is incident.Look within a transaction.
type view struct {
	ctx context.Context // the transaction's own: it ends with it
	db  *DB
	tx  *sql.Tx
}

func (v view) Incident(id incident.ID) (incident.Incident, error) {
	return v.db.foldTx(v.tx, id)
}

func (v view) Event(ref incident.Ref) (e incident.Event, err error) {
	rows, err := v.tx.QueryContext(v.ctx, `SELECT `+eventColumns+` WHERE e.seq = ? OR e.id = ?`, ref.Seq, ref.ID)
	if err != nil {
		return e, explain(v.db.path, err)
	}
	found, err := collect(rows, scanEvent)
	if err != nil {
		return e, explain(v.db.path, err)
	}
	if len(found) == 0 {
		return e, ref.Missing()
	}
	return found[0], nil
}

func (v view) Next() (incident.ID, error) { return v.db.nextID(v.ctx, v.tx) }
