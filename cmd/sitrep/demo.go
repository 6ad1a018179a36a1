package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/cmd/sitrep/lab"
	"github.com/sitrep-dev/sitrep/tui"
)

func (a *app) demoCommand() *cobra.Command {
	var headless bool
	c := &cobra.Command{
		Use: "demo", Short: "the command centre on a small shop that can be hurt", Args: cobra.NoArgs,
		Long: `demo starts a small shop on loopback, a Prometheus that watches it, and stand-ins
for PagerDuty, Slack, a webhook and a status page, and opens the command centre on them. Nothing leaves this
machine. What happens is kept in a store of the demo's own (--db names another). Its configuration is
sitrep.yaml in a directory sitrep-demo-* below $TMPDIR, and stays as long as the demo runs: with it
every command works on the lab (sitrep --config FILE --db FILE ...).`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !headless {
				if err := tui.Usable(); err != nil {
					return err
				}
			}
			return a.demo(cmd.Context(), headless)
		},
	}
	c.Flags().BoolVar(&headless, "headless", false, "no screen: print one line of JSON when ready, and run until interrupted")
	return c
}

func (a *app) demo(ctx context.Context, headless bool) (err error) {
	dir, err := os.MkdirTemp("", "sitrep-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if a.flags.db == "" {
		state, err := stateDir()
		if err != nil {
			return err
		}
		a.flags.db = filepath.Join(state, "demo.db")
	}
	who, err := a.actor()
	if err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Options{Dir: dir, DB: a.flags.db, Person: string(who)})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	a.flags.config, a.flags.prometheus = l.Ready().Config, ""
	g, ctx := errgroup.WithContext(ctx)
	ctx, end := context.WithCancel(ctx)
	defer end()
	g.Go(func() error { return l.Run(ctx) })
	g.Go(func() error {
		defer end()
		if headless {
			return a.waitHeadless(ctx, l)
		}
		defer fmt.Fprintf(a.stderr, "the demo's store is %s (sitrep --db %s incident list); its configuration was %s, and is gone with it\n",
			sanitise(a.flags.db), sanitise(a.flags.db), sanitise(l.Ready().Config))
		return a.screen(ctx, l)
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// waitHeadless says where everything is and waits to be interrupted.
func (a *app) waitHeadless(ctx context.Context, l *lab.Lab) error {
	if err := json.NewEncoder(a.stdout).Encode(l.Ready()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
