package dialog

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/query"
	"github.com/sitrep-dev/sitrep/tui/frame"
	"github.com/sitrep-dev/sitrep/tui/keys"
	"github.com/sitrep-dev/sitrep/tui/safe"
	"github.com/sitrep-dev/sitrep/tui/theme"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// press gives a dialog one key, by what the table says of it in its scope.
func press(d Dialog, at time.Time, k tea.KeyPressMsg) Verdict {
	return d.Press(Press{Key: k, Action: keys.Default().Action(d.Scope(), k.String()), At: at})
}

func enter() tea.KeyPressMsg { return tea.KeyPressMsg{Code: tea.KeyEnter} }
func esc() tea.KeyPressMsg   { return tea.KeyPressMsg{Code: tea.KeyEscape} }
func up() tea.KeyPressMsg    { return tea.KeyPressMsg{Code: tea.KeyUp} }
func down() tea.KeyPressMsg  { return tea.KeyPressMsg{Code: tea.KeyDown} }
func rubout() tea.KeyPressMsg {
	return tea.KeyPressMsg{Code: tea.KeyBackspace}
}

func letter(r rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: r, Text: string(r)} }

func write(d Dialog, text string) {
	for _, r := range text {
		press(d, noon, letter(r))
	}
}

func picture(d Dialog, w, h int) string {
	f := frame.New(w, h, theme.Default())
	d.Draw(f, keys.Default())
	return f.Plain()
}

func TestPrompt(t *testing.T) {
	p := NewPrompt(safe.Const("Note on INC-3"), safe.Const("one line"), "", []string{"first", "second"})
	write(p, "draft")
	require.Equal(t, Stays, press(p, noon, up()))
	require.Equal(t, "second", p.Answer())
	press(p, noon, up())
	press(p, noon, up())
	require.Equal(t, "first", p.Answer())
	press(p, noon, down())
	press(p, noon, down())
	require.Equal(t, "draft", p.Answer(), "what was being typed is still there")
	press(p, noon, tea.KeyPressMsg{Code: 'w', Mod: tea.ModCtrl})
	require.Empty(t, p.Answer())
	p.Paste("two\nlines\x1b[2J")
	require.Equal(t, Answered, press(p, noon, enter()))
	require.NotContains(t, p.Answer(), "\n")
	require.Equal(t, Closed, press(p, noon, esc()))
}

func TestPickerLetters(t *testing.T) {
	rows := make([]Choice, 12)
	for i := range rows {
		rows[i] = Choice{Value: strings.Repeat("v", i+1), Text: safe.Sprintf("row %d", i)}
	}
	rows[3].Letter = 'c'
	p := NewPicker(safe.Const("Load"), safe.Text{}, keys.Default(), rows, "vv")
	require.Equal(t, "vv", p.Answer())
	for i, c := range p.choices {
		require.NotZero(t, c.Letter)
		require.Empty(t, keys.Default().Action(keys.Dialog, string(c.Letter)), "%c means something in dialogs", c.Letter)
		for _, o := range p.choices[:i] {
			require.NotEqual(t, o.Letter, c.Letter)
		}
	}
	require.Equal(t, Answered, press(p, noon, letter('c')))
	require.Equal(t, "vvvv", p.Answer())
	require.True(t, p.ByLetter())
	press(p, noon, down())
	require.Equal(t, Answered, press(p, noon, enter()))
	require.Equal(t, "vvvvv", p.Answer())
	require.False(t, p.ByLetter())
	require.Equal(t, Stays, press(p, noon, letter('z')))
	require.Equal(t, Stays, press(p, noon, letter('1')))
	p.choices[0].Digit = '1'
	require.Equal(t, Answered, press(p, noon, letter('1')))
	require.Equal(t, p.choices[0].Value, p.Answer())
	require.Equal(t, Closed, press(p, noon, letter('q')))
	require.Equal(t, Closed, press(NewPicker(safe.Text{}, safe.Text{}, keys.Default(), nil, ""), noon, enter()))
}

func TestAPickerScrolls(t *testing.T) {
	rows := make([]Choice, 40)
	for i := range rows {
		rows[i] = Choice{Value: "v", Text: safe.Sprintf("row %d.", i)}
	}
	p := NewPicker(safe.Const("Many"), safe.Text{}, keys.Default(), rows, "")
	for range 35 {
		press(p, noon, down())
		require.Contains(t, picture(p, 60, 12), "row "+safe.Int(p.at).String()+".")
	}
}

func TestConfirm(t *testing.T) {
	c := NewConfirm(safe.Const("Escalate"), safe.Const("escalate"), false, safe.Const("Pages bob (L2) through PagerDuty."))
	require.Contains(t, picture(c, 80, 12), "n  leave it    y  escalate")
	for _, k := range []tea.KeyPressMsg{letter('a'), letter('x'), down(), {Code: tea.KeySpace, Text: " "}} {
		require.Equal(t, Stays, press(c, noon, k))
	}
	for _, k := range []tea.KeyPressMsg{enter(), esc(), letter('n'), letter('q'), rubout()} {
		require.Equal(t, Closed, press(c, noon, k), k.String())
	}
	c.Paste("y")
	require.Equal(t, Answered, press(c, noon, letter('y')))
}

// The name ends with a y, and the finger rests on it.
func TestATypedNameIsNoYes(t *testing.T) {
	d := NewTyped(safe.Const("Start"), safe.Const("start"), "gateway", safe.Const("Kills the gateway."))
	d.Paste("gateway")
	require.Equal(t, keys.Input, d.Scope(), "typed, not pasted")
	write(d, "gatewa")
	require.Equal(t, Stays, press(d, noon, enter()))
	press(d, noon, letter('y'))
	require.Equal(t, keys.Dialog, d.Scope())
	for i := range 20 { // a key that repeats
		require.Equal(t, Stays, press(d, noon.Add(time.Duration(i)*33*time.Millisecond), letter('y')))
	}
	require.Contains(t, picture(d, 80, 14), "y  start")
	require.Equal(t, Stays, press(d, noon.Add(2*time.Second), rubout()))
	require.Equal(t, keys.Input, d.Scope())
	press(d, noon.Add(3*time.Second), letter('y'))
	require.Equal(t, Stays, press(d, noon.Add(4*time.Second), enter()), "what was typed is not thrown away")
	require.Equal(t, "gateway", d.Answer())
	require.Contains(t, picture(d, 80, 14), "That is right; now y says yes, enter does not.")
	require.Equal(t, Closed, press(d, noon.Add(5*time.Second), letter('n')))
	require.Equal(t, Answered, press(d, noon.Add(6*time.Second), letter('y')))
}

// Enter keeps words that are not those that are wanted, and says what is.
func TestEnterKeepsWrongWords(t *testing.T) {
	d := NewTyped(safe.Const("Start"), safe.Const("start"), "pay 50%", safe.Const("Kills."))
	for typed, want := range map[string]string{"": `still missing: "pay 50%"`, "pay": `still missing: " 50%"`, "pay 40": `character 5 is "4" and has to be "5"`, "pay 50%x": `what follows "%" is too much: "x"`} {
		d.line.set(typed)
		require.Equal(t, Stays, press(d, noon, enter()))
		require.Equal(t, typed, d.Answer())
		require.Contains(t, picture(d, 80, 14), want)
	}
}

func TestReader(t *testing.T) {
	lines := make([]safe.Text, 30)
	for i := range lines {
		lines[i] = safe.Sprintf("line %d.", i)
	}
	r := NewReader(safe.Const("Event"), lines)
	require.Contains(t, picture(r, 60, 12), "1-8 of 30")
	press(r, noon, tea.KeyPressMsg{Code: tea.KeyPgDown})
	require.Contains(t, picture(r, 60, 12), "line 8.")
	for range 99 {
		press(r, noon, down())
	}
	require.Contains(t, picture(r, 60, 12), "23-30 of 30")
	press(r, noon, up())
	require.Contains(t, picture(r, 60, 12), "22-29 of 30")
	require.Equal(t, Closed, press(r, noon, letter('q')))
}

func items() []Item {
	return []Item{
		{Name: safe.Const("in this view")},
		{Value: "key:board", Name: safe.Const("board"), Note: safe.Const("charts"), Key: safe.Const("2")},
		{Value: "key:escalate", Name: safe.Const("escalate"), Note: safe.Const("page the next rung now"), Key: safe.Const("E")},
		{Value: "sev ", Name: safe.Const("sev"), Note: safe.Const("1-4 [WHY]")},
		{Value: "key:severity", Name: safe.Const("severity"), Key: safe.Const("s")},
		{Value: "reopen", Name: safe.Const("reopen")},
	}
}

func TestListFindsAndRuns(t *testing.T) {
	for typed, want := range map[string]string{
		"":        "key:board",
		"esc":     "key:escalate",
		"E":       "key:escalate", // the key itself
		"rung":    "key:escalate", // by its note
		"rpn":     "reopen",
		"severi":  "key:severity",
		"sev 2":   "sev 2",
		"SEV 1 x": "SEV 1 x",
	} {
		l := NewList(safe.Const("Command"), items(), nil, nil)
		write(l, typed)
		require.Equal(t, Answered, press(l, noon, enter()), typed)
		require.Equal(t, want, l.Answer(), typed)
	}
	l := NewList(safe.Const("Command"), items(), nil, nil)
	write(l, "zzz")
	require.Equal(t, Stays, press(l, noon, enter()))
	require.Contains(t, picture(l, 80, 20), "nothing is called that")
}

func TestListCompletesMovesAndRemembers(t *testing.T) {
	l := NewList(safe.Const("Command"), items(), items()[:1], []string{"sev 2"})
	press(l, noon, up())
	require.Equal(t, "sev 2", l.line.value(), "up on an empty line is the past")
	press(l, noon, down())
	require.Empty(t, l.line.value())
	press(l, noon, down())
	press(l, noon, up())
	require.Equal(t, Answered, press(l, noon, enter()))
	require.Equal(t, "key:board", l.Answer())

	l = NewList(safe.Const("Command"), items(), nil, nil)
	write(l, "sev")
	require.Equal(t, Stays, press(l, noon, enter()), "it wants words")
	require.Equal(t, "sev ", l.line.value())
	require.Equal(t, Stays, press(l, noon, enter()))

	l = NewList(safe.Const("Keys"), items()[:2], items(), nil)
	press(l, noon, letter('?'))
	require.Contains(t, picture(l, 80, 20), "reopen")
	press(l, noon, letter('?'))
	require.NotContains(t, picture(l, 80, 20), "reopen")
}

// Every dialog at every size: nothing panics, nothing leaves the frame, and
// the cursor stands inside of it.
func TestAnySize(t *testing.T) {
	long := safe.New(strings.Repeat("what will happen and to whom ", 20), safe.Line)
	rapid.Check(t, func(t *rapid.T) {
		rows := []Choice{{Value: "a", Text: long, Note: long, Warn: long}, {Value: "b", Text: safe.Const("日本語"), Note: safe.Const("b")}}
		for range rapid.IntRange(0, 30).Draw(t, "more") {
			rows = append(rows, Choice{Value: "c", Text: long, Warn: long})
		}
		all := []Dialog{
			NewPrompt(long, long, rapid.String().Draw(t, "initial"), nil),
			NewSearch(safe.Const("/ "), rapid.String().Draw(t, "search"), nil),
			NewPicker(long, long, keys.Default(), rows, ""),
			NewConfirm(long, long, true, long, long),
			NewTyped(long, long, "日本", long),
			NewReader(long, []safe.Text{long, {}, long}).Hanging([]int{11, 5, 90}),
			planned(long),
			told(long),
			NewPast(long),
			NewList(long, items(), items(), nil),
			NewForm(long, []safe.Text{long, long}, Field{Label: long, Hint: long, Initial: rapid.String().Draw(t, "field"), Needed: true}, Field{Label: safe.Const("日本語"), Former: strings.Repeat("日本語", 90)}, Field{Initial: strings.Repeat("語", 200)}).Outward(long, long, long),
			NewForm(long, nil, Field{Label: long}, Field{Initial: strings.Repeat("W", 999)}),
			explored(rapid.String().Draw(t, "expr"), AnswerForm(rapid.IntRange(0, 3).Draw(t, "form")), rapid.Bool().Draw(t, "range")),
		}
		w, h := rapid.IntRange(0, 130).Draw(t, "w"), rapid.IntRange(0, 40).Draw(t, "h")
		for _, d := range all {
			for _, r := range rapid.StringN(0, 6, -1).Draw(t, "typed") {
				press(d, noon, letter(r))
			}
			for range rapid.IntRange(0, 3).Draw(t, "down") {
				press(d, noon, down())
			}
			f := frame.New(w, h, theme.Default())
			c := d.Draw(f, keys.Default())
			if c.Shown {
				require.True(t, c.X >= 0 && c.Y >= 0 && c.X <= f.Width() && c.Y < f.Height(), "%T cursor %v in %dx%d", d, c, w, h)
			}
		}
	})
}

func told(text safe.Text) *Past {
	p := NewPast(text)
	p.Say([]Row{{Text: text}}, []Row{{Text: text}, {Label: text, Text: text}}, []string{"a", "b"}, func(int, int) []Row { return []Row{{Label: text, Text: text}, {}} })
	return p
}

// What is chosen among runs stays chosen when another comes in above it; who looks at the
// newest looks at the newest still.
func TestAPastGoesOn(t *testing.T) {
	p := NewPast(safe.Const("Runs"))
	say := func(ids ...string) {
		rows := make([]Row, len(ids))
		for i, id := range ids {
			rows[i].Text = safe.New("run "+id, 20)
		}
		p.Say(nil, rows, ids, func(i, _ int) []Row { return []Row{{Text: safe.New("all about "+ids[i], 40)}} })
	}
	say("2", "1")
	require.Contains(t, picture(p, 80, 20), "all about 2")
	say("3", "2", "1")
	require.Contains(t, picture(p, 80, 20), "all about 3")
	press(p, noon, down())
	say("4", "3", "2", "1")
	require.Contains(t, picture(p, 80, 20), "all about 2")
	say("4")
	require.Contains(t, picture(p, 80, 20), "all about 4")
	say()
	picture(p, 80, 20)
}

// What is wrapped goes on below what stands behind its label.
func TestAReaderKeepsItsColumns(t *testing.T) {
	r := NewReader(safe.Const("Event"), []safe.Text{safe.Const("verdict    aborted: " + "somebody ended it by a key and went away "), safe.Const("plain text that is wrapped as it is, from its first cell on")}).Hanging([]int{11})
	got := picture(r, 44, 12)
	require.Contains(t, got, "│ verdict    aborted: somebody ended it   │")
	require.Contains(t, got, "│            by a key and went away       │")
	require.Contains(t, got, "│ from its first cell on                  │")
	r.Say([]safe.Text{safe.Const("verdict    aborted: somebody ended it by a key and went away")})
	require.Contains(t, picture(r, 44, 12), "│ by a key and went away                  │")
}

func planned(text safe.Text) *Plan {
	p := NewPlan(text, noon)
	p.Say(text, []Row{{Label: text, Text: text}, {}, {Text: text}})
	return p
}

// What is typed wrongly is said at once, and where it is only too short when it is
// taken for done.
func TestWhatDiffersIsSaid(t *testing.T) {
	for typed, want := range map[string]string{
		"": "", "db 25": "", "db 25%": "",
		"Db":       `character 1 is "D" and has to be "d": small and capital letters differ`,
		"db25":     `character 3 is "2" and has to be a space`,
		"db 25%%":  `what follows "%" is too much: "%"`,
		"db 2\x1b": `character 5 is "␛" and has to be "5"`,
	} {
		require.Equal(t, want, differs("db 25%", typed).String(), "%q", typed)
	}
	require.Equal(t, `still missing: "5%"`, missing("db 25%", "db 2").String())
	require.Zero(t, missing("db 25%", "dc").Width())
}

// explored is a line of PromQL with everything that can be shown below it.
func explored(expr string, form AnswerForm, about bool) *Explore {
	e := NewExplore(expr, []string{"up", "日本語"}, time.Hour, time.UTC)
	hostile := "\x1b[2J日本語\u0301" + strings.Repeat("w", 300)
	e.Suggest(e.Spot(), []query.Suggestion{{Text: hostile, Insert: hostile, Kind: hostile, Help: hostile}, {Text: "b", Insert: "b"}}, nil)
	e.form = form
	f := &query.Findings{Question: query.Question{Expr: expr}, Sent: expr, Warnings: []string{hostile, "b", "c"}}
	for i := range 30 {
		f.Samples = append(f.Samples, query.Sample{Labels: query.Labels{"a": hostile, hostile: string(rune('a' + i)), "": ""}, Value: math.Inf(i%2*2 - 1)})
	}
	if about {
		f.Question.Span, f.Samples = time.Hour, nil
		f.Frame = query.Frame{Grid: query.Grid{Start: noon, Step: time.Minute, N: 3}, Series: []query.Series{{Legend: hostile, Values: []float64{1, math.NaN(), 2}}, {Legend: "b", Values: []float64{1, 2, 3}}}}
	}
	e.Tell(e.turn, f, nil)
	e.TellParts(e.turn, []query.Part{{What: hostile, Expr: hostile, Depth: 90, Asked: true, Err: errors.New(hostile)}, {What: "b", Type: "scalar", Asked: true, Value: math.Inf(1), Series: 1}}, nil)
	return e
}
