package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) mergeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "merge ID INTO", Short: "say that one incident is the same as another and goes on there", Args: cobra.ExactArgs(2),
		Long: "Say that incident ID is the same as INTO. ID is over: its ladder stops, its pages are resolved, and commands on it\n" +
			"say where it goes on. INTO keeps its own severity, roles and clocks, and shows the action items of both. Both\n" +
			"timelines say what happened; a merge cannot be taken back.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.merge(cmd.Context(), args) },
	}
}

func (a *app) merge(ctx context.Context, args []string) error {
	id, err := incident.ParseID(args[0])
	if err != nil {
		return withCode(exitUsage, err)
	}
	into, err := incident.ParseID(args[1])
	if err != nil {
		return withCode(exitUsage, err)
	}
	by, err := a.by(a.evidence(ctx))
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		merged, survivor, err := incident.NewDesk(db).Merge(ctx, by, id, into)
		if err != nil {
			return err
		}
		if err := a.reportMerge(merged, survivor); err != nil {
			return err
		}
		return a.deliver(ctx, db, merged.ID, survivor.ID)
	})
}

func (a *app) reportMerge(merged, survivor incident.Incident) error {
	if merged.Severity.WorseThan(survivor.Severity) {
		fmt.Fprintln(a.stderr, sanitise(fmt.Sprintf("%s was %s, %s stays %s (sitrep incident severity %s %s raises it)",
			merged.ID, merged.Severity, survivor.ID, survivor.Severity, survivor.ID, merged.Severity)))
	}
	if a.flags.json {
		return a.print(viewOf(merged, time.Now()))
	}
	_, err := fmt.Fprintf(a.stdout, "%s was merged into %s: %s\n", merged.ID, survivor.ID, sanitise(survivor.Title))
	return err
}

func (a *app) splitCommand() *cobra.Command {
	var severity string
	var d incident.Declaration
	c := &cobra.Command{
		Use: "split ID EVENT... --title TITLE --severity SEV-1", Short: "declare an incident for events that belong to something else", Args: cobra.MinimumNArgs(2),
		Long: "Declare a new incident for events of ID that belong to something else: notes, actions, what was observed. EVENT is\n" +
			"the number that `sitrep incident timeline` shows first on a line, or the event's ULID. The events are shown on the\n" +
			"new timeline, and on the old one marked as moved. Whoever the policy names is paged for the new incident.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if d.Severity, err = incident.ParseSeverity(severity); err != nil {
				return withCode(exitUsage, err)
			}
			return a.split(cmd.Context(), args, d)
		},
	}
	c.Flags().StringVar(&severity, "severity", "", "SEV-1 to SEV-4, of the new incident")
	c.Flags().StringVar(&d.Title, "title", "", "what is wrong, in a line")
	c.Flags().StringVar(&d.Service, "service", "", "the service that hurts")
	return c
}

func (a *app) split(ctx context.Context, args []string, d incident.Declaration) error {
	id, err := incident.ParseID(args[0])
	if err != nil {
		return withCode(exitUsage, err)
	}
	var refs []incident.Ref
	for _, text := range args[1:] {
		ref, err := incident.ParseRef(text)
		if err != nil {
			return withCode(exitUsage, err)
		}
		refs = append(refs, ref)
	}
	policy, err := a.policy()
	if err != nil {
		return err
	}
	d.Policy = policy.Frozen(d.Service)
	by, err := a.by(a.evidence(ctx))
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		inc, err := incident.NewDesk(db).Split(ctx, by, id, refs, d)
		if err != nil {
			return err
		}
		return a.declared(ctx, db, by, inc, id)
	})
}
