package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

var _ postmortem.Shelf = (*store.Postmortems)(nil)

func did(who incident.Person, minute int) incident.By {
	return incident.By{Actor: who, Source: "cli", At: time.Date(2026, 11, 24, 3, minute, 0, 0, time.UTC)}
}

// resolved is a store with one incident that is over.
func resolved(t *testing.T) (*store.DB, incident.Incident) {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	desk := incident.NewDesk(db)
	inc, err := desk.Declare(t.Context(), did("ana", 0), "", incident.Declaration{Title: "Checkout 5xx", Severity: incident.Sev1, Service: "checkout"})
	require.NoError(t, err)
	_, err = desk.Acknowledge(t.Context(), did("bob", 2), inc.ID)
	require.NoError(t, err)
	inc, err = desk.Resolve(t.Context(), did("bob", 40), inc.ID, "rolled back")
	require.NoError(t, err)
	return db, inc
}

func refresh(t *testing.T, db *store.DB, id incident.ID, minute int) postmortem.Stored {
	t.Helper()
	inc, err := db.Incident(t.Context(), id)
	require.NoError(t, err)
	events, err := db.Timeline(t.Context(), id)
	require.NoError(t, err)
	s, err := postmortem.Refresh(t.Context(), db.Postmortems(), inc, events, did(incident.Sitrep, minute))
	require.NoError(t, err)
	return s
}

func TestPostmortemIsKeptWithEveryVersion(t *testing.T) {
	t.Parallel()
	db, inc := resolved(t)
	shelf := db.Postmortems()
	_, err := shelf.Load(t.Context(), inc.ID)
	require.ErrorIs(t, err, postmortem.ErrNone)
	require.EqualError(t, err, "INC-1: no post-mortem yet (sitrep postmortem draft INC-1 makes one)")

	first := refresh(t, db, inc.ID, 41)
	require.Equal(t, "PM-1", first.ID)
	require.Equal(t, 1, first.Version)
	require.Equal(t, first, refresh(t, db, inc.ID, 45), "nothing new: no version, no event")

	const answer = "that the pool was elastic"
	text := strings.Replace(first.EditForm(), "_What did we believe before that turned out to be different? Where were we lucky?_", answer, 1)
	second, err := postmortem.Keep(t.Context(), shelf, first, text, did("dana", 50))
	require.NoError(t, err)
	require.Equal(t, 2, second.Version)
	_, err = incident.NewDesk(db).Note(t.Context(), did("bob", 55), inc.ID, "the graph agrees")
	require.NoError(t, err)
	third := refresh(t, db, inc.ID, 58)
	require.Equal(t, 3, third.Version)
	require.Contains(t, third.Markdown(), answer)
	require.Contains(t, third.Markdown(), "the graph agrees")

	loaded, err := shelf.Load(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, third, loaded)
	list, err := shelf.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []postmortem.Stored{third}, list)
	revisions, err := shelf.Revisions(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, []postmortem.Stored{third, second, first}, revisions)
	require.Equal(t, incident.Person("dana"), revisions[1].Author)

	events, err := db.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	var said []string
	for _, e := range events {
		if strings.HasPrefix(string(e.Kind), "postmortem.") {
			said = append(said, fmt.Sprintf("%s %s: %s", e.Kind, e.Actor, e.Text))
		}
	}
	require.Equal(t, []string{
		"postmortem.drafted sitrep: PM-1 drafted", "postmortem.edited dana: PM-1 edited: lessons-learned", "postmortem.drafted sitrep: PM-1 drafted again",
	}, said)
}

func TestTheSecondSaverIsTold(t *testing.T) {
	t.Parallel()
	db, inc := resolved(t)
	s := refresh(t, db, inc.ID, 41)
	shelf := db.Postmortems()
	edit := func(who incident.Person) postmortem.Stored {
		form, err := postmortem.ParseEdited(s.EditForm() + "\n" + string(who) + " was here\n")
		require.NoError(t, err)
		return s.Edit(s, form, did(who, 50))
	}
	_, err := shelf.Save(t.Context(), edit("ana"), s.Version)
	require.NoError(t, err)
	_, err = shelf.Save(t.Context(), edit("bob"), s.Version)
	require.ErrorIs(t, err, postmortem.ErrConflict)
	require.ErrorContains(t, err, "it is at version 2, this was written over 1")

	merged, err := postmortem.Keep(t.Context(), shelf, s, s.EditForm()+"\nbob was here\n", did("bob", 51))
	require.NoError(t, err)
	require.Contains(t, merged.Markdown(), "ana was here\n\nbob was here")

	lost := s
	lost.Incident = "INC-9"
	_, err = shelf.Save(t.Context(), lost, 0)
	require.ErrorIs(t, err, incident.ErrUnknown)
}

// Four processes' worth of writers: each text stands in the end, no version is
// written twice, and every version has its event.
func TestManyWritersOfOnePostmortem(t *testing.T) {
	t.Parallel()
	db, inc := resolved(t)
	s := refresh(t, db, inc.ID, 41)
	const writers = 4
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			other, err := store.Open(context.Background(), db.Path())
			if err != nil {
				errs[i] = err
				return
			}
			_, err = postmortem.Keep(context.Background(), other.Postmortems(), s, s.EditForm()+fmt.Sprintf("\nwriter %d was here\n", i), did("ana", 50))
			errs[i] = errors.Join(err, other.Close())
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	got, err := db.Postmortems().Load(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, 1+writers, got.Version)
	for i := range writers {
		require.Contains(t, got.Markdown(), fmt.Sprintf("writer %d was here", i))
	}
	events, err := db.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Len(t, events, 3+1+writers)
}
