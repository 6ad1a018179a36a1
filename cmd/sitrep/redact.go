package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

// redactConfig is what does not leave with a post-mortem, beside what is known to
// sitrep anyway: secrets, the people of the incident and private networks.
type redactConfig struct {
	Hosts []string `yaml:"hosts"`
	Deny  []string `yaml:"deny"`
	Allow []string `yaml:"allow"`
}

// check refuses an entry that would take out everything, or nothing.
func (r redactConfig) check(c *config) error {
	for key, list := range map[string][]string{"hosts": r.Hosts, "deny": r.Deny, "allow": r.Allow} {
		for i, w := range list {
			if strings.Trim(w, "*. ") == "" {
				return c.doc.Errorf(fmt.Sprintf("redact.%s[%d]", key, i), "%q names nothing in particular", w)
			}
		}
	}
	if _, err := (postmortem.Redaction{Hosts: r.Hosts}).Redactor(); err != nil {
		return c.doc.Errorf("redact.hosts", "%v", err)
	}
	return nil
}

// redactor takes out of the post-mortem of an incident what is not to leave: all that
// a redaction knows, or its secrets alone.
func (a *app) redactor(ctx context.Context, db *store.DB, id incident.ID, all bool) (*postmortem.Redactor, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	r := postmortem.Redaction{Deny: c.Redact.Deny, Allow: c.Redact.Allow}
	if !all {
		return r.OnlySecrets(), nil
	}
	inc, events, err := draftedFrom(ctx, db, id, time.Now())
	if err != nil {
		return nil, err
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(c.People)) {
		p := c.People[name]
		others = append(others, name, p.OSUser, p.Slack, p.PagerDuty)
	}
	r.Callings = postmortem.Callings(inc, events, others...)
	r.Hosts = c.Redact.Hosts
	for _, label := range []string{"instance", "host", "hostname", "node", "nodename"} {
		if h, _, _ := strings.Cut(inc.Labels[label], ":"); strings.ContainsAny(h, "-.") && strings.Trim(h, "0123456789.") != "" {
			r.Hosts = append(r.Hosts, h) // what the alert itself calls a host
		}
	}
	for _, p := range c.People {
		if p.Phone != "" {
			r.Deny = append(r.Deny, p.Phone)
		}
	}
	return r.Redactor()
}

// leave is a post-mortem as it may leave: as it stands, with a word about the
// secrets in it, or redacted.
func (a *app) leave(ctx context.Context, db *store.DB, s postmortem.Stored, redact bool) (postmortem.Stored, error) {
	r, err := a.redactor(ctx, db, s.Incident, redact)
	if err != nil {
		return s, err
	}
	without, cuts := r.Stored(s)
	if redact {
		return without, nil
	}
	if len(cuts) > 0 {
		_, err = fmt.Fprintf(a.stderr, "%s: %s in it, the first in line %d (sitrep postmortem export %s --preview shows all, --redact takes them out)\n", s.ID, secretsIn(len(cuts)), cuts[0].Line, s.Incident)
	}
	return s, err
}

func secretsIn(n int) string {
	if n == 1 {
		return "a secret or a denied word is"
	}
	return fmt.Sprintf("%d secrets or denied words are", n)
}

// previewRedaction prints what a redaction would replace, and where.
func (a *app) previewRedaction(ctx context.Context, db *store.DB, s postmortem.Stored) error {
	r, err := a.redactor(ctx, db, s.Incident, true)
	if err != nil {
		return err
	}
	_, cuts := r.Stored(s)
	switch {
	case a.flags.json:
		return a.print(append([]postmortem.Cut{}, cuts...))
	case len(cuts) == 0:
		_, err := fmt.Fprintf(a.stdout, "%s: nothing to replace\n", s.ID)
		return err
	}
	rows := [][]string{{"LINE", "RULE", "WHAT", "BECOMES", "WHY"}}
	for _, c := range cuts {
		line := fmt.Sprint(c.Line)
		if c.Line == 0 {
			line = "title"
		}
		rows = append(rows, []string{line, c.Rule, c.What, c.With, c.Why})
	}
	if err := table(a.stdout, rows); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stderr, "%s: nothing was written; redact: {allow: [...], deny: [...], hosts: [...]} in the configuration says what stays and what goes beside\n", s.ID)
	return err
}
