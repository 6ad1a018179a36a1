package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// drafted is a store with one incident whose post-mortem is drafted, and a bench.
func drafted(t *testing.T) (*store.DB, bench, postmortem.Stored, incident.By) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	by := incident.By{Actor: "dana", Source: "cli", At: time.Now()}
	inc, err := incident.NewDesk(db).Declare(t.Context(), by, "", incident.Declaration{Title: "Checkout 5xx", Severity: incident.Sev1})
	require.NoError(t, err)
	s, err := refreshDraft(t.Context(), db, inc.ID, by)
	require.NoError(t, err)
	b, err := newBench(db)
	require.NoError(t, err)
	return db, b, s, by
}

// dies leaves a sheet as a process does that is killed: what it locked is free.
func (s *sheet) dies(t *testing.T, text string) {
	t.Helper()
	if text != "" {
		require.NoError(t, os.WriteFile(s.file, []byte(text), 0o600))
	}
	require.NoError(t, s.lock.Close())
}

func onBench(t *testing.T, b bench) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(b.room, "*"))
	require.NoError(t, err)
	return names
}

func TestWhatAKilledEditLeftIsTakenIn(t *testing.T) {
	t.Parallel()
	db, b, s, by := drafted(t)
	begin := func() *sheet {
		on, err := b.begin(s)
		require.NoError(t, err)
		return on
	}
	open, one, two, same, blank := begin(), begin(), begin(), begin(), begin()
	one.dies(t, s.EditForm()+"\nfirst thought\n")
	two.dies(t, s.EditForm()+"\nsecond thought\n")
	same.dies(t, "")
	blank.dies(t, " \n")
	require.NoError(t, os.Mkdir(filepath.Join(b.room, "new.123"), 0o700)) // killed before it was locked
	lost := filepath.Join(b.room, "PM-1.v99.4")
	require.NoError(t, os.Mkdir(lost, 0o700))
	for _, name := range []string{"lock", "PM-1.md"} {
		require.NoError(t, os.WriteFile(filepath.Join(lost, name), []byte("words of another store"), 0o600))
	}

	says, err := b.takeUp(t.Context(), s, by)
	require.NoError(t, err)
	told := strings.Join(says, "\n")
	require.Contains(t, told, "PM-1 is open in another editor of yours")
	require.Contains(t, told, "that never came back is taken in: PM-1 version 2\n")
	require.Contains(t, told, "that never came back is taken in: PM-1 version 3")
	require.Contains(t, told, "could not be taken in and is in "+filepath.Join(lost, "PM-1.md")+": the post-mortem of INC-1 has no version 99")
	now, err := db.Postmortems().Load(t.Context(), s.Incident)
	require.NoError(t, err)
	require.Contains(t, now.Markdown(), "first thought")
	require.Contains(t, now.Markdown(), "second thought")
	require.ElementsMatch(t, []string{open.folder, lost, filepath.Join(b.room, "new.123")}, onBench(t, b))

	file, err := open.setAside()
	require.NoError(t, err)
	require.FileExists(t, file)
	says, err = b.takeUp(t.Context(), now, by)
	require.NoError(t, err)
	require.Len(t, says, 1, "what was given up on is nobody's to take in")
}

func TestTheScreensWayThroughAnEditor(t *testing.T) {
	t.Parallel()
	db, b, s, _ := drafted(t)
	o := newOperator(t.Context(), &centre{app: &app{}, db: db, signals: &signals{}, rec: &recorder{by: incident.By{Actor: "dana", Source: "tui"}}}, nil, nil)
	open := func() pane.Receipt {
		r, err := o.openDraft(t.Context(), s.Incident)
		require.NoError(t, err)
		text, err := os.ReadFile(r.Path)
		require.NoError(t, err)
		require.Equal(t, r.Document, string(text))
		return r
	}
	r := open()
	kept, err := o.saveDraft(t.Context(), pane.SaveDraft{ID: s.Incident, Text: r.Document + "\na thought\n"})
	require.NoError(t, err)
	require.Equal(t, "PM-1 version 2 kept", kept.Text)
	require.Empty(t, onBench(t, b))
	_, err = o.saveDraft(t.Context(), pane.SaveDraft{ID: s.Incident, Text: "again"})
	require.ErrorContains(t, err, "was not handed out")

	open()
	left, err := o.leaveDraft(s.Incident)
	require.NoError(t, err)
	require.Empty(t, left.Text, "nothing was written")
	require.Empty(t, onBench(t, b))

	r = open()
	require.NoError(t, os.WriteFile(r.Path, []byte(r.Document+"\nhalf a thought\n"), 0o600))
	left, err = o.leaveDraft(s.Incident)
	require.NoError(t, err)
	require.Regexp(t, `what the editor had saved is in .*given-up/PM-1.md \(sitrep postmortem edit INC-1 --from FILE takes it\)`, left.Text)

	r = open()
	_, err = o.saveDraft(t.Context(), pane.SaveDraft{ID: s.Incident, Text: " "})
	require.ErrorIs(t, err, postmortem.ErrEmpty)
	require.NoError(t, os.WriteFile(r.Path, []byte(r.Document+"\na thought that could not be kept\n"), 0o600))
	require.Contains(t, open().Text, "is taken in: PM-1 version 3", "what could not be kept then is kept now")
	now, err := db.Postmortems().Load(t.Context(), s.Incident)
	require.NoError(t, err)
	require.Contains(t, now.Markdown(), "could not be kept")
}
