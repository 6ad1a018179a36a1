package chaos

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// TrustPolicy refuses (R13) a file with a policy that could be changed by those whom it
// is to hold back: where sitrep runs as root (euid 0), the file and the directories above it
// must be root's, and nobody else's to write. Without root it changes nothing: whoever
// starts sitrep may do all that it may.
func TrustPolicy(file string, euid int) error {
	path, why, err := changeable(file, euid)
	switch {
	case err != nil:
		return Refuse("policy", "look why", "%s holds a policy, and it cannot be seen who may change it: %v", file, err)
	case why != "":
		return Refuse("policy", "make it root's alone: chown root and chmod go-w "+path, "%s holds a policy, and %s %s", file, path, why)
	}
	return nil
}

// mostLinks is how many links lead on before it counts as a circle, as in the kernel.
const mostLinks = 40

// changeable says by which path, and why, somebody else than root could change a file or
// put another in its place. It goes the way that the kernel goes, and looks at every
// directory and every link on it: a link in a directory of somebody else leads wherever they
// want by the time that the file is opened. To whoever is not root nothing is changeable.
func changeable(file string, euid int) (path, why string, err error) {
	if euid != 0 {
		return "", "", nil
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return file, "", err
	}
	at, rest, links := "/", strings.Split(file, "/"), 0
	for {
		info, err := os.Lstat(at)
		if err != nil {
			return at, "", err
		}
		if why := writableBy(info); why != "" {
			return at, why, nil
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(at)
			if links++; err == nil && links > mostLinks {
				err = fmt.Errorf("%s: %w", file, syscall.ELOOP)
			}
			if err != nil {
				return at, "", err
			}
			rest = slices.Concat(strings.Split(to, "/"), rest)
			if at = filepath.Dir(at); filepath.IsAbs(to) {
				at = "/"
			}
		}
		rest = slices.DeleteFunc(rest, func(name string) bool { return name == "" || name == "." })
		if len(rest) == 0 {
			return "", "", nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:] // ".." too: there is no link in at
	}
}

// writableBy says who but root may change a file, or what is in a directory. One in
// which everybody keeps their own (/tmp) lets nobody replace what is root's.
func writableBy(info fs.FileInfo) string {
	owner, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode()
	switch {
	case !ok:
		return "has no owner"
	case owner.Uid != 0:
		return fmt.Sprintf("belongs to user %d", owner.Uid)
	case mode&fs.ModeSymlink != 0:
		return "" // nobody writes to a link
	case mode&0o022 != 0 && !(mode.IsDir() && mode&fs.ModeSticky != 0):
		return fmt.Sprintf("may be written by others (%s)", mode)
	}
	return ""
}

// longestPolicy is more than any file with a policy has.
const longestPolicy = 1 << 20

func readPolicyFile(file string) ([]byte, error) { return readPlain(file, longestPolicy) }

// readPlain reads a plain file of so many bytes at the most. Anything else could keep an
// undo waiting (a FIFO), or have no end.
func readPlain(file string, most int64) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no plain file (%s)", file, info.Mode().Type())
	case info.Size() > most:
		return nil, fmt.Errorf("%s is longer than %s", file, FormatSize(most))
	}
	return io.ReadAll(io.LimitReader(f, most))
}

// ReadPolicy reads the policy of the system, if there is one.
func ReadPolicy(file string, euid int) (Policy, bool, error) {
	src, err := readPolicyFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Policy{}, false, nil
	}
	if err != nil {
		return Policy{}, false, Refuse("policy", "make it readable, or remove it", "%v", err)
	}
	if err := TrustPolicy(file, euid); err != nil {
		return Policy{}, false, err
	}
	p, err := LoadPolicy(file, src)
	return p, err == nil, err
}
