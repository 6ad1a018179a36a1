package store

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A run that goes on, of load or a game day, is held by its process: a file of its own,
// locked, as a pulse is. Whoever reads of a run that has no end sees by the lock whether
// one is still to come.

func (db *DB) runFile(run string) string {
	return filepath.Join(presentDir(db.path), "load-"+strings.ReplaceAll(run, string(filepath.Separator), "_")+".lock")
}

// HoldRun takes the lock of a run. What it returns lets it go, and takes the file away.
func (db *DB) HoldRun(run string) (letGo func(), err error) {
	shared, err := makeRoom(db.path)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(db.runFile(run), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if shared {
		err = f.Chmod(0o660)
	}
	if err = errors.Join(err, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Truncate(0); err != nil { // of one that died after it was asked to end
		return nil, errors.Join(err, f.Close())
	}
	return func() { _, _ = os.Remove(f.Name()), f.Close() }, nil
}

// mostAsked bounds what is read of who asked a run to end.
const mostAsked = 256

// AskRunToEnd asks the process that holds a run to end it, in the name of by. It does not
// wait. Held is false if no process is at the run.
func (db *DB) AskRunToEnd(run, by string) (held bool, err error) {
	if !db.RunHeld(run) {
		return false, nil
	}
	f, err := os.OpenFile(db.runFile(run), os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("ask %s to end: %w", run, err)
	}
	_, err = f.WriteString(by[:min(len(by), mostAsked)] + "\n")
	return true, errors.Join(err, f.Close())
}

// AskedToEnd is who has asked a run to end that this process holds, empty while nobody has.
func (db *DB) AskedToEnd(run string) string {
	f, err := os.OpenFile(db.runFile(run), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	text := make([]byte, mostAsked+1)
	n, _ := f.Read(text)
	by, _, whole := strings.Cut(string(text[:n]), "\n")
	if !whole {
		return "" // it is being written
	}
	return cmp.Or(strings.ToValidUTF8(by, "?"), "somebody")
}

// anyRunHeld says whether there is a lock of a run, held or left by one that died.
func (db *DB) anyRunHeld() bool {
	all, err := os.ReadDir(presentDir(db.path))
	return err != nil && !errors.Is(err, os.ErrNotExist) || slices.ContainsFunc(all, func(e os.DirEntry) bool {
		return strings.HasPrefix(e.Name(), "load-")
	})
}

// RunHeld says that a process which is alive is at the run. A lock that cannot be read is
// somebody's: nothing is said to be dead that may not be.
func (db *DB) RunHeld(run string) bool {
	f, err := os.OpenFile(db.runFile(run), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
