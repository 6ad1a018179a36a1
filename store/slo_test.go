package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/query/slo"
)

func TestSlots(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "sitrep.db"))
	now := time.Unix(1772323200, 0)
	minute := func(ago time.Duration, bad float64) slo.Slot {
		return slo.Slot{Start: now.Add(-ago).Unix(), Width: 60, Bad: bad, Total: 0.1}
	}
	a := []slo.Slot{minute(3*time.Minute, 0.05), minute(2*time.Minute, 0), minute(time.Minute, 0.1)}
	require.NoError(t, db.KeepSlots(t.Context(), slo.Kept{Key: "a", Slots: a}, slo.Kept{Key: "b", Slots: a[:1]}))
	a[2].Bad = 0.02
	require.NoError(t, db.KeepSlots(t.Context(), slo.Kept{Key: "a", Slots: a[2:]}))
	got, err := db.Slots(t.Context(), "a", now.Add(-2*time.Minute))
	require.NoError(t, err)
	require.Equal(t, a[1:], got)
	got, err = db.Slots(t.Context(), "nobody", time.Time{})
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestOldSlotsGrowCoarse(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "sitrep.db"))
	now := time.Unix(1772323200, 0)
	begun := now.Add(-10 * 24 * time.Hour).Truncate(5 * time.Minute)
	var all []slo.Slot
	for m := range int64(20) {
		if m != 7 { // a minute that nothing is known of
			all = append(all, slo.Slot{Start: begun.Unix() + m*60, Width: 60, Bad: 1, Total: 10})
		}
	}
	young := slo.Slot{Start: now.Unix() - 60, Width: 60, Total: 1}
	ancient := slo.Slot{Start: now.Unix() - 500*86400, Width: 300, Total: 1}
	require.NoError(t, db.KeepSlots(t.Context(), slo.Kept{Key: "a", Slots: append(all, young, ancient)}, slo.Kept{Key: "b", Slots: []slo.Slot{ancient}}))
	for range 2 {
		require.NoError(t, db.CoarsenSlots(t.Context(), now))
		got, err := db.Slots(t.Context(), "a", time.Time{})
		require.NoError(t, err)
		require.Len(t, got, 3+4+1)
		require.Equal(t, slo.Slot{Start: begun.Unix(), Width: 300, Bad: 5, Total: 50}, got[0])
		require.Equal(t, all[5], got[1], "beside the one that is missing")
		require.Equal(t, young, got[7])
		var tally slo.Tally
		tally.Put(got...)
		require.Equal(t, slo.Count{Bad: 19, Total: 190, Known: 19 * time.Minute}, tally.Sum(begun, begun.Add(20*time.Minute)))
	}
	got, err := db.Slots(t.Context(), "b", time.Time{})
	require.NoError(t, err)
	require.Empty(t, got)
}
