package query

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFormatValueReadsAsAPersonWouldSayIt(t *testing.T) {
	for _, c := range []struct {
		unit string
		v    float64
		want string
	}{
		{"short", 0, "0"},
		{"short", 5, "5"},
		{"short", 5.25, "5.25"},
		{"short", 999, "999"},
		{"short", 999.96, "1.00 k"}, // rounding first, then the scale
		{"short", 1234, "1.23 k"},
		{"short", -1234567, "-1.23 M"},
		{"short", 0.0123, "0.0123"},
		{"short", 0.0000123, "1.23e-5"},
		{"short", math.Copysign(0, -1), "0"},
		{"", 12.34, "12.3"},
		{"none", 1234567, "1234567"},
		{"none", 3.14159, "3.14"},
		{"none", -42, "-42"},
		{"locale", 1234567, "1,234,567"},
		{"locale", -1234.5, "-1,234"}, // half to even
		{"s", 0, "0 s"},
		{"s", 0.0456, "45.6 ms"},
		{"s", 0.9999, "1.00 s"},
		{"s", 59.99, "1.00 min"},
		{"s", 90, "1.50 min"},
		{"s", 7200, "2.00 h"},
		{"s", 3e-9, "3.00 ns"},
		{"s", -0.25, "-250 ms"},
		{"s", 86400 * 30, "30.0 d"},
		{"ms", 45.61, "45.6 ms"},
		{"ms", 1500, "1.50 s"},
		{"µs", 12, "12.0 µs"},
		{"ns", 1e9, "1.00 s"},
		{"m", 90, "1.50 h"},
		{"percent", 12.34, "12.3%"},
		{"percent", 100, "100%"},
		{"percent", 0, "0%"},
		{"percent", 99.95, "99.95%"},
		{"percent", 99.9996, "99.9996%"},
		{"percent", 99.99999999, "99.999999%"}, // never 100 when it is not
		{"percentunit", 0.0681, "6.81%"},
		{"percentunit", 0.999, "99.9%"},
		{"percentunit", 1.5, "150%"},
		{"bytes", 512, "512 B"},
		{"bytes", 1536, "1.50 KiB"},
		{"bytes", 1 << 30, "1.00 GiB"},
		{"decbytes", 1536, "1.54 kB"},
		{"kbytes", 2048, "2.00 MiB"},
		{"bits", 2048, "2.00 Kib"},
		{"Bps", 1234, "1.23 kB/s"},
		{"binBps", 2048, "2.00 KiB/s"},
		{"bps", 1e6, "1.00 Mb/s"},
		{"KBs", 12, "12.0 kB/s"},
		{"ops", 5, "5.00 ops/s"},
		{"reqps", 1234, "1.23 k req/s"},
		{"hertz", 2.4e9, "2.40 GHz"},
		{"celsius", 21.5, "21.5 °C"},
		{"currencyUSD", 1234, "$1.23 k"},
		{"currencyUSD", -5, "-$5.00"},
		{"dtdurations", 45, "45s"},
		{"dtdurations", 3725, "1h 2m"},
		{"dtdurations", 90061, "1d 1h"},
		{"dtdurationms", 90000, "1m 30s"},
		{"dtdurations", -61, "-1m 1s"},
		{"dtdurations", 0.25, "250 ms"},
		{"bool", 1, "True"},
		{"bool_yes_no", 0, "No"},
		{"bool_on_off", 1, "On"},
		{"/ sec", 12.3, "12.3 / sec"}, // unknown: a suffix
		{"suffix:pods", 3, "3 pods"},
		{"suffix:", 3, "3"},
		{"prefix:€", 3, "€3"},
		{"s", math.NaN(), "NaN"},
		{"s", math.Inf(1), "+Inf"},
		{"bytes", math.Inf(-1), "-Inf"},
		{"short", math.MaxFloat64, "1.80e290 E"},
		{"s", 5e-324, "4.94e-315 ns"},
	} {
		require.Equal(t, c.want, FormatValue(c.unit, c.v), "%s of %v", c.unit, c.v)
	}
}

func TestFixedDecimals(t *testing.T) {
	require.Equal(t, "12.340%", FormatDecimals("percent", 12.34, 3))
	require.Equal(t, "1.2 k", FormatDecimals("short", 1234, 1))
	require.Equal(t, "0.00 s", FormatDecimals("s", 0, 2))
	require.Equal(t, "5", FormatDecimals("none", 5.2, -3))
	require.Equal(t, "0.0", FormatDecimals("short", -0.01, 1)) // not -0.0
	two := 2
	require.Equal(t, "5.00", (&Panel{Field: Field{Unit: "none", Decimals: &two}}).Format(5))
	require.Equal(t, "5", (&Panel{Field: Field{Unit: "none"}}).Format(5))
}

// everyUnit are the names that dashboards use.
func everyUnit() []string {
	return strings.Fields("short none s ms µs ns m h d percent percentunit bytes decbytes bits decbits Bps bps binBps binbps KBs MBs ops reqps rps wps pps iops eps cps opm rpm wpm dtdurations dtdurationms bool hertz celsius kbytes mbytes gbytes locale currencyUSD pods")
}

func TestValuesAreShortAndKeepTheirSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(everyUnit()).Draw(t, "unit")
		v := rapid.Float64().Draw(t, "v")
		text := FormatValue(name, v)
		u := unitOf(name)
		if u.kind == truth {
			return
		}
		if u.kind == plain {
			require.LessOrEqual(t, len([]rune(text)), 22, "%s of %v is %q", name, v, text)
		}
		if v < 0 && !strings.HasPrefix(text, "-") {
			require.Regexp(t, `^\D*0`, text, "%s of %v", name, v)
		}
		if v >= 0 {
			require.False(t, strings.HasPrefix(text, "-"), "%s of %v is %q", name, v, text)
		}
	})
}

func TestUsualValuesHaveThreeDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"short", "s", "decbytes", "Bps", "reqps", "hertz"}).Draw(t, "unit")
		v := math.Pow(10, rapid.Float64Range(-3, 10).Draw(t, "exponent"))
		number, _, _ := strings.Cut(FormatValue(name, v), " ")
		require.LessOrEqual(t, len(strings.Trim(strings.Replace(number, ".", "", 1), "0")), 3, number)
		require.LessOrEqual(t, len(number), 7, number)
	})
}

func TestAxisTicksOfOneStepNeverReadTheSame(t *testing.T) {
	for _, c := range []struct {
		unit    string
		v, step float64
		want    string
	}{
		{"s", 0, 0.5, "0 s"},
		{"s", 0.5, 0.5, "500 ms"},
		{"s", 1, 0.5, "1.0 s"},
		{"s", 1.5, 0.5, "1.5 s"},
		{"short", 2000, 1000, "2 k"},
		{"short", 0.25, 0.25, "0.25"},
		{"percentunit", 0.05, 0.01, "5%"},
		{"percent", 99.95, 0.05, "99.95%"},
		{"bytes", 1.5 * (1 << 30), 0.5 * (1 << 30), "1.5 GiB"},
		{"short", 1e-17, 0.1, "0"}, // the sum of ten tenths is not one
		{"short", -0.2, 0.1, "-0.2"},
		{"s", 3, 0, "3.00 s"},
		{"bool", 1, 1, "True"},
		{"short", math.NaN(), 1, "NaN"},
	} {
		require.Equal(t, c.want, FormatAxis(c.unit, c.v, c.step), "%s at %v every %v", c.unit, c.v, c.step)
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(everyUnit()).Draw(t, "unit")
		if unitOf(name).kind == truth {
			return
		}
		round := rapid.SampledFrom([]float64{1, 2, 2.5, 5}).Draw(t, "round")
		step := round * math.Pow10(rapid.IntRange(-4, 12).Draw(t, "power"))
		k := rapid.IntRange(-20, 20).Draw(t, "k")
		a, b := FormatAxis(name, float64(k)*step, step), FormatAxis(name, float64(k+1)*step, step)
		require.NotEqual(t, a, b, "%d and %d steps of %v %s", k, k+1, step, name)
	})
}

func BenchmarkFormatValue(b *testing.B) {
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		FormatValue("bytes", float64(i)*12345.678)
		i++
	}
}
