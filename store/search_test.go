package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/store"
)

// marked is what was found, newest first, with [hits].
func marked(t *testing.T, db *store.DB, looked ...string) []string {
	t.Helper()
	hits, err := db.Search(t.Context(), looked, 10)
	require.NoError(t, err, looked)
	all := []string{}
	for _, h := range hits {
		var b strings.Builder
		for _, p := range h.Match {
			if p.Hit {
				p.Text = "[" + p.Text + "]"
			}
			b.WriteString(p.Text)
		}
		all = append(all, b.String())
	}
	return all
}

func note(text string) incident.Event {
	return incident.Event{Kind: incident.NoteAdded, Actor: "ana", Source: "test", Text: text}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	alert := note("fired")
	alert.Data = incident.Payload(map[string]any{"service": "basket", "labels": map[string]string{"region": "eu-west"}, "policy": map[string]string{"secret": "unsearchable"}})
	_, err := db.Append(t.Context(), note("Café checkout fails"), note("rolled back the checkout"), note("back, rolled up"), alert, note(`"quoted" AND (a:b)`), note("the checkout again"))
	require.NoError(t, err)
	for _, tt := range []struct {
		looked []string
		want   []string
	}{
		{[]string{"checkout"}, []string{"the [checkout] again", "rolled back the [checkout]", "Café [checkout] fails"}},
		{[]string{"CAFE"}, []string{"[Café] checkout fails"}},
		{[]string{"rolled", "back"}, []string{"[back], [rolled] up", "[rolled] [back] the checkout"}},
		{[]string{"rolled back"}, []string{"[rolled back] the checkout"}},
		{[]string{`checkout "rolled back`}, []string{"[rolled back] the [checkout]"}},
		{[]string{"roll*"}, []string{"back, [rolled] up", "[rolled] back the checkout"}},
		{[]string{`"rolled ba"*`}, []string{"[rolled back] the checkout"}},
		{[]string{"eu-west"}, []string{`basket {"region":"[eu-west]"}`}},
		{[]string{"fired", "basket"}, []string{"[fired]"}},
		{[]string{"a:b"}, []string{`"quoted" AND ([a:b])`}},
		{[]string{"AND", "(quoted"}, []string{`"[quoted]" [AND] (a:b)`}},
		{[]string{"-checkout", "again)", "*"}, []string{"the [checkout] [again]"}},
		{[]string{"unsearchable"}, []string{}},
		{[]string{"NOT", "checkout"}, []string{}},
		{[]string{"text:checkout"}, []string{}},
	} {
		require.Equal(t, tt.want, marked(t, db, tt.looked...), tt.looked)
	}
	for _, nothing := range []string{"", " ", "*", `""`, "()-:^+", "\x00", "\xff"} {
		_, err := db.Search(t.Context(), []string{nothing}, 10)
		require.ErrorIs(t, err, store.ErrNoWords, "%q", nothing)
	}
}

// No text of a person's is a wrong query, and what an event says finds it.
func TestSearchTakesAnyText(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	letters := rapid.StringOf(rapid.SampledFrom([]rune("aé7 \"*:()-^+{}',.\\ANDORNT\t\x00\ufdd0中\u0301")))
	rapid.Check(t, func(r *rapid.T) {
		text := letters.Draw(r, "text")
		written, err := db.Append(t.Context(), note(text))
		require.NoError(r, err)
		hits, err := db.Search(t.Context(), []string{text}, 1)
		if err != nil {
			require.ErrorIs(r, err, store.ErrNoWords)
			return
		}
		if !strings.Contains(text, "\x00") { // the index reads no further than a NUL
			require.NotEmpty(r, hits)
			require.Equal(r, written[0].Seq, hits[0].Seq)
		}
	})
}

// The index takes events in some at a time; whoever searches never notices, and
// what it holds is what the events say.
func TestSearchMissesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db, other := open(t, path), open(t, path)
	var all []incident.Event
	for n := range 3000 {
		all = append(all, note(fmt.Sprintf("event number%d", n)))
	}
	for _, some := range [][]incident.Event{all[:1], all[1:1500], all[1500:2999], all[2999:]} {
		_, err := db.Append(t.Context(), some...)
		require.NoError(t, err)
		require.Len(t, marked(t, other, strings.Fields(some[len(some)-1].Text)[1]), 1)
	}
	for _, e := range []incident.Event{all[0], all[1022], all[1023], all[1024], all[2048]} {
		require.Len(t, marked(t, db, strings.Fields(e.Text)[1]), 1)
	}
	sqlite(t, path, "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)")
}

// Events from before the index are found after the store was brought up to date.
func TestSearchFindsOldEvents(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	unmarked(t, path)
	sqlite(t, path, "INSERT INTO event VALUES (1, 'a', '', 1, 1, 'change.recorded', 'ci', 'cli', 'from before', '{\"service\":\"basket\"}', NULL)")
	require.Equal(t, []string{"[from] before"}, marked(t, open(t, path), "from"))
	require.Equal(t, []string{"[basket]"}, marked(t, open(t, path), "basket"))
}

// What people said is found by its words; what engines wrote, and words that very
// many events hold, are not.
func TestSpoken(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	on := func(id incident.ID, kind incident.Kind, text string) incident.Event {
		return incident.Event{Incident: id, Kind: kind, Actor: "ana", Source: "test", Text: text}
	}
	for n := range 9 {
		_, err := incident.NewDesk(db).Declare(t.Context(), incident.By{Actor: "ana", Source: "test", At: time.Unix(1, 0)}, "", incident.Declaration{Title: fmt.Sprint("number ", n+1), Severity: incident.Sev4})
		require.NoError(t, err)
	}
	labelled := on("INC-3", incident.NoteAdded, "nothing")
	labelled.Data = incident.Payload(map[string]any{"labels": map[string]string{"pool": "a"}})
	_, err := db.Append(t.Context(), on("INC-1", incident.Declared, "SEV-1 Pool exhausted"), on("INC-1", incident.NoteAdded, "the pool again"),
		on("INC-2", incident.PageQueued, "pool"), labelled, on("", incident.NoteAdded, "pool"), on("INC-4", incident.ActionTaken, `raised the "POOL"`))
	require.NoError(t, err)
	spoken, err := db.Spoken(t.Context(), []string{"pool", "exhausted", "nowhere", `" OR text : *`, "-", "text : pool"})
	require.NoError(t, err)
	require.Equal(t, map[string][]incident.ID{
		"pool": {"INC-1", "INC-4"}, "exhausted": {"INC-1"}, "nowhere": nil, `" OR text : *`: nil, "-": nil, "text : pool": nil,
	}, spoken)

	many := make([]incident.Event, 2001)
	for i := range many {
		many[i] = on("INC-9", incident.NoteAdded, "pool")
	}
	_, err = db.Append(t.Context(), many...)
	require.NoError(t, err)
	spoken, err = db.Spoken(t.Context(), []string{"pool"})
	require.NoError(t, err)
	require.Empty(t, spoken["pool"])
}

func TestMarks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db := open(t, path)
	value, err := db.Mark(t.Context(), "told")
	require.NoError(t, err)
	require.Empty(t, value)
	require.NoError(t, db.SetMark(t.Context(), "told", "7"))
	require.NoError(t, db.SetMark(t.Context(), "told", "8"))
	value, err = open(t, path).Mark(t.Context(), "told")
	require.NoError(t, err)
	require.Equal(t, "8", value)
	install, err := db.Install(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, "8", install)
}

// A night with very many events hides no change that came before it.
func TestOfKinds(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	at := func(kind incident.Kind, minute int, text string) incident.Event {
		return incident.Event{At: time.Unix(int64(minute)*60, 0).UTC(), Kind: kind, Actor: "ci", Source: "test", Text: text}
	}
	all := []incident.Event{at(incident.ChangeRecorded, 1, "too early"), at(incident.ChangeRecorded, 10, "deploy"), at(incident.LoadStarted, 11, "load")}
	for range 6000 {
		all = append(all, at(incident.AlertFired, 12, "fired"))
	}
	all = append(all, at(incident.ChangeRecorded, 13, "rollback"), at(incident.ChangeRecorded, 99, "too late"))
	_, err := db.Append(t.Context(), all...)
	require.NoError(t, err)
	found, err := db.OfKinds(t.Context(), time.Unix(300, 0), time.Unix(3000, 0), incident.ChangeRecorded, incident.LoadStarted)
	require.NoError(t, err)
	var texts []string
	for _, e := range found {
		texts = append(texts, e.Text)
	}
	require.Equal(t, []string{"deploy", "load", "rollback"}, texts)
}
