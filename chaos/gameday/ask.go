package gameday

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sitrep-dev/sitrep/chaos"
)

// heard says what the answers to a step come to. A no of anybody counts at once; go has to
// be said by everybody who is asked, and without roles by anybody.
func (s StepResult) heard() (decided bool, no *Answer) {
	for i, a := range s.Answers {
		if !a.Go {
			return true, &s.Answers[i]
		}
	}
	return len(s.Answers) > 0 && len(s.Missing()) == 0, nil
}

// asked are the people in the roles that a step asks.
func (d Day) asked(s Step) (who []string) {
	for _, role := range s.Of {
		if person := d.Roles[role]; !slices.Contains(who, person) {
			who = append(who, person)
		}
	}
	return who
}

// ask waits for the answers to a step. Whatever is no go ends the day.
func (w *walk) ask(ctx context.Context, s Step, out *StepResult) {
	asking, enough := context.WithTimeout(ctx, s.Within.D())
	defer enough()
	out.Verdict = chaos.Aborted
	for a := range w.means.Answers(asking, s.ID) {
		out.Answers = append(out.Answers, a)
		switch decided, no := out.heard(); {
		case no != nil:
			out.Reason = no.String()
			w.end(ending{chaos.Aborted, fmt.Sprintf("step %s: %s", s.ID, out.Reason)})
			return
		case decided:
			out.Verdict = chaos.Held
			return
		}
	}
	if stop := stopped(ctx); stop != nil {
		out.Reason = stop.reason
		return
	}
	who := "nobody said go"
	if missing := out.Missing(); len(missing) > 0 {
		who = strings.Join(missing, ", ") + " did not say go"
	}
	out.Reason = fmt.Sprintf("%s within %s", who, s.Within)
	w.end(ending{chaos.Aborted, fmt.Sprintf("step %s: %s", s.ID, out.Reason)})
}
