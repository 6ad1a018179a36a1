package query

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// scale is a step of a unit: 1.5 of it are 1.5*size in the base unit.
type scale struct {
	size float64
	name string // the prefix, or for times the whole name
}

// unit is how the values of one of Grafana's unit names are written.
type unit struct {
	factor  float64 // from the given value to the base unit; 0 = 1
	scaling scaling
	before  string
	base    string // behind the prefix: B, b, Hz
	after   string // behind that: "/s", " req/s", "%"
	glue    bool   // a space between number and what follows
	whole   bool   // counts: an integer has no decimals
	kind    kind
}

type scaling int

const (
	unscaled scaling = iota
	decimal
	metric // decimal, and small ones too: mV
	binary
	timed
)

type kind int

const (
	plain   kind = iota
	full         // all digits before the point
	grouped      // full, in groups of three
	percentage
	clock // 1h 2m
	hours // 26:03:04
	days  // 1 d 02:03:04
	date  // of milliseconds since 1970, in UTC
	hexadecimal
	scientific
	truth // words for zero and not zero
)

// at is the largest scale that is not above v, or the smallest there is.
func (s scaling) at(v float64) scale {
	pick := func(scales ...scale) scale {
		best := scales[0]
		for _, s := range scales {
			if v >= s.size*(1-1e-9) {
				best = s
			}
		}
		return best
	}
	switch s {
	case decimal:
		return pick(scale{1, ""}, scale{1e3, "k"}, scale{1e6, "M"}, scale{1e9, "G"}, scale{1e12, "T"}, scale{1e15, "P"}, scale{1e18, "E"})
	case metric:
		if v == 0 {
			return scale{1, ""}
		}
		return pick(
			scale{1e-15, "f"}, scale{1e-12, "p"}, scale{1e-9, "n"}, scale{1e-6, "µ"}, scale{1e-3, "m"}, scale{1, ""},
			scale{1e3, "k"}, scale{1e6, "M"}, scale{1e9, "G"}, scale{1e12, "T"}, scale{1e15, "P"}, scale{1e18, "E"},
		)
	case binary:
		return pick(scale{1, ""}, scale{1 << 10, "Ki"}, scale{1 << 20, "Mi"}, scale{1 << 30, "Gi"}, scale{1 << 40, "Ti"}, scale{1 << 50, "Pi"}, scale{1 << 60, "Ei"})
	case timed:
		if v == 0 {
			return scale{1, "s"}
		}
		return pick(scale{1e-9, "ns"}, scale{1e-6, "µs"}, scale{1e-3, "ms"}, scale{1, "s"}, scale{60, "min"}, scale{3600, "h"}, scale{86400, "d"}, scale{365.25 * 86400, "y"})
	}
	return scale{1, ""}
}

// FormatValue writes v in one of Grafana's units ("short", "s", "bytes",
// "percentunit", "reqps", ...; any other text stands behind the value) with three
// significant digits and a prefix that keeps it short: 1.23 k, 45.6 ms,
// 1.50 GiB, 12.3%. "none" and "locale" are not scaled, and percentages between
// 99 and 100 keep as many nines as they have, because 99.95 is not 100.
// NaN and infinities are words; that an absent value is "no data" is for the
// caller to say.
func FormatValue(name string, v float64) string { return format(unitOf(name), v, -1) }

// FormatDecimals is FormatValue with a fixed number of decimals (0 to 9).
func FormatDecimals(name string, v float64, decimals int) string {
	return format(unitOf(name), v, min(max(0, decimals), 9))
}

func format(u unit, v float64, decimals int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case u.kind == truth:
		return word(u.after, v)
	}
	if u.factor != 0 {
		v *= u.factor
	}
	if text, ok := u.words(v, decimals); ok {
		return text
	}
	n := rounded(math.Abs(v), decimals, u)
	var buf [48]byte
	out := buf[:0]
	if v < 0 && !n.zero() {
		out = append(out, '-')
	}
	out = n.append(append(out, u.before...))
	if u.glue && n.scale.name+u.base != "" {
		out = append(out, ' ')
	}
	out = append(out, n.scale.name...)
	out = append(out, u.base...)
	return string(append(out, u.after...))
}

// figure is a number ready to be written.
type figure struct {
	value    float64 // in units of scale
	decimals int
	science  bool
	group    bool
	scale    scale
}

func (f figure) zero() bool {
	return f.value == 0 || !f.science && f.value < 0.5*math.Pow10(-f.decimals)
}

func (f figure) append(out []byte) []byte {
	if f.science {
		at := len(out)
		out = strconv.AppendFloat(out, f.value, 'e', 2, 64)
		return shortExponent(out, at)
	}
	at := len(out)
	out = strconv.AppendFloat(out, f.value, 'f', f.decimals, 64)
	if f.group {
		return groupThousands(out, at)
	}
	return out
}

// rounded picks the scale and the digits of a value that is not negative.
// Rounding comes before choosing the scale: 999.96 is 1.00 k, never 1000.
func rounded(v float64, decimals int, u unit) figure {
	f := figure{value: v, decimals: decimals, scale: scale{size: 1}, group: u.kind == grouped}
	if u.kind == full || u.kind == grouped {
		return f.full(u)
	}
	f.scale = u.scaling.at(significant(v, 3))
	if u.scaling == binary { // 1023.5 is written as 1024
		f.scale = u.scaling.at(v * 1024 / 1023.5)
	}
	f.value = v / f.scale.size
	if decimals >= 0 {
		return f
	}
	switch x := f.value; {
	case x == 0 || u.whole && f.scale.size == 1 && x == math.Trunc(x) && x < 1000:
		f.decimals = 0
	case u.kind == percentage && x > 99 && x < 100:
		f.value, f.decimals = nines(x)
	case x >= 1e6 || x < 1e-3:
		f.science = true
	default:
		f.decimals = digits(x)
	}
	return f
}

// full keeps every digit before the point and three significant ones after it.
func (f figure) full(u unit) figure {
	switch v := f.value; {
	case f.decimals >= 0:
	case v >= 1e15, v != 0 && v < 1e-3:
		f.science = true
	case u.whole && v == math.Trunc(v):
		f.decimals = 0
	default:
		f.decimals = digits(v)
	}
	return f
}

// digits is how many decimals give x three significant digits, after rounding.
func digits(x float64) int {
	switch r := significant(x, 3); {
	case r >= 100:
		return 0
	case r >= 10:
		return 1
	case r >= 1:
		return 2
	case r >= 0.1:
		return 3
	case r >= 0.01:
		return 4
	}
	return 5
}

// nines writes a percentage just below 100 with one digit of what is missing,
// and never rounds up to 100.
func nines(x float64) (float64, int) {
	d := min(max(1, int(math.Ceil(-math.Log10(100-x)-1e-9))), 6)
	p := math.Pow10(d)
	r := math.Round(x*p) / p
	if r >= 100 {
		r = 100 - 1/p
	}
	return r, d
}

// significant rounds v >= 0 to n significant digits.
func significant(v float64, n int) float64 {
	if v == 0 || math.IsInf(v, 0) {
		return v
	}
	e := n - 1 - int(math.Floor(math.Log10(v)))
	if e > 300 || e < -300 {
		return v
	}
	if e >= 0 {
		p := math.Pow10(e)
		return math.Round(v*p) / p
	}
	p := math.Pow10(-e)
	return math.Round(v/p) * p
}

// shortExponent turns 1.23e-05 into 1.23e-5.
func shortExponent(out []byte, from int) []byte {
	for i := from; i+2 < len(out); i++ {
		if out[i] == 'e' {
			sign, j := out[i+1], i+2
			for j < len(out)-1 && out[j] == '0' {
				j++
			}
			exp := string(out[j:])
			out = out[:i+1]
			if sign == '-' {
				out = append(out, '-')
			}
			return append(out, exp...)
		}
	}
	return out
}

func groupThousands(out []byte, from int) []byte {
	text := string(out[from:])
	whole, frac, _ := strings.Cut(text, ".")
	if strings.ContainsAny(text, "eE") || len(whole) <= 3 {
		return out
	}
	out = out[:from]
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, whole[i])
	}
	if frac != "" {
		out = append(append(out, '.'), frac...)
	}
	return out
}

// words is a value that is no figure with a unit behind it.
func (u unit) words(v float64, decimals int) (string, bool) {
	small := math.Abs(v) < 1e15
	switch {
	case u.kind == clock && small && math.Abs(v) >= 1:
		return clockText(v), true
	case (u.kind == hours || u.kind == days) && small:
		return hoursText(v, u.kind == days), true
	case u.kind == date && math.Abs(v) <= 253_402_300_799_999: // the end of the year 9999
		return time.UnixMilli(int64(v)).UTC().Format("2006-01-02 15:04:05Z"), true
	case u.kind == hexadecimal && small:
		return hexText(v, u.before), true
	case u.kind == scientific:
		if decimals < 0 {
			decimals = 2
		}
		return string(shortExponent(strconv.AppendFloat(nil, v, 'e', decimals, 64), 0)), true
	}
	return "", false
}

// hoursText is 26:03:04, or with days 1 d 02:03:04; what is less than a second is
// left out.
func hoursText(v float64, withDays bool) string {
	sign, s := "", int64(math.Abs(v))
	if v < 0 && s > 0 {
		sign = "-"
	}
	h := s / 3600
	if withDays && h >= 24 {
		return fmt.Sprintf("%s%d d %02d:%02d:%02d", sign, h/24, h%24, s/60%60, s%60)
	}
	return fmt.Sprintf("%s%02d:%02d:%02d", sign, h, s/60%60, s%60)
}

// hexText is the nearest whole number.
func hexText(v float64, before string) string {
	n, sign := int64(math.Round(v)), ""
	if n < 0 {
		n, sign = -n, "-"
	}
	return sign + before + strings.ToUpper(strconv.FormatInt(n, 16))
}

// clockText writes seconds as their two largest parts: 3d 4h, 1h 2m, 45s.
func clockText(v float64) string {
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	parts := [...]scale{{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}}
	for i, p := range parts {
		if v < p.size && i < len(parts)-1 {
			continue
		}
		if i == len(parts)-1 {
			return sign + strconv.FormatFloat(math.Floor(v), 'f', 0, 64) + p.name
		}
		next := parts[i+1]
		minor := math.Floor(v / next.size)
		ratio := p.size / next.size
		return sign + strconv.FormatFloat(math.Floor(minor/ratio), 'f', 0, 64) + p.name + " " +
			strconv.FormatFloat(math.Mod(minor, ratio), 'f', 0, 64) + next.name
	}
	return sign
}

func word(name string, v float64) string {
	yes, no := "True", "False"
	switch name {
	case "bool_yes_no":
		yes, no = "Yes", "No"
	case "bool_on_off":
		yes, no = "On", "Off"
	case "bool":
	default: // of a person: up/down
		yes, no, _ = strings.Cut(name, "/")
		no = cmp.Or(no, "-")
	}
	if v != 0 {
		return yes
	}
	return no
}
