package postmortem

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Stored is a post-mortem with what people made of it. It is a value: every
// method returns a new one. The zero value is one that was never drafted.
type Stored struct {
	ID       string          `json:"id"` // PM-1; empty until it is saved first
	Incident incident.ID     `json:"incident"`
	Title    string          `json:"title"`
	Version  int             `json:"version"`           // counts the saves, from 1
	Author   incident.Person `json:"author"`            // of this version
	Claimed  bool            `json:"claimed,omitempty"` // how the author's name is known: see incident.Event
	Via      string          `json:"via,omitempty"`
	At       time.Time       `json:"at"` // of this version
	Sections []Kept          `json:"sections"`
	Numbers  Numbers         `json:"numbers"`
	Template *Choice         `json:"template,omitempty"` // nil is the standard one
}

// Kept is a section: the newest draft of it and, if a person edited it, the
// text of that person.
type Kept struct {
	Key       string          `json:"key"`
	Heading   string          `json:"heading"`
	Generated string          `json:"generated"`
	Human     string          `json:"human,omitempty"`
	State     State           `json:"state"`
	EditedBy  incident.Person `json:"edited_by,omitempty"`
	EditedAt  time.Time       `json:"edited_at,omitzero"`
}

// State is how a section came to its text.
type State string

// The states of a section.
const (
	Untouched State = "generated" // nobody edited it
	ByHand    State = "edited"    // a person's text, and it knows every fact
	Merged    State = "merged"    // a person's text with newer facts merged in: check it
	NewFacts  State = "new facts" // a person's text; the draft changed the same lines, see Fresh
)

// appendixKey is the section of text that no section would have. No heading
// makes such a key.
const appendixKey = "_appendix"

// Text is what is shown: the person's text if there is one. Empty means that a
// person removed the section.
func (k Kept) Text() string {
	if k.Edited() {
		return k.Human
	}
	return k.Generated
}

// Edited says whether a person's text stands here.
func (k Kept) Edited() bool { return k.State != Untouched && k.State != "" }

// Fresh is the lines of the newest draft that the person's text does not have:
// what "new facts" are about.
func (k Kept) Fresh() []string {
	if k.State != NewFacts {
		return nil
	}
	return slices.DeleteFunc(without(lineList(k.Generated), lineList(k.Human)), func(l string) bool { return l == "" })
}

// Conflicts is how many places of the section two people worded in two ways:
// both wordings stand in its text, fenced.
func (k Kept) Conflicts() int { return countConflicts(k.Text()) }

// Conflicts is how many there are in all sections.
func (s Stored) Conflicts() (n int) {
	for _, k := range s.Sections {
		n += k.Conflicts()
	}
	return n
}

// Section is the section with that key; false if there is none.
func (s Stored) Section(key string) (Kept, bool) {
	for _, k := range s.Sections {
		if k.Key == key {
			return k, true
		}
	}
	return Kept{}, false
}

// Merge is stored after a newer draft: a section that nobody edited is
// replaced, one that somebody edited keeps every line that was written and
// takes over what changed elsewhere in it. Where draft and person changed the
// same lines the person's stand, and the section says NewFacts. A section that
// the draft lacks stays if a person edited it. Merging the same draft twice
// changes nothing.
func Merge(stored Stored, fresh Document) Stored {
	out := stored
	out.Incident, out.Title, out.Numbers, out.Sections = fresh.Incident, fresh.Title, fresh.Numbers, nil
	for _, f := range fresh.Sections {
		k, ok := stored.Section(f.Key)
		if !ok {
			k = Kept{Key: f.Key, State: Untouched}
		}
		k.Heading = f.Heading
		out.Sections = append(out.Sections, k.regenerate(f.Text))
	}
	for _, k := range stored.Sections {
		if _, kept := out.Section(k.Key); !kept && k.Edited() {
			out.Sections = append(out.Sections, k)
		}
	}
	return out
}

// regenerate gives the section a newer draft.
func (k Kept) regenerate(text string) Kept {
	old := k.Generated
	k.Generated = text
	switch {
	case !k.Edited() || old == text:
		return k
	case k.Human == "": // removed: facts alone do not bring it back
		k.State = NewFacts
		return k
	}
	merged, conflict := merge3(lineList(old), lineList(k.Human), lineList(text), nil)
	k.Human = strings.Join(merged, "\n")
	switch {
	case conflict || k.State == NewFacts:
		k.State = NewFacts
	default:
		k.State = Merged
	}
	return k
}

// signed is s with its author and time.
func (s Stored) signed(by incident.By) Stored {
	s.Author, s.Claimed, s.Via, s.At = by.Actor, by.Claimed, by.Via, by.At
	return s
}

// Restore drops the person's text of a section: the draft stands again. The
// text stays in the revisions.
func (s Stored) Restore(key string, by incident.By) Stored {
	s.Sections = slices.Clone(s.Sections)
	for i, k := range s.Sections {
		if k.Key == key && k.Generated != "" {
			s.Sections[i] = Kept{Key: k.Key, Heading: k.Heading, Generated: k.Generated, State: Untouched}
			s = s.signed(by)
		}
	}
	return s
}

// digest names a text in the edit form.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// lineList is the lines of a text; none for no text.
func lineList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
