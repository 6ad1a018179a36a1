package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/loadtest"
	"github.com/sitrep-dev/sitrep/store"
)

// laterStore is a store that is opened when it is first asked, and never made.
type laterStore struct {
	path string

	mu sync.Mutex
	db *store.DB
}

// open gives nil where there is no store.
func (l *laterStore) open(ctx context.Context) (*store.DB, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.db != nil {
		return l.db, nil
	}
	if _, err := os.Stat(l.path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	db, err := store.Open(context.WithoutCancel(ctx), l.path)
	if err == nil {
		l.db = db // until the process ends
	}
	return db, err
}

// openIncidents reads the incidents of a store.
type openIncidents struct{ *laterStore }

// Open is chaos.Incidents'.
func (o openIncidents) Open(ctx context.Context) ([]chaos.Incident, error) {
	db, err := o.open(ctx)
	if db == nil || err != nil {
		return nil, err
	}
	all, err := db.Incidents(ctx, true, 0)
	var open []chaos.Incident
	for _, inc := range all {
		if !inc.Drill {
			open = append(open, chaos.Incident{ID: string(inc.ID), Title: inc.Title, Severity: string(inc.Severity)})
		}
	}
	return open, err
}

// loadLate is how long after its end a second of a load run is kept at the latest, while
// its process is well.
const loadLate = 5 * time.Second

// Load is chaos.LoadTeller's.
func (p prober) Load(ctx context.Context, l chaos.LoadProbe) (float64, bool, error) {
	db, err := p.store.open(ctx)
	if db == nil || err != nil {
		return 0, false, err
	}
	head, seconds, rows, err := db.RunningLoad(ctx, l.Plan, int(l.Over.D()/time.Second))
	if errors.Is(err, loadtest.ErrNoRun) || err == nil && len(seconds) == 0 {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	newest := head.StartedAt.Add(time.Duration(seconds[len(seconds)-1].Second+1) * time.Second)
	if age := time.Since(newest); age > loadLate {
		return 0, false, fmt.Errorf("the last that is kept of %s is %s old", head.Run, age.Round(time.Second))
	}
	totals, err := loadtest.Lately(seconds, rows)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", head.Run, err)
	}
	answered := totals.Requests > 0 || l.Figure == "rate" || l.Figure == "achieved"
	return totals.Figure(l.Figure), answered, nil
}
