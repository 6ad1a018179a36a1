package capacity_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/capacity"
)

func TestAFileOfResources(t *testing.T) {
	list, err := capacity.Load("capacity/shop.yaml", []byte(`resources:
  - {name: disk, usage: node_used_bytes, limit: node_size_bytes, unit: bytes, headroom: 10%}
  - {name: requests, service: checkout, usage: 'sum(rate(requests_total[5m]))', limit: {load: checkout}, unit: requests/s}
  - name: cpu
    usage: |
      sum(rate(cpu_seconds_total[5m]))
    limit: 40
    paid: sum(requested)
    price: cpu
    unit: cores
    daily: median
    history: 30d
`))
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, "node_size_bytes", list[0].Limit.Query)
	require.InDelta(t, 0.1, list[0].Headroom, 1e-9)
	require.Equal(t, "checkout", list[1].Limit.Load)
	require.Equal(t, 40.0, list[2].Limit.Number)
	require.Equal(t, capacity.Median, list[2].Daily)
}

func TestBadResources(t *testing.T) {
	for line, want := range map[string]string{
		`{usage: a, limit: 1}`:                            `"" is no name`,
		`{name: a, limit: 1}`:                             "usage is missing",
		`{name: a, usage: a}`:                             "neither a limit nor a price",
		`{name: a, usage: "a[5m]", limit: 1}`:             "put rate()",
		`{name: a, usage: "sum(", limit: 1}`:              "is no PromQL",
		`{name: a, usage: a, limit: 0}`:                   "a limit is above 0",
		`{name: a, usage: a, limit: [1]}`:                 "a limit is a number, PromQL, or {load: PLAN}",
		`{name: a, usage: a, limit: {lod: x}}`:            "a limit is a number, PromQL, or {load: PLAN}",
		`{name: a, usage: a, limit: 1, daily: best}`:      "daily is peak or median",
		`{name: a, usage: a, limit: 1, history: 5d}`:      "from 14d to 400d",
		`{name: a, usage: a, limit: 1, headroom: 95%}`:    "leaves nothing",
		`{name: a, usage: a, limit: 1, headroom: lots}`:   `"lots" is no share`,
		`{name: a, usage: a, limit: 1, unit: parsecs}`:    `"parsecs" is none of the units`,
		`{name: a, usage: a, limit: 1, paid: '"string"'}`: "gives a string",
	} {
		_, err := capacity.Load("c.yaml", []byte("resources:\n  - "+line+"\n"))
		require.ErrorContains(t, err, want, line)
		require.ErrorContains(t, err, "c.yaml:2:", line)
	}
}

const prices = `currency: EUR
region: eu
regions:
  eu:
    cpu: {price: 0.04, per: hour, unit: cores}
    storage: {price: 0.02, per: month, unit: GiB}
  us: {cpu: {price: 0.03, per: hour, unit: cores}}
savings:
  - {name: reserved, off: 30%, share: 70%, of: [cpu], assumes: a commitment of a year}
`

func TestPrices(t *testing.T) {
	p, err := capacity.LoadPrices("p.yaml", []byte(prices), "", "")
	require.NoError(t, err)
	require.Equal(t, "eu", p.Region)
	require.InDelta(t, 29.2, p.Of["cpu"].Monthly(), 1e-9)
	_, err = capacity.LoadPrices("p.yaml", []byte(prices), "", "USD")
	require.ErrorContains(t, err, "p.yaml:1:11: the prices are in EUR, and USD is asked for")
	_, err = capacity.LoadPrices("p.yaml", []byte(prices), "mars", "")
	require.ErrorContains(t, err, `there is no region "mars"; the file has eu, us`)
	p, err = capacity.LoadPrices("p.yaml", []byte(prices), "us", "")
	require.NoError(t, err)
	require.InDelta(t, 21.9, p.Of["cpu"].Monthly(), 1e-9)
	for text, want := range map[string]string{
		"currency: Euro\n": "is no currency",
		"currency: EUR\n":  "there are no prices",
		"currency: EUR\nregions: {a: {cpu: {price: 0, per: hour}}}\n":                                      "a price is above 0",
		"currency: EUR\nregions: {a: {cpu: {price: 1, per: year}}}\n":                                      "per is hour or month",
		"currency: EUR\nregions: {a: {}, b: {}}\n":                                                         "which region?",
		"currency: EUR\nregions: {a: {}}\nsavings: [{name: x, off: 1%}]":                                   "and share",
		"currency: EUR\nregions: {a: {}}\nsavings: [{name: x, off: 1%, share: 1%}]":                        "assumes is missing",
		"currency: EUR\nregions: {a: {}}\nsavings: [{name: x, off: 1%, share: 1%, assumes: y, of: [cpu]}]": `there is no price "cpu" in a`,
	} {
		_, err := capacity.LoadPrices("p.yaml", []byte(text), "", "")
		require.ErrorContains(t, err, want, text)
	}
}

func TestCosts(t *testing.T) {
	p, err := capacity.LoadPrices("p.yaml", []byte(prices), "", "")
	require.NoError(t, err)
	var days []capacity.Day
	for d := range 70 {
		days = append(days, capacity.Day{Start: start.AddDate(0, 0, d), Value: 10 + 0.1*float64(d)})
	}
	r := &capacity.Resource{Name: "cpu", Unit: "millicores", Price: "cpu", Headroom: 0.2}
	for i := range days {
		days[i].Value *= 1000
	}
	o, err := capacity.Look(r, days, 20_000, 30_000, &p)
	require.NoError(t, err)
	require.Equal(t, 16_000.0, o.Room)
	require.True(t, o.Meets.Already, "what is to stay free is in use")
	require.Equal(t, days[69].Start, o.Meets.Expected)
	c := o.Cost
	require.InDelta(t, 30*29.2, c.Now, 1e-6)
	require.False(t, c.Assumed)
	require.Len(t, c.Later, 3)
	require.InDelta(t, c.Now*(10+0.1*(69+91))/16.9, c.Later[0].Cost, 1e-6)
	require.Equal(t, "right-size", c.Savings[0].Name)
	require.InDelta(t, (30-16.9/0.8)*29.2, c.Savings[0].Monthly, 1e-6)
	require.Equal(t, "reserved", c.Savings[1].Name)
	require.InDelta(t, c.Now*0.21, c.Savings[1].Monthly, 1e-6)

	o, err = capacity.Look(r, days, math.NaN(), math.NaN(), &p)
	require.NoError(t, err)
	require.True(t, o.Cost.Assumed)
	require.InDelta(t, 16.9*29.2, o.Cost.Now, 1e-6)
	require.Zero(t, o.Meets)
	_, err = capacity.Look(&capacity.Resource{Name: "cpu", Unit: "bytes", Price: "cpu"}, days, math.NaN(), math.NaN(), &p)
	require.ErrorContains(t, err, "it counts bytes, and the price cpu is for cores")
	_, err = capacity.Look(r, days[:10], math.NaN(), math.NaN(), &p)
	require.ErrorContains(t, err, "fewer than 14")
}
