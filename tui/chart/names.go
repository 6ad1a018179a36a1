package chart

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/tui/safe"
)

// Names that are too long for their place keep what tells them apart.

// leastShared is how many bytes all names have to share at an end for that to be left
// out: an … takes the place of it.
const leastShared = 4

// Names are names in at most width cells each. If one has to be cut, what all of them
// begin and end with is left out of all; what is still too long is cut in the middle,
// and where that makes two of them the same, before the place where they differ.
func Names(all []safe.Text, width int) []safe.Text {
	out := make([]safe.Text, len(all))
	long := false
	for i, name := range all {
		out[i] = name
		long = long || name.Width() > width
	}
	if !long {
		return out
	}
	whole, ok := valuesOf(all, width)
	if !ok {
		whole = distinct(all, width)
	}
	for i := range whole {
		out[i] = whole[i].Middle(width)
	}
	untwin(out, whole, width)
	return out
}

// valuesOf are sets of labels without the pairs that all of them have, and where that
// is too wide still, the values alone; false if one is no such set.
func valuesOf(all []safe.Text, width int) ([]safe.Text, bool) {
	sets := make([][][]string, len(all))
	common := map[string]int{}
	for i, name := range all {
		text := name.String()
		if sets[i] = pairs.FindAllStringSubmatch(text, -1); len(sets[i]) == 0 || text[0] != '{' || text[len(text)-1] != '}' {
			return nil, false
		}
		for _, pair := range sets[i] {
			common[pair[0]]++
		}
	}
	short, bare := make([]safe.Text, len(all)), make([]safe.Text, len(all))
	fits := true
	for i, set := range sets {
		var named, values []string
		for _, pair := range set {
			if len(all) == 1 || common[pair[0]] < len(all) {
				named, values = append(named, pair[0]), append(values, pair[2])
			}
		}
		if len(values) == 0 {
			return nil, false // it has nothing of its own
		}
		short[i], bare[i] = safe.New(strings.Join(named, ", "), safe.Line), safe.New(strings.Join(values, " "), safe.Line)
		fits = fits && short[i].Width() <= width
	}
	if fits {
		return short, true
	}
	return bare, true
}

// pairs are those of a set of labels as Prometheus writes it.
var pairs = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"`)

// distinct are names without what all of them share at their ends, but for as much of
// the beginning as there is room for.
func distinct(all []safe.Text, width int) []safe.Text {
	if len(all) < 2 {
		return all
	}
	texts := make([]string, len(all))
	for i, name := range all {
		texts[i] = name.String()
	}
	head, tail := sharedHead(texts), 0
	for i := range texts {
		texts[i] = texts[i][head:]
	}
	tail = sharedTail(texts)
	if head+tail == 0 {
		return all
	}
	longest := 0
	for _, text := range texts {
		longest = max(longest, safe.New(text[:len(text)-tail], safe.Line).Width())
	}
	shared := all[0].String()[:head]
	keep := max(min(width-longest-2, head), 0)
	for keep > 0 && !utf8.RuneStart(shared[head-keep]) {
		keep--
	}
	if keep == head {
		head = 0 // all of it fits
	}
	out := make([]safe.Text, len(all))
	for i, text := range texts {
		text = shared[len(shared)-keep:] + text[:len(text)-tail]
		if text == "" {
			return all // one is what the others begin with
		}
		if head > 0 {
			text = "…" + text
		}
		if tail > 0 {
			text += "…"
		}
		out[i] = safe.New(text, safe.Line)
	}
	return out
}

// sharedHead is how many bytes all texts begin with, up to the beginning of a word; 0
// where that is not worth leaving out.
func sharedHead(texts []string) int {
	n := len(texts[0])
	for _, t := range texts[1:] {
		n = min(n, len(t))
		for k := range n {
			if t[k] != texts[0][k] {
				n = k
				break
			}
		}
	}
	for n > 0 {
		r, size := utf8.DecodeLastRuneInString(texts[0][:n])
		if !wordRune(r) && r != utf8.RuneError {
			break
		}
		n -= size
	}
	if n < leastShared {
		return 0
	}
	return n
}

// sharedTail is how many bytes all texts end with, from the end of a word on.
func sharedTail(texts []string) int {
	first := texts[0]
	n := len(first)
	for _, t := range texts[1:] {
		n = min(n, len(t))
		for k := range n {
			if t[len(t)-1-k] != first[len(first)-1-k] {
				n = k
				break
			}
		}
	}
	for n > 0 {
		r, size := utf8.DecodeRuneInString(first[len(first)-n:])
		if !wordRune(r) && r != utf8.RuneError {
			break
		}
		n -= size
	}
	if n < leastShared {
		return 0
	}
	return n
}

// wordRune says that r is part of a word; device="sda" is one.
func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(`_="`, r)
}

// untwin cuts those of names that became the same, and were not, before the place
// where they differ.
func untwin(names, whole []safe.Text, width int) {
	first := make(map[string]int, len(names))
	for i := range names {
		j, twin := first[names[i].String()]
		if !twin {
			first[names[i].String()] = i
			continue
		}
		a, b := whole[j].String(), whole[i].String()
		if a == b {
			continue
		}
		names[j], names[i] = from(a, b, width), from(b, a, width)
	}
}

// from is the part of a from where it differs from b, with as much of what stands
// before as there is room for.
func from(a, b string, width int) safe.Text {
	const before = 2
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	at = max(at-max(before, width-1-safe.New(a[at:], safe.Line).Width()), 0)
	for at > 0 && !utf8.RuneStart(a[at]) {
		at--
	}
	return safe.New("…"+strings.TrimPrefix(a[at:], "…"), safe.Line).Fit(width)
}
