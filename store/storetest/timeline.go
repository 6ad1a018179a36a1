package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
)

// Log is what a timeline's writers and readers need, taken together only for
// the suite; each user declares the part that it uses.
type Log interface {
	incident.Timeline
	Append(ctx context.Context, events ...incident.Event) ([]incident.Event, error)
	Incident(ctx context.Context, id incident.ID) (incident.Incident, error)
	Incidents(ctx context.Context, openOnly bool, limit int) ([]incident.Incident, error)
	After(ctx context.Context, seq int64, limit int) ([]incident.Event, error)
	Timeline(ctx context.Context, id incident.ID) ([]incident.Event, error)
	Page(ctx context.Context, id incident.ID, before int64, limit int) ([]incident.Event, error)
	Wait(ctx context.Context, seq int64) error
}

// Timeline is the suite for incident.Timeline and its readers. Open makes an
// empty store.
func Timeline(t *testing.T, open func(*testing.T) Log) {
	for name, test := range map[string]func(*testing.T, Log){
		"what was written is read back":                readsBack,
		"a refused command writes nothing":             refusalWritesNothing,
		"one cause is declared once":                   declaredOnce,
		"a happening reported twice stands once":       reportedOnce,
		"of five who acknowledge at once one is first": fiveAcknowledge,
		"a waiting reader is woken":                    wakes,
		"pages add up to the timeline":                 pages,
		"events about several go where they belong":    severalAtOnce,
		"unknown kinds survive":                        unknownKinds,
		"the cached state equals the fold":             cacheEqualsFold,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func pages(t *testing.T, log Log) {
	inc := declare(t, log)
	for n := range 6 {
		_, err := log.Append(t.Context(), incident.Event{Incident: inc.ID, Kind: incident.NoteAdded, Actor: "ana", Text: fmt.Sprint("note ", n)},
			incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Text: "another thing"})
		require.NoError(t, err)
	}
	want, err := log.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	var got []incident.Event
	for before := int64(0); ; before = got[0].Seq {
		page, err := log.Page(t.Context(), inc.ID, before, 3)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		require.LessOrEqual(t, len(page), 3)
		got = append(page, got...)
	}
	require.Equal(t, want, got)
	_, err = log.Page(t.Context(), "INC-9", 0, 3)
	require.ErrorIs(t, err, incident.ErrUnknown)
}

func severalAtOnce(t *testing.T, log Log) {
	one, two := declare(t, log), declare(t, log)
	ack := func(id incident.ID) incident.Event {
		return incident.Event{Incident: id, Kind: incident.Acknowledged, Actor: "bob"}
	}
	written, err := log.Append(t.Context(), ack(one.ID), ack(two.ID), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci"}, ack(one.ID))
	require.NoError(t, err)
	require.Len(t, written, 4)
	for _, id := range []incident.ID{one.ID, two.ID} {
		events, err := log.Timeline(t.Context(), id)
		require.NoError(t, err)
		inc, err := log.Incident(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, incident.Fold(events...), inc)
		require.True(t, inc.Acknowledged())
	}
}

func by(who incident.Person) incident.By {
	return incident.By{Actor: who, Source: "test", At: time.Now()}
}

func declare(t *testing.T, log Log) incident.Incident {
	t.Helper()
	inc, err := incident.NewDesk(log).Declare(t.Context(), by("ana"), "", incident.Declaration{Title: "checkout 5xx", Severity: incident.Sev1, Service: "checkout"})
	require.NoError(t, err)
	return inc
}

func readsBack(t *testing.T, log Log) {
	at := time.Date(2026, 11, 24, 3, 0, 0, 123456000, time.UTC)
	b := incident.By{Actor: "ana", Source: "cli", At: at, Evidence: json.RawMessage(`{"signals":[]}`)}
	inc, err := incident.NewDesk(log).Declare(t.Context(), b, "", incident.Declaration{Title: "x", Severity: incident.Sev2, Labels: map[string]string{"region": "eu"}})
	require.NoError(t, err)
	require.Equal(t, incident.ID("INC-1"), inc.ID)

	events, err := log.Timeline(t.Context(), "INC-1")
	require.NoError(t, err)
	require.Len(t, events, 1)
	e := events[0]
	require.Equal(t, int64(1), e.Seq)
	require.Len(t, e.ID, 26)
	require.Equal(t, at, e.At)
	require.False(t, e.Recorded.IsZero())
	require.JSONEq(t, `{"signals":[]}`, string(e.Evidence))
	require.Equal(t, incident.Person("ana"), e.Actor)
	require.Equal(t, inc.Key, e.ID)

	_, err = log.Incident(t.Context(), "INC-9")
	require.ErrorIs(t, err, incident.ErrUnknown)
	_, err = log.Timeline(t.Context(), "INC-9")
	require.ErrorIs(t, err, incident.ErrUnknown)
}

func refusalWritesNothing(t *testing.T, log Log) {
	inc := declare(t, log)
	desk := incident.NewDesk(log)
	_, err := desk.Resolve(t.Context(), by("ana"), inc.ID, " ")
	require.ErrorIs(t, err, incident.ErrMissing)
	_, err = desk.Declare(t.Context(), by("ana"), "", incident.Declaration{Severity: incident.Sev1})
	require.ErrorIs(t, err, incident.ErrMissing)
	_, err = desk.Note(t.Context(), by("ana"), "INC-9", "hello")
	require.ErrorIs(t, err, incident.ErrUnknown)
	events, err := log.After(t.Context(), 0, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, incident.ID("INC-2"), declare(t, log).ID, "a refused declaration uses up no number")
}

func declaredOnce(t *testing.T, log Log) {
	var wins, duplicates int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := incident.NewDesk(log).Declare(context.Background(), by(incident.Sitrep), "alert/f00/1", incident.Declaration{Title: "x", Severity: incident.Sev1})
			mu.Lock()
			defer mu.Unlock()
			var dup *incident.DuplicateError
			switch {
			case err == nil:
				wins++
			case errors.As(err, &dup) && dup.Incident == "INC-1":
				duplicates++
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, wins)
	require.Equal(t, 7, duplicates)
}

func reportedOnce(t *testing.T, log Log) {
	e := incident.Event{Kind: incident.AlertFired, Actor: incident.Sitrep, Source: "alert", Text: "HighErrorRate", Once: "fired/f00/1"}
	first, err := log.Append(t.Context(), e)
	require.NoError(t, err)
	require.Len(t, first, 1)
	second, err := log.Append(t.Context(), e, incident.Event{Kind: incident.ChangeRecorded, Text: "deploy"})
	require.NoError(t, err)
	require.Len(t, second, 1)
	require.Equal(t, incident.ChangeRecorded, second[0].Kind)
}

func fiveAcknowledge(t *testing.T, log Log) {
	inc := declare(t, log)
	var wg sync.WaitGroup
	errs := make([]error, 5)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = incident.NewDesk(log).Acknowledge(context.Background(), by(incident.Person(fmt.Sprint("p", i))), inc.ID)
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	got, err := log.Incident(t.Context(), inc.ID)
	require.NoError(t, err)
	events, err := log.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Len(t, events, 6)
	require.Equal(t, events[1].Actor, got.Clocks.AckBy, "the first one on the timeline has it")
	require.Equal(t, got.Clocks.AckBy, got.Roles[incident.Responder])
}

func wakes(t *testing.T, log Log) {
	woken := make(chan error, 1)
	go func() { woken <- log.Wait(context.Background(), 0) }()
	declare(t, log)
	require.NoError(t, <-woken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, log.Wait(ctx, 1), context.Canceled)
}

func unknownKinds(t *testing.T, log Log) {
	inc := declare(t, log)
	odd := incident.Event{Incident: inc.ID, Kind: "tea.made", Actor: "bob", Source: "kettle", Text: "with milk", Data: json.RawMessage(`{"sugar":2}`)}
	_, err := log.Append(t.Context(), odd)
	require.NoError(t, err)
	events, err := log.After(t.Context(), 1, 10)
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, odd.Kind, events[0].Kind)
	require.JSONEq(t, `{"sugar":2}`, string(events[0].Data))
}

func cacheEqualsFold(t *testing.T, log Log) {
	inc := declare(t, log)
	desk := incident.NewDesk(log)
	for _, do := range []func() (incident.Incident, error){
		func() (incident.Incident, error) { return desk.Acknowledge(t.Context(), by("bob"), inc.ID) },
		func() (incident.Incident, error) { return desk.Note(t.Context(), by("bob"), inc.ID, "-7m slow since") },
		func() (incident.Incident, error) {
			return desk.Did(t.Context(), by("bob"), inc.ID, incident.Action{Text: "rolled back", Mitigates: true})
		},
		func() (incident.Incident, error) {
			return desk.AddItem(t.Context(), by("bob"), inc.ID, "add a pool alert", "cleo", time.Time{})
		},
		func() (incident.Incident, error) { return desk.Resolve(t.Context(), by("bob"), inc.ID, "rolled back") },
	} {
		_, err := do()
		require.NoError(t, err)
	}
	events, err := log.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	got, err := log.Incident(t.Context(), inc.ID)
	require.NoError(t, err)
	want, err := json.Marshal(incident.Fold(events...))
	require.NoError(t, err)
	have, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(have))
	open, err := log.Incidents(t.Context(), true, 0)
	require.NoError(t, err)
	require.Empty(t, open)
}
