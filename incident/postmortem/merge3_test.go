package postmortem

import (
	"slices"
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
		got, conflict := merge3(lettersOf(c.base), lettersOf(c.mine), lettersOf(c.theirs), false)
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

func TestMerge3KeepsWhatEachSideMayExpect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 12)
		base, mine, theirs := text.Draw(t, "base"), text.Draw(t, "mine"), text.Draw(t, "theirs")
		both := rapid.Bool().Draw(t, "both")
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
