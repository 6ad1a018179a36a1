package external

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// mostSummary bounds a summary, which is read whole.
const mostSummary = 16 << 20

// Read makes a result of what k6 or JMeter has written: lines of `k6 run --out json`, a
// summary of k6, or a JTL as CSV or XML, any of them also compressed by gzip. It is of the
// plan of that name. Written is when the file was, for a summary says of no time.
func Read(in io.Reader, plan string, written time.Time) (loadtest.Result, error) {
	src := bufio.NewReaderSize(in, 64<<10)
	if magic, err := src.Peek(2); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(src)
		if err != nil {
			return loadtest.Result{}, fmt.Errorf("it begins as gzip does, and is none: %w", err)
		}
		src = bufio.NewReaderSize(z, 64<<10)
	}
	begin, err := src.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return loadtest.Result{}, err
	}
	text := bytes.TrimLeft(begin, "\ufeff \t\r\n")
	line, _, _ := bytes.Cut(text, []byte("\n"))
	switch {
	case len(text) == 0:
		return loadtest.Result{}, errors.New("the file is empty")
	case text[0] == '<':
		return readJTL(src, plan, (*jtl).xml)
	case text[0] == '{' && bytes.Contains(line, []byte(`"metric":"`)):
		return readPoints(src, plan)
	case text[0] == '{':
		return readSummary(src, plan, written)
	}
	comma, ok := separator(line)
	if !ok {
		return loadtest.Result{}, errors.New("it is neither JSON of k6 (--out json, --summary-export) nor a JTL of JMeter: XML, or CSV with a line of names, timeStamp and elapsed among them")
	}
	return readJTL(src, plan, func(j *jtl, in io.Reader) error { return j.csv(in, comma) })
}

// separator is what stands between the names of the columns of a JTL.
func separator(line []byte) (rune, bool) {
	for _, comma := range []string{",", "\t", ";"} {
		for name := range bytes.SplitSeq(line, []byte(comma)) {
			if string(bytes.Trim(name, "\" \r")) == "timeStamp" {
				return rune(comma[0]), true
			}
		}
	}
	return 0, false
}

// measured is the result of what read gives to a tally; told adds what else was in it.
func measured(engine, plan string, read func(*tally) (told func(*loadtest.Result), err error)) (loadtest.Result, error) {
	r := head(engine, plan)
	var seconds []loadtest.Second
	var rows []loadtest.Row
	t := newTally(func(s loadtest.Second, of []loadtest.Row) { seconds, rows = append(seconds, s), append(rows, of...) })
	told, err := read(t)
	if err != nil {
		return r, err
	}
	t.finish()
	r = t.into(r)
	r.Seconds, r.Rows = seconds, rows
	told(&r)
	if r.Requests == 0 {
		return r, errors.New("there is no request in it")
	}
	return r.Judged(false), nil
}

func readJTL(in io.Reader, plan string, read func(*jtl, io.Reader) error) (loadtest.Result, error) {
	return measured("JMeter", plan, func(t *tally) (func(*loadtest.Result), error) {
		j := newJTL(t)
		return j.into, read(j, in)
	})
}

func readPoints(in io.Reader, plan string) (loadtest.Result, error) {
	return measured("k6", plan, func(t *tally) (func(*loadtest.Result), error) {
		k := &k6Points{tally: t}
		return k.into, k.read(in)
	})
}

func readSummary(in io.Reader, plan string, written time.Time) (loadtest.Result, error) {
	r := head("k6", plan)
	src, err := io.ReadAll(io.LimitReader(in, mostSummary+1))
	if err == nil && len(src) > mostSummary {
		err = fmt.Errorf("a summary of more than %d MiB", mostSummary>>20)
	}
	if err != nil {
		return r, err
	}
	s, err := readK6Summary(src)
	if err == nil {
		err = s.into(&r)
	}
	if err != nil {
		return r, err
	}
	r.StartedAt = written.Add(-time.Duration(r.DurationSeconds * float64(time.Second))).UTC()
	r.Notes = append(r.Notes, "when it ran is taken from when the file was written")
	return r.Judged(false), nil
}
