package external

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/loadtest"
)

// k6Point is a line of `k6 run --out json=FILE`. The time of a duration is that of the
// answer. Source: grafana/k6, output/json/wrapper.go.
type k6Point struct {
	Metric string `json:"metric"`
	Type   string `json:"type"`
	Data   struct {
		Time  time.Time         `json:"time"`
		Value float64           `json:"value"`
		Tags  map[string]string `json:"tags"`
	} `json:"data"`
}

// Of the thirteen lines that k6 writes for a request one is read: the others are passed
// over by their bytes.
var (
	durationLine = []byte(`"metric":"http_req_duration"`)
	droppedLine  = []byte(`"metric":"dropped_iterations"`)
	pointLine    = []byte(`"type":"Point"`)
)

// longestLine bounds a line of a file of k6: the URL of a request is in it, more than once.
const longestLine = 1 << 20

// k6Points is what was read of them beside the requests.
type k6Points struct {
	dropped int64 // iterations that found no free user
	broken  int   // lines that could not be read
	tally   *tally
}

// read reads lines until they end. What is no line of k6 is counted and passed over: a k6
// that is killed leaves half of one.
func (k *k6Points) read(in io.Reader) error {
	lines := bufio.NewReaderSize(in, longestLine)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("line %d has more than %d bytes", n, longestLine)
		}
		if bad := k.line(line); bad != nil {
			return fmt.Errorf("line %d: %w", n, bad)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (k *k6Points) line(line []byte) error {
	duration := bytes.Contains(line, durationLine)
	if !duration && !bytes.Contains(line, droppedLine) || !bytes.Contains(line, pointLine) {
		return nil
	}
	var p k6Point
	if err := json.Unmarshal(line, &p); err != nil {
		k.broken++
		return nil
	}
	if !duration {
		k.dropped += int64(p.Data.Value)
		return nil
	}
	took := time.Duration(p.Data.Value * float64(time.Millisecond))
	r := request{start: p.Data.Time.Add(-took), took: took}
	if r.class = k6Class(p.Data.Tags); r.class != "" {
		t := p.Data.Tags
		r.sample = strings.TrimSpace(t["method"] + " " + cmp.Or(t["name"], t["url"]) + ": " + cmp.Or(t["error"], "status "+cmp.Or(t["status"], "unknown")))
	}
	return k.tally.add(r)
}

// k6Class is what a request failed by, by its tags; empty if it did not. Source for the
// codes: grafana.com/docs/k6, "Error codes".
func k6Class(tags map[string]string) loadtest.Class {
	status, _ := strconv.Atoi(tags["status"])
	if expected := tags["expected_response"]; expected == "true" || expected == "" && status >= 100 && status < 400 {
		return ""
	}
	code, _ := strconv.Atoi(tags["error_code"])
	switch {
	case status >= 500:
		return loadtest.ClassServer
	case status >= 400:
		return loadtest.ClassClient
	case status >= 100:
		return loadtest.ClassExpect
	case code == 1050, code == 1211:
		return loadtest.ClassTimeout
	case code == 1110, code == 1111: // kept from going there
		return loadtest.ClassLocal
	case code >= 1100 && code < 1200:
		return loadtest.ClassDNS
	case code == 1212:
		return loadtest.ClassRefused
	case code >= 1200 && code < 1300:
		return loadtest.ClassReset
	case code >= 1300 && code < 1400:
		return loadtest.ClassTLS
	}
	return loadtest.ClassProtocol
}

// into tells what beside the requests was read.
func (k *k6Points) into(r *loadtest.Result) {
	if k.broken > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d lines of k6 could not be read, and count for nothing", k.broken))
	}
	switch n := k.dropped; {
	case n > r.Requests/100:
		blame(r, "generator: k6 has dropped %d iterations, because all of its users were busy: this is not the load that was asked for", n)
	case n > 0:
		r.Reasons = append(r.Reasons, fmt.Sprintf("generator: k6 has dropped %d iterations, because all of its users were busy", n))
	}
	local(r)
	r.Notes = append(r.Notes, "k6 leaves connecting and the handshake of TLS out of its response times: a request that found no connection counts with 0")
}
