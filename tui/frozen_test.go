package tui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// kept puts what was kept at the declaration of INC-204 on the timeline.
func kept(w *pane.World) {
	id := incident.ID("INC-204")
	declared := w.Events[id][0]
	at := declared.At.Add(3 * time.Second)
	events := append([]incident.Event{}, w.Events[id]...)
	w.Events[id] = append(events, incident.Event{
		Seq: 900, ID: "frozen", Incident: id, At: at, Recorded: at, Kind: incident.EvidenceCaptured, Actor: incident.Sitrep, Source: "evidence",
		Text: "the board as it was when INC-204 was declared: shop with 12 panels, 24 series",
		Data: incident.Payload(incident.Capture{
			Event: declared.ID, Kind: incident.Declared, What: "declared", At: declared.At,
			Boards: []incident.CapturedBoard{{Name: "shop", Panels: 12, Series: 24}},
		}),
	})
}

// thaws answers the order for a frozen board.
func thaws(o pane.Order) (pane.Receipt, error) {
	f, is := o.(pane.OpenFrozen)
	if !is {
		return pane.Receipt{}, nil
	}
	s := shopBoard(f.At)
	s.Frozen, s.Source = true, "http://forgotten:9090"
	return pane.Receipt{Frozen: &pane.Frozen{Incident: f.Incident, What: f.What, At: f.At, Snapshot: s}}, nil
}

// What was kept at a moment opens from it, says that it is not live as long as it is
// shown, asks for nothing, and is left by 0 or by going back.
func TestTheBoardAsItWas(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.desk.answer = thaws
		p.world(kept)
		p.press("3")
		p.sees("steps folded")
		p.seesNot("the board as it was when")
		p.press("g")
		for range 10 { // what changed before stands before it
			p.press("enter")
			if strings.Contains(p.screen(), "open shop as it was then") {
				break
			}
			p.press("esc", "j")
		}
		p.sees("read all that is known of it", "open shop as it was then: 12 panels, 24 series")
		p.press("enter") // the first choice is the words
		p.sees("incident.declared")
		p.press("esc", "enter")
		p.desk.taken()
		p.press("b")
		orders := p.desk.taken()
		require.Len(t, orders, 1)
		require.Equal(t, "shop", orders[0].(pane.OpenFrozen).Board)
		p.sees("FROZEN ", "INC-204 declared  shop  1h", "0 is live", "5xx ratio")
		p.wait(10 * time.Minute)
		p.sees("FROZEN ", "5xx ratio")
		p.seesNot("no data for")
		for _, key := range []string{"+", "-", ",", "."} {
			p.press(key)
			p.sees("this is all that was kept; 0 goes back to live")
		}
		require.Empty(t, windows(p.desk), "nothing is asked of a server that has forgotten")
		p.wait(10 * time.Second) // the hint is gone
		p.press("left", "f")
		p.sees("FROZEN ")
		p.press("esc", "esc") // the crosshair, the full screen
		p.sees("FROZEN ")
		p.press("0")
		p.seesNot("FROZEN")
		p.sees("http://127.0.0.1:9090")

		p.press("3", "enter", "b")
		p.sees("FROZEN ")
		p.press("1", "2")
		p.sees("FROZEN ")
		p.wait(10 * time.Second) // the hint is gone
		p.press("esc")
		p.seesNot("FROZEN")
		p.press("2")
		p.seesNot("FROZEN")
	})
}

// windows is what the board was asked to show since the last look.
func windows(d *desk) (all []pane.Order) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.orders {
		if _, is := o.(pane.Window); is {
			all = append(all, o)
		}
	}
	return all
}

func TestSeriesThatAreGoneAreSaidToBe(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.send(doneMsg{order: pane.OpenFrozen{Incident: "INC-204"}, err: errors.New("INC-204, declared: they were dropped")})
		p.sees("INC-204, declared: they were dropped")
		p.seesNot("FROZEN")
	})
}

// The picture of it, to be read by people.
func TestPictureOfAFrozenBoard(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		name := fmt.Sprintf("frozen_%dx%d", size[0], size[1])
		t.Run(name, func(t *testing.T) {
			m := still(t, size[0], size[1], []string{"2"})
			at := m.world.Events["INC-204"][0].At
			r, err := thaws(pane.OpenFrozen{Incident: "INC-204", What: "declared", At: at})
			require.NoError(t, err)
			m.Update(tea.Msg(doneMsg{order: pane.OpenFrozen{Incident: "INC-204"}, receipt: r}))
			fits(t, m.View().Content, size[0], size[1])
			got := m.picture.frame.Plain()
			file := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err, "go test ./tui -update writes it")
			require.Equal(t, string(want), got)
		})
	}
}

// Where samples were recorded a frozen board is asked again by zoom and pan, as far as
// they reach, and Explore over it asks them too and says so.
func TestAFrozenBoardOfRecordedSamples(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.desk.answer = func(o pane.Order) (pane.Receipt, error) {
			r, err := thaws(o)
			if f, is := o.(pane.OpenFrozen); is {
				r.Frozen.Recorded = &pane.Stretch{From: f.At.Add(-2 * time.Hour), To: f.At.Add(10 * time.Minute)}
				r.Frozen.Asked = f.Recorded
			}
			return r, err
		}
		at := p.m.world.Events["INC-204"][0].At
		opened := func() (last pane.OpenFrozen) {
			for _, o := range p.desk.taken() {
				if f, is := o.(pane.OpenFrozen); is {
					last = f
				}
			}
			return last
		}
		p.send(doneMsg{order: pane.OpenFrozen{Incident: "INC-204", At: at, Event: "e"}, receipt: func() pane.Receipt {
			r, err := p.desk.answer(pane.OpenFrozen{Incident: "INC-204", What: "declared", At: at})
			require.NoError(t, err)
			return r
		}()})
		p.sees("FROZEN ", "0 is live")
		p.desk.taken()
		p.press("+")
		o := opened()
		require.True(t, o.Recorded)
		require.Equal(t, 30*time.Minute, o.Span)
		p.sees("of the samples recorded; 0 is live")
		p.press(",")
		require.True(t, opened().End.Before(at))
		p.press("-")
		require.Equal(t, incident.ID("INC-204"), opened().Incident)
		p.press("t")
		p.sees("the range is chosen by zoom and pan")
		require.Empty(t, windows(p.desk))

		p.press("p")
		p.sees("PromQL  of what was recorded with INC-204")
		p.typed("up")
		p.desk.taken()
		p.press("enter")
		asked := false
		for _, o := range p.desk.taken() {
			if f, is := o.(pane.Find); is {
				asked = true
				require.Equal(t, incident.ID("INC-204"), f.Incident)
			}
		}
		require.True(t, asked)
	})
}

// What a person kept stands among what happened: they were told to press enter there.
func TestABoardThatAPersonKeptIsNoStep(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.world(func(w *pane.World) {
			id := incident.ID("INC-204")
			e := incident.Event{
				Seq: 901, ID: "seen", Incident: id, At: time.Now(), Recorded: time.Now(), Kind: incident.EvidenceCaptured, Actor: "ana", Source: "tui",
				Text: "the rollback helps (the board as ana saw it: shop with 12 panels, 24 series)",
			}
			e.Data = incident.Payload(incident.Capture{
				Event: e.ID, Kind: incident.EvidenceCaptured, What: "looked at", At: e.At, Boards: []incident.CapturedBoard{{Name: "shop", Panels: 12, Series: 24}},
			})
			w.Events[id] = append(append([]incident.Event{}, w.Events[id]...), e)
		})
		p.press("3", "G")
		p.sees("9 events", "the rollback helps")
		p.press("enter")
		p.sees("open shop as it was then")
	})
}
