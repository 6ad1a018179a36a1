package pane

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/strictyaml"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// comparisons are what one key goes through: a day, a week, nothing.
func comparisons() [][]time.Duration {
	const day = 24 * time.Hour
	return [][]time.Duration{{day}, {7 * day}, nil}
}

// compareNext compares the focused panel with the next of comparisons.
func (b *board) compareNext(i int, s *Screen) Effect {
	all := comparisons()
	at := slices.IndexFunc(all, func(ago []time.Duration) bool { return slices.Equal(ago, compared(b.panels.charts[i].panel)) })
	if at < 0 {
		at = len(all) - 2 // the board's own comparison: off first
	}
	return b.compareWith(i, all[(at+1)%len(all)], s)
}

// compareWith compares a panel with so long ago; with nothing if that is empty.
func (b *board) compareWith(i int, ago []time.Duration, s *Screen) Effect {
	c := &b.panels.charts[i]
	if !c.panel.Compares() {
		return Effect{Handled: true, Toast: "only a chart of lines over time can be compared with earlier times"}
	}
	e := b.comparing(c.id, ago, s)
	e.Toast = c.panel.Title + ": " + agoWords(ago)
	return e
}

// comparing orders a comparison of the panel of that name, or of every one.
func (b *board) comparing(name string, ago []time.Duration, s *Screen) Effect {
	return Effect{Handled: true, Orders: []Order{CompareWith{Comparisons: s.World.Board.Compared.With(name, ago)}}}
}

// Compare is the command: "1d", "1d 1w" or "off" for the panel in focus, "board 1d"
// for all of the board; without words what the key does.
func (b *board) Compare(words string, s *Screen) Effect {
	if s.Frozen != nil {
		return Effect{Handled: true, Toast: frozenCompare}
	}
	if s.World.Board == nil || s.World.Board.Board == nil {
		return Effect{Handled: true, Toast: "the board has not answered yet"}
	}
	i, ok := b.focused(s)
	fields := strings.Fields(words)
	if len(fields) == 0 && ok {
		return b.compareNext(i, s)
	}
	every := len(fields) > 0 && (fields[0] == "board" || fields[0] == "all")
	if every {
		fields = fields[1:]
	}
	ago, err := parseAgo(fields)
	switch {
	case err != nil:
		return Effect{Handled: true, Toast: err.Error()}
	case every:
		e := b.comparing(query.EveryPanel, ago, s)
		e.Toast = "the board: " + agoWords(ago)
		return e
	case !ok:
		return Effect{Handled: true, Toast: "no panel is in focus; compare board 1d is for all of them"}
	}
	return b.compareWith(i, ago, s)
}

// frozenCompare is why a board that was kept is not compared.
const frozenCompare = "a board that was kept is not asked again: it shows the comparisons that it was kept with"

// parseAgo reads how long ago: "1d", "-1w", several of them, or "off".
func parseAgo(words []string) (all []time.Duration, err error) {
	if len(words) == 1 && words[0] == "off" {
		return nil, nil
	}
	for _, word := range words {
		d, err := strictyaml.ParseDuration(strings.TrimPrefix(word, "-"))
		if err != nil || d < time.Minute || d > query.FarthestCompared {
			return nil, fmt.Errorf("compare %q: write how long ago, from 1m to %s, such as 1d or 1w; or off", word, strictyaml.FormatDuration(query.FarthestCompared))
		}
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	switch {
	case len(all) == 0:
		return nil, errors.New("compare with what? 1d, 1w, several of such, or off; with board before it for all panels")
	case len(all) > query.MostCompared:
		return nil, fmt.Errorf("compare: a chart is compared with at most %d earlier times", query.MostCompared)
	}
	return all, nil
}

// compared is what a panel is compared with.
func compared(p *query.Panel) (ago []time.Duration) {
	for _, d := range p.Compare {
		ago = append(ago, d.D())
	}
	return ago
}

// agoWords is "compared with 1d and 1w before".
func agoWords(ago []time.Duration) string {
	if len(ago) == 0 {
		return "compared with nothing"
	}
	return "compared with " + strings.Join(lengths(ago), " and ") + " before"
}

// lengths are durations as people write them.
func lengths(all []time.Duration) (out []string) {
	for _, d := range all {
		out = append(out, strictyaml.FormatDuration(d))
	}
	return out
}

// versus is what stands behind the title of a panel that is compared: "vs -1d", with
// a word where nothing is known of then.
func (c *panelChart) versus() safe.Text {
	if len(c.panel.Compare) == 0 || !c.panel.Compares() {
		return safe.Text{}
	}
	text := "vs"
	for _, ago := range lengths(compared(c.panel)) {
		text += " -" + ago
	}
	was := slices.ContainsFunc(c.shape.Lines, func(line query.Drawn) bool { return line.Ago != 0 })
	if len(c.shape.Lines) > 0 && !was {
		text += " no data"
	}
	return safe.New(text, 40)
}
