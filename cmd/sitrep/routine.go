package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/readiness"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) routineCommand() *cobra.Command {
	group := &cobra.Command{Use: "routine", Short: "what is due: the routine of the calendar, and the reliability checklist"}
	all := false
	list := &cobra.Command{
		Use: "list", Short: "what is due, and with --all what is done, too, with who or what says so", Args: cobra.NoArgs,
		Long: "The daily to quarterly routine, and the checklist of eighteen. What sitrep can see is ticked by evidence: load runs that passed,\n" +
			"experiments whose hypothesis held, drills, alerts, objectives, runbooks. For the rest, and where the evidence is elsewhere, a person\n" +
			"signs (sitrep routine sign ITEM); a signature ends. It ends with 3 while something is due.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listRoutine(cmd.Context(), all) },
	}
	list.Flags().BoolVar(&all, "all", false, "also what is done")
	group.AddCommand(list, a.signCommand())
	return group
}

// signature is what a routine.signed event carries.
type signature struct {
	Duty  string    `json:"duty"`
	Until time.Time `json:"until"`
	Note  string    `json:"note,omitempty"`
}

// signing is the event that somebody says that a duty is done, and for how long that
// holds from now on.
func signing(by incident.By, d readiness.Duty, length time.Duration, note string) incident.Event {
	s := signature{Duty: d.ID, Until: by.At.Add(length).UTC().Truncate(time.Second), Note: strings.TrimSpace(note)}
	text := fmt.Sprintf("%s: done, until %s", d.Title, s.Until.Format(time.DateOnly))
	if s.Note != "" {
		text += ": " + s.Note
	}
	return incident.Event{
		At: by.At, Kind: incident.RoutineSigned, Actor: by.Actor, Claimed: by.Claimed, Via: by.Via, Source: by.Source, Text: text, Data: incident.Payload(s),
	}
}

func (a *app) signCommand() *cobra.Command {
	var lasts, note string
	c := &cobra.Command{
		Use: "sign ITEM", Short: "say that an item is done", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, ok := readiness.Find(args[0])
			if !ok {
				var ids []string
				for _, d := range readiness.Duties() {
					ids = append(ids, d.ID)
				}
				return usage("there is no item %q; there are %s", args[0], strings.Join(ids, ", "))
			}
			by, err := a.by(nil)
			if err != nil {
				return err
			}
			length, err := d.Holds(lasts)
			if err != nil {
				return usage("--for: %v", err)
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				written, err := db.Append(cmd.Context(), signing(by, d, length, note))
				switch {
				case err != nil:
					return err
				case a.flags.json:
					return a.print(written[0])
				}
				_, err = fmt.Fprintln(a.stdout, sanitise(written[0].Text))
				return err
			})
		},
	}
	c.Flags().StringVar(&lasts, "for", "", "for how long it holds, such as 30d; default: until the item is due again")
	c.Flags().StringVar(&note, "note", "", "what was done, or where it is written down")
	return c
}

// dueView is a line of `routine list --json`.
type dueView struct {
	ID    string     `json:"id"`
	Part  string     `json:"part"`
	Title string     `json:"title"`
	Done  bool       `json:"done"`
	At    *time.Time `json:"done_at"`
	Until *time.Time `json:"due_at"` // null: as soon as what it says does not hold
	By    string     `json:"signed_by,omitempty"`
	Proof string     `json:"proof,omitempty"`
	Why   string     `json:"why"`
	Do    string     `json:"do,omitempty"`
}

func (a *app) listRoutine(ctx context.Context, all bool) error {
	var due []readiness.Due
	err := a.withKnowledge(ctx, func(e *knowledge) error {
		e.look(ctx)
		due = readiness.Review(e.facts(), e.now)
		return nil
	})
	if err != nil {
		return err
	}
	views := []dueView{}
	rows := [][]string{{"", "ITEM", "WHAT", "WHY", "UNTIL"}}
	part, open := readiness.Part(""), 0
	for _, d := range due {
		if !d.Done {
			open++
		} else if !all {
			continue
		}
		views = append(views, dueView{d.ID, string(d.Part), d.Title, d.Done, moment(d.At), moment(d.Until), d.By, string(d.Proof), sanitise(d.Why), d.Do})
		if d.Part != part {
			part = d.Part
			rows = append(rows, []string{strings.ToUpper(string(part)), "", "", "", ""})
		}
		mark, why := "due", d.Why
		if d.Done {
			mark = "done"
		} else if d.Do != "" {
			why += "; " + d.Do
		}
		rows = append(rows, []string{mark, d.ID, d.Title, sanitise(why), date(d.Until)})
	}
	switch {
	case a.flags.json:
		err = a.print(views)
	case len(views) > 0:
		err = table(a.stdout, rows)
	}
	switch {
	case err != nil:
		return err
	case open > 0:
		return withCode(exitNotHeld, fmt.Errorf("%d of %d items are due", open, len(due)))
	case !all && !a.flags.json:
		_, err = fmt.Fprintln(a.stdout, "nothing is due")
	}
	return err
}

var errNoServices = errors.New("no service is known: objectives (slos), runbooks, checks and incidents name them")
