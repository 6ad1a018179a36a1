package query

import (
	"math"
	"strings"
)

// unitOf knows the unit names of Grafana. Any other text stands behind the value,
// as there.
func unitOf(name string) unit {
	u, _ := knownUnit(name)
	return u
}

// KnownUnit reports whether name is a unit of Grafana's, and not a text that a
// person wrote in the place of one.
func KnownUnit(name string) bool {
	_, known := knownUnit(name)
	return known
}

func knownUnit(name string) (unit, bool) {
	if name == "" || name == "short" {
		return unit{scaling: decimal, glue: true, whole: true}, true
	}
	for _, category := range [...]func(string) (unit, bool){
		plainUnit, timeUnit, dataUnit, dataRateUnit, throughputUnit, electricUnit, physicalUnit, bareUnit, currencyUnit, writtenUnit,
	} {
		if u, ok := category(name); ok {
			return u, true
		}
	}
	text := strings.TrimSpace(strings.TrimPrefix(name, "suffix:"))
	if text == "" {
		return unit{scaling: decimal, glue: true, whole: true}, true
	}
	return unit{kind: full, whole: true, after: " " + text}, strings.HasPrefix(name, "suffix:")
}

// si is a physical unit that is given in thousands to this power, with prefixes
// down to f.
func si(base string, thousands int) (unit, bool) {
	return unit{factor: math.Pow(1000, float64(thousands)), scaling: metric, base: base, glue: true}, true
}

// bare is a unit without prefixes.
func bare(after string) (unit, bool) { return unit{after: " " + after}, true }

func plainUnit(name string) (unit, bool) {
	switch name {
	case "none", "string":
		return unit{whole: true, kind: full}, true
	case "locale":
		return unit{whole: true, kind: grouped}, true
	case "sishort":
		return si("", 0)
	case "percent":
		return unit{after: "%", kind: percentage}, true
	case "percentunit":
		return unit{factor: 100, after: "%", kind: percentage}, true
	case "hex":
		return unit{kind: hexadecimal}, true
	case "hex0x":
		return unit{kind: hexadecimal, before: "0x"}, true
	case "sci":
		return unit{kind: scientific}, true
	case "bool", "bool_yes_no", "bool_on_off":
		return unit{kind: truth, after: name}, true
	}
	return unit{}, false
}

func timeUnit(name string) (unit, bool) {
	span := func(seconds float64) (unit, bool) {
		return unit{factor: seconds, scaling: timed, glue: true}, true
	}
	as := func(k kind, seconds float64) (unit, bool) {
		return unit{factor: seconds, scaling: timed, glue: true, kind: k}, true
	}
	switch name {
	case "ns":
		return span(1e-9)
	case "µs", "μs", "us":
		return span(1e-6)
	case "ms":
		return span(1e-3)
	case "timeticks":
		return span(1e-2)
	case "s":
		return span(1)
	case "m":
		return span(60)
	case "h":
		return span(3600)
	case "d":
		return span(86400)
	case "dtdurations", "clocks":
		return as(clock, 1)
	case "dtdurationms", "clockms":
		return as(clock, 1e-3)
	case "dthms":
		return as(hours, 1)
	case "dtdhms":
		return as(days, 1)
	case "dateTimeAsIso", "dateTimeAsIsoNoDateIfToday", "dateTimeAsUS", "dateTimeAsUSNoDateIfToday", "dateTimeAsLocal",
		"dateTimeAsLocalNoDateIfToday", "dateTimeAsSystem", "dateTimeFromNow":
		return unit{kind: date}, true
	}
	return unit{}, false
}

// multiple is how many of its base a unit such as kbytes or Mibits holds.
func multiple(prefix string, of float64) (float64, bool) {
	at := strings.Index("kmgtp", strings.ToLower(prefix))
	if len(prefix) != 1 || at < 0 {
		return 0, false
	}
	return math.Pow(of, float64(at+1)), true
}

func dataUnit(name string) (unit, bool) {
	switch name {
	case "bytes":
		return unit{scaling: binary, base: "B", glue: true, whole: true}, true
	case "decbytes":
		return unit{scaling: decimal, base: "B", glue: true, whole: true}, true
	case "bits":
		return unit{scaling: binary, base: "b", glue: true, whole: true}, true
	case "decbits":
		return unit{scaling: decimal, base: "b", glue: true, whole: true}, true
	}
	prefix, ok := strings.CutSuffix(name, "bytes")
	if !ok {
		return unit{}, false
	}
	if after, ok := strings.CutPrefix(prefix, "dec"); ok { // decmbytes
		factor, ok := multiple(after, 1000)
		return unit{factor: factor, scaling: decimal, base: "B", glue: true, whole: true}, ok
	}
	factor, ok := multiple(prefix, 1024) // mbytes
	return unit{factor: factor, scaling: binary, base: "B", glue: true, whole: true}, ok
}

func dataRateUnit(name string) (unit, bool) {
	switch name {
	case "Bps":
		return unit{scaling: decimal, base: "B", after: "/s", glue: true}, true
	case "binBps":
		return unit{scaling: binary, base: "B", after: "/s", glue: true}, true
	case "bps":
		return unit{scaling: decimal, base: "b", after: "/s", glue: true}, true
	case "binbps":
		return unit{scaling: binary, base: "b", after: "/s", glue: true}, true
	case "pps":
		return unit{scaling: decimal, glue: true, after: " p/s"}, true
	}
	base := "b"
	prefix, ok := strings.CutSuffix(name, "bits") // Kbits
	if !ok {
		base = "B"
		if prefix, ok = strings.CutSuffix(name, "Bs"); !ok { // MBs
			return unit{}, false
		}
	}
	if strings.ToUpper(prefix[:min(1, len(prefix))]) != prefix[:min(1, len(prefix))] {
		return unit{}, false // Mbits is a unit, mbits is not
	}
	scaling, of := decimal, 1000.0
	if after, ok := strings.CutSuffix(prefix, "i"); ok { // MiBs
		prefix, scaling, of = after, binary, 1024
	}
	factor, ok := multiple(prefix, of)
	return unit{factor: factor, scaling: scaling, base: base, after: "/s", glue: true}, ok
}

func throughputUnit(name string) (unit, bool) {
	what := ""
	switch name {
	case "cps":
		what = "c/s"
	case "ops":
		what = "ops/s"
	case "reqps":
		what = "req/s"
	case "rps":
		what = "rd/s"
	case "wps":
		what = "wr/s"
	case "iops":
		what = "io/s"
	case "eps":
		what = "evt/s"
	case "mps":
		what = "msg/s"
	case "recps":
		what = "rec/s"
	case "rowsps":
		what = "rows/s"
	case "cpm":
		what = "c/m"
	case "opm":
		what = "ops/m"
	case "reqpm":
		what = "req/m"
	case "rpm":
		what = "rd/m"
	case "wpm":
		what = "wr/m"
	case "epm":
		what = "evt/m"
	case "mpm":
		what = "msg/m"
	case "recpm":
		what = "rec/m"
	case "rowspm":
		what = "rows/m"
	default:
		return unit{}, false
	}
	return unit{scaling: decimal, glue: true, after: " " + what}, true
}

// writtenUnit is one that says itself what it is: si:mF, count:jobs, currency:@,
// prefix:~, bool:up/down, time:YYYY.
func writtenUnit(name string) (unit, bool) {
	key, text, ok := strings.Cut(name, ":")
	if !ok || text == "" {
		return unit{}, false
	}
	switch key {
	case "si":
		return siWritten(text)
	case "count":
		return unit{scaling: decimal, glue: true, whole: true, after: " " + text}, true
	case "currency", "prefix":
		return unit{scaling: decimal, glue: true, whole: true, before: text}, true
	case "bool":
		return unit{kind: truth, after: text}, true
	case "time":
		return unit{kind: date}, true
	}
	return unit{}, false
}

// siWritten is a unit behind one prefix at most; a prefix alone is the unit (m).
func siWritten(text string) (unit, bool) {
	for power, prefix := range [...]string{"f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E"} {
		if base, ok := strings.CutPrefix(text, prefix); ok && base != "" && prefix != "" {
			return si(base, power-5)
		}
	}
	return si(text, 0)
}
