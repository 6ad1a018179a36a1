package store_test

import (
	"context"
	"fmt"
	"io"
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

func TestPresence(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	since := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	ana, err := db.Attend(store.Present{Actor: "ana", Since: since})
	require.NoError(t, err)
	bob, err := db.Attend(store.Present{Actor: "bob \x1b[2J", Incident: "INC-1", Since: since})
	require.NoError(t, err)
	others := func(s *store.Seat) []store.Present {
		t.Helper()
		here, err := s.Others()
		require.NoError(t, err)
		return here
	}
	require.Equal(t, []store.Present{{Actor: "bob \x1b[2J", Incident: "INC-1", Since: since}}, others(ana))
	require.Equal(t, []store.Present{{Actor: "ana", Since: since}}, others(bob))
	for _, id := range []incident.ID{"INC-1234567", "INC-2", ""} { // shorter ones after longer ones
		require.NoError(t, bob.LookAt(id))
		require.Equal(t, id, others(ana)[0].Incident)
	}
	require.NoError(t, bob.Leave())
	require.NoError(t, bob.Leave(), "twice is once")
	require.Empty(t, others(ana))
	require.NoError(t, ana.Leave())
	left, err := os.ReadDir(db.Path() + ".present")
	require.NoError(t, err)
	require.Empty(t, left)
}

// Who is killed is not here any more, and what it leaves is taken away once it is
// not one that is just coming.
func TestPresenceOfTheDead(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	ana, err := db.Attend(store.Present{Actor: "ana"})
	require.NoError(t, err)
	defer func() { require.NoError(t, ana.Leave()) }()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SITREP_TEST_PRESENT="+db.Path())
	_, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err)
	here, err := ana.Others()
	require.NoError(t, err)
	require.Len(t, here, 1)
	require.Equal(t, incident.Person("victim"), here[0].Actor)
	require.NoError(t, cmd.Process.Kill())
	require.ErrorContains(t, cmd.Wait(), "killed")
	here, err = ana.Others()
	require.NoError(t, err)
	require.Empty(t, here)
	seats, err := filepath.Glob(db.Path() + ".present/*.json")
	require.NoError(t, err)
	require.Len(t, seats, 2, "it might be one that is not locked yet")
	for _, seat := range seats {
		long := time.Now().Add(-time.Hour)
		require.NoError(t, os.Chtimes(seat, long, long))
	}
	_, err = ana.Others()
	require.NoError(t, err)
	seats, err = filepath.Glob(db.Path() + ".present/*.json")
	require.NoError(t, err)
	require.Len(t, seats, 1, "ana's stays, however old")
	require.NoError(t, os.WriteFile(db.Path()+".present/other.json", []byte("not JSON"), 0o600))
	require.NoError(t, syscall.Mkfifo(db.Path()+".present/pipe.json", 0o600))
	require.NoError(t, os.Symlink("/dev/tty", db.Path()+".present/link.json"))
	require.NoError(t, os.Mkdir(db.Path()+".present/folder.json", 0o700))
	here, err = ana.Others()
	require.NoError(t, err)
	require.Empty(t, here)
}

// attendForEver is the child: it takes a seat, says so, and waits to be killed.
func attendForEver(path string) int {
	db, err := store.Open(context.Background(), path)
	if err == nil {
		_, err = db.Attend(store.Present{Actor: "victim"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("here")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is gone
	return 0
}
