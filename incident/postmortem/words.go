package postmortem

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/incident"
)

// The lines that fence two wordings of the same place, as version control
// writes them: editors know them and show them in colour. They are part of the
// text until a person takes them out.
const (
	mineMark   = "<<<<<<< "
	theirsMark = "======="
	endMark    = ">>>>>>> "
)

// countConflicts is how many places of a text have two wordings.
func countConflicts(text string) (n int) {
	for line := range strings.SplitSeq(text, "\n") {
		n += bit(strings.HasPrefix(line, mineMark))
	}
	return n
}

// bothWordings settles the lines that two people changed: word by word where
// they changed different words of it, else both wordings stand, fenced, each
// with the name of who wrote it.
func bothWordings(me, other incident.Person) func(base, mine, theirs []string) ([]string, bool) {
	return func(base, mine, theirs []string) ([]string, bool) {
		if merged, ok := mergeWords(strings.Join(base, "\n"), strings.Join(mine, "\n"), strings.Join(theirs, "\n")); ok {
			return lineList(merged), false
		}
		lead, tail := shared(mine, theirs)
		out := append(slices.Clone(mine[:lead]), mineMark+escape(string(me)))
		out = append(append(out, mine[lead:len(mine)-tail]...), theirsMark)
		out = append(append(out, theirs[lead:len(theirs)-tail]...), endMark+escape(string(other)))
		return append(out, mine[len(mine)-tail:]...), true
	}
}

// shared is how many lines two texts have in common at their beginnings, and
// besides those at their ends.
func shared(a, b []string) (lead, tail int) {
	for lead < len(a) && lead < len(b) && a[lead] == b[lead] {
		lead++
	}
	for tail < len(a)-lead && tail < len(b)-lead && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return lead, tail
}

// word is a word with the white space after it, which makes of words a text
// again.
var word = regexp.MustCompile(`\S+\s*|^\s+`)

// mergeWords applies to base what both sides changed, if they changed different
// words of it: with a word between them that both left alone, and at least half
// of base left by each. Otherwise it is another sentence, and two sentences cut
// into one say what neither meant.
func mergeWords(base, mine, theirs string) (string, bool) {
	b := word.FindAllString(base, -1)
	ours, others := diff(b, word.FindAllString(mine, -1), true), diff(b, word.FindAllString(theirs, -1), false)
	if !keepsHalf(b, ours) || !keepsHalf(b, others) {
		return "", false
	}
	for _, h := range ours {
		for _, o := range others {
			same := h.from == o.from && h.to == o.to && slices.Equal(h.lines, o.lines)
			if !same && h.from <= o.to && o.from <= h.to {
				return "", false
			}
		}
	}
	merged, _ := merge3(b, word.FindAllString(mine, -1), word.FindAllString(theirs, -1), nil) // nothing is left to clash
	return strings.Join(merged, ""), true
}

// keepsHalf says whether changes leave at least half of the words.
func keepsHalf(words []string, changes []hunk) bool {
	gone := 0
	for _, h := range changes {
		gone += h.to - h.from
	}
	return len(words) > 0 && 2*gone <= len(words)
}
