package slack

import (
	"context"

	"github.com/sitrep-dev/sitrep/incident"
)

// DayAnswer is what somebody says to what a game day asks: by a button, which knows the
// drill, the run and the step that it was made for; or by a command, which answers what is
// asked now.
type DayAnswer struct {
	Drill     incident.ID
	Run, Step string
	Go        bool
	Note      string
}

// answer gives the answer of by, once.
func (s *Socket) answer(ctx context.Context, once string, by incident.By, a DayAnswer) (said string, err error) {
	return s.Answer(ctx, onceOnly{s.Timeline, once}, by, a)
}

// halt ends a game day in the name of by, once.
func (s *Socket) halt(ctx context.Context, once string, by incident.By, drill incident.ID, why string) (said string, err error) {
	return s.Halt(ctx, onceOnly{s.Timeline, once}, by, drill, why)
}
