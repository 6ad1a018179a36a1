package embedded

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/util/annotations"
)

// selection reads match[], start, end and limit. Without start and end it is
// everything the server remembers.
func (s *Server) selection(r *http.Request) (sets [][]*labels.Matcher, q *querier, limit int, err error) {
	if sets, err = s.parser.ParseMetricSelectors(r.Form["match[]"]); err != nil {
		return nil, nil, 0, badParam("match[]", err)
	}
	for _, set := range sets {
		if !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return !m.Matches("") }) {
			return nil, nil, 0, badData(errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	q = &querier{st: s.store, mint: math.MinInt64, maxt: math.MaxInt64}
	for _, p := range []struct {
		name  string
		bound *int64
	}{{"start", &q.mint}, {"end", &q.maxt}} {
		t, err := timeParam(r, p.name, time.Time{})
		if err != nil {
			return nil, nil, 0, err
		}
		if r.Form.Get(p.name) != "" {
			*p.bound = t.UnixMilli()
		}
	}
	limit, err = limitParam(r)
	return sets, q, limit, err
}

func (s *Server) apiSeries(r *http.Request) (answer, error) {
	sets, q, limit, err := s.selection(r)
	if err != nil {
		return answer{}, err
	}
	if len(sets) == 0 {
		return answer{}, badData(errors.New("no match[] parameter provided"))
	}
	seen := map[uint64]bool{}
	found := []labels.Labels{}
	for _, set := range sets {
		q.overlapping(set, func(s *series) {
			if h := s.labels.Hash(); !seen[h] {
				seen[h] = true
				found = append(found, s.labels)
			}
		})
	}
	slices.SortFunc(found, labels.Compare)
	warnings := *annotations.New()
	return answer{data: limited(found, limit, &warnings), warnings: warnings}, nil
}

func (s *Server) apiLabels(r *http.Request) (answer, error) {
	return s.names(r, func(s *series, add func(string)) {
		s.labels.Range(func(l labels.Label) { add(l.Name) })
	})
}

func (s *Server) apiLabelValues(r *http.Request) (answer, error) {
	name := r.PathValue("name")
	if !model.UTF8Validation.IsValidLabelName(name) {
		return answer{}, badData(errors.New("invalid label name: " + name))
	}
	return s.names(r, func(s *series, add func(string)) {
		if v := s.labels.Get(name); v != "" {
			add(v)
		}
	})
}

// names collects strings from every series that the request selects.
func (s *Server) names(r *http.Request, collect func(*series, func(string))) (answer, error) {
	sets, q, limit, err := s.selection(r)
	if err != nil {
		return answer{}, err
	}
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	seen := map[string]bool{}
	for _, set := range sets {
		q.overlapping(set, func(s *series) { collect(s, func(v string) { seen[v] = true }) })
	}
	warnings := *annotations.New()
	return answer{data: limited(sortedKeys(seen), limit, &warnings), warnings: warnings}, nil
}

func (s *Server) apiMetadata(r *http.Request) (answer, error) {
	limit, err := limitParam(r)
	if err != nil {
		return answer{}, err
	}
	all := s.meta.all(r.Form.Get("metric"))
	if limit > 0 {
		for name := range all {
			if len(all) <= limit {
				break
			}
			delete(all, name)
		}
	}
	return answer{data: all}, nil
}

type targetJSON struct {
	Discovered         labels.Labels `json:"discoveredLabels"`
	Labels             labels.Labels `json:"labels"`
	ScrapePool         string        `json:"scrapePool"`
	ScrapeURL          string        `json:"scrapeUrl"`
	GlobalURL          string        `json:"globalUrl"`
	LastError          string        `json:"lastError"`
	LastScrape         time.Time     `json:"lastScrape"`
	LastScrapeDuration float64       `json:"lastScrapeDuration"`
	Health             string        `json:"health"`
	ScrapeInterval     string        `json:"scrapeInterval"`
	ScrapeTimeout      string        `json:"scrapeTimeout"`
}

func (s *Server) apiTargets(r *http.Request) (answer, error) {
	active := []targetJSON{}
	if state := r.Form.Get("state"); state != "dropped" {
		for _, t := range s.active() {
			active = append(active, s.targetJSON(t))
		}
	}
	slices.SortFunc(active, func(a, b targetJSON) int {
		return cmp.Or(cmp.Compare(a.ScrapePool, b.ScrapePool), labels.Compare(a.Labels, b.Labels))
	})
	return answer{data: map[string]any{
		"activeTargets": active, "droppedTargets": []string{}, "droppedTargetCounts": map[string]int{},
	}}, nil
}

func (s *Server) targetJSON(t *target) targetJSON {
	out := targetJSON{
		Discovered: t.labels, Labels: t.labels, ScrapePool: t.labels.Get(model.JobLabel), ScrapeURL: t.url, GlobalURL: t.url,
		Health: "unknown", ScrapeInterval: model.Duration(s.cfg.ScrapeInterval).String(), ScrapeTimeout: model.Duration(s.cfg.ScrapeTimeout).String(),
	}
	if st := t.status.Load(); st != nil {
		out.LastError, out.LastScrape, out.LastScrapeDuration, out.Health = st.err, st.at, st.duration.Seconds(), "down"
		if st.up {
			out.Health = "up"
		}
	}
	return out
}
