package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sitrep-dev/sitrep/chaos/chaostest"
)

// binary is the program under test, built as `make build` builds it: children
// of the program are started from it too.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // these tests wait more than they work
		panic(err)
	}
	code := withBinary(m.Run)
	chaostest.Exit(code, binary)
}

func withBinary(run func() int) int {
	dir, err := os.MkdirTemp("", "sitrep-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "sitrep")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return run()
}
