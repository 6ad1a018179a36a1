package postmortem

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func lettersOf(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "")
}

func TestMerge3(t *testing.T) {
	for _, c := range []struct {
		base, mine, theirs, want string
		conflict                 bool
	}{
		{"abc", "abc", "aXc", "aXc", false},
		{"abc", "aXc", "abc", "aXc", false},
		{"abc", "Xbc", "abY", "XbY", false},
		{"abc", "Xbc", "aYc", "XYc", false}, // they touch, they do not contradict
		{"abc", "abcm", "abct", "abctm", false},
		{"abc", "aXc", "aYc", "aXc", true},
		{"abc", "aXc", "aXc", "aXc", false},
		{"abcd", "abmcd", "ad", "abmcd", true},
		{"abc", "", "abc", "", false},
		{"", "m", "t", "tm", false},
		{"abc", "amc", "abct", "amct", false},
	} {
		got, conflict := merge3(lettersOf(c.base), lettersOf(c.mine), lettersOf(c.theirs), nil)
		require.Equal(t, c.want, strings.Join(got, ""), "%+v", c)
		require.Equal(t, c.conflict, conflict, "%+v", c)
	}
}

func TestDiffTurnsOneTextIntoTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", ""}), 0, 30)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		var got []string
		at := 0
		for _, h := range diff(a, b, false) {
			got = append(append(got, a[at:h.from]...), h.lines...)
			at = h.to
		}
		got = append(got, a[at:]...)
		require.Equal(t, strings.Join(b, "\n"), strings.Join(got, "\n"))
	})
	far := slices.Repeat([]string{"x"}, 3*maxEdits)
	require.Len(t, diff(far, slices.Repeat([]string{"y"}, 3*maxEdits), false), 1, "far apart: one hunk, and no time lost")
}

// Dana and emil had the same line before them.
func TestTwoWordingsOfALine(t *testing.T) {
	const line = "The pool of payments was full for ten minutes and all requests waited."
	for name, c := range map[string]struct{ mine, theirs, want string }{
		"other words":       {strings.Replace(line, "ten", "twelve", 1), strings.Replace(line, "waited", "failed", 1), "The pool of payments was full for twelve minutes and all requests failed."},
		"one of them none":  {line, strings.Replace(line, "ten", "nine", 1), strings.Replace(line, "ten", "nine", 1)},
		"the same":          {strings.Replace(line, "ten", "nine", 1), strings.Replace(line, "ten", "nine", 1), strings.Replace(line, "ten", "nine", 1)},
		"the same word":     {strings.Replace(line, "ten", "twelve", 1), strings.Replace(line, "ten", "nine", 1), ""},
		"neighbours":        {strings.Replace(line, "ten", "twelve", 1), strings.Replace(line, "minutes", "hours", 1), ""},
		"at one place":      {strings.Replace(line, " for", ", we think, for", 1), strings.Replace(line, " for", " (again) for", 1), ""},
		"another sentence":  {strings.Replace(line, "ten", "twelve", 1), "Nobody knows what happened.", ""},
		"gone, and changed": {"", strings.Replace(line, "ten", "nine", 1), ""},
	} {
		want := c.want
		if want == "" {
			want = strings.Replace("<<<<<<< dana\n"+c.mine+"\n=======\n"+c.theirs+"\n>>>>>>> emil", "\n\n", "\n", 1)
		}
		got, conflict := merge3(lineList("first\n"+line+"\nlast"), lineList(strings.Replace("first\n"+c.mine+"\nlast", "\n\n", "\n", 1)), lineList("first\n"+c.theirs+"\nlast"), bothWordings("dana", "emil"))
		require.Equal(t, "first\n"+want+"\nlast", strings.Join(got, "\n"), name)
		require.Equal(t, c.want == "", conflict, name)
		require.Equal(t, bit(conflict), countConflicts(strings.Join(got, "\n")), name)
	}
	lines, _ := bothWordings("dana", "<script>\nemil")(lineList("a\nb\nc"), lineList("a\nx\nc"), lineList("a\ny\nc"))
	require.Equal(t, []string{"a", "<<<<<<< dana", "x", "=======", "y", ">>>>>>> &lt;script> emil", "c"}, lines, "what they share stands once")
}

// Whatever two people do to a text, each word that either of them added is there.
func TestNoWordOfTwoIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a ", "b ", "c ", "d ", "e\n"}), 1, 30)
		base := text.Draw(t, "base")
		change := func(who string) string {
			out := slices.Clone(base)
			for i := range rapid.IntRange(0, 3).Draw(t, "changes") {
				at := rapid.IntRange(0, len(out)).Draw(t, "at")
				out = slices.Replace(out, at, min(at+rapid.IntRange(0, 2).Draw(t, "gone"), len(out)), who+strconv.Itoa(i)+" ")
			}
			return strings.TrimSpace(strings.Join(out, ""))
		}
		mine, theirs := change("mine"), change("theirs")
		merged, _ := merge3(lineList(strings.TrimSpace(strings.Join(base, ""))), lineList(mine), lineList(theirs), bothWordings("dana", "emil"))
		for _, w := range strings.Fields(mine + " " + theirs) {
			if len(w) > 1 {
				require.Contains(t, strings.Fields(strings.Join(merged, "\n")), w)
			}
		}
	})
}

func TestMerge3KeepsWhatEachSideMayExpect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 12)
		base, mine, theirs := text.Draw(t, "base"), text.Draw(t, "mine"), text.Draw(t, "theirs")
		both := rapid.SampledFrom([]settler{nil, bothWordings("dana", "emil")}).Draw(t, "both")
		one, _ := merge3(base, mine, base, both)
		require.Equal(t, strings.Join(mine, "\n"), strings.Join(one, "\n"))
		other, _ := merge3(base, base, theirs, both)
		require.Equal(t, strings.Join(theirs, "\n"), strings.Join(other, "\n"))
		same, conflict := merge3(base, mine, mine, both)
		require.Equal(t, strings.Join(mine, "\n"), strings.Join(same, "\n"))
		require.False(t, conflict)

		at := rapid.IntRange(0, len(mine)).Draw(t, "at")
		mine = slices.Insert(slices.Clone(mine), at, "written by hand")
		merged, _ := merge3(base, mine, theirs, both)
		require.Contains(t, merged, "written by hand")
	})
}
