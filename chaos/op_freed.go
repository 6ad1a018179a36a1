package chaos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// freedFor is how long free space says anything: later others have filled what was
// given back, and that the file's holder has ended must be enough.
const freedFor = 30 * time.Minute

// Freed is true when so many bytes are free on the filesystem of a directory, or that
// is no longer there.
func Freed(dir string, bytes int64) Check {
	return Check{Is: "freed", Path: dir, Bytes: bytes, At: time.Now().Unix()}
}

var freedCheck = checkKind{
	valid: func(c Check) error {
		if !filepath.IsAbs(c.Path) || c.Bytes <= 0 || c.At <= 0 {
			return errors.New("want an absolute path, and how much must be free there")
		}
		return nil
	},
	text: func(c Check) string { return fmt.Sprintf("at least %s free on %s", FormatSize(c.Bytes), c.Path) },
	look: func(_ context.Context, c Check) (string, bool, error) {
		free, _, err := Space(c.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return c.Path + " is gone", true, nil
		case err != nil:
			return "", false, err
		}
		text := fmt.Sprintf("%s free on %s", FormatSize(free), c.Path)
		if free < c.Bytes && time.Since(time.Unix(c.At, 0)) > freedFor {
			return text + ", which others may have filled meanwhile", true, nil
		}
		return text, free >= c.Bytes, nil
	},
}

// Space is how much of the filesystem of a directory is free for everybody, and how
// large it is, in bytes.
func Space(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", dir, err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}
