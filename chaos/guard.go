package chaos

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// Guard ends the experiment and undoes its faults. It is not the hypothesis: that
// may be missed without anybody being hurt. It is one of three: a query, which trips
// when AbortWhen has held for For evaluations in a row; an open incident; the loss of
// whoever has started the run.
type Guard struct {
	Name       string              `yaml:"name" json:"name"`
	PromQL     string              `yaml:"promql" json:"promql"`
	AbortWhen  Condition           `yaml:"abort_when" json:"abort_when"`
	Interval   strictyaml.Duration `yaml:"interval" json:"interval"`
	For        int                 `yaml:"for" json:"for"`
	NoData     NoData              `yaml:"no_data" json:"no_data"`
	Reason     string              `yaml:"reason" json:"reason,omitempty"`           // why no data is no breach
	StaleAfter strictyaml.Duration `yaml:"stale_after" json:"stale_after,omitempty"` // older data is none; 0 leaves it to the server
	Incident   string              `yaml:"incident" json:"incident,omitempty"`       // SEV-2: an open incident as bad as that, or worse
	Operator   *Operator           `yaml:"operator" json:"operator,omitempty"`
}

// Operator is how the loss of whoever has started the run is noticed: their terminal
// is asked, and that it answers is passed on.
type Operator struct {
	Every  strictyaml.Duration `yaml:"every" json:"every"`   // default 2 s
	Misses int                 `yaml:"misses" json:"misses"` // in a row; default 3
}

// NoData is what a guard does when its query has no answer.
type NoData string

// Abort counts as a breach (the default), hold keeps the count as it is, ignore
// counts as fine.
const (
	NoDataAbort  NoData = "abort"
	NoDataHold   NoData = "hold"
	NoDataIgnore NoData = "ignore"
)

// UnmarshalYAML accepts the three words.
func (n *NoData) UnmarshalYAML(node ast.Node) error {
	switch v := NoData(scalar(node)); v {
	case NoDataAbort, NoDataHold, NoDataIgnore:
		*n = v
		return nil
	}
	return &yaml.SyntaxError{Message: fmt.Sprintf("%q is not one of abort, hold, ignore", scalar(node)), Token: node.GetToken()}
}

// asks says whether the guard is a query.
func (g Guard) asks() bool { return g.Incident == "" && g.Operator == nil }

// Trips is what ends the run, in words: "> 0.05", "SEV-2 or worse is open".
func (g Guard) Trips() string {
	switch {
	case g.Incident != "":
		return g.Incident + " or worse is open"
	case g.Operator != nil:
		return fmt.Sprintf("the terminal does not answer %d times, once in %s", g.Operator.Misses, g.Operator.Every)
	}
	return g.AbortWhen.String()
}

// defaults completes guard number i.
func (g *Guard) defaults(i int, probes []Probe) {
	switch {
	case g.Incident != "":
		if g.Name == "" {
			g.Name = "incident"
		}
		return
	case g.Operator != nil:
		if g.Name == "" {
			g.Name = "operator"
		}
		if g.Operator.Every == 0 {
			g.Operator.Every = strictyaml.Duration(2 * time.Second)
		}
		if g.Operator.Misses == 0 {
			g.Operator.Misses = 3
		}
		return
	}
	if g.PromQL == "same" && len(probes) > 0 {
		g.PromQL = probes[0].PromQL
		if g.Name == "" {
			g.Name = probes[0].Name
		}
	}
	if g.Name == "" {
		g.Name = fmt.Sprintf("guard %d", i+1)
	}
	if g.Interval == 0 {
		g.Interval = strictyaml.Duration(time.Second)
	}
	if g.For == 0 {
		g.For = 1
	}
	if g.NoData == "" {
		g.NoData = NoDataAbort
	}
}

func (e *Experiment) checkGuards(doc *strictyaml.Doc) error {
	if n := len(e.Guards); n > maxQueries || !slices.ContainsFunc(e.Guards, Guard.asks) {
		return doc.Errorf("guards", "want 1 to %d guards that end the experiment when users are hurt, at least one of them with promql; there are %d", maxQueries, n)
	}
	var wrong []error
	for i, g := range e.Guards {
		at := fmt.Sprintf("guards[%d]", i)
		err := g.checkQuery(doc, at)
		if !g.asks() {
			err = g.checkBuiltin(doc, at)
		}
		if err == nil && g.Operator != nil && e.OnDisconnect == DisconnectContinue {
			err = doc.Errorf(at+".operator", "%s: with on_disconnect: continue nobody needs to be there; leave out one of them", g.Name)
		}
		wrong = append(wrong, err)
	}
	return strictyaml.Join(wrong...)
}

func (g Guard) checkQuery(doc *strictyaml.Doc, at string) error {
	switch {
	case strings.TrimSpace(g.PromQL) == "":
		return doc.Errorf(at+".promql", "%s: no promql", g.Name)
	case g.AbortWhen.Op == "":
		return doc.Errorf(at+".abort_when", "%s: no abort_when; write for example abort_when: \"> 0.05\"", g.Name)
	case g.AbortWhen.OfBaseline:
		return doc.Errorf(at+".abort_when", "%s: a guard compares with a number: what is too much does not depend on how the day began", g.Name)
	case g.Interval.D() < minInterval || g.Interval.D() > time.Minute:
		return doc.Errorf(at+".interval", "%s: an interval of %s; want 250ms to 1m", g.Name, g.Interval)
	case g.For < 1 || g.For > 60:
		return doc.Errorf(at+".for", "%s: for counts evaluations in a row, 1 to 60; this is %d", g.Name, g.For)
	case g.NoData != NoDataAbort && strings.TrimSpace(g.Reason) == "":
		return doc.Errorf(at+".no_data", "%s: no_data: %s lets a blind guard pass; say why in reason:, or leave it out", g.Name, g.NoData)
	case g.StaleAfter != 0 && g.StaleAfter.D() < time.Second:
		return doc.Errorf(at+".stale_after", "%s: no server scrapes so often; want 1s or more", g.Name)
	}
	return nil
}

var severity = regexp.MustCompile(`^SEV-[1-4]$`)

func (g Guard) checkBuiltin(doc *strictyaml.Doc, at string) error {
	for _, key := range []string{"promql", "abort_when", "interval", "for", "no_data", "stale_after", "reason"} {
		if doc.Has(at + "." + key) {
			return doc.Errorf(at+"."+key, "%s: %s is for guards that are queries", g.Name, key)
		}
	}
	switch {
	case g.Incident != "" && g.Operator != nil:
		return doc.Errorf(at, "%s: incident and operator are two guards", g.Name)
	case g.Incident != "" && !severity.MatchString(g.Incident):
		return doc.Errorf(at+".incident", "%q is no severity; want SEV-2, SEV-3 or SEV-4", g.Incident)
	case g.Incident == "SEV-1":
		return doc.Errorf(at+".incident", "SEV-1 is less strict than what is always on: an open SEV-2 ends every run; want SEV-2, SEV-3 or SEV-4")
	case g.Operator != nil && (g.Operator.Every.D() < 500*time.Millisecond || g.Operator.Every.D() > time.Minute):
		return doc.Errorf(at+".operator.every", "%s: every %s; want 500ms to 1m", g.Name, g.Operator.Every)
	case g.Operator != nil && (g.Operator.Misses < 1 || g.Operator.Misses > 20):
		return doc.Errorf(at+".operator.misses", "%s: %d misses; want 1 to 20", g.Name, g.Operator.Misses)
	}
	return nil
}

// Prober answers a PromQL query with one number.
type Prober interface {
	// Probe evaluates promql at a time. ok is false when there is no data; several
	// series are an error, because nobody could say which one is meant. It must
	// return soon after ctx ends and is called from several goroutines.
	Probe(ctx context.Context, promql string, at time.Time) (value float64, ok bool, err error)
}

// Dater is a Prober that knows when that was measured which its answers are made of.
type Dater interface {
	// Measured is the time of the newest sample that promql reads; of several
	// metrics, the time of the one that is furthest behind. ok is false when there is
	// none.
	Measured(ctx context.Context, promql string, at time.Time) (t time.Time, ok bool, err error)
}

// guardCount is a guard's memory: breaches in a row.
type guardCount struct {
	Guard
	row int
}

// step takes one evaluation; nil is no data. It says whether it counts as a
// breach and whether it is the one that ends the run.
func (g *guardCount) step(value *float64) (breached, tripped bool) {
	switch {
	case value != nil:
		breached = g.AbortWhen.Holds(*value)
	case g.NoData == NoDataHold:
		return false, false
	case g.NoData != NoDataIgnore:
		breached = true
	}
	if !breached {
		g.row = 0
		return false, false
	}
	g.row++
	return true, g.row >= g.For
}

// measure asks the prober once, and what it answers with must not be older than stale
// (0: whatever the server takes for current). An error, a timeout and NaN (0/0: no
// requests) are no data; the error says which. An infinity (1/0) becomes the largest
// number, which satisfies the same conditions: JSON has no word for it, and a report
// that cannot be written is lost.
func measure(ctx context.Context, p Prober, promql string, stale, patience time.Duration) (*float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	now := time.Now()
	v, ok, err := p.Probe(ctx, promql, now)
	value := figure(v)
	if err != nil || !ok || value == nil {
		return nil, err
	}
	if stale > 0 {
		if err := current(ctx, p, promql, now, stale); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// figure is a value as JSON can say it: no number is none, and one without an end is the
// greatest that there is.
func figure(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	v = max(-math.MaxFloat64, min(v, math.MaxFloat64))
	return &v
}

// endless says whether a figure was one without an end.
func endless(v float64) bool { return math.Abs(v) >= math.MaxFloat64 }

// current says what is wrong with the age of what a query reads.
func current(ctx context.Context, p Prober, promql string, now time.Time, stale time.Duration) error {
	dater, ok := p.(Dater)
	if !ok {
		return errors.New("nobody here knows how old the data is; leave stale_after out")
	}
	t, ok, err := dater.Measured(ctx, promql, now)
	switch {
	case err != nil:
		return fmt.Errorf("how old the data is: %w", err)
	case !ok:
		return errors.New("no sample says how old the data is")
	case now.Sub(t) > stale:
		return fmt.Errorf("the newest sample is %s old (stale after %s)", strictyaml.FormatDuration(now.Sub(t).Round(time.Second)), strictyaml.FormatDuration(stale))
	}
	return nil
}
