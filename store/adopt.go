package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// Adopt takes in the post-mortem of another store with its incident and its evidence,
// in one transaction, and answers with what they are called here. An incident that
// is here already, under whatever name, is left alone: fresh is false then. The
// ladder has dealt with all that it brings.
func (db *DB) Adopt(ctx context.Context, b postmortem.Bundle, by incident.By) (s postmortem.Stored, fresh bool, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		fresh = false
		there, err := whose(ctx, tx, b.Key())
		if err != nil {
			return explain(db.path, err)
		}
		if there != "" {
			s, err = db.Postmortems().newest(ctx, tx, there)
			if errors.Is(err, postmortem.ErrNone) {
				return fmt.Errorf("import the post-mortem of %s: it is %s here, which has %w", b.Incident, there, postmortem.ErrNone)
			}
			return err
		}
		id, err := db.nextID(ctx, tx)
		if err != nil {
			return err
		}
		for _, e := range b.Events {
			if there, err := whose(ctx, tx, e.ID); err != nil || there != "" {
				return errors.Join(err, fmt.Errorf("import the post-mortem of %s: event %s is on the timeline of %s already", b.Incident, e.ID, there))
			}
		}
		if s, err = db.adopt(ctx, tx, b, id, by); err != nil {
			return err
		}
		fresh = true
		return nil
	})
	return s, fresh, err
}

// whose is the incident that has an event on its timeline; "" if none has.
func whose(ctx context.Context, q queryer, event string) (id incident.ID, err error) {
	err = q.QueryRowContext(ctx, `SELECT incident FROM event WHERE id = ?`, event).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, err
}

func (db *DB) adopt(ctx context.Context, tx *sql.Tx, b postmortem.Bundle, id incident.ID, by incident.By) (s postmortem.Stored, err error) {
	before, after := b.Adopted(id, by)
	s = b.Postmortem
	s.Incident, s.Version = id, 1
	s.Author, s.Claimed, s.Via, s.At = by.Actor, by.Claimed, by.Via, toMicro(by.At)
	p := db.Postmortems()
	if s.ID, err = p.number(ctx, tx, id); err != nil {
		return s, err
	}
	if err := p.insert(ctx, tx, s); err != nil {
		return s, err
	}
	saved, _ := postmortem.Saved(postmortem.Stored{}, s)
	events := append(append(before, saved), after...)
	for _, e := range events {
		if err := e.Check(); err != nil {
			return s, err
		}
	}
	inc, written, err := db.appendTx(ctx, tx, incident.Incident{}, events)
	if err != nil {
		return s, err
	}
	seqs := map[string]int64{}
	for _, e := range written {
		seqs[e.ID] = e.Seq
	}
	captures := b.Captures()
	for _, f := range b.Evidence {
		if _, err := tx.ExecContext(ctx, `INSERT INTO snapshot (seq, event, board, since, until, thinned, series) VALUES (?, ?, ?, ?, ?, 0, ?)`,
			seqs[captures[f.Event]], f.Event, f.Board, f.From.UnixMicro(), f.To.UnixMicro(), f.Series); err != nil {
			return s, explain(db.path, fmt.Errorf("keep the series of %s: %w", f.Board, err))
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO watch (incident, told, next) VALUES (?, ?, 0)`, string(id), inc.Seq)
	return s, explain(db.path, err)
}
