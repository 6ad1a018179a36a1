package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Stage is how far a post-mortem has come among people.
type Stage string

// The stages, in their order.
const (
	StageDraft     Stage = "" // nobody was asked to look at it yet
	StageInReview  Stage = "in review"
	StageReviewed  Stage = "reviewed"
	StagePublished Stage = "published"
)

// Stages are all of them, in their order.
func Stages() []Stage { return []Stage{StageDraft, StageInReview, StageReviewed, StagePublished} }

func (s Stage) String() string {
	if s == StageDraft {
		return "draft"
	}
	return string(s)
}

// ParseStage reads in-review, "in review" or in_review, and the others likewise.
func ParseStage(text string) (Stage, error) {
	word := strings.NewReplacer("-", " ", "_", " ").Replace(strings.ToLower(strings.TrimSpace(text)))
	for _, s := range Stages() {
		if word == s.String() || word == "review" && s == StageInReview {
			return s, nil
		}
	}
	return "", fmt.Errorf("%q is no stage of a post-mortem: draft, in-review, reviewed or published", text)
}

// Review is what the timeline says of the post-mortem of an incident beside its
// text: the stage, who brings it to its end, and what people said about it.
type Review struct {
	Stage    Stage     `json:"stage,omitempty"`
	Version  int       `json:"version,omitempty"` // that the stage was reached with
	By       Person    `json:"by,omitempty"`      // who brought it there
	At       time.Time `json:"at,omitzero"`
	Changed  bool      `json:"changed,omitempty"` // the text is another one since it was published
	Latest   int       `json:"latest,omitempty"`  // version of the text that there is
	Owner    Person    `json:"owner,omitempty"`   // as assigned; empty is nobody in particular
	Due      time.Time `json:"due,omitzero"`      // as assigned; zero is by the severity
	Comments []Comment `json:"comments,omitempty"`
}

// Comment is what somebody said about a post-mortem.
type Comment struct {
	Comment string    `json:"comment"` // C-1, unique within the incident
	Section string    `json:"section,omitempty"`
	Text    string    `json:"text"`
	By      Person    `json:"by"`
	Claimed bool      `json:"claimed,omitempty"` // see Event
	Via     string    `json:"via,omitempty"`     // see Event
	At      time.Time `json:"at"`
	Closed  time.Time `json:"closed,omitzero"`
	Closer  Person    `json:"closed_by,omitempty"`
	Answer  string    `json:"answer,omitempty"`
}

// Who said it, for people, with the user behind a name that is only claimed.
func (c Comment) Who() string { return Event{Actor: c.By, Claimed: c.Claimed, Via: c.Via}.Who() }

// The payloads of its events.
type (
	// StageChange says from where to where, and with which version of the text.
	StageChange struct {
		From    Stage  `json:"from"`
		To      Stage  `json:"to"`
		Version int    `json:"version"`
		Reason  string `json:"reason,omitempty"`
	}

	// ReviewAssignment says who, and until when; nil stays as it is.
	ReviewAssignment struct {
		Owner *Person    `json:"owner,omitempty"`
		Due   *time.Time `json:"due,omitempty"`
	}

	// Remark is a comment, or the end of one.
	Remark struct {
		Comment string `json:"comment"`
		Section string `json:"section,omitempty"`
		Text    string `json:"text,omitempty"`
	}
)

// Open are the comments that nobody has closed.
func (r Review) Open() (open []Comment) {
	for _, c := range r.Comments {
		if c.Closed.IsZero() {
			open = append(open, c)
		}
	}
	return open
}

// MoveReview brings the post-mortem, which is at version, to another stage.
// Missing is what a reader would look for in vain (the completeness gate): with
// any of it the post-mortem only goes back.
func (inc Incident) MoveReview(by By, to Stage, version, missing int, reason string) ([]Event, error) {
	const verb = "move the post-mortem of"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	r := inc.Review
	i, j := slices.Index(Stages(), r.Stage), slices.Index(Stages(), to)
	reason = strings.TrimSpace(reason)
	switch {
	case j < 0:
		return nil, inc.refuse(verb, ErrMissing, "a stage: draft, in-review, reviewed or published")
	case i == j && !(to == StagePublished && r.Changed):
		return nil, inc.refuse(verb, ErrNoChange, "it is %s", to)
	case version != r.Latest:
		return nil, inc.refuse(verb, ErrTooLate, "this is about version %d, and somebody saved version %d in between; read it first", version, r.Latest)
	case j < i && reason == "":
		return nil, inc.refuse(verb, ErrMissing, "why it goes back from %s to %s (--reason TEXT)", r.Stage, to)
	case j > i+1:
		return nil, inc.refuse(verb, ErrTooLate, "it is %s; what comes next is %s", r.Stage, Stages()[i+1])
	case j >= i && missing > 0:
		return nil, inc.refuse(verb, ErrUnready, "%s missing (sitrep postmortem review %s)", things(missing), inc.ID)
	case j >= i && j > 1 && len(r.Open()) > 0:
		return nil, inc.refuse(verb, ErrUnready, "%s not closed (sitrep postmortem review %s)", comments(len(r.Open())), inc.ID)
	}
	kind, text := PostmortemStaged, fmt.Sprintf("post-mortem %s, version %d", to, version)
	if to == StagePublished {
		kind = PostmortemPublished
	}
	if j < i {
		text = fmt.Sprintf("post-mortem back to %s", to)
	}
	if reason != "" {
		text += ": " + reason
	}
	by.Evidence = nil
	return []Event{by.event(inc.ID, kind, text, StageChange{r.Stage, to, version, reason})}, nil
}

func things(n int) string {
	if n == 1 {
		return "1 thing in it is"
	}
	return fmt.Sprintf("%d things in it are", n)
}

func comments(n int) string {
	if n == 1 {
		return "1 comment is"
	}
	return fmt.Sprintf("%d comments are", n)
}

// AssignReview says who brings the post-mortem to its end, and until when.
func (inc Incident) AssignReview(by By, a ReviewAssignment) ([]Event, error) {
	const verb = "assign the post-mortem of"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	var says []string
	if a.Owner != nil && *a.Owner != inc.Review.Owner {
		says = append(says, "owned by "+orNobody(*a.Owner))
	}
	if a.Due != nil && !a.Due.Equal(inc.Review.Due) {
		due := "by the severity"
		if !a.Due.IsZero() {
			due = a.Due.UTC().Format(time.DateOnly)
		}
		says = append(says, "due "+due)
	}
	switch {
	case a.Owner == nil && a.Due == nil:
		return nil, inc.refuse(verb, ErrMissing, "the owner or the day")
	case len(says) == 0:
		return nil, inc.refuse(verb, ErrNoChange, "it is so already")
	}
	by.Evidence = nil
	return []Event{by.event(inc.ID, PostmortemAssigned, "post-mortem "+strings.Join(says, ", "), a)}, nil
}

// Comment says something about the post-mortem, or about a section of it.
func (inc Incident) Comment(by By, section, text string) ([]Event, error) {
	const verb = "comment on the post-mortem of"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, inc.refuse(verb, ErrMissing, "what is to be said")
	}
	c := Remark{fmt.Sprintf("C-%d", len(inc.Review.Comments)+1), section, text}
	says := c.Comment
	if section != "" {
		says += " on " + section
	}
	by.Evidence = nil
	return []Event{by.event(inc.ID, PostmortemCommented, says+": "+text, c)}, nil
}

// CloseComment says that a comment is dealt with, and how.
func (inc Incident) CloseComment(by By, comment, answer string) ([]Event, error) {
	const verb = "close a comment on the post-mortem of"
	i := slices.IndexFunc(inc.Review.Comments, func(c Comment) bool { return strings.EqualFold(c.Comment, strings.TrimSpace(comment)) })
	if i < 0 {
		return nil, inc.refuse(verb, ErrMissing, "it has no comment %q", comment)
	}
	c := inc.Review.Comments[i]
	if !c.Closed.IsZero() {
		return nil, inc.refuse(verb, ErrNoChange, "%s was closed by %s at %s", c.Comment, c.Closer, clock(c.Closed))
	}
	text := c.Comment + " closed"
	if answer = strings.TrimSpace(answer); answer != "" {
		text += ": " + answer
	}
	by.Evidence = nil
	return []Event{by.event(inc.ID, PostmortemAnswered, text, Remark{Comment: c.Comment, Text: answer})}, nil
}

// apply is the review after e. What was reviewed and is another text since has to
// be reviewed again; what was published stays published, and says so.
func (r Review) apply(e Event) Review {
	switch e.Kind {
	case PostmortemDrafted, PostmortemEdited:
		var p struct {
			Version int `json:"version"`
		}
		if e.Payload(&p) == nil {
			r.Latest = max(r.Latest, p.Version)
		}
		switch r.Stage {
		case StageReviewed:
			r.Stage = StageInReview
		case StagePublished:
			r.Changed = true
		}
	case PostmortemStaged, PostmortemPublished:
		var p StageChange
		if e.Payload(&p) == nil && slices.Contains(Stages(), p.To) {
			r.Stage, r.Version, r.By, r.At, r.Changed = p.To, p.Version, e.Actor, e.At, false
		}
	case PostmortemAssigned:
		var p ReviewAssignment
		if e.Payload(&p) == nil {
			if p.Owner != nil {
				r.Owner = *p.Owner
			}
			if p.Due != nil {
				r.Due = *p.Due
			}
		}
	case PostmortemCommented:
		var p Remark
		if e.Payload(&p) == nil && p.Comment != "" {
			r.Comments = append(r.Comments[:len(r.Comments):len(r.Comments)],
				Comment{Comment: p.Comment, Section: p.Section, Text: p.Text, By: e.Actor, Claimed: e.Claimed, Via: e.Via, At: e.At})
		}
	case PostmortemAnswered:
		var p Remark
		if e.Payload(&p) != nil {
			return r
		}
		if i := slices.IndexFunc(r.Comments, func(c Comment) bool { return c.Comment == p.Comment && c.Closed.IsZero() }); i >= 0 {
			r.Comments = slices.Clone(r.Comments)
			c := &r.Comments[i]
			c.Closed, c.Closer, c.Answer = e.At, e.Actor, p.Text
		}
	}
	return r
}
