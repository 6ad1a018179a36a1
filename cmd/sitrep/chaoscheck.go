package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
)

// checkChaos reads experiments, by name or file, and says of each what it is, what is
// wrong with it, or what may be.
func (a *app) checkChaos(ctx context.Context, args []string) error {
	var problems error
	for _, name := range args {
		e, err := a.experimentNamed(name)
		if e.source != nil { // what else is wrong with it includes its queries
			err = e.checked()
		}
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		fmt.Fprintln(a.stdout, sanitise(name+": "+describeExperiment(e.Experiment)))
		for _, doubt := range append(chaos.Doubts(e.Experiment), a.nobody(ctx, e)...) {
			fmt.Fprintln(a.stderr, sanitise("sitrep: "+name+": warning: "+doubt))
		}
	}
	return withCode(exitUsage, problems)
}

// nobody is a doubt where the configuration has no entry that an experiment selects. The
// lab's list is asked; where it does not answer there is no doubt.
func (a *app) nobody(ctx context.Context, e experiment) []string {
	c, err := a.config()
	if err != nil {
		return nil
	}
	if c.Chaos.Targets != "" {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		list, err := chaos.Targets(ctx, c.Chaos.Targets)
		if err != nil || slices.ContainsFunc(list, func(t chaos.Target) bool { return t.Matches(e.Targets.Select) }) {
			return nil
		}
	}
	from := chaos.Sources{URL: c.Chaos.Targets, Processes: c.Chaos.Processes, Hosts: c.Chaos.Hosts, Proxies: c.Chaos.Proxies, Containers: c.Chaos.Containers, Toxiproxies: c.Chaos.Toxiproxies}
	if from.None() || from.Fits(e.Targets) {
		return nil
	}
	return []string{"targets.select fits none of what the configuration names under " + from.Named() + ": " + e.Targets.Wanted()}
}
