package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/escalation/pagerduty"
)

func (a *app) importPolicyCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "import-pagerduty ID|NAME", Short: "write a policy file from an escalation policy of PagerDuty's", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			api := cfg.pagerdutyAPI()
			if api == nil {
				return usage("import from PagerDuty: %w: it needs a REST API token (docs/pagerduty.md)", errNoToken)
			}
			found, err := api.Policy(cmd.Context(), args[0])
			if err != nil {
				return unreached(err)
			}
			src, err := found.YAML(func(id string) string {
				who, _ := cfg.personOf(pagerduty.User{ID: id})
				return string(who)
			})
			if err != nil {
				return err
			}
			if _, err := escalation.LoadPolicy(found.Name, []byte(src)); err != nil {
				return fmt.Errorf("import %s: it makes no policy that can be kept: %w", args[0], err)
			}
			if out == "" {
				_, err = fmt.Fprint(a.stdout, src) // its words are made fit where it is made
				return err
			}
			return a.writeNew(out, src)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `file`; one that is there is left alone")
	return c
}

// writeNew writes a file that is not there yet.
func (a *app) writeNew(path, text string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: give another name, or move it away", path)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s written; sitrep policy check %s reads it, and its comments say what could not be carried over\n", path, path)
	return err
}

// unreached gives the exit code to what PagerDuty did not answer.
func unreached(err error) error {
	var call *pagerduty.CallError
	if errors.As(err, &call) && call.Class != escalation.Dead {
		return withCode(exitInconclusive, err)
	}
	return err
}
