package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/chaos/gameday"
	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
)

// uncoloured is a row without colours and links of plain ASCII, which are all that a
// picture may hold besides text: whatever else begins with an escape stays. Tens of
// thousands of pictures are looked at, so it is no regular expression.
func uncoloured(row string) string {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(row, "\x1b")
		b.WriteString(text)
		if !found {
			return b.String()
		}
		if codes, coloured := strings.CutPrefix(rest, "["); coloured {
			if after, whole := strings.CutPrefix(strings.TrimLeft(codes, "0123456789;"), "m"); whole {
				row = after
				continue
			}
		}
		if link, linked := strings.CutPrefix(rest, "]8;;"); linked {
			url := strings.TrimLeftFunc(link, func(r rune) bool { return '!' <= r && r <= '~' })
			if after, whole := strings.CutPrefix(url, "\x1b\\"); whole {
				row = after
				continue
			}
		}
		b.WriteByte('\x1b')
		row = rest
	}
}

// fits holds for every picture: it is as large as the terminal, and nothing
// but colours and printable text is in it.
func fits(t require.TestingT, content string, w, h int) {
	rows := strings.Split(content, "\n")
	require.LessOrEqual(t, len(rows), max(h, 1))
	for _, row := range rows {
		plain := strings.Map(func(r rune) rune {
			if unicode.Is(unicode.M, r) {
				return -1 // stands on the character before it
			}
			return r
		}, uncoloured(row))
		if width := ansi.StringWidthWc(plain); width > max(w-1, 0) {
			require.LessOrEqual(t, width, max(w-1, 0), "%q", row)
		}
		if i := strings.IndexFunc(plain, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }); i >= 0 {
			require.Fail(t, "a character that a terminal obeys", "%q", row)
		}
	}
}

// act is one thing that a person does.
type act struct {
	key   string
	paste string
	wait  time.Duration
	size  [2]int
}

func acts() *rapid.Generator[act] {
	every := []string{"enter", "enter", "esc", "y", "u", "n", "a", "backspace", "space", "?", ":", "/", "up", "down", "ctrl+p", "x", "b", "pgdown", "1", "l"}
	for _, b := range keys.Default().All() {
		every = append(every, b.Keys...)
	}
	pressed := rapid.Map(rapid.SampledFrom(every), func(k string) act { return act{key: k} })
	waited := rapid.Map(rapid.IntRange(1, 7000), func(ms int) act { return act{wait: time.Duration(ms) * time.Millisecond} })
	pasted := rapid.Map(rapid.StringN(1, 20, -1), func(s string) act { return act{paste: s} })
	sized := rapid.Custom(func(t *rapid.T) act {
		return act{size: [2]int{rapid.IntRange(1, 220).Draw(t, "w"), rapid.IntRange(1, 70).Draw(t, "h")}}
	})
	return rapid.OneOf(pressed, pressed, pressed, pressed, pressed, waited, pasted, sized)
}

// lawless is a law that did not hold. The law is checked in a bubble of time,
// where rapid cannot be.
type lawless struct{ says string }

func (l *lawless) Errorf(format string, args ...any) { l.says = fmt.Sprintf(format, args...) }
func (l *lawless) FailNow()                          { panic(l) }

// Whatever is pressed in whatever order at whatever size: the picture fits,
// ctrl+x ends everything at once, Enter starts nothing, and what reaches out
// does so after a countdown, but for the acknowledgement of who was paged.
func TestAnyKeysAtAnySize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		who := rapid.SampledFrom([]func(*Options){as("alice"), as("mallory"), inProd, readingProd}).Draw(rt, "who")
		script := rapid.SliceOfN(acts(), 1, 30).Draw(rt, "script")
		law := &lawless{}
		synctest.Test(t, func(t *testing.T) {
			p := newPlayer(t, who)
			defer func() {
				if r := recover(); r != nil && r != any(law) {
					panic(r)
				}
				p.stop()
			}()
			obeys(law, p, script)
		})
		if law.says != "" {
			rt.Fatal(law.says)
		}
	})
}

func obeys(law *lawless, p *player, script []act) {
	w, h := 80, 24
	p.send(tea.WindowSizeMsg{Width: w, Height: h})
	p.world(func(w *pane.World) {
		onDuty(w, time.Now())
		dayAt(0)(w, time.Now())
	})
	for _, a := range script {
		p.desk.taken()
		began := len(p.m.counts.running)
		asking := p.m.asked != nil
		switch {
		case a.key != "":
			p.press(a.key)
		case a.paste != "":
			p.send(tea.PasteMsg{Content: a.paste})
		case a.wait > 0:
			p.wait(a.wait)
		default:
			w, h = a.size[0], a.size[1]
			p.send(tea.WindowSizeMsg{Width: w, Height: h})
		}
		for _, o := range p.desk.taken() {
			_, ack := o.(pane.Acknowledge)
			if _, there := o.(pane.InboxAck); there {
				ack = true
			}
			require.True(law, !outward(o) || a.wait > 0 || ack && a.key == "a" && !asking, "%#v sent %#v", a, o)
		}
		if a.key == "enter" || a.key == "" {
			require.LessOrEqual(law, len(p.m.counts.running), began, "%#v began a countdown", a)
		}
		p.m.picture.stale = true
		fits(law, p.m.View().Content, w, h)
		if p.quit {
			return
		}
	}
	p.press("ctrl+x")
	require.Contains(law, p.desk.taken(), pane.Order(pane.AbortAll{}))
}

// Every size down to nothing is drawn, with and without a dialog, a countdown
// and something said.
func TestEverySmallSize(t *testing.T) {
	for _, opts := range [][]func(*Options){nil, {inProd}} {
		play(t, 80, 24, func(p *player) {
			p.world(func(w *pane.World) {
				onDuty(w, time.Now())
				dayAt(0)(w, time.Now())
			})
			for _, setup := range [][]string{{}, {"n"}, {"E", "enter"}, {"E", "enter", "y"}, {"f5"}, {"x"}, {"?"}, {":"}, {"/"}, {"2"}, {"s"}, {"U"}, {"U", "a", "enter", "enter", "enter"}, {"A"}, {"A", "a"}, {"4", "i"}, {"d", "a", "enter"}, {"3", "c"}, {"7"}, {"6"}, {"6", "I"}, {"6", "E"}, {"f8"}, {"V"}, {"V", "enter"}, {"4", "tab", "tab", "enter"}, {"X", "a", "enter", "tab"}} {
				p.send(tea.WindowSizeMsg{Width: 80, Height: 24})
				p.press("esc", "esc", "esc", "esc", "1")
				p.press(setup...)
				for w := range 34 {
					for h := range 14 {
						p.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
						fits(t, p.m.View().Content, w, h)
					}
				}
				for _, size := range [][2]int{{59, 16}, {60, 15}, {60, 16}, {61, 19}, {60, 20}, {99, 21}, {300, 100}} {
					p.m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
					fits(t, p.m.View().Content, size[0], size[1])
				}
			}
		}, opts...)
	}
}

// What others wrote is drawn as text, whatever it is, in pictures, in the
// window's title and in what rings.
func TestHostileText(t *testing.T) {
	evil := "x\x1b]52;c;cm0gLXJm\a\x1b[2J\u202egnp\u009b31m\r\n日本語" + strings.Repeat("e\u0301", 40)
	play(t, 100, 30, func(p *player) {
		p.world(func(w *pane.World) {
			s := &story{t: t, policy: shopPolicy(t), events: w.Events}
			inc := s.declare("INC-9", time.Now(), incident.Sev1, evil, evil)
			w.Incidents = []incident.Incident{inc}
			w.Delivery.Holder, w.Problems = evil, []pane.Problem{{Text: evil, At: time.Now()}}
			w.Delivery.Sinks = []pane.Sink{{Name: evil, State: "down", Why: evil}}
			w.Chaos.Experiments = append(w.Chaos.Experiments, experiment(evil, evil, evil, "F6"))
			w.Chaos.Runs = []pane.ChaosRun{{Run: evil, Experiment: evil}}
			w.People, w.Present = []incident.Person{incident.Person(evil)}, []pane.Present{{Name: incident.Person(evil + "2"), Incident: "INC-9"}}
			inc.Items = []incident.OpenItem{{Item: incident.Item{Item: evil, Text: evil, Owner: incident.Person(evil)}, Added: time.Now()}}
			w.Promised, w.Figures = []incident.Incident{inc}, pane.FiguresOf([]incident.Incident{inc}, time.Now())
			asked := time.Now()
			w.Gamedays = pane.Gamedays{
				Days: []pane.PreparedDay{{Day: gameday.Day{Name: evil, Pin: "F8", Hypothesis: evil}}}, Broken: []pane.BrokenExperiment{{Name: evil, Error: evil}},
				Runs:   []gameday.Result{{Run: evil, ID: evil, Day: evil, Drill: evil, Hypothesis: evil, Steps: []gameday.StepResult{{ID: evil, What: evil, Reason: evil, StartedAt: &asked, Asks: true, Question: evil, Of: []string{evil}, Answers: []gameday.Answer{{By: evil, Note: evil}}}}, Findings: []string{evil}}},
				Judged: map[string]pane.Judged{evil: {At: asked.Add(time.Hour), Plan: evil, Refused: evil}},
			}
			w.OnCall = &pane.OnCall{Service: evil, Faults: []string{evil}, Inbox: pane.Inbox{At: time.Now(), Items: []pane.InboxItem{{ID: evil, Title: evil, URL: "https://x/" + evil, Service: evil, Assigned: []string{evil}}, {ID: "Q2", Title: evil}}}}
			w.Alerts.List[0].Annotations = map[string]string{"summary": evil, "runbook_url": "https://x/" + evil}
		})
		p.desk.answer = func(pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errors.New(evil) }
		for _, k := range [][]string{{}, {"n", "a", "enter"}, {"f6"}, {"x"}, {"E"}, {"enter"}, {"esc", "esc", "esc", "D", "enter"}, {"esc", "y"}, {"esc", ":"}, {"esc", "2"}, {"3"}, {"4"}, {"c"}, {"esc", "6"}, {"I"}, {"esc", "a"}, {"esc", "enter"}, {"esc", "o"}, {"esc", "7"}, {"enter"}, {"1", "A"}, {"a"}, {"esc", "U"}, {"esc", "d", "a", "enter"}, {"esc", "V"}, {"esc", "f8"}, {"tab"}, {"esc", "4", "tab", "tab"}, {"enter"}, {"esc", "down", "enter"}} {
			p.press(k...)
			fits(t, p.m.View().Content, 100, 30)
		}
		title := p.m.View().WindowTitle
		require.Contains(t, title, "␛]52")
		for _, text := range []string{title, strings.TrimSuffix(strings.TrimPrefix(p.m.ring(p.m.title()), "\a\x1b]"), "\a")} {
			for _, r := range text {
				require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Cf, r), "%q", text)
			}
		}
	}, as(incident.Person(evil)))
}

func TestSurvivalSaysTheFourThings(t *testing.T) {
	play(t, 40, 8, func(p *player) {
		p.sees("[SEV1] INC-204 checkout", "YOU ARE PAGED", "next L2 bob in 28 s", "▲ 7.24% 5xx ratio")
		p.press("a")
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-204"}}, p.desk.taken())
		p.press("f5")
		p.sees("in 3 s  payments-latency:        u undo", "        aborts if errors > 0.05")
		p.press("ctrl+x")
		p.send(tea.WindowSizeMsg{Width: 24, Height: 1})
		p.sees("ending and undoing")
	})
}

// A terminal that does not read is not written to, and the world goes on.
func TestNothingIsDrawnWhileTheTerminalIsBehind(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		behind := true
		p.m.full = func() bool { return behind }
		before := p.m.View().Content
		p.world(func(w *pane.World) { w.Incidents = w.Incidents[1:] })
		p.press("2", "3")
		require.Equal(t, before, p.m.View().Content)
		require.Len(t, p.m.world.Incidents, 2)
		behind = false
		require.NotEqual(t, before, p.m.View().Content)
	})
}

// Every key that the table has does something in the view that it is for.
func TestNoKeyIsDead(t *testing.T) {
	views := map[keys.Scope]string{keys.Now: "1", keys.Board: "2", keys.Timeline: "3", keys.Actions: "4", keys.Postmortem: "5", keys.OnCall: "6", keys.Stats: "7", keys.Checklist: "w"}
	for _, b := range keys.Default().All() {
		view, ok := views[b.Scope]
		if !ok {
			continue
		}
		play(t, 120, 40, func(p *player) {
			if b.Scope == keys.Postmortem {
				p.m.place.selected = "INC-202" // which has one
			}
			if b.Scope == keys.OnCall {
				p.world(func(w *pane.World) { onDuty(w, time.Now()) })
			}
			p.press(view, b.Keys[0])
			p.seesNot("does nothing here")
		})
	}
}

// A storm of updates costs ten pictures a second, and idleness one.
func TestPicturesArePaced(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.wait(time.Second)
		p.others = nil
		p.wait(10 * time.Second)
		require.LessOrEqual(t, len(p.others), 11, "the clock alone")
		p.others = nil
		for range 1000 {
			p.box.Update(func(*pane.World) {})
			p.wait(time.Millisecond)
		}
		require.LessOrEqual(t, len(p.others), 14)
	})
}

func TestOnlyWhatIsStaleIsDrawnAgain(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		before := p.m.View()
		p.m.Update(tea.FocusMsg{})
		require.False(t, p.m.picture.stale)
		require.Equal(t, before.Content, p.m.View().Content)
	})
}
