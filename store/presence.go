package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Present is somebody who has a screen open on this store, on this host.
type Present struct {
	Actor    incident.Person `json:"actor"`
	Incident incident.ID     `json:"incident,omitempty"` // on the screen; "" is none
	Since    time.Time       `json:"since"`
}

// Seat is one screen's place among those that are open on a store: a file in a
// folder beside it, locked as long as the process lives. Whoever dies is gone with
// the lock, whatever killed it; nobody has to time out, and the timeline is not
// written to for it. A Seat is not safe for concurrent use.
type Seat struct {
	dir  string
	file *os.File
	me   Present
}

// fresh is how long a file may be without a lock: it is made before it is locked.
const fresh = 10 * time.Second

// Attend takes a seat.
func (db *DB) Attend(who Present) (*Seat, error) {
	s := &Seat{dir: presentDir(db.path), me: who}
	if err := s.take(db.path); err != nil {
		return nil, fmt.Errorf("say who is here: %w", err)
	}
	if err := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("say who is here: lock %s: %w", s.file.Name(), err), s.Leave())
	}
	if err := s.LookAt(who.Incident); err != nil {
		return nil, errors.Join(err, s.Leave())
	}
	return s, nil
}

// take makes the seat's file.
func (s *Seat) take(path string) (err error) {
	shared, err := makeRoom(path)
	if err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(s.dir, "*.json"); err == nil && shared {
		err = s.file.Chmod(0o660)
	}
	return err
}

// presentDir is the folder of what lives as long as a process does.
func presentDir(path string) string { return path + ".present" }

// makeRoom makes that folder if it is not there.
func makeRoom(path string) (shared bool, err error) { return makeFolder(path, presentDir(path)) }

// makeFolder makes a folder beside the store, if it is not there: for those who may
// have the store, which are a group if it is shared.
func makeFolder(path, folder string) (shared bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	shared = info.Mode()&0o060 != 0
	switch err := os.Mkdir(folder, 0o700); {
	case err == nil && shared: // the group comes with the folder it is in
		return shared, os.Chmod(folder, 0o770|fs.ModeSetgid)
	case err != nil && !errors.Is(err, fs.ErrExist):
		return shared, err
	}
	return shared, nil
}

// LookAt says which incident is on the screen now.
func (s *Seat) LookAt(id incident.ID) error {
	s.me.Incident = id
	text, err := json.Marshal(s.me)
	if err != nil {
		return err
	}
	// In one write, padded over what was there: a reader sees the old or the new.
	if _, err := s.file.WriteAt(append(text, strings.Repeat(" ", max(longestSeat-len(text), 0))...), 0); err != nil {
		return fmt.Errorf("say who is here: %w", err)
	}
	return nil
}

// longestSeat is the size of a seat's file; a name that is longer makes its own
// larger, and nothing worse.
const longestSeat = 512

// Others are those who are here besides this seat, in no order. The seats of
// processes that died are taken away.
func (s *Seat) Others() ([]Present, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var here []Present
	for _, name := range names {
		if name == s.file.Name() {
			continue
		}
		p, alive, err := occupied(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // just left; or another user's, in a private store
			continue
		}
		if err != nil {
			return here, fmt.Errorf("see who is here: %w", err)
		}
		if alive {
			here = append(here, p)
		}
	}
	return here, nil
}

// occupied reads a seat, and takes it away if its process is dead.
func occupied(name string) (p Present, alive bool, err error) {
	// Another member of the group may put anything there: no link is followed, and
	// a pipe is not waited for.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return p, false, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		if info, err := f.Stat(); err == nil && time.Since(info.ModTime()) > fresh {
			return p, false, os.Remove(name)
		}
		return p, false, nil
	}
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return p, false, err
	}
	// A seat that cannot be read is that of a sitrep which writes it otherwise.
	return p, json.Unmarshal(text, &p) == nil && p.Actor != "", nil
}

// Leave gives the seat up. It may be called again.
func (s *Seat) Leave() error {
	err := os.Remove(s.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if cerr := s.file.Close(); !errors.Is(cerr, os.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	return err
}
