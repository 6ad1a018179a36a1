package postmortem_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// oneShelf keeps one post-mortem.
type oneShelf struct{ s postmortem.Stored }

func (o *oneShelf) Load(context.Context, incident.ID) (postmortem.Stored, error) {
	if o.s.Version == 0 {
		return postmortem.Stored{}, postmortem.ErrNone
	}
	return o.s, nil
}

func (o *oneShelf) Save(_ context.Context, s postmortem.Stored, version int) (postmortem.Stored, error) {
	if version != o.s.Version {
		return postmortem.Stored{}, postmortem.ErrConflict
	}
	s.ID, s.Version = "PM-1", version+1
	o.s = s
	return s, nil
}

func (o *oneShelf) List(context.Context) ([]postmortem.Stored, error) {
	return []postmortem.Stored{o.s}, nil
}

// Every template holds the whole record, asks for what nobody can know, and passes the
// gate once that is answered.
func TestEveryTemplateTellsTheNight(t *testing.T) {
	n := sev1(t)
	chapters := map[string][]string{
		"standard":  {"Incident Summary", "Timeline", "Root Cause Analysis", "Impact Assessment", "Actions Taken", "Lessons Learned", "Action Items"},
		"google":    {"Summary", "Root Causes and Trigger", "Action Items", "Lessons Learned", "Timeline", "Supporting Information"},
		"pagerduty": {"Overview", "What Happened", "Contributing Factors", "Resolution", "Impact", "Responders", "Timeline", "How We Did", "Action Items", "Messaging"},
		"atlassian": {
			"Incident Summary", "Leadup", "Fault", "Impact", "Detection", "Response", "Recovery", "Timeline", "Root Cause Analysis", "Backlog Check", "Recurrence",
			"Lessons Learned", "Action Items",
		},
	}
	heading := regexp.MustCompile(`(?m)^## (.*)$`)
	question := regexp.MustCompile(`_([^_\n]+\?)_`)
	for _, name := range postmortem.BuiltIn() {
		shelf := &oneShelf{}
		s, err := postmortem.RefreshIn(t.Context(), shelf, n.inc, n.events, by("ana", "09:00:00"), &postmortem.Choice{Name: name})
		require.NoError(t, err)
		md := s.Markdown()
		var got []string
		for _, m := range heading.FindAllStringSubmatch(md, -1) {
			got = append(got, m[1])
		}
		require.Equal(t, chapters[name], got, name)
		for _, said := range []string{
			"HighErrorRate job=checkout (alert.fired, alert)", "time to acknowledge", "22.6%", "LT-3 | smoke | 1m | 400 req/s of 400 req/s | 41 ms", "AI-2", "Contributing factors",
			"rolled checkout back to v1.41, which gives connections back", "429 too many requests", "22m 40s",
		} {
			require.Contains(t, md, said, name)
		}
		require.NotContains(t, md, "The template stopped here", name)
		form, err := postmortem.Keep(t.Context(), shelf, s, formOf(s, question), by("ana", "09:30:00"))
		require.NoError(t, err)
		require.Empty(t, form.Gaps(n.inc), name)
	}
}

// formOf is the edit form with every question answered.
func formOf(s postmortem.Stored, question *regexp.Regexp) string {
	form := question.ReplaceAllString(s.EditForm(), "Told.")
	return strings.NewReplacer("Number of users: no data", "Number of users: 120", "reputation: no data", "reputation: none", "_owner_", "dana", "_due date_", "2026-12-01").Replace(form)
}

// The choice stays over redrafts, and so does the text of a user's own template, whose
// file a draft never needs again.
func TestAPostMortemKeepsItsTemplate(t *testing.T) {
	n := sev1(t)
	shelf := &oneShelf{}
	own := &postmortem.Choice{Name: "ours", Text: "# {{.Title}}\n\n## Kurz\n{{.Duration}}\n"}
	_, err := postmortem.RefreshIn(t.Context(), shelf, n.inc, n.events, by("ana", "09:00:00"), own)
	require.NoError(t, err)
	s, err := postmortem.Refresh(t.Context(), shelf, n.inc, n.events, by("ana", "09:10:00"))
	require.NoError(t, err)
	require.Equal(t, own, s.Template)
	require.Equal(t, "# Checkout answers 5xx for one in eight\n\n## Kurz\n53m 35s from detection to resolution; mitigated after 27m 25s\n"+
		"  - Impact window by the metrics: 02:58:15 to 03:28:00 (29m 45s; Error ratio beyond 1% and p95 latency beyond 500 ms); declared: 03:00:02 to 03:52:40 (52m 38s)\n", s.Markdown())
	b, err := s.JSON()
	require.NoError(t, err)
	require.Contains(t, string(b), `"template": "ours"`)

	form := strings.Replace(s.EditForm(), "53m 35s", "Nearly an hour", 1)
	s, err = postmortem.Keep(t.Context(), shelf, s, form, by("ana", "09:20:00"))
	require.NoError(t, err)
	s, err = postmortem.RefreshIn(t.Context(), shelf, n.inc, n.events, by("ana", "09:30:00"), &postmortem.Choice{Name: "google"})
	require.NoError(t, err)
	require.Contains(t, s.Markdown(), "Nearly an hour", "another template loses no word of a person")
	require.Contains(t, s.Markdown(), "## Root Causes and Trigger")

	broken := &postmortem.Choice{Name: "ours", Text: "{{.WhatALaterSitrepDropped}}"}
	s, err = postmortem.RefreshIn(t.Context(), shelf, n.inc, n.events, by("ana", "09:40:00"), broken)
	require.NoError(t, err, "the end of an incident is no time to refuse")
	require.Contains(t, s.Markdown(), "## Incident Summary")
}

func TestATemplatesErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"# {{.Title}}\n\nHow: {{.NoSuchThing}} x":           "own.md:3:8: .NoSuchThing: can't evaluate field NoSuchThing in type postmortem.lines",
		"# {{.Title}}\n## a {{nofunc .Title}}\n":            `own.md:2:8: function "nofunc" not defined`,
		"# {{.Title}}\n## b {{.Title]}\n":                   "own.md:2:14: bad character U+005D ']'",
		"# {{.Title}}\n{{if .Experiments}}{{.Nope}}{{end}}": "own.md:2:22: .Nope: can't evaluate field Nope in type postmortem.lines",
		"{{if .Title}}\nnever ended\n":                      "own.md:3:1: unexpected EOF",
		"{{":                                                "own.md:1:1: unclosed action",
		"{{template \"other\"}}":                            `own.md:1:12: {{template "other"}}: template "other" not defined`,
	} {
		_, err := postmortem.ParseTemplate("own", "own.md", text)
		var placed *postmortem.TemplateError
		require.True(t, errors.As(err, &placed), "%q: %v", text, err)
		require.EqualError(t, err, want, "%q", text)
	}
}

// How long it was of which severity is counted to the end, and a night that has
// nothing says so.
func TestWhatOnlyOtherTemplatesAskFor(t *testing.T) {
	of := func(n *night, text string) string {
		tpl, err := postmortem.ParseTemplate("own", "own.md", text)
		require.NoError(t, err)
		return postmortem.Merge(postmortem.Stored{}, tpl.Draft(n.inc, n.events, at("03:42:00"))).Markdown()
	}
	n := sev1(t)
	require.Equal(t, "SEV-2 7m 28s and SEV-1 45m 10s\n", of(n, "{{.Severities}}"))
	require.Equal(t, "02:58:01 fault injected: CH-7 http.latency 300ms on payments-2 (1m 4s before the detection)\n", of(n, "{{.Trigger}}"))
	require.Contains(t, of(n, "{{.Responders}}"), "commander and responder: cleo\n  - acknowledged: cleo and bob")
	require.Contains(t, of(n, "{{.Messages}}"), "03:21:00 incident status changed: identified: connection pool to payments")

	bare := &night{t: t}
	e, err := incident.Declare(by("ana", "03:00:00"), "INC-1", incident.Declaration{Title: "x", Severity: incident.Sev3})
	bare.add([]incident.Event{e}, err)
	require.Equal(t, "SEV-3 42m\n", of(bare, "{{.Severities}}"))
	require.Contains(t, of(bare, "{{.Trigger}}"), "Nothing is on the record in the 30m before the detection.")
	require.Contains(t, of(bare, "{{.Responders}}"), "No data: nobody had a role.")
	require.Empty(t, strings.TrimSpace(of(bare, "{{.Loads}}")))
}
