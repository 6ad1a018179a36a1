package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/templates"
)

// boards are those of --board, else those of the configuration; what is kept as
// evidence is theirs.
func (a *app) boards() ([]query.Board, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if len(a.flags.boards) > 0 {
		return loadFiles(a.flags.boards, query.LoadBoard)
	}
	return loadAll(c, "boards", c.Boards, query.LoadBoard)
}

// boardsToShow are the boards that a person can look at: those of the
// configuration, else the one that sitrep carries. Nothing of that one is kept as
// evidence unless somebody says so: who names no board did not ask for it.
func (a *app) boardsToShow() ([]query.Board, error) {
	boards, err := a.boards()
	if err != nil || len(boards) > 0 {
		return boards, err
	}
	src, err := templates.Read("board.yaml")
	if err != nil {
		return nil, err
	}
	own, err := query.LoadBoard("targets.yaml", src)
	if err != nil {
		return nil, err
	}
	return []query.Board{own}, nil
}

// loadAll reads every file of a section with the room's own loader.
func loadAll[T any](c *config, section string, patterns []string, load func(file string, src []byte) (T, error)) ([]T, error) {
	files, err := c.files(section, patterns)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	return loadFiles(files, load)
}

func loadFiles[T any](files []string, load func(file string, src []byte) (T, error)) ([]T, error) {
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
