package store_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// A post-mortem is taken in once, with what the boards showed, and nobody is called
// for it.
func TestAPostmortemOfAnotherStore(t *testing.T) {
	t.Parallel()
	from, inc := resolved(t)
	at := did("ana", 41).At
	events, err := from.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	end := events[len(events)-1].ID
	capture := incident.Event{
		Incident: inc.ID, At: at, Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Once: "x",
		Data: incident.Payload(incident.Capture{Event: end, At: at}),
	}
	frozen := []incident.Frozen{{Board: "shop", From: at.Add(-time.Hour), To: at, Series: []byte("bytes")}}
	_, err = from.Keep(t.Context(), capture, frozen)
	require.NoError(t, err)
	s := refresh(t, from, inc.ID, 42)
	events, err = from.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	install, err := from.Install(t.Context())
	require.NoError(t, err)
	b, err := postmortem.Pack(install, inc, s, events, []postmortem.Series{{Event: end, Board: "shop", From: at.Add(-time.Hour), To: at, Series: []byte("bytes")}})
	require.NoError(t, err)

	to := open(t, filepath.Join(t.TempDir(), "to.db"))
	_, err = incident.NewDesk(to).Declare(t.Context(), did("eve", 0), "", incident.Declaration{Title: "another INC-1", Severity: incident.Sev4})
	require.NoError(t, err)
	got, fresh, err := to.Adopt(t.Context(), b, did("eve", 50))
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, incident.ID("INC-2"), got.Incident)
	require.Equal(t, s.Sections, got.Sections)

	there, err := to.Incident(t.Context(), "INC-2")
	require.NoError(t, err)
	require.Equal(t, "INC-1 of store "+install, there.Imported)
	require.Equal(t, inc.Clocks, func() incident.Clocks { c := there.Clocks; c.AckClaimed = false; return c }())
	require.Equal(t, 1, there.Review.Latest)
	kept, err := to.Frozen(t.Context(), end)
	require.NoError(t, err)
	require.Equal(t, frozen, kept)

	lease, err := to.Take(t.Context(), "me", at, time.Minute)
	require.NoError(t, err)
	due, _, err := to.Due(t.Context(), lease, at.Add(1000*time.Hour))
	require.NoError(t, err)
	require.Equal(t, []incident.ID{"INC-1"}, due, "the ladder has nothing to do with what was imported")

	again, fresh, err := to.Adopt(t.Context(), b, did("eve", 55))
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, got, again)
	home, fresh, err := from.Adopt(t.Context(), b, did("eve", 55))
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, s, home, "and at home it is what it was")
}
