package query

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every unit of Grafana is known, and this is how 1 234.5 of it is written.
func TestEveryUnitOfGrafana(t *testing.T) {
	say := map[string]string{
		"none": "1234", "string": "1234", "short": "1.23 k", "sishort": "1.23 k", "percent": "1234%", "percentunit": "123450%", "humidity": "1234 %H", "dB": "1234 dB",
		"candela": "1.23 kcd", "hex0x": "0x4D3", "hex": "4D3", "sci": "1.23e3", "locale": "1,234", "pixel": "1234 px",
		"accMS2": "1234 m/s²", "accFS2": "1234 ft/s²", "accG": "1234 g", "degree": "1234 °", "radian": "1234 rad", "grad": "1234 grad", "arcmin": "1234 arcmin", "arcsec": "1234 arcsec",
		"areaM2": "1234 m²", "areaF2": "1234 ft²", "areaMI2": "1234 mi²", "acres": "1234 ac", "hectares": "1234 ha",
		"flops": "1.23 kFLOPS", "mflops": "1.23 GFLOPS", "gflops": "1.23 TFLOPS", "tflops": "1.23 PFLOPS", "pflops": "1.23 EFLOPS", "eflops": "1234 EFLOPS", "zflops": "1.23e6 EFLOPS", "yflops": "1.23e9 EFLOPS",
		"ppm": "1234 ppm", "conppb": "1234 ppb", "conngm3": "1234 ng/m³", "conngNm3": "1234 ng/Nm³", "conμgm3": "1234 µg/m³", "conμgNm3": "1234 µg/Nm³", "conmgm3": "1234 mg/m³",
		"conmgNm3": "1234 mg/Nm³", "congm3": "1234 g/m³", "congNm3": "1234 g/Nm³", "conmgdL": "1234 mg/dL", "conmmolL": "1234 mmol/L",
		"currencyUSD": "$1.23 k", "currencyGBP": "£1.23 k", "currencyEUR": "€1.23 k", "currencyJPY": "¥1.23 k", "currencyRUB": "₽1.23 k", "currencyUAH": "₴1.23 k", "currencyBRL": "R$1.23 k",
		"currencyDKK": "1.23 k kr", "currencyISK": "1.23 k kr", "currencyNOK": "1.23 k kr", "currencySEK": "1.23 k kr", "currencyCZK": "CZK 1.23 k", "currencyCHF": "CHF 1.23 k",
		"currencyPLN": "PLN 1.23 k", "currencyBTC": "₿1.23 k", "currencymBTC": "mBTC 1.23 k", "currencyμBTC": "µBTC 1.23 k", "currencyZAR": "R 1.23 k", "currencyINR": "₹1.23 k", "currencyKRW": "₩1.23 k",
		"currencyIDR": "Rp 1.23 k", "currencyPHP": "PHP 1.23 k", "currencyVND": "1.23 k đ", "currencyTRY": "1.23 k ₺", "currencyMYR": "RM 1.23 k", "currencyXPF": "XPF 1.23 k", "currencyBGN": "BGN 1.23 k",
		"currencyPYG": "₲1.23 k", "currencyUYU": "UYU 1.23 k", "currencyILS": "₪1.23 k",
		"bytes": "1.21 KiB", "decbytes": "1.23 kB", "bits": "1.21 Kib", "decbits": "1.23 kb", "kbytes": "1.21 MiB", "deckbytes": "1.23 MB", "mbytes": "1.21 GiB", "decmbytes": "1.23 GB",
		"gbytes": "1.21 TiB", "decgbytes": "1.23 TB", "tbytes": "1.21 PiB", "dectbytes": "1.23 PB", "pbytes": "1.21 EiB", "decpbytes": "1.23 EB",
		"pps": "1.23 k p/s", "binBps": "1.21 KiB/s", "Bps": "1.23 kB/s", "binbps": "1.21 Kib/s", "bps": "1.23 kb/s", "KiBs": "1.21 MiB/s", "Kibits": "1.21 Mib/s", "KBs": "1.23 MB/s", "Kbits": "1.23 Mb/s",
		"MiBs": "1.21 GiB/s", "Mibits": "1.21 Gib/s", "MBs": "1.23 GB/s", "Mbits": "1.23 Gb/s", "GiBs": "1.21 TiB/s", "Gibits": "1.21 Tib/s", "GBs": "1.23 TB/s", "Gbits": "1.23 Tb/s",
		"TiBs": "1.21 PiB/s", "Tibits": "1.21 Pib/s", "TBs": "1.23 PB/s", "Tbits": "1.23 Pb/s", "PiBs": "1.21 EiB/s", "Pibits": "1.21 Eib/s", "PBs": "1.23 EB/s", "Pbits": "1.23 Eb/s",
		"watt": "1.23 kW", "kwatt": "1.23 MW", "megwatt": "1.23 GW", "gwatt": "1.23 TW", "mwatt": "1.23 W", "Wm2": "1.23 kW/m²", "voltamp": "1.23 kVA", "kvoltamp": "1.23 MVA", "voltampreact": "1.23 kvar",
		"kvoltampreact": "1.23 Mvar", "watth": "1.23 kWh", "watthperkg": "1.23 kWh/kg", "kwatth": "1.23 MWh", "kwattm": "1.23 MW·min", "mwatth": "1.23 GWh", "amph": "1.23 kAh", "kamph": "1.23 MAh", "mamph": "1.23 Ah",
		"joule": "1.23 kJ", "ev": "1.23 keV", "amp": "1.23 kA", "kamp": "1.23 MA", "mamp": "1.23 A", "volt": "1.23 kV", "kvolt": "1.23 MV", "mvolt": "1.23 V", "dBm": "1234 dBm", "mohm": "1.23 Ω",
		"ohm": "1.23 kΩ", "kohm": "1.23 MΩ", "Mohm": "1.23 GΩ", "farad": "1.23 kF", "µfarad": "1.23 mF", "nfarad": "1.23 µF", "pfarad": "1.23 nF", "ffarad": "1.23 pF", "henry": "1.23 kH", "mhenry": "1.23 H",
		"µhenry": "1.23 mH", "lumens": "1.23 klm",
		"flowgpm": "1234 gpm", "flowcms": "1234 cms", "flowcfs": "1234 cfs", "flowcfm": "1234 cfm", "litreh": "1234 L/h", "flowlpm": "1234 L/min", "flowmlpm": "1234 mL/min", "lux": "1234 lx",
		"forceNm": "1.23 kNm", "forcekNm": "1.23 MNm", "forceN": "1.23 kN", "forcekN": "1.23 MN", "Hs": "1.23 kH/s", "KHs": "1.23 MH/s", "MHs": "1.23 GH/s", "GHs": "1.23 TH/s", "THs": "1.23 PH/s", "PHs": "1.23 EH/s", "EHs": "1234 EH/s",
		"massmg": "1.23 g", "massg": "1.23 kg", "masslb": "1234 lb", "masskg": "1.23 Mg", "masst": "1234 t", "lengthmm": "1.23 m", "lengthin": "1234 in", "lengthft": "1234 ft", "lengthm": "1.23 km", "lengthkm": "1.23 Mm", "lengthmi": "1234 mi",
		"pressurembar": "1.23 bar", "pressurebar": "1.23 kbar", "pressurekbar": "1.23 Mbar", "pressurepa": "1.23 kPa", "pressurehpa": "1234 hPa", "pressurekpa": "1234 kPa", "pressurehg": "1234 inHg", "pressurepsi": "1.23 kpsi",
		"radbq": "1.23 kBq", "radci": "1.23 kCi", "radgy": "1.23 kGy", "radrad": "1.23 krad", "radsv": "1.23 kSv", "radmsv": "1.23 Sv", "radusv": "1.23 mSv", "radrem": "1.23 krem", "radexpckg": "1.23 kC/kg",
		"radr": "1.23 kR", "radsvh": "1.23 kSv/h", "radmsvh": "1.23 Sv/h", "radusvh": "1.23 mSv/h",
		"rotrpm": "1234 rpm", "rothz": "1.23 kHz", "rotkhz": "1.23 MHz", "rotmhz": "1.23 GHz", "rotghz": "1.23 THz", "rotrads": "1234 rad/s", "rotdegs": "1234 °/s",
		"celsius": "1234 °C", "fahrenheit": "1234 °F", "farenheit": "1234 °F", "kelvin": "1234 K",
		"hertz": "1.23 kHz", "ns": "1.23 µs", "µs": "1.23 ms", "ms": "1.23 s", "s": "20.6 min", "m": "20.6 h", "h": "51.4 d", "d": "3.38 y", "dtdurationms": "1s", "dtdurations": "20m 34s",
		"dthms": "00:20:34", "dtdhms": "00:20:34", "timeticks": "12.3 s", "clockms": "1s", "clocks": "20m 34s",
		"cps": "1.23 k c/s", "ops": "1.23 k ops/s", "reqps": "1.23 k req/s", "rps": "1.23 k rd/s", "wps": "1.23 k wr/s", "iops": "1.23 k io/s", "eps": "1.23 k evt/s", "mps": "1.23 k msg/s", "recps": "1.23 k rec/s", "rowsps": "1.23 k rows/s",
		"cpm": "1.23 k c/m", "opm": "1.23 k ops/m", "reqpm": "1.23 k req/m", "rpm": "1.23 k rd/m", "wpm": "1.23 k wr/m", "epm": "1.23 k evt/m", "mpm": "1.23 k msg/m", "recpm": "1.23 k rec/m", "rowspm": "1.23 k rows/m",
		"velocityms": "1234 m/s", "velocitykmh": "1234 km/h", "velocitymph": "1234 mph", "velocityknot": "1234 kn",
		"mlitre": "1.23 L", "litre": "1.23 kL", "m3": "1234 m³", "Nm3": "1234 Nm³", "dm3": "1234 dm³", "gallons": "1234 gal", "bool": "True", "bool_yes_no": "Yes", "bool_on_off": "On",
		"si:mF": "1.23 F", "si:m": "1.23 km", "si:µF": "1.23 mF", "count:jobs": "1.23 k jobs", "currency:@": "@1.23 k", "bool:up/down": "up", "bool:up": "up", "suffix:VUs": "1234 VUs", "prefix:~": "~1.23 k",
	}
	for unit, want := range say {
		require.True(t, KnownUnit(unit), unit)
		require.Equal(t, want, FormatValue(unit, 1234.5), unit)
	}
	for _, unit := range []string{"dateTimeAsIso", "dateTimeAsIsoNoDateIfToday", "dateTimeAsUS", "dateTimeAsUSNoDateIfToday", "dateTimeAsLocal", "dateTimeAsLocalNoDateIfToday", "dateTimeAsSystem", "dateTimeFromNow", "time:YYYY"} {
		require.True(t, KnownUnit(unit), unit)
		require.Equal(t, "2026-11-27 17:15:41Z", FormatValue(unit, 1795799741000), unit)
		require.Equal(t, "1.00e300", FormatValue(unit, 1e300), "of no date")
	}
	for _, unit := range []string{"VUs", "mbits", "kilobytes", "Xbytes", "currencyXYZ", "req/min", "%"} {
		require.False(t, KnownUnit(unit), unit)
		require.Equal(t, "12345 "+unit, FormatValue(unit, 12345), "as it is, and the text behind it")
	}
}

func TestUnitsAtTheirEnds(t *testing.T) {
	for _, c := range []struct {
		unit string
		v    float64
		want string
	}{
		{"volt", 0.0052, "5.20 mV"},
		{"amp", -3e-7, "-300 nA"},
		{"farad", 2.2e-11, "22.0 pF"},
		{"volt", 0, "0 V"},
		{"Bps", 0.5, "0.500 B/s"}, // a byte has no thousandths
		{"hex", -255, "-FF"},
		{"hex0x", 255.4, "0xFF"},
		{"sci", 0.00012345, "1.23e-4"},
		{"dthms", 93784, "26:03:04"},
		{"dtdhms", 93784, "1 d 02:03:04"},
		{"dtdhms", -93784, "-1 d 02:03:04"},
		{"dthms", -0.5, "00:00:00"},
		{"bool:up/down", 0, "down"},
		{"bool:up", 0, "-"},
		{"dateTimeAsIso", 0, "1970-01-01 00:00:00Z"},
	} {
		require.Equal(t, c.want, FormatValue(c.unit, c.v), "%s of %v", c.unit, c.v)
	}
	require.Equal(t, "1.2e5", FormatDecimals("sci", 123456, 1))
}

// Ticks are round in what the labels are written in.
func TestTicksAreRoundInTheirUnit(t *testing.T) {
	for _, c := range []struct {
		unit    string
		v, want float64
	}{
		{"bytes", 3 << 30, 1 << 30},
		{"bytes", -3 << 20, 1 << 20},
		{"mbytes", 3072, 1024},
		{"decbytes", 3e9, 1},
		{"s", 9000, 3600},
		{"s", 0.5, 1},
		{"ms", 120_000, 60_000},
		{"short", 1e6, 1},
		{"VUs", 1e6, 1},
	} {
		require.InEpsilon(t, c.want, TickUnit(c.unit, c.v), 1e-9, fmt.Sprint(c))
	}
}
