package store

import (
	"context"
	"database/sql"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Health is escalation.Book's.
func (db *DB) Health(ctx context.Context) ([]escalation.SinkHealth, error) {
	rows, err := db.readers.QueryContext(ctx, `SELECT name, tokens, refilled, until, failures, broken, why FROM sink ORDER BY name`)
	if err != nil {
		return nil, explain(db.path, err)
	}
	all, err := collect(rows, func(rows *sql.Rows) (h escalation.SinkHealth, err error) {
		var refilled, until int64
		err = rows.Scan(&h.Sink, &h.Tokens, &refilled, &until, &h.Failures, &h.Broken, &h.Why)
		h.Refilled, h.Until = fromMicro(refilled), fromMicro(until)
		return h, err
	})
	return all, explain(db.path, err)
}

func (db *DB) noteHealth(ctx context.Context, tx *sql.Tx, health []escalation.SinkHealth) error {
	for _, h := range health {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO sink (name, tokens, refilled, until, failures, broken, why) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			h.Sink, h.Tokens, micro(h.Refilled), micro(h.Until), h.Failures, h.Broken, h.Why)
		if err != nil {
			return explain(db.path, err)
		}
	}
	return nil
}
