package chaos

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// trustJournal refuses a journal that somebody else may have written: what it says is
// done, with all rights of whoever starts sitrep.
func trustJournal(f *os.File, euid int) error {
	for _, look := range []struct {
		path string
		stat func() (fs.FileInfo, error)
	}{{f.Name(), f.Stat}, {filepath.Dir(f.Name()), func() (fs.FileInfo, error) { return os.Stat(filepath.Dir(f.Name())) }}} {
		info, err := look.stat()
		if err != nil {
			return fmt.Errorf("journal %s: who may change it? %w", f.Name(), err)
		}
		if why := foreign(info, euid); why != "" {
			return fmt.Errorf("the journal %s is not trusted: %s %s; look at what it says, and undo it by hand or make it yours alone", f.Name(), look.path, why)
		}
	}
	return nil
}

// foreign says who but a user, root, and whoever became root by sudo could have written
// something; empty for nobody.
func foreign(info fs.FileInfo, euid int) string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	sticky := mode.IsDir() && mode&fs.ModeSticky != 0 // there everybody keeps their own
	switch {
	case !ok:
		return "has no owner"
	case mode.IsRegular() == mode.IsDir():
		return "is no file"
	case owner.Uid != 0 && owner.Uid != uint32(euid) && (euid != 0 || strconv.FormatUint(uint64(owner.Uid), 10) != os.Getenv("SUDO_UID")):
		return fmt.Sprintf("belongs to user %d", owner.Uid)
	case mode&0o002 != 0 && !sticky, mode&0o020 != 0 && !sticky && euid == 0:
		return fmt.Sprintf("may be written by others (%s)", mode)
	}
	return ""
}
