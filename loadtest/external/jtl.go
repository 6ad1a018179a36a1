package external

import (
	"cmp"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// jtl reads results of JMeter, CSV or XML.
type jtl struct {
	tally    *tally
	live     bool                 // it is still being written, without parts of samples
	broken   int                  // rows that could not be read
	doubles  int64                // that others hold already
	cut      bool                 // the file ends within an element
	labels   map[string]bool      // of rows that count
	parts    map[string][]request // by label: rows that are parts of others, if there are such
	requests int
}

func newJTL(t *tally) *jtl {
	return &jtl{tally: t, labels: map[string]bool{}, parts: map[string][]request{}}
}

// sample is what JMeter tells of one sample.
type sample struct{ stamp, elapsed, success, label, code, message, failure string }

// mostCell bounds what one row, or one piece of XML, takes: a quote or an element that
// never ends is no reason to read the rest of a disk into memory.
const mostCell = 8 << 20

// bounded fails when more than mostCell bytes were read since left was set.
type bounded struct {
	in    io.Reader
	left  int
	ended bool
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("one row or element has more than %d MiB", mostCell>>20)
	}
	n, err := b.in.Read(p)
	b.left -= n
	b.ended = b.ended || errors.Is(err, io.EOF)
	return n, err
}

// csv reads rows below a line of names: which columns there are depends on how JMeter was
// told to write them.
func (j *jtl) csv(in io.Reader, comma rune) error {
	b := &bounded{in: in, left: mostCell}
	rows := csv.NewReader(b)
	rows.Comma, rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = comma, -1, true, true
	head, err := rows.Read()
	if err != nil {
		return err
	}
	at := map[string]int{}
	for i, name := range head {
		at[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, need := range []string{"timeStamp", "elapsed"} {
		if _, ok := at[need]; !ok {
			return fmt.Errorf("its first line names no column %s: let JMeter write the names (-Jjmeter.save.saveservice.print_field_names=true)", need)
		}
	}
	for {
		b.left = mostCell
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			return j.finish()
		case errors.As(err, new(*csv.ParseError)):
			j.broken++
			continue
		case err != nil:
			return err
		}
		get := func(name string) string {
			if i, ok := at[name]; ok && i < len(row) {
				return row[i]
			}
			return ""
		}
		s := sample{
			get("timeStamp"), get("elapsed"), cmp.Or(get("success"), "true"), strings.Clone(get("label")), get("responseCode"), get("responseMessage"), get("failureMessage"),
		}
		if err := j.add(s, false); err != nil {
			line, _ := rows.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// xml reads samples. Those within a sample of HTTP are parts of it, such as redirects; a
// sample of another kind, such as a transaction, is what it holds.
func (j *jtl) xml(in io.Reader) error {
	b := &bounded{in: in, left: mostCell}
	d := xml.NewDecoder(b)
	within, depth := 0, 0 // samples of HTTP around, elements around
	for {
		b.left = mostCell
		token, err := d.RawToken()
		switch {
		case err != nil && b.ended:
			j.cut = depth > 0
			return j.finish()
		case err != nil:
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			sampled := t.Name.Local == "httpSample"
			if (sampled || t.Name.Local == "sample") && within == 0 {
				if err := j.element(t, sampled); err != nil {
					line, _ := d.InputPos()
					return fmt.Errorf("line %d: %w", line, err)
				}
			} else if sampled {
				j.doubles++
			}
			if sampled {
				within++
			}
		case xml.EndElement:
			depth--
			if t.Name.Local == "httpSample" {
				within--
			}
		}
	}
}

func (j *jtl) element(e xml.StartElement, sampled bool) error {
	get := func(name string) string {
		for _, a := range e.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	s := sample{get("ts"), get("t"), cmp.Or(get("s"), "true"), get("lb"), get("rc"), get("rm"), ""}
	return j.add(s, !sampled)
}

// partLabel is how JMeter calls a part of a sample: by its label and a number.
var partLabel = regexp.MustCompile(`^(.+)-\d+$`)

// add counts a sample. Of another kind than HTTP, other is true: one that has no answer of
// its own, such as a transaction of several, is left out.
func (j *jtl) add(s sample, other bool) error {
	if strings.HasPrefix(s.message, "Number of samples in transaction") {
		j.doubles++
		return nil
	}
	if other && s.code == "" {
		return nil
	}
	start, ok := jtlTime(s.stamp)
	ms, err := strconv.ParseInt(s.elapsed, 10, 64)
	if !ok || err != nil {
		j.broken++
		return nil
	}
	r := request{start: start, took: time.Duration(min(max(ms, -1), loadtest.MaxDuration.Milliseconds()+1)) * time.Millisecond}
	if r.class = jtlClass(s); r.class != "" {
		r.sample = strings.TrimSpace(fmt.Sprintf("%s: %s %s", s.label, s.code, cmp.Or(s.failure, s.message)))
	}
	j.requests++
	if partLabel.MatchString(s.label) && !j.live {
		if j.requests > mostRequests {
			return fmt.Errorf("more than %d requests", mostRequests)
		}
		j.parts[s.label] = append(j.parts[s.label], r)
		return nil
	}
	j.labels[s.label] = true
	return j.tally.add(r)
}

// finish counts the rows whose label looks like that of a part, unless there is what they
// would be parts of.
func (j *jtl) finish() error {
	for label, all := range j.parts {
		of := partLabel.FindStringSubmatch(label)[1]
		if j.labels[of] || len(j.parts[of]) > 0 {
			j.doubles += int64(len(all))
			continue
		}
		for _, r := range all {
			if err := j.tally.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// jtlTime reads a time: milliseconds, or one of the two forms of a date that are in use,
// which tell no zone and are taken for UTC.
func jtlTime(text string) (time.Time, bool) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms), true
	}
	for _, form := range []string{"2006/01/02 15:04:05.000", "2006-01-02 15:04:05.000", "2006/01/02 15:04:05", "2006-01-02 15:04:05"} {
		if at, err := time.Parse(form, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// exceptions are classes by what is in the name of the exception of Java that a sample
// without a status has.
var exceptions = []struct {
	word  string
	class loadtest.Class
}{
	{"Timeout", loadtest.ClassTimeout},
	{"UnknownHost", loadtest.ClassDNS},
	{"SSL", loadtest.ClassTLS},
	{"NoHttpResponse", loadtest.ClassReset},
	{"BindException", loadtest.ClassLocal},
	{"NoRouteToHost", loadtest.ClassRefused},
	{"Connect", loadtest.ClassRefused},
	{"SocketException", loadtest.ClassReset},
}

// jtlClass is what a sample failed by; empty if it did not.
func jtlClass(s sample) loadtest.Class {
	if s.success == "true" {
		return ""
	}
	status, err := strconv.Atoi(s.code)
	switch {
	case err == nil && status >= 500:
		return loadtest.ClassServer
	case err == nil && status >= 400:
		return loadtest.ClassClient
	case err == nil:
		return loadtest.ClassExpect
	}
	for _, e := range exceptions {
		if strings.Contains(s.code, e.word) {
			return e.class
		}
	}
	return loadtest.ClassProtocol
}

// into tells what beside the requests was read.
func (j *jtl) into(r *loadtest.Result) {
	if j.broken > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d rows of JMeter could not be read, and count for nothing", j.broken))
	}
	if j.doubles > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d samples were left out, because others hold them: transactions, redirects and other parts", j.doubles))
	}
	if j.cut {
		r.Notes = append(r.Notes, "the file ends in the middle: JMeter was killed, or is still writing it")
	}
	local(r)
	r.Notes = append(r.Notes, "the time of a sample is taken for when it began (sampleresult.timestamp.start=true, as JMeter ships); milliseconds are all that JMeter tells")
}
