package pane

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
)

// Figure writes a value in its unit, with no more digits than the eye can use:
// 8.1%, 447 ms, 1.5 GiB. No value is "no data".
func Figure(unit string, v float64) string {
	if math.IsNaN(v) {
		return "no data"
	}
	return tidy(query.FormatValue(unit, v))
}

// tidy cuts the zeros at the end of a decimal fraction: 5.00% is 5%.
func tidy(s string) string {
	dot := strings.IndexByte(s, '.')
	if dot < 0 {
		return s
	}
	end := dot + 1
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	kept := strings.TrimRight(s[dot:end], "0")
	if kept == "." {
		kept = ""
	}
	return s[:dot] + kept + s[end:]
}

// panelFigure is Figure in the unit and with the decimals of a panel.
func panelFigure(p *query.Panel, v float64) string { return fieldFigure(&p.Field, v) }

// fieldFigure is a value in words where its field has some for it, else in its unit.
func fieldFigure(f *query.Field, v float64) string {
	if text, _, _ := f.Mapped(v); text != "" {
		return text
	}
	switch {
	case math.IsNaN(v) && f.NoValue != "":
		return f.NoValue
	case f.Decimals != nil && !math.IsNaN(v):
		return f.Format(v)
	}
	return Figure(f.Unit, v)
}

// axisFigure writes the labels of a value axis, which has six cells: the unit's
// own prefixes, and what they are of stands in the title.
func axisFigure(unit string) func(float64) string {
	scaled := func(write func(float64) string, by float64) func(float64) string {
		return func(v float64) string { return write(v * by) }
	}
	switch unit {
	case "percentunit":
		return plot.Percent
	case "percent":
		return scaled(plot.Percent, 0.01)
	case "s":
		return plot.Seconds
	case "ms":
		return scaled(plot.Seconds, 1e-3)
	case "µs", "us":
		return scaled(plot.Seconds, 1e-6)
	case "ns":
		return scaled(plot.Seconds, 1e-9)
	case "bytes", "binBps":
		return plot.Bytes
	case "kbytes":
		return scaled(plot.Bytes, 1<<10)
	case "mbytes":
		return scaled(plot.Bytes, 1<<20)
	case "gbytes":
		return scaled(plot.Bytes, 1<<30)
	}
	return plot.Short
}

// Ago is a span of time, as coarse as one reads it: 42 s, 12m, 3h05m, 2d.
func Ago(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// Until is a countdown: seconds for as long as somebody counts them.
func Until(d time.Duration) string {
	s := int((max(d, 0) + time.Second - 1) / time.Second)
	switch {
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}

// took is how long something took: 40 ms, 4.2 s, 2m10s.
func took(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return tidy(fmt.Sprintf("%.1f", d.Seconds())) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour && int(d.Seconds())%60 > 0:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return Ago(d)
}

// offset is when something happened, seen from the start of the incident:
// T-2m, T+38s.
func offset(at, start time.Time) string {
	d, sign := at.Sub(start), "+"
	if d < 0 {
		d, sign = -d, "-"
	}
	return "T" + sign + strings.ReplaceAll(Ago(d), " ", "")
}

// stampWidth is what stamp takes.
const stampWidth = 8

// stamp is a moment in eight cells: the time of day, and from where that would
// be ambiguous the day with it.
func stamp(t, now time.Time, zone *time.Location) string {
	t = t.In(zone)
	age := now.Sub(t)
	if age < 0 {
		age = -age
	}
	switch {
	case age < 18*time.Hour:
		return t.Format("15:04:05")
	case age < 6*24*time.Hour:
		return t.Weekday().String()[:2] + t.Format(" 15:04")
	}
	return t.Format("Jan _2")
}

// plural is a number of things.
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
