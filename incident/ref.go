package incident

import (
	"fmt"
	"strconv"
	"strings"
)

// Ref names an event as people type it: by the number that its timeline shows,
// or by its ULID. Exactly one of the two is set.
type Ref struct {
	Seq int64
	ID  string
}

// ulidLength is how many characters a ULID has.
const ulidLength = 26

// ParseRef reads 12, #12 or a ULID.
func ParseRef(text string) (Ref, error) {
	word := strings.TrimPrefix(strings.TrimSpace(text), "#")
	if len(word) == ulidLength {
		return Ref{ID: strings.ToUpper(word)}, nil
	}
	seq, err := strconv.ParseInt(word, 10, 64)
	if err != nil || seq < 1 || word != strconv.FormatInt(seq, 10) {
		return Ref{}, fmt.Errorf("%q is not an event: write its number, as sitrep incident timeline shows it, or its ULID, as it does with --json", text)
	}
	return Ref{Seq: seq}, nil
}

// Of says whether e is the event that is meant.
func (r Ref) Of(e Event) bool { return r.ID != "" && e.ID == r.ID || r.Seq != 0 && e.Seq == r.Seq }

// Missing is the error for an event that no timeline has.
func (r Ref) Missing() error {
	return fmt.Errorf("event %s: %w (sitrep incident timeline ID numbers those of an incident)", r, ErrNoEvent)
}

func (r Ref) String() string {
	if r.ID != "" {
		return r.ID
	}
	return strconv.FormatInt(r.Seq, 10)
}
