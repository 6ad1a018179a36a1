package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two people on one store: each sees the other, what one notes is on the other's
// screen, and whoever loses the connection is gone from it.
func TestTwoScreensOnOneStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, db := filepath.Join(dir, "sitrep.yaml"), filepath.Join(dir, "s.db")
	require.NoError(t, os.WriteFile(config, []byte("prometheus: {url: http://127.0.0.1:1}\n"), 0o600))
	env := []string{"XDG_STATE_HOME=" + dir, "HOME=" + dir}
	declare := exec.Command(binary, "--config", config, "--db", db, "incident", "declare", "--severity", "SEV-4", "--title", "checkout is slow")
	declare.Env = append(os.Environ(), env...)
	_ = declare.Run() // its pages go nowhere: nobody has a key here
	ana := startTerminal(t, 120, 40, env, "--config", config, "--db", db, "--as", "ana")
	bob := startTerminal(t, 120, 40, env, "--config", config, "--db", db, "--as", "bob")
	for _, x := range []*terminal{ana, bob} {
		x.see("INC-1", "checkout is slow")
	}
	ana.match(`also here: bob|2 here`)
	bob.match(`also here: ana|2 here`)
	ana.press("n")
	ana.see("Note on INC-1")
	ana.press("rolled back\r")
	bob.press("3")
	bob.see("rolled back")
	bob.signal(syscall.SIGKILL)
	here := regexp.MustCompile(`also here|2 here`)
	ana.await("bob is gone", func(screen string) bool {
		return !here.MatchString(screen)
	})
}
