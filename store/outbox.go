package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

const messageColumns = `seq, id, incident, stream, sink, operation, level, round, dedup_key, payload, state, attempts,
	queued_at, not_before, first_try_at, last_try_at, accepted_at, acknowledged_at, ref, error, murky, epoch`

// Turn is escalation.Book's.
func (db *DB) Turn(ctx context.Context, lease escalation.Lease, now time.Time, id incident.ID, decide func(escalation.Case) (escalation.Decision, error)) error {
	return db.write(ctx, func(tx *sql.Tx) error {
		if err := db.holds(ctx, tx, lease, now); err != nil {
			return err
		}
		c, err := db.caseTx(ctx, tx, id)
		if err != nil {
			return err
		}
		d, err := decide(c)
		if err != nil {
			return err
		}
		for _, m := range d.Queue {
			if err := db.queue(ctx, tx, m); err != nil {
				return err
			}
		}
		for _, m := range d.Put {
			if err := db.put(ctx, tx, m); err != nil {
				return err
			}
		}
		if _, _, err := db.appendTx(ctx, tx, c.Incident, d.Events); err != nil {
			return err
		}
		if err := db.noteHealth(ctx, tx, d.Health); err != nil {
			return err
		}
		return db.watch(ctx, tx, id, d)
	})
}

func (db *DB) caseTx(ctx context.Context, tx *sql.Tx, id incident.ID) (c escalation.Case, err error) {
	if c.Incident, err = db.foldTx(tx, id); err != nil {
		return c, err
	}
	told, err := db.told(ctx, tx, id)
	if err != nil {
		return c, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+eventColumns+` WHERE e.incident = ? AND e.seq > ? ORDER BY e.seq`, string(id), told)
	if err != nil {
		return c, explain(db.path, err)
	}
	if c.News, err = collect(rows, scanEvent); err != nil {
		return c, explain(db.path, err)
	}
	c.Messages, err = db.messages(ctx, tx, `WHERE incident = ? ORDER BY seq`, string(id))
	return c, err
}

// watch notes how far the ladder got with an incident. A decision that changes
// nothing writes nothing.
func (db *DB) watch(ctx context.Context, tx *sql.Tx, id incident.ID, d escalation.Decision) error {
	if !d.Looked && d.Told == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO watch (incident, told, next) VALUES (?1, ?2, ?3)
		ON CONFLICT (incident) DO UPDATE SET told = max(told, ?2), next = iif(?4, ?3, next) WHERE told < ?2 OR ?4 AND next <> ?3`,
		string(id), d.Told, micro(d.Next), d.Looked)
	return explain(db.path, err)
}

// Told is the Seq of the last event of an incident that the ladder has dealt
// with, 0 before the first.
func (db *DB) Told(ctx context.Context, id incident.ID) (int64, error) {
	return db.told(ctx, db.readers, id)
}

func (db *DB) told(ctx context.Context, q queryer, id incident.ID) (told int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(told), 0) FROM watch WHERE incident = ?`, string(id)).Scan(&told)
	return told, explain(db.path, err)
}

// Due is escalation.Book's.
func (db *DB) Due(ctx context.Context, lease escalation.Lease, now time.Time) (ids []incident.ID, next time.Time, err error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT i.id FROM incident i LEFT JOIN watch w ON w.incident = i.id
		WHERE w.told IS NULL OR w.told < i.seq OR w.next > 0 AND w.next <= ?1
			OR i.id IN (SELECT incident FROM message WHERE state = 'sending' AND epoch <> ?2)
		ORDER BY i.number`, micro(now), lease.Epoch)
	if err != nil {
		return nil, next, explain(db.path, err)
	}
	ids, err = collect(rows, func(rows *sql.Rows) (id incident.ID, err error) {
		err = rows.Scan(&id)
		return id, err
	})
	if err != nil {
		return nil, next, explain(db.path, err)
	}
	var at int64
	err = db.readers.QueryRowContext(ctx, `SELECT coalesce(min(next), 0) FROM watch WHERE next > 0 AND next > ?`, micro(now)).Scan(&at)
	return ids, fromMicro(at), explain(db.path, err)
}

// Heads is escalation.Book's.
func (db *DB) Heads(ctx context.Context) ([]escalation.Message, error) {
	return db.messages(ctx, db.readers, `WHERE seq IN (SELECT min(seq) FROM message WHERE open GROUP BY stream) ORDER BY seq`)
}

// Messages is escalation.Ledger's.
func (db *DB) Messages(ctx context.Context, id incident.ID) ([]escalation.Message, error) {
	return db.messages(ctx, db.readers, `WHERE ?1 = '' OR incident = ?1 ORDER BY seq`, string(id))
}

func (db *DB) messages(ctx context.Context, q queryer, where string, args ...any) ([]escalation.Message, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+messageColumns+` FROM message `+where, args...)
	if err != nil {
		return nil, explain(db.path, err)
	}
	all, err := collect(rows, scanMessage)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", explain(db.path, err))
	}
	return all, nil
}

func scanMessage(rows *sql.Rows) (m escalation.Message, err error) {
	var payload string
	var queued, notBefore, first, last, accepted, acked int64
	err = rows.Scan(&m.Seq, &m.ID, &m.Incident, &m.Stream, &m.Sink, &m.Operation, &m.Level, &m.Round, &m.DedupKey, &payload, &m.State, &m.Attempts,
		&queued, &notBefore, &first, &last, &accepted, &acked, &m.Ref, &m.Error, &m.Murky, &m.Epoch)
	m.Payload = json.RawMessage(payload)
	m.QueuedAt, m.NotBefore, m.FirstTryAt = fromMicro(queued), fromMicro(notBefore), fromMicro(first)
	m.LastTryAt, m.AcceptedAt, m.AcknowledgedAt = fromMicro(last), fromMicro(accepted), fromMicro(acked)
	return m, err
}

func (db *DB) queue(ctx context.Context, tx *sql.Tx, m escalation.Message) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO message (id, incident, stream, sink, operation, level, round, dedup_key, payload, state, open, attempts,
			queued_at, not_before, first_try_at, last_try_at, accepted_at, acknowledged_at, ref, error, murky, epoch)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.ID, string(m.Incident), m.Stream, m.Sink, string(m.Operation), string(m.Level), m.Round, m.DedupKey, string(m.Payload), string(m.State), m.Open(), m.Attempts,
		micro(m.QueuedAt), micro(m.NotBefore), micro(m.FirstTryAt), micro(m.LastTryAt), micro(m.AcceptedAt), micro(m.AcknowledgedAt), m.Ref, m.Error, m.Murky, m.Epoch)
	if err != nil {
		return fmt.Errorf("queue %s to %s: %w", m.Operation, m.Sink, explain(db.path, err))
	}
	return nil
}

// put writes what changes of a message; what it says to whom is fixed, but for
// a headline that has not gone out yet.
func (db *DB) put(ctx context.Context, tx *sql.Tx, m escalation.Message) error {
	_, err := tx.ExecContext(ctx, `UPDATE message SET payload = ?, state = ?, open = ?, attempts = ?, not_before = ?, first_try_at = ?, last_try_at = ?,
		accepted_at = ?, acknowledged_at = ?, ref = ?, error = ?, murky = ?, epoch = ? WHERE id = ?`,
		string(m.Payload), string(m.State), m.Open(), m.Attempts, micro(m.NotBefore), micro(m.FirstTryAt), micro(m.LastTryAt),
		micro(m.AcceptedAt), micro(m.AcknowledgedAt), m.Ref, m.Error, m.Murky, m.Epoch, m.ID)
	if err != nil {
		return fmt.Errorf("update %s to %s: %w", m.Operation, m.Sink, explain(db.path, err))
	}
	return nil
}
