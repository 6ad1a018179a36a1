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

// Hold says in a state directory of chaos that the game day who goes on there, until
// release is called, or the process dies. There is one at a time.
func Hold(stateDir, who string) (release func() error, err error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("begin %s: %w", who, err)
	}
	f, err := os.OpenFile(filepath.Join(stateDir, holdFile), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin %s: %w", who, err)
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			err = chaos.Refuse("one-at-a-time", "wait for its end, or end it with sitrep chaos halt", "the game day %s goes on", read(f))
		}
		return nil, errors.Join(err, f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(who), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("begin %s: %w", who, err), f.Close())
	}
	return f.Close, nil
}

// Walking is the game day that goes on in a state directory of chaos; empty if none does.
// To ask takes no lock, and so is in nobody's way.
func Walking(stateDir string) (who string, err error) {
	f, err := os.OpenFile(filepath.Join(stateDir, holdFile), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
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
