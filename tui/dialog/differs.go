package dialog

import (
	"strings"

	"github.com/sitrep-dev/sitrep/tui/safe"
)

// differs says what keeps what was typed from being what is wanted, empty while it is
// on the way there.
func differs(want, typed string) safe.Text {
	w, t := []rune(want), []rune(typed)
	same := 0
	for same < len(w) && same < len(t) && w[same] == t[same] {
		same++
	}
	switch {
	case same == len(t):
		return safe.Text{}
	case same == len(w):
		return safe.Sprintf("what follows %s is too much: %s", last(w), quoted(t[same:]))
	case strings.EqualFold(string(w[same]), string(t[same])):
		return safe.Sprintf("character %d is %s and has to be %s: small and capital letters differ", same+1, quoted(t[same:same+1]), quoted(w[same:same+1]))
	}
	return safe.Sprintf("character %d is %s and has to be %s", same+1, quoted(t[same:same+1]), quoted(w[same:same+1]))
}

// missing says what is still to be typed.
func missing(want, typed string) safe.Text {
	rest, ok := strings.CutPrefix(want, typed)
	if !ok || rest == "" {
		return safe.Text{}
	}
	return safe.Sprintf("still missing: %s", quoted([]rune(rest)))
}

func last(r []rune) safe.Text { return quoted(r[max(len(r)-1, 0):]) }

func quoted(r []rune) safe.Text {
	if string(r) == " " {
		return safe.Const("a space")
	}
	return safe.Sprintf("%q", safe.New(string(r), 40).String())
}
