package postmortem

import (
	"fmt"
	"regexp"
	"strings"
)

// Finding is a line that a reader may want to word in another way. Lint warns;
// it never stands in anybody's way.
type Finding struct {
	Line int    `json:"line"` // from 1
	Rule string `json:"rule"`
	Text string `json:"text"` // the words found
	Hint string `json:"hint"`
}

// wording is a rule about words. The patterns are those of the guides of Etsy,
// PagerDuty and Google on blameless writing.
type wording struct {
	rule, hint string
	pattern    *regexp.Regexp
}

// maxItems is how many action items a post-mortem can hope to see done.
const maxItems = 5

var (
	codeSpan = regexp.MustCompile("`+[^`]*`+")
	rowLine  = regexp.MustCompile(`^\s*[-*] (?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)?Z?\b(.*)$`)
	evidence = regexp.MustCompile(`\d|\]\(|https?://|\(.+\)|` + "`")
	itemLine = regexp.MustCompile(`^\s*[-*] \[[ xX]\] +(.*)$`)
	dueDate  = regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`)
	question = regexp.MustCompile(`(?:^|[\s:.])_([^_]+\?)_`)
	weakVerb = regexp.MustCompile(`(?i)^(?:AI-\d+: *)?(investigate|look into|improve|consider|be more careful|make sure|train|remind)\b`)
	wordings = []wording{
		{"human-error", "what made the action seem right at the time?", regexp.MustCompile(`(?i)\b(human error|operator error|user error|mistake by|careless(?:ness)?|negligen\w*|incompeten\w*)`)},
		{"counterfactual", "say what happened, and what was known then", regexp.MustCompile(`(?i)\b(should(?:n't| not)? have|could(?:n't| not)? have|would(?:n't| not)? have|ought to|failed to|forgot to|neglected|did(?:n't| not) bother)\b`)},
		{"single-cause", "write of contributing factors: there is more than one", regexp.MustCompile(`(?i)\b(the root cause (?:was|is)|sole cause|single cause)\b`)},
		{"hindsight", "drop the word: it was not obvious then", regexp.MustCompile(`(?i)\b(obvious(?:ly)?|clearly|simply|just|of course|easily)\b`)},
		{"absolute", "give the evidence, or how often", regexp.MustCompile(`(?i)\b(always|never|everyone knows|everybody knows)\b`)},
		{"vague-impact", "give numbers; \"incident\" or \"degradation\" unless all was down", regexp.MustCompile(`(?i)\b(some users|a few users|briefly|a while|outage)\b`)},
	}
)

// Lint reads Markdown for words that blame or say little, questions of the
// draft that nobody has answered, and action items that nobody can finish. Names are the responders': they may be the subject of
// a sentence only under Timeline, where the response is told. Code, quotations
// of the timeline and comments are not read for their words.
func Lint(markdown string, names []string) []Finding {
	l := linter{why: whyYou(names), subject: nameAsSubject(names)}
	for n, line := range strings.Split(strings.ReplaceAll(markdown, "\r\n", "\n"), "\n") {
		l.line(n+1, line)
	}
	return l.found
}

type linter struct {
	why, subject *regexp.Regexp // nil = no names given
	chapter      string
	fence        string
	items        int
	found        []Finding
}

func (l *linter) add(line int, rule, text, hint string) {
	l.found = append(l.found, Finding{line, rule, text, hint})
}

func (l *linter) line(n int, line string) {
	if strings.HasPrefix(line, mineMark) {
		l.add(n, "conflict", line, "two people changed the same words: keep what is right, and take out the lines that fence them")
	}
	was := l.fence
	l.fence = fenceAfter(l.fence, strings.TrimRight(line, " \t"))
	if was != "" || l.fence != "" || strings.HasPrefix(strings.TrimSpace(line), "<!--") {
		return
	}
	if m := headingLine.FindStringSubmatch(line); m != nil {
		if len(m[1]) == 2 {
			l.chapter = strings.ToLower(m[2])
		}
		return // the title is the incident's, the headings are the template's
	}
	text := codeSpan.ReplaceAllString(line, "")
	if m := rowLine.FindStringSubmatch(line); m != nil {
		if line[0] != ' ' && !evidence.MatchString(m[1]) {
			l.add(n, "no-evidence", strings.TrimSpace(line), "attach a number, a link or the source")
		}
		return
	}
	l.words(n, text)
	for _, m := range question.FindAllStringSubmatch(text, -1) {
		l.add(n, "unanswered", m[1], "answer it in a sentence, or delete it")
	}
	if l.chapter == "action items" {
		if m := itemLine.FindStringSubmatch(line); m != nil {
			l.item(n, m[1])
		}
	}
}

func (l *linter) words(n int, text string) {
	for _, w := range wordings {
		if m := w.pattern.FindString(text); m != "" {
			l.add(n, w.rule, m, w.hint)
		}
	}
	if m := l.why.FindString(text); m != "" {
		l.add(n, "why-you", m, "ask how or what instead")
	}
	if l.subject != nil && l.chapter != "timeline" {
		if m := l.subject.FindString(text); m != "" {
			l.add(n, "name-as-subject", m, "\"the deploy job\", \"a responder\"")
		}
	}
}

// item reads "text - owner - due date".
func (l *linter) item(n int, text string) {
	if l.items++; l.items == maxItems+1 {
		l.add(n, "too-many-items", fmt.Sprintf("item %d", l.items), fmt.Sprintf("keep the %d that matter; fewer are done sooner", maxItems))
	}
	parts := strings.Split(text, " - ")
	if m := weakVerb.FindStringSubmatch(parts[0]); m != nil {
		l.add(n, "vague-item", m[1], "start with a verb that can be finished: add, remove, alert on, limit")
	}
	if len(parts) < 3 || strings.Contains(parts[len(parts)-2], "_") || strings.TrimSpace(parts[len(parts)-2]) == "" {
		l.add(n, "no-owner", text, "name one person: text - owner - due date")
	}
	if !dueDate.MatchString(parts[len(parts)-1]) {
		l.add(n, "no-due-date", text, "set a day: text - owner - YYYY-MM-DD")
	}
}

// whyYou finds questions that ask a person for a justification.
func whyYou(names []string) *regexp.Regexp {
	who := append([]string{"you", "he", "she", "they"}, quoted(names)...)
	return regexp.MustCompile(`(?i)\bwhy did(?:n't| not)? (?:` + strings.Join(who, "|") + `)(?:[^\pL\pN]|$)`)
}

// nameAsSubject finds a responder who did the thing that went wrong; nil
// without names.
func nameAsSubject(names []string) *regexp.Regexp {
	who := quoted(names)
	if len(who) == 0 {
		return nil
	}
	return regexp.MustCompile(`(?i)(?:^|[^\pL\pN])(?:` + strings.Join(who, "|") + `) (?:broke|deployed|deleted|missed|ran|changed|caused|dropped|pushed)\b`)
}

func quoted(names []string) (out []string) {
	for _, n := range names {
		if n = strings.TrimSpace(n); n != "" {
			out = append(out, regexp.QuoteMeta(n))
		}
	}
	return out
}
