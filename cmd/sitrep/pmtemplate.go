package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

func (a *app) draftCommand() *cobra.Command {
	var name string
	c := a.about("draft ID", "draft it, or bring a draft up to date; what people wrote stays", func(ctx context.Context, db *store.DB, id incident.ID) error {
		return a.draftPostmortem(ctx, db, id, name)
	})
	c.Long = "The draft is made of the timeline, in a template: the standard one, google, pagerduty or atlassian, or NAME.md of the folder\n" +
		"templates beside the configuration. The choice stays with the post-mortem. What people wrote into a section that the new\n" +
		"template does not have stands at the end."
	c.Flags().StringVar(&name, "template", "", "`NAME`: "+strings.Join(postmortem.BuiltIn(), ", ")+", or one of your own")
	return c
}

func (a *app) draftPostmortem(ctx context.Context, db *store.DB, id incident.ID, name string) error {
	by, err := a.by(nil)
	if err != nil {
		return err
	}
	chosen, err := a.template(ctx, db, id, name)
	if err != nil {
		return err
	}
	inc, events, err := draftedFrom(ctx, db, id, by.At)
	if err != nil {
		return err
	}
	s, err := postmortem.RefreshIn(ctx, db.Postmortems(), inc, events, by, chosen)
	if err != nil {
		return err
	}
	if a.flags.json {
		return a.printPostmortem(s)
	}
	_, err = fmt.Fprintf(a.stdout, "%s drafted for %s, version %d (sitrep postmortem edit %s)\n", s.ID, s.Incident, s.Version, s.Incident)
	return err
}

// template is the one that a post-mortem is drafted in from now on; nil is the one that
// it has. A file of the user's is read anew at each draft that somebody asks for; while
// it has an error the post-mortem keeps what it was at last.
func (a *app) template(ctx context.Context, db *store.DB, id incident.ID, name string) (*postmortem.Choice, error) {
	var had *postmortem.Choice
	switch s, err := db.Postmortems().Load(ctx, id); {
	case err == nil:
		had = s.Template
	case !errors.Is(err, postmortem.ErrNone):
		return nil, err
	}
	if name == "" && had == nil {
		return nil, nil
	}
	same := name == "" || name == had.String()
	if name == "" {
		name = had.Name
	}
	chosen, err := a.ownTemplate(name)
	var bad *postmortem.TemplateError
	switch {
	case err == nil:
		return chosen, nil
	case same && had != nil && had.Text != "" && errors.As(err, &bad):
		_, err = fmt.Fprintf(a.stderr, "%s; the post-mortem keeps the template as it was when it could be read last\n", err)
		return nil, err
	case same && had != nil && had.Text != "" && errors.Is(err, errNoTemplate):
		return nil, nil // the file is gone, its text is kept
	}
	return nil, err
}

var errNoTemplate = errors.New("no such template")

// largestTemplate is how long a file is that anybody wrote as a template.
const largestTemplate = 256 << 10

// ownTemplate reads NAME.md of the user's folder, or answers with one that this program
// carries.
func (a *app) ownTemplate(name string) (*postmortem.Choice, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.dir, "templates")
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, usage("--template %q: the name of a template, without a path; its file is %s", name, filepath.Join(dir, "NAME.md"))
	}
	file := filepath.Join(dir, name+".md")
	text, err := os.ReadFile(file)
	switch {
	case err == nil && len(text) > largestTemplate:
		return nil, fmt.Errorf("read the template: %s has %d bytes, more than %d", file, len(text), largestTemplate)
	case err == nil:
		if _, err := postmortem.ParseTemplate(name, file, string(text)); err != nil {
			return nil, fmt.Errorf("read the template: %w", err)
		}
		return &postmortem.Choice{Name: name, Text: string(text)}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the template: %w", err)
	case slices.Contains(postmortem.BuiltIn(), name):
		return &postmortem.Choice{Name: name}, nil
	}
	known := postmortem.BuiltIn()
	own, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return nil, err
	}
	for _, f := range own {
		known = append(known, strings.TrimSuffix(filepath.Base(f), ".md"))
	}
	return nil, withCode(exitUsage, fmt.Errorf("%w %q: there are %s (%s would be your own)", errNoTemplate, name, strings.Join(known, ", "), file))
}
