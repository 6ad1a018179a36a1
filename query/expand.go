package query

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// mostRepeats is how many times a panel or row stands for the values of its
// variable; what is left out is said.
const mostRepeats = 12

// repeatsBeside is how many repeated panels stand side by side.
const repeatsBeside = 4

// Shown is what a variable stood for when a board was filled in.
type Shown struct {
	Name  string   `json:"name"`
	Label string   `json:"label,omitempty"`
	Texts []string `json:"texts,omitempty"` // the first of them, see mostShown
	More  int      `json:"more,omitempty"`  // how many there were beside
	Hide  bool     `json:"hide,omitempty"`
}

const mostShown = 20

// Expand is the board with the values of its variables in expressions, titles,
// legends, steps, texts and links, with a panel or row for each value that it
// repeats for, and with the values in Shown. The board itself is not changed.
func (b *Board) Expand(c Choices) *Board { return b.expand(c).board }

// expanded is a filled-in board, and what each of its panels was made from: two
// boards of the same origin have panels of the same keys.
type expanded struct {
	board   *Board
	keys    []string
	missing map[place]string // variables without a value that a query names: it cannot be asked
}

// place is that of a query on a board.
type place struct{ panel, query int }

func (b *Board) expand(c Choices) *expanded {
	if len(b.Variables) == 0 {
		return &expanded{board: b, keys: plainKeys(b)}
	}
	out := *b
	e := &expansion{board: b, all: expanded{board: &out, missing: map[place]string{}}, room: maxPanels - len(b.Panels)}
	out.Title, out.Description = shortly(c, b.Title), shortly(c, b.Description)
	out.Source, out.Links, out.Shown = c.Title(b.Source), linksWith(c, b.Links), b.shown(c)
	out.Panels, out.Rows = nil, nil
	first := len(b.Panels)
	if len(b.Rows) > 0 {
		first = b.Rows[0].From
	}
	e.panels(0, first, c, "")
	for i := range b.Rows {
		e.row(i, c)
	}
	out.Presets = e.presets()
	return &e.all
}

// presets are those of the file, with the titles that its panels have now.
func (e *expansion) presets() []Preset {
	now := map[string][]string{} // titles by the title in the file
	for n, key := range e.all.keys {
		i, _, _ := strings.Cut(key, "\x00")
		at, _ := strconv.Atoi(i) // keyOf wrote it
		was := e.board.Panels[at].Title
		now[was] = append(now[was], e.all.board.Panels[n].Title)
	}
	presets := slices.Clone(e.board.Presets)
	for i := range presets {
		var titles []string
		for _, t := range presets[i].Panels {
			titles = append(titles, now[t]...)
		}
		presets[i].Panels = titles
	}
	return presets
}

// plainKeys are the keys of a board as it stands in the file.
func plainKeys(b *Board) []string {
	keys := make([]string, len(b.Panels))
	for i := range keys {
		keys[i] = keyOf(i, "", "")
	}
	return keys
}

// keyOf is the key of panel i of a file, for the values that its row and it stand for.
func keyOf(i int, row, value string) string { return fmt.Sprintf("%d\x00%s\x00%s", i, row, value) }

// shown is what is told of the values.
func (b *Board) shown(c Choices) (all []Shown) {
	for i := range b.Variables {
		v := &b.Variables[i]
		choice := c[v.Name]
		texts := choice.Texts
		if texts == nil {
			texts = choice.Values
		}
		s := Shown{Name: v.Name, Label: v.Label, Hide: v.Hide || v.Type == ConstantVariable, More: max(len(texts)-mostShown, 0)}
		for _, t := range texts[:len(texts)-s.More] {
			s.Texts = append(s.Texts, cut(t, maxLegend))
		}
		all = append(all, s)
	}
	return all
}

// expansion is the work on one board.
type expansion struct {
	board *Board
	all   expanded
	room  int // panels that there may be beside one for each of the file
}

// row adds row i, once for each of the values that it repeats for.
func (e *expansion) row(i int, c Choices) {
	r := &e.board.Rows[i]
	values, left := e.values(r.Repeat, c, max(r.To-r.From, 1))
	for n, v := range values {
		one, scope := *r, c
		key := ""
		if v != nil {
			scope, key = narrowed(c, r.Repeat, *v), *v
		}
		one.Title = titled(r.Title, r.Repeat, scope, len(values) > 1)
		if n == len(values)-1 {
			one.Title += moreOf(left)
		}
		one.From = len(e.all.board.Panels)
		e.panels(r.From, r.To, scope, key)
		one.To, one.Repeat = len(e.all.board.Panels), ""
		e.all.board.Rows = append(e.all.board.Rows, one)
	}
}

// copies is how a panel of the file is repeated.
type copies struct {
	values []*string // a nil one is the panel itself
	left   int
}

// lines is how many panels stand below each other.
func (r copies) lines() int {
	return (len(r.values) + repeatsBeside - 1) / repeatsBeside
}

// panels adds the file's panels from..to, in their places below each other.
func (e *expansion) panels(from, to int, c Choices, row string) {
	repeats := make([]copies, to-from)
	for i := range repeats {
		repeats[i].values, repeats[i].left = e.values(e.board.Panels[from+i].Repeat, c, 1)
	}
	down := func(place *Place) (rows int) { // by what stands above and became higher
		for i, r := range repeats {
			if above := e.board.Panels[from+i].Place; above != nil && above.Y+above.H <= place.Y {
				rows += (r.lines() - 1) * above.H
			}
		}
		return rows
	}
	for i, r := range repeats {
		first := len(e.all.board.Panels)
		e.panel(from+i, r, c, row)
		place := e.board.Panels[from+i].Place
		if place == nil {
			continue
		}
		same, y := e.all.board.Panels[first:], place.Y+down(place)
		for j := range same {
			at := Place{X: place.X, Y: y, W: place.W, H: place.H}
			if beside := min(len(same), repeatsBeside); beside > 1 {
				at.X, at.W = j%beside*(GridColumns/beside), GridColumns/beside
			}
			at.Y = min(y+j/repeatsBeside*place.H, farthestPlace)
			same[j].Place = &at
		}
	}
}

// panel adds panel i of the file, once for each of its values.
func (e *expansion) panel(i int, r copies, c Choices, row string) {
	p := &e.board.Panels[i]
	for n, v := range r.values {
		scope, key := c, ""
		if v != nil {
			scope, key = narrowed(c, p.Repeat, *v), *v
		}
		for q := range p.Queries {
			if name := e.board.valueless(p.Queries[q].Expr, scope); name != "" {
				e.all.missing[place{len(e.all.keys), q}] = name
			}
		}
		one := filled(p, scope)
		one.Title, one.Repeat = titled(p.Title, p.Repeat, scope, len(r.values) > 1), ""
		if n == len(r.values)-1 {
			one.Title += moreOf(r.left)
		}
		e.add(one, keyOf(i, row, key))
	}
}

func (e *expansion) add(p Panel, key string) {
	e.all.board.Panels, e.all.keys = append(e.all.board.Panels, p), append(e.all.keys, key)
}

// values are those that something of so many panels repeats for, and how many are
// left out. What does not repeat, or by a variable without a value, is there once.
func (e *expansion) values(name string, c Choices, panels int) (values []*string, left int) {
	choice := c[name]
	each := choice.Values
	if choice.Raw {
		each = choice.Each
	}
	if name == "" || len(each) == 0 {
		return []*string{nil}, 0
	}
	n := min(len(each), mostRepeats)
	for n > 1 && (n-1)*panels > e.room {
		n--
	}
	e.room -= (n - 1) * panels
	for i := range n {
		values = append(values, &each[i])
	}
	return values, len(each) - n
}

// narrowed is c with one value of a variable.
func narrowed(c Choices, name, value string) Choices {
	one, was := maps.Clone(c), c[name]
	text := value
	for i, v := range was.Values {
		if v == value && !was.All && len(was.Texts) == len(was.Values) {
			text = was.Texts[i]
		}
	}
	one[name] = Choice{Values: []string{value}, Texts: []string{text}, Many: was.Many}
	return one
}

// titled is the title of one of several: what does not tell them apart by itself
// gets the value.
func titled(title, repeat string, c Choices, several bool) string {
	text := shortly(c, title)
	if several && repeat != "" && text == title {
		text = strings.TrimSpace(text + " " + cut(textForm(c[repeat]), 64))
	}
	return text
}

// moreOf says in the title of the last how many are not there.
func moreOf(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" +%d more", n)
}

// shortly is a text for a line of the screen with its values.
func shortly(c Choices, text string) string {
	filled := c.Title(text)
	if filled == text {
		return text
	}
	return cut(filled, maxLegend)
}

// filled is a panel with the values of c.
func filled(p *Panel, c Choices) Panel {
	one := *p
	one.Description, one.AxisLabel = shortly(c, p.Description), shortly(c, p.AxisLabel)
	one.Source, one.MinStep = c.Title(p.Source), c.Title(p.MinStep)
	one.Links = linksWith(c, p.Links)
	if one.Markdown = c.Title(p.Markdown); one.Markdown != p.Markdown {
		one.Markdown = cut(one.Markdown, maxMarkdown)
	}
	one.Queries = slices.Clone(p.Queries)
	for i := range one.Queries {
		q := &one.Queries[i]
		q.Expr, q.Legend = c.Fill(q.Expr), shortly(c, q.Legend)
		q.MinStep, q.Source = c.Title(q.MinStep), c.Title(q.Source)
	}
	return one
}

// maxMarkdown bounds a text that values were put into, in bytes.
const maxMarkdown = 64 << 10

func linksWith(c Choices, links []Link) []Link {
	out := slices.Clone(links)
	for i, l := range links {
		out[i] = Link{Title: shortly(c, l.Title), URL: c.URL(l.URL)}
	}
	return out
}
