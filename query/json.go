package query

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
)

var errJSON = errors.New("broken JSON")

// maxDepth bounds nesting, so that a hostile body cannot exhaust the stack.
const maxDepth = 64

// scanner walks a JSON body once, in place. It exists because range answers
// are nearly all numbers in quotes: read straight into columns they cost a
// tenth of the time and a hundredth of the allocations of a generic decoder.
// After any error the scanner must not be used further.
type scanner struct {
	b      []byte
	i      int
	intern map[string]string // label names and values repeat in every series
}

func newScanner(b []byte) *scanner {
	return &scanner{b: b, intern: map[string]string{}}
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// peek is the next byte that is not space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i >= len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// object calls each for every key; each must consume the value. The key is
// only valid until then.
func (s *scanner) object(each func(key []byte) error) error {
	if !s.take('{') {
		return errJSON
	}
	if s.take('}') {
		return nil
	}
	for {
		key, err := s.text()
		if err != nil {
			return err
		}
		if !s.take(':') {
			return errJSON
		}
		if err := each(key); err != nil {
			return err
		}
		if s.take(',') {
			continue
		}
		if s.take('}') {
			return nil
		}
		return errJSON
	}
}

// array calls each for every element; each must consume it.
func (s *scanner) array(each func() error) error {
	if !s.take('[') {
		return errJSON
	}
	if s.take(']') {
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if s.take(',') {
			continue
		}
		if s.take(']') {
			return nil
		}
		return errJSON
	}
}

// text is the content of a string. Without escapes it is a part of the body.
func (s *scanner) text() ([]byte, error) {
	if !s.take('"') {
		return nil, errJSON
	}
	start, plain := s.i, true
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			raw := s.b[start:s.i]
			s.i++
			if plain {
				return raw, nil
			}
			var out string
			if err := json.Unmarshal(s.b[start-1:s.i], &out); err != nil {
				return nil, errJSON
			}
			return []byte(out), nil
		case c == '\\':
			plain = false
			s.i++
		case c < 0x20:
			return nil, errJSON
		}
	}
	return nil, errJSON
}

// name is a string that is kept: valid UTF-8, one copy a body.
func (s *scanner) name() (string, error) {
	raw, err := s.text()
	if err != nil {
		return "", err
	}
	if kept, ok := s.intern[string(raw)]; ok {
		return kept, nil
	}
	kept := strings.ToValidUTF8(string(raw), "\ufffd")
	if len(s.intern) < 1<<16 {
		s.intern[string(raw)] = kept
	}
	return kept, nil
}

// maybeText is name, with null as the empty string.
func (s *scanner) maybeText() (string, error) {
	if s.peek() == 'n' {
		return "", s.skip(0)
	}
	return s.name()
}

// number is the raw text of a number.
func (s *scanner) number() ([]byte, error) {
	s.space()
	start := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			break
		}
		s.i++
	}
	if s.i == start {
		return nil, errJSON
	}
	return s.b[start:s.i], nil
}

// millis reads Unix seconds with a fraction as exact milliseconds.
func (s *scanner) millis() (int64, error) {
	raw, err := s.number()
	if err != nil {
		return 0, err
	}
	whole, frac, _ := bytes.Cut(raw, []byte{'.'})
	if len(whole) == 0 || len(whole) > 12 || len(frac) > 3 || whole[0] == '-' {
		return slowMillis(raw)
	}
	ms := int64(0)
	for _, c := range whole {
		if c < '0' || c > '9' {
			return slowMillis(raw)
		}
		ms = ms*10 + int64(c-'0')
	}
	for i := range 3 {
		ms *= 10
		if i < len(frac) {
			if frac[i] < '0' || frac[i] > '9' {
				return slowMillis(raw)
			}
			ms += int64(frac[i] - '0')
		}
	}
	return ms, nil
}

func slowMillis(raw []byte) (int64, error) {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f < -1e15 || f > 1e15 {
		return 0, errJSON
	}
	ms := f * 1000
	if ms < 0 {
		return int64(ms - 0.5), nil
	}
	return int64(ms + 0.5), nil
}

// value reads a sample value: a number in quotes, "NaN", "+Inf" or "-Inf".
func (s *scanner) value() (float64, error) {
	raw, err := s.text()
	if err != nil {
		return 0, err
	}
	if v, ok := smallInt(raw); ok {
		return v, nil
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errJSON
	}
	return v, nil
}

// smallInt is the fast path: counters and gauges are mostly short integers.
func smallInt(raw []byte) (float64, bool) {
	if len(raw) == 0 || len(raw) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return float64(n), true
}

// pair reads [ <seconds>, "<value>" ].
func (s *scanner) pair() (ms int64, v float64, err error) {
	if ms, v, ok := s.usualPair(); ok {
		return ms, v, nil
	}
	if !s.take('[') {
		return 0, 0, errJSON
	}
	if ms, err = s.millis(); err != nil {
		return 0, 0, err
	}
	if !s.take(',') {
		return 0, 0, errJSON
	}
	if v, err = s.value(); err != nil {
		return 0, 0, err
	}
	if !s.take(']') {
		return 0, 0, errJSON
	}
	return ms, v, nil
}

// usualPair reads a pair the way that Go's servers write it: no spaces, whole or
// milliseconds, a plain number as the value. Anything else is
// left to pair, from the same place.
func (s *scanner) usualPair() (ms int64, v float64, ok bool) {
	b, i := s.b, s.i
	if i+6 > len(b) || b[i] != '[' {
		return 0, 0, false
	}
	i++
	start := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		ms = ms*10 + int64(b[i]-'0')
	}
	if i == start || i-start > 11 {
		return 0, 0, false
	}
	ms *= 1000
	if i < len(b) && b[i] == '.' {
		i++
		for scale := int64(100); i < len(b) && b[i]-'0' <= 9; i++ {
			if scale == 0 {
				return 0, 0, false
			}
			ms += int64(b[i]-'0') * scale
			scale /= 10
		}
		if b[i-1] == '.' {
			return 0, 0, false
		}
	}
	if i+2 > len(b) || b[i] != ',' || b[i+1] != '"' {
		return 0, 0, false
	}
	i += 2
	v, n := usualNumber(b[i:])
	if i += n; n == 0 || i+2 > len(b) || b[i] != '"' || b[i+1] != ']' {
		return 0, 0, false
	}
	s.i = i + 2
	return ms, v, true
}

// usualNumber reads -12.34 and how long it was; 0 if it is not of that kind. Up to
// 2^53 and with at most 22 places both parts of the division are exact, so that it
// gives the nearest float64 (W. D. Clinger, How to read floating point numbers
// accurately).
func usualNumber(b []byte) (v float64, n int) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		n++
	}
	mantissa, digits, point := int64(0), 0, -1
	for ; n < len(b); n++ {
		switch c := b[n]; {
		case c-'0' <= 9:
			mantissa = mantissa*10 + int64(c-'0')
			if digits++; digits > 18 {
				return longNumber(b)
			}
			continue
		case c == '.' && point < 0 && digits > 0:
			point = digits
			continue
		}
		break
	}
	if digits == 0 || point == digits {
		return 0, 0
	}
	if mantissa > 1<<53 {
		return longNumber(b)
	}
	v = float64(mantissa)
	if point >= 0 {
		v /= math.Pow10(digits - point)
	}
	if negative {
		v = -v
	}
	return v, n
}

// longNumber reads what has too many digits for that.
func longNumber(b []byte) (float64, int) {
	end := bytes.IndexByte(b[:min(len(b), 32)], '"')
	if end < 0 {
		return 0, 0
	}
	for _, c := range b[:end] {
		if c-'0' > 9 && c != '.' && c != '-' && c != '+' && c != 'e' {
			return 0, 0
		}
	}
	v, err := strconv.ParseFloat(string(b[:end]), 64)
	if err != nil {
		return 0, 0
	}
	return v, end
}

// skip passes over any value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return errJSON
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(func([]byte) error { return s.skip(depth + 1) })
	case c == '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case c == '"':
		_, err := s.text()
		return err
	case c == 't' || c == 'f' || c == 'n':
		for _, word := range []string{"true", "false", "null"} {
			if bytes.HasPrefix(s.b[s.i:], []byte(word)) {
				s.i += len(word)
				return nil
			}
		}
		return errJSON
	default:
		_, err := s.number()
		return err
	}
}
