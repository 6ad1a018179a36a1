package main

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// What any process records is in the figures a moment later, and what was
// promised is known however long ago the incident ended.
func TestFiguresFollowTheTimeline(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.db")
	db, err := store.Open(t.Context(), file)
	require.NoError(t, err)
	defer db.Close()
	other, err := store.Open(t.Context(), file)
	require.NoError(t, err)
	defer other.Close()
	desk := incident.NewDesk(other)
	by := incident.By{Actor: "ana", Source: "cli", At: time.Now().Add(-60 * 24 * time.Hour)}
	old, err := desk.Declare(t.Context(), by, "", incident.Declaration{Title: "old", Severity: incident.Sev2, Service: "search"})
	require.NoError(t, err)
	_, err = desk.AddItem(t.Context(), by, old.ID, "a timeout", "", time.Time{})
	require.NoError(t, err)
	by.At = by.At.Add(time.Hour)
	_, err = desk.Resolve(t.Context(), by, old.ID, "restarted")
	require.NoError(t, err)

	m := tui.NewMailbox()
	f := newFigures(db, m, nil)
	f.pause = time.Millisecond
	ctx, end := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { require.ErrorIs(t, f.Run(ctx), context.Canceled) })
	defer run.Wait()
	defer end()
	figures := func(ok func(w *pane.World) bool) {
		t.Helper()
		require.Eventually(t, func() bool { w := m.World(); return w.Figures != nil && ok(w) }, patience, 5*time.Millisecond)
	}
	all := func(w *pane.World) []int {
		var n []int
		for _, r := range w.Figures.Ranges {
			n = append(n, r.All.Report.All.Incidents)
		}
		return n
	}
	figures(func(w *pane.World) bool {
		return len(w.Promised) == 1 && w.Promised[0].ID == old.ID && slices.Equal(all(w), []int{0, 1, 1})
	})
	by.At = time.Now()
	for range 5 {
		_, err = desk.Declare(t.Context(), by, "", incident.Declaration{Title: "new", Severity: incident.Sev1})
		require.NoError(t, err)
	}
	figures(func(w *pane.World) bool { return slices.Equal(all(w), []int{5, 6, 6}) })
	_, err = desk.CloseItem(t.Context(), by, old.ID, "AI-1")
	require.NoError(t, err)
	figures(func(w *pane.World) bool { return len(w.Promised) == 0 })
}

// A drill comes after what is real, however bad it pretends to be.
func TestDrillsComeLast(t *testing.T) {
	t.Parallel()
	at := time.Now()
	inc := func(id incident.ID, sev incident.Severity, drill bool) incident.Incident {
		return incident.Incident{ID: id, Severity: sev, Status: incident.StatusOpen, Drill: drill, Clocks: incident.Clocks{Declared: at}}
	}
	var ids []incident.ID
	for _, i := range ordered([]incident.Incident{inc("INC-1", incident.Sev1, true), inc("INC-2", incident.Sev4, false), inc("INC-3", incident.Sev2, false)}) {
		ids = append(ids, i.ID)
	}
	require.Equal(t, []incident.ID{"INC-3", "INC-2", "INC-1"}, ids)
}
