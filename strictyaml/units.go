package strictyaml

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Duration is a time.Duration as people write it: 300ms, 5m, 1h30m, and the
// longer units d (24 h) and w (7 d) that Prometheus also knows.
type Duration time.Duration

// D is the plain time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return FormatDuration(time.Duration(d)) }

// UnmarshalYAML reads a duration; a bare number is refused because nobody can
// know its unit.
func (d *Duration) UnmarshalYAML(n ast.Node) error {
	v, err := ParseDuration(scalar(n))
	if err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: n.GetToken()}
	}
	*d = Duration(v)
	return nil
}

// MarshalYAML writes the short form.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// MarshalJSON writes the short form too, so that a frozen copy of a file reads
// like the file.
func (d Duration) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(d.String())), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Duration) UnmarshalJSON(b []byte) error {
	s, err := strconv.Unquote(string(b))
	if err != nil {
		return fmt.Errorf("duration %s: want a string such as \"5m\"", b)
	}
	v, err := ParseDuration(s)
	*d = Duration(v)
	return err
}

// ParseDuration reads 300ms, 5m, 1h30m, 2d, 1w. A minus sign is refused:
// nothing in a file of ours lasts less than nothing.
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration; write for example 300ms, 30s, 5m, 2h, 1d or 1w", s)
	rest := strings.TrimSpace(s)
	if rest == "0" {
		return 0, nil
	}
	if rest == "" || rest[0] == '-' || rest[0] == '+' {
		return 0, bad
	}
	var total time.Duration
	for rest != "" {
		i := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if i <= 0 {
			return 0, bad
		}
		value, err := strconv.ParseFloat(rest[:i], 64)
		if err != nil {
			return 0, bad
		}
		rest = rest[i:]
		j := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if j < 0 {
			j = len(rest)
		}
		unit, ok := durationUnits[rest[:j]]
		if !ok {
			return 0, bad
		}
		rest = rest[j:]
		part := math.Round(value * float64(unit))
		// A float64 cannot hold the longest Duration: it rounds to one nanosecond more.
		if part >= 1<<63 || time.Duration(part) > math.MaxInt64-total {
			return 0, fmt.Errorf("%q is too long a duration; the longest is about 292 years", s)
		}
		total += time.Duration(part)
	}
	return total, nil
}

var durationUnits = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "ms": time.Millisecond,
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// FormatDuration writes the short form that ParseDuration reads: 1w, 1d12h,
// 1h30m, 45s, 1.5s, 300ms.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	rest := uint64(d)
	if d < 0 {
		b.WriteByte('-')
		rest = -rest // the shortest Duration has no counterpart among Durations
	}
	for _, u := range []struct {
		name string
		size uint64
	}{{"w", uint64(7 * 24 * time.Hour)}, {"d", uint64(24 * time.Hour)}, {"h", uint64(time.Hour)}, {"m", uint64(time.Minute)}} {
		if u.name == "w" && rest%u.size != 0 {
			continue
		}
		if rest >= u.size {
			fmt.Fprintf(&b, "%d%s", rest/u.size, u.name)
			rest %= u.size
		}
	}
	if rest > 0 {
		b.WriteString(time.Duration(rest).String())
	}
	return b.String()
}

func scalar(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	if s, ok := n.(ast.ScalarNode); ok {
		return fmt.Sprint(s.GetValue())
	}
	return n.String()
}
