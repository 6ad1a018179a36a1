package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

// policy is the escalation policy of the configuration, else the default.
func (a *app) policy() (escalation.Policy, error) {
	c, err := a.config()
	if err != nil {
		return escalation.Policy{}, err
	}
	switch {
	case c.Policy.path != "":
		return loadFile(c.path(c.Policy.path), escalation.LoadPolicy)
	case len(c.Policy.inline) > 0:
		p, err := escalation.LoadPolicy(c.file+" (policy)", c.Policy.inline)
		return p, withCode(exitUsage, err)
	}
	return escalation.Default(), nil
}

func (a *app) policyCommand() *cobra.Command {
	group := &cobra.Command{Use: "policy", Short: "who is called when"}
	group.AddCommand(a.policyCheckCommand(), a.explainCommand(), a.importPolicyCommand())
	return group
}

// owner names this process among all that share the store.
func (a *app) owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	who, err := a.actor()
	if err != nil {
		who = incident.Sitrep
	}
	owner := fmt.Sprintf("%s@%s %d", who, host, os.Getpid())
	if a.alone {
		owner += ", without a terminal"
	}
	return owner
}
