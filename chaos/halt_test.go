package chaos_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/chaos"
)

// Who forbade runs, why and since when is taken out of what the HALT file says, and of a
// file that somebody has put there by hand as much as there is.
func TestAHaltFileIsTakenApart(t *testing.T) {
	since := time.Date(2026, 11, 25, 3, 1, 12, 0, time.UTC)
	touched := since.Add(time.Hour)
	for text, want := range map[string]chaos.HaltFile{
		"halted at 2026-11-25T03:01:12Z by ana: the journal's disk: full\n":            {By: "ana", Why: "the journal's disk: full", Since: since},
		"halted at 2026-11-25T03:01:12Z by ctrl+x (ana)\nbob: the disk is full\n":      {By: "ctrl+x (ana)", Why: "bob: the disk is full", Since: since},
		"halted at 2026-11-25T03:01:12Z by ana: full\nbob: and hot\ncarol: leave it\n": {By: "ana", Why: "full; bob: and hot; carol: leave it", Since: since},
		"halted at 2026-11-25T03:01:12Z: full\n":                                       {Why: "full", Since: since},
		"halted at 2026-11-25T03:01:12Z\n":                                             {Since: since},
		"halted at noon by ana: full\n":                                                {Why: "halted at noon by ana: full", Since: touched},
		"do not touch\nthis week\n":                                                    {Why: "do not touch; this week", Since: touched},
		"":                                                                             {Since: touched},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "HALT")
		_, is := chaos.ReadHalt(dir)
		require.False(t, is)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(file, touched, touched))
		got, is := chaos.ReadHalt(dir)
		require.True(t, is)
		require.True(t, want.Since.Equal(got.Since), "%q: since %s", text, got.Since)
		got.Since = want.Since
		require.Equal(t, want, got, "%q", text)
	}

	dir := t.TempDir()
	require.NoError(t, chaos.Halt(dir, "ana", "the disk is full"))
	got, is := chaos.ReadHalt(dir)
	require.True(t, is)
	require.Equal(t, "ana", got.By)
	require.Equal(t, "the disk is full", got.Why)
	require.False(t, got.Since.IsZero())

	require.NoError(t, chaos.ClearHalt(dir))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "HALT"), 0o700))
	got, is = chaos.ReadHalt(dir)
	require.True(t, is)
	require.Equal(t, "HALT is no file", got.Why)
}

// TestAHaltIsWhole from the moment that it is there: whoever it ends says by whom.
func TestAHaltIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if text, is := chaos.Halted(dir); is && !strings.Contains(text, "by ana: fire") {
				t.Errorf("it says %q", text)
				return
			}
		}
	})
	for range 500 {
		require.NoError(t, chaos.Halt(dir, "ana", "fire"))
		require.NoError(t, chaos.ClearHalt(dir))
	}
	close(stop)
	looking.Wait()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nor is a draft of it left")
}
