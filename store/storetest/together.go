package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// Together is incident.Timeline's.
func (m *Memory) Together(_ context.Context, decide func(incident.Look) ([]incident.Event, error)) ([]incident.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	events, err := decide(look{m})
	if err != nil {
		return nil, err
	}
	if err := m.refuse(events); err != nil {
		return nil, err
	}
	m.append(events)
	var order []incident.ID
	var list []incident.Incident
	for _, e := range events {
		if slices.Contains(order, e.Incident) {
			continue
		}
		inc, err := m.find(e.Incident)
		if err != nil {
			return nil, err
		}
		order, list = append(order, e.Incident), append(list, inc)
	}
	return list, nil
}

// look is incident.Look while the lock is held.
type look struct{ m *Memory }

func (l look) Incident(id incident.ID) (incident.Incident, error) { return l.m.find(id) }

func (l look) Event(ref incident.Ref) (incident.Event, error) {
	if i := slices.IndexFunc(l.m.events, ref.Of); i >= 0 {
		return l.m.events[i], nil
	}
	return incident.Event{}, ref.Missing()
}

func (l look) Next() (incident.ID, error) { return incident.NumberedID(len(l.m.incidents) + 1), nil }

func correctsByName(t *testing.T, log Log) {
	inc, desk := declare(t, log), incident.NewDesk(log)
	_, err := desk.Did(t.Context(), by("bob"), inc.ID, incident.Action{Text: "rolled back v41"})
	require.NoError(t, err)
	other := declare(t, log)
	did := timelineOf(t, log, inc.ID)[1]

	for _, ref := range []incident.Ref{{Seq: did.Seq}, {ID: did.ID}} {
		got, err := desk.Correct(t.Context(), by("cleo"), inc.ID, ref, "rolled back v42")
		require.NoError(t, err)
		require.Equal(t, "rolled back v42", got.Actions[0].Text)
	}
	for _, refused := range []struct {
		id  incident.ID
		ref incident.Ref
		why error
	}{
		{inc.ID, incident.Ref{Seq: 99}, incident.ErrNoEvent},
		{inc.ID, incident.Ref{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, incident.ErrNoEvent},
		{other.ID, incident.Ref{Seq: did.Seq}, incident.ErrUnfit},
		{"INC-9", incident.Ref{Seq: did.Seq}, incident.ErrUnknown},
	} {
		_, err := desk.Correct(t.Context(), by("cleo"), refused.id, refused.ref, "x")
		require.ErrorIs(t, err, refused.why)
	}
	events := timelineOf(t, log, inc.ID)
	require.Len(t, events, 4, "what was refused is not written")
	require.Equal(t, did, events[1], "the first words stay")
	stateIsFold(t, log, inc.ID)
}

func mergesBoth(t *testing.T, log Log) {
	one, two := declare(t, log), declare(t, log)
	desk := incident.NewDesk(log)
	merged, survivor, err := desk.Merge(t.Context(), by("ana"), two.ID, one.ID)
	require.NoError(t, err)
	require.Equal(t, []incident.ID{two.ID, one.ID}, []incident.ID{merged.ID, survivor.ID})
	require.Equal(t, one.ID, merged.MergedInto)
	require.Equal(t, incident.StatusClosed, merged.Status)
	require.Equal(t, []incident.ID{two.ID}, survivor.Merged)
	for _, id := range []incident.ID{one.ID, two.ID} {
		events := timelineOf(t, log, id)
		require.Equal(t, incident.Merged, events[len(events)-1].Kind)
		stateIsFold(t, log, id)
	}
	before, err := log.After(t.Context(), 0, 100)
	require.NoError(t, err)
	for _, into := range []incident.ID{two.ID, one.ID, "INC-9"} {
		_, _, err := desk.Merge(t.Context(), by("ana"), two.ID, into)
		require.Error(t, err)
	}
	_, _, err = desk.Merge(t.Context(), by("ana"), one.ID, two.ID)
	require.ErrorIs(t, err, incident.ErrTooLate)
	after, err := log.After(t.Context(), 0, 100)
	require.NoError(t, err)
	require.Equal(t, before, after, "a refusal writes on neither")
	open, err := log.Incidents(t.Context(), true, 0)
	require.NoError(t, err)
	require.Len(t, open, 1)
}

func mergeEachOther(t *testing.T, log Log) {
	one, two := declare(t, log), declare(t, log)
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, pair := range [][2]incident.ID{{one.ID, two.ID}, {two.ID, one.ID}} {
		wg.Go(func() {
			_, _, errs[i] = incident.NewDesk(log).Merge(context.Background(), by("ana"), pair[0], pair[1])
		})
	}
	wg.Wait()
	require.ErrorIs(t, errors.Join(errs...), incident.ErrTooLate)
	require.True(t, errs[0] == nil || errs[1] == nil, "one of them was first")
	open, err := log.Incidents(t.Context(), true, 0)
	require.NoError(t, err)
	require.Len(t, open, 1)
}

func splitsOff(t *testing.T, log Log) {
	inc, desk := declare(t, log), incident.NewDesk(log)
	_, err := desk.Note(t.Context(), by("bob"), inc.ID, "the printer is on fire")
	require.NoError(t, err)
	note := timelineOf(t, log, inc.ID)[1]
	dec := incident.Declaration{Title: "Printer", Severity: incident.Sev4}

	_, err = desk.Split(t.Context(), by("ana"), inc.ID, []incident.Ref{{Seq: note.Seq}, {Seq: 99}}, dec)
	require.ErrorIs(t, err, incident.ErrNoEvent)
	require.Len(t, timelineOf(t, log, inc.ID), 2)

	fresh, err := desk.Split(t.Context(), by("ana"), inc.ID, []incident.Ref{{Seq: note.Seq}}, dec)
	require.NoError(t, err)
	require.Equal(t, incident.ID("INC-2"), fresh.ID)
	require.Equal(t, inc.ID, fresh.SplitFrom)
	require.Equal(t, note, timelineOf(t, log, inc.ID)[1], "it stays where it was recorded")
	told := incident.Told(fresh.ID, append(timelineOf(t, log, fresh.ID), timelineOf(t, log, inc.ID)...))
	require.Equal(t, note.ID, told[len(told)-1].ID)
	stateIsFold(t, log, inc.ID)
	stateIsFold(t, log, fresh.ID)
	require.Equal(t, incident.ID("INC-3"), declare(t, log).ID)
}

func timelineOf(t *testing.T, log Log, id incident.ID) []incident.Event {
	t.Helper()
	events, err := log.Timeline(t.Context(), id)
	require.NoError(t, err)
	return events
}
