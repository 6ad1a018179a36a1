package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// pageView is one line of `pages --json` (DESIGN section 4).
type pageView struct {
	ID             string                  `json:"id"`
	Incident       incident.ID             `json:"incident"`
	Level          incident.Level          `json:"level"`
	Round          int                     `json:"round"`
	Sink           string                  `json:"sink"`
	Target         string                  `json:"target"`
	Operation      escalation.Operation    `json:"operation"`
	State          escalation.MessageState `json:"state"`
	Outcome        string                  `json:"outcome"` // the state, or what came of it: reconciled, acknowledged
	Attempts       int                     `json:"attempts"`
	DedupKey       string                  `json:"dedup_key"`
	QueuedAt       *time.Time              `json:"queued_at"`
	AttemptedAt    *time.Time              `json:"attempted_at"` // the first try
	LastTryAt      *time.Time              `json:"last_try_at"`
	NextTryAt      *time.Time              `json:"next_try_at"`
	AmbiguousAt    *time.Time              `json:"ambiguous_at"`
	ReconciledAt   *time.Time              `json:"reconciled_at"`
	DivertedAt     *time.Time              `json:"diverted_at"`
	AcceptedAt     *time.Time              `json:"accepted_at"`
	AcknowledgedAt *time.Time              `json:"acknowledged_at"`
	Accept         *float64                `json:"accept_seconds"`      // queued to accepted
	Acknowledge    *float64                `json:"acknowledge_seconds"` // accepted to acknowledged
	Ref            string                  `json:"ref"`                 // what the sink calls it
	Error          string                  `json:"error"`
}

func pageViewOf(d escalation.Delivery) pageView {
	v := pageView{
		ID: d.ID, Incident: d.Incident, Level: d.Level, Round: d.Round, Sink: d.Kind(), Target: d.Target(), Operation: d.Operation,
		State: d.State, Outcome: d.Outcome(), Attempts: d.Attempts, DedupKey: d.DedupKey, QueuedAt: moment(d.QueuedAt),
		AttemptedAt: moment(d.FirstTryAt), LastTryAt: moment(d.LastTryAt), AmbiguousAt: moment(d.AmbiguousAt), ReconciledAt: moment(d.ReconciledAt),
		DivertedAt: moment(d.DivertedAt), AcceptedAt: moment(d.AcceptedAt), AcknowledgedAt: moment(d.AcknowledgedAt), Ref: d.Ref, Error: d.Error,
	}
	if d.Open() {
		v.NextTryAt = moment(d.NotBefore)
	}
	v.Accept = seconds(d.Took())
	v.Acknowledge = seconds(d.Answered())
	return v
}

// pageFilter is which of the ledger is shown.
type pageFilter struct {
	open, failed, all bool
	since             string
	after             time.Time
}

func (f *pageFilter) read(now time.Time) error {
	if f.since == "" {
		return nil
	}
	d, err := strictyaml.ParseDuration(f.since)
	if err != nil {
		return usage("--since: %w", err)
	}
	f.after = now.Add(-d)
	return nil
}

func (f *pageFilter) shows(d escalation.Delivery) bool {
	return (!f.open || d.Open()) && (!f.failed || d.Troubled()) && !d.QueuedAt.Before(f.after)
}

func (a *app) pagesCommand() *cobra.Command {
	var f pageFilter
	c := &cobra.Command{
		Use: "pages [ID]", Short: "the delivery ledger: what was sent to whom, and what became of it", Args: cobra.MaximumNArgs(1),
		Long: "Every message to every sink: pages, what ends them, posts, and updates to an audience. TOOK is from queueing to the sink's\n" +
			"yes, which is no proof that anybody woke; ACKED is from there to the acknowledgement of the incident, which is.\n" +
			"An outcome is queued, sending, accepted, reconciled (its answer was lost, and it had counted), acknowledged, ambiguous\n" +
			"(it may have counted, and is tried again), failed or superseded (not wanted any more).\n" +
			"What only keeps a chat tidy (pins, topics, pictures) is counted when it went well, and listed with --all and --json.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(time.Now()); err != nil {
				return err
			}
			var id incident.ID
			if len(args) > 0 {
				var err error
				if id, err = incident.ParseID(args[0]); err != nil {
					return withCode(exitUsage, err)
				}
			}
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				all, err := ledgerOf(cmd.Context(), db, id)
				if err != nil {
					return err
				}
				var shown []escalation.Delivery
				for _, d := range all {
					if f.shows(d) {
						shown = append(shown, d)
					}
				}
				a.warnAnyUnwatched(cmd.Context(), db)
				if err := a.sayHeld(cmd.Context(), db, id); err != nil {
					return err
				}
				if !f.all && !a.flags.json {
					shown = a.withoutChores(shown)
				}
				return a.printPages(shown)
			})
		},
	}
	c.Flags().BoolVar(&f.open, "open", false, "only what is still to be sent")
	c.Flags().BoolVar(&f.all, "all", false, "what only keeps a chat tidy too")
	c.Flags().BoolVar(&f.failed, "failed", false, "only what was refused, may be lost, or had to go another way")
	c.Flags().StringVar(&f.since, "since", "", "only what was queued so recently, such as 2h or 7d")
	return c
}

// withoutChores leaves out what keeps a chat tidy and went well, and says how many
// those are.
func (a *app) withoutChores(list []escalation.Delivery) []escalation.Delivery {
	kept := slices.DeleteFunc(slices.Clone(list), func(d escalation.Delivery) bool { return d.Beside() && !d.Open() && !d.Troubled() })
	if n := len(list) - len(kept); n > 0 {
		fmt.Fprintf(a.stderr, "%s not shown: what keeps a chat tidy (--all)\n", count(n, "line"))
	}
	return kept
}

// sayHeld says which open incidents quiet hours hold back: no page of theirs stands
// in the ledger. An empty id is all.
func (a *app) sayHeld(ctx context.Context, db *store.DB, id incident.ID) error {
	open, err := db.Incidents(ctx, true, 0)
	for _, inc := range open {
		if id == "" || inc.ID == id {
			a.sayQuiet(inc)
		}
	}
	return err
}

// ledgerOf is the ledger of an incident, of all if id is empty.
func ledgerOf(ctx context.Context, db *store.DB, id incident.ID) ([]escalation.Delivery, error) {
	if id != "" {
		if _, err := db.Incident(ctx, id); err != nil {
			return nil, err
		}
	}
	messages, err := db.Messages(ctx, id)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	from := messages[0].QueuedAt
	for _, m := range messages {
		if m.QueuedAt.Before(from) {
			from = m.QueuedAt // the clock went back
		}
	}
	events, err := db.OfKinds(ctx, from.Add(-time.Second), time.Now().Add(24*time.Hour), incident.PageAmbiguous, incident.PageReconciled, incident.PageDiverted)
	return escalation.Deliveries(messages, events), err
}

func (a *app) printPages(list []escalation.Delivery) error {
	if a.flags.json {
		views := make([]pageView, 0, len(list))
		for _, d := range list {
			views = append(views, pageViewOf(d))
		}
		return a.print(views)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "nothing was sent")
		return err
	}
	width, _ := terminalOf(a.stdout)
	if width < maxLine {
		return a.printPagesIn(list, width)
	}
	rows := [][]string{{"INCIDENT", "LEVEL", "ROUND", "SINK", "WHAT", "OUTCOME", "TRIES", "QUEUED", "TOOK", "ACKED", "ERROR"}}
	for _, d := range list {
		round := "-"
		if d.Round > 0 {
			round = fmt.Sprint(d.Round)
		}
		rows = append(rows, []string{
			string(d.Incident), orDash(string(d.Level)), round, d.Sink, string(d.Operation), d.Outcome(), fmt.Sprint(d.Attempts),
			stamp(d.QueuedAt), brief(d.Took()), brief(d.Answered()), trouble(d),
		})
	}
	return table(a.stdout, rows)
}

// trouble is what went wrong with it, if anything did.
func trouble(d escalation.Delivery) string {
	var parts []string
	if !d.AmbiguousAt.IsZero() && d.Outcome() != "ambiguous" {
		parts = append(parts, "was ambiguous at "+d.AmbiguousAt.UTC().Format("15:04:05Z"))
	}
	if !d.DivertedAt.IsZero() {
		parts = append(parts, "diverted at "+d.DivertedAt.UTC().Format("15:04:05Z"))
	}
	if d.Error != "" && d.State != escalation.Accepted {
		parts = append(parts, d.Error)
	}
	return strings.Join(parts, "; ")
}

// brief is a duration in at most six cells.
func brief(d time.Duration, known bool) string {
	switch {
	case !known:
		return "-"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", max(d, 0).Seconds())
	}
	return span(d)
}

// printPagesIn is the ledger for a terminal: its rows have at most width cells,
// trouble stands below its row.
func (a *app) printPagesIn(list []escalation.Delivery, width int) error {
	rows := [][]string{{"INC", "RUNG", "SINK", "WHAT", "OUTCOME", "QUEUED", "TRY", "TOOK", "ACKED"}}
	day := ""
	for _, d := range list {
		rung := "-"
		if d.Level != "" {
			rung = fmt.Sprintf("%s/%d", d.Level, d.Round)
		}
		rows = append(rows, []string{
			strings.TrimPrefix(string(d.Incident), "INC-"), rung, d.Sink, pageWord(d.Operation), d.Outcome(), d.QueuedAt.UTC().Format("15:04:05"),
			fmt.Sprint(d.Attempts), brief(d.Took()), brief(d.Answered()),
		})
	}
	const sinkColumn = 2
	cells := columns(rows)
	total := 0
	for _, w := range cells {
		total += w + 1
	}
	cells[sinkColumn] = max(8, cells[sinkColumn]-max(0, total-1-width))
	for i, row := range rows {
		if i > 0 {
			if today := list[i-1].QueuedAt.UTC().Format("2006-01-02"); today != day {
				day = today
				if _, err := fmt.Fprintln(a.stdout, day+" UTC"); err != nil {
					return err
				}
			}
		}
		var line strings.Builder
		for j, c := range row {
			t := safe.New(c, cells[j])
			line.WriteString(t.String() + strings.Repeat(" ", cells[j]-t.Width()+1))
		}
		text := safe.New(strings.TrimRight(line.String(), " "), width).String()
		if i > 0 {
			if what := trouble(list[i-1]); what != "" {
				text += "\n" + safe.New("    "+sanitise(what), width).String()
			}
		}
		if _, err := fmt.Fprintln(a.stdout, text); err != nil {
			return err
		}
	}
	return nil
}

// columns are the widths of the columns of a table, in cells.
func columns(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for j, c := range row {
			if j == len(widths) {
				widths = append(widths, 0)
			}
			widths[j] = max(widths[j], safe.New(c, maxLine).Width())
		}
	}
	return widths
}

// pageWord is what a message asks for, as the screen calls it.
func pageWord(o escalation.Operation) string {
	switch o {
	case escalation.OpTrigger:
		return "page"
	case escalation.OpAcknowledge:
		return "ack"
	}
	return string(o)
}
