package pane

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

func TestFilter(t *testing.T) {
	list := map[string]*incident.Event{
		"page":   {ID: "1", Kind: incident.PageAccepted, Actor: incident.Sitrep, Text: "L1 round 1 trigger to pagerduty:primary: accepted"},
		"note":   {ID: "2", Kind: incident.NoteAdded, Actor: "Alice", Text: "Payments POOL exhausted?"},
		"deploy": {ID: "3", Kind: incident.ChangeRecorded, Actor: "carol", Text: "deploy checkout v1.42.0"},
		"ack":    {ID: "4", Kind: incident.Acknowledged, Actor: "alice", Text: "alice acknowledged"},
	}
	for typed, want := range map[string][]string{
		"":                   {"ack", "deploy", "note", "page"},
		"   ":                {"ack", "deploy", "note", "page"},
		"pool":               {"note"},
		"!pool":              {"ack", "deploy", "page"},
		"! pool":             {"ack", "deploy", "page"},
		"payments pool":      {"note"},
		"^deploy|exhausted":  {"deploy", "note"},
		"@ali":               {"ack", "note"},
		"!@ali":              {"deploy", "page"},
		"@ali pool":          {"note"},
		"@ali !pool":         {"ack"},
		"#page":              {"page"},
		"#accepted":          {"page"},
		"#ack":               {"ack"},
		"#deploy":            {"deploy"},
		"!#page !#note":      {"ack", "deploy"},
		"sev:1":              {"ack", "deploy", "note", "page"},
		"sev:2":              {},
		"!sev:2 carol":       {"deploy"},
		"sev:x":              {},
		"!":                  {"ack", "deploy", "note", "page"},
		"@":                  {},
		"(":                  {"ack", "deploy", "note", "page"},
		"incident\\.ack":     {"ack"},
		"v1.42.0 !#checkout": {"deploy"},
	} {
		var f filter
		f.read(typed)
		got := []string{}
		for _, name := range []string{"ack", "deploy", "note", "page"} {
			if f.event(list[name], incident.Sev1) {
				got = append(got, name)
			}
			require.Equal(t, f.event(list[name], incident.Sev1), f.event(list[name], incident.Sev1))
		}
		require.Equal(t, want, got, "%q", typed)
		require.Equal(t, typed == "(", f.wrong.Width() > 0, "%q", typed)
	}
}
