package postmortem

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/sitrep-dev/sitrep/incident"
	"github.com/sitrep-dev/sitrep/plot"
)

//go:embed page.html
var pageHTML string

// HTML is the post-mortem of inc as one page that needs nothing else: no script, no
// font, no picture from elsewhere, and a policy in its head that lets a browser
// fetch none. HTML that somebody wrote into the text is shown as it was written.
func (s Stored) HTML(inc incident.Incident, shown Gallery) ([]byte, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	p := pageOfText{
		ID: s.ID, Incident: string(s.Incident), Title: printable(s.Title), Severity: plain(string(s.Numbers.Severity)),
		ChartStyle: template.CSS(plot.SVGStyle()),
		Stage:      inc.Review.Stage.String(), Version: s.Version, By: plain(string(s.Author)), At: dayOrNot(s.At), Conflicts: s.Conflicts(),
	}
	for _, n := range []struct {
		name string
		v    *float64
	}{
		{"duration", s.Numbers.Duration},
		{"to detect", s.Numbers.TTD},
		{"to acknowledge", s.Numbers.TTA},
		{"to mitigate", s.Numbers.TTM},
		{"to resolve", s.Numbers.TTR},
	} {
		p.Figures = append(p.Figures, pageFigure{n.name, spanOrNot(n.v)})
	}
	md := markdownHTML()
	for _, k := range s.Sections {
		part, err := sectionHTML(md, k)
		switch {
		case err != nil:
			return nil, fmt.Errorf("export %s as HTML: section %s: %w", s.ID, k.Key, err)
		case part.Body == "":
			continue
		}
		if part.Level == 1 && p.Head == "" && len(p.Parts) == 0 {
			p.Head = part.Body
			continue
		}
		p.Parts = append(p.Parts, part)
	}
	if len(shown.Charts) > 0 {
		at := slices.IndexFunc(p.Parts, func(part pagePart) bool { return ofSignals(part.Key) })
		part := pagePart{Key: "_charts", Name: chartsName, Level: 3, Body: "<h3>" + chartsName + "</h3>\n", Charts: shown.page()}
		if at < 0 {
			at, part.Level, part.Body = len(p.Parts)-1, 2, "<h2>"+chartsName+"</h2>\n"
		}
		p.Parts = slices.Insert(p.Parts, at+1, part)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("export %s as HTML: %w", s.ID, err)
	}
	return out.Bytes(), nil
}

// pageOfText is what page.html draws.
type pageOfText struct {
	ID, Incident, Title, Severity, Stage, By, At string
	Version, Conflicts                           int
	Figures                                      []pageFigure
	Head                                         template.HTML // the section of the title
	Parts                                        []pagePart
	ChartStyle                                   template.CSS
}

type pageFigure struct{ Name, Value string }

// pagePart is a section: a place in the table of contents and what stands there.
type pagePart struct {
	Key, Name string
	Level     int // of its heading; 0 has none
	Body      template.HTML
	Charts    *pageCharts // below the body; nil for none
}

func dayOrNot(t time.Time) string {
	if t.IsZero() {
		return noData
	}
	return day(t)
}

func spanOrNot(seconds *float64) string {
	if seconds == nil {
		return noData
	}
	return span(time.Duration(*seconds * float64(time.Second)))
}

// sectionHTML renders a section by itself, so that a code block that nobody closed
// ends with it. A section that somebody emptied has no body.
func sectionHTML(md goldmark.Markdown, k Kept) (pagePart, error) {
	src := []byte(fencedOff(printable(k.Text())))
	if len(bytes.TrimSpace(src)) == 0 {
		return pagePart{}, nil
	}
	doc := md.Parser().Parse(text.NewReader(src))
	part := pagePart{Key: k.Key, Name: plain(strings.TrimLeft(k.Heading, "# "))}
	if h, ok := doc.FirstChild().(*ast.Heading); ok {
		part.Level, part.Name = h.Level, plain(textOf(h, src))
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, src, doc); err != nil {
		return part, err
	}
	part.Body = template.HTML(out.String()) // every piece was escaped by the renderer
	return part, nil
}

// printable is text without what no page may hold: bytes that are no characters,
// and controls. Line breaks and tabs stay.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' {
			return -1
		}
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// fencedOff gives the lines that fence two wordings a paragraph each: to Markdown
// they would be headings and quotations.
func fencedOff(text string) string {
	if countConflicts(text) == 0 {
		return text
	}
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if conflictLine.MatchString(line) {
			line = "\n" + strings.NewReplacer("<", `\<`, "=", `\=`, ">", `\>`).Replace(line) + "\n"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

var conflictLine = regexp.MustCompile(`^(<{7}|={7}|>{7})( |$)`)

// markdownHTML is the one way from Markdown to HTML: GitHub's, but for what a
// post-mortem that is handed on must not do.
func markdownHTML() goldmark.Markdown {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	md.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(careful{}, 1)))
	return md
}

// careful renders what could run, fetch or lead astray.
type careful struct{}

// RegisterFuncs is renderer.NodeRenderer's.
func (careful) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindLink, renderLink)
	r.Register(ast.KindAutoLink, renderAutoLink)
	r.Register(ast.KindImage, renderImage)
	r.Register(ast.KindRawHTML, renderRawHTML)
	r.Register(ast.KindHTMLBlock, renderHTMLBlock)
	r.Register(ast.KindEmphasis, renderEmphasis)
}

// leadsOn says whether an address may be followed from the page: one of the web, of
// mail, or beside the page. Anything that a browser might run is none.
func leadsOn(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return true
	case "":
		return u.Host == ""
	}
	return false
}

// addressOf is a destination as a browser would get it, character references
// resolved.
func addressOf(destination []byte) string {
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(destination))))
}

func anchor(address string) string {
	return `<a rel="noopener noreferrer" href="` + string(util.EscapeHTML(util.URLEscape([]byte(address), false))) + `">`
}

// spelt is an address that leads nowhere from here, to be read.
func spelt(address string) string {
	return " (<code>" + template.HTMLEscapeString(address) + "</code>)"
}

func renderLink(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	address := addressOf(n.(*ast.Link).Destination)
	switch ok := leadsOn(address); {
	case ok && entering:
		_, _ = w.WriteString(anchor(address)) // a buffer in memory: the error comes with its Flush
	case ok:
		_, _ = w.WriteString("</a>")
	case !entering:
		_, _ = w.WriteString(spelt(address))
	}
	return ast.WalkContinue, nil
}

func renderAutoLink(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	n := node.(*ast.AutoLink)
	address, label := string(n.URL(src)), template.HTMLEscapeString(string(n.Label(src)))
	if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
		address = "mailto:" + address
	}
	if leadsOn(address) {
		label = anchor(address) + label + "</a>"
	}
	_, _ = w.WriteString(label)
	return ast.WalkContinue, nil
}

// inlinePicture is a picture that is in the text itself. SVG is none: it may hold
// scripts.
var inlinePicture = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*$`)

// renderImage shows a picture that is in the text, and leads to one that is
// elsewhere: opening a page tells nobody that it was opened.
func renderImage(w util.BufWriter, src []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	address, alt := addressOf(n.(*ast.Image).Destination), template.HTMLEscapeString(textOf(n, src))
	switch {
	case inlinePicture.MatchString(address):
		_, _ = w.WriteString(`<img alt="` + alt + `" src="` + address + `">`)
	case leadsOn(address):
		_, _ = w.WriteString(anchor(address) + "picture: " + alt + "</a>")
	default:
		_, _ = w.WriteString("picture: " + alt + spelt(address))
	}
	return ast.WalkSkipChildren, nil
}

func renderRawHTML(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		_, _ = w.WriteString(asWritten(string(node.(*ast.RawHTML).Segments.Value(src))))
	}
	return ast.WalkSkipChildren, nil
}

func renderHTMLBlock(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	n := node.(*ast.HTMLBlock)
	block := string(n.Lines().Value(src))
	if n.HasClosure() {
		block += string(n.ClosureLine.Value(src))
	}
	if shown := strings.TrimSpace(asWritten(block)); shown != "" {
		_, _ = w.WriteString("<pre>" + shown + "</pre>\n")
	}
	return ast.WalkSkipChildren, nil
}

var comment = regexp.MustCompile(`(?s)<!--.*?-->`)

// asWritten is HTML to be read. Comments are for whoever edits the text, and in no
// export.
func asWritten(html string) string {
	return template.HTMLEscapeString(comment.ReplaceAllString(html, ""))
}

// renderEmphasis tells the questions of the draft from other words in italics.
func renderEmphasis(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	tag, open := "em", "<em>"
	if n := node.(*ast.Emphasis); n.Level == 2 {
		tag, open = "strong", "<strong>"
	} else if t := textOf(n, src); strings.HasSuffix(t, "?") || t == "owner" || t == "due date" {
		open = `<em class="ask">`
	}
	if !entering {
		open = "</" + tag + ">"
	}
	_, _ = w.WriteString(open)
	return ast.WalkContinue, nil
}

// textOf is the words in a node, without markup.
func textOf(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns none
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(util.UnescapePunctuations(n.Value(src)))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(src))
			}
		}
		return ast.WalkContinue, nil
	})
	return string(util.ResolveEntityNames(util.ResolveNumericReferences([]byte(b.String()))))
}
