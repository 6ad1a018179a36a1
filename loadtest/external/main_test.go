package external

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the keeper of the programs that tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == KeepCommand {
		os.Exit(KeepMain(os.Args[2:], os.Stdin))
	}
	goleak.VerifyTestMain(m)
}
