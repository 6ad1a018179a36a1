package gameday

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sitrep-dev/sitrep/chaos"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Account is a run for people who were not there, and for later: how it went, and what
// became of what was found.
type Account struct {
	Result
	Items []Item `json:"items"` // of the drill
}

// Item is something to be done after the day.
type Item struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Owner string `json:"owner,omitempty"`
	Done  bool   `json:"done"`
}

//go:embed report.html
var reportHTML string

// WriteHTML writes one page that needs nothing else, and has no script. Whatever came from
// outside is escaped.
func (a Account) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Parse(reportHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, a.page())
}

// WriteMarkdown writes the same as Markdown, in which nothing from outside is a mark.
func (a Account) WriteMarkdown(w io.Writer) error {
	p := a.page()
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", mark(p.Title), mark(p.Word))
	for _, f := range p.Facts {
		fmt.Fprintf(&b, "- **%s**: %s\n", f.Name, mark(f.Text))
	}
	for _, s := range p.Sections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		if len(s.Rows) == 0 {
			fmt.Fprintf(&b, "%s\n", s.None)
			continue
		}
		fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(s.Head, " | "), strings.Repeat(" --- |", len(s.Head)))
		for _, row := range s.Rows {
			for _, c := range row {
				text := mark(c.Text)
				if c.Code {
					text = "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(c.Text) + "`"
				}
				fmt.Fprintf(&b, "| %s ", text)
			}
			b.WriteString("|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mark is text in which Markdown sees no marks.
func mark(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		default:
			if strings.ContainsRune("\\`*_[]|#~!", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// page is what is told, as both forms of it are made of.
type page struct {
	Title, Word, Class string
	Facts              []fact
	Sections           []section
}

type fact struct{ Name, Text string }

type section struct {
	Title string
	Head  []string
	Rows  [][]cell
	None  string // what is said without rows
}

type cell struct {
	Text, Class string
	Code        bool
}

// cells are plain ones.
func cells(texts ...string) (row []cell) {
	for _, t := range texts {
		row = append(row, cell{Text: shown(t)})
	}
	return row
}

// shown is text on one line, without what a reader does not see and a screen obeys.
func shown(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.Join(strings.Fields(s), " ")
}

const momentLayout = "2006-01-02 15:04:05 UTC"

func (a Account) page() page {
	p := page{Title: shown(a.Run + " " + a.Day), Word: "goes on", Class: string(a.Verdict)}
	if a.EndedAt != nil {
		p.Word = strings.ReplaceAll(string(a.Verdict), "_", " ")
	}
	add := func(name, text string) {
		if text = shown(text); text != "" {
			p.Facts = append(p.Facts, fact{name, text})
		}
	}
	add("Verdict", strings.TrimSuffix(p.Word+": "+a.Reason, ": "))
	add("Expected", a.Hypothesis)
	add("Drill", a.Drill)
	add("Began", a.StartedAt.UTC().Format(momentLayout))
	if a.EndedAt != nil {
		add("Ended", fmt.Sprintf("%s, after %s", a.EndedAt.UTC().Format(momentLayout), brief(a.EndedAt.Sub(a.StartedAt))))
	}
	var people []string
	for _, role := range slices.Sorted(maps.Keys(a.Roles)) {
		people = append(people, role+" "+a.Roles[role])
	}
	add("People", strings.Join(people, ", "))
	p.Sections = []section{a.schedule(), a.answers(), a.loads(), a.experiments(), a.found(), a.names()}
	return p
}

// schedule holds what was asked for against what happened, part by part.
func (a Account) schedule() section {
	s := section{Title: "Schedule", Head: []string{"Step", "Part", "Asked from", "Asked for", "Began", "Lasted", "Verdict"}, None: "Nothing was planned."}
	slots := a.Schedule
	if len(slots) == 0 { // of an older version: what was asked for is not known
		for _, step := range a.Steps {
			slots = append(slots, Slot{Step: step.ID, What: step.What})
		}
	}
	passed := map[string]int{} // experiments of a step
	for _, slot := range slots {
		i := a.step(slot.Step)
		if i < 0 {
			continue
		}
		step, from, length := a.Steps[i], "not recorded", "not recorded"
		part := step.whole()
		if len(a.Schedule) > 0 {
			from, length = "+"+brief(time.Duration(slot.From)), slot.length()
			part = step.part(slot.What, passed)
		}
		row := cells(step.ID, slot.What, from, length, a.since(part.StartedAt), lasted(part.StartedAt, part.EndedAt))
		s.Rows = append(s.Rows, append(row, verdictCell(part.Verdict, step.StartedAt != nil && step.EndedAt == nil)))
	}
	return s
}

// whole is what became of the step itself.
func (s StepResult) whole() Part {
	return Part{Verdict: s.Verdict, StartedAt: s.StartedAt, EndedAt: s.EndedAt}
}

// part is what became of the next part of the schedule: of the step's load, or its next
// experiment; of the step itself if it waits or asks. Passed counts the experiments.
func (s StepResult) part(what string, passed map[string]int) Part {
	switch kind, _, _ := strings.Cut(what, " "); {
	case kind == "load" && s.Load != nil:
		return s.Load.Part
	case kind == "chaos" && passed[s.ID] < len(s.Chaos):
		passed[s.ID]++
		return s.Chaos[passed[s.ID]-1].Part
	case kind == "load", kind == "chaos":
		return Part{}
	}
	return s.whole()
}

// length is how long a part was asked to take: as planned, and at the most.
func (s Slot) length() string {
	planned, most := brief(time.Duration(s.Length)), brief(time.Duration(s.Most))
	switch {
	case s.Length == s.Most:
		return planned
	case s.Length == 0:
		return "up to " + most
	}
	return planned + ", up to " + most
}

// since is a time since the day began.
func (a Account) since(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return "+" + brief(at.Sub(a.StartedAt))
}

func lasted(from, to *time.Time) string {
	if from == nil || to == nil {
		return "-"
	}
	return brief(to.Sub(*from))
}

// brief is a length in whole seconds; a shorter one in milliseconds.
func brief(d time.Duration) string {
	if d >= time.Second {
		return strictyaml.FormatDuration(d.Round(time.Second))
	}
	return strictyaml.FormatDuration(max(d, 0).Round(time.Millisecond))
}

func verdictCell(v chaos.Verdict, begun bool) cell {
	switch {
	case v != "":
		return cell{Text: strings.ReplaceAll(string(v), "_", " "), Class: string(v)}
	case begun:
		return cell{Text: "goes on"}
	}
	return cell{Text: "not begun"}
}

func (a Account) answers() section {
	s := section{Title: "Answers", Head: []string{"Step", "Question", "Who", "Said", "When", "Note"}, None: "Nobody was asked anything."}
	for _, step := range a.Steps {
		if !step.Asks {
			continue
		}
		question := step.Question
		if question == "" {
			question = step.What
		}
		for _, answer := range step.Answers {
			said := cell{Text: "no", Class: string(chaos.Aborted)}
			if answer.Go {
				said = cell{Text: "go", Class: string(chaos.Held)}
			}
			row := append(cells(step.ID, question, answer.By), said)
			s.Rows = append(s.Rows, append(row, cells(answer.At.UTC().Format(momentLayout), answer.Note)...))
		}
		if silent := without(step); silent != "" && step.StartedAt != nil {
			s.Rows = append(s.Rows, cells(step.ID, question, silent, "nothing", "-", step.Reason))
		}
	}
	return s
}

// without is who was asked and said nothing.
func without(s StepResult) string {
	var silent []string
	for _, who := range s.Of {
		if !slices.ContainsFunc(s.Answers, func(a Answer) bool { return a.By == who }) {
			silent = append(silent, who)
		}
	}
	if len(s.Of) == 0 && len(s.Answers) == 0 {
		silent = []string{"anybody"}
	}
	return strings.Join(silent, ", ")
}

func (a Account) loads() section {
	s := section{Title: "Load", Head: []string{"Run", "Plan", "Step", "Verdict", "Sent", "Requests", "p50", "p95", "p99", "Errors", "Why"}, None: "No load was sent."}
	for _, step := range a.Steps {
		if l := step.Load; l != nil {
			row := append(cells(l.Run, l.Plan, step.ID), verdictCell(l.Verdict, true))
			s.Rows = append(s.Rows, append(row, cells(
				fmt.Sprintf("%.0f/s of %.0f/s", l.AchievedRate, l.RequestedRate), fmt.Sprint(l.Requests), millis(l.Latency.P50), millis(l.Latency.P95), millis(l.Latency.P99),
				fmt.Sprintf("%d (%.2f %%)", l.Errors, 100*l.ErrorRatio), l.Reason,
			)...))
		}
	}
	return s
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", 1000*d.Seconds()) }

func (a Account) experiments() section {
	s := section{Title: "Experiments", Head: []string{"Run", "Experiment", "Step", "Verdict", "Score", "Recovered after", "Why"}, None: "Nothing was hurt."}
	for _, step := range a.Steps {
		for _, c := range step.Chaos {
			score, recovered := "-", "-"
			if c.Score != nil {
				score = fmt.Sprintf("%.0f %%", 100**c.Score)
			}
			if c.RecoverySeconds != nil {
				recovered = brief(time.Duration(*c.RecoverySeconds * float64(time.Second)))
			}
			row := append(cells(c.Run, c.Experiment, step.ID), verdictCell(c.Verdict, true))
			s.Rows = append(s.Rows, append(row, cells(score, recovered, c.Reason)...))
		}
	}
	return s
}

// found is what did not hold, with the action item that it has become.
func (a Account) found() section {
	s := section{Title: "Findings", Head: []string{"Found", "Action item", "Owner", "Stands"}, None: "Nothing was found that did not hold."}
	taken := map[string]bool{}
	for _, found := range a.Findings {
		row := cells(found, "-", "-", "-")
		for _, it := range a.Items {
			if it.Text == found && !taken[it.ID] {
				taken[it.ID] = true
				row = it.row(found)
				break
			}
		}
		s.Rows = append(s.Rows, row)
	}
	for _, it := range a.Items { // people add some, too
		if !taken[it.ID] {
			s.Rows = append(s.Rows, it.row(it.Text))
		}
	}
	return s
}

func (it Item) row(text string) []cell {
	stands := "open"
	if it.Done {
		stands = "done"
	}
	owner := it.Owner
	if owner == "" {
		owner = "nobody"
	}
	return cells(text, it.ID, owner, stands)
}

// names are the runs and the drill, and how each is looked at.
func (a Account) names() section {
	s := section{Title: "More", Head: []string{"Name", "What", "Shown by"}}
	add := func(name, what, command string) {
		if name != "" {
			s.Rows = append(s.Rows, append(cells(name, what), cell{Text: shown(command), Code: true}))
		}
	}
	add(a.Run, "this day", "sitrep gameday show "+a.Run)
	add(a.Drill, "its drill", "sitrep incident show "+a.Drill)
	add(a.Drill, "the drill's post-mortem", "sitrep postmortem show "+a.Drill)
	for _, step := range a.Steps {
		if l := step.Load; l != nil {
			add(l.Run, "load "+l.Plan, "sitrep load show "+l.Run)
		}
		for _, c := range step.Chaos {
			add(c.Run, "chaos "+c.Experiment, "sitrep chaos history "+c.Experiment)
		}
	}
	return s
}
