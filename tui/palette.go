package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/tui/chart"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

// command is what the palette runs with words of its own: "sev 2". What has a
// key is found there by the name that the table of keys gives it.
type command struct {
	name, wants, help string
	run               func(m *model, words string) tea.Cmd
}

func commands() []command {
	return []command{
		{"go", "INC-n", "select an incident", (*model).runGo},
		{"note", "TEXT", "a line on the timeline", (*model).runNote},
		{"did", "TEXT [--mitigates] [--term short-term]", "what was done about it; the thread is told", (*model).runDid},
		{"sev", "1-4 [WHY]", "change the severity", (*model).runSev},
		{"service", "NAME", "what it is about; the ladder follows", (*model).runService},
		{"status", "investigating|identified|monitoring [DETAILS]", "where the response stands", (*model).runStatus},
		{"assign", "ROLE PERSON", "commander, scribe, communications, operations, responder", (*model).runAssign},
		{"escalate to", "Ln WHY", "call a rung by its name", (*model).runEscalate},
		{"snooze for", "30m", "hold the ladder", (*model).runSnooze},
		{"unack", "", "give it back: the ladder goes on", (*model).runUnack},
		{"item", "TEXT", "an action item: what is to be done afterwards", (*model).runItem},
		{"merge", "INC-n", "this incident goes on as that one", (*model).runMerge},
		{"close", "", "file a resolved incident away", (*model).runClose},
		{"drill", "TITLE", "declare practice, kept apart from what is real", (*model).runDrill},
		{"reopen", "", "take the resolution back", (*model).runReopen},
		{"start", "NAME", "an experiment, a load plan or a game day", (*model).runStart},
		{"write", "15m|off", "allow chaos, load and silences in production for so long", (*model).runWrite},
		{"range", "6h", "time range of the board", func(m *model, w string) tea.Cmd { return m.runInBoard(keys.Range, w) }},
		{"compare", "1d [1w] | off", "lines of then behind those of the panel in focus; compare board 1d: of all", (*model).runCompare},
		{"preset", "NAME", "a preset of the board; without a name all panels", func(m *model, w string) tea.Cmd { return m.runInBoard(keys.Preset, "preset "+w) }},
		{"board", "NAME", "another board", func(m *model, w string) tea.Cmd { return m.runBoard(w) }},
		{"promql", "EXPR", "ask any PromQL", func(m *model, w string) tea.Cmd { return m.explore(w) }},
		{"snapshot because", "WHY", "keep what the board shows now with the incident", (*model).runSnapshot},
		{"var", "NAME [VALUE...]", "values of a variable of the board; none: as it was at first", (*model).runVar},
		{"export to", "FILE", "write the post-mortem as Markdown", (*model).runExport},
		{"inbox", "", "PagerDuty's open incidents, below who is on call", func(m *model, _ string) tea.Cmd { return m.show(onCallView) }},
		{"routine", "", "what is due of the routine and the checklist, to be signed", (*model).runRoutine},
		{"messages", "", "everything that was said, whole", (*model).runMessages},
		{"theme", strings.Join(theme.Names(), "|"), "colours", func(m *model, w string) tea.Cmd { m.wear(w); return nil }},
	}
}

// keyItem is the value of an item that does what a key does.
const keyItem = "key:"

// palette runs anything by name.
func (m *model) palette() {
	m.ask(dialog.NewList(safe.Const("Command"), m.everything(), nil, m.answers[":"]), ":", m.run)
}

// everything is what can be run by name here.
func (m *model) everything() []dialog.Item {
	var out []dialog.Item
	for _, inc := range open(m.world) {
		out = append(out, dialog.Item{Value: "go " + string(inc.ID), Name: safe.Sprintf("go %s", inc.ID), Note: safe.Sprintf("%s%s %s", drillWord(inc), inc.Severity, inc.Title)})
	}
	out = append(out, m.boardItems()...)
	for _, b := range m.keys.Palette(m.shown().Scope()) {
		out = append(out, itemOf(b))
	}
	for _, c := range commands() {
		value := c.name
		if c.wants != "" {
			value += " "
		}
		out = append(out, dialog.Item{Value: value, Name: safe.New(c.name, 24), Note: safe.New(strings.TrimSpace(c.wants+"  "+c.help), safe.Line)})
	}
	return out
}

// boardItems are the presets of the board and the boards, where there is a choice.
func (m *model) boardItems() (out []dialog.Item) {
	if snap := m.world.Board; snap != nil && snap.Board != nil {
		for _, p := range snap.Board.Presets {
			out = append(out, dialog.Item{Value: "preset " + p.Name, Name: safe.Sprintf("preset %s", p.Name), Note: safe.New(snap.Board.Title, 40)})
		}
	}
	if len(m.world.Boards) > 1 {
		for _, name := range m.world.Boards {
			out = append(out, dialog.Item{Value: "board " + name, Name: safe.Sprintf("board %s", name)})
		}
	}
	return out
}

func itemOf(b keys.Binding) dialog.Item {
	name, note := b.Name, b.Help
	if name == "" {
		name, note = b.Help, ""
	}
	var label string
	if len(b.Keys) > 0 {
		label = keys.Label(b.Keys[0])
	}
	return dialog.Item{Value: keyItem + string(b.Action), Name: safe.New(name, 40), Note: safe.New(note, safe.Line), Key: safe.New(label, 12)}
}

// help lists the keys that work here; ? shows those of all places. What is
// chosen is run, where it can be run by name.
func (m *model) help() {
	here := m.helpOf(m.shown().Scope())
	var all []dialog.Item
	for _, s := range keys.Scopes() {
		all = append(all, heading(string(s)))
		for _, b := range m.keys.All() {
			if b.Scope == s {
				all = append(all, itemOf(b))
			}
		}
	}
	m.ask(dialog.NewList(safe.Const("Keys"), here, all, nil), "", m.run)
}

func (m *model) helpOf(scope keys.Scope) []dialog.Item {
	var out []dialog.Item
	last := keys.Scope("")
	for _, b := range m.keys.Help(scope) {
		if b.Scope != last {
			if last == scope && scope == keys.Board {
				out = append(out, legend()...)
			}
			last = b.Scope
			out = append(out, heading(placeNames(last)))
			if last == keys.Incident && scope == keys.OnCall {
				out = append(out, heading("here "+m.inboxKeys()+" are about PagerDuty's chosen one"))
			}
			if last == keys.Incident && scope == keys.Alerts {
				out = append(out, heading("here "+m.keyFor(keys.Snooze)+" silences and "+m.keyFor(keys.Declare)+" declares the chosen alerts"))
			}
		}
		out = append(out, itemOf(b))
	}
	if scope == keys.Now { // its charts come after what is done about an incident
		out = append(out, legend()...)
	}
	return out
}

// legend is what the glyphs of charts mean: rows that are read, and run nothing.
func legend() []dialog.Item {
	out := []dialog.Item{heading("marks of charts, on the axis of time")}
	for _, k := range chart.MarkKinds() {
		out = append(out, dialog.Item{Key: safe.New(string(k.Glyph()), 12), Name: safe.New(k.Means(), safe.Line)})
	}
	for _, s := range chart.Signs() {
		out = append(out, dialog.Item{Key: safe.New(s.Glyph, 12), Name: safe.New(s.Means, safe.Line)})
	}
	return out
}

func heading(s string) dialog.Item { return dialog.Item{Name: safe.New(s, 60)} }

// placeNames says where the keys of a scope hold.
func placeNames(s keys.Scope) string {
	switch s {
	case keys.Always:
		return "everywhere, while typing too"
	case keys.Global:
		return "in every view"
	case keys.Incident:
		return "about the incident"
	}
	return "in this view"
}

// run does what was chosen in palette or help.
func (m *model) run(line string) tea.Cmd {
	if action, ok := strings.CutPrefix(line, keyItem); ok {
		return m.act(keys.Action(action), byName)
	}
	line = strings.TrimSpace(line)
	for _, c := range commands() {
		if len(line) < len(c.name) || !strings.EqualFold(line[:len(c.name)], c.name) {
			continue
		}
		words := line[len(c.name):]
		if words == "" || words[0] == ' ' {
			return c.run(m, strings.TrimSpace(words))
		}
	}
	m.complain("%s: no such command; %s lists them", safe.New(line, 60), m.keyFor(keys.Palette))
	return nil
}

func (m *model) runGo(words string) tea.Cmd {
	id, err := incident.ParseID(words)
	if err != nil {
		m.complain("go: %v", err)
		return nil
	}
	return m.goTo(id)
}

func (m *model) runNote(text string) tea.Cmd {
	return m.withIncident("note on", func(id incident.ID) tea.Cmd {
		if text == "" {
			return m.note(id)
		}
		return m.do(pane.Note{ID: id, Text: text})
	})
}

func (m *model) runDid(text string) tea.Cmd {
	a, err := didOf(text)
	if err != nil {
		m.complain("did: %v", err)
		return nil
	}
	return m.withIncident("record an action on", func(id incident.ID) tea.Cmd { return m.request(pane.Did{ID: id, Action: a}) })
}

func (m *model) runSev(words string) tea.Cmd {
	first, why, _ := strings.Cut(words, " ")
	to, err := incident.ParseSeverity(first)
	if err != nil {
		m.complain("sev: %v", err)
		return nil
	}
	return m.withOpen("change the severity of", func(inc incident.Incident) tea.Cmd {
		return m.request(pane.SetSeverity{ID: inc.ID, To: to, Reason: strings.TrimSpace(why)})
	})
}

func (m *model) runService(name string) tea.Cmd {
	return m.withOpen("set the service of", func(inc incident.Incident) tea.Cmd {
		return m.request(pane.SetService{ID: inc.ID, Service: name})
	})
}

func (m *model) runStatus(words string) tea.Cmd {
	first, details, _ := strings.Cut(words, " ")
	to, err := incident.ParseStatus(first)
	if err != nil {
		m.complain("status: %v", err)
		return nil
	}
	return m.withOpen("change the status of", func(inc incident.Incident) tea.Cmd {
		return m.request(pane.SetStatus{ID: inc.ID, To: to, Details: strings.TrimSpace(details)})
	})
}

func (m *model) runAssign(words string) tea.Cmd {
	first, who, _ := strings.Cut(words, " ")
	role, err := incident.ParseRole(first)
	if who = strings.TrimSpace(who); err == nil && who == "" {
		err = fmt.Errorf("who becomes %s? (assign ROLE PERSON)", role)
	}
	if err != nil {
		m.complain("assign: %v", err)
		return nil
	}
	return m.withOpen("assign a role in", func(inc incident.Incident) tea.Cmd {
		return m.request(pane.Assign{ID: inc.ID, Role: role, Person: incident.Person(who)})
	})
}

func (m *model) runEscalate(words string) tea.Cmd {
	level, why, _ := strings.Cut(words, " ")
	return m.withOpen("escalate", func(inc incident.Incident) tea.Cmd {
		return m.request(pane.Escalate{ID: inc.ID, Level: incident.Level(strings.ToUpper(level)), Reason: strings.TrimSpace(why)})
	})
}

func (m *model) runSnooze(words string) tea.Cmd {
	d, err := time.ParseDuration(words)
	if err != nil || d <= 0 {
		m.complain("snooze %s: write a length such as 30m or 2h", safe.New(words, 20))
		return nil
	}
	return m.withOpen("snooze", func(inc incident.Incident) tea.Cmd {
		return m.request(pane.Snooze{ID: inc.ID, Length: d})
	})
}

func (m *model) runUnack(string) tea.Cmd {
	return m.withOpen("give back", func(inc incident.Incident) tea.Cmd { return m.request(pane.Unacknowledge{ID: inc.ID}) })
}

func (m *model) runReopen(string) tea.Cmd {
	return m.withIncident("reopen", func(id incident.ID) tea.Cmd { return m.request(pane.Reopen{ID: id}) })
}

func (m *model) runStart(name string) tea.Cmd {
	for _, p := range m.world.Load.Plans {
		if p.Name == name {
			return m.start(pane.StartLoad{Name: name}, byName)
		}
	}
	for _, d := range m.world.Gamedays.Days {
		if d.Name == name {
			return m.showDay(name)
		}
	}
	return m.start(pane.StartChaos{Name: name}, byName)
}

func (m *model) runExport(path string) tea.Cmd {
	return m.withIncident("export the post-mortem of", func(id incident.ID) tea.Cmd { return m.do(pane.ExportDraft{ID: id, Path: path}) })
}

// runRoutine shows what is due.
func (m *model) runRoutine(string) tea.Cmd {
	cmd := m.show(scorecardView)
	return tea.Batch(cmd, m.apply(m.shown().Press(keys.WhatIsDue, m.screen())))
}

// runMessages shows what was said, newest first.
func (m *model) runMessages(string) tea.Cmd {
	var lines []safe.Text
	for _, p := range slices.Backward(m.untold()) {
		lines = append(lines, safe.Sprintf("%s  %s", m.wall(p.At), safe.New(p.Text, safe.Line)))
	}
	for _, t := range slices.Backward(m.toasts.said) {
		lines = append(lines, safe.Sprintf("%s  %s", m.wall(t.at), t.text))
	}
	if len(lines) == 0 {
		lines = []safe.Text{safe.Const("nothing yet")}
	}
	m.ask(dialog.NewReader(safe.Const("Messages"), lines), "", nothing)
	return nil
}

// runInBoard answers the board's own question at once.
func (m *model) runInBoard(a keys.Action, words string) tea.Cmd {
	cmd := m.show(boardView)
	e := m.shown().Press(a, m.screen())
	if e.Ask != nil && words != "" {
		e = e.Ask.Then(words)
	}
	return tea.Batch(cmd, m.apply(e))
}

// export asks for a file.
func (m *model) export(id incident.ID) tea.Cmd {
	m.ask(dialog.NewPrompt(safe.Sprintf("Export the post-mortem of %s to", id), safe.Const("a Markdown file; an existing one is not overwritten"), string(id)+".md", m.answers["export"]), "export", func(path string) tea.Cmd {
		if path = strings.TrimSpace(path); path == "" {
			return nil
		}
		return m.do(pane.ExportDraft{ID: id, Path: path})
	})
	return nil
}
