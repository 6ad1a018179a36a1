package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/tui"
)

// A HALT that is raised or cleared is on the screen at the next look, whoever did it, and
// whatever else is wrong in the directory of the journals.
func TestTheScreenSeesAHalt(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	dir, err := chaosDir()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "01J.wal"), []byte("no journal"), 0o600))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		box := tui.NewMailbox()
		done := make(chan error, 1)
		go func() { done <- watchHalt(ctx, box) }()
		synctest.Wait()
		require.Nil(t, box.World().Chaos.Halt)
		require.NoError(t, chaos.Halt(dir, "ana", "the disk is full"))
		time.Sleep(time.Second + time.Millisecond)
		require.Equal(t, "ana", box.World().Chaos.Halt.By)
		require.Equal(t, "the disk is full", box.World().Chaos.Halt.Why)
		require.NoError(t, chaos.Halt(dir, "bob", "and hot"))
		time.Sleep(time.Second)
		require.Equal(t, "the disk is full; bob: and hot", box.World().Chaos.Halt.Why)
		require.NoError(t, chaos.ClearHalt(dir))
		time.Sleep(time.Second)
		require.Nil(t, box.World().Chaos.Halt)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

// What a report says of a run that was first seen in its journal makes it one of ours.
func TestAReportMakesARunOurs(t *testing.T) {
	runs := withOthers(nil, []chaos.OpenRun{{Run: "CH-1", ID: "01J", Experiment: "x", Live: true, Journal: filepath.Join(t.TempDir(), "none")}})
	require.False(t, runs[0].Here())
	require.Equal(t, "01J", runs[0].ID)
	runs = withReport(runs, chaos.Report{Run: "CH-1", ID: "01J", Experiment: "x", Kind: chaos.KindStarted, At: time.Unix(1000, 0)}, "db")
	require.True(t, runs[0].Here())
	require.Empty(t, runs[0].Holder)
}
