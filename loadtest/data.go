package loadtest

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The bounds of files that a plan names.
const (
	maxDataFile = 64 << 20
	maxRows     = 1_000_000
	maxColumns  = 100
)

// Data is a file of rows, one for each arrival: CSV with a line of names, or JSON
// Lines, by the file's ending. The zero value is none.
type Data struct {
	File  string `yaml:"file"`
	Order string `yaml:"order"` // round (the default) or random
	Seed  int64  `yaml:"seed"`  // of random: the same seed deals the same rows
}

// table is a data file that was read. It is read whole when a run begins, so that what
// becomes of the file later changes nothing.
type table struct {
	columns []string
	rows    [][]string
	random  bool
	seed    uint64
}

// row is the one of arrival n.
func (t *table) row(n int64) []string {
	if t == nil {
		return nil
	}
	at := uint64(n)
	if t.random {
		at = mix(t.seed + uint64(n)*0x9e3779b97f4a7c15)
	}
	return t.rows[at%uint64(len(t.rows))]
}

func (t *table) index() map[string]int {
	index := map[string]int{}
	if t != nil {
		for i, c := range t.columns {
			index[c] = i
		}
	}
	return index
}

// mix is splitmix64's finisher: neighbours in, strangers out.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// read reads the rows; dir is where relative names begin.
func (d Data) read(dir string) (*table, error) {
	if d.File == "" {
		return nil, nil
	}
	src, err := readBeside(dir, d.File, maxDataFile)
	if err != nil {
		return nil, err
	}
	t := &table{random: d.Order == "random", seed: uint64(d.Seed)}
	if strings.EqualFold(filepath.Ext(d.File), ".csv") {
		err = t.readCSV(src)
	} else {
		err = t.readJSONL(src)
	}
	if err == nil && len(t.rows) == 0 {
		err = errors.New("there are no rows in it")
	}
	if err != nil {
		return nil, fmt.Errorf("data file %s: %w", d.File, err)
	}
	return t, nil
}

// readBeside reads a file that is neither endless nor a device.
func readBeside(dir, name string, most int64) (src []byte, err error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err = io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(src)) > most {
		err = fmt.Errorf("%s has more than %d MiB", name, most>>20)
	}
	return src, err
}

func (t *table) readCSV(src []byte) error {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	for {
		row, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err // with line and column
		case t.columns == nil:
			if err := t.head(row); err != nil {
				return err
			}
			continue
		case len(t.rows) == maxRows:
			return fmt.Errorf("more than %d rows", maxRows)
		}
		t.rows = append(t.rows, row)
	}
}

// head takes the names of the columns.
func (t *table) head(names []string) error {
	if len(names) > maxColumns {
		return fmt.Errorf("%d columns; at most %d are allowed", len(names), maxColumns)
	}
	for i, n := range names {
		switch {
		case !nameForm.MatchString(n):
			return fmt.Errorf("line 1: column %d is called %.40q; a name has letters, digits and _", i+1, n)
		case n == seqName:
			return fmt.Errorf("line 1: the column %s has the name of the arrival's number; call it something else", n)
		case slices.Contains(names[:i], n):
			return fmt.Errorf("line 1: two columns are called %s", n)
		}
	}
	t.columns = names
	return nil
}

// readJSONL takes the columns from the first line; others must have the same.
func (t *table) readJSONL(src []byte) error {
	lines := bufio.NewScanner(bytes.NewReader(src))
	lines.Buffer(nil, maxBody)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var object map[string]any
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		if err := d.Decode(&object); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if t.columns == nil {
			if err := t.head(sortedKeys(object)); err != nil {
				return err
			}
		}
		if len(t.rows) == maxRows {
			return fmt.Errorf("more than %d rows", maxRows)
		}
		row := make([]string, len(t.columns))
		for i, c := range t.columns {
			v, ok := object[c]
			if !ok {
				return fmt.Errorf("line %d has no %q, which the first line has", n, c)
			}
			row[i] = plain(v)
		}
		t.rows = append(t.rows, row)
	}
	return lines.Err()
}
