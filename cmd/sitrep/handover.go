package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// keepLadder is the command of the process that runs the ladder on when the
// terminal of a screen has gone away.
const keepLadder = "keep-ladder"

// terminalLost says whether a hang-up is why this process ends.
func (a *app) terminalLost() bool {
	select {
	case <-a.hungUp:
		return true
	default:
		return false
	}
}

// handOver starts a process that runs the ladder on, in a session of its own, if
// an incident is open and nobody else runs the ladder: the terminal has gone
// away, and with it perhaps the only one who was awake. The caller has given the
// lease back.
func (a *app) handOver(ctx context.Context, db *store.DB) error {
	open, err := db.Incidents(ctx, true, 1)
	if err != nil || len(open) == 0 {
		return err
	}
	lease, err := db.Lease(ctx)
	if err != nil || lease.Live(time.Now()) {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := stateDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "ladder.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(self, a.sameFlags(db, keepLadder)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no signal to the lost terminal reaches it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run the ladder on without a terminal: %w", err)
	}
	return cmd.Process.Release()
}

// sameFlags is the command line that makes another process do something on the same
// store, by the same configuration, as the same person.
func (a *app) sameFlags(db *store.DB, command ...string) []string {
	args := append(slices.Clip(command), "--db", db.Path())
	for flag, value := range map[string]string{"--config": a.flags.config, "--prometheus": a.flags.prometheus, "--as": a.flags.as, "--context": a.flags.context} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	return args
}

// keepLadderCommand is not for people: it is what handOver starts.
func (a *app) keepLadderCommand() *cobra.Command {
	return &cobra.Command{
		Use: keepLadder, Short: "run the ladder until no incident is open or somebody else runs it", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.alone = true
			return a.withStore(cmd.Context(), func(db *store.DB) error { return a.keepLadder(cmd.Context(), db) })
		},
	}
}

func (a *app) keepLadder(ctx context.Context, db *store.DB) error {
	say := func(text string) {
		fmt.Fprintf(a.stderr, "%s %s\n", time.Now().UTC().Format(time.RFC3339), sanitise(text))
	}
	c, err := a.newCentre(ctx, db, "ladder", silent(say))
	if err != nil {
		return err
	}
	defer c.close()
	say("the ladder runs on without a terminal")
	ctx, end := context.WithCancel(ctx)
	defer end()
	g, ctx := errgroup.WithContext(ctx)
	c.start(ctx, g)
	g.Go(func() error {
		defer end()
		say(untilNeedless(ctx, db, a.owner(), time.NewTicker(time.Second)))
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// letGo is how long somebody else must have run the ladder before a process that
// only stands in ends.
const letGo = 5 * time.Second

// untilNeedless waits until nothing is left to do for the ladder, or somebody
// else runs it, and says which.
func untilNeedless(ctx context.Context, db interface {
	Incidents(ctx context.Context, openOnly bool, limit int) ([]incident.Incident, error)
	Heads(ctx context.Context) ([]escalation.Message, error)
	Lease(ctx context.Context) (escalation.Lease, error)
}, me string, tick *time.Ticker,
) string {
	defer tick.Stop()
	var since time.Time // when somebody else was first seen to run it
	for {
		select {
		case <-ctx.Done():
			return "ended by a signal"
		case <-tick.C:
		}
		now := time.Now()
		lease, err := db.Lease(ctx)
		switch {
		case err != nil:
			continue // the engines say so
		case lease.Live(now) && lease.Owner != me:
			if since.IsZero() {
				since = now
			}
			if now.Sub(since) >= letGo {
				return lease.Owner + " runs the ladder now"
			}
			continue
		}
		since = time.Time{}
		open, err := db.Incidents(ctx, true, 1)
		if err != nil || len(open) > 0 {
			continue
		}
		if waiting, err := db.Heads(ctx); err == nil && len(waiting) == 0 {
			return "no incident is open, and nothing is left to send"
		}
	}
}
