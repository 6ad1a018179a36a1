package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sitrep-dev/sitrep/escalation"
	"github.com/sitrep-dev/sitrep/incident"
)

func words(m escalation.Message, inc incident.Incident, mention func(incident.Person) string) (string, []string) {
	a := attempt{Sender: New(Config{Mention: mention}), m: m, content: m.Content(), inc: inc}
	text, blocks := a.words(context.Background())
	encoded, err := json.Marshal(blocks)
	if err != nil {
		panic(err)
	}
	var shown []struct {
		Type string
		Text struct {
			Type, Text string
			Verbatim   bool
		}
	}
	if err := json.Unmarshal(encoded, &shown); err != nil {
		panic(err)
	}
	var all []string
	for _, b := range shown {
		if b.Text.Type == "mrkdwn" && !b.Text.Verbatim {
			panic("Slack would look for names in it")
		}
		all = append(all, b.Type+": "+b.Text.Text)
	}
	form := url.Values{"text": {text}, "blocks": {string(encoded)}}
	if code := checkWords(form, 4000); code != "" {
		panic(code)
	}
	return text, all
}

// Titles are what somebody typed.
func TestHostileWords(t *testing.T) {
	inc := checkout()
	inc.Title = "<!channel> & <@U123> </x> \x1b[31mred\u202e\xff https://evil.example/?a=1&b=<2>."
	m := headline("01A")
	m.Payload = incident.Payload(escalation.Content{Headline: true, Text: inc.Title + "\nsee https://wiki.example/a?b=1&c=2, and <!here>"})
	text, blocks := words(m, inc, nil)
	const title = "&lt;!channel&gt; &amp; &lt;@U123&gt; &lt;/x&gt; [31mred\ufffd https://evil.example/?a=1&amp;b=&lt;2&gt;."
	require.Equal(t, title+"\nsee https://wiki.example/a?b=1&amp;c=2, and &lt;!here&gt;", text)
	require.Equal(t, []string{"header: " + title, "section: see <https://wiki.example/a?b=1&amp;c=2>, and &lt;!here&gt;"}, blocks)
}

// A title that does not fit the header stands whole below it.
func TestLongTitle(t *testing.T) {
	long := strings.Repeat("very ", 60) + "long"
	m := headline("01A")
	m.Payload = incident.Payload(escalation.Content{Headline: true, Text: long + "\nopen"})
	_, blocks := words(m, checkout(), nil)
	require.Equal(t, []string{"header: " + long[:149] + "…", "section: " + long + "\nopen"}, blocks)
}

// Outside a thread, a message says which incident it is about.
func TestWordsOutsideAThread(t *testing.T) {
	m := post("01A", "L2 called")
	text, blocks := words(m, checkout(), nil)
	require.Equal(t, "INC-7 SEV-1 Checkout answers 5xx\nL2 called", text)
	require.Equal(t, []string{"section: " + text}, blocks)

	m.Parent = "C0INC/1.1"
	text, _ = words(m, checkout(), nil)
	require.Equal(t, "L2 called", text)

	m = message1(escalation.OpPost, "01B", escalation.Content{Text: "pagerduty:lead cannot be reached", Diverts: "01A"})
	text, _ = words(m, checkout(), nil)
	require.Equal(t, "pagerduty:lead cannot be reached", text, "a diverted page names its incident itself")
}

// People are mentioned only when they are called, and only by a user ID.
func TestMentions(t *testing.T) {
	ids := map[incident.Person]string{"bob": "U123", "eve": "W9", "mallory": "!channel", "carol": ""}
	mention := func(p incident.Person) string { return ids[p] }
	who := []incident.Person{"bob", "mallory", "carol", "eve", "nobody"}
	for _, c := range []struct {
		content escalation.Content
		want    string
	}{
		{escalation.Content{Page: escalation.PageCritical, Who: who}, "x\n<@U123> <@W9>"},
		{escalation.Content{Diverts: "01A", Who: who}, "x\n<@U123> <@W9>"},
		{escalation.Content{Page: escalation.PageNone, Who: who}, "x"},
		{escalation.Content{Who: who}, "x"},
		{escalation.Content{Page: escalation.PageCritical, Who: who[1:3]}, "x"},
	} {
		c.content.Text = "x"
		m := message1(escalation.OpPost, "01A", c.content)
		m.Parent = "C0INC/1.1"
		text, blocks := words(m, checkout(), mention)
		require.Equal(t, c.want, text)
		require.Len(t, blocks, strings.Count(c.want, "\n")+1)
		text, _ = words(m, checkout(), nil)
		require.Equal(t, "x", text)
	}
}

// Whatever a message says: Slack takes it, and nothing in it is a command but
// links that show where they lead.
func TestAnyWordsAreValid(t *testing.T) {
	allowed := regexp.MustCompile(`<https?://\w[^<>|\s]*>`)
	entity := regexp.MustCompile(`&(amp|lt|gt);`)
	rapid.Check(t, func(rt *rapid.T) {
		piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"<", "&", "<!channel>", "🔥", "\n", "\xff", "https://a.b/c?d&e ", "http://", "*", "x"}))
		var b strings.Builder
		for range rapid.IntRange(0, 6).Draw(rt, "pieces") {
			b.WriteString(strings.Repeat(piece.Draw(rt, "piece"), rapid.SampledFrom([]int{1, 2, 149, 150, 2999, 3000, 20_000}).Draw(rt, "times")))
		}
		m := message1(escalation.OpPost, "01A", escalation.Content{Text: b.String(), Headline: rapid.Bool().Draw(rt, "headline"), Page: escalation.PageError, Who: make([]incident.Person, 30)})
		if rapid.Bool().Draw(rt, "in a thread") {
			m.Parent = "C0INC/1.1"
		}
		text, blocks := words(m, checkout(), nil) // panics if Slack would refuse it
		for _, s := range append(blocks, text) {
			bare := entity.ReplaceAllString(allowed.ReplaceAllString(s, ""), "")
			if strings.ContainsAny(bare, "<>&\x1b\u202e\r\t") {
				rt.Fatalf("%q is not escaped", bare)
			}
		}
	})
}

// What calls people says what chaos or load goes on where it hurts; what stays for longer
// than that does not.
func TestWordsOfWhatGoesOnOnPurpose(t *testing.T) {
	say := func(content escalation.Content) (string, int) {
		m := post("01A", "L2 called")
		m.Payload = incident.Payload(content)
		a := attempt{Sender: New(Config{Runs: func(context.Context, incident.Incident) []string {
			return []string{"CH-4 pay<latency> goes on since 03:01:10Z"}
		}}), m: m, content: m.Content(), inc: checkout()}
		text, blocks := a.words(context.Background())
		return text, len(blocks)
	}
	text, blocks := say(escalation.Content{Text: "L2 called", Page: escalation.PageCritical})
	require.Equal(t, "INC-7 SEV-1 Checkout answers 5xx\nL2 called\nCH-4 pay&lt;latency&gt; goes on since 03:01:10Z", text)
	require.Equal(t, 2, blocks)
	for _, quiet := range []escalation.Content{{Text: "noted"}, {Text: "L2 called", Page: escalation.PageNone}, {Text: "open", Page: escalation.PageCritical, Headline: true}} {
		text, _ := say(quiet)
		require.NotContains(t, text, "CH-4")
	}
}

func TestIsHandle(t *testing.T) {
	for _, handle := range []string{"@oncall", "@on-call_2.b", "@größe", "@当番", "@" + strings.Repeat("a", 80)} {
		require.True(t, isHandle(handle), handle)
	}
	for _, other := range []string{"", "@", "oncall", "@On", "@a b", "@a>", "@<!here", "@a\n", "@\xff", "@" + strings.Repeat("a", 81)} {
		require.False(t, isHandle(other), other)
	}
}
