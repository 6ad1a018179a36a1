package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A real Prometheus with 45 days of history: what grows is found, what it costs is
// told, and what cannot be said is said.
func TestCapacityOfARealServer(t *testing.T) {
	t.Parallel()
	h := newOutpost(t)
	end := time.Now().UTC().Truncate(24 * time.Hour)
	var page strings.Builder
	series := func(name string, days int, value func(day float64) float64) {
		for at := end.AddDate(0, 0, -days); at.Before(end.Add(time.Hour)); at = at.Add(15 * time.Minute) {
			day := at.Sub(end).Hours() / 24
			fmt.Fprintf(&page, "%s %g %d\n", name, value(day), at.Unix())
		}
	}
	wave := func(day float64) float64 { return 1 + 0.2*math.Sin(2*math.Pi*day) }
	page.WriteString("# TYPE used gauge\n")
	series(`used{disk="a"}`, 45, func(day float64) float64 { return (100 + day) * 1e9 * wave(day) })
	series(`used{disk="b"}`, 45, func(day float64) float64 { return 30e9 * wave(day) })
	page.WriteString("# TYPE size gauge\n")
	series(`size{disk="a"}`, 1, func(float64) float64 { return 200e9 })
	series(`size{disk="b"}`, 1, func(float64) float64 { return 200e9 })
	page.WriteString("# TYPE young gauge\n")
	series("young", 9, func(float64) float64 { return 1 })
	page.WriteString("# EOF\n")
	h.write("history.txt", page.String())
	h.historicPrometheus(filepath.Join(h.dir, "history.txt"), "--query.lookback-delta=1h")

	require.NoError(t, os.Mkdir(filepath.Join(h.dir, "capacity"), 0o700))
	h.write("capacity/shop.yaml", `resources:
  - {name: disk, usage: used, limit: 'last_over_time(size[2d])', paid: 'last_over_time(size[2d])', unit: bytes, price: storage, headroom: 10%, history: 45d}
  - {name: young, usage: young, limit: 5}
  - {name: gone, usage: no_such_metric, limit: 5}
  - {name: rate, usage: sum(used), limit: {load: smoke}}
`)
	h.write("prices.yaml", "currency: EUR\nregions: {eu: {storage: {price: 0.02, per: month, unit: GB}}}\nsavings: [{name: reserved, off: 30%, share: 50%, assumes: a year}]\n")
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\ncapacity: [capacity/*.yaml]\nprices: {file: prices.yaml, currency: EUR}\n")
	run := func(args ...string) (stdout, stderr string, code int) {
		cmd := h.command(args...)
		var errs strings.Builder
		cmd.Stderr = &errs
		out, _ := cmd.Output() // its code says it
		return string(out), errs.String(), cmd.ProcessState.ExitCode()
	}
	stdout, stderr, code := run("capacity", "--json")
	require.Equal(t, exitInconclusive, code, stderr)
	var views []outlookView
	require.NoError(t, json.Unmarshal([]byte(stdout), &views), stdout)
	require.Len(t, views, 5)
	a, b := views[0], views[1]
	require.Equal(t, `{disk="a"}`, strings.TrimPrefix(a.Labels, "used"))
	require.InDelta(t, 180e9, *a.Room, 1e6)
	// Its days' peaks grow by 1.19 GB a day and were at 119 GB: 180 GB in 51 days.
	require.InDelta(t, 51, a.Full.Expected.Sub(end).Hours()/24, 4)
	require.NotNil(t, a.BackTest)
	require.Less(t, a.BackTest.Error, 0.05)
	require.InDelta(t, 4, a.Cost.Now, 1e-6)
	require.Nil(t, b.Full.Expected, "what does not grow is never full")
	require.Equal(t, "right-size", b.Cost.Savings[0].Name)
	require.Contains(t, stderr, "young: 9 days of history")
	require.Contains(t, stderr, "gone: the usage has no data")
	require.Contains(t, stderr, "rate: no load run of smoke has passed yet")

	stdout, _, code = run("capacity", "disk")
	require.Zero(t, code, stdout)
	require.Contains(t, stdout, "COULD BE SAVED")
	_, stderr, code = run("capacity", "dsk")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "the configuration has: disk, young, gone, rate")
	h.write("sitrep.yaml", "prometheus: {url: 'http://"+h.prom+"'}\ncapacity: [capacity/*.yaml]\nprices: {file: prices.yaml, currency: USD}\n")
	_, stderr, code = run("capacity", "disk")
	require.Equal(t, exitUsage, code)
	require.Contains(t, stderr, "prices.yaml:1:11: the prices are in EUR, and USD is asked for")
}
