package main

import (
	"context"
	"time"
)

// complaint says what is wrong, and only once as long as nothing else is. It
// belongs to one goroutine.
type complaint struct {
	problem func(string)
	solved  func(string) // takes back what was said, once it is no more; nil: it cannot be
	last    string
}

func (c *complaint) say(text string) {
	if text == c.last {
		return
	}
	if c.last != "" && c.solved != nil {
		c.solved(c.last)
	}
	if text != "" {
		c.problem(text)
	}
	c.last = text
}

// pauseFor waits, or answers with the error of ctx.
func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
