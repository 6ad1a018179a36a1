package postmortem

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sitrep-dev/sitrep/incident"
)

// MaxEdited is the longest text that is taken back from an editor, in bytes.
const MaxEdited = 4 << 20

// ErrEmpty says that an editor gave back nothing at all: an accident, and no
// edit.
var ErrEmpty = errors.New("the text is empty")

// The lines that fence a section in the edit form, and notes to the writer. They
// stand alone on a line; what a person wrote before or after one is put on a line
// of its own first (apart). A draft cannot forge them: what comes from
// outside is escaped, or stands between backticks. A person's own comments are
// none of them.
const fence = `<!--[ \t]*(?:sitrep:section(?:[ \t]+(?:key=[\w.-]*|(?:sha=)?[0-9a-f]*))*|/sitrep)[ \t]*`

var (
	anyFence  = regexp.MustCompile(fence + `(?:-->|$)`)
	openLine  = regexp.MustCompile(`^\s*<!--\s*sitrep:section\s+key=([\w.-]+?)(?:\s+(?:sha=)?([0-9a-f]*?))?\s*(?:-->)?\s*$`)
	closeLine = regexp.MustCompile(`^\s*<!--\s*/sitrep\s*(?:-->)?\s*$`)
	noteLine  = regexp.MustCompile(`^\s*<!--\s*(?:sitrep:section(?:\s+(?:key=[\w.-]*?|(?:sha=)?[0-9a-f]*))*\s*(?:-->)?|sitrep: (?:PM-\d+ version \d+\. )?[Ww]rite anywhere\..*-->|sitrep: new facts; .*-->|sitrep: \+ .*-->)\s*$`)
	formOf    = regexp.MustCompile(`^\s*<!--\s*sitrep: (PM-\d+) version (\d+)\.`)
)

// isMarker says whether a line belongs to the edit form and not to the text.
func isMarker(line string) bool {
	return openLine.MatchString(line) || closeLine.MatchString(line) || noteLine.MatchString(line)
}

// Form is what came back from an editor: the fenced regions and, in between,
// text without a fence.
type Form struct {
	Of      string // the post-mortem that it is of, by its first line; empty if that is gone
	Version int    // that was handed out, by the same; 0 if it is not known
	Regions []Region
	Loose   []string
}

// Region is a fenced part. SHA names the text that was handed out in it.
type Region struct{ Key, SHA, Text string }

// EditForm is the post-mortem for an editor: Markdown with every section
// between two comments, by which ParseEdited finds it again.
func (s Stored) EditForm() string {
	var b strings.Builder
	of := ""
	if s.Version > 0 {
		of = fmt.Sprintf("%s version %d. ", s.ID, s.Version)
	}
	fmt.Fprintf(&b, "<!-- sitrep: %sWrite anywhere. Comments such as the next one mark the sections: leave them, they are not exported. -->\n", of)
	for _, k := range s.Sections {
		fmt.Fprintf(&b, "\n<!-- sitrep:section key=%s sha=%s -->\n", k.Key, digest(k.Text()))
		for i, l := range k.Fresh() {
			if i == 0 {
				b.WriteString("<!-- sitrep: new facts; the draft now says: -->\n")
			}
			fmt.Fprintf(&b, "<!-- sitrep: + %s -->\n", strings.ReplaceAll(l, "--", "- -"))
		}
		if t := k.Text(); t != "" {
			b.WriteString(t + "\n")
		}
		b.WriteString("<!-- /sitrep -->\n")
	}
	return b.String()
}

// ParseEdited reads an edit form back, whatever became of it: CRLF line ends,
// another encoding, a missing, doubled or broken fence, text outside of any. It
// refuses only an empty text (ErrEmpty) and one above MaxEdited.
func ParseEdited(text string) (Form, error) {
	if len(text) > MaxEdited {
		return Form{}, fmt.Errorf("read the edited post-mortem: %d bytes, at most %d are taken; it was left as it is", len(text), MaxEdited)
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd").Replace(strings.TrimPrefix(decode(text), "\ufeff"))
	if strings.TrimSpace(text) == "" {
		return Form{}, fmt.Errorf("read the edited post-mortem: %w; nothing was changed", ErrEmpty)
	}
	var form Form
	var body []string
	var region *Region
	flush := func() {
		part := tidy(strings.Join(body, "\n"))
		switch {
		case region != nil:
			region.Text = part
			form.Regions = append(form.Regions, *region)
		case part != "":
			form.Loose = append(form.Loose, part)
		}
		region, body = nil, nil
	}
	for line := range strings.SplitSeq(apart(text), "\n") {
		open := openLine.FindStringSubmatch(line)
		if of := formOf.FindStringSubmatch(line); of != nil && form.Version == 0 {
			form.Of = of[1]
			form.Version, _ = strconv.Atoi(of[2]) // beyond an int: not known
		}
		switch {
		case open != nil:
			flush()
			region = &Region{Key: open[1], SHA: open[2]}
		case closeLine.MatchString(line):
			flush()
		case !noteLine.MatchString(line):
			body = append(body, line)
		}
	}
	flush()
	return form, nil
}

// decode makes UTF-8 of what an editor saved. UTF-16 is known by its byte order
// mark; what is no UTF-8 is taken for Latin-1, byte by byte, so that a letter
// stays one.
func decode(text string) string {
	if len(text) > 1 && (text[:2] == "\xff\xfe" || text[:2] == "\xfe\xff") {
		big := text[0] == 0xfe
		units := make([]uint16, 0, len(text)/2)
		for i := 2; i+1 < len(text); i += 2 {
			lo, hi := uint16(text[i]), uint16(text[i+1])
			if big {
				lo, hi = hi, lo
			}
			units = append(units, hi<<8|lo)
		}
		return string(utf16.Decode(units))
	}
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n == 1 {
			r = rune(text[0])
		}
		b.WriteRune(r)
		text = text[n:]
	}
	return b.String()
}

// apart puts fences at the ends of a line that has a person's words too on lines
// of their own. Within a line they are somebody's text.
func apart(text string) string {
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		found := anyFence.FindAllStringIndex(line, -1)
		from, to := 0, len(line)
		for ; len(found) > 0 && blank(line[from:found[0][0]]); found = found[1:] {
			out, from = append(out, line[found[0][0]:found[0][1]]), found[0][1]
		}
		var after []string
		for ; len(found) > 0 && blank(line[found[len(found)-1][1]:to]); found = found[:len(found)-1] {
			last := found[len(found)-1]
			after, to = append(after, line[last[0]:last[1]]), last[0]
		}
		if from == 0 || !blank(line[from:to]) {
			out = append(out, line[from:to])
		}
		slices.Reverse(after)
		out = append(out, after...)
	}
	return strings.Join(out, "\n")
}

// Edit is s after a person edited handed, the version that was given out. If s
// is a later version the edit is merged into it; where two people changed the
// same words both wordings stand (Kept.Conflicts), and where the draft changed
// them the person's do. A section that is gone from the form was removed
// by the person; text that belongs to no section becomes an appendix.
func (s Stored) Edit(handed Stored, form Form, by incident.By) Stored {
	texts, loose := assign(handed, form)
	before := s
	s.Sections = slices.Clone(s.Sections)
	for _, h := range handed.Sections {
		mine, ok := texts[h.Key]
		if ok && (mine.Text == h.Text() || digest(mine.Text) == mine.SHA) {
			continue // untouched, in this version or in an older one
		}
		i := slices.IndexFunc(s.Sections, func(k Kept) bool { return k.Key == h.Key })
		if i < 0 { // a newer template dropped it: the edit brings it back
			i, s.Sections = len(s.Sections), append(s.Sections, Kept{Key: h.Key, Heading: h.Heading})
		}
		s.Sections[i] = s.Sections[i].edit(h, mine.Text, by)
	}
	for _, text := range loose {
		s.Sections = withAppendix(s.Sections, text, by)
	}
	if !sameSections(before.Sections, s.Sections) {
		s = s.signed(by)
	}
	return s
}

// edit gives the section a person's text, which was written over handed.
func (k Kept) edit(handed Kept, mine string, by incident.By) Kept {
	base, theirs, was := handed.Text(), k.Text(), k
	k.Human, k.State, k.EditedBy, k.EditedAt = mine, ByHand, by.Actor, by.At
	switch {
	case theirs == base, theirs == mine:
	case !was.Edited() && !handed.Edited(): // newer facts came, and no other person
		k.Generated = handed.Generated
		k = k.regenerate(was.Generated)
	case was.EditedBy == handed.EditedBy && was.EditedAt.Equal(handed.EditedAt): // the same, into a person's text
		merged, conflict := merge3(lineList(base), lineList(mine), lineList(theirs), nil)
		k.Human, k.State = strings.Join(merged, "\n"), Merged
		if conflict || was.State == NewFacts {
			k.State = NewFacts
		}
	default:
		merged, _ := merge3(lineList(base), lineList(mine), lineList(theirs), bothWordings(by.Actor, cmp.Or(was.EditedBy, "the draft")))
		k.Human, k.State = strings.Join(merged, "\n"), Merged
	}
	if k.Human == k.Generated && k.Generated != "" {
		k = Kept{Key: k.Key, Heading: k.Heading, Generated: k.Generated, State: Untouched}
	}
	return k
}

// assign finds the text of each handed section: by its fence, else by its
// heading wherever that stands. What is left over is returned as loose.
func assign(handed Stored, form Form) (texts map[string]Region, loose []string) {
	texts = map[string]Region{}
	for _, r := range form.Regions {
		_, known := handed.Section(r.Key)
		first, taken := texts[r.Key]
		switch {
		case known && !taken:
			texts[r.Key] = r
		case r.Text != "" && r.Text != first.Text:
			loose = append(loose, r.Text)
		}
	}
	loose = append(loose, form.Loose...)
	var missing []Kept
	for _, k := range handed.Sections {
		if _, ok := texts[k.Key]; !ok && k.Heading != "" {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return texts, loose
	}
	for _, k := range handed.Sections {
		if r, ok := texts[k.Key]; ok {
			rest, found := cut(r.Text, missing)
			r.Text = rest
			texts[k.Key] = r
			loose = append(loose, claim(texts, found)...)
		}
	}
	var left []string
	for _, text := range loose {
		rest, found := cut(text, missing)
		if rest != "" {
			left = append(left, rest)
		}
		left = append(left, claim(texts, found)...)
	}
	return texts, left
}

// claim gives found texts to sections that have none; it returns the others.
func claim(texts map[string]Region, found []Region) (loose []string) {
	for _, r := range found {
		if _, taken := texts[r.Key]; taken {
			loose = append(loose, r.Text)
			continue
		}
		texts[r.Key] = r
	}
	return loose
}

// cut takes the parts of a text that begin with the heading of a missing
// section out of it. Headings within code blocks do not count.
func cut(text string, missing []Kept) (rest string, found []Region) {
	var head []string
	fence := ""
	for _, line := range lineList(text) {
		fence = fenceAfter(fence, line)
		i := slices.IndexFunc(missing, func(k Kept) bool {
			return fence == "" && (strings.TrimSpace(line) == k.Heading || k.Key == "title" && strings.HasPrefix(line, "# "))
		})
		switch {
		case i >= 0:
			found = append(found, Region{Key: missing[i].Key, Text: line})
		case len(found) > 0:
			found[len(found)-1].Text += "\n" + line
		default:
			head = append(head, line)
		}
	}
	for i := range found {
		found[i].Text = tidy(found[i].Text)
	}
	return tidy(strings.Join(head, "\n")), found
}

// withAppendix adds text to the appendix, unless it is there already.
func withAppendix(sections []Kept, text string, by incident.By) []Kept {
	i := slices.IndexFunc(sections, func(k Kept) bool { return k.Key == appendixKey })
	if i < 0 {
		const heading = "## Appendix"
		i, sections = len(sections), append(sections, Kept{Key: appendixKey, Heading: heading})
	}
	if sections[i].Human == "" {
		sections[i].Human = sections[i].Heading
	}
	if k := &sections[i]; !strings.Contains("\n"+k.Human+"\n", "\n"+text+"\n") {
		k.Human += "\n\n" + text
		k.State, k.EditedBy, k.EditedAt = ByHand, by.Actor, by.At
	}
	return sections
}

func sameSections(a, b []Kept) bool {
	return slices.EqualFunc(a, b, func(x, y Kept) bool {
		x.EditedAt, y.EditedAt = x.EditedAt.UTC(), y.EditedAt.UTC()
		return x == y
	})
}
