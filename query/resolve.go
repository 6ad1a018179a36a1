package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
)

// Directory answers what the options of variables are asked for. A Client is one.
type Directory interface {
	LabelValues(ctx context.Context, label string, s Selection) (values, warnings []string, err error)
	LabelNames(ctx context.Context, s Selection) (names, warnings []string, err error)
	Instant(ctx context.Context, expr string, at time.Time) (samples []Sample, warnings []string, err error)
}

// Values are what a person chose, by the names of variables: values of options, or
// AllOptions alone for All. Of variables that are not there the board's own first
// values hold.
type Values map[string][]string

// Offer is a variable at run time: what can be chosen of it, and what is.
type Offer struct {
	Options []Option // without All
	More    bool     // there are more options than are kept
	Chosen  []string // their values, or AllOptions alone
	Err     error    // why the options could not be had; what was chosen before stays
}

// maxOptions is how many options of a variable are kept: more than a person reads,
// or a regular expression should hold.
const maxOptions = 10_000

// resolver finds out what the variables of boards offer and stand for. It
// remembers what it asked, so that a choice asks only for what depends on it.
// It is used by one goroutine at a time.
type resolver struct {
	source func(name string) (Source, error)
	names  []string      // of the sources that a variable may offer
	most   chan struct{} // questions at once
	mu     sync.Mutex
	known  map[string][]string // answers by question
}

func newResolver(sources Sources, most int) *resolver {
	return &resolver{source: sources.Named, names: sources.names(), most: make(chan struct{}, most), known: map[string][]string{}}
}

// forget has everything asked again.
func (r *resolver) forget() { clear(r.known) }

// resolve asks for the options of the board's variables, level by level: those that
// depend on nothing together, then those that depend on them. The offers are those
// of Board.Variables, in their order. It ends early with ctx; what is missing then
// has its error.
func (r *resolver) resolve(ctx context.Context, b *Board, chosen Values, w Window) ([]Offer, Choices) {
	offers, choices := make([]Offer, len(b.Variables)), Choices{}
	order, ring := b.Order()
	for _, level := range b.levels(order) {
		var all sync.WaitGroup
		for _, i := range level {
			v := &b.Variables[i]
			if slices.Contains(ring, v.Name) {
				offers[i].Err = fmt.Errorf("variable %s: %s name each other in a ring; take one of them out of a query", v.Name, strings.Join(ring, ", "))
				continue
			}
			ask := func() { offers[i] = r.offer(ctx, b, v, choices, w) }
			if cap(r.most) == 1 { // in their order
				ask()
				continue
			}
			all.Go(ask)
		}
		all.Wait() // choices were only read
		for _, i := range level {
			v := &b.Variables[i]
			offers[i].Chosen = v.choose(&offers[i], chosen[v.Name])
			choices[v.Name] = v.choice(&offers[i], w.Span)
		}
	}
	return offers, choices
}

// levels are the variables of order in groups: each needs none of its own group.
func (b *Board) levels(order []int) (levels [][]int) {
	level := map[string]int{}
	for _, i := range order {
		at := 0
		for _, n := range b.needs(&b.Variables[i]) {
			if l, ok := level[n]; ok {
				at = max(at, l+1)
			}
		}
		level[b.Variables[i].Name] = at
		for len(levels) <= at {
			levels = append(levels, nil)
		}
		levels[at] = append(levels[at], i)
	}
	return levels
}

// offer is what can be chosen of v, given the variables before it.
func (r *resolver) offer(ctx context.Context, b *Board, v *Variable, choices Choices, w Window) (o Offer) {
	switch v.Type {
	case SourceVariable:
		return v.keep(r.sourcesFor(v), choices)
	case QueryVariable:
	default:
		return Offer{Options: v.options()}
	}
	source, text := choices.Title(b.askedOf(v)), Interpolate(choices.Fill(v.Query), w)
	if name := b.valueless(v.Query+b.askedOf(v), choices); name != "" {
		return Offer{Err: fmt.Errorf("variable %s: it needs %s, which has no value", v.Name, name)}
	}
	found, err := r.ask(ctx, source, text, w)
	if err == nil {
		o = v.keep(found, choices)
	} else {
		o.Err = err
	}
	if o.Err != nil {
		o.Err = fmt.Errorf("variable %s: %w", v.Name, o.Err)
	}
	return o
}

// sourcesFor are the sources that v offers. A pattern made for other names than
// those here keeps none out.
func (r *resolver) sourcesFor(v *Variable) []string {
	pattern, err := regexp.Compile(strings.Trim(v.Regex, "/"))
	if err != nil || !slices.ContainsFunc(r.names, pattern.MatchString) {
		pattern = regexp.MustCompile("")
	}
	return slices.DeleteFunc(slices.Clone(r.names), func(n string) bool { return !pattern.MatchString(n) })
}

// Lacks is the variable that an expression names and that has no value, so that it
// cannot be asked; "" if all have.
func (b *Board) Lacks(expr string, choices Choices) string { return b.valueless(expr, choices) }

// valueless is the first variable that text names and that has no value.
func (b *Board) valueless(text string, choices Choices) string {
	for _, was := range reference.FindAllString(text, -1) {
		name, _ := parseReference(was)
		if slices.ContainsFunc(b.Variables, func(v Variable) bool { return v.Name == name }) && len(choices[name].Values) == 0 {
			return name
		}
	}
	return ""
}

// ask asks a source what text says, or knows it already.
func (r *resolver) ask(ctx context.Context, name, text string, w Window) ([]string, error) {
	// Labels come and go with time: what was found in one hour is not asked again
	// within it, in another window it is.
	key := fmt.Sprintf("%s\x00%s\x00%d\x00%d", name, text, w.End.Truncate(time.Hour).Unix(), w.Span)
	r.mu.Lock()
	found, ok := r.known[key]
	r.mu.Unlock()
	if ok {
		return found, nil
	}
	source, err := r.source(name)
	if err != nil {
		return nil, err
	}
	dir, ok := source.(Directory)
	if !ok {
		return nil, errors.New("its source cannot list labels")
	}
	select {
	case r.most <- struct{}{}:
		defer func() { <-r.most }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if found, err = look(ctx, dir, text, w); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[key] = found
	return found, nil
}

// look asks what the query of a variable asks, in the window.
func look(ctx context.Context, dir Directory, text string, w Window) (found []string, err error) {
	ask, ok := parseLookup(text)
	if !ok {
		return nil, fmt.Errorf("its query %q is none of label_values(metric, label), label_values(label), label_names(), metrics(regex) and query_result(expr)", cut(oneLine(text), maxLegend))
	}
	end := w.End
	if end.IsZero() {
		end = time.Now()
	}
	s := Selection{Start: end.Add(-w.Span), End: end, Limit: maxOptions + 1}
	if ask.match != "" {
		s.Match = []string{ask.match}
	}
	switch ask.kind {
	case "label_names":
		found, _, err = dir.LabelNames(ctx, s)
	case "query_result":
		var samples []Sample
		if samples, _, err = dir.Instant(ctx, ask.arg, end); err == nil {
			found = resultTexts(samples)
		}
	case "metrics":
		var pattern *regexp.Regexp
		if pattern, err = regexp.Compile(ask.arg); err != nil {
			return nil, fmt.Errorf("metrics(%s): %w", cut(oneLine(ask.arg), maxLegend), err)
		}
		s.Limit = 0 // what does not match does not count
		found, _, err = dir.LabelValues(ctx, model.MetricNameLabel, s)
		found = slices.DeleteFunc(found, func(n string) bool { return !pattern.MatchString(n) })
	default:
		found, _, err = dir.LabelValues(ctx, ask.arg, s)
	}
	return found, err
}
