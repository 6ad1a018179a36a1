package safe

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAttemptsStayVisible(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"colour", "a\x1b[31mred", "a␛[31mred"},
		{"clipboard", "x\x1b]52;c;cHduZWQ=\a", "x␛]52;c;cHduZWQ=␇"},
		{"carriage return forges a field", "severity=critical\rseverity=ok", "severity=critical severity=ok"},
		{"8-bit control sequence", "a\u009b31mb", "a\uFFFD31mb"},
		{"invalid bytes", "a\xff\xfeb", "a\uFFFD\uFFFDb"},
		{"right-to-left override", "user\u202egnp.exe", "usergnp.exe"},
		{"zero width", "ad\u200bmin\ufeff", "admin"},
		{"tags", "hi\U000e0041\U000e0042", "hi"},
		{"delete", "a\x7f", "a␡"},
		{"tower of marks", "z" + strings.Repeat("\u0301", 40), "z\u0301\u0301"},
		{"a mark alone", "\u0301x", "◌\u0301x"},
		{"decomposed Korean", "\u1112\u1161\u11ab", "한"},
		{"a vowel without a consonant", "\u1161", "\uFFFD"},
		{"flag", "🇩🇪", "DE"},
		{"skin tone", "👍🏽", "👍"},
		{"family", "👩\u200d👦", "👩👦"},
		{"no-break space", "a\u00a0b\u3000c", "a b c"},
		{"private", "\ue0b0", "\uFFFD"},
	} {
		require.Equal(t, c.want, New(c.raw, 80).String(), c.name)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		raw  string
		max  int
		want string
	}{
		{"checkout", 8, "checkout"},
		{"checkout", 7, "checko…"},
		{"checkout", 1, "…"},
		{"checkout", 0, ""},
		{"checkout", -3, ""},
		{"é", 1, "é"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"日本", 1, "…"},
	} {
		require.Equal(t, c.want, New(c.raw, c.max).String())
		if c.max > 0 {
			require.Equal(t, c.want, New(c.raw, Line).Fit(c.max).String())
		}
	}
}

func TestLinesAndWrap(t *testing.T) {
	require.Empty(t, Lines("", 10))
	require.Equal(t, []Text{Const("a"), {}, Const("bcd…")}, Lines("a\r\n\nbcdefg\n", 4))
	require.Len(t, Lines(strings.Repeat("x\n", 5000), 40), Line+1)
	require.Equal(t, []Text{Const("the pool"), Const("is full")}, Wrap("the pool is full", 9))
	require.Equal(t, []Text{Const("abcd"), Const("ef")}, Wrap("abcdef", 4))
	require.Equal(t, []Text{Const("…"), Const("…")}, Wrap("日本", 1)[:2])
}

func TestProgramText(t *testing.T) {
	require.Equal(t, "SEV-1 bob␛[2J", Sprintf("SEV-%d %s", 1, "bob\x1b[2J").String())
	require.Equal(t, "-42", Int(-42).String())
	require.Equal(t, 6, Concat(Const("日"), Int(1234)).Width())
}

// holds is the law: whatever went in, the text has none of what terminals obey
// or hide, it is as wide as it says, and cleaning it again changes nothing.
func holds(t require.TestingT, raw string, max int) {
	text := New(raw, max)
	s := text.String()
	require.True(t, utf8.ValidString(s))
	marks := 0
	for _, r := range s {
		require.False(t, unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r), "%U in %q", r, s)
		require.False(t, unicode.Is(unicode.Variation_Selector, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), "%U in %q", r, s)
		marks++
		if !unicode.Is(unicode.M, r) {
			marks = 0
		}
		require.LessOrEqual(t, marks, maxMarks)
	}
	require.LessOrEqual(t, text.Width(), max)
	total := 0
	for rest := text; rest.String() != ""; {
		first, w, after := rest.Next()
		require.NotEmpty(t, first)
		require.Contains(t, []int{1, 2}, w)
		total, rest = total+w, after
	}
	require.Equal(t, text.Width(), total)
	bases := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.M, r) {
			return -1
		}
		return r
	}, s)
	require.Equal(t, ansi.StringWidthWc(bases), text.Width(), "%q", s)
	require.Equal(t, text, New(s, max))
}

func FuzzNew(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b]8;;http://x\x1b\\y", "é\u0301\u0301\u0301", "日本語", "🇩🇪👍🏽", "\u1112\u1161\u11ab\u11ab", "\xf0\x9f", "क्षि", "กำ"} {
		f.Add(s, 80)
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, raw string, max int) {
		holds(t, raw, 1+(max%Line+Line)%Line)
	})
}

func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.StringOf(rapid.RuneFrom([]rune("a 日é\u0301\u1112\u1161\u11ab\u202e\x1b\u200d👍\U0001f1e9")))).Draw(t, "raw")
		max := rapid.IntRange(1, 100).Draw(t, "max")
		holds(t, raw, max)
		text := New(raw, Line)
		head, tail := text.Split(rapid.IntRange(-1, 120).Draw(t, "at"))
		require.Equal(t, text, Concat(head, tail))
		require.LessOrEqual(t, text.Fit(max).Width(), max)
		for _, line := range Wrap(raw, max) {
			require.LessOrEqual(t, line.Width(), max)
			require.Equal(t, line, New(line.String(), Line))
		}
	})
}

func TestHostileCorpus(t *testing.T) {
	lines := []string{`{"id":"own","bytes_b64":"` + base64.StdEncoding.EncodeToString([]byte("\x1b[2Ja\u202eb")) + `"}`}
	if dir := os.Getenv("SITREP_CORPUS"); dir != "" {
		f, err := os.Open(filepath.Join(dir, "hostile", "strings.jsonl"))
		require.NoError(t, err)
		defer f.Close()
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<24)
		for in.Scan() {
			lines = append(lines, in.Text())
		}
		require.NoError(t, in.Err())
	}
	for _, line := range lines {
		var c struct {
			ID    string `json:"id"`
			Bytes []byte `json:"bytes_b64"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &c))
		for _, max := range []int{1, 20, Line} {
			holds(t, string(c.Bytes), max)
		}
	}
}

func TestPlainTextIsNotCopied(t *testing.T) {
	raw := strings.Repeat("checkout ", 8)
	require.Zero(t, testing.AllocsPerRun(100, func() { sink = New(raw, 80) }))
}

var sink Text

func BenchmarkNewASCII(b *testing.B) {
	raw := strings.Repeat("checkout ", 8)
	b.ReportAllocs()
	for b.Loop() {
		sink = New(raw, 80)
	}
}

func BenchmarkNewMixed(b *testing.B) {
	raw := strings.Repeat("Kasse\x1b 日本é ", 6)
	b.ReportAllocs()
	for b.Loop() {
		sink = New(raw, 80)
	}
}

// A cut in the middle keeps both ends, and is as wide as it may be.
func TestMiddle(t *testing.T) {
	require.Equal(t, "tells alice (L1) through…aking anybody", Const("tells alice (L1) through PagerDuty, without waking anybody").Middle(38).String())
	require.Equal(t, "short", Const("short").Middle(5).String())
	rapid.Check(t, func(t *rapid.T) {
		text, width := New(rapid.String().Draw(t, "text"), Line), rapid.IntRange(-1, 60).Draw(t, "width")
		got := text.Middle(width)
		require.LessOrEqual(t, got.Width(), max(width, 0))
		require.Equal(t, New(got.String(), Line).Width(), got.Width())
		if text.Width() <= width {
			require.Equal(t, text, got)
		}
	})
}

// What is cut behind a word is no wider than what is cut anywhere, and a whole word.
func TestWords(t *testing.T) {
	for max, want := range map[int]string{0: "", 1: "…", 4: "und…", 6: "undon…", 7: "undone…", 10: "undone…", 11: "undone…", 12: "undone now:…", 13: "undone now:…", 14: "undone now: 漢", 99: "undone now: 漢"} {
		got := New("undone now: 漢", Line).Words(max)
		require.Equal(t, want, got.String(), max)
		require.Equal(t, New(want, Line).Width(), got.Width())
	}
}
