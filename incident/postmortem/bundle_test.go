package postmortem_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// packed is the night's post-mortem with its evidence, as a store would hand it over.
func packed(t require.TestingT) (postmortem.Bundle, postmortem.Stored) {
	n := sev1(t)
	for i := range n.events { // the store's doing
		n.events[i].ID = fmt.Sprintf("01HNGHTX%018d", i)
	}
	inc := incident.Fold(own(n)...)
	s := postmortem.Merge(postmortem.Stored{}, postmortem.Draft(inc, n.events, at("10:00:00")))
	s.ID, s.Version = "PM-1", 1
	b, err := postmortem.Pack("abcd1234", inc, s, n.events, nil)
	require.NoError(t, err)
	return b, s
}

func own(n *night) (list []incident.Event) {
	for _, e := range n.events {
		if e.Incident == n.inc.ID {
			list = append(list, e)
		}
	}
	return list
}

// What is exported and imported is what was there, and what is drafted of it there
// says the same but for the names, which are claimed there.
func TestABundleComesBack(t *testing.T) {
	b, s := packed(t)
	text, err := b.JSON()
	require.NoError(t, err)
	back, err := postmortem.ParseBundle(text)
	require.NoError(t, err)
	require.Equal(t, s.Sections, back.Postmortem.Sections)
	require.Len(t, back.Events, len(b.Events))
	require.Len(t, back.Outside, len(b.Outside))
	again, err := back.JSON()
	require.NoError(t, err)
	require.Equal(t, string(text), string(again), "an export of an import is the same, byte for byte")

	before, after := back.Adopted("INC-9", by("eve", "12:00:00"))
	events := append(before, after...)
	inc := incident.Fold(events...)
	require.Equal(t, incident.ID("INC-9"), inc.ID)
	require.Equal(t, "INC-7 of store abcd1234", strings.Replace(inc.Imported, string(b.Incident), "INC-7", 1), "it says from where")
	require.True(t, inc.Status.Over())
	for _, e := range events {
		require.Equal(t, incident.ID("INC-9"), e.Incident)
		require.True(t, e.Claimed || e.Actor == incident.Sitrep || e.Kind == incident.PostmortemImported, "%s by %s", e.Kind, e.Actor)
		for _, room := range []string{"change.", "chaos.", "load.", "alert.", "slo.burning"} {
			require.False(t, strings.HasPrefix(string(e.Kind), room), "%s would be taken for one of here", e.Kind)
		}
	}
	_, err = inc.Reopen(by("eve", "13:00:00"))
	require.ErrorContains(t, err, "it was imported")
	there := postmortem.Draft(inc, append(events, incident.Brought(events)...), at("10:00:00"))
	require.Len(t, there.Sections, len(s.Sections))
	require.Equal(t, s.Numbers.Counts, there.Numbers.Counts)
	require.Equal(t, s.Numbers.TTA, there.Numbers.TTA)
	require.Len(t, there.Numbers.Signals, len(s.Numbers.Signals))
}

// A bundle from a hand that means no good is refused with what is wrong with it, and
// nothing of it is believed.
func TestBundlesThatAreNone(t *testing.T) {
	b, _ := packed(t)
	text, err := b.JSON()
	require.NoError(t, err)
	good := string(text)
	swap := func(old, new string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, new, 1)
	}
	change := func(f func(b *postmortem.Bundle)) string {
		c, _ := packed(t)
		f(&c)
		text, err := json.Marshal(map[string]any{"bundle": c})
		require.NoError(t, err)
		return string(text)
	}
	for _, c := range []struct{ text, why string }{
		{"", "this is no post-mortem with its evidence"},
		{"[1]", "this is no post-mortem with its evidence"},
		{`{"bundle":{}}`, "this is no post-mortem with its evidence"},
		{strings.Repeat("[", 100_000), "this is no post-mortem with its evidence"},
		{good[:len(good)/2], "this is no post-mortem with its evidence"},
		{`{"bundle":{"version":2}}`, "it was written by a newer sitrep, use that one"},
		{swap(`"store": "abcd1234"`, `"store": "abcd1234", "extra": 1`), `unknown field "extra"`},
		{swap(`"store": "abcd1234"`, `"store": "a b"`), "which store it comes from"},
		{strings.Repeat(" ", postmortem.MostBundle) + good, "more than 64 MiB"},
		{change(func(b *postmortem.Bundle) { b.Events = nil }), "do not begin with a declaration"},
		{change(func(b *postmortem.Bundle) { b.Events = b.Events[:1] }), "an incident that goes on is not imported"},
		{change(func(b *postmortem.Bundle) { b.Events[3].Incident = "INC-99" }), `event 3 is of "INC-99"`},
		{change(func(b *postmortem.Bundle) { b.Events[3].ID = "../../x" }), `"../../x" is no ID of an event`},
		{change(func(b *postmortem.Bundle) { b.Events[3].ID = b.Events[2].ID }), "is there twice"},
		{change(func(b *postmortem.Bundle) { b.Events[3].Text = strings.Repeat("x", incident.MaxText+1) }), "at most 1048576 are kept"},
		{change(func(b *postmortem.Bundle) { b.Events[3].At = b.Events[3].At.AddDate(-1000, 0, 0) }), "it happened in the year 1026"},
		{change(func(b *postmortem.Bundle) { b.Postmortem.Incident = "INC-2" }), `its text is of "INC-2"`},
		{change(func(b *postmortem.Bundle) { b.Postmortem.Sections = nil }), "its text has 0 sections"},
		{change(func(b *postmortem.Bundle) { b.Postmortem.Sections[1].Key = b.Postmortem.Sections[0].Key }), "two sections are called"},
		{change(func(b *postmortem.Bundle) { b.Postmortem.Sections[1].State = "final" }), `"final" is no state of a section`},
		{change(func(b *postmortem.Bundle) { b.Postmortem.Sections[1].Human = "<!-- /sitrep -->" }), "a mark of the edit form"},
		{change(func(b *postmortem.Bundle) { b.Evidence = []postmortem.Series{{Event: "x"}} }), `no event says that something was kept at "x"`},
		{change(func(b *postmortem.Bundle) { b.Evidence = make([]postmortem.Series, 501) }), "at most 500 are taken"},
	} {
		_, err := postmortem.ParseBundle([]byte(c.text))
		require.ErrorContains(t, err, c.why, c.why)
	}
	// An incident that is over by a merge alone would go on where the merge is not.
	merged := change(func(b *postmortem.Bundle) {
		end := len(b.Events) - 1
		for b.Events[end].Kind != incident.Resolved {
			end--
		}
		b.Events[end].Kind = incident.Merged
		b.Events[end].Data = incident.Payload(incident.Merge{From: b.Incident, Into: "INC-8"})
	})
	_, err = postmortem.ParseBundle([]byte(merged))
	require.ErrorContains(t, err, "an incident that goes on is not imported")
}

func FuzzParseBundle(f *testing.F) {
	b, _ := packed(f)
	text, err := b.JSON()
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"bundle":{"version":1,"events":[{}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := postmortem.ParseBundle(text)
		if err != nil {
			return
		}
		before, after := b.Adopted("INC-9", by("eve", "12:00:00"))
		require.True(t, incident.Fold(append(before, after...)...).Status.Over())
	})
}

// A redacted bundle can still be imported, and says no name and no secret.
func TestARedactedBundleIsStillOne(t *testing.T) {
	b, _ := packed(t)
	b.Events[len(b.Events)-1].Data = json.RawMessage(`{"api_token":"plain words","note":"ask ana at 10.0.0.9"}`)
	r, err := postmortem.Redaction{Callings: postmortem.Callings(incident.Fold(b.Events...), b.Events, "ana")}.Redactor()
	require.NoError(t, err)
	out, err := r.Bundle(b)
	require.NoError(t, err)
	text, err := out.JSON()
	require.NoError(t, err)
	_, err = postmortem.ParseBundle(text)
	require.NoError(t, err)
	require.NotContains(t, string(text), "plain words")
	require.NotContains(t, string(text), "10.0.0.9")
	require.NotRegexp(t, `(?i)\bbob\b|\bana\b`, string(text))
}
