package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// place is where a store lies and who may have it. A directory that is setgid
// and open to its group shares the store with that group: whoever makes a file
// there makes it for the group. In every other directory a store is its
// owner's alone.
type place struct {
	file   string // the store itself, whatever links lead to it
	shared bool
	gid    uint32 // of the directory
}

// findPlace refuses directories in which no store is safe.
func findPlace(path string) (place, error) {
	file, err := target(path)
	if err != nil {
		return place{}, err
	}
	dir := filepath.Dir(file)
	if name, err := networkOf(dir); err != nil {
		return place{}, err
	} else if name != "" {
		return place{}, refusal(fmt.Sprintf("%s is on %s, a network file system: the memory that the processes of a store share ends at this host, "+
			"and locks may not be kept, so that the store would be damaged; give a file on a disk of this host with --db (or set XDG_STATE_HOME to a directory there)", dir, name))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return place{}, err
	}
	p := place{file: file, gid: info.Sys().(*syscall.Stat_t).Gid}
	mode := info.Mode()
	p.shared = mode&fs.ModeSetgid != 0 && mode&0o070 == 0o070
	sticky := mode&fs.ModeSticky != 0
	switch {
	case mode&0o002 != 0 && !sticky:
		return place{}, refusal(fmt.Sprintf("everybody on this host may replace files in its directory (mode %s); run: chmod o-w %s", octal(mode), quoted(dir)))
	case p.shared && sticky:
		// Linux (fs.protected_regular) and SQLite, which removes its journal,
		// both stumble over the files of other members there.
		return place{}, refusal(fmt.Sprintf("in its directory (mode %s) members of the group may not remove each other's files, which the store needs; run: chmod -t %s", octal(mode), quoted(dir)))
	}
	return p, nil
}

// target follows links to the file that they mean, which need not exist yet:
// SQLite puts the journal beside it.
func target(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	file, err := filepath.EvalSymlinks(abs)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return file, err
	}
	if to, err := os.Readlink(abs); err == nil { // a link in a circle is another error
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(abs), to)
		}
		return target(to)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// mode is that of a new store. SQLite gives its journal and its shared index
// the mode of the store and, where root makes them, the owner.
func (p place) mode() fs.FileMode {
	if p.shared {
		return 0o660
	}
	return 0o600
}

// checkStore refuses a store that more people may have than its place is for.
// Modes are not changed here: only a person knows who has read the file until
// now.
func (p place) checkStore() error {
	info, err := os.Stat(p.file)
	if err != nil {
		return err
	}
	file, mode := quoted(p.file), info.Mode()
	switch {
	case mode&0o006 != 0:
		return refusal(fmt.Sprintf("everybody on this host may read or write it (mode %s); run: chmod %o %s", octal(mode), p.mode(), file))
	case mode&0o060 != 0 && !p.shared:
		dir := quoted(filepath.Dir(p.file))
		return refusal(fmt.Sprintf("it is open to a group (mode %s), but its directory is not, so that the journal beside it would be another group's; "+
			"to keep it to its owner run: chmod 600 %s; to share it run: chgrp %s %s && chmod 2770 %s", octal(mode), file, groupName(owner(info).Gid), dir, dir))
	case mode&0o060 != 0 && owner(info).Gid != p.gid:
		return refusal(fmt.Sprintf("it belongs to group %s, its directory to group %s, and so would the journal; run: chgrp %s %s",
			groupName(owner(info).Gid), groupName(p.gid), groupName(p.gid), file))
	}
	return nil
}

// checkJournal refuses files of SQLite's that do not fit to the store beside
// them: who may open the one could not open the other, or somebody put them
// there. It comes before SQLite, which takes what it finds.
func (p place) checkJournal() error {
	store, err := os.Stat(p.file)
	if err != nil {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		beside, err := os.Lstat(p.file + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = checkBeside(store, beside, p.file+suffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkBeside(store, info fs.FileInfo, name string) error {
	is, want, file := owner(info), owner(store), quoted(name)
	shared := store.Mode()&0o060 != 0
	// SQLite makes it empty and gives it its mode and owner afterwards, also
	// when it finds it empty.
	if info.Mode().IsRegular() && info.Size() == 0 && (is.Uid == 0 || is.Uid == want.Uid || shared && is.Gid == want.Gid) {
		return nil
	}
	switch {
	case !info.Mode().IsRegular():
		return refusal(fmt.Sprintf("%s is %s, which SQLite did not make; take it away", name, kind(info.Mode())))
	case info.Mode()&0o666 != store.Mode()&0o666:
		return refusal(fmt.Sprintf("%s has mode %s, the store %s; run: chmod %o %s", name, octal(info.Mode()), octal(store.Mode()), store.Mode().Perm(), file))
	case shared && is.Gid != want.Gid:
		return refusal(fmt.Sprintf("%s belongs to group %s, the store to group %s; run: chgrp %s %s", name, groupName(is.Gid), groupName(want.Gid), groupName(want.Gid), file))
	case !shared && is.Uid != want.Uid:
		return refusal(fmt.Sprintf("%s belongs to %s, the store to %s; if it came with the store run: chown %s %s, else take it away",
			name, userName(is.Uid), userName(want.Uid), userName(want.Uid), file))
	}
	return nil
}

// denied says why this user may not write to the store, and who can change it.
func (p place) denied() error {
	if p.shared && !member(p.gid) {
		return refusal(fmt.Sprintf("it is shared by group %s, and you are not a member (or were not when you logged in); have yourself added to the group and log in again, or give another file with --db", groupName(p.gid)))
	}
	if info, err := os.Stat(p.file); err == nil && p.shared && info.Mode()&0o060 != 0o060 {
		return refusal(fmt.Sprintf("it belongs to %s alone (mode %s), though its directory is shared by group %s; have %s run: chmod 660 %s",
			userName(owner(info).Uid), octal(info.Mode()), groupName(p.gid), userName(owner(info).Uid), quoted(p.file)))
	}
	return refusal("it cannot be written to; give another file with --db, or mend its permissions")
}

// Sharing says who may have the store: "private", or the group that shares it.
func (db *DB) Sharing() (string, error) {
	info, err := os.Stat(db.path)
	switch {
	case err != nil:
		return "", fmt.Errorf("store %s: %w", db.path, err)
	case info.Mode()&0o060 == 0o060:
		return "shared by group " + groupName(owner(info).Gid), nil
	}
	return "private", nil
}

// forGroup runs do with a umask that takes nothing from the group, where the
// place is shared. SQLite makes a file first and gives it its mode afterwards:
// another member who opened it in between could not write to it, ever.
func (p place) forGroup(do func() error) error {
	if !p.shared {
		return do()
	}
	groupUmask.take()
	defer groupUmask.give()
	return do()
}

// groupUmask is a variable of the package because the umask is one of the
// process: whoever takes it first changes it, and the last puts it back.
var groupUmask lentUmask

type lentUmask struct {
	mu    sync.Mutex
	users int
	was   int
}

func (u *lentUmask) take() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.users == 0 {
		u.was = syscall.Umask(0o077) // there is no asking without setting
		syscall.Umask(u.was &^ 0o070)
	}
	u.users++
}

func (u *lentUmask) give() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.users--; u.users == 0 {
		syscall.Umask(u.was)
	}
}

func owner(info fs.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

func member(gid uint32) bool {
	groups, err := os.Getgroups()
	return err == nil && slices.Contains(append(groups, os.Getegid()), int(gid))
}

// groupName is a group's name, or its number where it has none.
func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// octal is a mode as chmod takes it.
func octal(mode fs.FileMode) string {
	n := uint32(mode.Perm())
	for bit, is := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&is != 0 {
			n |= bit
		}
	}
	return fmt.Sprintf("%04o", n)
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@%", r)
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
