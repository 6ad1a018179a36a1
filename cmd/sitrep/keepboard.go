package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/store"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// byHand is what a capture is of that a person asked for.
const byHand = "looked at"

// keepSnapshot keeps what a board shows as evidence of an incident. The event is its
// own moment: nothing else happened then.
func keepSnapshot(ctx context.Context, db *store.DB, by incident.By, id incident.ID, s *query.Snapshot, why string) (incident.CapturedBoard, error) {
	fail := func(err error) (incident.CapturedBoard, error) {
		return incident.CapturedBoard{}, fmt.Errorf("keep the board with %s: %w", id, err)
	}
	if got := s.Reading(); got.Series == 0 {
		if got.Down != nil {
			return fail(got.Down)
		}
		return fail(errors.New("it shows no series"))
	}
	body, left, err := s.Pack(incident.MostFrozen)
	if body == nil {
		if err == nil {
			err = errors.New("it is too large")
		}
		return fail(err)
	}
	packed, err := query.Decode(body) // what stands in the store is what is told
	if err != nil {
		return fail(err)
	}
	board := captured(packed, len(body))
	text := fmt.Sprintf("the board as %s saw it: %s with %s, %s", by.Actor, board.Name, count(board.Panels, "panel"), plainSeries(board.Series))
	if why = strings.TrimSpace(why); why != "" {
		text = why + " (" + text + ")"
	}
	if len(left) > 0 {
		text += "; left out: " + strings.Join(left[:min(len(left), mostSaid)], ", ")
	}
	e := incident.Event{
		ID: ulid.Make().String(), Incident: id, At: by.At, Kind: incident.EvidenceCaptured, Actor: by.Actor, Source: by.Source, Text: text,
	}
	e.Once = "captured/" + e.ID
	e.Data = incident.Payload(incident.Capture{
		Event: e.ID, Kind: incident.EvidenceCaptured, What: byHand, At: s.Grid.End(), Source: s.Source, Boards: []incident.CapturedBoard{board}, Unread: s.Reading().Unread, LeftOut: left,
	})
	if _, err := db.Keep(ctx, e, []incident.Frozen{{Board: board.Name, From: s.Grid.Start, To: s.Grid.End(), Series: body}}); err != nil {
		return fail(err)
	}
	return board, nil
}

// keepBoard is the order of the screen.
func (o *operator) keepBoard(ctx context.Context, order pane.KeepBoard) (pane.Receipt, error) {
	id := incident.ID(order.Incident)
	board, err := keepSnapshot(ctx, o.db, o.by(), id, order.Snapshot, order.Text)
	if err != nil {
		return pane.Receipt{}, err
	}
	return pane.Receipt{Text: fmt.Sprintf("%s kept with %s: %s; enter on its line of the timeline shows it again", board.Name, id, plainSeries(board.Series)), Incident: id}, nil
}

// exportPanel is the order of the screen: a new file.
func (o *operator) exportPanel(order pane.ExportPanel) (pane.Receipt, error) {
	if _, err := os.Lstat(order.Path); err == nil {
		return pane.Receipt{}, fmt.Errorf("%s is there already and was left as it is; give another name", order.Path)
	}
	only, err := panelOf(order.Snapshot, order.Panel)
	if err != nil {
		return pane.Receipt{}, err
	}
	raw, err := panelFile(only, filepath.Ext(order.Path), order.Mark)
	if err != nil {
		return pane.Receipt{}, fmt.Errorf("write %s: %w", order.Path, err)
	}
	if err := writeNew(order.Path, raw); err != nil {
		return pane.Receipt{}, fmt.Errorf("write %s: %w", order.Path, err)
	}
	path, err := filepath.Abs(order.Path)
	if err != nil {
		path = order.Path
	}
	return pane.Receipt{Path: path}, nil
}

// panelOf is a snapshot of one panel alone, by its title.
func panelOf(s *query.Snapshot, title string) (*query.Snapshot, error) {
	i := slices.IndexFunc(s.Board.Panels, func(p query.Panel) bool { return p.Title == title })
	if i < 0 {
		i = slices.IndexFunc(s.Board.Panels, func(p query.Panel) bool { return strings.EqualFold(p.Title, title) })
	}
	if i < 0 {
		var titles []string
		for _, p := range s.Board.Panels {
			titles = append(titles, fmt.Sprintf("%q", p.Title))
		}
		return nil, fmt.Errorf("board %s has no panel %q; it has %s", s.Board.Name, title, strings.Join(titles, ", "))
	}
	board, one := *s.Board, *s
	board.Panels, board.Rows = []query.Panel{s.Board.Panels[i]}, nil
	one.Board, one.Panels = &board, []query.PanelData{s.Panels[i]}
	return &one, nil
}

// panelFile is a panel in the form that the end of a file's name says.
func panelFile(s *query.Snapshot, ending string, mark time.Time) ([]byte, error) {
	var b bytes.Buffer
	switch strings.ToLower(ending) {
	case ".csv":
		err := s.WriteCSV(&b)
		return b.Bytes(), err
	case ".json":
		enc := json.NewEncoder(&b)
		enc.SetIndent("", "  ")
		err := enc.Encode(s)
		return b.Bytes(), err
	case ".png":
		return panelPicture(s, mark)
	}
	return nil, errors.New("a panel is written as .csv, .json or .png; the name says which")
}

// picturable says why a panel cannot be drawn as lines; nil if it can.
func picturable(p *query.Panel, data *query.PanelData) error {
	switch {
	case data.Err != nil:
		return data.Err
	case !p.Type.Asks():
		return fmt.Errorf("%s is %s, which is not drawn as a picture", p.Title, p.Type)
	case p.Type == query.Heatmap, p.Type == query.Table, p.Type == query.StateTimeline:
		return fmt.Errorf("%s is a %s, which is not drawn as a picture: --csv and --json write its values", p.Title, p.Type)
	case len(p.Shape(&data.Frame).Lines) == 0:
		return fmt.Errorf("%s has no series to draw", p.Title)
	case data.Frame.Grid.N < 2:
		return fmt.Errorf("%s asks for one moment alone, which is no line to draw: --csv and --json write its values", p.Title)
	}
	return nil
}

// panelPicture draws the panels of a snapshot.
func panelPicture(s *query.Snapshot, mark time.Time) ([]byte, error) {
	var charts []plot.Chart
	why := errors.New("it has no panel to draw")
	for i := range s.Board.Panels {
		if err := picturable(&s.Board.Panels[i], &s.Panels[i]); err != nil {
			why = err
			continue
		}
		charts = append(charts, chartOf(&s.Board.Panels[i], &s.Panels[i], mark))
	}
	if len(charts) == 0 {
		return nil, why
	}
	return plot.PNG(charts)
}
