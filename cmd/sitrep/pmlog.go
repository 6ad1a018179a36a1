package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

// logCommand lists the versions of a post-mortem.
func (a *app) logCommand() *cobra.Command {
	return a.about("log ID", "its versions: when, by whom, and which sections changed", func(ctx context.Context, db *store.DB, id incident.ID) error {
		if _, err := db.Postmortems().Load(ctx, id); err != nil {
			return err
		}
		all, err := db.Postmortems().Revisions(ctx, id)
		if err != nil {
			return err
		}
		return a.printLog(all)
	})
}

type revisionView struct {
	Version  int             `json:"version"`
	At       time.Time       `json:"at"`
	Author   incident.Person `json:"author"`
	Claimed  bool            `json:"author_claimed"`
	Added    int             `json:"lines_added"`
	Removed  int             `json:"lines_removed"`
	Sections []string        `json:"sections"`
}

// printLog prints versions, of which the newest comes first.
func (a *app) printLog(all []postmortem.Stored) error {
	views := []revisionView{}
	rows := [][]string{{"VERSION", "AT", "AUTHOR", "LINES", "SECTIONS"}}
	for i, s := range all {
		v := revisionView{Version: s.Version, At: s.At.UTC(), Author: s.Author, Claimed: s.Claimed, Sections: []string{}}
		before := postmortem.Stored{}
		if i+1 < len(all) {
			before = all[i+1]
		}
		for _, c := range postmortem.Compare(before, s) {
			v.Added, v.Removed, v.Sections = v.Added+c.Added, v.Removed+c.Removed, append(v.Sections, c.Key)
		}
		views = append(views, v)
		which := strings.Join(v.Sections, ", ")
		if i+1 == len(all) {
			which = "the first draft"
		}
		who := incident.Event{Actor: s.Author, Claimed: s.Claimed, Via: s.Via}.Who()
		rows = append(rows, []string{fmt.Sprint(v.Version), stamp(v.At), who, fmt.Sprintf("+%d -%d", v.Added, v.Removed), orDash(which)})
	}
	if a.flags.json {
		return a.print(views)
	}
	return table(a.stdout, rows)
}

// diffCommand prints what a version changed.
func (a *app) diffCommand() *cobra.Command {
	var from, to int
	c := a.about("diff ID", "what the newest version changed, or --to since --from", func(ctx context.Context, db *store.DB, id incident.ID) error {
		shelf := db.Postmortems()
		newest, err := shelf.Load(ctx, id)
		if err != nil {
			return err
		}
		after := newest
		if to != 0 {
			if after, err = shelf.Version(ctx, id, to); err != nil {
				return err
			}
		}
		before := postmortem.Stored{}
		if from == 0 {
			from = after.Version - 1
		}
		if from > 0 {
			if before, err = shelf.Version(ctx, id, from); err != nil {
				return err
			}
		}
		return a.printDiff(before, after)
	})
	c.Flags().IntVar(&from, "from", 0, "the earlier `version`; without it, the one before --to")
	c.Flags().IntVar(&to, "to", 0, "the later `version`; without it, the newest")
	return c
}

func (a *app) printDiff(before, after postmortem.Stored) error {
	changes := postmortem.Compare(before, after)
	if a.flags.json {
		return a.print(changes)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s version %d, since version %d\n", after.ID, after.Version, before.Version)
	if len(changes) == 0 {
		b.WriteString("nothing is worded otherwise\n")
	}
	for _, c := range changes {
		b.WriteString("\n" + c.String())
	}
	_, err := fmt.Fprint(a.stdout, sanitise(b.String()))
	return err
}

// restoreCommand brings a section back as it was.
func (a *app) restoreCommand() *cobra.Command {
	var version int
	c := &cobra.Command{
		Use: "restore ID SECTION", Short: "a section as the draft has it, or as --version had it; the words that go stay in the log", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				id, err := incidentOf(cmd.Context(), db, args[0])
				if err != nil {
					return err
				}
				return a.restoreSection(cmd.Context(), db, id, args[1], version)
			})
		},
	}
	c.Flags().IntVar(&version, "version", 0, "the `version` whose text is wanted; without it, the draft's")
	return c
}

func (a *app) restoreSection(ctx context.Context, db *store.DB, id incident.ID, key string, version int) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	shelf := db.Postmortems()
	s, err := shelf.Load(ctx, id)
	if err != nil {
		return err
	}
	back := s.Restore(key, by)
	if version > 0 {
		earlier, err := shelf.Version(ctx, id, version)
		if err != nil {
			return err
		}
		form, ok := s.Of(earlier, key)
		if !ok {
			return noSection(earlier, key)
		}
		back = s.Edit(s, form, by)
	} else if _, ok := s.Section(key); !ok {
		return noSection(s, key)
	}
	kept, err := shelf.Save(ctx, back, s.Version)
	if err != nil {
		return err
	}
	return a.printKept(s, kept)
}

// noSection is the error for a section that a version does not have.
func noSection(s postmortem.Stored, key string) error {
	var keys []string
	for _, k := range s.Sections {
		keys = append(keys, k.Key)
	}
	slices.Sort(keys)
	return usage("version %d of %s has no section %q; it has %s", s.Version, s.ID, key, strings.Join(keys, ", "))
}
