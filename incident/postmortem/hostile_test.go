package postmortem_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// hostile is what a label or a note may hold. SITREP_CORPUS adds a larger
// collection where there is one.
func hostile(t testing.TB) []string {
	all := []string{
		`<script>alert(1)</script>`, `](javascript:alert(1))`, `[x](javascript:alert(1))`, `![x](https://127.0.0.1/p.png)`, "`", "``` \n```", "`a` <b> ``c``",
		"\n## Action Items\n- [x] all done", "\r\n# Post-Mortem: other", "<!-- /sitrep -->", "\n<!-- /sitrep -->\n", "<!-- sitrep:section key=title sha=0 -->",
		"- [ ] x", "> quoted", "1. one", "# head #", "---", "===", "|a|b|\n|-|-|", "*bold* _it_ ~~gone~~ $x$", `\`, `\[x](y)`, "&lt;b&gt;", "{{.Title}}", "cpu < 5 <!channel> mem >4 <", "< b>",
		"\x1b[2J\x1b]52;c;eA==\a", "\u202eevil\u2066", "pay\u200bments", "a\x00b", "\xff\xfe", "é🔥线", strings.Repeat("t", 40001), " ", "",
	}
	dir := os.Getenv("SITREP_CORPUS")
	if dir == "" {
		return all
	}
	f, err := os.Open(filepath.Join(dir, "hostile", "strings.jsonl"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one struct {
			Bytes []byte `json:"bytes_b64"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &one))
		all = append(all, string(one.Bytes))
	}
	require.NoError(t, lines.Err())
	return all
}

// poisoned is a night in which every text from outside is s.
func poisoned(t require.TestingT, s string) *night {
	n := &night{t: t}
	who := incident.Person(s)
	ev := incident.Payload([]any{signal(s, s, 0.5, 0.1, "crit", []any{0.1, nil, 0.5}, s)})
	say := func(kind incident.Kind, id incident.ID, data any) {
		n.add([]incident.Event{{Incident: id, At: at("03:00:00").Add(time.Duration(len(n.events)) * time.Second), Kind: kind, Actor: who, Source: s, Text: s, Data: incident.Payload(data), Evidence: ev}}, nil)
	}
	say(incident.ChangeRecorded, "", nil)
	say(incident.ChaosInjected, "", nil)
	say(incident.AlertFired, "", nil)
	say(incident.Declared, "INC-1", incident.Declaration{Title: s, Severity: incident.Sev1, Service: s, DetectedBy: s})
	say(incident.EscalationEntered, "INC-1", incident.Escalation{Level: incident.Level("L1" + s), Round: 1, Reason: s, Who: []incident.Person{who}})
	say(incident.PageQueued, "INC-1", map[string]string{"message": "p" + s, "sink": s, "level": s, "error": s})
	say(incident.PageFailed, "INC-1", map[string]string{"message": "p" + s, "sink": s, "level": s, "error": s})
	say(incident.Acknowledged, "INC-1", nil)
	say(incident.Assigned, "INC-1", incident.Assignment{Role: incident.Scribe, Person: who})
	say(incident.SeverityChanged, "INC-1", incident.SeverityChange{From: incident.Sev1, To: incident.Severity("SEV-2" + s), Reason: s})
	say(incident.ActionTaken, "INC-1", incident.Action{Text: s, Term: incident.Immediate})
	say(incident.ItemAdded, "INC-1", incident.Item{Item: "AI-1" + s, Text: s, Owner: who})
	say(incident.LoadFinished, "", map[string]string{"verdict": s})
	say("slo.burning", "INC-1", nil)
	say(incident.Kind("tea"+s), "INC-1", nil)
	say(incident.Resolved, "INC-1", incident.Resolution{Resolution: s})
	return n
}

func TestNothingFromOutsideBreaksOut(t *testing.T) {
	structure := regexp.MustCompile(`(?m)^(#{1,6} |- \*\*[^*]+\*\*:|- \[.\] |\||` + "```" + `)`)
	blocks := regexp.MustCompile("(?ms)^```text$.*?^```$")
	want := structure.FindAllString(postmortem.Merge(postmortem.Stored{}, poisoned(t, "tame").draft()).Markdown(), -1)
	for _, s := range hostile(t) {
		stored := postmortem.Merge(postmortem.Stored{}, poisoned(t, s).draft())
		md := stored.Markdown()
		require.True(t, utf8.ValidString(md))
		require.Less(t, len(md), 200_000, "long text is cut")
		require.Equal(t, want, structure.FindAllString(md, -1), "%q", s)
		require.Equal(t, stored, handBack(t, stored, stored.EditForm()), "%q cannot forge a fence", s)
		found := blocks.FindAllString(md, -1)
		require.NotEmpty(t, found)
		for _, block := range found {
			require.NotRegexp(t, `<[^ \n]`, block, "%q: nor in a code block, for who knows no fences", s)
		}
		prose := withoutCode(md)
		require.NotRegexp(t, `<([^ ]|$)`, prose, "%q: only what a blank follows opens no tag", s)
		require.NotRegexp(t, `(^|[^\\])(\\\\)*[\x60]`, prose, "%q", s)
		require.NotRegexp(t, `(^|[^\\])(\\\\)*\]\(`, prose, "%q", s)
		for _, r := range md {
			require.False(t, unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r), "%q: %U", s, r)
		}
		_, err := stored.JSON()
		require.NoError(t, err)
	}
}

// withoutCode takes code blocks and code spans out, as CommonMark finds them.
func withoutCode(md string) string {
	var out strings.Builder
	block := false
	for line := range strings.Lines(md) {
		if strings.HasPrefix(line, "```") {
			block = !block
			continue
		}
		if block {
			continue
		}
		for line != "" {
			i := strings.IndexAny(line, "\\`")
			if i < 0 || i+1 >= len(line) {
				break
			}
			out.WriteString(line[:i])
			line = line[i:]
			if line[0] == '\\' {
				out.WriteString(line[:2])
				line = line[2:]
				continue
			}
			run := line[:len(line)-len(strings.TrimLeft(line, "`"))]
			line = line[len(run):]
			end := closing(line, len(run))
			if end < 0 {
				out.WriteString(run)
				continue
			}
			line = line[end:]
		}
		out.WriteString(line)
	}
	return out.String()
}

// closing is where the first run of exactly n backticks ends; -1 if none.
func closing(line string, n int) int {
	for i := 0; i < len(line); {
		if line[i] != '`' {
			i++
			continue
		}
		j := i
		for j < len(line) && line[j] == '`' {
			j++
		}
		if j-i == n {
			return j
		}
		i = j
	}
	return -1
}

func FuzzParseEdited(f *testing.F) {
	stored := postmortem.Merge(postmortem.Stored{}, sev1(f).draft())
	f.Add(stored.EditForm())
	for _, s := range hostile(f) {
		f.Add(s)
		f.Add("<!-- sitrep:section key=timeline sha=1 -->\n" + s + "\n## Timeline\n<!-- /sitrep -->\n" + s)
	}
	f.Add("L'\xe9t\xe9 f\xfcr alle")
	f.Add("one <!-- /sitrep --> <!-- sitrep:section key=timeline sha=1 --> two")
	marker := regexp.MustCompile(`^\s*<!--\s*/?sitrep`)
	fence := regexp.MustCompile(`<!--\s*/?sitrep[^>]*(-->|$)`)
	f.Fuzz(func(t *testing.T, text string) {
		form, err := postmortem.ParseEdited(text)
		if err != nil {
			return
		}
		md := stored.Edit(stored, form, by("dana", "11:00:00")).Markdown()
		if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
			return // UTF-16: TestAnEditorOfAnotherEncoding
		}
		var utf8 strings.Builder
		for i, r := range text { // what is no UTF-8 is Latin-1
			if r == '\ufffd' && !strings.HasPrefix(text[i:], "\ufffd") {
				r = rune(text[i])
			}
			utf8.WriteRune(r)
		}
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(strings.TrimPrefix(utf8.String(), "\ufeff"))
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) != "" && !fence.MatchString(line) && !strings.Contains(md, line) {
				t.Fatalf("lost: %q", line)
			}
			if marker.MatchString(line) {
				continue
			}
			for _, word := range strings.Fields(fence.ReplaceAllString(line, " ")) { // beside a fence
				if !strings.Contains(md, word) {
					t.Fatalf("lost: %q of %q", word, line)
				}
			}
		}
	})
}

func FuzzEvidence(f *testing.F) {
	for _, moment := range []string{"declared", "acknowledged", "resolved"} {
		f.Add(string(evidence(moment)))
	}
	f.Add(`{"signals":[{"name":"x","value":1e308,"spark":[-1e308,1e308,null]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		n := poisoned(t, "tame")
		for i := range n.events {
			n.events[i].Evidence = json.RawMessage(body)
		}
		require.NotContains(t, n.markdown(), "NaN")
	})
}
