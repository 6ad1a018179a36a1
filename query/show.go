package query

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

type (
	shownSnapshot struct {
		Board  string       `json:"board"`
		Title  string       `json:"title"`
		From   time.Time    `json:"from"`
		To     time.Time    `json:"to"`
		Source string       `json:"source,omitempty"`
		Values []Shown      `json:"variables,omitempty"`
		Panels []shownPanel `json:"panels"`
	}
	shownPanel struct {
		Title      string        `json:"title"`
		Unit       string        `json:"unit,omitempty"`
		Queries    []Query       `json:"queries"`
		Thresholds []Threshold   `json:"thresholds,omitempty"`
		Better     Better        `json:"better,omitempty"`
		Signal     bool          `json:"signal,omitempty"`
		Error      string        `json:"error,omitempty"`
		Start      time.Time     `json:"start"`
		Step       number        `json:"step_seconds"`
		Series     []shownSeries `json:"series"`
	}
	shownHistogram struct {
		Count   number        `json:"count"`
		Sum     number        `json:"sum"`
		Buckets []shownBucket `json:"buckets"`
	}
	shownBucket struct {
		Lower  number `json:"lower"`
		Upper  number `json:"upper"`
		Bounds string `json:"bounds"` // (], [), () or []: which of them belong
		Count  number `json:"count"`
	}
	shownSeries struct {
		Labels Labels   `json:"labels"`
		Legend string   `json:"legend"`
		Query  string   `json:"query,omitempty"`
		Ago    number   `json:"ago_seconds,omitempty"` // of a comparison: so much older than their places
		Values []number `json:"values"`

		Histograms []*shownHistogram `json:"histograms,omitempty"`
	}
)

// MarshalJSON is the snapshot for other programs: every series with its values, the
// i-th of which belongs to start + i * step_seconds. No sample is null; what JSON has
// no numbers for are the strings "NaN", "+Inf" and "-Inf". A series of native
// histograms has them under histograms, in the same places.
func (s *Snapshot) MarshalJSON() ([]byte, error) {
	out := shownSnapshot{Board: s.Board.Name, Title: s.Board.Title, From: s.Grid.Start, To: s.Grid.End(), Source: s.Source, Values: s.Board.Shown, Panels: []shownPanel{}}
	for i := range s.Board.Panels {
		p := panelOf(&s.Board.Panels[i], &s.Panels[i])
		frame := &s.Panels[i].Frame
		shown := shownPanel{
			Title: p.Title, Unit: p.Unit, Queries: p.Queries, Thresholds: p.Thresholds, Better: p.Better, Signal: p.Signal, Error: p.Err,
			Start: frame.Grid.Start, Step: number(frame.Grid.Step.Seconds()), Series: []shownSeries{},
		}
		for _, one := range frame.Series {
			values := make([]number, len(one.Values))
			for j, v := range one.Values {
				values[j] = number(v)
			}
			shown.Series = append(shown.Series, shownSeries{one.Labels, one.Legend, one.Expr, number(one.Ago.Seconds()), values, shownHistograms(one.Histograms)})
		}
		out.Panels = append(out.Panels, shown)
	}
	return json.Marshal(out)
}

func shownHistograms(all []*Histogram) []*shownHistogram {
	if !slices.ContainsFunc(all, isThere) {
		return nil
	}
	out := make([]*shownHistogram, len(all))
	for i, h := range all {
		if h == nil {
			continue
		}
		out[i] = &shownHistogram{Count: number(h.Count), Sum: number(h.Sum), Buckets: []shownBucket{}}
		for _, b := range h.Buckets {
			left, right := b.marks()
			out[i].Buckets = append(out[i].Buckets, shownBucket{number(b.Lower), number(b.Upper), left + right, number(b.Count)})
		}
	}
	return out
}

// WriteCSV writes the names of the columns, then a line a value: board, panel, legend,
// labels, time, value, unit. Grid points without a sample have none; the value of a
// native histogram is its String. The unit is Grafana's name of it, such as percentunit;
// it is empty where the board says none.
func (s *Snapshot) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{"board", "panel", "legend", "labels", "time", "value", "unit"})
	for i := range s.Board.Panels {
		frame := &s.Panels[i].Frame
		for k := range frame.Series {
			one := &frame.Series[k]
			labels, unit := one.Labels.String(), s.Board.Panels[i].FieldOf(one).Unit
			board, title, legend := plainCell(s.Board.Name), plainCell(s.Board.Panels[i].Title), plainCell(one.Legend)
			for j := range one.Values {
				if one.Knows(j) {
					err = errors.Join(err, out.Write([]string{
						board, title, legend, labels, // whose own quotes show what is no character
						frame.Grid.Time(j).UTC().Format(time.RFC3339Nano), one.cell(j).text(), unit,
					}))
				}
			}
		}
	}
	out.Flush()
	return errors.Join(err, out.Error())
}

// plainCell is a text that a terminal shows and a spreadsheet does not carry out: without
// control and format characters, and behind an apostrophe if it begins as a formula does.
func plainCell(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}
