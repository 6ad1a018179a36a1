package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// The night that nobody wants: ten thousand events, twelve charts.
const (
	longNotes  = 10_000
	longCharts = 12
)

func TestThePageOfALongNightIsSmall(t *testing.T) {
	// not raced: it writes ten thousand events
	db := drawnNight(t, longCharts, longNotes, "")
	page := exportedPage(t, db)
	require.Less(t, len(page), 5<<20)
	require.Greater(t, len(page), 500_000, "every event is in it")
	g, err := gallery(t.Context(), db, "INC-1", time.Now())
	require.NoError(t, err)
	require.Len(t, g.Charts, longCharts)
	require.Len(t, g.Marks, 60)
	t.Logf("%d bytes", len(page))
}

// BenchmarkPostmortem measures the draft of that night from its store, kept, and its
// export as HTML.
func BenchmarkPostmortem(b *testing.B) {
	db := drawnNight(b, longCharts, longNotes, "")
	now := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	b.Run("draft", func(b *testing.B) {
		for b.Loop() {
			if _, err := refreshDraft(b.Context(), db, "INC-1", incident.By{Actor: "ana", At: now}); err != nil {
				b.Fatal(err)
			}
			if _, err := gallery(b.Context(), db, "INC-1", now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("html", func(b *testing.B) {
		s, err := db.Postmortems().Load(b.Context(), "INC-1")
		if err != nil {
			b.Fatal(err)
		}
		var page []byte
		for b.Loop() {
			if page, _, err = exporting().exported(b.Context(), db, s, export{format: "html", pictures: "svg"}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(page)), "page-bytes")
	})
	b.Run("fold", func(b *testing.B) { // without the store
		inc, events, err := draftedFrom(b.Context(), db, "INC-1", now)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			postmortem.Draft(inc, events, now)
		}
	})
}
