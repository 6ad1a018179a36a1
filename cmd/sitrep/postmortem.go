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
	"github.com/sitrep-dev/sitrep/tui/pane"
)

func (a *app) postmortemCommand() *cobra.Command {
	group := &cobra.Command{Use: "postmortem", Aliases: []string{"pm"}, Short: "post-mortems: drafted from the timeline, finished by people"}
	group.AddCommand(
		&cobra.Command{Use: "list", Short: "all post-mortems, the latest incident first, drills last", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				all, err := db.Postmortems().List(cmd.Context())
				if err != nil {
					return err
				}
				incidents, err := db.Incidents(cmd.Context(), false, 0)
				if err != nil {
					return err
				}
				return a.printPostmortems(all, incidents, time.Now())
			})
		}},
		a.draftCommand(),
		a.showPostmortemCommand(), a.editCommand(), a.rowsCommand(), a.rowCommand(),
		a.logCommand(), a.diffCommand(), a.restoreCommand(),
		a.lintCommand(),
		a.reviewCommand(), a.stageCommand(), a.assignReviewCommand(), a.commentCommand(),
		a.exportCommand(), a.importPostmortemCommand(), a.issuesCommand(),
	)
	return group
}

func (a *app) showPostmortemCommand() *cobra.Command {
	var version int
	c := a.about("show ID", "print it as Markdown", func(ctx context.Context, db *store.DB, id incident.ID) error {
		s, err := db.Postmortems().Load(ctx, id)
		if err == nil && version != 0 {
			s, err = db.Postmortems().Version(ctx, id, version)
		}
		if err != nil {
			return err
		}
		return a.printPostmortem(s)
	})
	c.Flags().IntVar(&version, "version", 0, "an earlier `version`")
	return c
}

// about makes a command on one incident's post-mortem.
func (a *app) about(use, short string, do func(context.Context, *store.DB, incident.ID) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(db *store.DB) error {
				id, err := incidentOf(cmd.Context(), db, args[0])
				if err != nil {
					return err
				}
				return do(cmd.Context(), db, id)
			})
		},
	}
}

// incidentOf reads INC-7, or PM-3 as the incident that it is about.
func incidentOf(ctx context.Context, db *store.DB, text string) (incident.ID, error) {
	if !strings.HasPrefix(strings.ToUpper(text), "PM-") {
		id, err := incident.ParseID(text)
		return id, withCode(exitUsage, err)
	}
	all, err := db.Postmortems().List(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range all {
		if strings.EqualFold(s.ID, text) {
			return s.Incident, nil
		}
	}
	return "", fmt.Errorf("%s: %w (sitrep postmortem list shows them)", text, postmortem.ErrNone)
}

// around is how long before an incident outside events belong to its
// post-mortem: what changed before it is what it is asked about first.
const around = time.Hour

// refreshDraft drafts the post-mortem of an incident anew and keeps it.
func refreshDraft(ctx context.Context, db *store.DB, id incident.ID, by incident.By) (postmortem.Stored, error) {
	inc, events, err := draftedFrom(ctx, db, id, by.At)
	if err != nil {
		return postmortem.Stored{}, err
	}
	return postmortem.Refresh(ctx, db.Postmortems(), inc, events, by)
}

// draftedFrom is the incident and the events that its post-mortem is made of.
func draftedFrom(ctx context.Context, db *store.DB, id incident.ID, now time.Time) (incident.Incident, []incident.Event, error) {
	inc, err := db.Incident(ctx, id)
	if err != nil {
		return inc, nil, err
	}
	events, err := recorded(ctx, db, inc)
	if err != nil {
		return inc, nil, err
	}
	if inc.Imported != "" { // what happened around it happened elsewhere, and came along
		return inc, append(events, incident.Brought(events)...), nil
	}
	if inc.Promised, err = promisedBefore(ctx, db, inc); err != nil {
		return inc, nil, err
	}
	until := inc.Clocks.Resolved
	if until.IsZero() {
		until = now
	}
	outside, err := db.Between(ctx, inc.Clocks.Detected.Add(-around), until, mostEvents)
	if err != nil {
		return inc, nil, err
	}
	for _, e := range outside {
		if e.Incident == "" {
			events = append(events, e)
		}
	}
	for _, id := range inc.Merged {
		merged, err := db.Incident(ctx, id)
		if err != nil {
			return inc, nil, err
		}
		for _, it := range merged.Items { // promised all the same
			it.Item.Item = string(id) + " " + it.Item.Item
			inc.Items = append(slices.Clip(inc.Items), it)
		}
	}
	return inc, events, nil
}

func (a *app) printPostmortem(s postmortem.Stored) error {
	if !a.flags.json {
		_, err := fmt.Fprint(a.stdout, sanitise(s.Markdown()))
		return err
	}
	body, err := s.JSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", body)
	return err
}

func (a *app) printPostmortems(all []postmortem.Stored, incidents []incident.Incident, now time.Time) error {
	of := map[incident.ID]incident.Incident{}
	for _, inc := range incidents {
		of[inc.ID] = inc
	}
	slices.SortStableFunc(all, func(a, b postmortem.Stored) int { return practice(of[a.Incident]) - practice(of[b.Incident]) })

	type view struct {
		ID       string          `json:"id"`
		Incident incident.ID     `json:"incident"`
		Title    string          `json:"title"`
		Version  int             `json:"version"`
		Author   incident.Person `json:"author"`
		At       *time.Time      `json:"at"`
		Drill    bool            `json:"drill"`
		Stage    string          `json:"stage"`
		Owner    incident.Person `json:"owner"`
		Due      *time.Time      `json:"due"`
		Late     bool            `json:"late"`
	}
	views := []view{}
	rows := [][]string{{"ID", "INCIDENT", "STAGE", "OWNER", "DUE", "VERSION", "LAST AUTHOR", "AT", "TITLE"}}
	for _, s := range all {
		inc := of[s.Incident]
		stage, owner := inc.Review.Stage.String(), postmortem.Owner(inc)
		views = append(views, view{s.ID, s.Incident, s.Title, s.Version, s.Author, moment(s.At), inc.Drill, stage, owner, moment(postmortem.Due(inc)), postmortem.Late(inc, now)})
		if inc.Review.Changed {
			stage += ", changed"
		}
		rows = append(rows, []string{
			s.ID, string(s.Incident), stage, orDash(string(owner)), dueLine(inc, now), fmt.Sprint(s.Version), string(s.Author), stamp(s.At), drillWord(inc.Drill) + s.Title,
		})
	}
	switch {
	case a.flags.json:
		return a.print(views)
	case len(all) == 0:
		_, err := fmt.Fprintln(a.stdout, "no post-mortems yet (sitrep postmortem draft INC-1 makes one)")
		return err
	}
	return table(a.stdout, rows)
}

func (a *app) lintCommand() *cobra.Command {
	var strict bool
	c := a.about("lint ID", "words that blame or say little, and action items that nobody can finish", func(ctx context.Context, db *store.DB, id incident.ID) error {
		return a.lintPostmortem(ctx, db, id, strict)
	})
	c.Flags().BoolVar(&strict, "strict", false, "end with exit code 3 if there is anything, for a pipeline that is to stop")
	return c
}

func (a *app) lintPostmortem(ctx context.Context, db *store.DB, id incident.ID, strict bool) error {
	s, err := db.Postmortems().Load(ctx, id)
	if err != nil {
		return err
	}
	inc, err := db.Incident(ctx, id)
	if err != nil {
		return err
	}
	found := postmortem.Lint(s.Markdown(), responders(inc))
	if err := a.printLint(s.ID, found); err != nil || len(found) == 0 || !strict {
		return err
	}
	return withCode(exitNotHeld, fmt.Errorf("%s: %d places to look at; sitrep postmortem edit %s", s.ID, len(found), id))
}

func (a *app) printLint(id string, found []postmortem.Finding) error {
	switch {
	case a.flags.json:
		return a.print(append([]postmortem.Finding{}, found...))
	case len(found) == 0:
		_, err := fmt.Fprintf(a.stdout, "%s: nothing to reword\n", id)
		return err
	}
	for _, f := range found {
		if _, err := fmt.Fprintf(a.stdout, "%s:%d: %s: %s: %s\n", id, f.Line, f.Rule, sanitise(f.Text), f.Hint); err != nil {
			return err
		}
	}
	return nil
}

// responders are the people whom a post-mortem names only where the response
// is told.
func responders(inc incident.Incident) []string {
	var list []string
	for _, p := range inc.Roles {
		list = append(list, string(p))
	}
	return list
}

func (a *app) exportCommand() *cobra.Command {
	var format, out, pictures string
	var redact, preview bool
	c := a.about("export ID", "write it to a file, or to standard output", func(ctx context.Context, db *store.DB, id incident.ID) error {
		s, err := db.Postmortems().Load(ctx, id)
		if err != nil {
			return err
		}
		if a.flags.json {
			format = "json"
		}
		toFile := out != "" && out != "-"
		switch {
		case preview:
			return a.previewRedaction(ctx, db, s)
		case !slices.Contains([]string{"svg", "png", "none"}, pictures):
			return usage("--pictures %q is not one of svg, png, none", pictures)
		case !slices.Contains([]string{"md", "html", "json"}, format):
			return usage("--format %q: this version writes md, html and json", format)
		}
		text, drawn, err := a.exported(ctx, db, s, export{format, out, pictures, redact, toFile})
		if err != nil {
			return fmt.Errorf("export %s: %w", s.ID, err)
		}
		if !toFile {
			_, err = a.stdout.Write(text)
			return err
		}
		if err := writeNew(out, text); err != nil {
			return fmt.Errorf("export %s: %w", s.ID, err)
		}
		beside := ""
		if drawn > 0 {
			beside = fmt.Sprintf(", %s in %s", count(drawn, "picture"), pictureFolder(out))
		}
		_, err = fmt.Fprintf(a.stdout, "%s written to %s%s\n", s.ID, out, beside)
		return err
	})
	c.Flags().StringVar(&format, "format", "md", "md, html (one page without scripts, nothing is fetched) or json")
	c.Flags().StringVarP(&out, "output", "o", "", "the `file`; one that is there is replaced, whole or not at all")
	c.Flags().StringVar(&pictures, "pictures", "svg", "of a file in Markdown, in a folder beside it: svg, png or none; html has them in it unless none")
	c.Flags().BoolVar(&redact, "redact", false, "without secrets, names of people, and internal hosts and addresses")
	c.Flags().BoolVar(&preview, "preview", false, "write nothing, and show what --redact would replace, where and why")
	return c
}

// export is what somebody wants of a post-mortem that leaves.
type export struct {
	format, out, pictures string
	redact                bool
	toFile                bool
}

// exported is a post-mortem in a format, and how many pictures were written beside it.
func (a *app) exported(ctx context.Context, db *store.DB, s postmortem.Stored, e export) (text []byte, drawn int, err error) {
	whole := s
	if s, err = a.leave(ctx, db, s, e.redact); err != nil {
		return nil, 0, err
	}
	var shown postmortem.Gallery
	switch drawable := e.format == "html" || e.format == "md" && e.toFile; {
	case e.pictures == "none" || !drawable:
	case e.redact:
		fmt.Fprintf(a.stderr, "%s: the pictures are left out, because what stands in them is not redacted\n", s.ID)
	default:
		if shown, err = gallery(ctx, db, s.Incident, time.Now()); err != nil {
			return nil, 0, err
		}
	}
	switch e.format {
	case "json":
		text, err = a.bundled(ctx, db, whole, e.redact)
		return text, 0, err
	case "html":
		inc, err := db.Incident(ctx, s.Incident)
		if err != nil {
			return nil, 0, err
		}
		text, err = s.HTML(inc, shown)
		return text, 0, err
	}
	if len(shown.Charts) == 0 {
		return []byte(s.Markdown()), 0, nil
	}
	markdown, err := exportPictures(s, shown, e.out, e.pictures)
	return []byte(markdown), len(shown.Charts), err
}

// gapLine is where something is missing, what, and what to do about it.
func gapLine(g postmortem.Gap) string {
	where := g.Section
	if g.Line > 0 {
		where = strings.TrimSpace(fmt.Sprintf("%s line %d", where, g.Line))
	}
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("%s%s: %s", where, g.What, g.Do)
}

// draftOf is a post-mortem as the screen shows it.
func draftOf(s postmortem.Stored, inc incident.Incident) pane.Draft {
	d := pane.Draft{ID: s.ID, Markdown: s.Markdown()}
	for _, g := range s.Gaps(inc) {
		what := g.What
		if g.Line == 0 {
			what += ": " + g.Do
		}
		if g.Section != "" {
			what = g.Section + ": " + what
		}
		d.Missing = append(d.Missing, fmt.Sprintf("%d %s", g.Line, what))
	}
	for _, f := range postmortem.Lint(d.Markdown, responders(inc)) {
		d.Findings = append(d.Findings, fmt.Sprintf("%d %s: %s: %s", f.Line, f.Rule, f.Text, f.Hint))
	}
	for _, k := range s.Sections {
		if k.EditedAt.After(d.EditedAt) {
			d.EditedBy, d.EditedAt = k.EditedBy, k.EditedAt
		}
	}
	return d
}
