package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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
	s.keepHouse(now)
	for _, t := range s.active() {
		s.visit(ctx, t, now, &wg)
	}
	wg.Wait()
}

// scrape fetches and commits one target. When it fails, every series it had is
// ended: old values must not look fresh.
func (s *Server) scrape(ctx context.Context, t *target, now time.Time) {
	start := time.Now()
	at := timestamp.FromTime(now)
	how := s.how(t)
	s.store.commit(t.rename(nil, how, at))
	t.turn++
	turn := s.pages.begin()
	defer turn.end()
	body, contentType, err := fetch(ctx, t.url, how, turn)
	var p page
	if err == nil {
		if err = turn.parse(ctx); err == nil {
			p, err = s.parse(t, how, body, contentType, at)
		}
		body = nil
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
	s.store.refuse(p.refused)
	t.remember(p.raws, batch[:fresh])
	s.since.CompareAndSwap(0, at)
	s.report(t, at, took, err == nil, p.scraped, fresh-done.refused, done.added)
	t.status.Store(&targetStatus{at: now, duration: took, up: err == nil, err: p.verdict(err, done, s.cfg.MaxSeries)})
}

// verdict is the last error of a target: why the scrape failed, or what of it
// was left out.
func (p page) verdict(err error, done committed, limit int) string {
	if err != nil {
		return err.Error()
	}
	var left []string
	if n := done.refused + p.refused; n > 0 {
		left = append(left, fmt.Sprintf("%d new series refused: the server holds its limit of %d series or %d KiB of labels", n, limit, limit*usualText>>10))
	}
	if p.broken > 0 {
		left = append(left, fmt.Sprintf("%d native histograms were left out: their buckets contradict their counts, have bounds that no number has, or are more than %d", p.broken, mostBuckets))
	}
	if done.rejected > 0 {
		left = append(left, fmt.Sprintf("%d samples were left out: a series stood twice on the page, or its time went back", done.rejected))
	}
	if p.large > 0 {
		left = append(left, fmt.Sprintf("%d series were left out: more than %d labels or %d KiB of them", p.large, mostLabels, mostText>>10))
	}
	if p.future > 0 {
		left = append(left, fmt.Sprintf("%d samples were left out: their own time is more than %v ahead", p.future, mostAhead))
	}
	return strings.Join(left, "; ")
}

// accepts are the formats that are read. Protobuf is the only one that has native
// histograms; whoever has none to tell mostly answers text.
const accepts = protobuf + ";proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.9," +
	"text/plain;version=0.0.4;q=0.8,application/openmetrics-text;version=1.0.0;q=0.5"

const protobuf = "application/vnd.google.protobuf"

func fetch(ctx context.Context, url string, how Options, turn *pageTurn) (body []byte, contentType string, err error) {
	ctx, cancel := context.WithTimeout(ctx, how.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", accepts)
	req.Header.Set("User-Agent", "sitrep (embedded Prometheus)")
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(how.Timeout.Seconds(), 'f', -1, 64))
	resp, err := how.Client.Do(req) // net/http asks for gzip, and unpacks it
	if err != nil {
		return nil, "", unquoted(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, "", fmt.Errorf("server returned HTTP status %s: the user, password or token is missing or wrong", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("server returned HTTP status %s", resp.Status)
	}
	body, err = turn.read(ctx, io.LimitReader(resp.Body, how.MaxBody+1))
	if errors.Is(err, errCrowded) {
		return nil, "", err
	}
	if err != nil {
		return nil, "", fmt.Errorf("the answer broke off after %d bytes: %w", len(body), err)
	}
	if int64(len(body)) > how.MaxBody {
		return nil, "", fmt.Errorf("the answer is longer than %d bytes", how.MaxBody)
	}
	return body, resp.Header.Get("Content-Type"), nil
}

// unquoted is an error of net/http without the URL, which may hold a token and is
// known anyway.
func unquoted(err error) error {
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		return asked.Err
	}
	return err
}

// mostAhead is how far in the future a sample may lie that has a time of its own:
// what lay further would keep later ones of its series out.
const mostAhead = 10 * time.Minute

// page is a parsed answer. raws runs beside batch: how the endpoint writes the
// series, or "" where it gave a time of its own (such series are not ended).
type page struct {
	batch                          []sample
	raws                           []string
	scraped, broken, future, large int
	room                           int // new series that there may be at the most, as the store has no more
	refused                        int // those beyond
}

func (s *Server) parse(t *target, how Options, body []byte, contentType string, at int64) (page, error) {
	switch kind, _, _ := mime.ParseMediaType(contentType); kind {
	case "text/html":
		return page{}, errors.New("it answered HTML, no metrics: is the path right, or is there a login page in between?")
	}
	// A histogram that is both is stored as both: boards may ask for either.
	opts := textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true}
	if contentType == "" {
		opts.FallbackContentType = "text/plain"
	}
	parser, err := textparse.New(body, contentType, labels.NewSymbolTable(), opts)
	if parser == nil {
		return page{}, err
	}
	p := page{room: s.cfg.MaxSeries}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			if strings.HasPrefix(contentType, protobuf) {
				err = fmt.Errorf("the protobuf cannot be read: %w", err)
			}
			return p, err
		}
		switch entry {
		case textparse.EntrySeries:
			if err := p.add(t, how, parser, at); err != nil {
				return p, err
			}
		case textparse.EntryHistogram:
			if err := p.addHistogram(t, how, parser, at); err != nil {
				return p, err
			}
		case textparse.EntryType:
			name, kind := parser.Type()
			s.meta.set(name, func(m *meta) { m.Type = short([]byte(kind), mostName) })
		case textparse.EntryHelp:
			name, help := parser.Help()
			s.meta.set(name, func(m *meta) { m.Help = short(help, mostHelp) })
		case textparse.EntryUnit:
			name, unit := parser.Unit()
			s.meta.set(name, func(m *meta) { m.Unit = short(unit, mostName) })
		}
	}
}

func (p *page) add(t *target, how Options, parser textparse.Parser, at int64) error {
	raw, own, v := parser.Series()
	return p.take(t, how, parser, raw, own, sample{t: at, v: v})
}

// take adds a sample of the series that is written as raw, at its own time if it has
// one.
func (p *page) take(t *target, how Options, parser textparse.Parser, raw []byte, own *int64, smp sample) error {
	if p.scraped++; p.scraped > mostPage {
		return fmt.Errorf("more than %d samples on one page: is it one of metrics? A federation is asked with a narrower match[]", mostPage)
	}
	if len(raw) > mostText {
		p.large++
		return nil
	}
	at := smp.t
	if how.IgnoreTimestamps {
		own = nil
	}
	if own != nil {
		if smp.t = *own; smp.t > at+mostAhead.Milliseconds() {
			p.future++
			return nil
		}
	}
	known := t.cache[string(raw)]
	if known != nil {
		known.turn = t.turn
		if known.dropped {
			return nil
		}
		smp.ref = known.series
	} else {
		if p.room == 0 { // it costs nothing more
			p.refused++
			return nil
		}
		var scraped labels.Labels
		parser.Labels(&scraped)
		if !scraped.IsValid(model.UTF8Validation) {
			return fmt.Errorf("series %q has a label that is not UTF-8", raw)
		}
		kept, err := false, error(nil)
		if smp.labels, kept, err = t.identity(scraped, how); err != nil {
			p.large++
			return nil
		}
		if !kept {
			t.cache[string(raw)] = &cached{dropped: true, turn: t.turn}
			return nil
		}
		p.room--
	}
	if how.SampleLimit > 0 && len(p.batch) >= how.SampleLimit {
		return fmt.Errorf("more than the sample limit of %d samples: the whole scrape is refused", how.SampleLimit)
	}
	name := ""
	if own == nil {
		name = string(raw)
	}
	p.batch, p.raws = append(p.batch, smp), append(p.raws, name)
	return nil
}

// identity is under which labels a scraped series is stored; false if the target's
// rules drop it, an error if it has more labels than are kept.
func (t *target) identity(scraped labels.Labels, how Options) (_ labels.Labels, kept bool, err error) {
	if scraped.Len() > mostLabels {
		return labels.EmptyLabels(), false, errGrown
	}
	merged := t.merge(scraped, how.HonorLabels)
	if len(how.Relabel) == 0 {
		return merged, true, nil
	}
	b := labels.NewBuilder(merged)
	if keep, err := relabelled(b, how.Relabel); !keep {
		return labels.EmptyLabels(), false, err
	}
	merged = b.Labels()
	return merged, merged.Has(model.MetricNameLabel), nil
}

// merge adds the target's labels. A label of the endpoint's with the same name is
// kept as exported_<name>, or wins where the target honours it.
func (t *target) merge(scraped labels.Labels, honor bool) labels.Labels {
	b := labels.NewBuilder(scraped)
	t.labels.Range(func(l labels.Label) {
		own := scraped.Has(l.Name)
		if honor {
			if !own {
				b.Set(l.Name, l.Value)
			}
			return
		}
		if value := scraped.Get(l.Name); value != "" {
			name := "exported_" + l.Name
			for scraped.Has(name) {
				name = "exported_" + name
			}
			b.Set(name, value)
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
