package incident

import (
	"slices"
	"strings"
	"time"
)

// Retelling is how a post-mortem tells an event of the timeline, beside how it
// was recorded. What is nil stays as it was told before; the empty text, the zero
// time and the empty note are what was recorded again.
type Retelling struct {
	Event  string     `json:"event"` // its ID
	Hidden *bool      `json:"hidden,omitempty"`
	Text   *string    `json:"text,omitempty"`
	At     *time.Time `json:"at,omitempty"`
	Note   *string    `json:"note,omitempty"`
}

// Retell changes how the post-mortem of inc tells e. The event stays as it is,
// for every other reader too: Correct is for what was recorded wrongly.
func (inc Incident) Retell(by By, e Event, r Retelling) ([]Event, error) {
	const verb = "retell an event of"
	if err := inc.mustStand(verb); err != nil {
		return nil, err
	}
	switch {
	case e.Incident != inc.ID && e.Incident != "" && e.Incident != inc.SplitFrom && !slices.Contains(inc.Merged, e.Incident):
		return nil, inc.refuse(verb, ErrUnfit, "event %d belongs to %s", e.Seq, e.Incident)
	case strings.HasPrefix(string(e.Kind), "postmortem."):
		return nil, inc.refuse(verb, ErrUnfit, "event %d is about the post-mortem itself, which does not tell it", e.Seq)
	}
	r.Event, r.Text, r.Note = e.ID, trimmed(r.Text), trimmed(r.Note)
	if err := inc.mustFit(verb, r.Text, r.Note); err != nil {
		return nil, err
	}
	var says []string
	if r.Hidden != nil {
		says = append(says, map[bool]string{true: "hidden", false: "shown"}[*r.Hidden])
	}
	says = say(says, r.Text, "told as ", "in its own words")
	if r.At != nil {
		at := "when it was recorded"
		if !r.At.IsZero() {
			at = r.At.UTC().Format("2006-01-02 15:04:05Z")
		}
		says = append(says, "at "+at)
	}
	says = say(says, r.Note, "with the remark: ", "without a remark")
	if len(says) == 0 {
		return nil, inc.refuse(verb, ErrMissing, "whether to hide event %d, other words, another time or a remark", e.Seq)
	}
	by.Evidence = nil // what the signals read now says nothing about then
	return []Event{by.event(inc.ID, PostmortemRetold, "event "+Ref{Seq: e.Seq}.String()+" "+strings.Join(says, ", "), r)}, nil
}

// longestLine is how much of a line a post-mortem shows, in characters.
const longestLine = 500

// mustFit refuses a line that a post-mortem would cut.
func (inc Incident) mustFit(verb string, lines ...*string) error {
	for _, l := range lines {
		if l != nil && len([]rune(*l)) > longestLine {
			return inc.refuse(verb, ErrUnfit, "%d characters, at most %d are shown in a line; write more into the text (sitrep postmortem edit %s)", len([]rune(*l)), longestLine, inc.ID)
		}
	}
	return nil
}

// say adds what is said of a text that may be left alone or taken away.
func say(to []string, text *string, with, without string) []string {
	switch {
	case text == nil:
		return to
	case *text == "":
		return append(to, without)
	}
	return append(to, with+*text)
}

// And is r and what a later one changes of it.
func (r Retelling) And(later Retelling) Retelling {
	if later.Hidden != nil {
		r.Hidden = later.Hidden
	}
	if later.Text != nil {
		r.Text = later.Text
	}
	if later.At != nil {
		r.At = later.At
	}
	if later.Note != nil {
		r.Note = later.Note
	}
	return r
}
