package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/sitrep-dev/sitrep/incident"
)

// Rebuild makes the cached state of every incident and the index of the search
// anew from the events, and says how many incidents there are. It is one
// transaction: others see the old or the new.
func (db *DB) Rebuild(ctx context.Context) (n int, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		if n, err = db.rebuildTx(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO search (search) VALUES ('rebuild');
			INSERT OR REPLACE INTO searched SELECT 1, coalesce(max(seq), 0) FROM event`)
		return explain(db.path, err)
	})
	return n, err
}

func (db *DB) rebuildTx(ctx context.Context, tx *sql.Tx) (int, error) {
	folds, err := foldAll(ctx, tx)
	if err != nil {
		return 0, explain(db.path, err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM incident`); err != nil {
		return 0, explain(db.path, err)
	}
	// Not by the prepared statement: a migration comes before those.
	insert, err := tx.PrepareContext(ctx, saveState)
	if err != nil {
		return 0, explain(db.path, err)
	}
	for _, id := range sortedIDs(folds) {
		if err := db.remember(insert, folds[id]); err != nil {
			return 0, err
		}
	}
	return len(folds), nil
}

// foldAll is every declared incident as its events make it. Evidence plays no
// part in a fold.
func foldAll(ctx context.Context, q queryer) (map[incident.ID]incident.Incident, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+withoutEvidence+` FROM event e WHERE e.incident <> '' ORDER BY e.seq`)
	if err != nil {
		return nil, err
	}
	folds := map[incident.ID]incident.Incident{}
	_, err = collect(rows, func(rows *sql.Rows) (struct{}, error) {
		e, err := scanEvent(rows)
		folds[e.Incident] = folds[e.Incident].Apply(e)
		return struct{}{}, err
	})
	maps.DeleteFunc(folds, func(_ incident.ID, inc incident.Incident) bool { return !inc.Declared() })
	return folds, err
}

// sortedIDs is in the order of numbers.
func sortedIDs(folds map[incident.ID]incident.Incident) []incident.ID {
	return slices.SortedFunc(maps.Keys(folds), func(a, b incident.ID) int { return number(a) - number(b) })
}
