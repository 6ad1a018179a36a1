package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

// reviewed is what people are at with a post-mortem.
func (a *app) reviewCommand() *cobra.Command {
	return a.about("review ID", "how far it has come, who has it until when, what is missing, and what was said", func(ctx context.Context, db *store.DB, id incident.ID) error {
		s, err := db.Postmortems().Load(ctx, id)
		if err != nil {
			return err
		}
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return err
		}
		return a.printReview(s, inc, time.Now())
	})
}

// reviewView is `postmortem review --json`.
type reviewView struct {
	ID       string             `json:"id"`
	Incident incident.ID        `json:"incident"`
	Version  int                `json:"version"`
	Stage    string             `json:"stage"`
	StagedBy incident.Person    `json:"stage_by"`
	StagedAt *time.Time         `json:"stage_at"`
	Reached  int                `json:"stage_version"` // 0: it is a draft from the first
	Changed  bool               `json:"changed_since_published"`
	Owner    incident.Person    `json:"owner"`
	Due      *time.Time         `json:"due"`
	Late     bool               `json:"late"`
	Missing  []postmortem.Gap   `json:"missing"`
	Comments []incident.Comment `json:"comments"`
}

func reviewOf(s postmortem.Stored, inc incident.Incident, now time.Time) reviewView {
	r := inc.Review
	return reviewView{
		ID: s.ID, Incident: s.Incident, Version: s.Version, Stage: r.Stage.String(), StagedBy: r.By, StagedAt: moment(r.At), Reached: r.Version, Changed: r.Changed,
		Owner: postmortem.Owner(inc), Due: moment(postmortem.Due(inc)), Late: postmortem.Late(inc, now), Missing: s.Gaps(inc), Comments: append([]incident.Comment{}, r.Comments...),
	}
}

func (a *app) printReview(s postmortem.Stored, inc incident.Incident, now time.Time) error {
	v := reviewOf(s, inc, now)
	if a.flags.json {
		return a.print(v)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s version %d: %s\n", v.ID, v.Incident, v.Version, stageLine(inc.Review))
	fmt.Fprintf(&b, "owner %s, due %s\n", orDash(string(v.Owner)), dueLine(inc, now))
	if len(v.Missing) == 0 {
		b.WriteString("\nnothing is missing\n")
	} else {
		fmt.Fprintf(&b, "\nmissing (%d):\n", len(v.Missing))
	}
	for _, g := range v.Missing {
		fmt.Fprintf(&b, "  %s\n", gapLine(g))
	}
	if len(v.Comments) > 0 {
		b.WriteString("\nsaid about it:\n")
	}
	for _, c := range v.Comments {
		fmt.Fprintf(&b, "  %s\n", commentLine(c))
	}
	_, err := fmt.Fprint(a.stdout, sanitise(b.String()))
	return err
}

// stageLine is the stage with who brought it there.
func stageLine(r incident.Review) string {
	if r.At.IsZero() {
		return r.Stage.String()
	}
	line := fmt.Sprintf("%s since %s by %s (version %d)", r.Stage, stamp(r.At), r.By, r.Version)
	if r.Changed {
		line += ", changed since"
	}
	return line
}

// dueLine is until when it is to be reviewed, "-" for no such time.
func dueLine(inc incident.Incident, now time.Time) string {
	due := postmortem.Due(inc)
	text := stamp(due)
	if inc.Review.Due.Equal(due) && !due.IsZero() {
		text = due.UTC().Format(time.DateOnly)
	}
	if postmortem.Late(inc, now) {
		text += " (late)"
	}
	return text
}

func commentLine(c incident.Comment) string {
	line := fmt.Sprintf("%s %s %s", c.Comment, stamp(c.At), c.Who())
	if c.Section != "" {
		line += " on " + c.Section
	}
	line += ": " + c.Text
	if c.Closed.IsZero() {
		return line
	}
	line += fmt.Sprintf(" [closed by %s", c.Closer)
	if c.Answer != "" {
		line += ": " + c.Answer
	}
	return line + "]"
}

// stageCommand brings a post-mortem to its next stage, or back.
func (a *app) stageCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "stage ID STAGE", Short: "in-review, reviewed, published; or back to an earlier one", Args: cobra.ExactArgs(2),
		Long: "Bring the post-mortem to its next stage: draft, in-review, reviewed, published. It goes on only when nothing is missing\n" +
			"(`sitrep postmortem review` lists what is), and is reviewed only when every comment is closed. What was reviewed and is\n" +
			"edited afterwards is in review again; what was published stays so and is marked as changed. Back it goes with a --reason.",
		RunE: func(cmd *cobra.Command, args []string) error {
			to, err := incident.ParseStage(args[1])
			if err != nil {
				return withCode(exitUsage, err)
			}
			return a.withReview(cmd.Context(), args[0], func(ctx context.Context, d *incident.Desk, r underReview) (incident.Incident, error) {
				inc, err := d.MoveReview(ctx, r.by, r.inc.ID, to, r.stored.Version, len(r.stored.Gaps(r.inc)), reason)
				if errors.Is(err, incident.ErrUnready) {
					err = withCode(exitNotHeld, err)
				}
				return inc, err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for a way back")
	return c
}

// assignPostmortem says who brings it to its end.
func (a *app) assignReviewCommand() *cobra.Command {
	var owner, due string
	c := &cobra.Command{
		Use: "assign ID", Short: "who brings it to its end, and until when", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReview(cmd.Context(), args[0], func(ctx context.Context, d *incident.Desk, r underReview) (incident.Incident, error) {
				var to incident.ReviewAssignment
				if cmd.Flags().Changed("owner") {
					who := incident.Person(strings.TrimSpace(owner))
					to.Owner = &who
				}
				if cmd.Flags().Changed("due") {
					when, err := incident.ParseDue(due, r.by.At)
					if err != nil {
						return incident.Incident{}, withCode(exitUsage, err)
					}
					to.Due = &when
				}
				return d.AssignReview(ctx, r.by, r.inc.ID, to)
			})
		},
	}
	c.Flags().StringVar(&owner, "owner", "", "who; empty is whoever was commander, or responded")
	c.Flags().StringVar(&due, "due", "", "until when: 2026-12-24, 3d or 2w; empty is by the severity")
	return c
}

// commentCommand says something about a post-mortem, or closes what was said.
func (a *app) commentCommand() *cobra.Command {
	var on, closes string
	c := &cobra.Command{
		Use: "comment ID TEXT", Short: "say something about it; with --close, what was done about a comment", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withReview(cmd.Context(), args[0], func(ctx context.Context, d *incident.Desk, r underReview) (incident.Incident, error) {
				if closes != "" {
					return d.CloseComment(ctx, r.by, r.inc.ID, closes, args[1])
				}
				if _, ok := r.stored.Section(on); on != "" && !ok {
					return incident.Incident{}, noSection(r.stored, on)
				}
				return d.Comment(ctx, r.by, r.inc.ID, on, args[1])
			})
		},
	}
	c.Flags().StringVar(&on, "on", "", "the `section` that it is about, such as root-cause-analysis")
	c.Flags().StringVar(&closes, "close", "", "the `comment` that is dealt with, such as C-1; TEXT is the answer, and may be empty")
	c.MarkFlagsMutuallyExclusive("on", "close")
	return c
}

// underReview is a post-mortem and its incident, and who acts.
type underReview struct {
	by     incident.By
	inc    incident.Incident
	stored postmortem.Stored
}

// withReview carries out what somebody does about a post-mortem, and says how it
// stands then.
func (a *app) withReview(ctx context.Context, text string, do func(context.Context, *incident.Desk, underReview) (incident.Incident, error)) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	return a.withStore(ctx, func(db *store.DB) error {
		id, err := incidentOf(ctx, db, text)
		if err != nil {
			return err
		}
		s, err := db.Postmortems().Load(ctx, id)
		if err != nil {
			return err
		}
		inc, err := db.Incident(ctx, id)
		if err != nil {
			return err
		}
		after, err := do(ctx, incident.NewDesk(db), underReview{by, inc, s})
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s of %s: %s, owner %s, due %s", s.ID, id, stageLine(after.Review), orDash(string(postmortem.Owner(after))), dueLine(after, by.At))
		if open := len(after.Review.Open()); open > 0 {
			line += ", open comments: " + fmt.Sprint(open)
		}
		if _, err := fmt.Fprintln(a.stdout, oneLine(line)); err != nil || after.Review.Stage != incident.StagePublished || inc.Review.At.Equal(after.Review.At) {
			return err
		}
		return a.deliver(ctx, db, id) // chats are told
	})
}
