package store

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/sitrep-dev/sitrep/incident"
)

// existing refuses a path at which there is no store to read.
func existing(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("open store %s: %w", path, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("open store %s: it is %s; give a file with --db", path, kind(info.Mode()))
	case info.Size() == 0:
		return fmt.Errorf("open store %s: the file is empty", path)
	}
	return nil
}

// readOnly reads a store that others may be writing to; one without a journal is
// read as it stands, and nothing is put beside it.
func readOnly(path string) string {
	if !hasJournal(path) {
		return still(path)
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_dqs=0"}).String()
}

// isDamage says whether err is what a damaged page or row comes out as.
func isDamage(err error) bool {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// number is that of INC-7: 7.
func number(id incident.ID) int {
	n, err := strconv.Atoi(string(id[min(len(id), len("INC-")):]))
	if err != nil {
		return 0
	}
	return n
}
