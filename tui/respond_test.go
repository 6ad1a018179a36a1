package tui

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

func TestDeclareFromTheWorstAlert(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.desk.answer = func(o pane.Order) (pane.Receipt, error) {
			return pane.Receipt{Text: "INC-205 declared; L1 alice: PagerDuty accepted", Incident: "INC-205", Outward: true}, nil
		}
		p.press("D")
		p.sees("> payments pool exhausted", "about the alert PaymentsPoolExhausted")
		p.press("ctrl+a", "-", "enter")
		p.sees("How bad is it?", "SEV-1  pages alice (L1) through PagerDuty primary and Slack #incidents", "SEV-4  pages nobody")
		p.press("a")
		p.sees("Opens a SEV-1: -payments pool exhausted")
		p.press("y")
		p.wait(6 * time.Second)
		got := p.desk.taken()
		require.Len(t, got, 1)
		d := got[0].(pane.Declare)
		require.Equal(t, incident.Sev1, d.Severity)
		require.Equal(t, "payments", d.Service)
		require.Equal(t, shopAlerts(time.Now()).List[2].Fingerprint, d.Alert)
		p.sees("INC-204 checkout")
		p.world(func(w *pane.World) {
			s := &story{t: t, policy: shopPolicy(t), events: map[incident.ID][]incident.Event{}}
			w.Incidents = append(slices.Clone(w.Incidents), s.declare("INC-205", time.Now(), incident.Sev1, "payments pool exhausted", "payments"))
		})
		p.sees("INC-205 payments pool exhausted")
		p.sees("✓ INC-205 declared; L1 alice: PagerDuty accepted")
		p.wait(10 * time.Second)
		p.seesNot("INC-205 declared")
	})
}

func TestSeverityShowsWhomItWakes(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("]", "s")
		p.sees("Severity of INC-203", "SEV-3  as it is", "SEV-1  pages alice (L1)", "SEV-4  pages nobody", "answer within 1h")
		p.press("b", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.SetSeverity{ID: "INC-203", To: incident.Sev2}}, p.desk.taken())
		p.press("s", "enter")
		require.Nil(t, p.m.asked, "as it is")
		p.press(":")
		p.typed("sev 1 it spreads")
		p.press("enter", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.SetSeverity{ID: "INC-203", To: incident.Sev1, Reason: "it spreads"}}, p.desk.taken())
	})
}

func TestResolveAsksForTheCause(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("X", "enter")
		p.sees("the cause is needed")
		p.press("X")
		p.typed("pool size")
		p.press("enter")
		p.sees("Ends INC-204 for everybody", "Cause: pool size")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Resolve{ID: "INC-204", Resolution: "pool size"}}, p.desk.taken())
		p.press("X", "up")
		p.sees("> pool size")
	})
}

func TestWhatFailedStaysAndSaysWhy(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.desk.answer = func(pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errDown }
		p.press("n")
		p.typed("rolled back")
		p.press("enter")
		p.wait(time.Minute)
		p.sees("! database is locked: another sitrep holds it; try again")
		p.press("n", "up")
		p.sees("> rolled back")
	})
}

func TestAnIncidentThatIsOverOrAbsent(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press(":")
		p.typed("go 202")
		p.press("enter")
		p.sees("INC-202 search slow", "RESOLVED 3h20m ago")
		p.press("E")
		p.sees("INC-202 is resolved already: nothing to escalate")
		p.press("P")
		require.Equal(t, []pane.Order{pane.MakeDraft{ID: "INC-202"}}, p.desk.taken())
		require.Equal(t, postmortemView, p.m.place.at)
		p.press(":")
		p.typed("reopen")
		p.press("enter", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Reopen{ID: "INC-202"}}, p.desk.taken())
	})
	play(t, 120, 40, func(p *player) {
		p.m.place.selected = ""
		p.world(func(w *pane.World) { w.Incidents = nil })
		p.sees("3 alerts fire: payments pool exhausted", "D declares an incident")
		for _, k := range []string{"a", "n", "e", "s", "E", "S", "X", "P", "y"} {
			p.press(k)
			require.Nil(t, p.m.asked, k)
		}
		require.Empty(t, p.desk.taken())
		p.world(func(w *pane.World) { w.Alerts.List, w.Delivery.Holder = nil, "" })
		p.sees("All quiet: no incident is open and no alert fires.", "nobody runs the ladder")
	})
}

// An incident that comes in does not take the selection from under the hands.
func TestTheSelectionIsAnIncidentNotARow(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("]")
		p.sees("INC-203 queue backlog")
		p.press("X")
		p.typed("disk")
		p.world(func(w *pane.World) { w.Incidents = w.Incidents[1:] })
		p.world(func(w *pane.World) { w.Incidents = shopWorld(t, time.Now()).Incidents })
		p.press("enter", "y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Resolve{ID: "INC-203", Resolution: "disk"}}, p.desk.taken())
		p.press("]", "]")
		p.sees("INC-203 queue backlog")
		p.press("[")
		p.sees("INC-204 checkout")
	})
}

func TestWaysBack(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("3", "2", "5")
		require.Equal(t, postmortemView, p.m.place.at)
		p.press("backspace")
		require.Equal(t, boardView, p.m.place.at)
		p.press("`")
		require.Equal(t, postmortemView, p.m.place.at)
		p.press("3")
		require.Equal(t, timelineView, p.m.place.at)
		p.press("q")
		require.Equal(t, nowView, p.m.place.at)
		require.False(t, p.quit)
	})
}

func TestFilterIsLiveAndEscClearsIt(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("3", "/")
		p.typed("pool")
		require.Equal(t, "pool", p.m.screen().Filter)
		p.press("enter")
		p.sees("/pool")
		p.press("1", "3")
		require.Equal(t, "pool", p.m.screen().Filter, "it belongs to its view")
		p.press("esc")
		require.Empty(t, p.m.screen().Filter)
		p.press("/", "x", "esc")
		require.Empty(t, p.m.screen().Filter)
	})
}

func TestHelpRunsAndShowsEverything(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("?")
		p.sees("Keys", "about the incident", "escalate", "page the next rung now")
		p.press("?")
		p.sees("board", "always")
		p.press("?")
		p.typed("board")
		p.press("enter")
		require.Equal(t, boardView, p.m.place.at)
		p.press("?")
		p.typed("escal")
		p.press("enter")
		p.sees("Escalate INC-204: why?")
	})
}

func TestThePaletteKnowsItsCommands(t *testing.T) {
	for line, want := range map[string]pane.Order{
		"note pool is full":         pane.Note{ID: "INC-204", Text: "pool is full"},
		"did rolled back":           pane.Did{ID: "INC-204", Action: incident.Action{Term: incident.Immediate, Text: "rolled back"}},
		"service  search  edge":     pane.SetService{ID: "INC-204", Service: "search  edge"},
		"status identified pool":    pane.SetStatus{ID: "INC-204", To: incident.StatusIdentified, Details: "pool"},
		"assign ic bob":             pane.Assign{ID: "INC-204", Role: incident.Commander, Person: "bob"},
		"escalate to l3 it spreads": pane.Escalate{ID: "INC-204", Level: "L3", Reason: "it spreads"},
		"snooze for 45m":            pane.Snooze{ID: "INC-204", Length: 45 * time.Minute},
		"start smoke":               pane.StartLoad{Name: "smoke"},
		"start payments-kill":       pane.StartChaos{Name: "payments-kill"},
		"export to /tmp/x.md":       pane.ExportDraft{ID: "INC-204", Path: "/tmp/x.md"},
		"abort all":                 pane.AbortAll{},
		"refresh all":               pane.RefreshNow{},
		"draft post-mortem":         pane.MakeDraft{ID: "INC-204"},
		"sev 2":                     pane.SetSeverity{ID: "INC-204", To: incident.Sev2},
	} {
		play(t, 120, 40, func(p *player) {
			p.press(":")
			p.typed(line)
			p.press("enter")
			if outward(want) {
				require.Empty(t, p.desk.taken(), line)
				p.press("y")
				p.wait(6 * time.Second)
			}
			require.Equal(t, []pane.Order{want}, p.desk.taken(), line)
		})
	}
	play(t, 120, 40, func(p *player) {
		p.press(":")
		p.typed("note one")
		p.press("enter", ":", "up")
		p.sees("> note one")
		p.press("esc")
		for line, says := range map[string]string{
			"go INC-999": "no such incident here", "sev 9": "sev:", "assign ic": "who becomes commander?", "snooze for ever": "write a length such as 30m",
			"escalate to L9 why": `no level "L9"`, "start nothing": "no such experiment", "theme mauve": "no such theme",
		} {
			p.press(":")
			p.typed(line)
			p.press("enter")
			p.sees(says)
			p.press("esc")
		}
	})
}

// Whoever comes when another one has it joins: the call to them is answered.
func TestWhoeverComesLaterJoins(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("]", "a")
		p.sees("Acknowledge INC-203", "Tells everybody that mallory joins alice at INC-203")
		p.press("y")
		p.wait(6 * time.Second)
		require.Equal(t, []pane.Order{pane.Acknowledge{ID: "INC-203"}}, p.desk.taken())
	}, as("mallory"))
}

func TestZoneThemeMouse(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.sees("00:00:00Z")
		p.press("z")
		p.sees("02:00:00 CEST")
		p.press("z", "T")
		require.Equal(t, "dark", p.m.theme.Options().Name)
		p.press("M")
		require.Equal(t, tea.MouseModeCellMotion, p.m.picture.view.MouseMode)
		x, y := placeOf(p.screen(), "4 actions")
		p.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		require.Equal(t, actionsView, p.m.place.at)
		x, y = placeOf(p.screen(), "a ack  n note")
		p.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		require.Empty(t, p.desk.taken(), "a click asks")
		p.sees("Acknowledge INC-204")
	})
}

func placeOf(screen, text string) (x, y int) {
	for y, row := range strings.Split(screen, "\n") {
		if before, _, ok := strings.Cut(row, text); ok {
			return safe.New(before, safe.Line).Width(), y
		}
	}
	return -1, -1
}

func TestCopyIsCleanAndBounded(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.press("y")
		p.sees("the incident in a line", "https://runbooks.example.com/CheckoutErrorRatio")
		p.press("b")
		p.sees("lines sent to the terminal's clipboard")
		p.run(p.m.copy("rm -rf /\x1b[2J\n\n"))
		p.sees("rm -rf /␛[2J")
		p.m.copy(strings.Repeat("x\n", 60000) + "y")
		p.sees("sent to the terminal's clipboard")
		require.Nil(t, p.m.copy(strings.Repeat(strings.Repeat("x", 1000)+"\n", 200)))
		p.sees("not copied")
		p.press("esc", "o")
		p.sees("Link", "https://runbooks.example.com/CheckoutErrorRatio")
	}, func(o *Options) { o.Env = []string{"SSH_TTY=/dev/pts/1"} })
}

// The editor's part is tested with a real terminal; here, what becomes of what
// was written.
func TestWhatWasWrittenIsNotLost(t *testing.T) {
	play(t, 120, 40, func(p *player) {
		p.desk.answer = func(o pane.Order) (pane.Receipt, error) { return pane.Receipt{}, errDown }
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		e := &editor{name: "INC-204-note.md", text: "", edited: "the pool\nis full"}
		p.send(editedMsg{e, nil, func(text string) pane.Order { return pane.Note{ID: "INC-204", Text: text} }, nil})
		p.sees("database is locked", "your text is in ")
		p.press("esc", ":")
		p.typed("messages")
		p.press("enter")
		p.sees("Messages", dir)
		kept, err := filepath.Glob(filepath.Join(dir, "*", "INC-204-note.md"))
		require.NoError(t, err)
		require.Len(t, kept, 1)
		b, err := os.ReadFile(kept[0])
		require.NoError(t, err)
		require.Equal(t, "the pool\nis full", string(b))
	})
}

// Without an alert nobody knows the service: it is asked for, and may be none.
func TestDeclareAsksForTheService(t *testing.T) {
	for service, keys := range map[string][]string{"search": {"s", "e", "a", "r", "c", "h", "enter"}, "": {"enter"}} {
		play(t, 120, 40, func(p *player) {
			p.world(func(w *pane.World) { w.Alerts.List = nil })
			p.press("D")
			p.typed("search is slow")
			p.press("enter")
			p.sees("Which service?")
			p.press(keys...)
			p.sees("How bad is it?")
			p.press("b", "y")
			p.wait(6 * time.Second)
			require.Equal(t, []pane.Order{pane.Declare{Title: "search is slow", Severity: incident.Sev2, Service: service}}, p.desk.taken())
		})
	}
}

// What ended is on the screen and something new fires: a small screen says so too.
func TestAnAlertIsSeenBesideWhatIsOver(t *testing.T) {
	play(t, 80, 24, func(p *player) {
		p.world(func(w *pane.World) { w.Incidents = w.Incidents[2:] })
		p.m.place.selected = "INC-202"
		p.press("1")
		p.sees("INC-202", "FIRES: ", "D declares")
	})
}
