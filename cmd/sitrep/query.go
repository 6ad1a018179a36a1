package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
)

// boards loads the boards of the configuration; the first is the one that the
// screen opens with. Without any there is a built-in one.
func (a *app) boards() ([]query.Board, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	return loadAll(c, "boards", c.Boards, query.LoadBoard)
}

// loadAll reads every file of a section with the room's own loader.
func loadAll[T any](c *config, section string, patterns []string, load func(file string, src []byte) (T, error)) ([]T, error) {
	files, err := c.files(section, patterns)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	var all []T
	for _, f := range files {
		one, err := loadFile(f, load)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func loadFile[T any](file string, load func(file string, src []byte) (T, error)) (T, error) {
	var one T
	src, err := readConfig(file)
	if err != nil {
		return one, withCode(exitUsage, err)
	}
	one, err = load(file, src)
	return one, withCode(exitUsage, err)
}

// evidenceTimeout bounds how long a command waits for the signals' values: an
// incident is declared with Prometheus dead, too.
const evidenceTimeout = 2 * time.Second

// evidence freezes the board's signals for the events of a command. Whatever
// fails leaves it out: the timeline never waits for a metric.
func (a *app) evidence(ctx context.Context) json.RawMessage {
	boards, err := a.boards()
	if err != nil || len(boards) == 0 {
		return nil
	}
	client, err := a.prometheus(ctx)
	if err != nil {
		return nil
	}
	sources, closeAll, err := a.boardSources(ctx, client)
	if err != nil {
		return nil
	}
	defer closeAll()
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	return freeze(query.Look(ctx, client, signalsOf(boards[0]), query.Past{Sources: sources}, time.Now()))
}

// signalsOf is the board reduced to what is frozen as evidence.
func signalsOf(b query.Board) *query.Board {
	var panels []query.Panel
	for _, p := range b.Panels {
		if p.Signal {
			panels = append(panels, p)
		}
	}
	b.Panels, b.Rows, b.Presets = panels, nil, nil
	return &b
}

func freeze(s *query.Snapshot) json.RawMessage {
	signals := query.Signals(s)
	for _, sig := range signals {
		if sig.State != query.NoData {
			return incident.Payload(signals)
		}
	}
	return nil
}

func (a *app) warn(warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(a.stderr, "sitrep: warning of the server: %s\n", sanitise(w))
	}
}
