package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// Outbound is the issues that the action items of a post-mortem have elsewhere.
func (p *Postmortems) Outbound(ctx context.Context, id, forge, place string) ([]postmortem.Outbound, error) {
	rows, err := p.db.readers.QueryContext(ctx, `SELECT item, at, number, url, closed FROM outbound_issue
		WHERE postmortem = ? AND forge = ? AND place = ? ORDER BY rowid`, id, forge, place)
	if err != nil {
		return nil, explain(p.db.path, err)
	}
	return collect(rows, func(rows *sql.Rows) (o postmortem.Outbound, err error) {
		var at int64
		err = rows.Scan(&o.Item, &at, &o.Number, &o.URL, &o.Closed)
		o.Postmortem, o.Forge, o.Place, o.At = id, forge, place, fromMicro(at)
		return o, err
	})
}

// Intend writes down that an issue is about to be asked for, and answers with when
// that was first: whoever dies after it is known to have wanted it.
func (p *Postmortems) Intend(ctx context.Context, o postmortem.Outbound) (first time.Time, err error) {
	err = p.db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO outbound_issue (postmortem, item, forge, place, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			o.Postmortem, o.Item, o.Forge, o.Place, o.At.UnixMicro()); err != nil {
			return explain(p.db.path, err)
		}
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT at FROM outbound_issue WHERE postmortem = ? AND item = ? AND forge = ? AND place = ?`,
			o.Postmortem, o.Item, o.Forge, o.Place).Scan(&at)
		first = fromMicro(at)
		return explain(p.db.path, err)
	})
	return first, err
}

// Landed keeps which issue it is, and how it was seen last.
func (p *Postmortems) Landed(ctx context.Context, o postmortem.Outbound) error {
	return p.db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE outbound_issue SET number = ?, url = ?, closed = ? WHERE postmortem = ? AND item = ? AND forge = ? AND place = ?`,
			o.Number, o.URL, o.Closed, o.Postmortem, o.Item, o.Forge, o.Place)
		return explain(p.db.path, err)
	})
}
