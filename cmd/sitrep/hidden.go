package main

import (
	"fmt"
	"io"
	"os"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
	"github.com/sitrep-dev/sitrep/cmd/sitrep/lab"
	"github.com/sitrep-dev/sitrep/loadtest/external"
)

// hidden runs the bodies of the processes that sitrep starts of itself.
func hidden(name string, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	switch name {
	case "__lab-service":
		return lab.ServiceMain(args, stdin)
	case "__chaos-runner":
		return chaosRunner(args, stdin, stdout, stderr)
	case "__chaos-hold":
		return chaos.HoldMain(args, stdin, stdout, fault.Holders())
	case "__chaos-rehearse":
		return chaos.RehearseMain(args, stdin, stdout, fault.All())
	case "__chaos-extra":
		return chaos.ExtraMain(args, stdin, stdout)
	case external.KeepCommand:
		return external.KeepMain(args, stdin)
	case "__undertake":
		return undertaker(args, stdin)
	}
	fmt.Fprintf(stderr, "sitrep: %s is no command of this sitrep\n", name)
	return exitUsage
}
