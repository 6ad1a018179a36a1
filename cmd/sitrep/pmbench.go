package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

// bench is where post-mortems lie while somebody edits them: in a folder beside
// the store, each in one of its own, which is locked as long as its editor or its
// sitrep lives. What lies there without a lock was left by processes that were
// killed, and is taken in by the next edit. The name of a folder says which version
// was handed out, so that it is merged and overwrites nothing.
type bench struct {
	shelf *store.Postmortems
	room  string
}

// sheet is one text on the bench.
type sheet struct {
	folder, file string
	version      int // that was handed out
	left         time.Time
	lock         *os.File
}

// sheetName is PM-1.v3.123456; one that is not named so yet is not locked yet.
var sheetName = regexp.MustCompile(`^PM-\d+\.v(\d+)\.\d+$`)

func newBench(db *store.DB) (bench, error) {
	shelf := db.Postmortems()
	room, err := shelf.EditRoom()
	return bench{shelf, room}, err
}

// begin puts a form onto the bench.
func (b bench) begin(handed postmortem.Stored) (s *sheet, err error) {
	fresh, err := os.MkdirTemp(b.room, "new.")
	if err != nil {
		return nil, fmt.Errorf("put %s down for editing: %w", handed.ID, err)
	}
	number := strings.TrimPrefix(filepath.Base(fresh), "new.")
	s = &sheet{version: handed.Version, folder: filepath.Join(b.room, fmt.Sprintf("%s.v%d.%s", handed.ID, handed.Version, number))}
	s.file = filepath.Join(s.folder, handed.ID+".md")
	s.lock, err = os.OpenFile(filepath.Join(fresh, "lock"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(fresh, handed.ID+".md"), []byte(handed.EditForm()), 0o600)
	}
	if err == nil { // from now on others may take it for one that was left
		err = os.Rename(fresh, s.folder)
	}
	if err != nil {
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, errors.Join(fmt.Errorf("put %s down for editing: %w", handed.ID, err), os.RemoveAll(fresh))
	}
	return s, nil
}

// done takes a sheet off the bench.
func (s *sheet) done() error { return errors.Join(os.RemoveAll(s.folder), s.lock.Close()) }

// setAside leaves a text that its editor gave up on where nothing takes it in by
// itself, and says where.
func (s *sheet) setAside() (file string, err error) {
	aside := s.folder + ".given-up"
	if err := os.Rename(s.folder, aside); err != nil {
		return s.file, errors.Join(err, s.lock.Close())
	}
	return filepath.Join(aside, filepath.Base(s.file)), s.lock.Close()
}

// left are the sheets of a post-mortem whose processes are gone, the oldest first,
// and how many are being edited. Those of other users cannot be read, and are not
// ours to hand in.
func (b bench) left(id string) (left []*sheet, open int, err error) {
	names, err := filepath.Glob(filepath.Join(b.room, id+".v*"))
	if err != nil {
		return nil, 0, err
	}
	for _, folder := range names {
		named := sheetName.FindStringSubmatch(filepath.Base(folder))
		info, err := os.Lstat(folder)
		if named == nil || err != nil || !info.IsDir() || !isMine(info) {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
		if err != nil {
			continue // just taken off the bench
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			open++
			if err := lock.Close(); err != nil {
				return left, open, err
			}
			continue
		}
		s := &sheet{folder: folder, file: filepath.Join(folder, id+".md"), lock: lock, left: info.ModTime()}
		s.version, _ = strconv.Atoi(named[1]) // beyond an int: a version that there is not, which is said
		if info, err := os.Stat(s.file); err == nil {
			s.left = info.ModTime()
		}
		left = append(left, s)
	}
	slices.SortStableFunc(left, func(a, b *sheet) int { return a.left.Compare(b.left) })
	return left, open, nil
}

func isMine(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

// takeUp hands in what killed processes left of a post-mortem, and says so.
func (b bench) takeUp(ctx context.Context, now postmortem.Stored, by incident.By) (says []string, err error) {
	left, open, err := b.left(now.ID)
	if err != nil {
		return nil, err
	}
	if open > 0 {
		says = append(says, fmt.Sprintf("%s is open in another editor of yours: what you write in both is merged", now.ID))
	}
	for _, s := range left {
		kept, err := b.handIn(ctx, now.Incident, s, by)
		switch when := stamp(s.left); {
		case err != nil:
			says = append(says, fmt.Sprintf("an edit of %s that never came back could not be taken in and is in %s: %v", when, s.file, err))
			err = s.lock.Close()
		default:
			if kept.Version > now.Version {
				says = append(says, fmt.Sprintf("an edit of %s that never came back is taken in: %s version %d", when, kept.ID, kept.Version))
				now = kept
			}
			err = s.done()
		}
		if err != nil {
			return says, err
		}
	}
	return says, nil
}

// handIn merges a sheet into the post-mortem. One that nobody wrote on changes
// nothing, nor does one that an editor had emptied when it died.
func (b bench) handIn(ctx context.Context, id incident.ID, s *sheet, by incident.By) (postmortem.Stored, error) {
	text, err := os.ReadFile(s.file)
	if errors.Is(err, os.ErrNotExist) || err == nil && strings.TrimSpace(string(text)) == "" {
		return postmortem.Stored{}, nil
	}
	if err != nil {
		return postmortem.Stored{}, err
	}
	handed, err := b.shelf.Version(ctx, id, s.version)
	if err != nil || string(text) == handed.EditForm() {
		return postmortem.Stored{}, err
	}
	return postmortem.Keep(ctx, b.shelf, handed, string(text), by)
}
