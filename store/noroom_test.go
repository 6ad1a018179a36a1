package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// On a full disk what happened can be read, and what cannot be recorded says
// what to do. A limit on file sizes fails where a full disk does, in SQLite's
// shared index (4874) and in its journal (778), and needs no root.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	_, err = db.Append(t.Context(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "cli", Text: "deploy checkout v2"})
	require.NoError(t, err)
	require.NoError(t, db.Close())

	for limit, code := range map[int]string{1024: "(4874)", 33 << 10: "(778)"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SITREP_TEST_FULL="+path, fmt.Sprint("SITREP_TEST_LIMIT=", limit))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "read: deploy checkout v2\n")
		require.Contains(t, string(out), "append: store "+path+": the disk is full or failing, or a limit on file sizes (ulimit -f) is reached; nothing was recorded: make room (see df -h)")
		require.Contains(t, string(out), code)
		require.Contains(t, string(out), "again: recorded 1 <nil>\n")
		sqlite(t, path, "DELETE FROM event WHERE seq > 1")
	}
}

// A store that does not exist yet cannot be read either: the reason is said.
func TestFullDiskMakesNoStore(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SITREP_TEST_FULL="+filepath.Join(t.TempDir(), "new.db"), "SITREP_TEST_LIMIT=1024")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "new.db: the disk is full or failing")
}

// onAFullDisk is the process that has no room, and then has.
func onAFullDisk(path string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var was syscall.Rlimit
	var limit uint64
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was)
	if err == nil {
		_, err = fmt.Sscan(os.Getenv("SITREP_TEST_LIMIT"), &limit)
	}
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: was.Max})
	}
	if err != nil {
		fmt.Println("limit:", err)
		return 1
	}
	db, err := store.Open(ctx, path)
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	events, err := db.After(ctx, 0, 10)
	if err != nil || len(events) != 1 {
		fmt.Println("after:", events, err)
		return 1
	}
	fmt.Println("read:", events[0].Text)
	note := incident.Event{Kind: incident.ChangeRecorded, Actor: "w", Source: "test", Text: "more"}
	for err == nil { // the journal takes a few before it is at its limit
		_, err = db.Append(ctx, note)
	}
	fmt.Println("append:", err)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		fmt.Println("limit:", err)
		return 1
	}
	before, err := db.Last(ctx)
	if err == nil {
		_, err = db.Append(ctx, note)
	}
	if err != nil {
		fmt.Println("again:", err)
		return 1
	}
	// The reader sees it: it does not go on with the file as it stood.
	after, err := db.Last(ctx)
	fmt.Println("again: recorded", after-before, err)
	return 0
}
