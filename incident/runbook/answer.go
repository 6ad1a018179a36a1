package runbook

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sitrep-dev/sitrep/incident"
)

// Answer is what Prometheus said to the query of a step.
type Answer struct {
	At     time.Time // when it was asked
	Done   bool      // it has come; until then there is nothing else
	Values []Value   // at most MostValues, the largest first
	More   int       // values beyond those

	Warnings []string // of the server
	Err      string   // why there is none; empty if there is one
}

// Value is one series of an answer, as people read it.
type Value struct {
	Series string  `json:"series"` // the labels that tell it from the others; may be empty
	Text   string  `json:"text"`   // with its unit
	Number float64 `json:"-"`
}

// MostValues is how many series of an answer are kept.
const MostValues = 50

// Sort puts the largest value first, for that is the one that is looked for, and
// keeps so many values as are read. A query that sorts by itself is left alone.
func (a *Answer) Sort(query string) {
	if !ownOrder.MatchString(query) {
		slices.SortStableFunc(a.Values, func(x, y Value) int {
			return cmp.Or(cmp.Compare(y.Number, x.Number), cmp.Compare(x.Series, y.Series)) // what is no number comes last
		})
	}
	kept := min(len(a.Values), MostValues)
	a.More += len(a.Values) - kept
	a.Values = a.Values[:kept]
}

var ownOrder = regexp.MustCompile(`^\s*(sort|sort_desc|sort_by_label|sort_by_label_desc|topk|bottomk)\b`)

// Tick is the record of a step with what its queries answered: with nothing of
// them, unless all were asked and have an answer.
func (s Step) Tick(r Runbook, answers map[string]Answer) incident.Step {
	tick := incident.Step{Runbook: r.Name, Step: s.ID, Text: s.Text}
	var results, queries []string
	var asked time.Time
	for _, q := range s.Queries() {
		a := answers[q.Text]
		if !a.Done || a.Err != "" {
			return tick
		}
		results, queries = append(results, a.Summary()), append(queries, q.Text)
		if asked.IsZero() || a.At.Before(asked) {
			asked = a.At
		}
	}
	tick.Result, tick.Queries, tick.Asked = strings.Join(results, "; "), queries, asked
	return tick
}

// Summary is an answer in a line: what a tick records of it.
func (a Answer) Summary() string {
	const inWords = 4
	switch {
	case !a.Done:
		return ""
	case a.Err != "":
		return "no answer: " + a.Err
	case len(a.Values) == 0:
		return "no data"
	}
	var parts []string
	for _, v := range a.Values[:min(inWords, len(a.Values))] {
		parts = append(parts, strings.TrimSpace(v.Text+" "+v.Series))
	}
	if rest := len(a.Values) + a.More - len(parts); rest > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(parts, ", ")
}
