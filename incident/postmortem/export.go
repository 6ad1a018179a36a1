package postmortem

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Schema is the version of the exported JSON; it grows when a key changes its
// meaning. Keys may be added without.
const Schema = 1

// Markdown is the post-mortem in GitHub's Markdown, without the comments of
// the edit form.
func (s Stored) Markdown() string {
	var parts []string
	for _, k := range s.Sections {
		if t := k.Text(); t != "" {
			parts = append(parts, t)
		}
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// JSON is the post-mortem as data: sections, numbers and the version of the
// schema, indented.
func (s Stored) JSON() ([]byte, error) { return s.json(nil) }

func (s Stored) json(b *Bundle) ([]byte, error) {
	type section struct {
		Key      string          `json:"key"`
		Heading  string          `json:"heading"`
		Markdown string          `json:"markdown"`
		State    State           `json:"state"`
		NewFacts []string        `json:"new_facts,omitempty"`
		EditedBy incident.Person `json:"edited_by,omitempty"`
		EditedAt time.Time       `json:"edited_at,omitzero"`
	}
	out := struct {
		Schema   int             `json:"schema"`
		ID       string          `json:"id"`
		Incident incident.ID     `json:"incident"`
		Title    string          `json:"title"`
		Version  int             `json:"version"`
		Author   incident.Person `json:"author"`
		At       time.Time       `json:"at,omitzero"`
		Sections []section       `json:"sections"`
		Numbers  Numbers         `json:"numbers"`
		Template string          `json:"template"`
		Bundle   *Bundle         `json:"bundle,omitempty"`
	}{Template: s.Template.String(), Bundle: b, Schema: Schema, ID: s.ID, Incident: s.Incident, Title: s.Title, Version: s.Version, Author: s.Author, At: s.At.UTC(), Sections: []section{}, Numbers: s.Numbers}
	for _, k := range s.Sections {
		out.Sections = append(out.Sections, section{k.Key, k.Heading, k.Text(), k.State, k.Fresh(), k.EditedBy, k.EditedAt})
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("export %s as JSON: %w", s.ID, err)
	}
	return append(text, '\n'), nil
}
