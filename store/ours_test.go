package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// sqlite runs statements on a file as any other program would.
func sqlite(t *testing.T, path, statements string) string {
	t.Helper()
	cmd := exec.Command("sqlite3", path)
	cmd.Stdin = strings.NewReader(statements)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

// unmarked makes a store as sitrep made them before they were marked.
func unmarked(t *testing.T, path string) {
	t.Helper()
	for _, name := range []string{"001_timeline", "002_outbox", "003_loadtest", "004_postmortem"} {
		ddl, err := os.ReadFile(filepath.Join("migrations", name+".sql"))
		require.NoError(t, err)
		sqlite(t, path, string(ddl))
	}
	sqlite(t, path, "PRAGMA user_version = 4; PRAGMA journal_mode = WAL;")
	require.NoError(t, os.Chmod(path, 0o600))
}

func TestOpenLeavesOtherProgramsDatabasesAlone(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string]string{
		"tables":            "CREATE TABLE users (a);",
		"tables in WAL":     "PRAGMA journal_mode = WAL; CREATE TABLE users (a);",
		"tables, a version": "CREATE TABLE users (a); PRAGMA user_version = 3;",
		"a version alone":   "PRAGMA user_version = 3;",
		"another mark":      "PRAGMA application_id = 7;",
		"one of our names":  "CREATE TABLE event (a); PRAGMA user_version = 4;",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f.db")
			sqlite(t, path, statements)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = store.Open(t.Context(), path)
			require.EqualError(t, err, "open store "+path+": the file is an SQLite database of another program, not a sitrep store; it was left as it is, give another with --db")
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			beside, err := filepath.Glob(path + "-*")
			require.NoError(t, err)
			require.Empty(t, beside)
		})
	}
}

func TestOpenRefusesAVersionThatNoSitrepWrote(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"-1": "(user_version -1)", "0": "(user_version 0)", "99": "newer sitrep"} {
		path := filepath.Join(t.TempDir(), "s.db")
		db, err := store.Open(t.Context(), path)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		sqlite(t, path, "PRAGMA user_version = "+version)
		before, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = store.Open(t.Context(), path)
		require.ErrorContains(t, err, "open store "+path+": ")
		require.ErrorContains(t, err, want)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

func TestOpenMarksItsStores(t *testing.T) {
	t.Parallel()
	fresh, old := filepath.Join(t.TempDir(), "fresh.db"), filepath.Join(t.TempDir(), "old.db")
	unmarked(t, old)
	sqlite(t, old, "INSERT INTO event VALUES (1, 'a', '', 1, 1, 'change.recorded', 'ci', 'cli', 'from before', NULL, NULL)")
	for _, path := range []string{fresh, old} {
		open(t, path)
		require.Equal(t, "1937011312", sqlite(t, path, "PRAGMA application_id"), path)
	}
	events, err := open(t, old).After(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, incident.ChangeRecorded, events[0].Kind)
	require.Equal(t, "ci", events[0].Who(), "nothing is said of how a name was known before that was recorded")
}

// A store that was killed has its schema in the journal alone.
func TestOpenKnowsAStoreByItsJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, filepath.Join(dir, "s.db"))
	for _, suffix := range []string{"", "-wal"} { // what a kill leaves
		b, err := os.ReadFile(filepath.Join(dir, "s.db"+suffix))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "killed.db"+suffix), b, 0o600))
	}
	open(t, filepath.Join(dir, "killed.db"))
}

func TestOpenSaysWhatIsNoFile(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, exec.Command("mkfifo", pipe).Run())
	for path, want := range map[string]string{"/dev/null": "it is a device", pipe: "it is a pipe", t.TempDir(): "it is a directory"} {
		_, err := store.Open(t.Context(), path)
		require.EqualError(t, err, "open store "+path+": "+want+"; give a file with --db")
	}
}
