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
func (d Day) heard(s Step, answers []Answer) (decided bool, no *Answer) {
	for i, a := range answers {
		if !a.Go {
			return true, &answers[i]
		}
	}
	return len(answers) > 0 && len(d.missing(s, answers)) == 0, nil
}

// missing are the people who are asked and have not said go.
func (d Day) missing(s Step, answers []Answer) (who []string) {
	for _, role := range s.Of {
		person := d.Roles[role]
		said := slices.ContainsFunc(answers, func(a Answer) bool { return a.Go && a.By == person })
		if !said && !slices.Contains(who, person) {
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
		switch decided, no := w.day.heard(s, out.Answers); {
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
	if missing := w.day.missing(s, out.Answers); len(missing) > 0 {
		who = strings.Join(missing, ", ") + " did not say go"
	}
	out.Reason = fmt.Sprintf("%s within %s", who, s.Within)
	w.end(ending{chaos.Aborted, fmt.Sprintf("step %s: %s", s.ID, out.Reason)})
}
