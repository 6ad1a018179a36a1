package postmortem_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/incident/postmortem"
)

// page is an export as a browser would take it apart.
type page struct {
	text     string
	tags     map[string]int
	ids      []string
	links    []string
	pictures []string
}

// harmless are the elements of an export, and harmlessAttrs what they may carry.
var (
	harmless = []string{
		"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "b", "span", "div", "nav", "main", "section",
		"footer", "a", "em", "strong", "del", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "blockquote", "br", "hr", "input", "img",
	}
	harmlessAttrs = []string{
		"lang", "charset", "name", "content", "http-equiv", "class", "id", "href", "rel", "aria-label", "checked", "disabled", "type", "start", "align", "style", "alt", "src", "title",
	}
)

// open reads an export, and refuses what could run or fetch.
func open(t require.TestingT, raw []byte) page {
	p := page{tags: map[string]int{}}
	z := html.NewTokenizer(strings.NewReader(string(raw)))
	style := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return p
		case html.TextToken:
			if !style {
				p.text += z.Token().Data
			}
		case html.CommentToken:
			require.Fail(t, "a comment is in the page", "%s", z.Raw())
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			style = tok.Data == "style"
			p.tags[tok.Data]++
			require.Contains(t, harmless, tok.Data)
			for _, a := range tok.Attr {
				require.Contains(t, harmlessAttrs, a.Key, "%s %s", tok.Data, a.Val)
				switch {
				case a.Key == "id":
					p.ids = append(p.ids, a.Val)
				case a.Key == "href" && tok.Data == "a":
					p.links = append(p.links, a.Val)
				case a.Key == "src" && tok.Data == "img":
					require.Regexp(t, `^data:image/(png|jpeg|gif|webp);base64,`, a.Val)
					p.pictures = append(p.pictures, a.Val)
				case a.Key == "style":
					require.Regexp(t, `^text-align:(left|right|center)$`, a.Val)
				default:
					require.NotContains(t, []string{"href", "src"}, a.Key, "%s", tok.Data)
				}
			}
		case html.EndTagToken:
			style = false
		}
	}
}

func export(t require.TestingT, s postmortem.Stored, inc incident.Incident) page {
	raw, err := s.HTML(inc, postmortem.Gallery{})
	require.NoError(t, err)
	return open(t, raw)
}

func TestThePageHasEverySectionAndAWayToIt(t *testing.T) {
	n := sev1(t)
	s := postmortem.Merge(postmortem.Stored{ID: "PM-1", Version: 1, Author: incident.Sitrep, At: three}, n.draft())
	p := export(t, s, n.inc)
	require.Equal(t, 1, p.tags["style"])
	require.Equal(t, 1, p.tags["h1"])
	require.Zero(t, p.tags["img"])
	for _, k := range s.Sections {
		if k.Key != "title" {
			require.Contains(t, p.ids, k.Key)
			require.Contains(t, p.links, "#"+k.Key)
		}
	}
	for _, said := range []string{
		"Post-mortem PM-1 of INC-12, SEV-1 · draft · version 1 by sitrep, 2026-11-24 03:00:00 UTC", "53m 35sduration", "17m 11sto acknowledge",
		"Contents", "Every event (UTC)", "HighErrorRate job=checkout (alert.fired, alert)", "rate(http_requests_total", "▁▁▂▂▃▃",
	} {
		require.Contains(t, p.text, said)
	}
	require.Equal(t, slices.Compact(slices.Sorted(slices.Values(p.ids))), slices.Sorted(slices.Values(p.ids)), "no place has two")
}

// Whatever a label, a note or a chat holds, the page has the elements that it has with
// tame words, nothing runs, nothing is fetched.
func TestNothingFromOutsideBreaksOutOfThePage(t *testing.T) {
	tame := poisoned(t, "tame")
	want := export(t, postmortem.Merge(postmortem.Stored{}, tame.draft()), tame.inc)
	delete(want.tags, "code") // a span of code stands for a value, "no data" for none
	for _, s := range hostile(t) {
		s = strings.ToValidUTF8(s, "?") // as any store has it: else one name is two
		if strings.TrimSpace(s) == "" {
			continue // without an owner there is a question
		}
		n := poisoned(t, s)
		got := export(t, postmortem.Merge(postmortem.Stored{}, n.draft()), n.inc)
		delete(got.tags, "code")
		require.Equal(t, want.tags, got.tags, "%q", s)
		require.Equal(t, want.links, got.links, "%q", s)
		require.NotContains(t, got.text, "\x1b")
	}
}

// People may write what they like into a post-mortem: that is shown, and does nothing.
func TestWhatPeopleWriteDoesNothing(t *testing.T) {
	with := func(words string) page {
		s := postmortem.Stored{ID: "PM-1", Incident: "INC-1", Sections: []postmortem.Kept{
			{Key: "title", Heading: "# Post-Mortem", Generated: "# Post-Mortem"},
			{Key: "lessons", Heading: "## Lessons", State: postmortem.ByHand, Human: "## Lessons\n" + words},
			{Key: "after", Heading: "## After", Generated: "## After\nit goes on"},
		}}
		return export(t, s, incident.Incident{})
	}
	for _, words := range []string{
		"<script>alert(1)</script>", "a <img src=x onerror=alert(1)> b", "<iframe src=https://127.0.0.1/></iframe>", "<style>body{display:none}</style>",
		"<!-- a --><script>alert(2)</script>", "<svg onload=alert(1)>", "<a href=\"javascript:alert(1)\">x</a>", "<base href=//127.0.0.1/>",
		"```html\n<script>alert(3)</script>\nnobody closes this", "<details open ontoggle=alert(1)>", "\x00<\x00script>", "<link rel=stylesheet href=//127.0.0.1/a.css>",
	} {
		p := with(words)
		require.Contains(t, p.text, "it goes on", "%q", words)
		require.Equal(t, 2, p.tags["section"], "%q", words)
		for _, tag := range []string{"script", "img", "iframe", "svg", "base", "link", "details"} {
			require.Zero(t, p.tags[tag], "%q", words)
		}
	}
	require.Contains(t, with("<script>alert(1)</script>").text, "<script>alert(1)</script>", "it is there to be read")
	require.NotContains(t, with("seen\n\n<!-- not seen -->\n\n<!--\nnor this\n-->").text, "not seen")

	links := func(p page) (out []string) {
		for _, l := range p.links {
			if !strings.HasPrefix(l, "#") {
				out = append(out, l)
			}
		}
		return out
	}
	for _, address := range []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "java&#x09;script:alert(1)", "&#106;avascript:alert(1)", "vbscript:x", "data:text/html,x", "file:///etc/passwd",
		"//127.0.0.1/share", "blob:x", "data:image/svg+xml;base64,AAAA", "javascript&colon;alert(1)", "https:x",
	} {
		for _, words := range []string{"[here](" + address + ")", "<" + address + ">", "![here](" + address + ")", "[here]: " + address + "\n\n[here]"} {
			p := with(words)
			require.Empty(t, links(p), "%q", words)
			require.Empty(t, p.pictures, "%q", words)
		}
	}
	require.Contains(t, with("[here](javascript:alert(1))").text, "here (javascript:alert(1))")
	require.Equal(t, []string{"https://example.org/a?b=1&c=2", "mailto:dana@example.org", "runbooks/a.md"},
		links(with("[a](https://example.org/a?b=1&c=2) [b](mailto:dana@example.org) [c](runbooks/a.md)")))
	elsewhere := with("![graph](https://example.org/g.png)")
	require.Equal(t, []string{"https://example.org/g.png"}, links(elsewhere), "opening the page asks nobody for a picture")
	require.Len(t, with("![dot](data:image/png;base64,iVBORw0KGgo=)").pictures, 1)
}

func TestTwoWordingsStandOnThePage(t *testing.T) {
	s := postmortem.Stored{ID: "PM-1", Sections: []postmortem.Kept{{
		Key: "lessons", Heading: "## Lessons", State: postmortem.ByHand, Human: "## Lessons\n<<<<<<< emil\nOne.\n=======\nTwo.\n>>>>>>> dana",
	}}}
	p := export(t, s, incident.Incident{})
	require.Contains(t, p.text, "In 1 place two people chose different words")
	for _, line := range []string{"<<<<<<< emil", "=======", ">>>>>>> dana", "One.", "Two."} {
		require.Contains(t, p.text, line)
	}
	require.Equal(t, [2]int{1, 0}, [2]int{p.tags["h2"], p.tags["blockquote"]})
}
