package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// Finding is one thing that is wrong with a store.
type Finding struct {
	Where   string `json:"where"`   // a table, an incident, the file
	Problem string `json:"problem"` // what is wrong with it
	Do      string `json:"do"`      // what helps
}

// Report is what Check saw.
type Report struct {
	Path      string    `json:"path"`
	Schema    int       `json:"schema"`
	Events    int       `json:"events"`
	Incidents int       `json:"incidents"`
	Findings  []Finding `json:"findings"`
}

// mostFindings bounds what SQLite says of one file; the first names the damage.
const mostFindings = 100

// What helps.
const (
	doSalvage = "sitrep store export --salvage writes out what can be read; sitrep store import makes a new store of it"
	doRebuild = "sitrep store check --rebuild makes it anew from the events"
)

// Check reads the whole store at path and says what is wrong with it: the file
// (SQLite's integrity check), references that lead nowhere, incidents whose cached
// state is not what their events make, and events that the search does not find. It writes nothing. The error says
// why the file could not be looked at at all.
func Check(ctx context.Context, path string) (r Report, err error) {
	db, err := openDamaged(ctx, path)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r.Path = db.path
	// One moment of it: others may be writing.
	tx, err := db.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return r, explain(path, err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&r.Schema); err != nil {
		return r, explain(path, err)
	}
	names, err := schema()
	if err != nil {
		return r, err
	}
	looks := []func(context.Context, queryer) ([]Finding, error){integrity, references}
	if r.Schema == len(names) { // those of an older one are made anew when it is brought up to date
		looks = append(looks, projections, searching, snapshots, capsules)
	}
	for _, look := range looks {
		found, err := look(ctx, tx)
		r.Findings = append(r.Findings, found...)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil { // the damage stops the look itself
			r.Findings = append(r.Findings, Finding{Where: "the file", Problem: err.Error(), Do: doSalvage})
		}
	}
	for what, into := range map[string]*int{"event": &r.Events, "incident": &r.Incidents} {
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM `+what).Scan(into); err != nil && len(r.Findings) == 0 {
			return r, explain(path, err)
		}
	}
	return r, nil
}

// openDamaged opens a store to read from, as it stands: nothing is migrated, and
// what cannot be read is left to those who read.
func openDamaged(ctx context.Context, path string) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	if err := existing(abs); err != nil {
		return nil, err
	}
	names, err := schema()
	if err != nil {
		return nil, err
	}
	if _, err := look(ctx, abs, len(names)); err != nil {
		return nil, explain(path, err)
	}
	db := &DB{path: abs}
	if db.readers, err = sql.Open("sqlite", readOnly(abs)); err != nil {
		return nil, explain(path, err)
	}
	if db.writer, err = sql.Open("sqlite", readOnly(abs)); err != nil {
		return nil, errors.Join(explain(path, err), db.readers.Close())
	}
	db.commits = newCommits(abs, db.readers)
	return db, nil
}

var inTree = regexp.MustCompile(`^Tree (\d+) `)

// integrity is what SQLite says of the file, with the names of tables.
func integrity(ctx context.Context, q queryer) ([]Finding, error) {
	rows, err := q.QueryContext(ctx, `PRAGMA integrity_check(`+strconv.Itoa(mostFindings)+`)`)
	if err != nil {
		return nil, err
	}
	lines, err := collect(rows, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) })
	var found []Finding
	for line := range strings.Lines(strings.Join(lines, "\n")) {
		line = strings.TrimSpace(line)
		if line == "" || line == "ok" || strings.HasPrefix(line, "***") { // a heading
			continue
		}
		f := Finding{Where: "the file", Problem: line, Do: doSalvage}
		if m := inTree.FindStringSubmatch(line); m != nil {
			f.Where = treeName(ctx, q, m[1])
		}
		found = append(found, f)
	}
	return found, err
}

// treeName is the table or index whose root is that page.
func treeName(ctx context.Context, q queryer, root string) string {
	var kind, name string
	if err := q.QueryRowContext(ctx, `SELECT type, name FROM sqlite_schema WHERE rootpage = ?`, root).Scan(&kind, &name); err != nil {
		return "the file"
	}
	return kind + " " + name
}

// references are rows that belong to others which are not there.
func references(ctx context.Context, q queryer) ([]Finding, error) {
	rows, err := q.QueryContext(ctx, `SELECT "table", coalesce(rowid, 0), parent FROM pragma_foreign_key_check() LIMIT `+strconv.Itoa(mostFindings))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (Finding, error) {
		var table, parent string
		var row int64
		err := rows.Scan(&table, &row, &parent)
		return Finding{Where: "table " + table, Problem: fmt.Sprintf("row %d belongs to a row of %s that is not there", row, parent), Do: doSalvage}, err
	})
}

// snapshots are kept series that no event of their kind tells of: nobody would
// find them. What is in them is not looked at.
func snapshots(ctx context.Context, q queryer) ([]Finding, error) {
	rows, err := q.QueryContext(ctx, `SELECT s.number, s.board FROM snapshot s LEFT JOIN event e ON e.seq = s.seq
		WHERE e.seq IS NULL OR e.kind <> ? OR coalesce(e.data ->> '$.event', '') <> s.event LIMIT `+strconv.Itoa(mostFindings), string(incident.EvidenceCaptured))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (Finding, error) {
		var number int64
		var board string
		err := rows.Scan(&number, &board)
		return Finding{Where: "table snapshot", Problem: fmt.Sprintf("row %d, of %.40q, is not what an %s event tells of", number, board, incident.EvidenceCaptured), Do: "restore it from a backup, or leave it: nothing else depends on it"}, err
	})
}

// capsules are recorded samples that no event of their kind tells of.
func capsules(ctx context.Context, q queryer) ([]Finding, error) {
	rows, err := q.QueryContext(ctx, `SELECT c.number FROM capsule c LEFT JOIN event e ON e.seq = c.seq
		WHERE e.seq IS NULL OR e.kind <> ? LIMIT `+strconv.Itoa(mostFindings), string(incident.EvidenceRecorded))
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (Finding, error) {
		var number int64
		err := rows.Scan(&number)
		return Finding{Where: "table capsule", Problem: fmt.Sprintf("row %d is not what an %s event tells of", number, incident.EvidenceRecorded), Do: "restore it from a backup, or leave it: nothing else depends on it"}, err
	})
}

// projections are the incidents whose cached state is not the fold of their events.
func projections(ctx context.Context, q queryer) ([]Finding, error) {
	folds, err := foldAll(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `SELECT id, over, state, seq FROM incident ORDER BY number`)
	if err != nil {
		return nil, err
	}
	type cached struct {
		id    incident.ID
		over  bool
		state string
		seq   int64
	}
	all, err := collect(rows, func(rows *sql.Rows) (c cached, err error) { return c, rows.Scan(&c.id, &c.over, &c.state, &c.seq) })
	if err != nil {
		return nil, err
	}
	var found []Finding
	known := map[incident.ID]bool{}
	for _, c := range all {
		known[c.id] = true
		inc, declared := folds[c.id]
		if !declared {
			found = append(found, Finding{string(c.id), "it is cached, and no event declares it", doRebuild})
			continue
		}
		want, err := json.Marshal(inc)
		if err != nil {
			return found, err
		}
		if c.over != inc.Status.Over() || c.seq != inc.Seq || !sameJSON(want, []byte(c.state)) {
			found = append(found, Finding{string(c.id), "its cached state is not what its events make", doRebuild})
		}
	}
	for _, id := range sortedIDs(folds) {
		if !known[id] {
			found = append(found, Finding{string(id), "its events declare it, and it is not cached", doRebuild})
		}
	}
	return found, nil
}

// sameJSON compares as values: another version may have written the fields in
// another order.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	ca, errA := json.Marshal(x)
	cb, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(ca, cb)
}
