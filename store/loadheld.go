package store

import (
	"errors"
	"os"
	"path/filepath"
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
	return func() { _, _ = os.Remove(f.Name()), f.Close() }, nil
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
