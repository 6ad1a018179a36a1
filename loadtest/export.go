package loadtest

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// WriteCSV writes a line for every second, its time in UTC, rates per second and response
// times in seconds. Errors have a column for each class that the run had.
func (r Result) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	known := slices.Sorted(maps.Keys(classes(r.Seconds)))
	head := []string{"run", "time", "second", "warmup", "requested", "sent", "answered", "ok", "errors", "in_flight", "connections", "p50", "p90", "p95", "p99", "p999", "max", "mean"}
	for _, c := range known {
		head = append(head, "errors_"+string(c))
	}
	if err := out.Write(head); err != nil {
		return err
	}
	whole := func(n int64) string { return strconv.FormatInt(n, 10) }
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
	for _, s := range r.Seconds {
		l := s.Latency
		row := []string{
			r.Run, r.StartedAt.Add(time.Duration(s.Second) * time.Second).UTC().Format(time.RFC3339Nano), strconv.Itoa(s.Second), strconv.FormatBool(s.Warmup),
			strconv.FormatFloat(s.Requested, 'f', 3, 64), whole(s.Sent), whole(s.Requests), whole(s.OK()), whole(s.Errors), strconv.Itoa(s.InFlight), strconv.Itoa(s.Connections),
			seconds(l.P50), seconds(l.P90), seconds(l.P95), seconds(l.P99), seconds(l.P999), seconds(l.Max), seconds(l.Mean),
		}
		for _, c := range known {
			row = append(row, whole(s.ErrorsByClass[c].Count))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
