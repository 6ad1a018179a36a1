package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/gameday"
)

// TestCtrlXMeetsARunThatIsBeingPlanned: it has the lock and no journal yet, and would begin
// once the HALT of ctrl+x is gone again.
func TestCtrlXMeetsARunThatIsBeingPlanned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	others, err := othersRun(dir, nil)
	require.NoError(t, err)
	require.False(t, others)
	lock, err := os.Create(filepath.Join(dir, "lock"))
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	others, err = othersRun(dir, nil)
	require.NoError(t, err)
	require.True(t, others)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = endOthers(ctx, dir, "ctrl+x")
	require.ErrorIs(t, err, errPlanned)
	_, halted := chaos.Halted(dir)
	require.True(t, halted, "or it would begin")
	require.NoError(t, chaos.ClearHalt(dir))

	ended, err := haltAll(t.Context(), dir, true, lock.Close) // it has seen HALT
	require.NoError(t, err)
	require.Empty(t, ended)
	others, err = othersRun(dir, nil)
	require.NoError(t, err)
	require.False(t, others)
}

// TestHaltWhereNoDayCanBe: what stands in the place of a game day's file says nothing, and
// waiting for it neither.
func TestHaltWhereNoDayCanBe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(dir, "gameday")))
	_, err := haltAll(t.Context(), dir, false, func() error { return chaos.Halt(dir, "ana", "") })
	require.ErrorIs(t, err, gameday.ErrNoFile)
	require.ErrorContains(t, err, "halt: every run is undone, but does a game day go on? ")
}
