package gameday

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

func at(t require.TestingT, zone, text string) time.Time {
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	at, err := time.ParseInLocation(whenLayout, text, loc)
	require.NoError(t, err)
	return at
}

// For when a day was planned last, and is planned next.
func TestWhenADayIsPlanned(t *testing.T) {
	const berlin = "Europe/Berlin"
	said := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(whenLayout)
	}
	once := When{At: "2026-11-25 14:00", TZ: berlin}
	quarterly := When{At: "2026-09-02 14:00", TZ: berlin, Every: strictyaml.Duration(13 * week)}
	for _, c := range []struct {
		w               When
		now, last, next string // in Berlin
	}{
		{once, "2026-11-25 13:59", "", "2026-11-25 14:00"},
		{once, "2026-11-25 14:00", "2026-11-25 14:00", ""},
		{once, "2027-11-25 14:00", "2026-11-25 14:00", ""},
		{quarterly, "2026-09-01 00:00", "", "2026-09-02 14:00"},
		{quarterly, "2026-09-02 14:00", "2026-09-02 14:00", "2026-12-02 14:00"}, // the clocks were put back meanwhile
		{quarterly, "2026-12-02 13:59", "2026-09-02 14:00", "2026-12-02 14:00"},
		{quarterly, "2026-12-02 14:00", "2026-12-02 14:00", "2027-03-03 14:00"},
		{When{At: "soon"}, "2026-12-02 14:00", "", ""},
		{When{}, "2026-12-02 14:00", "", ""},
	} {
		last, next := c.w.Around(at(t, berlin, c.now))
		require.Equal(t, [2]string{c.last, c.next}, [2]string{said(last), said(next)}, "%s at %s", c.w, c.now)
	}
	require.Equal(t, "2026-09-02 14:00 CEST, and every 13w from then on", quarterly.String())
}

// Whatever the plan: the last is not after now, the next is, and they are the same time of
// the day, that many days apart.
func TestLawsOfWhen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}).Draw(t, "zone")
		first := time.Unix(rapid.Int64Range(1761000000, 1793000000).Draw(t, "first"), 0)
		weeks := rapid.IntRange(1, 53).Draw(t, "weeks")
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		w := When{At: first.In(loc).Format("2006-01-02") + " 12:30", TZ: zone, Every: strictyaml.Duration(time.Duration(weeks) * week)}
		now := first.Add(time.Duration(rapid.IntRange(-1000, 100000).Draw(t, "hours later")) * time.Hour)
		last, next := w.Around(now)
		require.True(t, next.After(now))
		require.Equal(t, "12:30", next.Format("15:04"))
		if !last.IsZero() {
			require.False(t, last.After(now))
			require.Equal(t, next, last.AddDate(0, 0, 7*weeks))
		}
	})
}

func TestPlansThatAreNone(t *testing.T) {
	for yaml, want := range map[string]string{
		"when: {at: tomorrow}":                               "write it as 2026-11-25 14:00",
		"when: {at: \"2026-11-25 14:00\", tz: Mars/Olympus}": "no time zone",
		"when: {at: \"2026-11-25 14:00\", tz: Local}":        "another one on every host",
		"when: {at: \"2026-11-25 14:00\", every: 10d}":       "whole weeks",
		"when: {at: \"2026-11-25 14:00\", every: 60w}":       "whole weeks",
		"when: {every: 1w}":                                  "is no time",
	} {
		_, err := Load("day.yaml", []byte("name: d\n"+yaml+"\nsteps: [{load: shop}]\n"), known())
		require.ErrorContains(t, err, want, yaml)
		require.ErrorContains(t, err, "day.yaml:2:", yaml)
	}
	d, err := Load("day.yaml", []byte(`name: d
window: {days: [wed], hours: "09:00-12:00", tz: Europe/Berlin}
when: {at: "2026-11-25 14:00", every: 1w}
steps: [{load: shop}]
`), known())
	require.NoError(t, err)
	require.Equal(t, "Europe/Berlin", d.When.TZ, "that of the window")
	require.Len(t, d.Doubts(known()), 1)
	require.Contains(t, d.Doubts(known())[0], "so it would be refused")
	d.When.At = "2026-11-25 10:00"
	require.Empty(t, d.Doubts(known()))
}
