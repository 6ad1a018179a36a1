package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
	"github.com/sitrep-dev/sitrep/store"
)

const day = 24 * time.Hour

// longAgo is when the incidents of these tests begin.
var longAgo = time.Date(2026, 1, 10, 3, 0, 0, 0, time.UTC)

// signals is evidence as it is frozen: a spark line of sixty points.
func signals(level float64) json.RawMessage {
	spark := make([]any, 60)
	for i := range spark {
		spark[i] = level + float64(i)/7
	}
	spark[3], spark[4] = nil, "NaN"
	return incident.Payload([]any{map[string]any{"name": "5xx ratio", "value": level, "state": "crit", "spark": spark, "query": "x", "step_seconds": 5, "at": "2026-01-10T03:00:00Z"}})
}

// night declares an incident and ends it an hour later, with series kept at its
// declaration, its mitigation and its end.
func night(t *testing.T, db *store.DB, at time.Time) incident.Incident {
	t.Helper()
	desk := incident.NewDesk(db)
	by := func(minutes int) incident.By {
		return incident.By{Actor: "ana", Source: "cli", At: at.Add(time.Duration(minutes) * time.Minute), Evidence: signals(float64(minutes))}
	}
	inc, err := desk.Declare(t.Context(), by(0), "", incident.Declaration{Title: "x", Severity: incident.Sev2})
	require.NoError(t, err)
	for n := range 150 { // more than one transaction takes
		_, err = desk.Note(t.Context(), by(1), inc.ID, fmt.Sprint("note ", n))
		require.NoError(t, err)
	}
	_, err = desk.Did(t.Context(), by(30), inc.ID, incident.Action{Text: "rolled back", Mitigates: true})
	require.NoError(t, err)
	_, err = desk.Resolve(t.Context(), by(60), inc.ID, "rolled back")
	require.NoError(t, err)
	events, err := db.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	for _, m := range incident.Moments(events) {
		e := incident.Event{
			Incident: inc.ID, At: m.At, Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Source: "evidence", Text: "kept", Once: m.Once(),
			Data: incident.Payload(incident.Capture{Event: m.Event, Kind: m.Kind, What: m.What, At: m.At}),
		}
		_, err := db.Keep(t.Context(), e, []incident.Frozen{{Board: "shop", From: m.At, To: m.At, Series: bytes.Repeat([]byte(m.What), 100)}})
		require.NoError(t, err)
	}
	inc, err = db.Incident(t.Context(), inc.ID)
	require.NoError(t, err)
	return inc
}

// half is a codec: it keeps the first half.
func half(series []byte) ([]byte, error) { return series[:len(series)/2], nil }

// keptOf is "declared 800, mitigated thinned 450".
func keptOf(t *testing.T, db *store.DB, id incident.ID) string {
	t.Helper()
	kept, err := db.Kept(t.Context(), id)
	require.NoError(t, err)
	events, err := db.Timeline(t.Context(), id)
	require.NoError(t, err)
	what := map[string]string{}
	for _, m := range incident.Moments(events) {
		what[m.Event] = m.What
	}
	var parts []string
	for _, k := range kept {
		text := what[k.Event]
		if k.Thinned {
			text += " thinned"
		}
		parts = append(parts, fmt.Sprintf("%s %d", text, k.Size))
	}
	return strings.Join(parts, ", ")
}

// texts is everything of a timeline but its evidence.
func texts(t *testing.T, db *store.DB) (all []incident.Event) {
	t.Helper()
	events, err := db.After(t.Context(), 0, 100_000)
	require.NoError(t, err)
	for _, e := range events {
		e.Evidence = nil
		all = append(all, e)
	}
	return all
}

func clean(t *testing.T, db *store.DB) {
	t.Helper()
	r, err := store.Check(t.Context(), db.Path())
	require.NoError(t, err)
	require.Empty(t, r.Findings)
}

// Evidence becomes less by its age, and no event ever goes.
func TestEvidenceIsKeptByPolicy(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	old, young := night(t, db, longAgo), night(t, db, longAgo.Add(80*day))
	_, err := db.Append(t.Context(), incident.Event{Kind: incident.ChangeRecorded, At: longAgo, Actor: "ci", Text: "deploy", Evidence: signals(1)},
		incident.Event{Kind: incident.ChangeRecorded, At: longAgo.Add(80 * day), Actor: "ci", Text: "deploy", Evidence: signals(1)})
	require.NoError(t, err)
	before, drafted := texts(t, db), drafts(t, db, old)
	whole := keptOf(t, db, young.ID)
	require.Equal(t, "declared 800, mitigated 900, resolved 800", whole)

	policy := store.Retention{CompactAfter: 30 * day, DropAfter: 400 * day, Thin: half}
	now := longAgo.Add(100 * day)
	would, err := db.Compact(t.Context(), policy, now, true)
	require.NoError(t, err)
	require.Equal(t, whole, keptOf(t, db, old.ID), "a dry run writes nothing")
	did, err := db.Compact(t.Context(), policy, now, false)
	require.NoError(t, err)
	require.Equal(t, would, did)
	require.Equal(t, store.Freed{Incidents: 1, Sparks: 152, Thinned: 1, Bytes: did.Bytes}, did, "150 notes, the mitigation, a deploy")
	require.Greater(t, did.Bytes, int64(450+150*500))
	require.Equal(t, "declared 800, mitigated thinned 450, resolved 800", keptOf(t, db, old.ID))
	require.Equal(t, whole, keptOf(t, db, young.ID), "it is younger")
	require.Equal(t, before, texts(t, db))
	events, err := db.Timeline(t.Context(), old.ID)
	require.NoError(t, err)
	require.Contains(t, string(events[0].Evidence), `"spark"`, "of the declaration all is left")
	require.NotContains(t, string(events[1].Evidence), `"spark":`)
	require.Contains(t, string(events[1].Evidence), `"spark_range":[1,9.428571428571429]`)
	require.Contains(t, string(events[1].Evidence), `"value":1`)
	require.Equal(t, drafted, drafts(t, db, old), "a draft says the same as before")
	again, err := db.Compact(t.Context(), policy, now, false)
	require.NoError(t, err)
	require.Zero(t, again, "what is thin is thin")
	last, err := db.Compacted(t.Context())
	require.NoError(t, err)
	require.Equal(t, now, last)
	clean(t, db)

	did, err = db.Compact(t.Context(), policy, longAgo.Add(500*day), false)
	require.NoError(t, err)
	require.Equal(t, store.Freed{Incidents: 2, Dropped: 6, Evidence: 2*153 + 2, Bytes: did.Bytes}, did)
	require.Empty(t, keptOf(t, db, old.ID))
	require.Equal(t, before, texts(t, db), "and never an event")
	clean(t, db)
	first := export(t, db)
	path := filepath.Join(t.TempDir(), "new.db")
	_, err = store.Import(t.Context(), path, strings.NewReader(first))
	require.NoError(t, err)
	require.Equal(t, first, export(t, open(t, path)))

	size := func() int64 {
		info, err := os.Stat(db.Path())
		require.NoError(t, err)
		return info.Size()
	}
	full := size()
	require.NoError(t, db.Vacuum(t.Context()))
	require.Less(t, size(), full)
	clean(t, db)
	require.Equal(t, before, texts(t, db))
}

// drafts is the post-mortem that the timeline makes.
func drafts(t *testing.T, db *store.DB, inc incident.Incident) string {
	t.Helper()
	events, err := db.Timeline(t.Context(), inc.ID)
	require.NoError(t, err)
	return postmortem.Merge(postmortem.Stored{}, postmortem.Draft(inc, events, longAgo)).Markdown()
}

// Nothing of an incident that somebody works on is touched, however old it is, nor
// of those that belong to it.
func TestWhatIsInWorkKeepsItsEvidence(t *testing.T) {
	t.Parallel()
	policy := store.Retention{CompactAfter: 30 * day, DropAfter: 40 * day, Thin: half}
	now := longAgo.Add(1000 * day)
	by := incident.By{Actor: "ana", Source: "cli", At: now.Add(-time.Hour)}
	for name, prepare := range map[string]func(t *testing.T, db *store.DB, inc incident.Incident){
		"it was reopened": func(t *testing.T, db *store.DB, inc incident.Incident) {
			_, err := incident.NewDesk(db).Reopen(t.Context(), by, inc.ID)
			require.NoError(t, err)
		},
		"another one was split from it": func(t *testing.T, db *store.DB, inc incident.Incident) {
			_, err := incident.NewDesk(db).Split(t.Context(), by, inc.ID, []incident.Ref{{Seq: 3}}, incident.Declaration{Title: "y", Severity: incident.Sev3})
			require.NoError(t, err)
		},
		"its post-mortem is young": func(t *testing.T, db *store.DB, inc incident.Incident) {
			_, err := db.Postmortems().Save(t.Context(), postmortem.Merge(postmortem.Stored{Incident: inc.ID, Author: "ana", At: by.At}, postmortem.Draft(inc, nil, by.At)), 0)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, filepath.Join(t.TempDir(), "s.db"))
			inc := night(t, db, longAgo)
			prepare(t, db, inc)
			whole := keptOf(t, db, inc.ID)
			freed, err := db.Compact(t.Context(), policy, now, false)
			require.NoError(t, err)
			require.Zero(t, freed)
			require.Equal(t, whole, keptOf(t, db, inc.ID))
		})
	}
}

func TestSeriesThatCannotBeThinnedStay(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "s.db"))
	inc := night(t, db, longAgo)
	newer := func([]byte) ([]byte, error) { return nil, errors.New("written by a newer sitrep") }
	freed, err := db.Compact(t.Context(), store.Retention{CompactAfter: day, Thin: newer}, longAgo.Add(100*day), false)
	require.NoError(t, err)
	require.EqualValues(t, 0, freed.Dropped)
	require.Equal(t, "declared 800, mitigated thinned 900, resolved 800", keptOf(t, db, inc.ID))
	freed, err = db.Compact(t.Context(), store.Retention{}, longAgo.Add(1000*day), false)
	require.NoError(t, err)
	require.Zero(t, freed, "without a policy everything stays")
}

// Others record all the while, and nothing of theirs or ours is lost.
func TestCompactingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	db := open(t, path)
	for range 5 {
		night(t, db, longAgo)
	}
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), "SITREP_TEST_WRITER="+path, "SITREP_TEST_SEED=7", "SITREP_TEST_PAUSE=5ms") // SQLite's lock is not fair: those that never pause starve others
	out, err := writer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, writer.Start())
	ended := make(chan struct{})
	go func() { // what it says is of no interest, but a pipe that is full would stop it
		defer close(ended)
		_, _ = bytes.NewBuffer(nil).ReadFrom(out)
		_ = writer.Wait()
	}()
	other := open(t, path)
	require.NoError(t, other.Wait(t.Context(), last(t, other)), "it writes")
	ctx, cancel := context.WithCancel(t.Context())
	longest := make(chan time.Duration, 1)
	go func() {
		var worst time.Duration
		for ctx.Err() == nil {
			began := time.Now()
			if _, err := other.Append(context.Background(), incident.Event{Kind: incident.ChangeRecorded, Actor: "ci", Source: "cli", Text: "deploy"}); err != nil {
				t.Error(err)
			}
			worst = max(worst, time.Since(began))
			time.Sleep(5 * time.Millisecond)
		}
		longest <- worst
	}()
	freed, err := db.Compact(t.Context(), store.Retention{CompactAfter: 30 * day, Thin: half}, longAgo.Add(100*day), false)
	require.NoError(t, err)
	require.Equal(t, 5, freed.Incidents)
	require.Equal(t, 5*151, freed.Sparks)
	freed, err = db.Compact(t.Context(), store.Retention{DropAfter: 30 * day, Thin: half}, longAgo.Add(100*day), false)
	require.NoError(t, err)
	require.Equal(t, 15, freed.Dropped)
	cancel()
	worst := <-longest
	require.NoError(t, writer.Process.Kill())
	<-ended
	t.Logf("the longest write beside it took %s", worst)
	clean(t, db)
}

func last(t *testing.T, db *store.DB) int64 {
	t.Helper()
	seq, err := db.Last(t.Context())
	require.NoError(t, err)
	return seq
}
