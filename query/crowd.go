package query

import (
	"fmt"
	"io"
)

// What one answer that is a list (alerts, rules, targets, silences, names) may
// consist of: a server of ten thousand alerts or rules sends a tenth of it. A value
// costs two bytes on the wire and hundreds here, so that a bound of bytes is none.
const (
	mostObjects = 500_000
	mostMembers = 2_000_000
)

// Crowd counts what a JSON text consists of, piece by piece as it comes.
type Crowd struct {
	Objects, Members int // opened braces and brackets; commas
	text, escaped    bool
}

// Count looks at the next piece.
func (c *Crowd) Count(piece []byte) {
	for _, b := range piece {
		switch {
		case c.escaped:
			c.escaped = false
		case b == '"':
			c.text = !c.text
		case c.text:
			c.escaped = b == '\\'
		case b == '{', b == '[':
			c.Objects++
		case b == ',':
			c.Members++
		}
	}
}

// crowded ends an answer with an error when it consists of too much.
type crowded struct {
	io.ReadCloser
	shown string
	seen  Crowd
}

// Read implements io.Reader.
func (c *crowded) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.seen.Count(p[:n])
	if c.seen.Objects > mostObjects || c.seen.Members > mostMembers {
		return 0, &Error{
			URL: c.shown, Kind: ErrTooLarge,
			Msg: fmt.Sprintf("the answer lists more than %d things: that is no list for a person; is the URL right, or does a rule or a target make one for each request?", min(mostObjects, mostMembers)),
		}
	}
	return n, err
}
