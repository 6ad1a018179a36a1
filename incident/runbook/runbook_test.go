package runbook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/runbook"
	"github.com/sitrep-dev/sitrep/strictyaml"
)

const checkout = `---
title: Checkout answers with errors
url: https://wiki.example.com/runbooks/checkout
match:
  service: [checkout, storefront]
  alertname: HighErrorRate
---
# Ignored, the front matter has a title

For whoever is on call. Steps are ticked as they are done.

## Confirm

- [ ] Confirm on the **board** {#confirm}

  It is real if customers see it:

  ` + "```promql unit=percentunit" + `
  sum(rate(errors[1m]))
    / sum(rate(requests[1m]))
  ` + "```" + `
- [x] Which peer fails?
  - payments: go on
  - [ ] others: page them

## Mitigate

Only one at a time.

1. [ ] Roll back
   ` + "```sh" + `
   kubectl rollout undo deploy/checkout
   ` + "```" + `
2. just a remark
* [ ] Which *peer* fails?
* [ ] 42

That is all.
`

func load(t require.TestingT, file, src string) runbook.Runbook {
	r, err := runbook.Load(file, []byte(src))
	require.NoError(t, err)
	return r
}

func TestLoad(t *testing.T) {
	r := load(t, "books/checkout-5xx.md", checkout)
	require.Equal(t, "checkout-5xx", r.Name)
	require.Equal(t, "Checkout answers with errors", r.Title)
	require.Equal(t, []string{"https://wiki.example.com/runbooks/checkout"}, r.URLs)
	require.Equal(t, map[string][]string{"service": {"checkout", "storefront"}, "alertname": {"HighErrorRate"}}, r.Match)
	var steps []string
	for _, s := range r.Steps {
		steps = append(steps, fmt.Sprintf("%d %s %s: %s", s.Number, s.ID, s.Group, s.Text))
	}
	require.Equal(t, []string{
		"1 confirm Confirm: Confirm on the **board**",
		"2 which-peer-fails Confirm: Which peer fails?",
		"3 roll-back Mitigate: Roll back",
		"4 which-peer-fails-2 Mitigate: Which *peer* fails?",
		"5 step-42 Mitigate: 42",
	}, steps)
	require.Equal(t, []runbook.Block{{Text: "For whoever is on call. Steps are ticked as they are done.", Line: 10}}, r.Steps[0].Before)
	require.Equal(t, []runbook.Block{
		{Text: "It is real if customers see it:", Line: 16},
		{Code: true, Lang: "promql", Unit: "percentunit", Text: "sum(rate(errors[1m]))\n  / sum(rate(requests[1m]))", Line: 19, Col: 3},
	}, r.Steps[0].Body)
	require.Len(t, r.Steps[0].Queries(), 1)
	require.Equal(t, []runbook.Block{{Text: "- payments: go on", Line: 23}, {Text: "- [ ] others: page them", Line: 24}}, r.Steps[1].Body)
	require.Equal(t, "sh", r.Steps[2].Body[0].Lang)
	require.Empty(t, r.Steps[2].Queries(), "a shell command is read, never run")
	require.Equal(t, []runbook.Block{{Text: "2. just a remark", Line: 34}}, r.Steps[3].Before)
	require.Equal(t, []runbook.Block{{Text: "That is all.", Line: 38}}, r.After)

	s, err := r.Step("3")
	require.NoError(t, err)
	require.Equal(t, "roll-back", s.ID)
	s, err = r.Step("#confirm")
	require.NoError(t, err)
	require.Equal(t, 1, s.Number)
	_, err = r.Step("9")
	require.EqualError(t, err, `checkout-5xx has no step "9": it has 1 to 5 (sitrep runbook show checkout-5xx lists them with their names)`)
}

func TestNumberedItemsAreStepsWithoutATaskList(t *testing.T) {
	r := load(t, "a.md", "# Disk full\n\n- a remark\n\n1. Look\n\n   with `df`\n2) Delete\n3. ```promql\n   up\n   ```\n")
	require.Equal(t, "Disk full", r.Title)
	require.Len(t, r.Steps, 3)
	require.Equal(t, "with `df`", r.Steps[0].Body[0].Text)
	require.Equal(t, "up", r.Steps[2].Text)
	require.Equal(t, "a", load(t, "a.md", "1. x").Title)
}

// A tick stays with its step through the edits that leave its words alone.
func TestNamesSurviveSmallEdits(t *testing.T) {
	ids := func(src string) (out []string) {
		for _, s := range load(t, "a.md", src).Steps {
			out = append(out, s.ID)
		}
		return out
	}
	before := ids("1. Look at the pool\n2. Restart `payments`\n")
	require.Equal(t, before, ids("# T\n- [ ] Look at the **pool**.\n\n  and more\n- [x] restart payments!\n"))
	require.Equal(t, []string{before[1], before[0]}, ids("- [ ] Restart payments\n- [ ] Look at the pool\n"), "moved")
	require.Equal(t, ids("- [ ] a {#pool}\n"), ids("- [ ] quite other words {#pool}\n"))
	require.Len(t, ids("1. " + strings.Repeat("日本 ", 100))[0], 48*3+23)
}

func TestWrongFilesAreToldWithTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"empty":       {"", "x.md:1:1: there is no step in it"},
		"prose":       {"# A\n\n- b\n", "x.md:1:1: there is no step in it"},
		"unclosed":    {"---\ntitle: x\n", "x.md:1:1: the front matter begins here and has no end"},
		"front only":  {"---\ntitle: x\n---", "x.md:1:1: there is nothing but front matter in it"},
		"unknown key": {"---\n# c\ntitel: x\n---\n1. a\n", "x.md:3:1: unknown key \"titel\""},
		"list":        {"---\nmatch: [a]\n---\n1. a\n", "x.md:2:"},
		"matcher":     {"---\nmatch:\n  service: {a: b}\n---\n1. a\n", "x.md:3:"},
		"label":       {"---\nmatch: {a-b: c}\n---\n1. a\n", `x.md:2:9: "a-b" is not the name of a label`},
		"url":         {"---\nurls:\n  - https://x/y\n  - nowhere\n---\n1. a\n", `x.md:4:5: "nowhere" is not a URL`},
		"twice":       {"1. a {#x}\n2. b {#x}\n", "x.md:2:4: {#x} is the name of another step already"},
		"bad name":    {"1. a {#1}\n", "x.md:1:4: {#1}: the name of a step is a letter"},
		"no words":    {"- [ ] a\n- [ ] <!-- -->\n- [ ] {#b}\n", "x.md:3:3: a step without words"},
		"nul":         {"1. a\n2. \x00\n", "x.md:2:4: not a text file: it contains a NUL byte"},
		"latin1":      {"1. a\n2. caf\xe9\n", "x.md:2:7: not a text file: this is not UTF-8"},
		"large":       {strings.Repeat("1. a\n", 60000), "x.md: the file is larger than 64 KiB"},
		"many":        {strings.Repeat("1. a\n", 201), "x.md:201:4: more than 200 steps"},
		"deep":        {"1. a\n" + strings.Repeat(">", 300), "x.md:2:1: this is nested deeper"},
		"deep list":   {strings.Repeat("- ", 300) + "a", "x.md:1:1: this is nested deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := runbook.Load("x.md", []byte(c.src))
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := runbook.Load("x.md", []byte("1. a\n2. b {#1}\n"))
	require.ErrorContains(t, err, "\n>  2 | 2. b {#1}\n          ^")
}

func TestWhichRunbooksFit(t *testing.T) {
	book := func(name, front string) runbook.Runbook {
		return load(t, name+".md", "---\n"+front+"\n---\n1. a\n")
	}
	all := []runbook.Runbook{
		book("any-checkout", "match: {service: checkout}"),
		book("checkout-eu", "match: {service: checkout, region: [eu, uk]}"),
		book("by-url", "url: https://wiki/x/"),
		book("TargetDown", ""),
		book("never", "title: x"),
	}
	for name, c := range map[string]struct {
		inc  incident.Incident
		want string
	}{
		"nothing":     {incident.Incident{}, ""},
		"service":     {incident.Incident{Service: "checkout"}, "any-checkout (service=checkout)"},
		"label":       {incident.Incident{Labels: map[string]string{"service": "checkout", "region": "uk"}}, "checkout-eu (region=uk, service=checkout) any-checkout (service=checkout)"},
		"other value": {incident.Incident{Service: "checkout", Labels: map[string]string{"region": "us"}}, "any-checkout (service=checkout)"},
		"url":         {incident.Incident{Service: "checkout", RunbookURL: "https://wiki/x"}, "by-url (by runbook_url) any-checkout (service=checkout)"},
		"its name":    {incident.Incident{Labels: map[string]string{"runbook_url": "https://runbooks.example.com/general/targetdown.md#x"}}, "TargetDown (by the name in runbook_url)"},
		"unknown url": {incident.Incident{RunbookURL: "https://wiki/y"}, ""},
		"not a url":   {incident.Incident{RunbookURL: "%zz:\x00"}, ""},
		"by hand":     {incident.Incident{Service: "checkout", RunbookURL: "https://wiki/x", Runbook: "never"}, "never (attached by hand) by-url (by runbook_url) any-checkout (service=checkout)"},
		"in use":      {incident.Incident{RunbookURL: "https://wiki/x", Ticks: []incident.Tick{{Step: incident.Step{Runbook: "never", Step: "a"}}}}, "never (in use) by-url (by runbook_url)"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range runbook.For(c.inc, all) {
				got = append(got, fmt.Sprintf("%s (%s)", m.Name, m.Why))
			}
			require.Equal(t, c.want, strings.Join(got, " "))
		})
	}
}

func TestProgress(t *testing.T) {
	r := load(t, "r.md", "1. a\n2. b\n")
	var inc incident.Incident
	require.Equal(t, "step 1/2", r.Progress(inc))
	inc.Ticks = []incident.Tick{{Step: incident.Step{Runbook: "r", Step: "a"}}, {Step: incident.Step{Runbook: "r", Step: "old", Text: "was here"}}, {Step: incident.Step{Runbook: "other", Step: "b"}}}
	require.Equal(t, "step 2/2", r.Progress(inc))
	require.Equal(t, 1, r.Done(inc))
	require.Equal(t, inc.Ticks[1:2], r.Gone(inc))
	inc.Ticks = append(inc.Ticks, incident.Tick{Step: incident.Step{Runbook: "r", Step: "b"}})
	require.Equal(t, "all 2 done", r.Progress(inc))
}

func TestAnswersInALine(t *testing.T) {
	v := func(series, text string) runbook.Value { return runbook.Value{Series: series, Text: text} }
	for want, a := range map[string]runbook.Answer{
		"":                        {At: time.Now()},
		"no data":                 {Done: true},
		"no answer: it timed out": {Done: true, Err: "it timed out"},
		"7%":                      {Done: true, Values: []runbook.Value{v("", "7%")}},
		"7% a, 6% b":              {Done: true, Values: []runbook.Value{v("a", "7%"), v("b", "6%")}},
		"1, 2, 3, 4, and 11 more": {Done: true, Values: []runbook.Value{v("", "1"), v("", "2"), v("", "3"), v("", "4"), v("", "5")}, More: 10},
	} {
		require.Equal(t, want, a.Summary())
	}
}

// Whatever a file holds, reading it ends: with a fault that has a place, or with
// steps that can all be found by their names.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		checkout, "1. a\n", "- [ ] ```promql\n  up\n", "---\nmatch: {a: [b]}\n---\n- [ ] x {#y}\n", "> - [ ] a\n", "1. - [ ] a\n   > b\n\n     c\n",
		"- [ ]\n", "- [ ] \n  a", "\t1. a\n\t\tb", "-\n\n  a", "1.\n\n\n2. a", "# \n1. #\n", "---\n---\n1. a", "<!--\n1. a", "1. <div>\n2. a\n", "- [ ] a {#}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := runbook.Load("x.md", src)
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "x.md:"), "%v", err)
			return
		}
		require.NotEmpty(t, r.Steps)
		seen := map[string]bool{}
		for _, s := range r.Steps {
			require.False(t, seen[s.ID], s.ID)
			seen[s.ID] = true
			require.NotEmpty(t, s.Text)
			require.NotContains(t, s.Text, "\n")
			found, err := r.Step(s.ID)
			require.NoError(t, err)
			require.Equal(t, s.Number, found.Number)
			for _, b := range s.Body {
				require.GreaterOrEqual(t, b.Line, 1)
			}
		}
	})
}

// What is made to cost a parser is read, or refused with its place; bench says
// what it costs.
func TestHostileFilesAreReadOrRefused(t *testing.T) {
	for name, src := range hostile() {
		t.Run(name, func(t *testing.T) {
			_, err := runbook.Load("x.md", []byte(src))
			var fault *strictyaml.Error
			require.True(t, err == nil || errors.As(err, &fault), err)
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, src := range hostile() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = runbook.Load("x.md", []byte(src))
			}
		})
	}
}

// hostile are texts of the size that is just read.
func hostile() map[string]string {
	const size = 63 << 10
	return map[string]string{
		"quotes":    "1. a\n" + strings.Repeat("> > > > > > > > > > a\n", size/24),
		"lists":     strings.Repeat("- - - - - - - - - - a\n", size/24) + "\n1. a\n",
		"fences":    strings.Repeat("```\n", size/4) + "\n1. a\n",
		"lines":     "1. a\n" + strings.Repeat("a\n", size/2),
		"brackets":  "1. " + strings.Repeat("[", size),
		"stars":     "1. " + strings.Repeat("*a ", size/3),
		"numbers":   "1. a\n" + strings.Repeat("2. \n", size/5),
		"links":     "1. a\n\n" + strings.Repeat("[a]: b\n", size/8),
		"html":      "1. a\n\n" + strings.Repeat("<a\n", size/4),
		"stairs":    stairs(size),
		"one line":  "1. " + strings.Repeat("a", size),
		"headings":  strings.Repeat("# a\n", size/5) + "\n1. a\n",
		"setext":    "1. a\n\n" + strings.Repeat("a\n=\n", size/5),
		"tabs":      "1. a\n" + strings.Repeat("\t\t\t\t\ta\n", size/8),
		"front":     "---\ntitle: " + strings.Repeat("[", 300) + "\n---\n1. a\n",
		"rules":     "1. a\n\n" + strings.Repeat("- - - - - - - - - - - - - - - - - - - - - - - -\n", size/60),
		"long rule": "1. a\n\n" + strings.Repeat("- ", size/3) + "\n",
	}
}

// stairs is a list in a list in a list, as deep as indentation goes.
func stairs(size int) string {
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		b.WriteString(strings.Repeat("  ", n%200) + "- a\n")
	}
	return b.String() + "\n1. a\n"
}
