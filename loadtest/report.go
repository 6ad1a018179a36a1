package loadtest

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// WriteText writes the result for people: plain text of at most 80 columns,
// the verdict first.
func (r Result) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	r.writeVerdict(b)
	r.writeTotals(b)
	r.writeLatencies(b)
	r.writeThresholds(b)
	r.writeStages(b)
	r.writeErrors(b)
	return b.Flush()
}

func (r Result) writeVerdict(w io.Writer) {
	head := strings.ToUpper(string(r.Verdict))
	for _, s := range []string{r.Run, r.Plan, r.StartedAt.UTC().Format("2006-01-02 15:04:05Z")} {
		if s != "" {
			head += "  " + s
		}
	}
	fmt.Fprintln(w, clip(head, 80))
	for _, reason := range r.Reasons {
		for _, line := range wrap(reason, 76) {
			fmt.Fprintf(w, "    %s\n", line)
		}
	}
	for _, note := range r.Notes {
		for i, line := range wrap(note, 76) {
			fmt.Fprintf(w, "%-4s%s\n", map[bool]string{true: "  !"}[i == 0], line)
		}
	}
	fmt.Fprintln(w)
}

func (r Result) writeTotals(w io.Writer) {
	for _, row := range r.totalRows() {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-10s %14s  %8s", row[0], row[1], row[2]), " "))
	}
	fmt.Fprintln(w)
}

// totalRows are the totals: name, value, note.
func (r Result) totalRows() [][3]string {
	share := "-"
	if r.RequestedRate > 0 {
		share = percent(r.AchievedRate / r.RequestedRate)
	}
	requested := fmt.Sprintf("%.1f/s", r.RequestedRate)
	if r.Model == "closed" {
		requested = "by users"
	}
	var by [][3]string
	if r.Engine != "" {
		by = [][3]string{{"engine", clip(r.Engine, 30), ""}}
	}
	return append(by, [][3]string{
		{"measured", fmt.Sprintf("%.1f s", r.DurationSeconds), ""},
		{"requested", requested, ""},
		{"achieved", fmt.Sprintf("%.1f/s", r.AchievedRate), share},
		{"requests", grouped(r.Requests), ""},
		{"errors", grouped(r.Errors), percent(r.ErrorRatio)},
		{"generator", string(r.Generator), ""},
	}...)
}

func (r Result) writeLatencies(w io.Writer) {
	fmt.Fprintf(w, "%-10s", "")
	for _, h := range []string{"p50", "p90", "p95", "p99", "p99.9", "max", "mean"} {
		fmt.Fprintf(w, " %9s", h)
	}
	fmt.Fprintln(w)
	for _, row := range r.latencyRows() {
		fmt.Fprintf(w, "%-10s", row.name)
		for _, d := range []time.Duration{row.l.P50, row.l.P90, row.l.P95, row.l.P99, row.l.P999, row.l.Max, row.l.Mean} {
			fmt.Fprintf(w, " %9s", short(d))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, strings.Join(wrap(r.measuredFrom(), 64), "\n"))
}

// measuredFrom says what the times of latencyRows are.
func (r Result) measuredFrom() string {
	if r.Engine != "" {
		return "response: from when it was sent; when it was due is not known"
	}
	return "response: from when it was due; service: from when it was sent; lag: how late the generator was"
}

type latencyRow struct {
	name string
	l    Latency
}

// latencyRows are the times that were measured. Another engine tells one of them.
func (r Result) latencyRows() []latencyRow {
	rows := []latencyRow{{"response", r.Latency}, {"service", r.Service}, {"lag", r.Lag}}
	if r.Engine != "" {
		return rows[:1]
	}
	return rows
}

func (r Result) writeThresholds(w io.Writer) {
	if len(r.Thresholds) == 0 {
		return
	}
	fmt.Fprintln(w, "\nthresholds")
	for _, t := range r.Thresholds {
		mark := "ok"
		if !t.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "    %-4s  %-30s %14s\n", mark, clip(t.Expr, 30), t.measured(r.Requests))
	}
}

// measured is the value with the unit of its metric.
func (t ThresholdResult) measured(requests int64) string {
	th, err := ParseThreshold(t.Expr)
	switch {
	case requests == 0:
		return "nothing measured"
	case err != nil:
		return strconv.FormatFloat(t.Value, 'g', 4, 64)
	case th.Metric == "errors" || th.Metric == "achieved":
		return percent(t.Value)
	case th.Metric == "rate":
		return fmt.Sprintf("%.1f/s", t.Value)
	}
	return short(time.Duration(t.Value * 1e9))
}

func (r Result) writeStages(w io.Writer) {
	if len(r.Stages) < 2 {
		return
	}
	fmt.Fprintf(w, "\n%-10s %11s %11s %10s %8s %9s %9s\n", "stage", "requested", "achieved", "requests", "errors", "p50", "p99")
	for i, s := range r.Stages {
		fmt.Fprintf(w, "%-10d %9.1f/s %9.1f/s %10s %8s %9s %9s\n", i+1, s.RequestedRate, s.AchievedRate,
			grouped(s.Requests), percent(s.ErrorRatio), short(s.Latency.P50), short(s.Latency.P99))
	}
}

func (r Result) writeErrors(w io.Writer) {
	if len(r.ErrorsByClass) == 0 {
		return
	}
	fmt.Fprintln(w, "\nerrors")
	for _, c := range slices.Sorted(maps.Keys(r.ErrorsByClass)) {
		e := r.ErrorsByClass[c]
		fmt.Fprintf(w, "    %-9s %9s  %s\n", clip(string(c), 9), grouped(e.Count), clip(e.Sample, 54))
	}
}

// short is a duration in nine cells with three digits and its unit.
func short(d time.Duration) string {
	switch s := d.Seconds(); {
	case d == 0:
		return "0"
	case s < 0.0009995:
		return fmt.Sprintf("%.0f µs", s*1e6)
	case s < 0.9995:
		return fmt.Sprintf("%s ms", threeDigits(s*1e3))
	default:
		return fmt.Sprintf("%s s", threeDigits(s))
	}
}

func threeDigits(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func percent(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }

// grouped is n with a comma every three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clip makes text from outside one line of at most n characters that cannot
// steer a terminal.
func clip(s string, n int) string {
	out := make([]rune, 0, n)
	for _, c := range s {
		if !unicode.IsPrint(c) {
			c = '.'
		}
		if len(out) == n {
			out[n-1] = '…'
			break
		}
		out = append(out, c)
	}
	return string(out)
}

// wrap breaks text at spaces into lines of at most n characters.
func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		word = clip(word, n)
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > n:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
