package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/query/embedded"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// withRecorded is a store with INC-1 and an hour of samples of it, one every ten
// seconds, of a counter that grows by 2 a second.
func withRecorded(t *testing.T) (*operator, time.Time) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	began := time.Now().Add(-time.Hour).Truncate(time.Minute)
	by := incident.By{Actor: "ana", Source: "cli", At: began.Add(30 * time.Minute)}
	_, err = incident.NewDesk(db).Declare(t.Context(), by, "", incident.Declaration{Title: "it burns", Severity: incident.Sev2})
	require.NoError(t, err)

	total := 0
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(w, "# TYPE requests_total counter\nrequests_total %d\n", total)
	}))
	defer exporter.Close()
	s, err := embedded.New(embedded.Config{})
	require.NoError(t, err)
	s.SetTargets([]embedded.Target{{Job: "api", Instance: "i", URL: exporter.URL}})
	for i := range 360 {
		total = 20 * i
		s.Scrape(t.Context(), began.Add(time.Duration(i)*10*time.Second))
	}
	list, err := s.Capsules(began.Add(-time.Second), began.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, list, 1)
	c := list[0]
	require.NoError(t, db.AddCapsule(t.Context(), incident.Event{
		Incident: "INC-1", At: began, Kind: incident.EvidenceRecorded, Actor: incident.Sitrep, Source: "evidence", Once: "recorded/INC-1/x", Text: "kept",
		Data: incident.Payload(incident.Recording{Source: "http://gone", From: began}),
	}, incident.Capsule{From: c.From, To: c.To, Series: c.Series, Samples: c.Samples, Chunks: c.Body}, 1<<20))

	config := filepath.Join(t.TempDir(), "sitrep.yaml")
	require.NoError(t, os.WriteFile(config, []byte("sources: {other: {url: 'http://127.0.0.1:1'}}\n"), 0o600))
	board, err := query.LoadBoard("shop.yaml", []byte("title: Shop\nrange: 10m\npanels:\n"+
		"  - {title: rate, promql: 'rate(requests_total[$__rate_interval])'}\n  - {title: other, source: other, promql: up}\n"))
	require.NoError(t, err)
	a := &app{flags: globals{config: config}}
	o := &operator{centre: &centre{app: a, db: db, boards: []query.Board{board}}, explore: &explorer{shelf: &shelf{db: db}}}
	return o, began
}

// When the server has forgotten a board, and Explore, are answered by what was recorded
// with the incident, with the distance of the scrapes that were; nothing is made up.
func TestABoardOfWhatWasRecorded(t *testing.T) {
	t.Parallel()
	o, began := withRecorded(t)
	at := began.Add(30 * time.Minute)
	open := func(order pane.OpenFrozen) *pane.Frozen {
		r, err := o.openFrozen(t.Context(), order)
		require.NoError(t, err)
		return r.Frozen
	}
	f := open(pane.OpenFrozen{Incident: "INC-1", Event: "x", Board: "shop", What: "declared", At: at}) // nothing was kept, or it was dropped
	require.True(t, f.Asked)
	require.Equal(t, began.UTC(), f.Recorded.From)
	require.True(t, f.Snapshot.Frozen)
	require.Equal(t, "what was recorded with INC-1", f.Snapshot.Source)
	require.Len(t, f.Snapshot.Panels[0].Frame.Series, 1)
	require.InDelta(t, 2, last(f.Snapshot.Panels[0].Frame.Series[0].Values), 1e-9, "every 10 s: a rate of 40 s, not of a minute that the default would take")
	require.ErrorContains(t, f.Snapshot.Panels[1].Err, "nothing of it was recorded with INC-1")
	require.False(t, f.Snapshot.Grid.End().Before(at), "the moment is in it")

	f = open(pane.OpenFrozen{Incident: "INC-1", Board: "shop", At: at, Recorded: true, Span: 2 * time.Minute, End: began.Add(10 * time.Minute)})
	require.Equal(t, began.Add(10*time.Minute).UTC(), f.Snapshot.Grid.End())
	_, err := o.openFrozen(t.Context(), pane.OpenFrozen{Incident: "INC-1", Board: "shop", Recorded: true, Span: time.Minute, End: began.Add(-time.Hour)})
	require.ErrorContains(t, err, "nothing is known of")
	_, err = o.openFrozen(t.Context(), pane.OpenFrozen{Incident: "INC-1", Board: "gone", At: at, Recorded: true})
	require.ErrorContains(t, err, "there is no board gone any more")

	found := func(q query.Question) (*query.Findings, error) {
		ask, err := o.explore.whom(context.Background(), "INC-1", &q)
		if err != nil {
			return nil, err
		}
		f, err := query.Find(t.Context(), ask, q, time.Now())
		return &f, err
	}
	answer, err := found(query.Question{Expr: "rate(requests_total[1m])", End: at})
	require.NoError(t, err)
	require.InDelta(t, 2, answer.Samples[0].Value, 1e-9)
	answer, err = found(query.Question{Expr: "up", Span: time.Hour, Columns: 100})
	require.NoError(t, err)
	require.Equal(t, 1.0, last(answer.Frame.Series[0].Values))
	_, err = found(query.Question{Expr: "up", End: began.Add(-time.Hour)})
	require.ErrorContains(t, err, "samples were recorded from")
	words, err := o.explore.suggest(t.Context(), pane.Suggest{At: query.SpotAt("reque", 5), Incident: "INC-1"})
	require.NoError(t, err)
	require.Equal(t, "requests_total", words[0].Text)
}

func last(values []float64) float64 {
	v, _ := query.Series{Values: values}.Last(0)
	return v
}
