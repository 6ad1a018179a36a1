package incident

import (
	"fmt"
	"unicode/utf8"
)

// How much of one event is kept. What is larger belongs into a file that the
// event names; it is refused, never cut.
const (
	MaxText = 1 << 20 // bytes of Text
	MaxData = 4 << 20 // bytes of Data
	MaxName = 4 << 10 // bytes of an actor, a source, a cause
)

// Check says why an event is not one that is kept. Every Timeline asks it of what
// people and other programs bring; what it accepts is kept byte for byte, broken
// UTF-8 too. Evidence and what the ladder says of itself are bounded where they
// are made: neither may stand in the way of a declaration or a page.
func (e Event) Check() error {
	for _, part := range []struct {
		name      string
		size, max int
	}{{"text", len(e.Text), MaxText}, {"data", len(e.Data), MaxData}} {
		if part.size > part.max {
			return fmt.Errorf("the %s of %s has %d bytes, at most %d are kept: put it into a file and say where that is", part.name, e.Kind, part.size, part.max)
		}
	}
	for _, name := range []string{string(e.Actor), e.Source, e.Once} {
		if len(name) > MaxName {
			return fmt.Errorf("the name %s… has %d bytes, at most %d are kept", cut(name, 40), len(name), MaxName)
		}
	}
	return nil
}

// cut is at most n bytes of s, in whole characters.
func cut(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:min(n, len(s))]
}
