package main

import (
	"context"
	"fmt"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/chaos/fault"
)

func (a *app) chaosProxyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "proxy NAME", Short: "run a proxy of chaos.proxies: it passes everything on, but for what an experiment says",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runProxy(cmd.Context(), args[0]) },
	}
}

// runProxy serves clients until it is told to stop. It outlives every experiment: who was
// pointed at it would have nobody to talk to.
func (a *app) runProxy(ctx context.Context, name string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	dir, err := chaosDir()
	if err != nil {
		return err
	}
	all := proxiesOf(c, dir)
	at := slices.IndexFunc(all, func(p chaos.ProxyTarget) bool { return p.Name == name })
	if at < 0 {
		var names []string
		for _, p := range all {
			names = append(names, p.Name)
		}
		return withCode(exitUsage, fmt.Errorf("chaos.proxies has no proxy %q; it has: %s", name, orNone(names)))
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	p := all[at]
	err = fault.ServeProxy(ctx, p, func() {
		fmt.Fprintf(a.stdout, "%s listens on %s and passes everything on to %s; point clients at it, and stop it once none is\n", p.Name, p.Listen, p.Upstream)
	}, func(text string) { fmt.Fprintf(a.stderr, "sitrep: proxy %s: %s\n", p.Name, sanitise(text)) })
	if err != nil {
		return fmt.Errorf("proxy %s: %w", p.Name, err)
	}
	return nil
}

// proxiesOf are the proxies of a configuration, with where they are told about faults.
func proxiesOf(c *config, dir string) []chaos.ProxyTarget {
	all := slices.Clone(c.Chaos.Proxies)
	for i := range all {
		all[i].Socket = chaos.ProxySocket(dir, all[i].Name)
	}
	return all
}
