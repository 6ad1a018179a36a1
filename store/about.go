package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// About is the incident that something in a chat is about, by what the chat calls
// it: the post of a headline, or the channel that was made for it. Empty for
// anything else.
func (db *DB) About(ctx context.Context, ref string) (id incident.ID, err error) {
	if ref == "" {
		return "", nil
	}
	err = db.readers.QueryRowContext(ctx, `SELECT incident FROM message WHERE ref = ?1 AND ref <> '' AND operation IN (?2, ?3) ORDER BY seq LIMIT 1`,
		ref, string(escalation.OpPost), string(escalation.OpCreate)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, explain(db.path, err)
}
