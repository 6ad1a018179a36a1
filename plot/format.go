package plot

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// SI writes v with three figures and a prefix: 447m, 8.1, 1.25k, 3M. Whatever v
// is, it takes at most six characters. Values that are too small for n (nano)
// are ~0: not nothing, but next to it.
func SI(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case math.IsInf(v, 0):
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', -1, 64), "inity")
	case v == 0:
		return "0"
	}
	digits, exponent := round3(v)
	group := int(math.Floor(float64(exponent) / 3))
	prefixes := [...]string{"n", "µ", "m", "", "k", "M", "G", "T", "P", "E"}
	switch i := group + 3; {
	case i < 0:
		return "~0"
	case i >= len(prefixes):
		return strings.Replace(strconv.FormatFloat(v, 'e', 0, 64), "e+", "e", 1)
	default:
		return figure(digits, exponent-3*group) + prefixes[i]
	}
}

// Short is SI for figures without a unit: between 0.01 and 1 it writes 0.25, not
// 250m. At most six characters.
func Short(v float64) string {
	if a := math.Abs(v); a >= 0.01 && a < 0.9995 {
		return strings.TrimRight(strconv.FormatFloat(v, 'f', 3, 64), "0")
	}
	return SI(v)
}

// round3 is v rounded to three figures: d.dd and the power of ten. Rounding
// comes first, so that 999.9 is 1k and not 1000.
func round3(v float64) (mantissa float64, exponent int) {
	s := strconv.FormatFloat(v, 'e', 2, 64)
	m, e, _ := strings.Cut(s, "e")
	mantissa, _ = strconv.ParseFloat(m, 64) // it was formatted just now
	exponent, _ = strconv.Atoi(e)
	return mantissa, exponent
}

// figure writes mantissa*10^shift, shift 0 to 2, without trailing zeros.
func figure(mantissa float64, shift int) string {
	s := strconv.FormatFloat(mantissa*math.Pow(10, float64(shift)), 'f', 2-shift, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Percent writes a ratio: 0.081 is 8.1%. What is nearly all is not rounded up to
// all: 0.99995 is 99.995%.
func Percent(ratio float64) string {
	p := ratio * 100
	switch a := math.Abs(p); {
	case !finite(p):
		return SI(p)
	case a >= 999.5:
		return SI(p) + "%"
	case a != 0 && a < 0.0005:
		return "~0%"
	case a >= 99.5 && a < 99.9999999:
		cut := math.Floor(a*1000+1e-6) / 1000
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(math.Copysign(cut, p), 'f', 3, 64), "0"), ".") + "%"
	case a < 0.0995 && a != 0:
		return strings.TrimRight(strconv.FormatFloat(p, 'f', 3, 64), "0") + "%"
	}
	digits, exponent := round3(p)
	if p == 0 {
		return "0%"
	}
	if exponent < 0 {
		return strings.TrimRight(strconv.FormatFloat(p, 'f', 2, 64), "0") + "%"
	}
	return figure(digits, exponent) + "%"
}

// Seconds writes a duration given in seconds: 447ms, 1.25s, 90s, 12m, 3.5h, 2d.
func Seconds(s float64) string {
	switch a := math.Abs(s); {
	case !finite(s):
		return SI(s)
	case a < 99.95:
		return SI(s) + "s"
	case a < 5999.5:
		return figure3(s/60) + "m"
	case a < 48*3600:
		return figure3(s/3600) + "h"
	}
	return SI(s/86400) + "d"
}

// figure3 is v, of at least 1 and less than 1000, with two figures or its whole part.
func figure3(v float64) string {
	if math.Abs(v) < 9.95 {
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// Bytes writes an amount in binary units, as memory is sold: 512B, 1.5Ki, 12Gi.
func Bytes(b float64) string {
	if !finite(b) {
		return SI(b)
	}
	units := [...]string{"B", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"}
	i := 0
	for math.Abs(b) >= 999.5 && i < len(units)-1 {
		b /= 1024
		i++
	}
	if math.Abs(b) >= 999.5 {
		return SI(b) + units[i]
	}
	if math.Abs(b) < 0.005 {
		return "0B"
	}
	s := strconv.FormatFloat(b, 'f', 2, 64)
	if math.Abs(b) >= 9.995 {
		s = strconv.FormatFloat(b, 'f', 1, 64)
	}
	if math.Abs(b) >= 99.95 {
		s = strconv.FormatFloat(b, 'f', 0, 64)
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + units[i]
}

// Ago writes how long something took or is ago, to two figures of a clock:
// 95 s, 12 min, 3 h, 2 d. It never says more than is known at a glance.
func Ago(d time.Duration) string {
	switch {
	case d < 0:
		d = 0
		fallthrough
	case d < 120*time.Second:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 120*time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " d"
}
