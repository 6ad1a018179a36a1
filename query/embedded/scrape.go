package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/timestamp"
)

// Scrape visits every target once and returns when all have answered or failed.
// Every sample is stamped now, unless the endpoint gives a time of its own. It
// also drops what is older than the retention, and writes the server's own
// metrics.
func (s *Server) Scrape(ctx context.Context, now time.Time) {
	var wg sync.WaitGroup
	s.visit(ctx, now, &wg)
	wg.Wait()
}

func (s *Server) visit(ctx context.Context, now time.Time, running *sync.WaitGroup) {
	s.endLeaving(timestamp.FromTime(now))
	s.store.expire(timestamp.FromTime(now.Add(-s.cfg.Retention)))
	s.reportSelf(now)
	for _, t := range s.active() {
		if !t.busy.TryLock() {
			continue // still waiting for the last answer
		}
		running.Go(func() {
			defer t.busy.Unlock()
			s.scrape(ctx, t, now)
		})
	}
}

// scrape fetches and commits one target. When it fails, every series it had is
// ended: old values must not look fresh.
func (s *Server) scrape(ctx context.Context, t *target, now time.Time) {
	start := time.Now()
	at := timestamp.FromTime(now)
	t.turn++
	body, contentType, err := s.fetch(ctx, t.url)
	var p page
	if err == nil {
		p, err = s.parse(t, body, contentType, at)
	}
	if ctx.Err() != nil {
		return // the server stops; that is no news of the target
	}
	batch := p.batch
	if err != nil {
		t.turn++ // nothing of this page counts as seen
		batch = nil
	}
	fresh := len(batch)
	batch = t.ended(batch, at)
	took := time.Since(start)
	done := s.store.commit(batch)
	t.remember(p.raws, batch[:fresh])
	s.report(t, at, took, err == nil, p.scraped, fresh-done.refused, done.added)
	t.status.Store(&targetStatus{at: now, duration: took, up: err == nil, err: verdict(err, done, p.histograms, s.cfg.MaxSeries)})
}

// verdict is the last error of a target: why the scrape failed, or what of it
// was left out.
func verdict(err error, done committed, histograms, limit int) string {
	switch {
	case err != nil:
		return err.Error()
	case done.refused > 0:
		return fmt.Sprintf("%d new series refused: the server holds its limit of %d series", done.refused, limit)
	case histograms > 0:
		return fmt.Sprintf("%d native histograms were not stored: only floats are", histograms)
	}
	return ""
}

func (s *Server) fetch(ctx context.Context, url string) (body []byte, contentType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.ScrapeTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.5")
	req.Header.Set("User-Agent", "sitrep (embedded Prometheus)")
	resp, err := s.cfg.Client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("server returned HTTP status %s", resp.Status)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, s.cfg.MaxBody+1))
	if err != nil {
		return nil, "", err
	}
	if int64(len(body)) > s.cfg.MaxBody {
		return nil, "", fmt.Errorf("the answer is longer than %d bytes", s.cfg.MaxBody)
	}
	return body, resp.Header.Get("Content-Type"), nil
}

// page is a parsed answer. raws runs beside batch: how the endpoint writes the
// series, or "" where it gave a time of its own (such series are not ended).
type page struct {
	batch               []sample
	raws                []string
	scraped, histograms int
}

func (s *Server) parse(t *target, body []byte, contentType string, at int64) (page, error) {
	opts := textparse.ParserOptions{}
	if contentType == "" {
		opts.FallbackContentType = "text/plain"
	}
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(), opts)
	if parser == nil {
		return page{}, err
	}
	var p page
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return p, err
		}
		switch entry {
		case textparse.EntrySeries:
			if err := p.add(t, parser, at); err != nil {
				return p, err
			}
		case textparse.EntryHistogram:
			p.histograms++
		case textparse.EntryType:
			name, kind := parser.Type()
			s.meta.set(name, func(m *meta) { m.Type = string(kind) })
		case textparse.EntryHelp:
			name, help := parser.Help()
			s.meta.set(name, func(m *meta) { m.Help = string(help) })
		case textparse.EntryUnit:
			name, unit := parser.Unit()
			s.meta.set(name, func(m *meta) { m.Unit = string(unit) })
		}
	}
}

func (p *page) add(t *target, parser textparse.Parser, at int64) error {
	raw, own, v := parser.Series()
	p.scraped++
	smp := sample{t: at, v: v}
	if own != nil {
		smp.t = *own
	}
	known := t.cache[string(raw)]
	if known != nil {
		smp.ref = known.series
		known.turn = t.turn
	} else {
		var scraped labels.Labels
		parser.Labels(&scraped)
		if !scraped.IsValid(model.UTF8Validation) {
			return fmt.Errorf("series %q has a label that is not UTF-8", raw)
		}
		smp.labels = t.merge(scraped)
	}
	name := ""
	if own == nil {
		name = string(raw)
	}
	p.batch, p.raws = append(p.batch, smp), append(p.raws, name)
	return nil
}

// merge adds the target's labels; a label of the endpoint's with the same name
// is kept as exported_<name>.
func (t *target) merge(scraped labels.Labels) labels.Labels {
	b := labels.NewBuilder(scraped)
	t.labels.Range(func(l labels.Label) {
		if own := scraped.Get(l.Name); own != "" {
			name := "exported_" + l.Name
			for scraped.Has(name) {
				name = "exported_" + name
			}
			b.Set(name, own)
		}
		b.Set(l.Name, l.Value)
	})
	return b.Labels()
}

// remember keeps which series each line of the page was, for the next page.
func (t *target) remember(raws []string, batch []sample) {
	for i, b := range batch {
		if raws[i] == "" || b.ref == nil {
			continue
		}
		if c := t.cache[raws[i]]; c != nil {
			c.series = b.ref
			continue
		}
		t.cache[raws[i]] = &cached{series: b.ref, turn: t.turn}
	}
}
