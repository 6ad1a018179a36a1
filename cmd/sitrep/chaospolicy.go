package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
)

// chaosMeans is what a run works with, but for its prober. db is the file of the store
// that knows the incidents.
func (a *app) chaosMeans(db string) chaos.Means {
	m := chaos.Means{Faults: fault.All(), Incidents: openIncidents{&laterStore{path: db}}}
	c, err := a.config()
	if err == nil {
		m.Policy, err = chaosPolicy(c, chaos.SystemPolicy, os.Geteuid())
	}
	if err != nil && !errors.Is(err, chaos.ErrRefused) {
		err = chaos.Refuse("policy", "mend it: nothing is done without knowing what is allowed", "%v", err)
	}
	m.Refused = err
	return m
}

// chaosPolicy is the policy that holds: that of the system, made stricter by that of the
// configuration; without one of the system that of the configuration. What neither says
// is the default.
func chaosPolicy(c *config, file string, euid int) (chaos.Policy, error) {
	system, there, err := chaos.ReadPolicy(file, euid)
	if err != nil {
		return chaos.Policy{}, err
	}
	if c.doc != nil && c.doc.Has("chaos.policy") {
		if err := chaos.TrustPolicy(c.file, euid); err != nil {
			return chaos.Policy{}, err
		}
	}
	if there {
		return c.Chaos.Policy.Join(system.Over(chaos.DefaultPolicy())), nil
	}
	return c.Chaos.Policy.Over(chaos.DefaultPolicy()), nil
}

func (a *app) rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rules", Short: "what a run may be refused for, by rule", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.flags.json {
				return a.print(chaos.Rules())
			}
			rows := [][]string{{"RULE", "NAME", "REFUSED WHEN"}}
			for _, r := range chaos.Rules() {
				rows = append(rows, []string{r.ID, r.Name, r.Says})
			}
			if err := table(a.stdout, rows); err != nil {
				return err
			}
			_, err := fmt.Fprintf(a.stdout, "\nThe policy is chaos.policy of the configuration and %s; the stricter counts.\n", chaos.SystemPolicy)
			return err
		},
	}
}
