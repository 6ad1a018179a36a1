package store_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/store/storetest"
)

// TestMain lets the test binary be the process that is killed in mid-write or
// in mid-page, one that finds the disk full, and one of another user, and one
// of many that write.
func TestMain(m *testing.M) {
	if path := os.Getenv("SITREP_TEST_WRITER"); path != "" {
		os.Exit(writeForEver(path, os.Getenv("SITREP_TEST_SEED")))
	}
	if path := os.Getenv("SITREP_TEST_FULL"); path != "" {
		os.Exit(onAFullDisk(path))
	}
	if dir := os.Getenv("SITREP_TEST_SMALL"); dir != "" {
		os.Exit(onASmallDisk(dir))
	}
	if dir := os.Getenv("SITREP_TEST_NOPAGE"); dir != "" {
		os.Exit(pageOnASmallDisk(dir))
	}
	if path := os.Getenv("SITREP_TEST_LADDER"); path != "" {
		os.Exit(runTheLadder(path))
	}
	if path := os.Getenv("SITREP_TEST_READER"); path != "" {
		os.Exit(readForEver(path))
	}
	if path := os.Getenv("SITREP_TEST_PRESENT"); path != "" {
		os.Exit(attendForEver(path))
	}
	if path := os.Getenv("SITREP_TEST_MEMBER"); path != "" {
		os.Exit(obey(path))
	}
	if path := os.Getenv("SITREP_TEST_CROWD"); path != "" {
		os.Exit(oneOfTheCrowd(path))
	}
	// A process with the race detector waits a second before it ends: none that we start.
	if err := os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil { // these tests wait for the disk and for children
		panic(err)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	storetest.Timeline(t, func(t *testing.T) storetest.Log { return open(t, filepath.Join(t.TempDir(), "s.db")) })
}

func TestBook(t *testing.T) {
	t.Parallel()
	storetest.Book(t, func(t *testing.T) storetest.Outbox { return open(t, filepath.Join(t.TempDir(), "s.db")) })
}

func TestOpenRefusesInOneLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("this is a shopping list\n", 50)), 0o600))
	newer := filepath.Join(dir, "newer.db")
	open(t, newer)
	setVersion(t, newer, 99)

	for path, want := range map[string]string{
		text:                        "not a sitrep store",
		dir:                         "is a directory",
		newer:                       "newer sitrep",
		"":                          "no file given",
		"/proc/nowhere/x.db":        "open store /proc/nowhere/x.db",
		filepath.Join(text, "x.db"): "not a directory",
	} {
		_, err := store.Open(t.Context(), path)
		require.ErrorContains(t, err, want, path)
		require.NotContains(t, err.Error(), "\n", path)
	}
	after, err := os.ReadFile(text)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(after), "this is a shopping list\n"), "a file that is not ours is left as it was")
}

func TestFileIsPrivateAndSurvivesReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "s.db")
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	inc, err := incident.NewDesk(db).Declare(t.Context(), incident.By{Actor: "ana", Source: "cli", At: time.Now()}, "", incident.Declaration{Title: "x", Severity: incident.Sev1})
	require.NoError(t, err)
	install, err := db.Install(t.Context())
	require.NoError(t, err)
	require.Len(t, install, 8)
	require.NoError(t, db.Close())

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	again := open(t, path)
	got, err := again.Incident(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, inc.Title, got.Title)
	same, err := again.Install(t.Context())
	require.NoError(t, err)
	require.Equal(t, install, same)
	run, err := again.NextRun(t.Context(), "CH")
	require.NoError(t, err)
	require.Equal(t, "CH-1", run)
	run, err = again.NextRun(t.Context(), "CH")
	require.NoError(t, err)
	require.Equal(t, "CH-2", run)
}

func TestTwoProcessesSeeEachOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	woken := make(chan error, 1)
	go func() { woken <- b.Wait(context.Background(), 0) }()
	_, err := a.Append(t.Context(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "cli", Text: "deploy checkout v2"})
	require.NoError(t, err)
	require.NoError(t, <-woken)
	events, err := b.After(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
}

// However many wait, whenever they begin to: nobody misses a commit of another
// process, and nobody looks when nobody waits or the store is closed.
func TestNobodyMissesACommit(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	for night := range int64(3) {
		var readers errgroup.Group
		for range 8 {
			readers.Go(func() error {
				for seq := 20 * night; seq < 20*(night+1); {
					if err := b.Wait(t.Context(), seq); err != nil {
						return err
					}
					last, err := b.Last(t.Context())
					if err != nil {
						return err
					}
					if last <= seq {
						return fmt.Errorf("after %d: woken at %d", seq, last)
					}
					seq = last
				}
				return nil
			})
		}
		for range 20 {
			_, err := a.Append(t.Context(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "cli", Text: "deploy"})
			require.NoError(t, err)
		}
		require.NoError(t, readers.Wait())
	}
	closed := make(chan error, 1)
	go func() { closed <- b.Wait(context.Background(), 1000) }()
	require.NoError(t, b.Close())
	require.Error(t, <-closed)
	require.NoError(t, b.Close(), "twice is once")
	require.NoError(t, a.Close())
}

func setVersion(t *testing.T, path string, n int) {
	t.Helper()
	require.NoError(t, exec.Command("sqlite3", path, fmt.Sprintf("PRAGMA user_version=%d", n)).Run())
}
