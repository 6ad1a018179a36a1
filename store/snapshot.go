package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/sitrep-dev/sitrep/incident"
)

// Keep records what was kept at a moment of an incident together with the series
// themselves, in one transaction, and says whether it did: an event whose Once is
// on the timeline already writes nothing.
func (db *DB) Keep(ctx context.Context, e incident.Event, boards []incident.Frozen) (fresh bool, err error) {
	if err := checkKept(e, boards); err != nil {
		return false, err
	}
	var c incident.Capture
	if err := e.Payload(&c); err != nil {
		return false, err
	}
	err = db.write(ctx, func(tx *sql.Tx) error {
		inc, err := db.foldTx(tx, e.Incident)
		if err != nil {
			return err
		}
		_, written, err := db.appendTx(ctx, tx, inc, []incident.Event{e})
		if err != nil {
			return err
		}
		if fresh = len(written) > 0; !fresh {
			return nil
		}
		for _, b := range boards {
			if _, err := tx.ExecContext(ctx, `INSERT INTO snapshot (seq, event, board, since, until, thinned, series) VALUES (?, ?, ?, ?, ?, 0, ?)`,
				written[0].Seq, c.Event, b.Board, b.From.UnixMicro(), b.To.UnixMicro(), b.Series); err != nil {
				return explain(db.path, fmt.Errorf("keep the series of %s: %w", b.Board, err))
			}
		}
		return nil
	})
	return fresh && err == nil, err
}

// checkKept refuses what would not be found again, or is too much.
func checkKept(e incident.Event, boards []incident.Frozen) error {
	size := 0
	for _, b := range boards {
		size += len(b.Series)
	}
	switch {
	case size > incident.MostFrozen:
		return fmt.Errorf("the series of %s have %d bytes, at most %d are kept", e.Incident, size, incident.MostFrozen)
	case e.Kind != incident.EvidenceCaptured || e.Incident == "" || e.Once == "":
		return fmt.Errorf("series are kept with %s of an incident, once", incident.EvidenceCaptured)
	}
	return e.Check()
}

// Kept lists the series that are there of an incident, in the order of recording.
func (db *DB) Kept(ctx context.Context, id incident.ID) ([]incident.Kept, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT s.seq, s.event, s.board, s.since, s.until, s.thinned, length(s.series)
		FROM event e JOIN snapshot s ON s.seq = e.seq WHERE e.incident = ? AND e.kind = ? ORDER BY s.number`, string(id), string(incident.EvidenceCaptured))
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (k incident.Kept, err error) {
		var from, to int64
		err = rows.Scan(&k.Seq, &k.Event, &k.Board, &from, &to, &k.Thinned, &k.Size)
		k.From, k.To = fromMicro(from), fromMicro(to)
		return k, err
	})
}

// Frozen is the series that were kept at an event, by its ID, a board each; none
// if there are none any more, or never were.
func (db *DB) Frozen(ctx context.Context, event string) ([]incident.Frozen, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT board, since, until, series FROM snapshot WHERE event = ? ORDER BY number`, event)
	if err != nil {
		return nil, explain(db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (f incident.Frozen, err error) {
		var from, to int64
		err = rows.Scan(&f.Board, &from, &to, &f.Series)
		f.From, f.To = fromMicro(from), fromMicro(to)
		return f, err
	})
}
