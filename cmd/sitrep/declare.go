package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query/alert"
	"github.com/sitrep-dev/sitrep/store"
)

// declareFlags is what a person says when they declare by command.
type declareFlags struct {
	severity, alert string
	d               incident.Declaration
}

func (a *app) declareCommand() *cobra.Command {
	var f declareFlags
	c := &cobra.Command{
		Use: "declare (--severity SEV-1 --title TITLE | --alert NAME)", Short: "open an incident and page whoever the policy names", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.declare(cmd.Context(), f) },
	}
	c.Flags().StringVar(&f.severity, "severity", "", "SEV-1 to SEV-4")
	c.Flags().StringVar(&f.d.Title, "title", "", "what is wrong, in a line")
	c.Flags().StringVar(&f.d.Service, "service", "", "the service that hurts")
	c.Flags().BoolVar(&f.d.Drill, "drill", false, "a drill: practice, kept apart from real incidents")
	c.Flags().StringToStringVar(&f.d.Labels, "label", nil, "a label `k=v`, repeatable")
	c.Flags().StringVar(&f.alert, "alert", "", "the alert `name` that found it: gives the title, the service and the time; --service and --label say which of several")
	return c
}

func (a *app) declare(ctx context.Context, f declareFlags) error {
	policy, err := a.policy()
	if err != nil {
		return err
	}
	d, once := f.d, ""
	d.Policy = policy.Frozen(d.Service)
	if f.alert != "" {
		d, once, err = a.fromAlert(ctx, policy, f)
		if err != nil {
			return err
		}
	} else if d.Severity, err = incident.ParseSeverity(f.severity); err != nil {
		return withCode(exitUsage, err)
	}
	by, err := a.by(a.evidence(ctx))
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		inc, err := incident.NewDesk(db).Declare(ctx, by, once, d)
		if err != nil {
			return goesOn(ctx, db, err)
		}
		return a.declared(ctx, db, by, inc)
	})
}

// goesOn says of a refusal to declare twice where the incident goes on that was
// declared first.
func goesOn(ctx context.Context, db *store.DB, err error) error {
	var dup *incident.DuplicateError
	if !errors.As(err, &dup) || dup.Incident == "" {
		return err
	}
	switch first, unread := db.Incident(ctx, dup.Incident); {
	case unread != nil:
		return err
	case first.MergedInto != "":
		return fmt.Errorf("%w, and goes on as %s", err, first.MergedInto)
	case first.Status.Over():
		return fmt.Errorf("%w, and is %s (sitrep incident reopen %s opens it again)", err, first.Status, first.ID)
	}
	return err
}

// declared names a new incident and sends what is due for it, and for others that
// the declaration was about.
func (a *app) declared(ctx context.Context, db *store.DB, by incident.By, inc incident.Incident, others ...incident.ID) error {
	var err error
	if a.flags.json {
		err = a.print(viewOf(inc, time.Now()))
	} else {
		_, err = fmt.Fprintln(a.stdout, inc.ID)
	}
	if err != nil {
		return err
	}
	a.warnOnPurpose(ctx, db, []incident.Incident{inc})
	err = a.deliver(ctx, db, append([]incident.ID{inc.ID}, others...)...)
	a.tellPromises(ctx, db, inc, by.At) // after the pages, as what follows
	a.capture(ctx, db, by, inc.ID)
	return err
}

// fromAlert is the declaration that the alert makes, as the screen's D does,
// with the words of the person before its own.
func (a *app) fromAlert(ctx context.Context, policy escalation.Policy, f declareFlags) (d incident.Declaration, once string, err error) {
	client, err := a.prometheus(ctx)
	if err != nil {
		return d, "", err
	}
	defer client.CloseIdle()
	raw, err := client.Alerts(ctx)
	if err != nil {
		return d, "", withCode(exitInconclusive, fmt.Errorf("%w; without --alert, --title declares", err))
	}
	al, err := pick(alert.From(raw), f)
	if err != nil {
		return d, "", withCode(exitUsage, err)
	}
	severity, _, known := policy.DeclareFor(al.Labels)
	if f.severity != "" || !known {
		if severity, err = incident.ParseSeverity(f.severity); err != nil {
			return d, "", withCode(exitUsage, err)
		}
	}
	d = declarationOf(al, severity, policy)
	d.Title, d.Service, d.Drill = cmp.Or(f.d.Title, d.Title), cmp.Or(f.d.Service, d.Service), f.d.Drill
	d.Policy = policy.Frozen(d.Service)
	return d, al.Cause() + "/declared", nil
}

// pick finds the one firing alert that the flags name.
func pick(list []alert.Alert, f declareFlags) (alert.Alert, error) {
	var found []alert.Alert
	for _, al := range list {
		if al.State != alert.Firing || al.Name != f.alert || f.d.Service != "" && serviceOf(al) != f.d.Service {
			continue
		}
		labels := maps.Clone(map[string]string(al.Labels))
		maps.Copy(labels, f.d.Labels)
		if maps.Equal(labels, al.Labels) {
			found = append(found, al)
		}
	}
	switch len(found) {
	case 0:
		return alert.Alert{}, fmt.Errorf("no alert %q fires with that service and those labels; sitrep alert list shows what does", f.alert)
	case 1:
		return found[0], nil
	}
	var which []string
	for _, al := range found {
		which = append(which, fmt.Sprintf("--service %s (%s)", orDash(serviceOf(al)), al.Labels))
	}
	return alert.Alert{}, errors.New(f.alert + " fires more than once; say which:\n  " + strings.Join(which, "\n  "))
}
