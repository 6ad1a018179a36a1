// Command sitrep is a terminal incident command centre: live Prometheus
// panels, the incident's timeline and escalation, chaos and load at one key,
// and a post-mortem drafted from what happened.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // quiet hours and ui.timezone on hosts that have no zones

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program: arguments in, exit code out. Hidden process bodies (the
// chaos runner, the lab's services) are dispatched first: they open no store
// and read no configuration that they were not given.
func run(args []string, stdin *os.File, stdout, stderr io.Writer) int {
	if len(args) > 0 && strings.HasPrefix(args[0], "__") {
		return hidden(args[0], args[1:], stdin, stdout, stderr)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, args: args, hungUp: hup}
	root := a.root()
	root.SetArgs(plainMinus(args))
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	return a.exit(ctx, err)
}

// plainMinus lets a text begin with a back-dating such as "-7m rollback
// started": no flag begins with a digit, so such an argument is none.
func plainMinus(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if len(a) > 1 && a[0] == '-' && a[1] >= '0' && a[1] <= '9' {
			out[i] = " " + a
		}
	}
	return out
}

// exitCode is an error that decides how the process ends (DESIGN: exit codes).
type exitCode struct {
	code int
	err  error
}

func (e *exitCode) Error() string { return e.err.Error() }
func (e *exitCode) Unwrap() error { return e.err }

// The exit codes that commands choose; 1 is every other failure.
const (
	exitUsage        = 2
	exitNotHeld      = 3
	exitRefused      = 4
	exitInconclusive = 5
	exitUndoFailed   = 6
	exitInterrupted  = 130
)

// withCode makes err end the process with code.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitCode{code, err}
}

func usage(format string, args ...any) error {
	return withCode(exitUsage, fmt.Errorf(format, args...))
}

// exit prints what went wrong, once, and says how the process ends.
func (a *app) exit(ctx context.Context, err error) int {
	if err == nil {
		return 0
	}
	code := 1
	var ec *exitCode
	switch {
	case errors.As(err, &ec):
		code = ec.code
	case errors.Is(err, incident.ErrMissing), strings.HasPrefix(err.Error(), "unknown command "):
		code = exitUsage
	case ctx.Err() != nil:
		code = exitInterrupted
	}
	if text := strings.TrimRight(err.Error(), "\n"); text != "" {
		fmt.Fprintf(a.stderr, "sitrep: %s\n", sanitise(text))
	}
	return code
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "sitrep",
		Short:         "a terminal incident command centre",
		Long:          "sitrep without a command opens the command centre. Everything on its screen can also be done by a command.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return a.screen(cmd.Context(), nil) },

		PersistentPreRun: a.undoLeft,
	}
	f := root.PersistentFlags()
	f.StringVar(&a.flags.config, "config", "", "configuration `file` (default ./sitrep.yaml, else the user's)")
	f.StringVar(&a.flags.db, "db", "", "store `file`")
	f.StringVar(&a.flags.prometheus, "prometheus", "", "Prometheus `URL`")
	f.StringArrayVar(&a.flags.boards, "board", nil, "board `file` to show instead of those of the configuration (repeatable)")
	f.StringArrayVar(&a.flags.scrape, "scrape", nil, "no Prometheus: scrape the `URL` of metrics (repeatable)")
	f.StringVar(&a.flags.scrapeConfig, "scrape-config", "", "no Prometheus: scrape what a prometheus.yml `file` names")
	f.StringArrayVar(&a.flags.rules, "rules", nil, "rule `file` to evaluate with --scrape and --scrape-config (repeatable)")
	f.StringVar(&a.flags.as, "as", "", "act as `name` on the timeline")
	f.StringVar(&a.flags.context, "context", "", "context `name` from the configuration")
	f.StringVar(&a.flags.confirm, "confirm", "", "answer what a typed confirmation would ask")
	f.StringVar(&a.flags.write, "write", "", "allow chaos, load and silences in a context that is production; on the screen for a `length`")
	f.Lookup("write").NoOptDefVal = "15m"
	f.BoolVar(&a.flags.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (%s --help lists the flags)", err, cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.commands()...)
	for _, c := range root.Commands() {
		strictArgs(c)
	}
	return root
}

// strictArgs makes every wrong argument a usage error, and every group without
// a command of its own say what it has.
func strictArgs(c *cobra.Command) {
	if c.HasSubCommands() && c.RunE == nil {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			names := make([]string, 0, len(cmd.Commands()))
			for _, s := range cmd.Commands() {
				names = append(names, s.Name())
			}
			if len(args) > 0 {
				return usage("%s has no command %q; it has %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
			}
			return usage("%s needs a command: %s", cmd.CommandPath(), strings.Join(names, ", "))
		}
	}
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage("%w; usage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	for _, s := range c.Commands() {
		strictArgs(s)
	}
}
