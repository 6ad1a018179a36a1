package store_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// Samples are kept beside one event, up to a limit, travel with the store, and go as
// other evidence does.
func TestCapsules(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	inc := night(t, db, longAgo)
	tell := incident.Event{Incident: inc.ID, Kind: incident.EvidenceRecorded, Actor: incident.Sitrep, Source: "evidence", Text: "recorded", Once: "recorded/a"}
	stretch := func(minute int, size int) incident.Capsule {
		from := longAgo.Add(time.Duration(minute) * time.Minute).UTC()
		return incident.Capsule{From: from, To: from.Add(time.Minute), Series: 3, Samples: 30, Chunks: []byte(strings.Repeat("x", size))}
	}
	require.NoError(t, db.AddCapsule(t.Context(), tell, stretch(0, 40), 100))
	events, err := db.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	require.NoError(t, db.AddCapsule(t.Context(), tell, stretch(1, 60), 100))
	require.ErrorIs(t, db.AddCapsule(t.Context(), tell, stretch(2, 1), 100), incident.ErrCapsuleFull)
	tell.Once = ""
	require.Error(t, db.AddCapsule(t.Context(), tell, stretch(2, 1), 1000), "it would not be found")
	after, err := db.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, len(events), len(after), "one event, however many stretches")
	want := []incident.Capsule{stretch(0, 40), stretch(1, 60)}
	list, err := db.Capsules(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, want, list)
	clean(t, db)

	path := filepath.Join(t.TempDir(), "new.db")
	_, err = store.Import(t.Context(), path, strings.NewReader(export(t, db)))
	require.NoError(t, err)
	other := open(t, path)
	list, err = other.Capsules(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, want, list)

	freed, err := other.Compact(t.Context(), store.Retention{CompactAfter: 30 * day, Thin: half}, longAgo.Add(100*day), false)
	require.NoError(t, err)
	require.Zero(t, freed.Capsules, "compaction leaves it whole")
	freed, err = other.Compact(t.Context(), store.Retention{DropAfter: 40 * day}, longAgo.Add(100*day), false)
	require.NoError(t, err)
	require.Equal(t, 2, freed.Capsules)
	list, err = other.Capsules(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Empty(t, list)
	clean(t, other)
}
