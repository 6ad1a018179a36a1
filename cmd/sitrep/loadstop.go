package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

// askedEvery is how often a run looks whether somebody has asked it to end.
const askedEvery = 200 * time.Millisecond

// endable is a context for a run that others can ask to end: it ends with ctx, or when
// somebody has asked. Done frees it, and says who has.
func endable(ctx context.Context, db *store.DB, run string) (until context.Context, done func() error) {
	until, end := context.WithCancelCause(ctx)
	var asked error
	var looking sync.WaitGroup
	looking.Go(func() {
		look := time.NewTicker(askedEvery)
		defer look.Stop()
		for {
			select {
			case <-until.Done():
				return
			case <-look.C:
			}
			if by := db.AskedToEnd(run); by != "" {
				asked = fmt.Errorf("ended by %s", by)
				end(asked)
				return
			}
		}
	})
	return until, func() error {
		end(nil)
		looking.Wait()
		return asked
	}
}

func (a *app) stopLoadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stop [RUN]", Short: "end load that goes on, wherever it was started", Args: cobra.MaximumNArgs(1),
		Long: "Asks the processes that send load to end it, and waits until they have: no more arrivals, and what is in flight has " + span(drainTime) + ".\nWithout a RUN, such as LT-7, all load of this store ends.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				return a.stopLoad(cmd.Context(), db, args)
			})
		},
	}
}

func (a *app) stopLoad(ctx context.Context, db *store.DB, args []string) error {
	going, err := db.RunningLoads(ctx)
	if err != nil {
		return err
	}
	if len(args) > 0 {
		going = slices.DeleteFunc(going, func(r loadtest.Result) bool { return r.Run != args[0] })
		if len(going) == 0 {
			res, err := db.LoadRun(ctx, args[0])
			if errors.Is(err, loadtest.ErrNoRun) {
				return usage("there is no load run %q; sitrep load list shows the runs", args[0])
			}
			if err != nil {
				return err
			}
			return usage("%s has ended already: %s", res.Run, describeResult(res))
		}
	}
	who, err := a.actor()
	if err != nil {
		return err
	}
	ended, err := stopLoads(ctx, db, going, fmt.Sprintf("%s (sitrep load stop)", who))
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.print(ended)
	}
	for _, r := range ended {
		fmt.Fprintf(a.stdout, "%s %s %s\n", r.Run, sanitise(r.Plan), sanitise(describeResult(r)))
	}
	if len(ended) == 0 {
		fmt.Fprintln(a.stdout, "no load run goes on")
	}
	return nil
}

// stopLoads asks whoever is at the runs to end them, waits until they have, and returns their
// results.
func stopLoads(ctx context.Context, db *store.DB, going []loadtest.Result, by string) ([]loadtest.Result, error) {
	asked, bad := askLoads(db, going, by)
	ended, err := awaitLoads(ctx, db, asked)
	return ended, errors.Join(bad, err)
}

// askLoads asks whoever is at the runs to end them; asked are those of which somebody could be.
func askLoads(db *store.DB, going []loadtest.Result, by string) (asked []loadtest.Result, bad error) {
	for _, r := range going {
		if _, err := db.AskRunToEnd(r.Run, by); err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		asked = append(asked, r)
	}
	return asked, bad
}

// awaitLoads waits until runs that were asked to end have, and returns their results.
func awaitLoads(ctx context.Context, db *store.DB, asked []loadtest.Result) ([]loadtest.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*drainTime)
	defer cancel()
	ended := []loadtest.Result{}
	for _, r := range asked {
		for db.RunHeld(r.Run) {
			select {
			case <-ctx.Done():
				return ended, fmt.Errorf("%s %s was asked to end and has not: its process does not answer; look for it with ps, and send it SIGTERM", r.Run, sanitise(r.Plan))
			case <-time.After(50 * time.Millisecond):
			}
		}
		res, err := db.LoadRun(context.WithoutCancel(ctx), r.Run)
		if err != nil {
			return ended, err
		}
		res.Seconds, res.Rows = nil, nil
		ended = append(ended, res)
	}
	return ended, nil
}
