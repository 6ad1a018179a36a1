package query

import (
	"strings"
	"unicode/utf8"

	"github.com/prometheus/prometheus/promql/parser"
)

// Wanted is what can be written at a place of an expression.
type Wanted string

// The kinds of words.
const (
	WantNothing    Wanted = ""
	WantExpression Wanted = "expression" // a metric or a function
	WantModifier   Wanted = "modifier"   // by, offset, and, ... after an operand
	WantGrouping   Wanted = "grouping"   // by or without, after sum and its like
	WantLabel      Wanted = "label"
	WantValue      Wanted = "value" // of Label
	WantDuration   Wanted = "duration"
)

// Spot is a place in an expression and what belongs there. From and To are byte
// offsets of the word that a completion replaces; Word is its part before the
// cursor.
type Spot struct {
	Want     Wanted
	Word     string
	From, To int
	InBraces bool     // a label is followed by =, in by (...) it is not
	Quote    byte     // a value stands in these
	Label    string   // whose value is wanted
	Match    []string // selectors of the series that can have the label or the value
	Call     string   // the function whose argument stands here
	Arg      int      // which of its arguments, from 0
}

// mostScanned bounds the text that is looked at for every key.
const mostScanned = 64 << 10

// SpotAt says what may be written at byte offset pos of expr. It never fails: of an
// expression that is broken before pos it says what can still be told.
func SpotAt(expr string, pos int) Spot {
	pos = min(max(pos, 0), len(expr))
	if len(expr) > mostScanned {
		return Spot{From: pos, To: pos}
	}
	sc := prefix{text: expr[:pos]}
	sc.run()
	s := sc.spot()
	s.Call, s.Arg = sc.call()
	s.To = pos
	if s.Want == WantValue {
		s.To = pos + valueEnd(expr[pos:], s.Quote)
	} else if s.Want != WantNothing {
		for s.To < len(expr) && wordByte(expr[s.To]) {
			s.To++
		}
	}
	if s.Want == WantLabel && !s.InBraces {
		s.Match = selectorsOf(expr)
	}
	return s
}

func wordByte(c byte) bool {
	return c == '_' || c == ':' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// valueEnd is where the value that the cursor stands in ends: at its quote, or as
// one of several, if that comes before the braces end.
func valueEnd(rest string, quote byte) int {
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case quote, '|', ')':
			return i
		case ',', '}', '\n':
			return 0
		}
	}
	return 0
}

// opened is a parenthesis, a brace or a bracket that is not closed.
type opened struct {
	kind   parser.ItemType
	owner  parser.Item // what stands before it
	commas int
	from   int // index of its item
}

// prefix reads the text before a cursor by the parser's own lexer.
type prefix struct {
	text  string
	items []parser.Item
	stack []opened
	bad   *parser.Item // where the lexer gave up

	comment bool // the text ends within one
}

func (s *prefix) run() {
	macros := macro.ReplaceAllStringFunc(s.text, func(was string) string { // of the same length: positions stay
		return "1s" + strings.Repeat(" ", max(0, len(was)-2))
	})
	lex := parser.Lex(macros)
	for {
		var it parser.Item
		lex.NextItem(&it)
		switch it.Typ {
		case parser.EOF:
			return
		case parser.ERROR:
			s.bad = &it
			return
		case parser.COMMENT:
			s.comment = int(it.Pos)+len(it.Val) == len(s.text)
			continue
		case parser.LEFT_PAREN, parser.LEFT_BRACE, parser.LEFT_BRACKET:
			o := opened{kind: it.Typ, from: len(s.items)}
			if n := len(s.items); n > 0 {
				o.owner = s.items[n-1]
			}
			s.stack = append(s.stack, o)
		case parser.RIGHT_PAREN, parser.RIGHT_BRACE, parser.RIGHT_BRACKET:
			if n := len(s.stack); n > 0 {
				s.stack = s.stack[:n-1]
			}
		case parser.COMMA:
			if n := len(s.stack); n > 0 {
				s.stack[n-1].commas++
			}
		}
		s.items = append(s.items, it)
	}
}

// word is the word that the text ends with, and the items before it.
func (s *prefix) word() (string, []parser.Item) {
	i := len(s.text)
	for i > 0 && wordByte(s.text[i-1]) {
		i--
	}
	before := s.items
	for len(before) > 0 && int(before[len(before)-1].Pos) >= i {
		before = before[:len(before)-1]
	}
	return s.text[i:], before
}

func (s *prefix) spot() Spot {
	at := len(s.text)
	in := opened{}
	if n := len(s.stack); n > 0 {
		in = s.stack[n-1]
	}
	if s.comment {
		return Spot{From: at}
	}
	if in.kind == parser.LEFT_BRACKET {
		return s.duration()
	}
	if quote, from, open := s.quoted(); open {
		return s.value(in, quote, from)
	}
	word, before := s.word()
	spot := Spot{Word: word, From: at - len(word)}
	var last parser.ItemType
	if n := len(before); n > 0 {
		last = before[n-1].Typ
	}
	switch {
	case strings.HasSuffix(s.text[:at-len(word)], "$"), word != "" && word[0] >= '0' && word[0] <= '9':
	case in.kind == parser.LEFT_BRACE:
		if last == parser.LEFT_BRACE || last == parser.COMMA {
			spot.Want, spot.InBraces, spot.Match = WantLabel, true, s.match(in, before)
		}
	case in.kind == parser.LEFT_PAREN && grouping(in.owner.Typ):
		if last == parser.LEFT_PAREN || last == parser.COMMA {
			spot.Want = WantLabel
		}
	case last.IsAggregator():
		spot.Want = WantGrouping
	case s.operand(before):
		spot.Want = WantModifier
	default:
		spot.Want = WantExpression
	}
	return spot
}

// quoted is the quote that is open at the end of the text, and where its text begins.
func (s *prefix) quoted() (quote byte, from int, open bool) {
	end := 0 // of the last whole item
	if n := len(s.items); n > 0 {
		end = int(s.items[n-1].Pos) + len(s.items[n-1].Val)
	}
	if s.bad == nil || end > len(s.text) {
		return 0, 0, false
	}
	rest := s.text[end:]
	i := len(rest) - len(strings.TrimLeft(rest, " \t\n\r"))
	if i >= len(rest) || !strings.ContainsRune("\"'`", rune(rest[i])) {
		return 0, 0, false
	}
	return rest[i], end + i + 1, true
}

// value is inside of quotes, which are a label's value after an operator of matching.
func (s *prefix) value(in opened, quote byte, from int) Spot {
	spot := Spot{Word: s.text[from:], From: from, Quote: quote}
	n := len(s.items)
	if in.kind != parser.LEFT_BRACE || n < 2 || !matches(s.items[n-1].Typ) || !utf8.ValidString(spot.Word) {
		return spot
	}
	spot.Want, spot.Label = WantValue, unquoted(s.items[n-2])
	spot.Match = s.match(in, s.items[:n-2])
	if t := s.items[n-1].Typ; t == parser.EQL_REGEX || t == parser.NEQ_REGEX { // one of several
		cut := strings.LastIndexAny(spot.Word, "|(") + 1
		spot.Word, spot.From = spot.Word[cut:], spot.From+cut
	}
	return spot
}

func matches(t parser.ItemType) bool {
	return t == parser.EQL || t == parser.NEQ || t == parser.EQL_REGEX || t == parser.NEQ_REGEX
}

func grouping(t parser.ItemType) bool {
	switch t {
	case parser.BY, parser.WITHOUT, parser.ON, parser.IGNORING, parser.GROUP_LEFT, parser.GROUP_RIGHT:
		return true
	}
	return false
}

// operand says that what stands before is one: an operator or a modifier follows.
func (s *prefix) operand(before []parser.Item) bool {
	if len(before) == 0 {
		return false
	}
	switch t := before[len(before)-1].Typ; t {
	case parser.RIGHT_PAREN:
		return !s.afterGrouping(before)
	case parser.RIGHT_BRACE, parser.RIGHT_BRACKET, parser.IDENTIFIER, parser.METRIC_IDENTIFIER, parser.NUMBER, parser.DURATION, parser.STRING:
		return true
	}
	return false
}

// afterGrouping says that the parenthesis that closes last is that of by (...).
func (s *prefix) afterGrouping(before []parser.Item) bool {
	depth := 0
	for i := len(before) - 1; i >= 0; i-- {
		switch before[i].Typ {
		case parser.RIGHT_PAREN:
			depth++
		case parser.LEFT_PAREN:
			if depth--; depth == 0 {
				return i > 0 && grouping(before[i-1].Typ)
			}
		}
	}
	return false
}

func (s *prefix) duration() Spot {
	i := len(s.text)
	for i > 0 && (wordByte(s.text[i-1]) && s.text[i-1] != ':' || s.text[i-1] == '$') {
		i--
	}
	return Spot{Want: WantDuration, Word: s.text[i:], From: i}
}

// match is the selector that the brace belongs to, with the matchers that are whole.
func (s *prefix) match(in opened, before []parser.Item) []string {
	var b strings.Builder
	if name := in.owner; name.Typ == parser.IDENTIFIER || name.Typ == parser.METRIC_IDENTIFIER {
		b.WriteString(name.Val)
	}
	var whole []string
	for i := in.from + 1; i+2 < len(before); i++ {
		if matches(before[i+1].Typ) && before[i+2].Typ == parser.STRING {
			whole = append(whole, before[i].Val+before[i+1].Val+before[i+2].Val)
			i += 2
		}
	}
	if b.Len() == 0 && len(whole) == 0 {
		return nil
	}
	if len(whole) > 0 {
		b.WriteString("{" + strings.Join(whole, ",") + "}")
	}
	if CheckExpr(b.String()) != nil { // {code!=""} alone selects everything, and is refused
		return nil
	}
	return []string{b.String()}
}

// unquoted is a label's name, which may stand in quotes.
func unquoted(it parser.Item) string {
	if it.Typ == parser.STRING && len(it.Val) >= 2 {
		return it.Val[1 : len(it.Val)-1]
	}
	return it.Val
}

// call is the function whose arguments the cursor stands in.
func (s *prefix) call() (name string, arg int) {
	for i := len(s.stack) - 1; i >= 0; i-- {
		o := s.stack[i]
		if o.kind != parser.LEFT_PAREN {
			continue
		}
		switch {
		case o.owner.Typ == parser.IDENTIFIER, o.owner.Typ.IsAggregator():
			return strings.ToLower(o.owner.Val), o.commas
		}
	}
	return "", 0
}

// mostMatched bounds the selectors that a request for names holds.
const mostMatched = 5

// selectorsOf are the metrics that an expression names, whole or not: those whose
// labels are of use in it.
func selectorsOf(expr string) []string {
	s := prefix{text: expr}
	s.run()
	var all []string
	depth, labels := 0, 0 // parentheses, and from which on they hold labels
	for i, it := range s.items {
		next := parser.EOF
		if i+1 < len(s.items) {
			next = int(s.items[i+1].Typ)
		}
		switch it.Typ {
		case parser.LEFT_PAREN, parser.LEFT_BRACE:
			depth++
			if labels == 0 && (it.Typ == parser.LEFT_BRACE || i > 0 && grouping(s.items[i-1].Typ)) {
				labels = depth
			}
		case parser.RIGHT_PAREN, parser.RIGHT_BRACE:
			if labels == depth {
				labels = 0
			}
			depth--
		case parser.IDENTIFIER, parser.METRIC_IDENTIFIER:
			known := parser.Functions[it.Val] != nil && next == parser.LEFT_PAREN
			if labels == 0 && !known && len(all) < mostMatched {
				all = append(all, it.Val)
			}
		}
	}
	return all
}
