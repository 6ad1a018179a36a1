package store

import (
	"context"

	"github.com/sitrep-dev/sitrep/escalation"
)

// OpenPages is the pages of all incidents that are not over which a kind of sink may
// know of ("pagerduty"), those of an incident one after the other, the newest
// incident first.
func (db *DB) OpenPages(ctx context.Context, kind string) ([]escalation.Message, error) {
	return db.messages(ctx, db.readers, `WHERE operation = ?1 AND substr(sink, 1, length(?2)) = ?2 AND (state = ?3 OR murky)
		AND incident IN (SELECT id FROM incident WHERE over = 0) ORDER BY CAST(substr(incident, 5) AS INTEGER) DESC, seq`,
		string(escalation.OpTrigger), kind+":", string(escalation.Accepted))
}
