package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) storeCommand() *cobra.Command {
	group := &cobra.Command{Use: "store", Short: "look after the file that everything is kept in"}
	group.AddCommand(a.storeCheckCommand(), a.storeBackupCommand(), a.storeExportCommand(), a.storeImportCommand(), a.storeCompactCommand())
	return group
}

func (a *app) storeCheckCommand() *cobra.Command {
	var rebuild bool
	c := &cobra.Command{
		Use: "check", Short: "read the whole store and say what is wrong with it", Args: cobra.NoArgs,
		Long: "Reads the whole store and says what is wrong with it: damaged pages, references that lead nowhere, incidents whose cached state is not what their events make. " +
			"It writes nothing, unless --rebuild asks for the cached states to be made anew. The exit code is 3 if something is wrong.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := a.storePath()
			if err != nil {
				return err
			}
			if rebuild {
				if err := a.rebuild(cmd.Context()); err != nil {
					return err
				}
			}
			report, err := store.Check(cmd.Context(), path)
			if err != nil {
				return err
			}
			return a.printCheck(report)
		},
	}
	c.Flags().BoolVar(&rebuild, "rebuild", false, "make the cached state of every incident anew from its events, then check")
	return c
}

func (a *app) rebuild(ctx context.Context) error {
	return a.withStore(ctx, func(db *store.DB) error {
		n, err := db.Rebuild(ctx)
		if err == nil {
			fmt.Fprintf(a.stderr, "%s made anew from events\n", count(n, "incident"))
		}
		return err
	})
}

func (a *app) printCheck(r store.Report) error {
	if r.Findings == nil {
		r.Findings = []store.Finding{}
	}
	if a.flags.json {
		if err := a.print(r); err != nil {
			return err
		}
	} else {
		rows := [][]string{{"store", r.Path}, {"schema", fmt.Sprint(r.Schema)}, {"holds", count(r.Events, "event") + ", " + count(r.Incidents, "incident")}}
		if len(r.Findings) == 0 {
			rows = append(rows, []string{"check", "ok"})
		}
		if err := table(a.stdout, rows); err != nil {
			return err
		}
		a.printDamage(a.stdout, r.Findings)
	}
	if len(r.Findings) > 0 {
		return withCode(exitNotHeld, fmt.Errorf("store %s: %s wrong", r.Path, count(len(r.Findings), "thing")))
	}
	return nil
}

// printDamage writes what is wrong and, once for all that it helps with, what
// to do.
func (a *app) printDamage(w io.Writer, findings []store.Finding) {
	do := ""
	for _, f := range findings {
		if do != "" && f.Do != do {
			fmt.Fprintf(w, "  -> %s\n", sanitise(do))
		}
		do = f.Do
		fmt.Fprintf(w, "%s: %s\n", sanitise(f.Where), sanitise(f.Problem))
	}
	if do != "" {
		fmt.Fprintf(w, "  -> %s\n", sanitise(do))
	}
}

func (a *app) storeBackupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "copy the store to a new file while others go on writing", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				if err := db.Backup(cmd.Context(), args[0]); err != nil {
					return err
				}
				return a.done(args[0], 0)
			})
		},
	}
}

// written is what the commands that write a file say with --json.
type written struct {
	File string          `json:"file"`
	Rows int             `json:"rows,omitempty"`
	Lost []store.Finding `json:"lost,omitempty"`
}

func (a *app) done(file string, rows int) error {
	if a.flags.json {
		return a.print(written{File: file, Rows: rows})
	}
	what := ""
	if rows > 0 {
		what = ", " + count(rows, "row")
	}
	_, err := fmt.Fprintf(a.stdout, "written: %s%s\n", sanitise(file), what)
	return err
}

func (a *app) storeExportCommand() *cobra.Command {
	var out string
	var salvage bool
	c := &cobra.Command{
		Use: "export", Short: "write everything as JSON Lines, for store import and for other programs", Args: cobra.NoArgs,
		Long: "Writes everything that the store holds, as one moment of it, as JSON Lines: a head, a line for every row, a foot. " +
			"With --salvage it reads a damaged store, writes what can be read, says what cannot, and exits with 3 if that is anything.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" && isTerminal(a.stdout) {
				return usage("an export is for a file or a pipe: give -o FILE")
			}
			path, err := a.storePath()
			if err != nil {
				return err
			}
			var rows int
			var lost []store.Finding
			err = a.toFile(out, func(w io.Writer) error {
				if salvage {
					rows, lost, err = store.Salvage(cmd.Context(), path, w)
					return err
				}
				return a.withStore(cmd.Context(), func(db *store.DB) error {
					rows, err = db.Export(cmd.Context(), w)
					return err
				})
			})
			if err != nil {
				return err
			}
			if out != "" {
				if err := a.done(out, rows); err != nil {
					return err
				}
			}
			if len(lost) > 0 {
				a.printDamage(a.stderr, lost)
				return withCode(exitNotHeld, fmt.Errorf("store %s: not everything could be read", path))
			}
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write to a new `file`")
	c.Flags().BoolVar(&salvage, "salvage", false, "read a damaged store and write what can be read")
	return c
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) storeImportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "make a new store, named with --db, of an export; - reads standard input", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			path, err := a.storePath()
			if err != nil {
				return err
			}
			in := a.stdin
			if args[0] != "-" {
				f, err := openNow(args[0])
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				in = f
			}
			done, err := store.Import(cmd.Context(), path, in)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, row := range done.LeftOut {
				fmt.Fprintf(a.stderr, "left out, it fits into no table: %s\n", sanitise(row))
			}
			return a.done(path, done.Rows)
		},
	}
}
