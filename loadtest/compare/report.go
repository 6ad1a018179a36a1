package compare

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes the comparison for people: at most 80 columns, the verdict first.
func (c Comparison) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	against := fmt.Sprintf("%s against %s", c.Run, c.Base)
	if c.Pairs > 0 {
		against = fmt.Sprintf("B %s against A %s", c.Run, c.Base)
	}
	fmt.Fprintf(b, "%s  %s\n\n", strings.ToUpper(string(c.Verdict)), against)
	first, second := "before", "now"
	if c.Pairs > 0 {
		first, second = "A", "B"
	}
	fmt.Fprintf(b, "%-8s%12s%12s%10s  %-22s%s\n", "", first, second, "change", "95 % interval", "")
	for _, m := range c.Metrics {
		fmt.Fprintf(b, "%-8s%12s%12s%10s  %-22s%s\n", m.Metric, m.figure(m.Base), m.figure(m.Now), m.change(m.Change), m.change(m.Low)+" to "+m.change(m.High), m.Verdict)
	}
	if c.Verdict == Unclear {
		fmt.Fprintf(b, "\n%s\n", c.more())
	}
	for i, n := range c.Notes {
		if i == 0 {
			fmt.Fprintln(b)
		}
		fmt.Fprintf(b, "  ! %s\n", n)
	}
	return b.Flush()
}

// more says what would make it clear.
func (c Comparison) more() string {
	switch {
	case c.Pairs == MostPairs:
		return "More pairs tell no more: give the plan a longer time, or another --margin."
	case c.Pairs > 0:
		return fmt.Sprintf("More pairs would tell (--pairs, %d at the most), or a plan that takes longer.", MostPairs)
	case c.NeedSecs == 0:
		return "The change is about as large as the margin: a longer run would not tell. Give\nanother --margin, or run pairs side by side: sitrep load ab."
	}
	d := time.Duration(c.NeedSecs) * time.Second
	return fmt.Sprintf("Runs of about %s each would tell.", d.Round(10*time.Second)+10*time.Second)
}

func (m MetricChange) figure(v float64) string {
	switch m.Metric {
	case "errors":
		return fmt.Sprintf("%.2f %%", 100*v)
	case "rate":
		return fmt.Sprintf("%.1f/s", v)
	}
	return seconds(v)
}

// change is in percent, of errors in percentage points.
func (m MetricChange) change(v float64) string {
	if m.Metric == "errors" {
		return fmt.Sprintf("%+.2f pp", 100*v)
	}
	return fmt.Sprintf("%+.1f %%", 100*(v-1))
}

// seconds is a response time with three digits.
func seconds(v float64) string {
	switch {
	case v < 1e-3:
		return fmt.Sprintf("%.3g µs", v*1e6)
	case v < 1:
		return fmt.Sprintf("%.3g ms", v*1e3)
	}
	return fmt.Sprintf("%.3g s", v)
}
