package main

import (
	"errors"
	"fmt"

	"github.com/sitrep-dev/sitrep/chaos"
)

// checkChaos reads experiments, by name or file, and says of each what it is, what is
// wrong with it, or what may be.
func (a *app) checkChaos(args []string) error {
	var problems error
	for _, name := range args {
		e, err := a.experimentNamed(name)
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		fmt.Fprintln(a.stdout, sanitise(name+": "+describeExperiment(e.Experiment)))
		for _, doubt := range chaos.Doubts(e.Experiment) {
			fmt.Fprintln(a.stderr, sanitise("sitrep: "+name+": warning: "+doubt))
		}
	}
	return withCode(exitUsage, problems)
}
