package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) itemCommand() *cobra.Command {
	group := &cobra.Command{Use: "item", Short: "action items: what is to be done afterwards"}
	var owner, due string
	add := a.act("add ID TEXT", "add an action item", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		when, err := incident.ParseDue(due, o.by.At)
		if err != nil {
			return incident.Incident{}, withCode(exitUsage, err)
		}
		return d.AddItem(ctx, o.by, o.id, o.args[0], incident.Person(owner), when)
	})
	add.Flags().StringVar(&owner, "owner", "", "who will do it")
	add.Flags().StringVar(&due, "due", "", "until when: 2026-12-24, 3d or 2w")
	group.AddCommand(add, a.itemListCommand(), a.changeItemCommand(), a.act("close ID ITEM", "say that an item, such as AI-1, is done", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		return d.CloseItem(ctx, o.by, o.id, o.args[0])
	}))
	return group
}

// changeItemCommand changes what is to be done, by whom or until when, or says that
// nobody will do it.
func (a *app) changeItemCommand() *cobra.Command {
	var text, owner, due, note, proof string
	var drop, restore bool
	var changed func(string) bool
	c := a.act("change ID ITEM", "give an item other words, another owner or day, a remark; or drop it", false, func(ctx context.Context, d *incident.Desk, o order) (incident.Incident, error) {
		to := incident.ItemChange{Item: o.args[0]}
		if changed("text") {
			to.Text = &text
		}
		if changed("owner") {
			who := incident.Person(owner)
			to.Owner = &who
		}
		if changed("due") {
			when, err := incident.ParseDue(due, o.by.At)
			if err != nil {
				return incident.Incident{}, withCode(exitUsage, err)
			}
			to.Due = &when
		}
		if changed("note") {
			to.Note = &note
		}
		if changed("done-when") {
			to.Proof = &proof
		}
		if drop || restore {
			to.Dropped = &drop
		}
		return d.ChangeItem(ctx, o.by, o.id, to)
	})
	f := c.Flags()
	changed = f.Changed
	f.StringVar(&text, "text", "", "other `words`; the first ones stay on the timeline")
	f.StringVar(&owner, "owner", "", "who will do it; empty is nobody yet")
	f.StringVar(&due, "due", "", "until when: 2026-12-24, 3d or 2w; empty is no day")
	f.StringVar(&note, "note", "", "a `remark`; of an item that is dropped, why")
	f.StringVar(&proof, "done-when", "", "the `experiment` that says so: the item is closed by the next run of it that holds; empty is no experiment")
	f.BoolVar(&drop, "drop", false, "nobody will do it: it leaves every list, and the post-mortem says why")
	f.BoolVar(&restore, "restore", false, "it is to be done after all")
	c.MarkFlagsMutuallyExclusive("drop", "restore")
	return c
}

// itemView is one line of `item list --json`.
type itemView struct {
	Incident incident.ID     `json:"incident"`
	Item     string          `json:"item"`
	Text     string          `json:"text"`
	Owner    incident.Person `json:"owner"`
	Due      *time.Time      `json:"due"`
	AddedAt  *time.Time      `json:"added_at"`
	ClosedAt *time.Time      `json:"closed_at"`
	Drill    bool            `json:"drill"`
	Dropped  bool            `json:"dropped"`
	Note     string          `json:"note"`
	Proof    string          `json:"done_when"` // the experiment that says so
	Run      string          `json:"run"`       // that closed it
}

func (a *app) itemListCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "list", Short: "open action items, oldest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				list, err := db.Incidents(cmd.Context(), false, 0)
				if err != nil {
					return err
				}
				return a.printItems(itemsOf(list, all))
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "closed ones too")
	return c
}

// itemsOf lists the items of incidents that come newest first, oldest first.
func itemsOf(list []incident.Incident, all bool) []itemView {
	items := []itemView{}
	for i := len(list) - 1; i >= 0; i-- {
		for _, it := range list[i].Items {
			if all || it.Closed.IsZero() {
				items = append(items, itemView{list[i].ID, it.Item.Item, it.Text, it.Owner, moment(it.Due), moment(it.Added), moment(it.Closed), list[i].Drill, it.Dropped, it.Note, it.Proof, it.Run})
			}
		}
	}
	return items
}

func (a *app) printItems(items []itemView) error {
	if a.flags.json {
		return a.print(items)
	}
	if len(items) == 0 {
		_, err := fmt.Fprintln(a.stdout, "no action items")
		return err
	}
	rows := [][]string{{"INCIDENT", "ITEM", "OWNER", "DUE", "AGE", "TEXT"}}
	for _, it := range items {
		due := "-"
		if it.Due != nil {
			due = it.Due.Format(time.DateOnly)
		}
		if it.ClosedAt != nil {
			due = "closed"
		}
		if it.Dropped {
			due = "dropped"
		}
		text := drillWord(it.Drill) + it.Text
		switch {
		case it.Run != "":
			text += " (" + it.Run + " " + it.Proof + " held)"
		case it.Proof != "":
			text += " (done when " + it.Proof + " holds)"
		}
		rows = append(rows, []string{string(it.Incident), it.Item, orDash(string(it.Owner)), due, span(time.Since(*it.AddedAt)), text})
	}
	return table(a.stdout, rows)
}
