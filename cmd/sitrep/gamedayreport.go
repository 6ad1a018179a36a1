package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) reportGamedayCommand() *cobra.Command {
	out := ""
	c := &cobra.Command{
		Use: "report [RUN|last]", Short: "how a game day went, for people who were not there: one page without scripts, or Markdown", Args: cobra.MaximumNArgs(1),
		Long: "What was expected and what came of it, the schedule as it was asked for beside what happened, who answered what and when, every part's verdict\n" +
			"with its numbers, and what was found with its action items. FILE.html is one page that loads nothing, FILE.md is Markdown, as stdout is.",
		RunE: func(cmd *cobra.Command, args []string) error { return a.reportGameday(cmd.Context(), args, out) },
	}
	c.Flags().StringVarP(&out, "output", "o", "-", "the `FILE`, which must not be there; - is stdout")
	return c
}

func (a *app) reportGameday(ctx context.Context, args []string, out string) error {
	var account gameday.Account
	err := a.withStore(ctx, func(db *store.DB) error {
		past, err := a.pastGamedays(ctx, db)
		if err != nil {
			return err
		}
		r, err := chooseGameday(past, args)
		if err != nil {
			return err
		}
		account, err = accountOf(ctx, db, r)
		return err
	})
	if err != nil {
		return err
	}
	write := account.WriteMarkdown
	switch ext := filepath.Ext(out); {
	case a.flags.json && out != "-":
		return usage("-o %s: --json goes to stdout; leave one of them out", out)
	case a.flags.json:
		return a.print(account)
	case out == "-":
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		_, err := fmt.Fprint(a.stdout, sanitise(b.String()))
		return err
	case ext == ".html":
		write = account.WriteHTML
	case ext != ".md":
		return usage("-o %s: a report is a file that ends in .html or .md", out)
	}
	if err := a.writeRun(out, write); err != nil {
		return fmt.Errorf("report %s: %w", account.Run, err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s written to %s\n", account.Run, sanitise(out))
	return err
}

// accountOf is a run with what became of what it has found.
func accountOf(ctx context.Context, db *store.DB, r gameday.Result) (gameday.Account, error) {
	account := gameday.Account{Result: r, Items: []gameday.Item{}}
	inc, err := db.Incident(ctx, incident.ID(r.Drill))
	for _, it := range inc.Items {
		account.Items = append(account.Items, gameday.Item{ID: it.Item.Item, Text: it.Text, Owner: string(it.Owner), Done: !it.Closed.IsZero()})
	}
	return account, err
}
