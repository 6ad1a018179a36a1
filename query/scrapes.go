package query

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// scrapes is how often the jobs of a source are scraped.
type scrapes struct {
	usual time.Duration // of most targets; 0 = unknown
	jobs  map[string]time.Duration
}

// learnPatience is how long a board waits to learn how often is scraped before it
// asks its first queries.
const learnPatience = 500 * time.Millisecond

// needsScrapes reports whether any query of the board depends on it.
func (b *Board) needsScrapes() bool {
	has := func(text string) bool { return strings.Contains(text, "__rate_interval") }
	for i := range b.Panels {
		if slices.ContainsFunc(b.Panels[i].Queries, func(q Query) bool { return has(q.Expr) }) {
			return true
		}
	}
	return slices.ContainsFunc(b.Variables, func(v Variable) bool {
		return has(v.Query) || slices.ContainsFunc(v.Options, func(o Option) bool { return has(o.Value) }) || slices.ContainsFunc(v.Value, has)
	})
}

// learn asks all sources that the poller has for their targets; who does not
// answer soon, or has none, is not in the answer.
func (p *Poller) learn(ctx context.Context) map[string]*scrapes {
	ctx, cancel := context.WithTimeout(ctx, learnPatience)
	defer cancel()
	sources := maps.Clone(p.Sources)
	if sources == nil {
		sources = Sources{}
	}
	if sources[""] == nil {
		sources[""] = p.Source
	}
	var (
		mu  sync.Mutex
		all sync.WaitGroup
	)
	learned := map[string]*scrapes{}
	for name, s := range sources {
		from, ok := s.(interface {
			Targets(ctx context.Context) ([]RawTarget, error)
		})
		if !ok {
			continue
		}
		all.Go(func() {
			if targets, err := from.Targets(ctx); err == nil {
				mu.Lock()
				defer mu.Unlock()
				learned[name] = scrapesOf(targets)
			}
		})
	}
	all.Wait()
	return learned
}

// scrapesOf sums targets up. A job whose targets differ has the longest interval.
func scrapesOf(targets []RawTarget) *scrapes {
	s := &scrapes{jobs: map[string]time.Duration{}}
	count := map[time.Duration]int{}
	for _, t := range targets {
		if t.Interval <= 0 {
			continue
		}
		count[t.Interval]++
		job := t.Labels[model.JobLabel]
		s.jobs[job] = max(s.jobs[job], t.Interval)
	}
	for every, n := range count {
		if n > count[s.usual] || n == count[s.usual] && every > s.usual {
			s.usual = every
		}
	}
	return s
}

// of is the interval of the jobs that an expression selects, the longest of them;
// the usual one where it does not say; 0 if nothing is known.
func (s *scrapes) of(expr string) time.Duration {
	if s == nil {
		return 0
	}
	if !strings.Contains(expr, "__rate_interval") {
		return s.usual
	}
	tree, err := parse(expr)
	if err != nil {
		return s.usual
	}
	var longest time.Duration
	said := false
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		for _, m := range v.LabelMatchers {
			if m.Name == model.JobLabel && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp) {
				said = true
				longest = max(longest, s.selected(m))
			}
		}
		return nil
	})
	if !said || longest == 0 {
		return s.usual
	}
	return longest
}

func (s *scrapes) selected(m *labels.Matcher) (longest time.Duration) {
	for job, every := range s.jobs {
		if m.Matches(job) {
			longest = max(longest, every)
		}
	}
	return longest
}
