package tui

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/dialog"
	"github.com/sitrep-dev/sitrep/tui/pane"
	"github.com/sitrep-dev/sitrep/tui/safe"
)

// mostCopied is how much terminals take in one go, encoded.
const mostCopied = 74994

// copy sends text to the terminal's clipboard, which works over SSH. Pasted
// into a shell it runs nothing: it is cleaned, and no line feed ends it.
func (m *model) copy(text string) tea.Cmd {
	lines := safe.Lines(text, 16*safe.Line)
	clean := make([]string, len(lines))
	for i, l := range lines {
		clean[i] = l.String()
	}
	out := strings.TrimRight(strings.Join(clean, "\n"), "\n ")
	if n := base64.StdEncoding.EncodedLen(len(out)); n > mostCopied {
		m.complain("%d kB are more than a terminal's clipboard takes: not copied", n/1000)
		return nil
	}
	if out == "" {
		m.inform("nothing to copy")
		return nil
	}
	if n := strings.Count(out, "\n"); n > 0 {
		m.inform("%d lines sent to the terminal's clipboard (OSC 52)", n+1)
	} else {
		m.inform("sent to the terminal's clipboard (OSC 52): %s", safe.New(out, 60))
	}
	return tea.SetClipboard(out)
}

// yankMenu offers what can be copied of the incident.
func (m *model) yankMenu() {
	inc, ok := m.incident()
	if !ok {
		m.inform("nothing to copy here")
		return
	}
	texts := map[string]string{
		"line":     fmt.Sprintf("%s%s %s %s", drillWord(inc), inc.Severity, inc.ID, inc.Title),
		"status":   m.status(inc),
		"timeline": m.timeline(inc),
	}
	rows := []dialog.Choice{
		{Value: "line", Text: safe.Const("the incident in a line")},
		{Value: "status", Text: safe.Const("where it stands, for a chat")},
		{Value: "timeline", Text: safe.Const("the timeline as Markdown")},
	}
	for _, link := range m.links() {
		texts[link] = link
		rows = append(rows, dialog.Choice{Value: link, Text: safe.New(link, 100)})
	}
	m.ask(dialog.NewPicker(safe.Const("Copy"), safe.Text{}, m.keys, rows, ""), "", func(what string) tea.Cmd { return m.copy(texts[what]) })
}

// status is where an incident stands, for people who do not see the screen.
func (m *model) status(inc incident.Incident) string {
	first := fmt.Sprintf("%s%s %s %s: %s, %s", drillWord(inc), inc.Severity, inc.ID, inc.Title, inc.Status, tPlus(inc.Age(m.now)))
	lines := []string{first}
	switch {
	case inc.Acknowledged():
		lines = append(lines, fmt.Sprintf("- %s has it since %s", inc.Clocks.AckBy, m.wall(inc.Clocks.Acknowledged)))
	case !inc.Status.Over():
		lines = append(lines, "- nobody has acknowledged")
	}
	if next, ok := m.nextCall(inc); ok && !inc.Status.Over() {
		lines = append(lines, fmt.Sprintf("- next: %s %s in %s", next.level, people(next.who), pane.Until(next.due.Sub(m.now))))
	}
	for _, s := range m.world.Signals {
		if s.State == query.NoData {
			continue
		}
		line := fmt.Sprintf("- %s %s", s.Name, pane.Figure(s.Unit, s.Value))
		if s.Threshold != nil {
			line += fmt.Sprintf(" (threshold %s)", pane.Figure(s.Unit, *s.Threshold))
		}
		lines = append(lines, line)
	}
	if inc.Resolution != "" {
		lines = append(lines, "- "+inc.Resolution)
	}
	return strings.Join(lines, "\n")
}

// timeline is what happened, oldest first.
func (m *model) timeline(inc incident.Incident) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s%s %s\n", drillWord(inc), inc.ID, inc.Title)
	events := slices.Clone(m.world.Told(inc))
	slices.SortStableFunc(events, func(a, b incident.Event) int { return a.At.Compare(b.At) })
	for _, e := range events {
		mark := e.Mark(inc.ID)
		if mark != "" {
			mark = " (" + mark + ")"
		}
		fmt.Fprintf(&b, "- %s **%s** %s: %s%s\n", m.wall(e.At), e.Kind, e.Who(), e.Text, mark)
	}
	return b.String()
}

// links are the addresses that the incident and the alerts about it carry.
func (m *model) links() []string {
	inc, ok := m.incident()
	if !ok {
		return nil
	}
	var all []string
	add := func(labels map[string]string) {
		for _, v := range labels {
			if u, err := url.Parse(v); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
				all = append(all, u.String())
			}
		}
	}
	add(map[string]string{"": runbook.URL(inc)})
	add(inc.Labels)
	related, _, _ := m.related(inc)
	for _, a := range related {
		add(a.Annotations)
	}
	return distinct(all)
}

func (m *model) yankLink() tea.Cmd {
	links := m.links()
	if len(links) == 0 {
		m.inform("neither the incident nor its alerts carry a link")
		return nil
	}
	return m.copy(links[0])
}

// openLink opens a link; with several it asks which.
func (m *model) openLink() tea.Cmd {
	links := m.links()
	switch len(links) {
	case 0:
		m.inform("neither the incident nor its alerts carry a link")
		return nil
	case 1:
		return m.visit(links[0])
	}
	var rows []dialog.Choice
	for _, l := range links {
		rows = append(rows, dialog.Choice{Value: l, Text: safe.New(l, 100)})
	}
	m.ask(dialog.NewPicker(safe.Const("Open"), safe.Text{}, m.keys, rows, ""), "", m.visit)
	return nil
}

// openOne opens an address that was filled from a chart; of several it asks which.
func (m *model) openOne(links []pane.FilledLink) tea.Cmd {
	switch len(links) {
	case 0:
		return nil // why there is none has been said
	case 1:
		return m.visit(links[0].URL)
	}
	rows := make([]dialog.Choice, len(links))
	for i, l := range links {
		rows[i] = dialog.Choice{Value: l.URL, Text: safe.New(l.Title, 60), Note: safe.New(l.URL, 400)}
	}
	m.ask(dialog.NewPicker(safe.Const("Open"), safe.Text{}, m.keys, rows, ""), "", m.visit)
	return nil
}

// visit starts a browser where there is one. Over SSH there is none: the
// address is shown in full and copied.
func (m *model) visit(link string) tea.Cmd {
	opener := m.browser()
	if opener == "" {
		m.ask(dialog.NewReader(safe.Const("Link"), safe.Wrap(link, 100)).Leads(link), "", nothing)
		return m.copy(link)
	}
	ctx, env := m.ctx, m.o.Env
	return func() tea.Msg {
		cmd := exec.CommandContext(ctx, opener, link)
		cmd.Env = env
		if err := cmd.Run(); err != nil {
			return toastMsg{text: safe.Sprintf("%s: %v; the link is %s", opener, err, link), bad: true, sticky: true}
		}
		return toastMsg{text: safe.Sprintf("opened %s", link)}
	}
}

// browser is the program that opens an address on this machine, if the person
// sits at it.
func (m *model) browser() string {
	switch {
	case m.o.getenv("SSH_TTY") != "" || m.o.getenv("SSH_CONNECTION") != "":
		return ""
	case runtime.GOOS == "darwin":
		return "open"
	case m.o.getenv("DISPLAY") == "" && m.o.getenv("WAYLAND_DISPLAY") == "":
		return ""
	}
	return "xdg-open"
}
