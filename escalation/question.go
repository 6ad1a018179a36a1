package escalation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Question is what a game day asks of people, and what they have said: a message of its
// own, which is kept true until it is decided.
type Question struct {
	Run     string            `json:"run"`  // GD-1
	Key     string            `json:"key"`  // names the run for all time
	Day     string            `json:"day"`  // its name
	Step    string            `json:"step"` // the one that asks
	Ask     string            `json:"ask"`
	Of      []incident.Person `json:"of,omitempty"` // who has to say go; nobody is anybody
	Until   time.Time         `json:"until"`
	Answers []string          `json:"answers,omitempty"`
	Outcome string            `json:"outcome,omitempty"` // empty while it is open
}

// The limits of what is shown of answers.
const (
	mostAnswers   = 20
	longestAnswer = 200
)

// askWait is how long a question waits for the headline that it hangs under.
const askWait = 15 * time.Second

// gamedayFact is what of a game day's events a question is made of. The room that writes
// them knows nothing of this one.
type gamedayFact struct {
	Run  string `json:"run"`
	ID   string `json:"id"`
	Day  string `json:"day"`
	Step *struct {
		ID       string            `json:"id"`
		Asks     bool              `json:"asks"`
		Question string            `json:"question"`
		Of       []incident.Person `json:"of"`
		Until    time.Time         `json:"until"`
		Verdict  string            `json:"verdict"`
		Reason   string            `json:"reason"`
	} `json:"step"`
	Answer *struct {
		Step string `json:"step"`
		Go   bool   `json:"go"`
		Note string `json:"note"`
	} `json:"answer"`
}

// questionOf is what an event asks of people, if it asks anything.
func questionOf(e incident.Event) (q Question, ok bool) {
	var f gamedayFact
	if e.Kind != incident.GamedayStepBegun || e.Payload(&f) != nil || f.Step == nil || !f.Step.Asks || f.Step.Question == "" {
		return q, false
	}
	return Question{Run: f.Run, Key: f.ID, Day: f.Day, Step: f.Step.ID, Ask: f.Step.Question, Of: f.Step.Of, Until: f.Step.Until}, true
}

// heard is the question after an event. Once it is decided nothing changes it.
func (q Question) heard(e incident.Event) Question {
	var f gamedayFact
	if q.Outcome != "" || e.Kind != incident.GamedayAnswered && e.Kind != incident.GamedayStepEnded || e.Payload(&f) != nil || f.ID != q.Key {
		return q
	}
	switch {
	case f.Answer != nil && f.Answer.Step == q.Step:
		word := "no"
		if f.Answer.Go {
			word = "go"
		}
		said := strings.TrimSuffix(fmt.Sprintf("%s %s: %s: %s", e.At.UTC().Format("15:04"), e.Who(), word, f.Answer.Note), ": ")
		q.Answers = append(slices.Clone(q.Answers), shortened(said))
		q.Answers = q.Answers[max(0, len(q.Answers)-mostAnswers):]
	case f.Step != nil && f.Step.ID == q.Step:
		q.Outcome = "GO: it goes on"
		if f.Step.Verdict != "held" {
			q.Outcome = shortened("ENDED: " + f.Step.Reason)
		}
	}
	return q
}

// shortened is a text on one line that takes no more room than an answer.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longestAnswer {
		return string(r[:longestAnswer-1]) + "…"
	}
	return s
}

// text is the question as people read it. It is raw: a sender escapes it.
func (q Question) text() string {
	lines := []string{fmt.Sprintf("[DRILL] %s %s asks: %s", q.Run, q.Day, q.Ask)}
	if q.Outcome == "" {
		who := "anybody"
		if len(q.Of) > 0 {
			who = people(q.Of)
		}
		lines = append(lines, fmt.Sprintf("Go is wanted of %s by %s. A no of anybody, and no answer by then, ends the day.", who, q.Until.UTC().Format("15:04:05 UTC")),
			"From a terminal: sitrep gameday go, or no-go")
	}
	lines = append(lines, q.Answers...)
	if q.Outcome != "" {
		lines = append(lines, q.Outcome)
	}
	return strings.Join(lines, "\n")
}

// questions posts what a game day asks where its people are, and keeps it true: who has
// answered, and what came of it.
func (pl planner) questions(c *Case, d *Decision, r Rules, now time.Time) {
	for _, e := range c.News {
		if q, ok := questionOf(e); ok {
			pl.ask(c, d, r, q, now)
		}
	}
	for _, post := range c.questions() {
		last := post
		for _, m := range c.Messages {
			if m.Stream == post.Stream && m.Operation == OpUpdate && m.State != Superseded {
				last = m
			}
		}
		q := *last.Content().Question
		for _, e := range c.News {
			q = q.heard(e)
		}
		if q.Outcome == "" && c.Incident.Status.Over() {
			q.Outcome = shortened(fmt.Sprintf("ENDED: %s is %s: %s", c.Incident.ID, c.Incident.Status, c.Incident.Resolution))
		}
		pl.answer(c, d, post, last, q, now)
	}
}

// questions are those that were posted, or are to be.
func (c Case) questions() (posts []Message) {
	for _, m := range c.Messages {
		if m.Operation == OpPost && m.State != Superseded && m.Content().Question != nil {
			posts = append(posts, m)
		}
	}
	return posts
}

// ask queues a question: for the channel of the incident, if it has one, else for every
// thread about it, else for whoever is told of it.
func (pl planner) ask(c *Case, d *Decision, r Rules, q Question, now time.Time) {
	room := c.room()
	places := map[string]InChat{} // by sink
	for _, post := range c.chats() {
		if own := post.Sink == "slack:"+room; room == "" || own {
			places[post.Sink] = InChat{Thread: post.Stream, Top: own}
		}
	}
	if len(places) == 0 {
		for _, sink := range c.audience(r, c.Incident.Severity) {
			if sinkKind(sink) == "slack" {
				places[sink] = InChat{}
			}
		}
	}
	for _, sink := range slices.Sorted(maps.Keys(places)) {
		m := Message{Sink: sink, Stream: fmt.Sprintf("ask/%s/%s/%s/%s", sink, c.Incident.Key, q.Key, q.Step), Operation: OpPost}
		if c.has(m.Stream, OpPost) {
			continue
		}
		at := places[sink]
		at.Question = &q
		m.Payload = incident.Payload(Content{InChat: at})
		if at.Thread != "" && c.parent(m) == "" {
			m.NotBefore = now.Add(askWait)
		}
		pl.queue(c, d, m, Content{Text: q.text(), Who: q.Of, InChat: at}, now)
	}
}

// answer brings a question up to date: rewritten if it has not gone out, changed if it has.
// One that is decided is not posted any more.
func (pl planner) answer(c *Case, d *Decision, post, last Message, q Question, now time.Time) {
	untouched := last.State == Pending && last.Attempts == 0
	content := last.Content()
	content.Question, content.Text = &q, q.text()
	if untouched && last.ID == post.ID && !post.NotBefore.IsZero() && c.parent(post) != "" {
		last.NotBefore = time.Time{}
		pl.put(c, d, last, "", now)
	}
	switch {
	case content.Text == last.Content().Text:
	case untouched && last.ID == post.ID && q.Outcome != "":
		last.State, last.Error = Superseded, "it was decided before it could be asked"
		pl.put(c, d, last, incident.PageSuperseded, now)
	case untouched:
		last.Payload = incident.Payload(content)
		pl.put(c, d, last, "", now)
	case post.Open() || post.Ref != "": // one that was refused cannot be changed
		content.Who, content.InChat = nil, InChat{Question: &q}
		pl.queue(c, d, Message{Stream: post.Stream, Sink: post.Sink, Operation: OpUpdate}, content, now)
	}
}
