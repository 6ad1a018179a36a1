package chaos

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func in(t require.TestingT, zone, text string) time.Time {
	loc, err := time.LoadLocation(zone)
	require.NoError(t, err)
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, loc)
	require.NoError(t, err)
	return at
}

func TestWindows(t *testing.T) {
	work := Window{Days: []string{"mon", "Tue", "WED", "thu"}, Hours: "09:30-16:00", TZ: "Europe/Berlin"}
	night := Window{Days: []string{"fri"}, Hours: "22:00-04:00", TZ: "Europe/Berlin"}
	for _, c := range []struct {
		w    Window
		at   string // in Berlin
		open bool
	}{
		{work, "2026-11-23 09:29:59", false}, // a Monday
		{work, "2026-11-23 09:30:00", true},
		{work, "2026-11-23 15:59:59", true},
		{work, "2026-11-23 16:00:00", false},
		{work, "2026-11-27 12:00:00", false}, // a Friday
		{night, "2026-11-27 21:59:59", false},
		{night, "2026-11-27 22:00:00", true},
		{night, "2026-11-28 03:59:59", true}, // of the window that began on Friday
		{night, "2026-11-28 22:00:00", false},
		{night, "2026-11-27 03:00:00", false},
		{Window{Days: []string{"sat"}, TZ: "Europe/Berlin"}, "2026-11-28 00:00:00", true},
		{Window{Days: []string{"sat"}, TZ: "Europe/Berlin"}, "2026-11-29 00:00:00", false},
		{Window{}, "2026-11-28 12:00:00", true},
		{Window{Hours: "12:00-24:00", TZ: "Europe/Berlin"}, "2026-11-28 23:59:59", true},
		{Window{Hours: "11:00-12:00"}, "2026-11-28 12:30:00", true}, // of UTC
		{Window{Hours: "soon"}, "2026-11-28 12:30:00", false},
	} {
		require.Equal(t, c.open, c.w.Open(in(t, "Europe/Berlin", c.at)), "%s at %s", c.w, c.at)
	}
	require.True(t, work.Covers(in(t, "Europe/Berlin", "2026-11-23 15:50:30"), 9*time.Minute))
	require.True(t, work.Covers(in(t, "Europe/Berlin", "2026-11-23 15:50:00"), 10*time.Minute), "it ends when the window does")
	require.False(t, work.Covers(in(t, "Europe/Berlin", "2026-11-23 15:50:01"), 10*time.Minute))
	require.Equal(t, in(t, "Europe/Berlin", "2026-11-30 09:30:00").UTC(), work.Next(in(t, "Europe/Berlin", "2026-11-26 15:55:00"), 10*time.Minute).UTC(), "after a long weekend")
	require.Zero(t, Window{Hours: "09:00-09:05"}.Next(three, 10*time.Minute))
}

// TestWindowsWhenClocksChange: in Berlin 02:00 to 03:00 did not exist on 29 March 2026
// and came twice on 25 October.
func TestWindowsWhenClocksChange(t *testing.T) {
	w := Window{Hours: "02:15-03:15", TZ: "Europe/Berlin"}
	open := func(day string) (d time.Duration) {
		start := in(t, "Europe/Berlin", day+" 00:00:00")
		for at := start; at.Before(start.Add(6 * time.Hour)); at = at.Add(time.Minute) {
			if w.Open(at) {
				d += time.Minute
			}
		}
		return d
	}
	require.Equal(t, time.Hour, open("2026-03-28"))
	require.Equal(t, 15*time.Minute, open("2026-03-29"), "the clock goes from 02:00 to 03:00")
	require.Equal(t, 105*time.Minute, open("2026-10-25"), "the clock shows 02:15 to 03:00 twice, and goes back between")
	gap := Window{Hours: "01:30-02:30", TZ: "Europe/Berlin"}
	before := in(t, "Europe/Berlin", "2026-03-29 01:50:00")
	require.True(t, gap.Covers(before, 10*time.Minute))
	require.False(t, gap.Covers(before, 11*time.Minute), "at 02:00 it is 03:00")
}

// TestWindowLaws hold the arithmetic against the clock on the wall, minute by minute.
func TestWindowLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"}).Draw(t, "zone")
		from := rapid.IntRange(0, 24*60-1).Draw(t, "from")
		to := rapid.IntRange(0, 24*60).Filter(func(to int) bool { return to != from }).Draw(t, "to")
		days := rapid.SliceOfDistinct(rapid.SampledFrom(weekdays), rapid.ID[string]).Draw(t, "days")
		w := Window{Days: days, Hours: fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60), TZ: zone}
		_, err := w.Valid()
		require.NoError(t, err)

		start := time.Unix(rapid.Int64Range(1761000000, 1793000000).Draw(t, "start"), 0) // with two changes of every clock
		length := time.Duration(rapid.IntRange(1, 10*60).Draw(t, "seconds")) * time.Second
		loc, err := time.LoadLocation(zone)
		require.NoError(t, err)
		wall := func(at time.Time) bool {
			local := at.In(loc)
			on := func(d time.Weekday) bool {
				for _, name := range days {
					if weekdays[d] == name {
						return true
					}
				}
				return len(days) == 0
			}
			clock := local.Format("15:04")
			a, b := w.Hours[:5], w.Hours[6:]
			if a < b {
				return on(local.Weekday()) && a <= clock && clock < b
			}
			return on(local.Weekday()) && clock >= a || on(local.AddDate(0, 0, -1).Weekday()) && clock < b
		}
		all := true
		for d := time.Duration(0); d < length; d += time.Second {
			all = all && wall(start.Add(d))
		}
		require.Equal(t, wall(start), w.Open(start))
		require.Equal(t, all, w.Covers(start, length), "%s from %s for %s", w, start.In(loc), length)
		if next := w.Next(start, length); !next.IsZero() {
			require.True(t, w.Covers(next, length))
			require.True(t, next.After(start))
		}
	})
}

func TestWindowsThatAreNone(t *testing.T) {
	for key, w := range map[string]Window{
		"days": {Days: []string{"monday"}}, "tz": {TZ: "Mars/Olympus"}, "hours": {Hours: "9-16"},
	} {
		got, err := w.Valid()
		require.Error(t, err)
		require.Equal(t, key, got)
	}
	for _, hours := range []string{"09:30", "09:30-", "09:30-09:30", "09:60-10:00", "24:00-25:00", "24:00-01:00", "a:b-c:d", "09:3-10:00", "-1:00-02:00", "09:00-10:00-11:00"} {
		_, err := Window{Hours: hours}.Valid()
		require.ErrorContains(t, err, "write them as 09:30-16:00", hours)
	}
	_, err := Window{TZ: "Local"}.Valid()
	require.ErrorContains(t, err, "another one on every host")
}
