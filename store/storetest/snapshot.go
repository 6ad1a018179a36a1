package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/sitrep-dev/sitrep/incident"
)

// Keep records series with the event that tells of them, once.
func (m *Memory) Keep(_ context.Context, e incident.Event, boards []incident.Frozen) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := 0
	for _, b := range boards {
		size += len(b.Series)
	}
	if size > incident.MostFrozen || e.Kind != incident.EvidenceCaptured || e.Incident == "" || e.Once == "" {
		return false, errors.New("these series are not kept")
	}
	if err := e.Check(); err != nil {
		return false, err
	}
	if _, err := m.find(e.Incident); err != nil {
		return false, err
	}
	var c incident.Capture
	if err := e.Payload(&c); err != nil {
		return false, err
	}
	if len(m.append([]incident.Event{e})) == 0 {
		return false, nil
	}
	m.frozen[c.Event] = append(m.frozen[c.Event], boards...)
	return true, nil
}

// Kept lists the series that are there of an incident.
func (m *Memory) Kept(ctx context.Context, id incident.ID) (all []incident.Kept, err error) {
	events, err := m.Timeline(ctx, id)
	if errors.Is(err, incident.ErrUnknown) {
		return nil, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		var c incident.Capture
		if e.Kind != incident.EvidenceCaptured || e.Payload(&c) != nil {
			continue
		}
		for _, f := range m.frozen[c.Event] {
			all = append(all, incident.Kept{Seq: e.Seq, Event: c.Event, Board: f.Board, From: f.From, To: f.To, Size: len(f.Series)})
		}
	}
	return all, err
}

// Frozen is the series that were kept at an event.
func (m *Memory) Frozen(_ context.Context, event string) ([]incident.Frozen, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.frozen[event], nil
}

// capture is the event that tells of series kept at another one.
func capture(inc incident.Incident, at string) incident.Event {
	return incident.Event{
		Incident: inc.ID, Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Source: "test", Text: "kept", Once: "captured/" + at,
		Data: incident.Payload(incident.Capture{Event: at, Kind: incident.Declared, What: "declared"}),
	}
}

func keepsSeries(t *testing.T, log Log) {
	inc := declare(t, log)
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	boards := []incident.Frozen{
		{Board: "shop", From: at.Add(-time.Hour), To: at, Series: []byte{0, 1, 2, 255}},
		{Board: "edge", From: at.Add(-time.Minute), To: at, Series: []byte("SRS")},
	}
	fresh, err := log.Keep(t.Context(), capture(inc, "event-1"), boards)
	require.NoError(t, err)
	require.True(t, fresh)
	kept, err := log.Kept(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, []incident.Kept{
		{Seq: 2, Event: "event-1", Board: "shop", From: at.Add(-time.Hour), To: at, Size: 4},
		{Seq: 2, Event: "event-1", Board: "edge", From: at.Add(-time.Minute), To: at, Size: 3},
	}, kept)
	frozen, err := log.Frozen(t.Context(), "event-1")
	require.NoError(t, err)
	require.Equal(t, boards, frozen)
	frozen, err = log.Frozen(t.Context(), "event-9")
	require.NoError(t, err)
	require.Empty(t, frozen)
	kept, err = log.Kept(t.Context(), "INC-9")
	require.NoError(t, err)
	require.Empty(t, kept)

	large := []incident.Frozen{{Board: "shop", Series: make([]byte, incident.MostFrozen)}, {Board: "edge", Series: []byte{1}}}
	_, err = log.Keep(t.Context(), capture(inc, "event-2"), large)
	require.Error(t, err, "more than one moment may have")
	nobodys := capture(inc, "event-3")
	nobodys.Incident = "INC-9"
	_, err = log.Keep(t.Context(), nobodys, boards)
	require.ErrorIs(t, err, incident.ErrUnknown)
	nameless := capture(inc, "event-4")
	nameless.Once = ""
	_, err = log.Keep(t.Context(), nameless, boards)
	require.Error(t, err, "it could be kept twice")
	last, err := log.After(t.Context(), 2, 10)
	require.NoError(t, err)
	require.Empty(t, last, "what is refused writes nothing")
}

func keepsSeriesOnce(t *testing.T, log Log) {
	inc := declare(t, log)
	var fresh atomic.Int32
	var all errgroup.Group
	for n := range 8 {
		all.Go(func() error {
			ok, err := log.Keep(context.Background(), capture(inc, "event-1"), []incident.Frozen{{Board: "shop", Series: fmt.Append(nil, n)}})
			if ok {
				fresh.Add(1)
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	require.EqualValues(t, 1, fresh.Load())
	kept, err := log.Kept(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Len(t, kept, 1)
}
