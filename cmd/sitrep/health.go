package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/health"
)

func (a *app) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health [NAME|FILE]…", Short: "look at the checks of the configuration, once and now",
		Long: "Looks at every check (docs/checks.md), at those that are named, or at those of a file, from this host and now: pages, ports,\n" +
			"certificates, names, databases, and this host itself. It ends with 3 if any is unhealthy, and with 5 if one cannot be looked at.",
		RunE: func(cmd *cobra.Command, args []string) error {
			checks, err := a.checksNamed(args)
			if err != nil {
				return err
			}
			return a.printHealth(health.NewRunner(checks).Once(cmd.Context()), time.Now())
		},
	}
}

// checksNamed are the checks of the configuration, those of them that are named, and
// those of files.
func (a *app) checksNamed(args []string) ([]health.Check, error) {
	all, err := a.checks()
	if err != nil || len(args) == 0 && len(all) > 0 {
		return all, err
	}
	if len(args) == 0 {
		return nil, usage("the configuration has no checks: docs/checks.md says how to write some")
	}
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	var chosen []health.Check
	for _, arg := range args {
		if isFile(arg) {
			list, err := loadFile(arg, func(file string, src []byte) ([]health.Check, error) { return health.Load(file, src, c.reveal()) })
			if err != nil {
				return nil, err
			}
			chosen = append(chosen, list...)
			continue
		}
		i := slices.IndexFunc(all, func(one health.Check) bool { return one.Name == arg })
		if i < 0 {
			names := make([]string, len(all))
			for k := range all {
				names[k] = all[k].Name
			}
			return nil, usage("there is no check %q, and no such file; the configuration has: %s", arg, orNone(names))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func (a *app) printHealth(list []health.Result, now time.Time) error {
	var err error
	unhealthy, unknown := 0, 0
	rows := [][]string{{"CHECK", "SERVICE", "TYPE", "STATUS", "VALUE", "WHY"}}
	for _, r := range list {
		switch r.Status {
		case health.Unhealthy:
			unhealthy++
		case health.Unknown:
			unknown++
		}
		rows = append(rows, []string{r.Check.Name, orDash(r.Check.Service), string(r.Check.Type), string(r.Status), r.Shown(), orDash(r.Reason)})
	}
	if a.flags.json {
		err = a.print(healthOf(list, now))
	} else {
		err = table(a.stdout, rows)
	}
	switch {
	case err != nil:
		return err
	case unhealthy > 0:
		return withCode(exitNotHeld, fmt.Errorf("unhealthy: %d of %s", unhealthy, count(len(list), "check")))
	case unknown > 0:
		return withCode(exitInconclusive, errors.New("not everything could be looked at"))
	}
	return nil
}
