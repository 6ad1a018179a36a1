package slack

import (
	"context"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/slack-go/slack"

	"github.com/sitrep-dev/sitrep/escalation"
)

// Slack's limits, in UTF-16 code units to be safe. The whole of a message's
// blocks may have about 13 200, which is not documented: four sections fit.
const (
	maxText     = 3600 // chat.update takes 4000, mentions included
	maxHeader   = 150
	maxSection  = 3000
	maxSections = 4
	maxMentions = 20
	maxRun      = 300 // a line about chaos or load
)

// words is what the message says: the blocks that are shown, and the text for
// notifications and for where blocks are not. Everything from outside is
// escaped in both.
func (a attempt) words(ctx context.Context) (text string, blocks []slack.Block) {
	raw := clean(a.content.Text)
	if raw == "" { // a damaged payload
		raw = clean(escalation.Headline(a.inc))
	}
	first, rest, _ := strings.Cut(raw, "\n")
	switch {
	case a.content.Headline:
		header := escape(first, maxHeader)
		blocks = append(blocks, slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, header, false, false)))
		if header != escape(first, len(first)*5) {
			rest = raw
		}
	case (a.m.Parent == "" || a.m.Operation == escalation.OpAnnounce) && a.content.Diverts == "" && !a.content.Reminds:
		// No thread says what it is about, or not to all of its readers, so the text does.
		if title, _, _ := strings.Cut(clean(escalation.Headline(a.inc)), "\n"); !strings.HasPrefix(raw, title) {
			raw = title + "\n" + raw
		}
		rest = raw
	default:
		rest = raw
	}
	text = escape(raw, maxText)
	sections := split(rest)
	if room := a.roomLink(); room != "" {
		text += "\n" + room
		sections = append(sections, room)
	}
	if a.config.Runs != nil && a.calls() && !a.content.Headline {
		for _, run := range a.config.Runs(ctx, a.inc) {
			text += "\n" + escape(clean(run), maxRun)
			sections = append(sections, escape(clean(run), maxRun))
		}
	}
	if mentions := a.mentions(ctx); mentions != "" {
		text += "\n" + mentions
		sections = append(sections, mentions)
	}
	for _, s := range sections {
		// verbatim: Slack must not look for channels and names in it
		blocks = append(blocks, slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, s, false, true), nil, nil))
	}
	return text, append(blocks, a.buttons()...)
}

// calls says whether the message is to wake people.
func (a attempt) calls() bool {
	return a.content.Diverts != "" || a.content.Page != "" && a.content.Page != escalation.PageNone
}

// mentions calls the people whom the message is for, if it calls anybody, or asks or
// reminds them.
func (a attempt) mentions(ctx context.Context) string {
	if !a.calls() && a.content.Question == nil && !a.content.Reminds {
		return ""
	}
	var all []string
	for _, who := range a.content.Who[:min(len(a.content.Who), maxMentions)] {
		if one := a.mention(ctx, who); one != "" {
			all = append(all, one)
		}
	}
	return strings.Join(all, " ")
}

// split makes sections of whole lines out of raw text, escaped and with links.
func split(raw string) (sections []string) {
	section := ""
	flush := func() {
		if strings.TrimSpace(section) != "" {
			sections = append(sections, link(section))
		}
		section = ""
	}
	for l := range strings.Lines(raw) {
		l = escape(l, maxSection)
		if size(section)+size(l) > maxSection {
			flush()
		}
		if len(sections) == maxSections {
			return append(sections[:maxSections-1], "…")
		}
		section += l
	}
	flush()
	return sections
}

var address = regexp.MustCompile(`https?://\w(?:&amp;|[^\s|<>&])*`)

// link makes web addresses in escaped text clickable, if the text has room:
// verbatim text has no links of its own. The address itself is all that is
// shown, so it cannot pretend to be another.
func link(escaped string) string {
	linked := address.ReplaceAllStringFunc(escaped, func(url string) string {
		end := len(strings.TrimRight(url, `.,;:!?)]}'"*_~`+"`…"))
		return "<" + url[:end] + ">" + url[end:]
	})
	if size(linked) > maxSection {
		return escaped
	}
	return linked
}

// escape is raw text as Slack shows it: without mentions, links or commands. At
// most most code units, an entity is never cut.
func escape(raw string, most int) string {
	entity := map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}
	var b strings.Builder
	n, last := 0, 0 // last: where an ellipsis still fits
	for _, r := range raw {
		s := entity[r]
		if s == "" {
			s = string(r)
		}
		if n += size(s); n > most {
			return b.String()[:last] + "…"
		}
		b.WriteString(s)
		if n < most {
			last = b.Len()
		}
	}
	return b.String()
}

// clean drops what cannot be shown and what turns the direction of writing;
// tabs become spaces, lines stay.
func clean(raw string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == '\u2028', r == '\u2029':
			return '\n'
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(raw, "\ufffd")))
}

func size(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
