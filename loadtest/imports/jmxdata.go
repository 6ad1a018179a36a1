package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mostData bounds a file of data, as the loader of plans does.
const mostData = 64 << 20

// rows takes over the data of the group: a plan has one file. It is named as it is where a
// plan can read it, and otherwise written anew beside the plan.
func (g *group) rows(p pair, s scope) {
	all := s.data
	for _, b := range p.below { // data of single requests or controllers is the group's here
		all = append(all, within(b)...)
	}
	for i, e := range all {
		if i > 0 {
			g.note(e, "not carried over: a plan has one file of data")
			continue
		}
		if err := g.table(e); err != nil {
			g.note(e, "the data is not carried over: %v; write data yourself", err)
		}
		if e.child("recycle") != nil && !e.flag("recycle") {
			g.note(e, "when the rows are used up they begin anew here; there no more are sent")
		}
		if mode := e.prop("shareMode"); !slices.Contains([]string{"", "shareMode.all", "All threads"}, mode) {
			g.note(e, "every arrival has the next row here; there rows are shared by %s", cut(strings.TrimPrefix(mode, "shareMode.")))
		}
	}
}

// within are the data sets below p.
func within(p pair) (all []*element) {
	for _, b := range p.below {
		if b.e.class() == "CSVDataSet" && b.e.enabled() {
			all = append(all, b.e)
		}
		all = append(all, within(b)...)
	}
	return all
}

func (g *group) table(e *element) error {
	name, _ := g.vars.text(strings.TrimSpace(e.prop("filename")), g.at(e))
	if name == "" {
		return errors.New("no file is named")
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(g.in.file), filepath.FromSlash(name))
	}
	names := splitNames(e.prop("variableNames"))
	comma := ','
	switch d := e.prop("delimiter"); {
	case d == `\t`:
		comma = '\t'
	case len([]rune(d)) == 1:
		comma = []rune(d)[0]
	}
	fail := func(err error) error {
		g.columns(names) // so that requests can name them once the file is there
		return err
	}
	src, err := readData(name)
	if err != nil {
		return fail(err)
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	in.Comma, in.LazyQuotes, in.FieldsPerRecord = comma, true, -1
	all, err := in.ReadAll()
	if err != nil {
		return fail(fmt.Errorf("%s: %w", filepath.Base(name), err))
	}
	headed := len(names) == 0 || e.flag("ignoreFirstLine")
	if headed && len(all) > 0 {
		if len(names) == 0 {
			names = all[0]
		}
		if ours := g.columns(names); comma == ',' && strings.EqualFold(filepath.Ext(name), ".csv") && slices.Equal(ours, all[0]) {
			g.draft.data = reachable(g.in.options.To, name)
			return nil
		}
		all = all[1:]
	}
	ours := g.columns(names)
	if len(all) == 0 || len(ours) == 0 {
		return errors.New("there are no rows in it, or no names for its columns")
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	err = w.Write(ours)
	for _, row := range all {
		for len(row) < len(ours) {
			row = append(row, "")
		}
		err = errors.Join(err, w.Write(row[:len(ours)]))
	}
	w.Flush()
	if err := errors.Join(err, w.Error()); err != nil {
		return err
	}
	g.draft.data = slug(base(name)) + "-data.csv"
	g.draft.files[g.draft.data] = out.Bytes()
	g.note(e, "its rows are written anew, with a line of names: %s", g.draft.data)
	return nil
}

func splitNames(text string) (names []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.Trim(strings.TrimSpace(name), `"`); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// columns makes the columns known to requests, by what they are called here.
func (g *group) columns(names []string) (ours []string) {
	for _, name := range names {
		column := variableName(name)
		for n := 2; slices.Contains(ours, column); n++ {
			column = fmt.Sprintf("%s_%d", variableName(name), n)
		}
		ours = append(ours, column)
		g.vars.row[name] = column
	}
	return ours
}

// readData reads a file that is neither endless nor a device.
func readData(name string) ([]byte, error) {
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
	src, err := io.ReadAll(io.LimitReader(f, mostData+1))
	if err = errors.Join(err, f.Close()); err == nil && len(src) > mostData {
		err = fmt.Errorf("%s has more than %d MiB", name, mostData>>20)
	}
	return src, err
}

// reachable is a file as a plan in the directory to names it.
func reachable(to, name string) string {
	abs, err := filepath.Abs(name)
	dir, err2 := filepath.Abs(to)
	if err != nil || err2 != nil {
		return name
	}
	if rel, err := filepath.Rel(dir, abs); err == nil {
		return rel
	}
	return abs
}
