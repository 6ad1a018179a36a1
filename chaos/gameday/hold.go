package gameday

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// holdFile stands beside the journals: whoever ends all of chaos has to know of a day
// that has none open just now, and begins the next run.
const holdFile = "gameday"

// ErrNoFile means that something else stands where a game day would say that it goes on.
// No day begins then, and one that went on before ends itself: waiting tells nothing.
var ErrNoFile = errors.New("is no plain file; remove it")

// Held is what a game day has while it goes on. It is let go by Release, and by the death
// of the process.
type Held struct{ file, dir *os.File }

// Hold says in a state directory of chaos that the game day who goes on there. There is one
// at a time, also when somebody has removed the file that says so: the directory is held too.
func Hold(stateDir, who string) (*Held, error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("begin %s: %w", who, err)
	}
	f, err := open(stateDir, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", who, err)
	}
	h := &Held{file: f}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	goesOn := read(f)
	if err == nil {
		if h.dir, err = os.Open(stateDir); err == nil {
			err = unix.Flock(int(h.dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			goesOn = "whose file " + f.Name() + " somebody has removed"
			if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
				err = nil // not every filesystem locks directories; the file is locked
			}
		}
	}
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		err = chaos.Refuse("one-at-a-time", "wait for its end, or end it with sitrep chaos halt", "the game day %s goes on", goesOn)
	}
	if err != nil {
		return nil, errors.Join(err, h.Release())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(who), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin %s: %w", who, err), h.Release())
	}
	return h, nil
}

// Release lets the next day begin.
func (h *Held) Release() error {
	err := h.file.Close()
	if h.dir != nil {
		err = errors.Join(err, h.dir.Close())
	}
	return err
}

// Lost says why nobody else knows of the day any more, or nothing: it must end then, as
// nobody could end it.
func (h *Held) Lost() string {
	named, err := os.Lstat(h.file.Name())
	ours, oerr := h.file.Stat()
	if oerr != nil || err == nil && os.SameFile(named, ours) || err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
		return ""
	}
	return fmt.Sprintf("its file %s is gone: who removed or moved it left nothing by which others could end this game day", h.file.Name())
}

// open opens the file of a day, and nothing that somebody has put in its place.
func open(stateDir string, how int) (*os.File, error) {
	path := filepath.Join(stateDir, holdFile)
	f, err := os.OpenFile(path, how|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) {
		return nil, fmt.Errorf("%s %w", path, ErrNoFile)
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s %w", path, ErrNoFile), err, f.Close())
	}
	return f, nil
}

// Walking is the game day that goes on in a state directory of chaos; empty if none does.
// To ask takes no lock, and so is in nobody's way.
func Walking(stateDir string) (who string, err error) {
	f, err := open(stateDir, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("does a game day go on? %w", err)
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock); err != nil {
		return "", fmt.Errorf("does a game day go on? %s: %w", f.Name(), err)
	}
	if lock.Type == unix.F_UNLCK {
		return "", nil
	}
	return read(f), nil
}

// read is what stands in the file, which whoever has the lock may be writing now.
func read(f *os.File) string {
	text, _ := io.ReadAll(io.NewSectionReader(f, 0, 512))
	if who := strings.TrimSpace(string(text)); who != "" {
		return who
	}
	return "that has just begun"
}
