package incident

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Words are those of the incident's title that may be found again in what was
// written during others, in lower case and each once. Words that every sentence
// has, and single letters, are left out.
func (inc Incident) Words() []string {
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(inc.Title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		if len([]rune(w)) > 1 && !saysNothing(w) && !slices.Contains(words, w) {
			words = append(words, w)
		}
		if len(words) == mostWords {
			break
		}
	}
	return words
}

// mostWords is how many words of a title are compared: a title is a line.
const mostWords = 12

// Spoken says whether the text of such an event is what a person, or whoever
// declared it, said of an incident, and not what an engine did about it.
func (k Kind) Spoken() bool {
	switch k {
	case Declared, StatusChanged, Resolved, NoteAdded, NoteCorrected, UpdateSent, ActionTaken, ItemAdded:
		return true
	}
	return false
}

// saysNothing says whether a word joins others and means nothing by itself.
func saysNothing(word string) bool {
	switch word {
	case "a", "all", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "for", "from", "had", "has", "have", "in", "into", "is", "it",
		"its", "no", "not", "of", "off", "on", "or", "out", "over", "since", "some", "than", "that", "the", "their", "then", "there", "this", "to",
		"too", "up", "was", "were", "when", "which", "while", "who", "will", "with":
		return true
	}
	return false
}

// enoughAlike is the part of a title's weight that two incidents must share to
// count as alike. By two fifths the common word or two of a service's vocabulary
// are not enough, and half a title is.
const enoughAlike = 0.4

// Alike is the incidents that hold enough of words, with the words that they
// hold, those that say most first. Spoken is in which incidents each word was
// used, and all the number of incidents that there are: a word that few of them
// use weighs more, by its inverse document frequency,
//
//	idf(w) = ln(1 + N / n(w))
//
// where n is the number of incidents with w, and at least 1. Source: Spärck
// Jones, A statistical interpretation of term specificity and its application in
// retrieval, 1972. One shared word is never enough.
func Alike(words []string, spoken map[string][]ID, all int) map[ID][]string {
	weight := func(w string) float64 { return math.Log1p(float64(all) / float64(max(1, len(spoken[w])))) }
	words = slices.SortedStableFunc(slices.Values(words), func(a, b string) int { return cmp.Compare(weight(b), weight(a)) })
	var total float64
	shared, sum := map[ID][]string{}, map[ID]float64{}
	for _, w := range words {
		total += weight(w)
		for _, id := range spoken[w] {
			shared[id] = append(shared[id], w)
			sum[id] += weight(w)
		}
	}
	maps.DeleteFunc(shared, func(id ID, words []string) bool { return len(words) < 2 || sum[id] < enoughAlike*total })
	return shared
}
