//go:build race

package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// unraced is this program built without the race detector, made when the first test asks.
// A process with it takes a quarter of a second of a processor before it begins, and a run
// is made of five: what is started to be killed, and to be looked at from outside, does
// without. Runs that a test starts by itself (lab.spawn), and those of http.latency in
// TestWhoeverDies, are watched in all their processes.
var unraced = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "test", "-vet=off", "-c", "-o", unracedFile(), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the tests without the race detector: %w\n%s", err, out)
	}
	return unracedFile(), nil
})

func unracedFile() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("sitrep-chaos-%d.test", os.Getpid()))
}
