package postmortem

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// noData stands wherever the record holds nothing. It is never written as 0.
const noData = "no data"

// span writes a duration with its two largest parts: 1d 2h, 1h 5m, 4m 10s,
// 12s, 1.2s. A post-mortem needs no more.
func span(d time.Duration) string {
	if d < 0 {
		return "-" + span(-max(d, -math.MaxInt64)) // the least duration has no positive
	}
	if d < 10*time.Second && d%time.Second != 0 {
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	}
	s := int64(d.Round(time.Second) / time.Second)
	parts := []struct {
		size int64
		name string
	}{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}}
	for i, p := range parts {
		if s < p.size && p.size > 1 {
			continue
		}
		text := fmt.Sprintf("%d%s", s/p.size, p.name)
		if i+1 < len(parts) && s%p.size/parts[i+1].size > 0 {
			text += fmt.Sprintf(" %d%s", s%p.size/parts[i+1].size, parts[i+1].name)
		}
		return text
	}
	return "0s"
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// value writes v in its unit with three significant digits: ratios as
// percentages, seconds below one as milliseconds, bytes in KiB. A unit that is
// not known here is a suffix. NaN is "no data".
func value(unit string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return noData
	}
	switch unit {
	case "percentunit", "ratio":
		return digits(v*100) + "%"
	case "percent":
		return digits(v) + "%"
	case "ms":
		return value("s", v/1e3)
	case "s", "seconds":
		if a := math.Abs(v); a > 0 && a < 1 {
			return digits(v*1e3) + " ms"
		}
		return digits(v) + " s"
	case "bytes", "decbytes":
		for _, prefix := range []string{"", "Ki", "Mi", "Gi"} {
			if math.Abs(v) < 1000 {
				return digits(v) + " " + prefix + "B"
			}
			v /= 1024
		}
		return digits(v) + " TiB"
	case "reqps":
		return digits(v) + " req/s"
	case "ops":
		return digits(v) + " ops/s"
	case "", "short", "none":
		return digits(v)
	}
	return digits(v) + " " + plain(unit)
}

// digits writes three significant digits, and integers in full.
func digits(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e6 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "e+0", "e", 1)
}

// count is "1 page", "2 pages".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// list is "a", "a and b", "a, b and c".
func list(items []string) string {
	switch n := len(items); n {
	case 0:
		return noData
	case 1:
		return items[0]
	default:
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
}
