package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/incident/tracker"
	"github.com/sitrep-dev/sitrep/store"
)

type githubConfig struct {
	APIURL     string   `yaml:"api_url"`
	Repository string   `yaml:"repository"` // owner/name
	Token      secret   `yaml:"token"`
	Labels     []string `yaml:"labels"`
}

type gitlabConfig struct {
	APIURL  string   `yaml:"api_url"`
	Project string   `yaml:"project"` // group/name, or its number
	Token   secret   `yaml:"token"`
	Labels  []string `yaml:"labels"`
}

var repository = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)

func (c *config) checkTrackers() error {
	if r := c.GitHub.Repository; r != "" && !repository.MatchString(r) {
		return c.doc.Errorf("github.repository", "%q is no repository such as acme/shop", r)
	}
	return nil
}

// forge is where action items become issues.
type forge interface {
	Find(ctx context.Context, marker string, since time.Time) (tracker.Issue, bool, error)
	Create(ctx context.Context, d tracker.Draft) (tracker.Issue, error)
	Read(ctx context.Context, number int) (tracker.Issue, error)
	Set(ctx context.Context, number int, open, done bool) error
}

func (a *app) issuesCommand() *cobra.Command {
	var to string
	var dry, redact bool
	c := a.about("issues ID", "its action items as issues of GitHub or GitLab, and back who closed which", func(ctx context.Context, db *store.DB, id incident.ID) error {
		w, err := a.outward(ctx, db, to, id, redact, !dry)
		if err != nil {
			return err
		}
		if dry {
			return w.preview()
		}
		letGo, err := db.HoldRun("issues-" + string(id))
		if err != nil {
			return fmt.Errorf("issues of %s: another sitrep is at them; run this again when it is done: %w", id, err)
		}
		defer letGo()
		trouble := w.walk(ctx)
		return errors.Join(w.print(), trouble)
	})
	c.Long = "Make an issue of every open action item that has none, and level the two: what was closed there is closed here, by whoever\n" +
		"closed it, and what was closed or dropped here is closed there. Run it as often as you like: an issue is known by a marker\n" +
		"in its text, also when sitrep died before it could write down which it is. The configuration says where (github:, gitlab:)."
	c.Flags().StringVar(&to, "to", "", "github or gitlab; without it the one that is configured")
	c.Flags().BoolVar(&dry, "dry-run", false, "ask nobody, and show the issues that would be made")
	c.Flags().BoolVar(&redact, "redact", false, "without names of people, and internal hosts and addresses; secrets never leave")
	return c
}

// outward is one post-mortem's items on their way.
type outward struct {
	app    *app
	db     *store.DB
	inc    incident.Incident
	stored postmortem.Stored
	red    *postmortem.Redactor
	forge  forge
	name   string // github, gitlab
	place  string
	labels []string
	lines  []outwardLine
}

// outwardLine is what became of one item.
type outwardLine struct {
	Item  string `json:"item"`
	State string `json:"state"` // open, closed
	URL   string `json:"url"`
	What  string `json:"what"`
	Title string `json:"title"`
}

func (a *app) outward(ctx context.Context, db *store.DB, to string, id incident.ID, redact, ask bool) (*outward, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	w := &outward{app: a, db: db, lines: []outwardLine{}}
	if to == "" {
		switch {
		case c.GitHub.Repository != "" && c.GitLab.Project != "":
			return nil, usage("--to github or --to gitlab: both are configured")
		case c.GitLab.Project != "":
			to = "gitlab"
		default:
			to = "github"
		}
	}
	w.name = to
	var token secret
	var base string
	switch to {
	case "github":
		w.place, w.labels, token, base = c.GitHub.Repository, c.GitHub.Labels, c.GitHub.Token, c.GitHub.APIURL
	case "gitlab":
		w.place, w.labels, token, base = c.GitLab.Project, c.GitLab.Labels, c.GitLab.Token, c.GitLab.APIURL
	default:
		return nil, usage("--to %q: github or gitlab", to)
	}
	if w.place == "" || token == "" {
		keys := map[string]string{"github": "repository: acme/shop, token: env:GITHUB_TOKEN", "gitlab": "project: acme/shop, token: env:GITLAB_TOKEN"}[to]
		return nil, withCode(exitUsage, fmt.Errorf("%s is not configured: write %s: {%s} into sitrep.yaml", to, to, keys))
	}
	if ask {
		word, err := token.read(ctx, c.dir)
		if err != nil {
			return nil, err
		}
		w.forge = tracker.NewGitHub(base, w.place, word, escalation.NewTransport())
		if to == "gitlab" {
			w.forge = tracker.NewGitLab(base, w.place, word, escalation.NewTransport())
		}
	}
	if w.stored, err = db.Postmortems().Load(ctx, id); err != nil {
		return nil, err
	}
	if w.inc, err = db.Incident(ctx, id); err != nil {
		return nil, err
	}
	w.red, err = a.redactor(ctx, db, id, redact)
	return w, err
}

// draft is an item as it leaves.
func (w *outward) draft(it incident.OpenItem) tracker.Draft {
	title, body := postmortem.AsIssue(w.inc, w.stored, it)
	title, _ = w.red.Text(title, 1)
	body, _ = w.red.Text(body, 1)
	return tracker.Draft{Title: title, Body: body, Labels: w.labels}
}

func (w *outward) preview() error {
	have, err := w.known(context.Background())
	if err != nil {
		return err
	}
	for _, it := range w.inc.Items {
		if o, known := have[it.Item.Item]; !it.Closed.IsZero() || known && o.Number > 0 {
			continue
		}
		d := w.draft(it)
		w.lines = append(w.lines, outwardLine{it.Item.Item, "open", "", "would be made at " + w.place, d.Title})
		if !w.app.flags.json {
			if _, err := fmt.Fprintf(w.app.stdout, "%s at %s of %s:\n%s\n\n%s\n", it.Item.Item, w.name, w.place, oneLine(d.Title), sanitise(d.Body)); err != nil {
				return err
			}
		}
	}
	if w.app.flags.json || len(w.lines) == 0 {
		return w.print()
	}
	return nil
}

func (w *outward) known(ctx context.Context) (map[string]postmortem.Outbound, error) {
	list, err := w.db.Postmortems().Outbound(ctx, w.stored.ID, w.name, w.place)
	have := map[string]postmortem.Outbound{}
	for _, o := range list {
		have[o.Item] = o
	}
	return have, err
}

// walk goes through the items. What goes wrong with one leaves the others alone, but
// for what would go wrong with all.
func (w *outward) walk(ctx context.Context) error {
	have, err := w.known(ctx)
	if err != nil {
		return err
	}
	var trouble []error
	for _, it := range w.inc.Items {
		o, known := have[it.Item.Item]
		if !known && !it.Closed.IsZero() {
			continue
		}
		line, err := w.one(ctx, it, o)
		if err != nil {
			line.What = "failed"
			trouble = append(trouble, withCode(exitInconclusive, fmt.Errorf("%s of %s: %w", it.Item.Item, w.inc.ID, err)))
		}
		w.lines = append(w.lines, line)
		if errors.Is(err, tracker.ErrRefused) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(trouble...)
}

func (w *outward) one(ctx context.Context, it incident.OpenItem, o postmortem.Outbound) (line outwardLine, err error) {
	line = outwardLine{Item: it.Item.Item, State: "open", URL: o.URL, Title: it.Text}
	if o.Number == 0 {
		var issue tracker.Issue
		if issue, line.What, err = w.land(ctx, it); err != nil {
			return line, err
		}
		o = postmortem.Outbound{Postmortem: w.stored.ID, Item: it.Item.Item, Forge: w.name, Place: w.place, Number: issue.Number, URL: issue.URL}
		line.URL = o.URL
		if err := w.db.Postmortems().Landed(ctx, o); err != nil {
			return line, err
		}
		if line.What == "made" {
			return line, nil
		}
	}
	issue, err := w.forge.Read(ctx, o.Number)
	if errors.Is(err, tracker.ErrGone) {
		line.What = "is there no more; it is not made again"
		return line, nil
	} else if err != nil {
		return line, err
	}
	what, closed, err := w.level(ctx, it, o, issue)
	if err != nil {
		return line, err
	}
	line.What = strings.TrimPrefix(line.What+", "+what, ", ")
	if closed {
		line.State = "closed"
	}
	if o.Closed == closed && o.URL == issue.URL {
		return line, nil
	}
	o.Closed, o.URL = closed, issue.URL
	return line, w.db.Postmortems().Landed(ctx, o)
}

// land is the issue of an item that is not known to have one: found by its marker, if
// somebody made it and died, or made now. That it is wanted is written down first.
func (w *outward) land(ctx context.Context, it incident.OpenItem) (tracker.Issue, string, error) {
	first, err := w.db.Postmortems().Intend(ctx, postmortem.Outbound{Postmortem: w.stored.ID, Item: it.Item.Item, Forge: w.name, Place: w.place, At: time.Now()})
	if err != nil {
		return tracker.Issue{}, "", err
	}
	const skew = 10 * time.Minute // of clocks
	issue, found, err := w.forge.Find(ctx, postmortem.Marker(w.inc, it.Item.Item), first.Add(-skew))
	if err != nil || found {
		return issue, "found again", err
	}
	issue, err = w.forge.Create(ctx, w.draft(it))
	return issue, "made", err
}

// level brings the two sides to the same state: whichever has changed since it was
// looked at last is right.
func (w *outward) level(ctx context.Context, it incident.OpenItem, o postmortem.Outbound, issue tracker.Issue) (what string, closed bool, err error) {
	done := !it.Closed.IsZero()
	switch {
	case done == !issue.Open:
		return "as it was", done, nil
	case done && o.Closed:
		return "is open again there, and stays so", false, nil
	case done:
		return "closed there", true, w.forge.Set(ctx, o.Number, false, !it.Dropped)
	case o.Closed:
		return "opened again there", false, w.forge.Set(ctx, o.Number, true, false)
	}
	by := incident.By{Actor: incident.Person(cmp.Or(issue.ClosedBy, w.name)), Claimed: true, Via: w.name, Source: w.name, At: time.Now()}
	if !issue.ClosedAt.IsZero() && issue.ClosedAt.Before(by.At) && issue.ClosedAt.After(it.Added) {
		by.At = issue.ClosedAt
	}
	_, err = incident.NewDesk(w.db).CloseItem(ctx, by, w.inc.ID, it.Item.Item)
	return "closed here: " + string(by.Actor) + " closed it there", true, err
}

func (w *outward) print() error {
	if w.app.flags.json {
		return w.app.print(w.lines)
	}
	if len(w.lines) == 0 {
		_, err := fmt.Fprintf(w.app.stdout, "%s: no action item is to leave\n", w.stored.ID)
		return err
	}
	rows := [][]string{{"ITEM", "STATE", "ISSUE", "WHAT"}}
	for _, l := range w.lines {
		rows = append(rows, []string{l.Item, l.State, orDash(l.URL), l.What})
	}
	return table(w.app.stdout, rows)
}
