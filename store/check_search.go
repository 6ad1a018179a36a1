package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// checkedWords is how many events are looked up in the search index, spread evenly
// over all that it says it holds: SQLite's own check is of its pages, and knows
// nothing of what should be on them.
const checkedWords = 500

// searching is what of the events the search index does not find.
func searching(ctx context.Context, q queryer) ([]Finding, error) {
	finding := func(format string, args ...any) []Finding {
		return []Finding{{Where: "table search", Problem: fmt.Sprintf(format, args...), Do: doRebuild}}
	}
	var upTo, last int64
	if err := q.QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM searched), -1), (SELECT coalesce(max(seq), 0) FROM event)`).Scan(&upTo, &last); err != nil {
		return nil, err
	}
	if upTo < 0 || upTo > last {
		return finding("the index says that it holds the events up to %d, and the last is %d", upTo, last), nil
	}
	rows, err := q.QueryContext(ctx, `SELECT seq, text FROM event WHERE seq <= ? AND seq % ? = 0 ORDER BY seq`, upTo, upTo/checkedWords+1)
	if err != nil {
		return nil, err
	}
	events, err := collect(rows, func(rows *sql.Rows) (e incident.Event, err error) { return e, rows.Scan(&e.Seq, &e.Text) })
	if err != nil {
		return nil, err
	}
	missing, first := 0, int64(0)
	for _, e := range events {
		match := firstWord(e.Text)
		if match == "" {
			continue
		}
		var found bool
		if err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM search WHERE search MATCH ? AND rowid = ?)`, match, e.Seq).Scan(&found); err != nil {
			return nil, err
		}
		if !found {
			if missing++; first == 0 {
				first = e.Seq
			}
		}
	}
	if missing > 0 {
		return finding("of %d events that were looked up it does not find %d; the first is %d", len(events), missing, first), nil
	}
	return nil, nil
}

// firstWord looks for the first word of a text; empty if it has none that is sure
// to be one for the index too.
func firstWord(text string) string {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r <= ' ' }) {
		if plain := strings.TrimFunc(word, func(r rune) bool { return !isPlain(r) }); plain != "" && !strings.ContainsFunc(plain, func(r rune) bool { return !isPlain(r) }) {
			return matching([]string{plain})
		}
	}
	return ""
}

// isPlain says whether r is a letter or digit in whatever version of Unicode.
func isPlain(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
