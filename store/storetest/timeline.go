package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
	Keep(ctx context.Context, e incident.Event, boards []incident.Frozen) (bool, error)
	Kept(ctx context.Context, id incident.ID) ([]incident.Kept, error)
	Frozen(ctx context.Context, event string) ([]incident.Frozen, error)
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
		"a clock that jumps changes no order":          jumpingClock,
		"a waiting reader is woken":                    wakes,
		"pages add up to the timeline":                 pages,
		"events about several go where they belong":    severalAtOnce,
		"unknown kinds survive":                        unknownKinds,
		"what is kept is kept byte for byte":           byteForByte,
		"what is too large is refused":                 tooLarge,
		"any event survives, whatever it says":         anyEventSurvives,
		"the cached state equals the fold":             cacheEqualsFold,
		"a correction names its event":                 correctsByName,
		"a merge is on both timelines or on none":      mergesBoth,
		"a split moves events to a new incident":       splitsOff,
		"of two who merge each other one is first":     mergeEachOther,
		"series are kept with the event that says so":  keepsSeries,
		"of many who keep the same series one does":    keepsSeriesOnce,
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
	b := incident.By{Actor: "ana", Claimed: true, Via: "bob", Source: "cli", At: at, Evidence: json.RawMessage(`{"signals":[]}`)}
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
	require.True(t, e.Claimed)
	require.Equal(t, "bob", e.Via)
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

// jumpingClock records while the clock goes back an hour and forward a day: what
// came later stands later, and the state is that of the order of recording.
func jumpingClock(t *testing.T, log Log) {
	inc := declare(t, log)
	desk, start := incident.NewDesk(log), inc.Clocks.Declared
	at := func(who incident.Person, d time.Duration) incident.By {
		b := by(who)
		b.At = start.Add(d)
		return b
	}
	for _, step := range []func() (incident.Incident, error){
		func() (incident.Incident, error) { return desk.Acknowledge(t.Context(), at("ana", -time.Hour), inc.ID) },
		func() (incident.Incident, error) {
			return desk.Note(t.Context(), at("ana", -time.Hour+time.Minute), inc.ID, "back")
		},
		func() (incident.Incident, error) {
			return desk.Note(t.Context(), at("bob", 24*time.Hour), inc.ID, "forward")
		},
		func() (incident.Incident, error) {
			return desk.Resolve(t.Context(), at("ana", -30*time.Minute), inc.ID, "fixed")
		},
		func() (incident.Incident, error) { return desk.Reopen(t.Context(), at("bob", 24*time.Hour), inc.ID) },
		func() (incident.Incident, error) {
			return desk.Resolve(t.Context(), at("ana", time.Minute), inc.ID, "fixed again")
		},
	} {
		_, err := step()
		require.NoError(t, err)
	}
	events, err := log.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	var texts []string
	for i, e := range events {
		require.True(t, i == 0 || e.Seq > events[i-1].Seq)
		texts = append(texts, e.Text)
	}
	require.Equal(t, []string{events[0].Text, "ana acknowledged", "back", "forward", "fixed", "reopened", "fixed again"}, texts)
	after, err := log.After(t.Context(), events[0].Seq, 10)
	require.NoError(t, err)
	require.Equal(t, events[1:], after)
	got, err := log.Incident(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, incident.StatusResolved, got.Status)
	require.Equal(t, "fixed again", got.Resolution)
	tta, _ := got.TimeToAcknowledge()
	require.Zero(t, tta, "no time runs backwards")
	stateIsFold(t, log, inc.ID)
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

// anyEventSurvives writes what a later version, another program or a bad night
// may write, and holds that it comes back as it was, and through JSON too.
func anyEventSurvives(t *testing.T, log Log) {
	inc := declare(t, log)
	at := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		e := incident.Event{
			Incident: rapid.SampledFrom([]incident.ID{inc.ID, ""}).Draw(rt, "incident"),
			At:       at.Add(time.Duration(rapid.Int64Range(-1e9, 1e9).Draw(rt, "at")) * time.Microsecond),
			Kind:     incident.Kind(rapid.StringMatching(`[a-z_]{0,9}(\.[a-z_]{0,9}){0,3}`).Draw(rt, "kind")),
			Actor:    incident.Person(rapid.String().Draw(rt, "actor")), Source: rapid.String().Draw(rt, "source"), Text: rapid.String().Draw(rt, "text"),
		}
		if rapid.Bool().Draw(rt, "with data") {
			e.Data = incident.Payload(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.Int())).Draw(rt, "data"))
			e.Evidence = incident.Payload(rapid.String().Draw(rt, "evidence"))
		}
		written, err := log.Append(t.Context(), e)
		require.NoError(rt, err)
		read, err := log.After(t.Context(), written[0].Seq-1, 1)
		require.NoError(rt, err)
		e.Seq, e.ID, e.Recorded = read[0].Seq, read[0].ID, read[0].Recorded
		require.Equal(rt, []incident.Event{e}, read)
		var back incident.Event
		require.NoError(rt, json.Unmarshal(incident.Payload(read[0]), &back))
		require.Equal(rt, incident.Payload(e), incident.Payload(back))
	})
	stateIsFold(t, log, inc.ID)
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
	stateIsFold(t, log, inc.ID)
	open, err := log.Incidents(t.Context(), true, 0)
	require.NoError(t, err)
	require.Empty(t, open)
}

func byteForByte(t *testing.T, log Log) {
	inc := declare(t, log)
	labels := make(map[string]string, 10_000)
	for i := range 10_000 {
		labels[fmt.Sprint("label_", i)] = fmt.Sprint("value ", i)
	}
	for _, text := range []string{strings.Repeat("m", incident.MaxText), "nul\x00byte", "broken \xff\xfe\xc0", "\u202e\u2028\U0001F525", "\r\n\t\x1b[2J", "'; DROP TABLE event; --", ""} {
		want := incident.Event{Incident: inc.ID, Kind: incident.NoteAdded, Actor: "ana", Source: "test", Text: text, Data: incident.Payload(labels)}
		written, err := log.Append(t.Context(), want)
		require.NoError(t, err)
		got, err := log.After(t.Context(), written[0].Seq-1, 1)
		require.NoError(t, err)
		require.Equal(t, text, got[0].Text)
		require.Equal(t, want.Data, got[0].Data)
	}
}

func tooLarge(t *testing.T, log Log) {
	inc := declare(t, log)
	before, err := log.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	desk := incident.NewDesk(log)
	_, err = desk.Note(t.Context(), by("ana"), inc.ID, strings.Repeat("m", incident.MaxText+1))
	require.ErrorContains(t, err, "1048577 bytes, at most 1048576 are kept")
	_, err = desk.Note(t.Context(), by(incident.Person(strings.Repeat("a", incident.MaxName+1))), inc.ID, "short")
	require.ErrorContains(t, err, "4097 bytes, at most 4096 are kept")
	_, err = log.Append(t.Context(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "test", Data: incident.Payload(strings.Repeat("m", incident.MaxData))})
	require.ErrorContains(t, err, "bytes, at most 4194304 are kept")
	after, err := log.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	require.Equal(t, before, after, "nothing of it is there, and nothing is cut")
}

// stateIsFold holds the state that is kept to the one that the events make.
func stateIsFold(t *testing.T, log Log, id incident.ID) {
	t.Helper()
	got, err := log.Incident(t.Context(), id)
	require.NoError(t, err)
	want, err := json.Marshal(incident.Fold(timelineOf(t, log, id)...))
	require.NoError(t, err)
	have, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(have))
}
