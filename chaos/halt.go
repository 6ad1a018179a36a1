package chaos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lookEvery is how often runner and undertaker look for the HALT file.
const lookEvery = 250 * time.Millisecond

func haltPath(stateDir string) string { return filepath.Join(stateDir, "HALT") }

// Halt ends and undoes every run that uses stateDir, in whatever process, within
// a second, and forbids new ones until ClearHalt. It works as long as the
// directory can be written, whoever hangs.
func Halt(stateDir string) error {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return fmt.Errorf("halt: %w", err)
	}
	text := "halted at " + time.Now().UTC().Format(time.RFC3339) + "\n"
	if err := os.WriteFile(haltPath(stateDir), []byte(text), 0o600); err != nil {
		return fmt.Errorf("halt: %w", err)
	}
	return nil
}

// ClearHalt allows runs again. Without a HALT file it does nothing.
func ClearHalt(stateDir string) error {
	if err := os.Remove(haltPath(stateDir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("clear halt: %w", err)
	}
	return nil
}

// Halted says whether there is a HALT file, and what it says. A file that cannot
// be looked at counts as one.
func Halted(stateDir string) (string, bool) {
	info, err := os.Lstat(haltPath(stateDir))
	if errors.Is(err, os.ErrNotExist) {
		return "", false
	}
	if err == nil && !info.Mode().IsRegular() { // a FIFO would keep whoever looks for ever
		return "HALT is no file", true
	}
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(haltPath(stateDir), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	}
	if err != nil {
		return err.Error(), true
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 256))
	return strings.ToValidUTF8(strings.TrimSpace(string(b)), "?"), true
}
