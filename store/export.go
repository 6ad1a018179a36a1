package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// format is the version of the lines that Export writes. The rows are those of
// the schema that the first line names.
const format = 1

// An export is JSON Lines: the head, a line for every row, the foot. Rows are in
// the order of their keys and columns in that of their names, so that an export
// of an import is the same, byte for byte.
type (
	head struct {
		Sitrep   string `json:"sitrep"` // "store"
		Format   int    `json:"format"`
		Schema   int    `json:"schema"`             // user_version
		Salvaged bool   `json:"salvaged,omitempty"` // of a damaged file: some rows may not be what they should
	}
	line struct {
		Table string         `json:"table"`
		Row   map[string]any `json:"row"`
	}
	foot struct {
		End  bool `json:"end"`
		Rows int  `json:"rows"`
	}
)

// table is one that is exported, and the order of its rows. Parents come before
// those that refer to them. The cached states of incidents, the lease and
// how the sinks are doing are left out: the first are made of the events, the
// others are of the moment.
type table struct {
	name, order string
	parent      string // the table, and
	child, key  string // the column here that names a value of its key
	rowid       bool
}

func tables() []table {
	return []table{
		{name: "meta", order: "name", rowid: true},
		{name: "counter", order: "name", rowid: true},
		{name: "event", order: "seq", rowid: true},
		{name: "evidence", order: "seq", parent: "event", child: "seq", key: "seq", rowid: true},
		{name: "snapshot", order: "number", parent: "event", child: "seq", key: "seq", rowid: true},
		{name: "capsule", order: "number", parent: "event", child: "seq", key: "seq", rowid: true},
		{name: "message", order: "seq", rowid: true},
		{name: "watch", order: "incident", rowid: true},
		{name: "load_run", order: "id", rowid: true},
		{name: "load_row", order: "run, second, stage, warmup", parent: "load_run", child: "run", key: "id", rowid: true},
		{name: "load_second", order: "run, second", parent: "load_run", child: "run", key: "id"},
		{name: "load_baseline", order: "plan"},
		{name: "load_knee", order: "run", rowid: true},
		{name: "slo", order: "number", rowid: true},
		{name: "slo_slot", order: "slo, start", parent: "slo", child: "slo", key: "number"},
		{name: "postmortem", order: "number", rowid: true},
		{name: "postmortem_revision", order: "postmortem, version", parent: "postmortem", child: "postmortem", key: "id", rowid: true},
		{name: "outbound_issue", order: "postmortem, item, forge, place", parent: "postmortem", child: "postmortem", key: "id", rowid: true},
	}
}

// isJSON says that a column holds JSON, which is exported as such.
func isJSON(column string) bool {
	return slices.Contains([]string{"data", "body", "payload", "summary"}, column)
}

// Export writes everything that the store holds to w, as one moment of it: JSON
// Lines that Import reads. It returns the number of rows.
func (db *DB) Export(ctx context.Context, w io.Writer) (n int, err error) {
	tx, err := db.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, explain(db.path, err)
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	out := newExporter(w)
	if err := out.head(ctx, tx, false); err != nil {
		return 0, explain(db.path, err)
	}
	for _, t := range tables() {
		rows, err := tx.QueryContext(ctx, `SELECT * FROM `+t.name+` ORDER BY `+t.order)
		if err != nil {
			return out.rows, explain(db.path, err)
		}
		if err := out.all(t.name, rows, nil); err != nil {
			return out.rows, fmt.Errorf("export table %s: %w", t.name, explain(db.path, err))
		}
	}
	return out.rows, out.foot()
}

// exporter writes the lines.
type exporter struct {
	w    *bufio.Writer
	json *json.Encoder
	rows int
}

func newExporter(w io.Writer) *exporter {
	b := bufio.NewWriterSize(w, 64<<10)
	e := &exporter{w: b, json: json.NewEncoder(b)}
	e.json.SetEscapeHTML(false) // what stands in the store is what is written
	return e
}

func (e *exporter) head(ctx context.Context, q queryer, salvaged bool) error {
	h := head{Sitrep: "store", Format: format, Salvaged: salvaged}
	if err := q.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&h.Schema); err != nil {
		return err
	}
	return e.json.Encode(h)
}

func (e *exporter) foot() error {
	if err := e.json.Encode(foot{true, e.rows}); err != nil {
		return err
	}
	return e.w.Flush()
}

// all writes rows, those that keep agrees to (nil is all), and closes them.
func (e *exporter) all(table string, rows *sql.Rows, keep func(map[string]any) bool) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make(map[string]any, len(columns))
		for i, c := range columns {
			row[c] = exported(c, values[i])
		}
		if keep != nil && !keep(row) {
			continue
		}
		if err := e.json.Encode(line{table, row}); err != nil {
			return err
		}
		e.rows++
	}
	return rows.Err()
}

// bytesOf is a value that JSON has no form for: a blob, or text that is not
// UTF-8 and must not come back as another one.
type bytesOf struct {
	Blob *string `json:"blob,omitempty"` // base64
	Text *string `json:"text,omitempty"` // base64
}

func exported(column string, v any) any {
	switch v := v.(type) {
	case []byte:
		s := base64.StdEncoding.EncodeToString(v)
		return bytesOf{Blob: &s}
	case string:
		if isJSON(column) && utf8.ValidString(v) && json.Valid([]byte(v)) {
			return json.RawMessage(v)
		}
		if !utf8.ValidString(v) {
			s := base64.StdEncoding.EncodeToString([]byte(v))
			return bytesOf{Text: &s}
		}
	}
	return v
}

// Salvage is Export for a damaged file at path: it writes what can be read and
// returns what cannot, which may be nothing. The error says that nothing could be
// written at all, or that w failed.
func Salvage(ctx context.Context, path string, w io.Writer) (n int, lost []Finding, err error) {
	db, err := openDamaged(ctx, path)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &salvage{db: db, out: newExporter(w), saved: map[string]map[string]bool{}}
	if err := s.out.head(ctx, db.readers, true); err != nil {
		return 0, nil, explain(path, err)
	}
	for _, t := range tables() {
		if err := s.table(ctx, t); err != nil {
			return s.out.rows, s.lost, err
		}
	}
	return s.out.rows, s.lost, s.out.foot()
}

type salvage struct {
	db    *DB
	out   *exporter
	saved map[string]map[string]bool // by table: the keys that others refer to
	lost  []Finding
}

// table writes the rows of t that can be read and whose parents could be.
func (s *salvage) table(ctx context.Context, t table) error {
	orphans := 0
	keep := func(row map[string]any) bool {
		if t.parent != "" && !s.saved[t.parent][fmt.Sprint(row[t.child])] {
			orphans++
			return false
		}
		for _, other := range tables() {
			if other.parent == t.name {
				if s.saved[t.name] == nil {
					s.saved[t.name] = map[string]bool{}
				}
				s.saved[t.name][fmt.Sprint(row[other.key])] = true
			}
		}
		return true
	}
	var err error
	if t.rowid {
		err = s.byRow(ctx, t, keep)
	} else {
		err = s.byParent(ctx, t, keep)
	}
	if orphans > 0 {
		s.lose(t, "%s left out: the row of %s that they belong to is lost", rowsOf(orphans), t.parent)
	}
	return err
}

func (s *salvage) lose(t table, format string, args ...any) {
	s.lost = append(s.lost, Finding{Where: "table " + t.name, Problem: fmt.Sprintf(format, args...), Do: "restore what is missing from a backup"})
}

func rowsOf(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return strconv.Itoa(n) + " rows are"
}

// byRow reads a table in the order of its rows and steps over what is damaged.
func (s *salvage) byRow(ctx context.Context, t table, keep func(map[string]any) bool) error {
	first, last, err := s.bounds(ctx, t.name)
	if err != nil {
		s.lose(t, "nothing can be read: %v", err)
		return ctx.Err()
	}
	var holes []string
	for from := first; from <= last; {
		rest, err := s.read(ctx, t.name, from, last, keep)
		if err != nil {
			return err
		}
		if rest > last {
			break
		}
		// Damage: the next row that can be read is found by ever longer steps, and
		// then the first of them by halves.
		next := s.afterDamage(ctx, t.name, rest, last)
		holes = append(holes, span(rest, next-1))
		from = next
	}
	if len(holes) > 0 {
		s.lose(t, "cannot be read: rows %s", strings.Join(holes, ", "))
	}
	return ctx.Err()
}

func span(from, to int64) string {
	if from == to {
		return strconv.FormatInt(from, 10)
	}
	return fmt.Sprintf("%d-%d", from, to)
}

// bounds are the rows that a table may have. A damaged last page hides the last
// one, and then every row that can be asked for is asked for.
func (s *salvage) bounds(ctx context.Context, name string) (first, last int64, err error) {
	if err := s.db.readers.QueryRowContext(ctx, `SELECT coalesce(max(rowid), 0) FROM `+name).Scan(&last); err != nil {
		if ctx.Err() != nil {
			return 0, 0, err
		}
		last = 1
		for step := int64(1); step < 1<<40; step *= 2 { // the highest that is known to be there
			var at int64
			if s.db.readers.QueryRowContext(ctx, `SELECT rowid FROM `+name+` WHERE rowid = ?`, step).Scan(&at) == nil {
				last = step
			}
		}
		last *= 2
	}
	if err := s.db.readers.QueryRowContext(ctx, `SELECT coalesce(min(rowid), 0) FROM `+name).Scan(&first); err != nil {
		first = 1
	}
	return first, last, nil
}

// read writes rows from..to until one cannot be read and returns that one, or a
// row after to.
func (s *salvage) read(ctx context.Context, name string, from, to int64, keep func(map[string]any) bool) (rest int64, err error) {
	rest = from
	rows, err := s.db.readers.QueryContext(ctx, `SELECT rowid AS _rowid_, * FROM `+name+` WHERE rowid BETWEEN ? AND ? ORDER BY rowid`, from, to)
	if err == nil {
		err = s.out.all(name, rows, func(row map[string]any) bool {
			rest = row["_rowid_"].(int64) + 1
			delete(row, "_rowid_")
			return keep(row)
		})
	}
	switch {
	case ctx.Err() != nil:
		return rest, ctx.Err()
	case err == nil:
		return to + 1, nil
	case isDamage(err):
		return rest, nil
	}
	return rest, err
}

// afterDamage is the first row after from that can be read, or last+1.
func (s *salvage) afterDamage(ctx context.Context, name string, from, last int64) int64 {
	step := int64(1)
	for !s.readable(ctx, name, from+step, last) {
		if from+step > last {
			return last + 1
		}
		step *= 2
	}
	lo, hi := from+step/2, from+step // lo cannot be read, hi can
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; s.readable(ctx, name, mid, last) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return min(hi, last+1)
}

// readable says whether the first row at or after from can be read.
func (s *salvage) readable(ctx context.Context, name string, from, last int64) bool {
	rows, err := s.db.readers.QueryContext(ctx, `SELECT * FROM `+name+` WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT 1`, from, last)
	if err != nil {
		return false
	}
	found := 0
	for rows.Next() {
		found++
	}
	return errors.Join(rows.Err(), rows.Close()) == nil && found > 0
}

// byParent reads a table without row numbers, the rows of one parent at a time.
func (s *salvage) byParent(ctx context.Context, t table, keep func(map[string]any) bool) error {
	var lost []string
	for key := range s.saved[t.parent] {
		lost = append(lost, key)
	}
	slices.Sort(lost)
	lost = slices.DeleteFunc(lost, func(key string) bool {
		rows, err := s.db.readers.QueryContext(ctx, `SELECT * FROM `+t.name+` WHERE `+t.child+` = ? ORDER BY `+t.order, key)
		if err == nil {
			err = s.out.all(t.name, rows, keep)
		}
		return err == nil
	})
	if len(lost) > 0 {
		s.lose(t, "cannot be read, or not all of it: %s", strings.Join(lost, ", "))
	}
	return ctx.Err()
}
