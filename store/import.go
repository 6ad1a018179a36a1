package store

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Imported is what became of the rows of an export.
type Imported struct {
	Rows    int
	LeftOut []string // rows of a damaged store that fit into no table, and why
}

// Import makes a new store at path of what Export or Salvage wrote. The file
// appears when everything is in it, or not at all; an existing store is never
// written to. Errors name the line.
func Import(ctx context.Context, path string, r io.Reader) (in Imported, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	if info, err := os.Lstat(abs); err == nil && (info.Size() > 0 || !info.Mode().IsRegular()) {
		return in, fmt.Errorf("import to %s: the file exists; an import makes a new store, name it with --db", path)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	p, err := findPlace(abs)
	if err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	// In a folder of its own: SQLite's journal stands beside the file.
	dir, err := os.MkdirTemp(filepath.Dir(abs), ".import-")
	if err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	part := filepath.Join(dir, filepath.Base(abs))
	if in, err = fill(ctx, part, r); err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	if err := os.Chmod(part, p.mode()); err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	if err := os.Remove(abs); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was empty
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	if err := os.Link(part, abs); err != nil {
		return in, fmt.Errorf("import to %s: %w", path, err)
	}
	return in, syncDir(filepath.Dir(abs))
}

// fill makes the store with the schema that the rows are of, puts them in, and
// brings it up to date.
func fill(ctx context.Context, path string, r io.Reader) (done Imported, err error) {
	in := &importer{r: bufio.NewReaderSize(r, 64<<10), inserts: map[string]*insert{}}
	names, err := schema()
	if err != nil {
		return done, err
	}
	h, err := in.head(len(names))
	if err != nil {
		return done, err
	}
	p, err := makeFile(path)
	if err != nil {
		return done, err
	}
	db, err := connect(ctx, path, p, names[:h.Schema], header{})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.writer.BeginTx(ctx, nil) // not write, whose statements are those of the newest schema
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, rollback(tx)) }()
	if _, err := tx.ExecContext(ctx, `DELETE FROM meta`); err != nil {
		return done, err
	}
	if err := in.rows(ctx, tx); err != nil {
		return in.done, err
	}
	if err := tx.Commit(); err != nil {
		return in.done, err
	}
	if err := db.migrate(ctx, names); err != nil {
		return in.done, err
	}
	_, err = db.Rebuild(ctx)
	return in.done, err
}

type importer struct {
	r        *bufio.Reader
	number   int // of the line that was read last
	salvaged bool
	done     Imported
	inserts  map[string]*insert
}

// insert is how a row of a table is put in.
type insert struct {
	statement *sql.Stmt
	columns   []string
}

func (in *importer) fail(format string, args ...any) error {
	return fmt.Errorf("line %d: %w", in.number, fmt.Errorf(format, args...))
}

// longestLine bounds what a file that is no export can make us hold, in bytes.
// The largest rows, 4 MiB of data and its evidence, are far below it.
const longestLine = 64 << 20

// next is the next line, without its end.
func (in *importer) next() (text []byte, err error) {
	in.number++
	for more := true; more; {
		var part []byte
		part, err = in.r.ReadSlice('\n')
		if len(text)+len(part) > longestLine {
			return nil, fmt.Errorf("it is longer than %d bytes, and no row is", longestLine)
		}
		text = append(text, part...)
		more = errors.Is(err, bufio.ErrBufferFull)
	}
	if errors.Is(err, io.EOF) && len(bytes.TrimSpace(text)) > 0 {
		err = nil // the foot says whether that was all
	}
	return bytes.TrimSpace(text), err
}

func (in *importer) head(known int) (h head, err error) {
	text, err := in.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return h, in.fail("%w", err)
	}
	if json.Unmarshal(text, &h) != nil || h.Sitrep != "store" {
		return h, in.fail("this is no export of a sitrep store (sitrep store export writes one)")
	}
	if h.Format > format || h.Schema > known {
		return h, in.fail("the export has format %d and schema %d, this sitrep knows %d and %d: it was written by a newer sitrep, use that one", h.Format, h.Schema, format, known)
	}
	if h.Format < 1 || h.Schema < 1 {
		return h, in.fail("format %d and schema %d are none that any sitrep wrote", h.Format, h.Schema)
	}
	in.salvaged = h.Salvaged
	return h, nil
}

// rows puts every row in, until the foot.
func (in *importer) rows(ctx context.Context, tx *sql.Tx) error {
	for {
		text, err := in.next()
		if errors.Is(err, io.EOF) {
			return in.fail("the export ends without its last line: it is not whole")
		}
		if err != nil {
			return in.fail("%w", err)
		}
		var l struct {
			Table string                     `json:"table"`
			Row   map[string]json.RawMessage `json:"row"`
			foot
		}
		if err := json.Unmarshal(text, &l); err != nil {
			return in.fail("not JSON: %w", err)
		}
		if l.End {
			if here := in.done.Rows + len(in.done.LeftOut); l.Rows != here {
				return in.fail("the export had %d rows, and %d are here", l.Rows, here)
			}
			return nil
		}
		switch err := in.put(ctx, tx, l.Table, l.Row); {
		case in.salvaged && isUnfit(err):
			in.done.LeftOut = append(in.done.LeftOut, in.fail("%w", err).Error())
		case err != nil:
			return in.fail("%w", err)
		default:
			in.done.Rows++
		}
	}
}

// isUnfit says whether err is a constraint that a row does not meet.
func isUnfit(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}

func (in *importer) put(ctx context.Context, tx *sql.Tx, table string, row map[string]json.RawMessage) error {
	to, err := in.into(ctx, tx, table)
	if err != nil {
		return err
	}
	values := make([]any, len(to.columns))
	for i, c := range to.columns {
		raw, given := row[c]
		if !given {
			return fmt.Errorf("table %s: the column %s is missing", table, c)
		}
		delete(row, c)
		if values[i], err = imported(c, raw); err != nil {
			return fmt.Errorf("table %s, column %s: %w", table, c, err)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(row)) {
		return fmt.Errorf("table %s has no column %q", table, c)
	}
	if _, err := to.statement.ExecContext(ctx, values...); err != nil {
		return fmt.Errorf("table %s: %w", table, err)
	}
	return nil
}

// into is the statement for a table; only those that are exported are written to.
func (in *importer) into(ctx context.Context, tx *sql.Tx, name string) (*insert, error) {
	if to, ok := in.inserts[name]; ok {
		return to, nil
	}
	if !slices.ContainsFunc(tables(), func(t table) bool { return t.name == name }) {
		return nil, fmt.Errorf("there is no table %q", name)
	}
	rows, err := tx.QueryContext(ctx, `SELECT name FROM pragma_table_info(?)`, name)
	if err != nil {
		return nil, err
	}
	to := &insert{}
	if to.columns, err = collect(rows, func(rows *sql.Rows) (c string, err error) { return c, rows.Scan(&c) }); err != nil {
		return nil, err
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(to.columns)), ", ")
	to.statement, err = tx.PrepareContext(ctx, `INSERT INTO `+name+` (`+strings.Join(to.columns, ", ")+`) VALUES (`+marks+`)`)
	in.inserts[name] = to
	return to, err
}

// imported is the value that exported made raw of.
func imported(column string, raw json.RawMessage) (any, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case bytes.Equal(raw, []byte("null")):
		return nil, nil
	case isJSON(column):
		return string(raw), nil
	case len(raw) > 0 && raw[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case len(raw) > 0 && raw[0] == '{':
		var b bytesOf
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, err
		}
		switch {
		case b.Blob != nil:
			return base64.StdEncoding.DecodeString(*b.Blob)
		case b.Text != nil:
			text, err := base64.StdEncoding.DecodeString(*b.Text)
			return string(text), err
		}
	}
	var n int64
	if json.Unmarshal(raw, &n) == nil {
		return n, nil
	}
	var x float64
	if err := json.Unmarshal(raw, &x); err != nil {
		return nil, fmt.Errorf("%.40s is no value of a row", raw)
	}
	return x, nil
}
