package query

import (
	"math"
	"strconv"
	"strings"
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

// unitOf knows the unit names of Grafana that dashboards use. Any other text
// is a suffix, as in Grafana.
func unitOf(name string) unit {
	rate := func(what string) unit { return unit{scaling: decimal, glue: true, after: what} }
	span := func(factor float64) unit { return unit{factor: factor, scaling: timed, glue: true} }
	switch name {
	case "", "short":
		return unit{scaling: decimal, glue: true, whole: true}
	case "none":
		return unit{whole: true, kind: full}
	case "locale":
		return unit{whole: true, kind: grouped}
	case "s":
		return span(1)
	case "ms":
		return span(1e-3)
	case "µs", "us":
		return span(1e-6)
	case "ns":
		return span(1e-9)
	case "m":
		return span(60)
	case "h":
		return span(3600)
	case "d":
		return span(86400)
	case "dtdurations":
		return unit{factor: 1, scaling: timed, glue: true, kind: clock}
	case "dtdurationms":
		return unit{factor: 1e-3, scaling: timed, glue: true, kind: clock}
	case "percent":
		return unit{after: "%", kind: percentage}
	case "percentunit":
		return unit{factor: 100, after: "%", kind: percentage}
	case "bytes":
		return unit{scaling: binary, base: "B", glue: true, whole: true}
	case "decbytes":
		return unit{scaling: decimal, base: "B", glue: true, whole: true}
	case "kbytes":
		return unit{factor: 1 << 10, scaling: binary, base: "B", glue: true, whole: true}
	case "mbytes":
		return unit{factor: 1 << 20, scaling: binary, base: "B", glue: true, whole: true}
	case "gbytes":
		return unit{factor: 1 << 30, scaling: binary, base: "B", glue: true, whole: true}
	case "bits":
		return unit{scaling: binary, base: "b", glue: true, whole: true}
	case "decbits":
		return unit{scaling: decimal, base: "b", glue: true, whole: true}
	case "Bps":
		return unit{scaling: decimal, base: "B", after: "/s", glue: true}
	case "binBps":
		return unit{scaling: binary, base: "B", after: "/s", glue: true}
	case "KBs":
		return unit{factor: 1e3, scaling: decimal, base: "B", after: "/s", glue: true}
	case "MBs":
		return unit{factor: 1e6, scaling: decimal, base: "B", after: "/s", glue: true}
	case "bps":
		return unit{scaling: decimal, base: "b", after: "/s", glue: true}
	case "binbps":
		return unit{scaling: binary, base: "b", after: "/s", glue: true}
	case "ops":
		return rate(" ops/s")
	case "reqps":
		return rate(" req/s")
	case "rps":
		return rate(" rd/s")
	case "wps":
		return rate(" wr/s")
	case "iops":
		return rate(" io/s")
	case "eps":
		return rate(" evt/s")
	case "pps":
		return rate(" p/s")
	case "cps":
		return rate(" c/s")
	case "opm":
		return rate(" ops/m")
	case "rpm":
		return rate(" rd/m")
	case "wpm":
		return rate(" wr/m")
	case "hertz":
		return unit{scaling: decimal, base: "Hz", glue: true}
	case "celsius":
		return unit{after: " °C"}
	case "currencyUSD":
		return unit{scaling: decimal, glue: true, before: "$"}
	case "bool", "bool_yes_no", "bool_on_off":
		return unit{kind: truth, after: name}
	}
	if text, ok := strings.CutPrefix(name, "prefix:"); ok {
		return unit{scaling: decimal, glue: true, whole: true, before: text}
	}
	if text := strings.TrimSpace(strings.TrimPrefix(name, "suffix:")); text != "" {
		return unit{scaling: decimal, glue: true, whole: true, after: " " + text}
	}
	return unitOf("short")
}

// FormatValue writes v in one of Grafana's units ("short", "s", "bytes",
// "percentunit", "reqps", ...; any other text is a suffix) with three
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
	if u.kind == clock && math.Abs(v) >= 1 && math.Abs(v) < 1e15 {
		return clockText(v)
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
	}
	if v != 0 {
		return yes
	}
	return no
}
