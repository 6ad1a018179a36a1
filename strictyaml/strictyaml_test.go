package strictyaml_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

type stage struct {
	Rate float64             `yaml:"rate"`
	For  strictyaml.Duration `yaml:"for"`
}

type plan struct {
	Name       string   `yaml:"name"`
	Stages     []stage  `yaml:"stages"`
	Thresholds []string `yaml:"thresholds"`
}

func TestDecodeSaysWhereAndWhat(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"unknown key names the nearest": {
			"name: a\ntresholds: []\n",
			"p.yaml:2:1: unknown key \"tresholds\"; did you mean \"thresholds\"?\n   1 | name: a\n>  2 | tresholds: []\n       ^",
		},
		"a key like no other": {"zzzzzz: 1\n", "p.yaml:1:1: unknown key \"zzzzzz\"\n>  1 | zzzzzz: 1\n       ^"},
		"duration without unit": {
			"stages:\n- rate: 1\n  for: 10\n",
			"p.yaml:3:8: \"10\" is not a duration; write for example 300ms, 30s, 5m, 2h, 1d or 1w\n   1 | stages:\n   2 | - rate: 1\n>  3 |   for: 10\n              ^",
		},
		"odd tag":         {"thresholds: !x\n", "p.yaml: the file is not YAML that can be read: look for a ! before a value"},
		"empty":           {" \n", "p.yaml: the file is empty"},
		"comments only":   {"# hi\n", "p.yaml: the file holds only comments"},
		"binary":          {"name: a\nSQLite\x00", "p.yaml:2:1: not a text file: it contains a NUL byte"},
		"second document": {"name: a\n---\nname: b\n", "p.yaml:3:1: a second document starts here; only one is read: put it into a file of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			var p plan
			_, err := strictyaml.Decode("p.yaml", []byte(c.src), &p)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestDecodeRefusesWrongTypes(t *testing.T) {
	for _, src := range []string{"name: [1]\n", "stages: 3\n", "stages: [{rate: fast}]\n", "name: a\nname: b\n", "name: 'open\n", "a: b: c\n", "- 1\n"} {
		var p plan
		_, err := strictyaml.Decode("p.yaml", []byte(src), &p)
		var e *strictyaml.Error
		require.ErrorAs(t, err, &e, src)
		require.Positive(t, e.Line, "%q has no line: %v", src, err)
	}
}

func TestErrorfPointsAtTheValueOrItsParent(t *testing.T) {
	src := "name: a\nstages:\n- rate: 1\n  for: 10s\n- rate: -4\n"
	var p plan
	doc, err := strictyaml.Decode("p.yaml", []byte(src), &p)
	require.NoError(t, err)
	for path, want := range map[string]string{
		"stages[1].rate": "p.yaml:5:9: bad",
		"stages[1].for":  "p.yaml:5:3: bad", // left out: the stage it is missing from
		"thresholds":     "p.yaml:1:1: bad",
		"name":           "p.yaml:1:7: bad",
	} {
		require.ErrorContains(t, doc.Errorf(path, "bad"), want, path)
	}
}

func TestDurationsRoundTrip(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300ms": 300 * time.Millisecond, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour,
		"1w": 7 * 24 * time.Hour, "1.5s": 1500 * time.Millisecond, "0s": 0, "20m": 20 * time.Minute,
	} {
		d, err := strictyaml.ParseDuration(text)
		require.NoError(t, err)
		require.Equal(t, want, d)
		require.Equal(t, text, strictyaml.FormatDuration(d))
		b, err := json.Marshal(strictyaml.Duration(d))
		require.NoError(t, err)
		var back strictyaml.Duration
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, d, back.D())
	}
	for _, bad := range []string{"", "5", "m", "5x", "-5m", "5m5", "1e9s", "99999999w", "5 m"} {
		_, err := strictyaml.ParseDuration(bad)
		require.Error(t, err, bad)
	}
}

// The longest and the shortest duration that there is, and what is longer.
func TestDurationsAtTheEnd(t *testing.T) {
	longest := strictyaml.FormatDuration(math.MaxInt64)
	require.Equal(t, "106751d23h47m16.854775807s", longest)
	d, err := strictyaml.ParseDuration(longest)
	require.NoError(t, err)
	require.Equal(t, time.Duration(math.MaxInt64), d)
	require.Equal(t, "-106751d23h47m16.854775808s", strictyaml.FormatDuration(math.MinInt64))
	for _, long := range []string{"9223372036854775807ns", "9223372036854775808ns", "106751d23h47m16.854775808s", "99999999999999999999h", "15250w1w"} {
		_, err := strictyaml.ParseDuration(long)
		require.ErrorContains(t, err, "too long a duration; the longest is about 292 years", long)
	}
}

// What is read is never less than nothing, and what is written is read again as
// the same.
func FuzzDuration(f *testing.F) {
	f.Add("1h30m", int64(0))
	f.Add("9223372036854775807ns", int64(math.MinInt64))
	f.Add("99999999999999999999h", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, text string, n int64) {
		check := func(d time.Duration) {
			back, err := strictyaml.ParseDuration(strictyaml.FormatDuration(d))
			require.NoError(t, err)
			require.Equal(t, d, back)
		}
		if d, err := strictyaml.ParseDuration(text); err == nil {
			require.GreaterOrEqual(t, d, time.Duration(0))
			check(d)
		}
		if n >= 0 {
			check(time.Duration(n))
		} else {
			require.Equal(t, byte('-'), strictyaml.FormatDuration(time.Duration(n))[0])
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("name: a\nstages: [{rate: 1, for: 1s}]\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, src string) {
		var p plan
		doc, err := strictyaml.Decode("f.yaml", []byte(src), &p)
		if err == nil {
			require.Error(t, doc.Errorf("stages[0].rate", "x"))
		}
	})
}
