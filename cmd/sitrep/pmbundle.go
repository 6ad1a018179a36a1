package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
)

// mostSeriesBytes is how many bytes of series leave with a post-mortem, the latest
// moments first to be left out: in JSON they are a third more.
const mostSeriesBytes = 32 << 20

// bundled is the JSON of a post-mortem, which another store can import once its
// incident is over.
func (a *app) bundled(ctx context.Context, db *store.DB, s postmortem.Stored, redact bool) ([]byte, error) {
	b, over, err := a.bundleOf(ctx, db, s)
	if err != nil {
		return nil, err
	}
	if redact {
		r, err := a.redactor(ctx, db, s.Incident, true)
		if err != nil {
			return nil, err
		}
		if !over {
			s, _ = r.Stored(s)
			return s.JSON()
		}
		if len(b.Evidence) > 0 {
			fmt.Fprintf(a.stderr, "%s: what the boards showed is left out, because its labels are not redacted\n", s.ID)
		}
		if b, err = r.Bundle(b); err != nil {
			return nil, fmt.Errorf("redact %s: %w", s.ID, err)
		}
	}
	if !over {
		fmt.Fprintf(a.stderr, "%s: %s is not over, so this can be read and not imported\n", s.ID, s.Incident)
		return s.JSON()
	}
	return b.JSON()
}

// bundleOf is a post-mortem with its evidence; false while its incident goes on.
func (a *app) bundleOf(ctx context.Context, db *store.DB, s postmortem.Stored) (b postmortem.Bundle, over bool, err error) {
	inc, events, err := draftedFrom(ctx, db, s.Incident, time.Now())
	if err != nil || !inc.Status.Over() {
		return b, false, err
	}
	install, err := db.Install(ctx)
	if err != nil {
		return b, false, err
	}
	events = slices.DeleteFunc(events, func(e incident.Event) bool { return e.Kind == incident.PostmortemImported })
	kept, err := db.Kept(ctx, s.Incident)
	if err != nil {
		return b, false, err
	}
	var series []postmortem.Series
	done, size := map[string]bool{}, 0
	for _, k := range kept {
		if done[k.Event] {
			continue
		}
		done[k.Event] = true
		frozen, err := db.Frozen(ctx, k.Event)
		if err != nil {
			return b, false, err
		}
		for _, f := range frozen {
			if size += len(f.Series); size > mostSeriesBytes {
				fmt.Fprintf(a.stderr, "%s: what the boards showed from %s on is left out: it would be more than %d MiB\n", s.ID, stamp(f.To), mostSeriesBytes>>20)
				b, err = postmortem.Pack(install, inc, s, events, series)
				return b, true, err
			}
			series = append(series, postmortem.Series{Event: k.Event, Board: f.Board, From: f.From, To: f.To, Series: f.Series})
		}
	}
	b, err = postmortem.Pack(install, inc, s, events, series)
	return b, true, err
}

func (a *app) importPostmortemCommand() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "take in the post-mortem of another store, with its incident and its evidence", Args: cobra.ExactArgs(1),
		Long: "Take in what `sitrep postmortem export --format json` wrote elsewhere (- is standard input): the text, the timeline of its\n" +
			"incident, what happened around it, and what the boards showed. The incident gets the next number here, is over, and calls\n" +
			"nobody; whoever acted in it is only said to have. What is here already is left as it is.",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := readBundle(cmd.InOrStdin(), args[0])
			if err != nil {
				return fmt.Errorf("import %s: %w", args[0], err)
			}
			by, err := a.by(nil)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				s, fresh, err := db.Adopt(cmd.Context(), b, by)
				if err != nil {
					return err
				}
				return a.printImport(b, s, fresh)
			})
		},
	}
}

func (a *app) printImport(b postmortem.Bundle, s postmortem.Stored, fresh bool) error {
	if a.flags.json {
		return a.print(struct {
			ID       string      `json:"id"`
			Incident incident.ID `json:"incident"`
			From     incident.ID `json:"from_incident"`
			Store    string      `json:"from_store"`
			Imported bool        `json:"imported"` // false: it was here already
		}{s.ID, s.Incident, b.Incident, b.Store, fresh})
	}
	text := fmt.Sprintf("%s of %s imported: %s of store %s", s.ID, s.Incident, b.Incident, b.Store)
	if !fresh {
		text = fmt.Sprintf("%s of store %s is %s here already (%s); nothing was changed", b.Incident, b.Store, s.Incident, s.ID)
	}
	_, err := fmt.Fprintln(a.stdout, oneLine(text))
	return err
}

// readBundle reads no more than a bundle may be, and nothing that could not be drawn.
func readBundle(stdin io.Reader, file string) (b postmortem.Bundle, err error) {
	in := stdin
	if file != "-" {
		f, err := openNow(file)
		if err != nil {
			var pe *os.PathError
			if errors.As(err, &pe) {
				err = pe.Err // the name stands before it
			}
			return b, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, postmortem.MostBundle+1))
	if err != nil {
		return b, err
	}
	if b, err = postmortem.ParseBundle(text); err != nil {
		return b, err
	}
	for i, s := range b.Evidence {
		if _, err := query.Decode(s.Series); err != nil {
			return b, fmt.Errorf("series %d of the evidence: %w", i, err)
		}
	}
	return b, nil
}
