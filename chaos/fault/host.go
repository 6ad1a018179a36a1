package fault

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sitrep-dev/sitrep/chaos"
)

// keptForSitrep is what stays free where sitrep's own files are, in bytes: its store
// must go on writing.
const keptForSitrep = 256 << 20

// pathOf is the directory of a host target that a fault may use.
func pathOf(t chaos.Target, kind string) (string, error) {
	if t.Host == nil || t.Host.Path == "" {
		return "", chaos.Refuse("not-named", "give the target a path under chaos.hosts", "%s hurts a filesystem, and %s names none", kind, t.Name)
	}
	dir := t.Host.Path
	st, err := os.Stat(dir)
	switch {
	case err != nil:
		return "", chaos.Refuse("target-gone", "mend path under chaos.hosts", "%s: %v", t.Name, err)
	case !st.IsDir():
		return "", chaos.Refuse("target-gone", "mend path under chaos.hosts", "%s: %s is no directory", t.Name, dir)
	}
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return "", chaos.RefuseFor(err, "no-permission", "run sitrep as a user who may write there", "%s: sitrep may not write to %s", t.Name, dir)
	}
	return dir, nil
}

// spared is one of the directories that lies on the filesystem of dir, or will when it
// is made; or nothing.
func spared(dir string, keep []string) string {
	var its, own unix.Stat_t
	if unix.Stat(dir, &its) != nil {
		return ""
	}
	for _, k := range keep {
		at := k
		for unix.Stat(at, &own) != nil && at != filepath.Dir(at) {
			at = filepath.Dir(at)
		}
		if own.Dev == its.Dev {
			return k
		}
	}
	return ""
}

// reserveOf is what a filesystem of that size keeps free unless a person says
// otherwise: 1 GiB, or 5 % where that is less.
func reserveOf(size int64) int64 { return min(1<<30, size/20) }
