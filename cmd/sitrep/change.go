package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// change is something that somebody changed on purpose: what people ask for first
// when something breaks.
type change struct {
	Text    string
	ID      string // of whoever reports it: reported again it stands once; "" has none
	By      incident.By
	Type    string // deploy, flag, config
	Service string
	Link    string
}

// changeData is what a change.recorded event carries.
type changeData struct {
	Type    string `json:"type"`
	Service string `json:"service,omitempty"`
	Link    string `json:"link,omitempty"`
}

// event is the change on the timeline; the error says what is wrong with it.
func (c change) event() (incident.Event, error) {
	c.Text = strings.TrimSpace(c.Text)
	if c.Text == "" {
		return incident.Event{}, errors.New("say what changed")
	}
	if !isChangeType(c.Type) {
		return incident.Event{}, fmt.Errorf("the type %q is none of deploy, flag and config", c.Type)
	}
	e := incident.Event{
		At: c.By.At, Kind: incident.ChangeRecorded, Actor: c.By.Actor, Claimed: c.By.Claimed, Via: c.By.Via, Source: c.By.Source, Text: c.Text,
		Data: incident.Payload(changeData{c.Type, c.Service, c.Link}),
	}
	if c.ID != "" {
		e.Once = "change:" + c.ID
	}
	return e, nil
}

func isChangeType(t string) bool { return slices.Contains([]string{"deploy", "flag", "config"}, t) }

// record puts a change on the timeline. It is false if a change of that ID is
// there already.
func (c change) record(ctx context.Context, db *store.DB) (incident.Event, bool, error) {
	e, err := c.event()
	if err != nil {
		return e, false, err
	}
	written, err := db.Append(ctx, e)
	if err != nil || len(written) == 0 {
		return e, false, err
	}
	return written[0], true, nil
}

func (a *app) changeCommand() *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use: "change TEXT", Short: "record a deploy, a flag or a configuration change, from a pipeline", Args: cobra.ExactArgs(1),
		Long: "Records a deploy, a flag or a configuration change. TEXT may begin with when it was: -7m or 14:05. " +
			"A pipeline that may run twice gives --id: a change of that id is recorded once.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if c.By, err = a.by(nil); err != nil {
				return err
			}
			if c.By.At, c.Text, err = incident.ParseNote(args[0], time.Now()); err != nil {
				return usage("change: %w", err)
			}
			if _, err := c.event(); err != nil {
				return usage("change: %w", err)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				e, fresh, err := c.record(cmd.Context(), db)
				if fresh {
					defer a.tellChange(cmd.Context(), db, e)
				}
				switch {
				case err != nil:
					return err
				case !fresh:
					_, err = fmt.Fprintf(a.stderr, "a change with the id %s is recorded already\n", sanitise(c.ID))
				case a.flags.json:
					err = a.print(e)
				default:
					_, err = fmt.Fprintf(a.stdout, "%s recorded\n", sanitise(e.Text))
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Type, "type", "deploy", "deploy, flag or config")
	f.StringVar(&c.Service, "service", "", "the service that changed")
	f.StringVar(&c.Link, "link", "", "where to read more")
	f.StringVar(&c.ID, "id", "", "what tells this change from all others, such as the pipeline's run")
	return cmd
}

// tellPatience is how long a pipeline waits for PagerDuty to hear of its change.
const tellPatience = 5 * time.Second

// tellChange has PagerDuty hear of a change, if it is to and nobody runs who would
// tell it. What does not work is said, and is no failure: the change is recorded.
func (a *app) tellChange(ctx context.Context, db *store.DB, e incident.Event) {
	ctx, cancel := context.WithTimeout(ctx, tellPatience)
	defer cancel()
	say := func(text string) { fmt.Fprintln(a.stderr, sanitise(text)) }
	m, err := a.mirror(ctx, db, say)
	if err == nil && m != nil && m.to != "" {
		err = m.tellNow(ctx, e)
	}
	if err != nil {
		say(fmt.Sprintf("recorded, but PagerDuty is not told: %v", err))
	}
}
