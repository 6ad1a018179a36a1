package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/store"
)

func openTwo(t *testing.T) (a, b *store.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sitrep.db")
	a, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	b, err = store.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return a, b
}

// A lease whose process is gone is taken at once, however long it would last.
func TestTheLeaseOfADeadProcessIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	dead, b := openTwo(t)
	now := time.Now()
	l, err := dead.Take(t.Context(), "dead@bastion 1", now, time.Minute)
	require.NoError(t, err)
	var held *escalation.HeldError
	_, err = b.Take(t.Context(), "ana@bastion 2", now, time.Minute)
	require.ErrorAs(t, err, &held, "it lives")
	_, err = dead.Renew(t.Context(), l, now, time.Minute)
	require.NoError(t, err, "and being looked at costs it nothing")

	require.NoError(t, dead.Close()) // its locks go, as by kill -9; the lease stays in the store
	taken, err := b.Take(t.Context(), "ana@bastion 2", now, time.Minute)
	require.NoError(t, err)
	require.Equal(t, l.Epoch+1, taken.Epoch)
	files, err := filepath.Glob(b.Path() + ".present/ladder-*.lock")
	require.NoError(t, err)
	require.Len(t, files, 1, "the dead one's is taken away")
	require.NoError(t, b.Release(t.Context(), taken))
	files, err = filepath.Glob(b.Path() + ".present/ladder-*.lock")
	require.NoError(t, err)
	require.Empty(t, files)
}

// Without a pulse (a folder that cannot be written to, a sitrep that has none) the
// lease counts alone.
func TestALeaseWithoutAPulseRunsOut(t *testing.T) {
	t.Parallel()
	a, b := openTwo(t)
	now := time.Now()
	_, err := a.Take(t.Context(), "ana@bastion 1", now, time.Minute)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(a.Path()+".present"))
	require.NoError(t, a.Close())
	var held *escalation.HeldError
	_, err = b.Take(t.Context(), "bob@bastion 2", now, time.Minute)
	require.ErrorAs(t, err, &held)
	_, err = b.Take(t.Context(), "bob@bastion 2", now.Add(time.Minute), time.Minute)
	require.NoError(t, err)
}
